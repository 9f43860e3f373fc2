//! Traces, as a collector receives them.

use opentelemetry_proto::tonic::trace::v1::Span;
use rstest::rstest;
use serde_json::json;

use crate::support::{
    App, Builder, HostMode,
    app::PASSWORD,
    collector::{Collector, attribute},
    until,
};

/// A client's trace and span.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

async fn traced_app(mode: HostMode, collector: &Collector) -> App {
    Builder::new(mode)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url)
        .env("OTEL_BSP_SCHEDULE_DELAY", "100")
        .start()
        .await
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Waits for a span that meets `condition`.
async fn wait_for(collector: &Collector, what: &str, condition: impl Fn(&Span) -> bool) -> Span {
    until(what, async || {
        collector.spans().into_iter().find(|span| condition(span))
    })
    .await
}

/// Waits until `span` is known to be below `ancestor`. The spans between them may be exported later.
async fn wait_until_below(collector: &Collector, span: &Span, ancestor: &Span) {
    let what = format!("`{}` to be below `{}`", span.name, ancestor.name);
    let ancestor = hex(&ancestor.span_id);
    until(&what, async || {
        is_below(&collector.spans(), span, &ancestor).then_some(())
    })
    .await;
}

/// Whether `span` is below a span with the id `ancestor`, in the same process or another.
fn is_below(spans: &[Span], span: &Span, ancestor: &str) -> bool {
    let mut current = span;
    loop {
        if hex(&current.parent_span_id) == ancestor {
            return true;
        }
        match spans
            .iter()
            .find(|other| other.span_id == current.parent_span_id)
        {
            Some(parent) => current = parent,
            None => return false,
        }
    }
}

#[rstest]
#[tokio::test]
async fn a_registration_is_followed_to_the_stored_event(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let collector = Collector::start().await;
    let app = traced_app(mode, &collector).await;
    let body = json!({ "username": "ada", "email": "ada@example.com", "password": PASSWORD });
    app.post("/api/v1/users/register")
        .header("traceparent", &format!("00-{TRACE}-{PARENT}-01"))
        .header("x-request-id", "registration-1")
        .json(&body)
        .send()
        .await
        .expect(201);

    // The client's trace: the component, its calls and their statements.
    let insert = wait_for(&collector, "the insert", |span| {
        span.name == "INSERT" && hex(&span.trace_id) == TRACE
    });
    let insert = insert.await;
    let sql = attribute(&insert, "db.query.text").expect("a statement");
    assert!(sql.contains("insert into") && sql.contains("$1"), "{sql}");
    let request = wait_for(&collector, "the request", |span| {
        hex(&span.parent_span_id) == PARENT && attribute(span, "http.route").is_some()
    });
    let request = request.await;
    assert_eq!(request.name, "POST /api/v1/users/register");
    assert_eq!(attribute(&request, "component").as_deref(), Some("user"));
    assert_eq!(
        attribute(&request, "request_id").as_deref(),
        Some("registration-1")
    );
    assert_eq!(
        attribute(&request, "http.response.status_code").as_deref(),
        Some("201")
    );
    wait_until_below(&collector, &insert, &request).await;
    let call = wait_for(&collector, "the call", |span| {
        span.name == "adapter.postgres.transact"
    });
    wait_until_below(&collector, &call.await, &request).await;

    // The message's trace, linked to the client's: the delivery, the peer, and the stored event.
    let delivery = wait_for(&collector, "the delivery", |span| {
        span.name == "deliver to analytics"
            && span.links.iter().any(|link| hex(&link.trace_id) == TRACE)
    });
    let delivery = delivery.await;
    let stored = wait_for(&collector, "the stored event", |span| {
        span.name == "insert events" && span.trace_id == delivery.trace_id
    });
    let stored = stored.await;
    wait_until_below(&collector, &stored, &delivery).await;

    let texts = format!("{:?}", collector.spans());
    for secret in [PASSWORD, "ada@example.com"] {
        assert!(!texts.contains(secret), "a trace contains `{secret}`");
    }
}

#[tokio::test]
async fn a_sampler_that_is_off_exports_nothing() {
    let collector = Collector::start().await;
    let app = Builder::new(HostMode::Embedded)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url)
        .env("OTEL_TRACES_SAMPLER", "parentbased_always_off")
        .env("OTEL_BSP_SCHEDULE_DELAY", "10")
        .start()
        .await;
    app.register("ada").await.expect(201);
    // This one is sampled by its caller, and is exported after everything before it.
    app.get("/api/v1/users/stats/count")
        .header("traceparent", &format!("00-{TRACE}-{PARENT}-01"))
        .send()
        .await
        .expect(200);
    wait_for(&collector, "the sampled request", |span| {
        hex(&span.parent_span_id) == PARENT
    })
    .await;
    let others = collector
        .spans()
        .into_iter()
        .filter(|span| hex(&span.trace_id) != TRACE);
    assert_eq!(others.count(), 0);
}

#[tokio::test]
async fn an_unknown_sampler_is_ignored_with_a_warning() {
    let app = Builder::new(HostMode::Embedded)
        .env("OTEL_TRACES_SAMPLER", "parentbased_ratio")
        .start()
        .await;
    app.wait_for_log("the warning", |line| {
        line["level"] == "WARNING" && line.to_string().contains("`parentbased_ratio`")
    })
    .await;
}

#[tokio::test]
async fn a_collector_that_is_down_disturbs_nothing() {
    let app = Builder::new(HostMode::Embedded)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
        .start()
        .await;
    app.register("ada").await.expect(201);
    app.wait_for_statistics(1).await;
}

#[rstest]
#[tokio::test]
async fn log_lines_have_the_ids_that_the_client_sees(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    app.get("/api/v1/users/profile")
        .header("x-request-id", "forged-token-1")
        .header("traceparent", &format!("00-{TRACE}-{PARENT}-00"))
        .bearer("forged")
        .send()
        .await
        .expect(401);
    let rejected = app.wait_for_log("the adapter's line", |line| {
        line["message"] == "rejected an access token"
    });
    let line = rejected.await;
    assert_eq!(line["request_id"], "forged-token-1", "{line}");
    assert_eq!(line["trace_id"], TRACE, "{line}");
    assert_eq!(line["component"], "user", "{line}");
}
