//! This machine's clock against the database's.
//!
//! Envelopes and tokens carry times. An envelope of a machine whose clock is ahead by more than
//! `envelopes.clock_skew` is rejected.

use std::time::{Duration, SystemTime};

use super::database::{Database, limited};
use crate::{checks::Finding, config::Settings};

const CHECK: &str = "clock";

/// A difference that clocks with NTP do not have, in seconds.
const SUSPICIOUS: f64 = 1.0;

pub(super) async fn check(database: &mut Database, settings: &Settings) -> Vec<Finding> {
    let query = sqlx::query_scalar("select extract(epoch from clock_timestamp())::float8");
    let before = now();
    let theirs: anyhow::Result<f64> = limited(query.fetch_one(&mut database.connection)).await;
    let ours = (before + now()) / 2.0;
    let finding = match theirs {
        Ok(theirs) => compare(ours - theirs, settings.envelopes.clock_skew),
        Err(error) => {
            let what = format!("the database does not tell the time: {error:#}");
            Finding::warning(CHECK, what, "check the database")
        }
    };
    vec![finding]
}

/// `ahead` is by how many seconds this machine's clock is ahead of the database's.
fn compare(ahead: f64, limit: Duration) -> Finding {
    let direction = if ahead > 0.0 { "ahead of" } else { "behind" };
    let what = format!(
        "this machine's clock is {:.1} s {direction} the database's",
        ahead.abs()
    );
    let fix = "run NTP on both machines, such as systemd-timesyncd";
    if ahead.abs() > limit.as_secs_f64() {
        let limit = limit.as_secs_f64();
        let what = format!("{what}, and `envelopes.clock_skew` allows {limit:.1} s");
        Finding::error(CHECK, what, fix)
    } else if ahead.abs() > SUSPICIOUS {
        Finding::warning(CHECK, what, fix)
    } else {
        Finding::fine(CHECK, "this machine's clock and the database's agree")
    }
}

fn now() -> f64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Level;

    #[test]
    fn a_larger_difference_is_a_worse_finding() {
        let limit = Duration::from_secs(5);
        for (ahead, level) in [
            (0.2, Level::Fine),
            (-2.0, Level::Warning),
            (5.5, Level::Error),
            (-60.0, Level::Error),
        ] {
            let finding = compare(ahead, limit);
            assert_eq!(finding.level, level, "{finding}");
            assert_eq!(finding.fix.is_empty(), level == Level::Fine);
        }
        assert!(compare(-60.0, limit).what.contains("60.0 s behind"));
    }
}
