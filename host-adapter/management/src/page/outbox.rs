//! `/outbox`: the messages that wait and those that are not deliverable.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State as Extract},
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};

use super::{message, render, starting};
use crate::{Change, Message, State};

#[derive(Template)]
#[template(path = "outbox.html")]
struct Page {
    active: &'static str,
    error: String,
    dead: Vec<Message>,
    waiting: Vec<Message>,
}

pub(super) async fn page(Extract(state): Extract<Arc<State>>) -> Response {
    let Some((operations, _)) = state.running() else {
        return starting();
    };
    let (messages, error) = match operations.messages().await {
        Ok(messages) => (messages, String::new()),
        Err(error) => (Vec::new(), error),
    };
    let (dead, waiting) = messages.into_iter().partition(|message| message.dead);
    render(&Page {
        active: "/outbox",
        error,
        dead,
        waiting,
    })
}

pub(super) async fn change(
    Extract(state): Extract<Arc<State>>,
    Path((component, id, change)): Path<(String, String, String)>,
) -> Response {
    let change = match change.as_str() {
        "retry" => Change::Retry,
        "discard" => Change::Discard,
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let Some((operations, _)) = state.running() else {
        return starting();
    };
    match operations.change(&component, &id, change).await {
        Ok(true) => Redirect::to("/outbox").into_response(),
        Ok(false) => {
            let text = "The message does not exist any more. Another person or process may have changed it.";
            message(StatusCode::NOT_FOUND, "Unknown message", text)
        }
        Err(error) => message(StatusCode::SERVICE_UNAVAILABLE, "Not changed", &error),
    }
}
