//! Resolves an application's variables as Spin does: from the environment (`SPIN_VARIABLE_NAME`),
//! otherwise from the manifest's default.

use std::collections::{BTreeMap, HashMap};

use super::{
    manifest::{Component, Manifest, ManifestError},
    outbound::AllowedHosts,
};

/// Prefix of the environment variables that Spin reads.
const PREFIX: &str = "SPIN_VARIABLE_";

/// Variables that only adapter-client needs. This host replaces adapter-client, so it does not pass
/// them to the component. One of them is a secret token.
const CLIENT_VARIABLES: [&str; 3] = ["adapter_url", "adapter_token", "adapter_deadline_ms"];

/// Returns the application variables that have a value. A required variable without a value is not an
/// error here: [`expand`] reports it if a component uses it.
///
/// `environment` looks up an environment variable, in the process's environment or in `.env`.
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

/// Returns one component's variables, with `{{ name }}` replaced by the application's variables.
pub(super) fn expand(
    manifest: &Manifest,
    id: &str,
    component: &Component,
    values: &BTreeMap<String, String>,
) -> Result<HashMap<String, String>, ManifestError> {
    let mut expanded = HashMap::new();
    let is_native = component.has_native_dependency();
    for (name, template) in &component.variables {
        if is_native && CLIENT_VARIABLES.contains(&name.as_str()) {
            continue;
        }
        let value = expand_template(manifest, template, values).map_err(|problem| {
            manifest.invalid(format!("`component.{id}.variables.{name}`: {problem}"))
        })?;
        expanded.insert(name.clone(), value);
    }
    Ok(expanded)
}

/// Returns the hosts that a component may send requests to. The list is empty if the component uses
/// adapter-client, because this host replaces adapter-client and the list was for it.
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
        .map(|template| expand_template(manifest, template, values))
        .collect::<Result<Vec<_>, _>>()
        .and_then(|hosts| AllowedHosts::parse(&hosts))
        .map_err(|problem| {
            manifest.invalid(format!(
                "`component.{id}.allowed_outbound_hosts`: {problem}"
            ))
        })
}

fn expand_template(
    manifest: &Manifest,
    template: &str,
    values: &BTreeMap<String, String>,
) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").ok_or("`{{` has no closing `}}`")?;
        let name = name.trim();
        let value = values
            .get(name)
            .ok_or_else(|| describe_missing(manifest, name))?;
        filled.push_str(before);
        filled.push_str(value);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn describe_missing(manifest: &Manifest, name: &str) -> String {
    if manifest.variables.contains_key(name) {
        let key = format!("{PREFIX}{}", name.to_ascii_uppercase());
        format!("variable `{name}` is required: set `{key}`")
    } else {
        format!("variable `{name}` is not defined in `[variables]`")
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
    fn environment_wins_over_default() {
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
    fn missing_required_variable_is_named() {
        let manifest = manifest("log_level = { default = \"INFO\" }\nhost = { required = true }");
        let values = resolve(&manifest, |_| None).expect("reported by `expand`");
        let text = expand(&manifest, "c", &manifest.component["c"], &values)
            .expect_err("missing")
            .to_string();
        assert!(
            text.contains("`host`") && text.contains("SPIN_VARIABLE_HOST"),
            "{text}"
        );
    }

    #[test]
    fn adapter_client_variables_are_not_required_or_passed() {
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
    fn template_with_unknown_variable_is_named() {
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
