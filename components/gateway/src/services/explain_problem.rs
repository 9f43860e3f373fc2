//! What a kind of problem means.

use std::rc::Rc;

use serde_json::Value;
use service_kit::problem::{Problem, kinds};
use service_kit::{Failure, Result, Shared};

use super::describe_api;
use crate::schemas::ProblemKind;

/// The kinds of problem that services have of their own.
#[derive(Clone)]
struct Own {
    kinds: Rc<[ProblemKind]>,
    /// Whether every service has told its kinds.
    is_complete: bool,
}

thread_local! {
    static OWN: Shared<Own, Failure> = const { Shared::new() };
}

/// The kind called `name`: one that all services share, or one of a service's own.
pub(crate) async fn explain_problem(name: &str) -> Result<ProblemKind> {
    if let Some(kind) = kinds::ALL.iter().find(|kind| kind.name == name) {
        return Ok(kind.into());
    }
    let own = describe_api(&OWN, own).await?;
    match own.kinds.iter().find(|kind| kind.name == name) {
        Some(kind) => Ok(kind.clone()),
        None if !own.is_complete => {
            let cause = format!("the service that explains the problem `{name}` may be down");
            Err(Failure::unavailable(cause).into())
        }
        None => Err(Problem::of(&kinds::NOT_FOUND)),
    }
}

/// Every kind that is known, by name, and the services that are missing.
pub(crate) async fn list_problems() -> Result<Vec<ProblemKind>> {
    let own = describe_api(&OWN, own).await?;
    let mut all: Vec<ProblemKind> = kinds::ALL.iter().map(ProblemKind::from).collect();
    for kind in &*own.kinds {
        if all.iter().all(|known| known.name != kind.name) {
            all.push(kind.clone());
        }
    }
    all.sort_by(|one, other| (one.status, &one.name).cmp(&(other.status, &other.name)));
    Ok(all)
}

fn own(document: &Value) -> Own {
    let kinds = document.get("x-problems").and_then(Value::as_array);
    let kinds = kinds.into_iter().flatten();
    Own {
        kinds: kinds
            .filter_map(|kind| serde_json::from_value(kind.clone()).ok())
            .collect(),
        is_complete: document.get("x-missing").is_none(),
    }
}
