//! Asks a service for information about itself.

use serde::de::DeserializeOwned;
use service_kit::adapter::dispatch::{Error, Response};
use service_kit::peers;

/// Longer than a service checks its own dependencies (`health.timeout`), because one attempt gets four fifths
/// of the deadline.
const DEADLINE_MILLISECONDS: u32 = 4000;

/// Returns the JSON at a public path of a service. The error is the reason, in words for a client.
pub(super) async fn ask_service<T: DeserializeOwned>(
    service: &str,
    path: &str,
) -> Result<T, &'static str> {
    let answer = read(peers::get(service, path, DEADLINE_MILLISECONDS).await);
    if let Err(reason) = answer {
        tracing::warn!(
            service,
            path,
            reason,
            "could not fetch the information of a service"
        );
    }
    answer
}

fn read<T: DeserializeOwned>(answer: Result<Response, Error>) -> Result<T, &'static str> {
    match answer {
        Ok(answer) => serde_json::from_str(&answer.body)
            .map_err(|_| "it answers, but not as a service of this application"),
        Err(Error::Unavailable(_)) => Err("it cannot be reached, or says that it is unhealthy"),
        Err(Error::Timeout) => Err("it does not answer in time"),
        Err(_) => Err("it may not be asked, or its answer cannot be read"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> Result<Vec<u8>, &'static str> {
        let body = body.to_owned();
        read(Ok(Response { status, body }))
    }

    #[test]
    fn an_answer_is_read_as_json() {
        assert_eq!(of(200, "[1, 2]"), Ok(vec![1, 2]));
    }

    #[test]
    fn another_answer_or_none_has_a_reason() {
        assert!(of(404, "{}").is_err());
        assert!(of(200, "").is_err());
        assert!(read::<Vec<u8>>(Err(Error::Timeout)).is_err());
    }
}
