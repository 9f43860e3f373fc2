//! What a kind of problem means.

use serde_json::Value;
use service_kit::problem::{Problem, kinds};
use service_kit::{Failure, Result};

use super::describe_api;
use crate::schemas::ProblemKind;

/// The kind called `name`: one that all services share, or one of a service's own.
pub(crate) async fn explain_problem(name: &str) -> Result<ProblemKind> {
    if let Some(kind) = kinds::ALL.iter().find(|kind| kind.name == name) {
        return Ok(kind.into());
    }
    let document = describe_api().await?;
    let mut own = of_services(&document).into_iter();
    match own.find(|kind| kind.name == name) {
        Some(kind) => Ok(kind),
        None if document.get("x-missing").is_some() => {
            let cause = format!("the service that explains the problem `{name}` may be down");
            Err(Failure::unavailable(cause).into())
        }
        None => Err(Problem::of(&kinds::NOT_FOUND)),
    }
}

/// Every kind that is known, by name, and the services that are missing.
pub(crate) async fn list_problems() -> Result<Vec<ProblemKind>> {
    let document = describe_api().await?;
    let mut all: Vec<ProblemKind> = kinds::ALL.iter().map(ProblemKind::from).collect();
    for kind in of_services(&document) {
        if all.iter().all(|known| known.name != kind.name) {
            all.push(kind);
        }
    }
    all.sort_by(|one, other| (one.status, &one.name).cmp(&(other.status, &other.name)));
    Ok(all)
}

fn of_services(document: &Value) -> Vec<ProblemKind> {
    let kinds = document.get("x-problems").and_then(Value::as_array);
    let kinds = kinds.into_iter().flatten();
    kinds
        .filter_map(|kind| serde_json::from_value(kind.clone()).ok())
        .collect()
}
