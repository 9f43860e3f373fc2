//! What a new service adds to `spin.toml` and `adapter.toml`. Everything else in them stays as it is.

use anyhow::Context as _;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, value};

use super::names::Names;
use super::{ANALYTICS, NewService, Store};

/// The route of a service's API.
pub(super) fn route(service: &str) -> String {
    format!("/api/v1/{service}/...")
}

/// The application's manifest with the service: its variable, its routes and its component.
pub(super) fn spin(text: &str, names: &Names) -> anyhow::Result<String> {
    let Names {
        service, plural, ..
    } = names;
    let route = route(service);
    let mut manifest: DocumentMut = text.parse()?;
    let mut token = InlineTable::new();
    token.insert("required", true.into());
    token.insert("secret", true.into());
    table(manifest.as_table_mut(), "variables")?
        .insert(&format!("{plural}_adapter_token"), value(token));
    Ok(format!(
        r#"{manifest}
[[trigger.http]]
route = "{route}"
component = "{service}"

[[trigger.http]]
route = "/services/{service}/..."
component = "{service}"

[component.{service}]
source = "target/wasm32-wasip2/release/{plural}.wasm"
allowed_outbound_hosts = ["{{{{ adapter_url }}}}"]
dependencies."spindle:adapter" = {{ path = "target/wasm32-wasip2/release/adapter_client.wasm", inherit_configuration = ["allowed_outbound_hosts", "variables"] }}

[component.{service}.variables]
adapter_url = "{{{{ adapter_url }}}}"
adapter_token = "{{{{ {plural}_adapter_token }}}}"
adapter_deadline_ms = "{{{{ adapter_deadline_ms }}}}"
production = "{{{{ production }}}}"
log_level = "{{{{ log_level }}}}"
cors_origins = "{{{{ cors_origins }}}}"
"#
    ))
}

/// The settings with the service: its grants, its listener, and the grant to hear it.
pub(super) fn grants(
    text: &str,
    names: &Names,
    service: &NewService<'_>,
    port: u16,
) -> anyhow::Result<String> {
    let mut settings: DocumentMut = text.parse()?;
    let components = table(settings.as_table_mut(), "components")?;
    components.insert(service.name, Item::Table(own(names, service)));
    if service.sends_events {
        hear(components, service.name)?;
    }
    let address = format!("127.0.0.1:{port}");
    table(settings.as_table_mut(), "listen")?.insert(service.name, value(address));
    Ok(settings.to_string())
}

fn own(names: &Names, service: &NewService<'_>) -> Table {
    let list = |name: &str| value(Array::from_iter([name]));
    let mut grants = Table::new();
    match service.store {
        Store::Postgres => grants.insert("postgres", value(true)),
        Store::Documents => grants.insert("collections", list(&names.plural)),
    };
    if service.sends_events {
        grants.insert("peers", list(ANALYTICS));
    }
    grants.insert("tokens", list("verify"));
    grants.insert("envelopes", list("client"));
    grants
}

/// Without this grant, analytics rejects the service's events.
fn hear(components: &mut dyn TableLike, service: &str) -> anyhow::Result<()> {
    let analytics = table(components, ANALYTICS)?;
    let heard = analytics
        .entry("envelopes")
        .or_insert_with(|| value(Array::new()));
    let heard = heard
        .as_array_mut()
        .context("`components.analytics.envelopes` is not a list")?;
    if heard.iter().all(|name| name.as_str() != Some(service)) {
        heard.push(service);
    }
    Ok(())
}

fn table<'a>(parent: &'a mut dyn TableLike, name: &str) -> anyhow::Result<&'a mut dyn TableLike> {
    let table = parent
        .entry(name)
        .or_insert_with(|| Item::Table(Table::new()));
    table
        .as_table_like_mut()
        .with_context(|| format!("`{name}` is not a table"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPIN: &str = include_str!("../../../spin.toml");
    const SETTINGS: &str = include_str!("../../../adapter.toml");

    fn notes(store: Store, sends_events: bool) -> NewService<'static> {
        NewService {
            name: "order-items",
            store,
            sends_events,
            port: None,
        }
    }

    /// The lines that `after` has and `before` has not, and the reverse.
    fn difference<'a>(before: &'a str, after: &'a str) -> (Vec<&'a str>, Vec<&'a str>) {
        let only = |one: &'a str, other: &str| {
            let other: Vec<&str> = other.lines().collect();
            one.lines().filter(|line| !other.contains(line)).collect()
        };
        (only(after, before), only(before, after))
    }

    #[test]
    fn a_service_adds_only_its_own_lines_to_the_manifest() {
        let names = Names::parse("order-items").unwrap();
        let after = spin(SPIN, &names).unwrap();
        let (added, removed) = difference(SPIN, &after);
        assert!(removed.is_empty(), "{removed:#?}");
        assert!(
            added.contains(&"order_items_adapter_token = { required = true, secret = true }"),
            "{added:#?}"
        );
        assert!(added.contains(&"[component.order-items]"), "{added:#?}");
    }

    #[test]
    fn grants_are_written_on_both_sides() {
        let names = Names::parse("order-items").unwrap();
        let after = grants(SETTINGS, &names, &notes(Store::Postgres, true), 8003).unwrap();
        let (added, removed) = difference(SETTINGS, &after);
        assert_eq!(removed, ["envelopes = [\"client\", \"user\"]"]);
        let expected = [
            "envelopes = [\"client\", \"user\", \"order-items\"]",
            "[components.order-items]",
            "peers = [\"analytics\"]",
            "envelopes = [\"client\"]",
            "order-items = \"127.0.0.1:8003\"",
        ];
        assert_eq!(added, expected);
    }

    #[test]
    fn a_service_without_events_has_one_side() {
        let names = Names::parse("order-items").unwrap();
        let after = grants(SETTINGS, &names, &notes(Store::Documents, false), 8003).unwrap();
        let (added, removed) = difference(SETTINGS, &after);
        assert!(removed.is_empty(), "{removed:#?}");
        assert!(
            added.contains(&"collections = [\"order_items\"]"),
            "{added:#?}"
        );
    }
}
