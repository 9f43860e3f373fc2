//! Which requests are recorded.
//!
//! The decision is made once, where a request enters. A request that is not recorded costs next to
//! nothing: its spans are not created at all, except the one that gives log lines their ids.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::Position;

/// The decision of this process; none before [`set`], as in a test that calls a crate directly.
static SAMPLER: OnceLock<Sampler> = OnceLock::new();

/// How requests are chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Rule {
    /// As `OTEL_TRACES_SAMPLER` says.
    Ratio {
        /// The share of traces, from 0 to 1.
        ratio: f64,
        /// Whether a caller's decision comes first.
        parent_based: bool,
    },
    /// At most as many a second as the settings say.
    PerSecond,
}

impl Rule {
    /// Reads `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG` (OpenTelemetry 1.42, "General SDK
    /// configuration"). `None` if the first is not known.
    pub(crate) fn from_variables(sampler: &str, argument: Option<&str>) -> Option<Self> {
        let argument = argument.and_then(|text| text.trim().parse().ok());
        let share = argument.map_or(1.0, |share: f64| share.clamp(0.0, 1.0));
        let (ratio, parent_based) = match sampler {
            "always_on" => (1.0, false),
            "always_off" => (0.0, false),
            "traceidratio" => (share, false),
            "parentbased_always_on" => (1.0, true),
            "parentbased_always_off" => (0.0, true),
            "parentbased_traceidratio" => (share, true),
            _ => return None,
        };
        Some(Self::Ratio {
            ratio,
            parent_based,
        })
    }
}

struct Sampler {
    rule: Rule,
    /// Requests a second, for [`Rule::PerSecond`].
    per_second: AtomicU32,
    start: Instant,
    /// The second since `start`, and the requests chosen in it: 32 bits each.
    chosen: AtomicU64,
}

/// Sets the rule of the process. A second call has no effect.
pub(crate) fn set(rule: Rule, per_second: u32) {
    let _ = SAMPLER.set(Sampler::new(rule, per_second));
}

/// Changes how many requests are recorded in a second.
pub(crate) fn set_per_second(per_second: u32) {
    if let Some(sampler) = SAMPLER.get() {
        sampler.per_second.store(per_second, Ordering::Relaxed);
    }
}

/// Whether to record a request with this `position`, whose caller sent it if `remote`.
pub(super) fn is_chosen(position: Position, remote: bool) -> bool {
    SAMPLER
        .get()
        .is_some_and(|sampler| sampler.is_chosen(position, remote))
}

impl Sampler {
    fn new(rule: Rule, per_second: u32) -> Self {
        Self {
            rule,
            per_second: AtomicU32::new(per_second),
            start: Instant::now(),
            chosen: AtomicU64::new(0),
        }
    }

    fn is_chosen(&self, position: Position, remote: bool) -> bool {
        match self.rule {
            Rule::Ratio {
                parent_based: true, ..
            } if remote => position.sampled,
            Rule::Ratio { ratio, .. } => is_in_ratio(position, ratio),
            Rule::PerSecond => {
                let limit = self.per_second.load(Ordering::Relaxed);
                self.is_in_limit(limit, self.start.elapsed())
            }
        }
    }

    fn is_in_limit(&self, limit: u32, elapsed: Duration) -> bool {
        let second = elapsed.as_secs() << 32;
        let mut chosen = self.chosen.load(Ordering::Relaxed);
        loop {
            let (same, count) = (chosen >> 32 == second >> 32, chosen & 0xffff_ffff);
            let next = match same {
                true if count >= u64::from(limit) => return false,
                true => chosen + 1,
                false if limit == 0 => return false,
                false => second | 1,
            };
            match self.chosen.compare_exchange_weak(
                chosen,
                next,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(current) => chosen = current,
            }
        }
    }
}

/// The last 8 bytes of the trace id decide, so that every service of a trace decides the same.
fn is_in_ratio(position: Position, ratio: f64) -> bool {
    let [.., a, b, c, d, e, f, g, h] = position.trace.to_bytes();
    let number = u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> 1;
    #[expect(clippy::cast_precision_loss, reason = "the share need not be exact")]
    let share = number as f64 / (u64::MAX >> 1) as f64;
    share < ratio
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_the_limit_is_chosen_in_each_second() {
        let sampler = Sampler::new(Rule::PerSecond, 3);
        for second in [0, 1, 5] {
            let elapsed = Duration::from_millis(second * 1_000 + 7);
            let chosen = (0..10).filter(|_| sampler.is_in_limit(3, elapsed)).count();
            assert_eq!(chosen, 3, "second {second}");
        }
        assert!(!sampler.is_in_limit(0, Duration::from_secs(9)));
    }

    #[test]
    fn the_standard_variables_are_read() {
        let read = Rule::from_variables;
        let ratio = |ratio, parent_based| {
            Some(Rule::Ratio {
                ratio,
                parent_based,
            })
        };
        assert_eq!(read("always_on", None), ratio(1.0, false));
        assert_eq!(read("traceidratio", Some("0.25")), ratio(0.25, false));
        assert_eq!(
            read("parentbased_traceidratio", Some("7")),
            ratio(1.0, true)
        );
        assert_eq!(read("unknown", None), None);
    }

    #[test]
    fn a_callers_decision_comes_first() {
        let rule = Rule::Ratio {
            ratio: 0.0,
            parent_based: true,
        };
        let parent_based = Sampler::new(rule, 0);
        let caller = Position {
            sampled: true,
            ..Position::random()
        };
        assert!(parent_based.is_chosen(caller, true));
        assert!(!parent_based.is_chosen(caller, false));
    }
}
