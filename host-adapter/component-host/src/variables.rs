//! The values of an application's variables, as Spin resolves them: the environment
//! (`SPIN_VARIABLE_NAME`), else the manifest's default.

use std::collections::{BTreeMap, HashMap};

use super::{
    manifest::{Component, Manifest, ManifestError},
    outbound::AllowedHosts,
};

/// Where Spin looks for a variable outside the manifest.
const PREFIX: &str = "SPIN_VARIABLE_";

/// What adapter-client needs and nobody else: where this host takes its place, the component gets
/// none of it, least of all the token.
const CLIENTS_OWN: [&str; 3] = ["adapter_url", "adapter_token", "adapter_deadline_ms"];

/// The application variables that have a value. That a required one has none is an error of whoever
/// uses it.
///
/// `environment` finds an environment variable, `.env` included.
pub(super) fn resolve(
    manifest: &Manifest,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<BTreeMap<String, String>, ManifestError> {
    let mut values = BTreeMap::new();
    for (name, variable) in &manifest.variables {
        let key = format!("{PREFIX}{}", name.to_ascii_uppercase());
        match environment(&key).or_else(|| variable.default.clone()) {
            Some(value) => {
                values.insert(name.clone(), value);
            }
            None if variable.required => {}
            None => {
                return Err(manifest.invalid(format!(
                    "variable `{name}` needs a `default` or `required = true`"
                )));
            }
        }
    }
    Ok(values)
}

/// One component's variables, with the application's put in for `{{ name }}`.
pub(super) fn expand(
    manifest: &Manifest,
    id: &str,
    component: &Component,
    values: &BTreeMap<String, String>,
) -> Result<HashMap<String, String>, ManifestError> {
    let mut expanded = HashMap::new();
    let replaced = component.has_native_dependency();
    for (name, template) in &component.variables {
        if replaced && CLIENTS_OWN.contains(&name.as_str()) {
            continue;
        }
        let value = fill(manifest, template, values).map_err(|problem| {
            manifest.invalid(format!("`component.{id}.variables.{name}`: {problem}"))
        })?;
        expanded.insert(name.clone(), value);
    }
    Ok(expanded)
}

/// The hosts that a component may send requests to. None where they are adapter-client's.
pub(super) fn allowed_hosts(
    manifest: &Manifest,
    id: &str,
    component: &Component,
    values: &BTreeMap<String, String>,
) -> Result<AllowedHosts, ManifestError> {
    if component.has_native_dependency() {
        return Ok(AllowedHosts::default());
    }
    let hosts = component.allowed_outbound_hosts.iter();
    hosts
        .map(|template| fill(manifest, template, values))
        .collect::<Result<Vec<_>, _>>()
        .and_then(|hosts| AllowedHosts::parse(&hosts))
        .map_err(|problem| {
            manifest.invalid(format!(
                "`component.{id}.allowed_outbound_hosts`: {problem}"
            ))
        })
}

fn fill(
    manifest: &Manifest,
    template: &str,
    values: &BTreeMap<String, String>,
) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").ok_or("`{{` without `}}`")?;
        let name = name.trim();
        let value = values.get(name).ok_or_else(|| missing(manifest, name))?;
        filled.push_str(before);
        filled.push_str(value);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn missing(manifest: &Manifest, name: &str) -> String {
    if manifest.variables.contains_key(name) {
        let key = format!("{PREFIX}{}", name.to_ascii_uppercase());
        format!("variable `{name}` is required: set `{key}`")
    } else {
        format!("there is no variable `{name}`")
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn manifest(variables: &str) -> Manifest {
        let text = format!(
            "spin_manifest_version = 2\n[application]\nname = \"a\"\n[variables]\n{variables}\n\
             [[trigger.http]]\nroute = \"/...\"\ncomponent = \"c\"\n[component.c]\nsource = \"c.wasm\"\n\
             variables = {{ level = \"{{{{ log_level }}}}\", url = \"http://{{{{host}}}}/x\" }}"
        );
        read(&text)
    }

    fn read(text: &str) -> Manifest {
        let path =
            std::env::temp_dir().join(format!("spindle-manifest-{}.toml", uuid::Uuid::now_v7()));
        std::fs::write(&path, text).expect("write");
        let manifest = Manifest::read(Path::new(&path)).expect("read");
        std::fs::remove_file(path).expect("remove");
        manifest
    }

    #[test]
    fn the_environment_wins_over_the_default() {
        let manifest = manifest("log_level = { default = \"INFO\" }\nhost = { required = true }");
        let environment = |key: &str| match key {
            "SPIN_VARIABLE_HOST" => Some("h".to_owned()),
            "SPIN_VARIABLE_LOG_LEVEL" => Some("DEBUG".to_owned()),
            _ => None,
        };
        let values = resolve(&manifest, environment).expect("all given");
        let expanded = expand(&manifest, "c", &manifest.component["c"], &values).expect("expand");
        assert_eq!(expanded["level"], "DEBUG");
        assert_eq!(expanded["url"], "http://h/x");
    }

    #[test]
    fn a_required_variable_without_a_value_is_named() {
        let manifest = manifest("log_level = { default = \"INFO\" }\nhost = { required = true }");
        let values = resolve(&manifest, |_| None).expect("it is asked for later");
        let text = expand(&manifest, "c", &manifest.component["c"], &values)
            .expect_err("missing")
            .to_string();
        assert!(
            text.contains("`host`") && text.contains("SPIN_VARIABLE_HOST"),
            "{text}"
        );
    }

    #[test]
    fn what_is_adapter_clients_own_is_neither_asked_for_nor_given() {
        let manifest = read(
            "spin_manifest_version = 2\n[application]\nname = \"a\"\n\
             [variables]\ntoken = { required = true, secret = true }\n\
             [[trigger.http]]\nroute = \"/...\"\ncomponent = \"c\"\n[component.c]\nsource = \"c.wasm\"\n\
             allowed_outbound_hosts = [\"http://{{ token }}\"]\n\
             variables = { adapter_token = \"{{ token }}\", shape = \"round\" }\n\
             [component.c.dependencies]\n\"spindle:adapter\" = { path = \"client.wasm\" }\n",
        );
        let values = resolve(&manifest, |_| None).expect("values");
        let expanded = expand(&manifest, "c", &manifest.component["c"], &values).expect("expand");
        assert_eq!(expanded, HashMap::from([("shape".into(), "round".into())]));
    }

    #[test]
    fn a_template_with_an_unknown_variable_is_named() {
        let manifest = manifest("log_level = { default = \"INFO\" }");
        let values = resolve(&manifest, |_| None).expect("all given");
        let text = expand(&manifest, "c", &manifest.component["c"], &values)
            .expect_err("host")
            .to_string();
        assert!(
            text.contains("component.c.variables.url") && text.contains("`host`"),
            "{text}"
        );
    }
}
