//! The services that a component may call, and unsealed requests to them.

use crate::adapter::dispatch::{self, Error, Request, Response};
use crate::adapter::health::{self, Dependency};
use crate::{Failure, exchange};

/// The kind of a dependency that is a peer; see `wit/health.wit`.
const PEER: &str = "http";

/// The kind of a dependency that is the adapter itself.
const ADAPTER: &str = "host-adapter";

/// Returns the names of the peers that the component is granted.
///
/// # Errors
/// If the adapter does not answer.
pub async fn granted() -> Result<Vec<String>, Failure> {
    names(health::dependencies().await)
}

fn names(dependencies: Vec<Dependency>) -> Result<Vec<String>, Failure> {
    if dependencies.iter().any(|one| one.kind == ADAPTER) {
        return Err(Failure::unavailable("the adapter does not answer"));
    }
    let peers = dependencies.into_iter().filter(|one| one.kind == PEER);
    Ok(peers.map(|peer| peer.name).collect())
}

/// Sends a `GET` request to a public route of a peer, as part of the current request.
///
/// # Errors
/// Those of `dispatch.call`, such as `timeout` after `deadline_milliseconds`.
pub async fn get(peer: &str, path: &str, deadline_milliseconds: u32) -> Result<Response, Error> {
    dispatch::call(Request {
        peer: peer.to_owned(),
        method: "GET".to_owned(),
        path: path.to_owned(),
        body: None,
        sealed: false,
        idempotency_key: None,
        request_id: request_id(),
        deadline_milliseconds: Some(deadline_milliseconds),
    })
    .await
}

/// Returns the id of the current request, so that both services log the same id.
fn request_id() -> Option<String> {
    let exchange = exchange::current()?;
    exchange.request_id.to_str().map(str::to_owned).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::health::State;

    fn dependency(name: &str, kind: &str) -> Dependency {
        Dependency {
            name: name.to_owned(),
            kind: kind.to_owned(),
            state: State::Down,
            needed: false,
            latency_microseconds: None,
            last_answered: None,
        }
    }

    #[test]
    fn peers_are_the_dependencies_that_are_called_by_http() {
        let all = vec![
            dependency("postgres", "postgresql"),
            dependency("user", PEER),
        ];
        assert_eq!(names(all).unwrap(), ["user"]);
        assert_eq!(names(vec![]).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn without_the_adapter_peers_are_unknown() {
        let failure = names(vec![dependency("adapter", ADAPTER)]).unwrap_err();
        assert!(matches!(failure, Failure::Unavailable(_)), "{failure:?}");
    }
}
