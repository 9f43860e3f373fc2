//! Whether a new component works: it must answer its own health route before it gets requests.

use std::{sync::Arc, time::Instant};

use adapter_telemetry::traces::Scope;
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use serde::Deserialize;
use tokio::time::timeout;
use wasmtime_wasi_http::{
    WasiBody,
    handler::{ExpirationError, InstantiationError, TrapOrPanicError},
};

use super::{
    component::{Component, InstanceTemplate},
    request::TracedRequest,
    work::Work,
};

/// The largest answer of a health route, in bytes. It is many times a report with all dependencies.
const MAX_ANSWER: usize = 256 << 10;

const OUT_OF_TIME: &str = "it did not answer in time";

/// The part of a health report that the host reads.
#[derive(Deserialize)]
struct Report {
    version: Option<String>,
}

/// Instantiates the component and requests `/services/<id>/health`, and notes the version in its answer.
///
/// 503 means that a dependency is down. It is an answer of a component that works, so it passes: a
/// database that is down must not prevent the upgrade that copes with it. Any other status that is not a
/// success does not pass. 404 means that the file holds another component.
///
/// # Errors
///
/// Why the component does not work.
pub(super) async fn check(template: &Arc<InstanceTemplate>) -> Result<(), String> {
    let component = Component::in_background(template.clone());
    let limit = template.settings.request_timeout;
    let result = timeout(limit, answer(&component)).await;
    component.retire();
    let report = result.unwrap_or_else(|_| Err(format!("it did not answer within {limit:?}")));
    let report = report.map_err(|reason| format!("`{}`: {reason}", path(&template.id)))?;
    if let Some(version) = report.version {
        // A second check reports the same version.
        let _ = template.version.set(version);
    }
    Ok(())
}

fn path(id: &str) -> String {
    format!("/services/{id}/health")
}

async fn answer(component: &Component) -> Result<Report, String> {
    let body: WasiBody = Empty::<Bytes>::new()
        .map_err(|never| match never {})
        .boxed_unsync();
    let request = Request::get(path(component.id()))
        .header(header::HOST, "localhost")
        .body(body)
        .map_err(|error| error.to_string())?;
    let deadline = Instant::now() + component.template().settings.request_timeout;
    let (work, is_whole) = (Work::default(), true);
    let traced = TracedRequest::new(Scope::Nothing, "health check", work, deadline, is_whole);
    let mut failure = component.template().failure.subscribe();
    match component.handle(request, &traced).await {
        Ok(response) => read(response).await,
        // Several timers end at this moment, and each fails the request in a way of its own.
        Err(_) if Instant::now() >= deadline => Err(OUT_OF_TIME.to_owned()),
        Err(error) if error.is::<TrapOrPanicError>() => {
            // The instance reports its failure after its requests have failed.
            let reason = failure.wait_for(Option::is_some).await;
            let reason = reason.ok().and_then(|reason| reason.clone());
            Err(format!("it failed: {}", reason.unwrap_or_default()))
        }
        Err(error) => Err(describe(&error)),
    }
}

async fn read(response: Response<WasiBody>) -> Result<Report, String> {
    let status = response.status();
    if !status.is_success() && status != StatusCode::SERVICE_UNAVAILABLE {
        return Err(format!("it answered {status}"));
    }
    let body = Limited::new(response.into_body(), MAX_ANSWER);
    let body = body.collect().await.map_err(|error| error.to_string())?;
    // A component that is not made with service-kit may report in another form.
    let report = serde_json::from_slice(&body.to_bytes());
    Ok(report.unwrap_or(Report { version: None }))
}

fn describe(error: &wasmtime::Error) -> String {
    if error.is::<ExpirationError>() {
        return OUT_OF_TIME.to_owned();
    }
    if let Some(error) = error.downcast_ref::<InstantiationError<TracedRequest>>() {
        return format!("it does not start: {}", error.error.root_cause());
    }
    format!("it failed: {}", error.root_cause())
}
