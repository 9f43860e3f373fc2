//! Faults at random, under load, and then a comparison of what was acknowledged with what is there:
//! `./dev torture [FAULTS] [SEED]`.

mod checker;
mod clients;
mod clock;
mod plan;
mod postgres;
mod steps;
mod world;

use std::{collections::BTreeMap, str::FromStr, time::Instant};

use clients::{Clients, Ledger, Logout};
use plan::{Fault, Strike};
use world::World;

/// The number of faults, and the seed. The defaults are a short run, in which every process is killed, the clocks of
/// PostgreSQL and of the applications step ahead, links are cut and stalled, and a process is frozen.
const FAULTS: (&str, u64) = ("TORTURE_FAULTS", 10);
const SEED: (&str, u64) = ("TORTURE_SEED", 1758);

fn setting((name, default): (&str, u64)) -> u64 {
    let value = std::env::var(name).ok().filter(|value| !value.is_empty());
    value.map_or(default, |value| u64::from_str(&value).expect("a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_loses_or_doubles_what_is_acknowledged() {
    let (number, seed) = (setting(FAULTS), setting(SEED));
    println!("seed: {seed}");
    let faults = plan::plan(
        number.try_into().expect("a number"),
        &mut plan::random(seed),
    );
    let mut world = World::start().await;
    let clients = Clients::start(&world.urls(), seed);
    let begin = Instant::now();
    for (done, fault) in faults.iter().enumerate() {
        println!(
            "{:>5.0?} fault {}: {:?} for {:?}",
            begin.elapsed(),
            done + 1,
            fault.strikes,
            fault.lasts
        );
        world.suffer(fault).await;
        if let Some(answer) = clients.ledger.lock().expect("lock").unexpected.first() {
            panic!("an answer that no fault explains: {answer}");
        }
    }
    let ledger = clients.stop().await;
    report(&faults, &ledger, begin);
    checker::check(&world, &ledger).await;
    println!("nothing lost, nothing double, statistics right (seed {seed})");
    world.stop().await;
}

fn report(faults: &[Fault], ledger: &Ledger, begin: Instant) {
    let mut kinds = BTreeMap::<&str, usize>::new();
    for strike in faults.iter().flat_map(|fault| &fault.strikes) {
        let kind = match strike {
            Strike::Kill(_) => "kills",
            Strike::Freeze(_) => "freezes",
            Strike::Cut(_) => "cut links",
            Strike::Stall(_) => "stalled links",
            Strike::Clock(..) => "clock steps",
        };
        *kinds.entry(kind).or_default() += 1;
    }
    println!(
        "faults: {} in {:.0?}, {kinds:?}",
        faults.len(),
        begin.elapsed()
    );
    let logouts = |kind| {
        ledger
            .logins
            .iter()
            .filter(|login| login.logout == kind)
            .count()
    };
    println!(
        "acknowledged: {} registrations, {} logins, {} events, {} logouts; {} logouts unknown",
        ledger.registrations.len(),
        ledger.logins.len(),
        ledger.events.len(),
        logouts(Logout::Acknowledged),
        logouts(Logout::Unknown)
    );
    println!("answers: {:#?}", ledger.answers);
}
