//! Every service and its routes.

use futures_util::future::join_all;
use serde::Deserialize;
use service_kit::answer::Prepared;
use service_kit::description::{Description, health_path, routes_path};
use service_kit::{Answer, Failure, Result, Shared, peers};

use super::ask_service;
use crate::schemas::{Entry, Index};

thread_local! {
    static INDEX: Shared<Prepared<Answer<Index>>, Failure> = const { Shared::new() };
}

/// Returns the description of each service that the gateway is granted as a peer, up to a second old.
/// All are asked concurrently.
pub(crate) async fn list_services() -> Result<Prepared<Answer<Index>>> {
    let index = Shared::read(&INDEX, make_index).await?;
    Ok(Prepared::clone(&index.value))
}

async fn make_index() -> Result<Prepared<Answer<Index>>, Failure> {
    let index = Index {
        name: "spindle",
        version: env!("CARGO_PKG_VERSION"),
        services: ask_all().await?,
    };
    Answer::ok("Services", index).prepare()
}

async fn ask_all() -> Result<Vec<Entry>, Failure> {
    let names = peers::granted().await?;
    let entries = names.into_iter().map(async |name| {
        let answer = ask_service(&name, &routes_path(&name)).await;
        entry(name, answer)
    });
    Ok(join_all(entries).await)
}

/// The success format around a description.
#[derive(Deserialize)]
struct Described {
    data: Description,
}

fn entry(name: String, answer: Result<Described, &'static str>) -> Entry {
    let health = health_path(&name);
    let (version, routes, reason) = match answer {
        Ok(Described { data }) => (Some(data.version), data.routes, None),
        Err(reason) => (None, Vec::new(), Some(reason)),
    };
    Entry {
        name,
        version,
        health,
        routes,
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json, to_value};

    #[test]
    fn an_entry_is_what_the_service_says_about_itself() {
        let route = json!({"method": "GET", "path": "/greetings", "encryption": "optional"});
        let description = json!({"name": "greeter", "version": "1.2.3", "routes": [route]});
        let answer = from_value(json!({"success": true, "data": description}));
        let entry = entry("greeter".to_owned(), Ok(answer.unwrap()));
        let expected = json!({
            "name": "greeter", "version": "1.2.3", "health": "/services/greeter/health",
            "routes": [route],
        });
        assert_eq!(to_value(&entry).unwrap(), expected);
    }

    #[test]
    fn a_service_that_does_not_answer_is_listed_with_the_reason() {
        let entry = entry("greeter".to_owned(), Err("it does not answer in time"));
        assert_eq!((entry.version, entry.routes), (None, vec![]));
        assert_eq!(entry.reason, Some("it does not answer in time"));
    }
}
