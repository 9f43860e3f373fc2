//! Settings that contradict each other.

use super::*;

#[test]
fn settings_that_contradict_each_other_are_refused() {
    check_refused(
        "[postgres]\nstatement_timeout = \"20s\"",
        &[],
        &[
            "`postgres.statement_timeout` must be shorter than `host.request_timeout` (15s)",
            "`20s`",
        ],
    );
    check_refused(
        "",
        &[("SPINDLE_HEALTH_TIMEOUT", "20s")],
        &["SPINDLE_HEALTH_TIMEOUT (environment): `health.timeout` must be shorter"],
    );
    check_refused(
        "[dispatch]\nbackoff_base = \"2s\"",
        &[],
        &["`dispatch.backoff_base` must be at most `dispatch.backoff_cap` (1s)"],
    );
    check_refused(
        &format!("{GRANTS}[listen]\nuser = \"0.0.0.0:3000\""),
        &[],
        &["`listen.user` is `0.0.0.0:3000`, which `listen.app` takes already"],
    );
    check_refused(
        "[components.user]\npeers = [\"analitics\"]\n[components.analytics]",
        &[],
        &[
            "`components.user.peers` names `analitics`",
            "did you mean `analytics`?",
        ],
    );
    check_refused(
        "[components.user]\nenvelopes = [\"clinet\"]",
        &[],
        &["`components.user.envelopes`", "did you mean `client`?"],
    );
    check_refused(
        "[components.client]\n",
        &[],
        &["`components.client` is a reserved name"],
    );
    check_refused(
        "[migrations]\nskip = [\"user\"]",
        &[],
        &["`user`, which is no component"],
    );
    check_refused(
        "[components.\"../x\"]\n",
        &[],
        &["`components.../x` is not a name"],
    );
}

#[test]
fn production_needs_a_database() {
    let production = ("PRODUCTION", "true");
    let url = "postgres://user:hidden@host/db";
    check_refused(GRANTS, &[production], &["`DATABASE_URL`"]);
    assert!(
        load(GRANTS, &[production, ("DATABASE_URL", url)])
            .unwrap()
            .production
    );
    // A role is no database.
    check_refused(
        GRANTS,
        &[production, ("USER_DATABASE_URL", url)],
        &["`DATABASE_URL`"],
    );
    check_refused(
        GRANTS,
        &[("PRODUCTION", "maybe")],
        &["environment: `PRODUCTION`", "`maybe`"],
    );
    check_refused(
        GRANTS,
        &[("ANALYTICS_DATABASE_URL", url)],
        &["`ANALYTICS_DATABASE_URL`"],
    );
}
