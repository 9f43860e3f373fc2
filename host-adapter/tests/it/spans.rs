//! The span around each call of a component.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::{Arc, Mutex},
};

use adapter_contract::{health, passwords, postgres};
use adapter_telemetry::traces::{InScope as _, Scope};
use tracing::{
    Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    layer::{Context, Layer, SubscriberExt as _},
    registry::LookupSpan,
};

use crate::support::capabilities::Granted;

/// The name and fields of every adapter span, in the order of their creation.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<Span>>>);

#[derive(Clone, Debug, PartialEq)]
struct Span {
    id: Id,
    name: &'static str,
    fields: BTreeMap<&'static str, String>,
}

impl Spans {
    fn last(&self) -> Span {
        self.0
            .lock()
            .expect("spans")
            .last()
            .expect("a span")
            .clone()
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        let name = attributes.metadata().name();
        if !name.starts_with("adapter.") {
            return;
        }
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let fields = fields.0;
        let id = id.clone();
        self.0
            .lock()
            .expect("spans")
            .push(Span { id, name, fields });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        let mut spans = self.0.lock().expect("spans");
        if let Some(span) = spans.iter_mut().find(|span| span.id == *id) {
            span.fields.extend(fields.0);
        }
    }
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

#[tokio::test]
async fn each_call_is_in_a_span_with_its_outcome() {
    let granted = Granted::new("[components.a]\npostgres = true\n").await;
    let adapter = adapter_bindings::adapter(granted.capabilities_of("a"));
    let spans = Spans::default();
    let subscriber = tracing_subscriber::registry().with(spans.clone());
    let _guard = tracing::subscriber::set_default(subscriber);

    let request = Scope::Recorded(tracing::info_span!("request"));
    let calls = async {
        let found = postgres::Functions::fetch(&*adapter, "select 'x'".into(), vec![]).await;
        found.expect("a row");
        assert_last_span(&spans, "adapter.postgres.fetch", "ok");
        let failed = postgres::Functions::execute(&*adapter, "begin".into(), vec![]).await;
        assert!(failed.is_err());
        assert_last_span(&spans, "adapter.postgres.execute", "invalid");
        let denied = passwords::Functions::hash(&*adapter, "correct horse".into(), None).await;
        assert!(matches!(denied, Err(passwords::Error::Denied(_))));
        assert_last_span(&spans, "adapter.passwords.hash", "denied");
        health::Functions::dependencies(&*adapter).await;
        assert_last_span(&spans, "adapter.health.dependencies", "ok");
    };
    calls.in_scope(request).await;
}

/// Asserts the last span's name and fields. Parameters and results must not be among them.
#[track_caller]
fn assert_last_span(spans: &Spans, name: &str, outcome: &str) {
    let Span {
        name: found,
        fields,
        ..
    } = spans.last();
    let mut expected = BTreeMap::from([("component", "a"), ("outcome", outcome)]);
    if outcome != "ok" {
        expected.insert("otel.status_code", "ERROR");
    }
    let expected = expected.into_iter();
    let expected = expected
        .map(|(key, value)| (key, value.to_owned()))
        .collect();
    assert_eq!((found, fields), (name, expected));
}
