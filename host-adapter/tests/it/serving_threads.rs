//! Capabilities on serving threads, which have their own connections to PostgreSQL.

use adapter_capabilities::{
    Capabilities,
    health::{Dependency, State},
    sessions::Error,
};

use crate::support::{capabilities::Granted, cluster, until};

/// A connection that cannot be used fails at once. Another one may take a while on a busy machine.
const SETTINGS: &str = "[components.issuer]\npostgres = true\ntokens = [\"issue\"]\n\
    [health]\ntimeout = \"9s\"\n[postgres]\nacquire_timeout = \"9s\"\n";

/// Runs `work` on a runtime that stops afterwards. Connections that it opened can no longer be used.
async fn on_own_runtime<T: Send + 'static>(work: impl AsyncFnOnce() -> T + Send + 'static) -> T {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime").block_on(work())
    };
    tokio::task::spawn_blocking(run).await.expect("the work")
}

async fn revoke(capabilities: &Capabilities) -> Result<(), Error> {
    let sessions = capabilities.revoked_sessions().map_err(|_| ());
    let sessions = sessions.expect("granted").clone();
    sessions.revoke(vec!["session".to_owned()]).await
}

/// Returns the state of PostgreSQL, and when it last answered.
async fn check_postgres(capabilities: &Capabilities) -> (State, Option<String>) {
    let dependencies = capabilities.health().dependencies().await;
    let is_postgres = |dependency: &Dependency| dependency.name == "postgres";
    let postgres = dependencies.into_iter().find(is_postgres);
    let postgres = postgres.expect("the component uses PostgreSQL");
    (postgres.state, postgres.last_answered)
}

/// Leaves connections for background work behind, which were used just now on a runtime that stopped.
async fn leave_connections(background: &Capabilities) {
    let background = background.clone();
    on_own_runtime(async move || {
        // A connection that an earlier call left behind fails once. The pool then replaces it.
        until("new connections", async || {
            let postgres = background.postgres().ok()?;
            postgres.fetch("select 1".into(), vec![]).await.ok()?;
            revoke(&background).await.ok()
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_thread_does_not_use_connections_of_a_stopped_one() {
    // The server of all tests must not depend on a runtime that stops.
    cluster::database().await;
    let (granted, before) = on_own_runtime(async || {
        let granted = Granted::new(SETTINGS).await;
        let before = check_postgres(&granted.capabilities_of("issuer")).await;
        (granted, before)
    })
    .await;
    assert_eq!(before.0, State::Up);
    let background = granted.capabilities_of("issuer");
    let thread = background.on_thread(0);
    let found = on_own_runtime(async move || {
        leave_connections(&background).await;
        let revoked = revoke(&thread).await;
        // For a second, the result of the first check is reused.
        let checked = until("another check", async || {
            leave_connections(&background).await;
            let found = check_postgres(&thread).await;
            (found != before).then_some(found.0)
        });
        (revoked, checked.await)
    });
    assert_eq!(found.await, (Ok(()), State::Up));
}
