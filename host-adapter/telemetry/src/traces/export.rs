//! The export to a collector, over OTLP.

use std::time::Duration;

use anyhow::Context as _;
use opentelemetry::KeyValue;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;

/// Time for one export, unless `OTEL_EXPORTER_OTLP_TIMEOUT` says otherwise. OpenTelemetry's default.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The exporter, if `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` or `OTEL_EXPORTER_OTLP_ENDPOINT` is set.
pub(super) fn exporter(
    variable: &dyn Fn(&str) -> Option<String>,
) -> anyhow::Result<Option<SpanExporter>> {
    let Some(endpoint) = endpoint(variable) else {
        return Ok(None);
    };
    let timeout = variable("OTEL_EXPORTER_OTLP_TIMEOUT").and_then(|text| text.parse().ok());
    SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(&endpoint)
        .with_timeout(timeout.map_or(TIMEOUT, Duration::from_millis))
        .build()
        .map(Some)
        .with_context(|| format!("the collector `{endpoint}` of `OTEL_EXPORTER_OTLP_ENDPOINT`"))
}

/// The variable for traces is used as it is; the general one is a base (OTLP exporter
/// specification, "Endpoint URLs for OTLP/HTTP").
fn endpoint(variable: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let given = |name| variable(name).filter(|value| !value.is_empty());
    given("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").or_else(|| {
        let base = given("OTEL_EXPORTER_OTLP_ENDPOINT")?;
        Some(format!("{}/v1/traces", base.trim_end_matches('/')))
    })
}

/// Who sends the traces. `OTEL_RESOURCE_ATTRIBUTES` adds to it.
pub(super) fn resource(variable: &dyn Fn(&str) -> Option<String>) -> Resource {
    let name = variable("OTEL_SERVICE_NAME").unwrap_or_else(|| "spindle".to_owned());
    let attributes = variable("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    let attributes = attributes.split(',').filter_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        Some(KeyValue::new(
            key.trim().to_owned(),
            value.trim().to_owned(),
        ))
    });
    let attributes: Vec<_> = attributes.collect();
    Resource::builder_empty()
        .with_attributes(attributes)
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_service_name(name)
        .build()
}
