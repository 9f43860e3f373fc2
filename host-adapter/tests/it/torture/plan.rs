//! Which faults come when. The same seed and number give the same plan.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _, rngs::Xoshiro256PlusPlus, seq::SliceRandom as _};

/// An algorithm by name, because the generators that `rand` recommends may change with its version.
pub(super) type Random = Xoshiro256PlusPlus;

/// A process that is killed or frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Victim {
    /// `up`, which is also the peer of the other application.
    Embedded,
    /// `up` with composed components, which stands for Spin, and is also the peer of the first application.
    Composed,
    /// `serve`, the adapter of the composed components.
    Adapter,
    Postgres,
    MongoDb,
}

/// A connection between two processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Link {
    EmbeddedToPostgres,
    AdapterToPostgres,
    EmbeddedToMongoDb,
    AdapterToMongoDb,
    /// The first application calls `analytics` of the second one.
    EmbeddedToPeer,
    /// The second application calls `user` of the first one.
    AdapterToPeer,
    ComposedToAdapter,
}

/// Processes that share a clock, as those of one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Machine {
    Embedded,
    /// With the adapter of the composed components.
    Composed,
    Postgres,
}

/// What is done to something. It is undone at the end of the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strike {
    Kill(Victim),
    /// SIGSTOP, and SIGCONT at the end.
    Freeze(Victim),
    /// Connections are closed.
    Cut(Link),
    /// Nothing arrives.
    Stall(Link),
    /// The clock steps by this many minutes, and back at the end.
    Clock(Machine, i32),
}

/// One or two strikes at the same time.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    /// Before it.
    pub(super) pause: Duration,
    pub(super) strikes: Vec<Strike>,
    /// How long it lasts.
    pub(super) lasts: Duration,
}

const VICTIMS: [Victim; 5] = [
    Victim::Embedded,
    Victim::Composed,
    Victim::Adapter,
    Victim::Postgres,
    Victim::MongoDb,
];

pub(super) const LINKS: [Link; 7] = [
    Link::EmbeddedToPostgres,
    Link::AdapterToPostgres,
    Link::EmbeddedToMongoDb,
    Link::AdapterToMongoDb,
    Link::EmbeddedToPeer,
    Link::AdapterToPeer,
    Link::ComposedToAdapter,
];

/// The chance that a fault has two strikes.
const SECOND_STRIKE: f64 = 0.25;

/// A deck of all strikes, with kills twice.
fn deck(random: &mut Random) -> Vec<Strike> {
    let mut deck = Vec::new();
    for victim in VICTIMS {
        deck.extend([
            Strike::Kill(victim),
            Strike::Kill(victim),
            Strike::Freeze(victim),
        ]);
    }
    for link in LINKS {
        deck.extend([Strike::Cut(link), Strike::Stall(link)]);
    }
    for machine in [Machine::Embedded, Machine::Composed, Machine::Postgres] {
        let minutes = random.random_range(1..=180);
        deck.extend([minutes, -minutes].map(|minutes| Strike::Clock(machine, minutes)));
    }
    deck.shuffle(random);
    deck
}

/// Plans `number` faults. Strikes are dealt from a shuffled deck, so that a short run has many kinds.
pub(super) fn plan(number: usize, random: &mut Random) -> Vec<Fault> {
    let mut cards = Vec::new();
    (0..number)
        .map(|_| {
            let mut strikes = vec![deal(&mut cards, random)];
            if random.random_bool(SECOND_STRIKE) {
                let second = deal(&mut cards, random);
                if !conflicts(strikes[0], second) {
                    strikes.push(second);
                }
            }
            let lasts = random.random_range(50..1_000) * random.random_range(1..=4);
            Fault {
                pause: Duration::from_millis(random.random_range(0..500)),
                // Up to more than most limits of time.
                lasts: Duration::from_millis(lasts) + to_notice(&strikes),
                strikes,
            }
        })
        .collect()
}

/// How long it takes until the processes notice what is done to them.
fn to_notice(strikes: &[Strike]) -> Duration {
    let clock = |strike: &Strike| matches!(strike, Strike::Clock(..));
    // They look at the file of the clock once a second.
    Duration::from_secs(u64::from(strikes.iter().any(clock)))
}

fn deal(cards: &mut Vec<Strike>, random: &mut Random) -> Strike {
    loop {
        if let Some(card) = cards.pop() {
            return card;
        }
        *cards = deck(random);
    }
}

/// Whether one undoes what the other did.
fn conflicts(one: Strike, other: Strike) -> bool {
    let victim = |strike| match strike {
        Strike::Kill(victim) | Strike::Freeze(victim) => Some(victim),
        _ => None,
    };
    let link = |strike| match strike {
        Strike::Cut(link) | Strike::Stall(link) => Some(link),
        _ => None,
    };
    let clock = |strike| match strike {
        Strike::Clock(machine, _) => Some(machine),
        _ => None,
    };
    (victim(one).is_some() && victim(one) == victim(other))
        || (link(one).is_some() && link(one) == link(other))
        || (clock(one).is_some() && clock(one) == clock(other))
}

pub(super) fn random(seed: u64) -> Random {
    Random::seed_from_u64(seed)
}
