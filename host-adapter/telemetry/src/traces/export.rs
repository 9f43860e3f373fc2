//! The export to a collector, over OTLP.

use std::{collections::HashMap, time::Duration};

use anyhow::Context as _;
use opentelemetry::KeyValue;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use percent_encoding::percent_decode_str;

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
        .with_headers(headers(variable))
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

/// Headers for the collector, such as its key, from `.env` as well. One for traces replaces a general one.
fn headers(variable: &dyn Fn(&str) -> Option<String>) -> HashMap<String, String> {
    let names = [
        "OTEL_EXPORTER_OTLP_HEADERS",
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    ];
    let texts: Vec<String> = names.into_iter().filter_map(variable).collect();
    texts.iter().flat_map(|text| pairs(text)).collect()
}

/// The pairs of a list such as `key=value,key=value`, in the format of W3C Baggage without properties.
fn pairs(text: &str) -> impl Iterator<Item = (String, String)> {
    text.split(',').filter_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        let value = percent_decode_str(value.trim()).decode_utf8_lossy();
        Some((key.trim().to_owned(), value.into_owned()))
    })
}

/// Who sends the traces. `OTEL_RESOURCE_ATTRIBUTES` adds to it.
pub(super) fn resource(variable: &dyn Fn(&str) -> Option<String>) -> Resource {
    let name = variable("OTEL_SERVICE_NAME").unwrap_or_else(|| "spindle".to_owned());
    let attributes = variable("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    let attributes = pairs(&attributes).map(|(key, value)| KeyValue::new(key, value));
    let attributes: Vec<_> = attributes.collect();
    Resource::builder_empty()
        .with_attributes(attributes)
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_service_name(name)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_for_traces_replace_general_ones() {
        let variable = |name: &str| match name {
            "OTEL_EXPORTER_OTLP_HEADERS" => Some("api-key=general, tenant=a%20b%2".to_owned()),
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS" => Some("api-key=traces==".to_owned()),
            _ => None,
        };
        let headers = headers(&variable);
        assert_eq!(headers["api-key"], "traces==");
        assert_eq!(headers["tenant"], "a b%2");
    }
}
