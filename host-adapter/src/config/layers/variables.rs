//! The names of variables, and what their text means.

use toml::Value;

/// What every variable begins with that overrides a setting of the file.
pub(super) const PREFIX: &str = "SPINDLE_";

/// Settings that have a second variable.
const OTHER_NAMES: [(&str, &str); 1] = [("log.level", "LOG_LEVEL")];

/// A variable's text as the kind of value that the setting has.
pub(super) fn parse(text: &str, kind: Option<&Value>) -> Value {
    let parsed = match kind {
        Some(Value::Integer(_)) => text.parse().ok().map(Value::Integer),
        Some(Value::Boolean(_)) => parse_boolean(text).map(Value::Boolean),
        Some(Value::Array(_)) => {
            let items = text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty());
            Some(Value::Array(items.map(Value::from).collect()))
        }
        _ => None,
    };
    parsed.unwrap_or_else(|| text.into())
}

/// What people write into a variable for yes and no.
pub(in crate::config) fn parse_boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// The variables that override the setting at `path`, the first that is set winning.
pub(super) fn variables(path: &str) -> impl Iterator<Item = String> {
    let others = OTHER_NAMES
        .iter()
        .filter(move |(setting, _)| *setting == path);
    let others: Vec<String> = others.map(|(_, variable)| (*variable).to_owned()).collect();
    std::iter::once(variable_name(path)).chain(others)
}

/// The variable that overrides the setting at `path`: `peers.analytics.url` is
/// `SPINDLE_PEERS_ANALYTICS_URL`.
pub(super) fn variable_name(path: &str) -> String {
    let name = path.replace(['.', '-'], "_").to_ascii_uppercase();
    format!("{PREFIX}{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_read_as_the_kind_of_its_setting() {
        assert_eq!(parse("16", Some(&Value::Integer(0))), Value::Integer(16));
        assert_eq!(
            parse("On", Some(&Value::Boolean(false))),
            Value::Boolean(true)
        );
        let list = parse("user, analytics,", Some(&Value::Array(Vec::new())));
        assert_eq!(list.to_string(), r#"["user", "analytics"]"#);
        assert_eq!(parse("16", Some(&"spindle".into())), Value::from("16"));
        assert_eq!(parse("many", Some(&Value::Integer(0))), Value::from("many"));
    }
}
