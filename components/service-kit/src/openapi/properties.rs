//! The properties of an object: a body's, a query string's, or an answer's.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::member::member;
use super::schema::nullable;

/// The properties of an object, in order.
#[derive(Debug, Default)]
pub struct Properties {
    title: Option<&'static str>,
    description: &'static str,
    properties: Vec<Property>,
}

/// One property: its name and schema, and whether it may be missing.
#[derive(Debug)]
pub struct Property {
    pub(super) name: String,
    pub(super) schema: Value,
    pub(super) required: bool,
    /// A property of a body that may be missing may be null as well.
    may_be_null: bool,
}

impl Properties {
    /// Name the object, unless it has a name: a group of fields belongs to the object around it.
    pub fn title(&mut self, title: &'static str, description: &'static str) {
        if self.title.is_none() {
            self.title = Some(title);
            self.description = description;
        }
    }

    /// Add a property.
    pub fn add(&mut self, property: Property) {
        self.properties.push(property);
    }

    /// Add the properties of another object's schema.
    pub fn flatten(&mut self, schema: &Value) {
        let required = schema.get("required").and_then(Value::as_array);
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, schema) in properties.into_iter().flatten() {
            let is_required =
                required.is_some_and(|names| names.iter().any(|one| one == name.as_str()));
            let mut property = Property::new(name, schema.clone());
            property.required = is_required;
            self.add(property);
        }
    }

    /// The properties as parameters of a query string, which cannot be null.
    pub(super) fn into_parameters(self) -> Vec<Property> {
        self.properties
    }

    /// The object's schema.
    #[must_use]
    pub fn into_schema(self) -> Value {
        let mut required = Vec::new();
        let mut properties = Map::new();
        for property in self.properties {
            if property.required {
                required.push(property.name.clone());
            }
            let schema = match property.may_be_null {
                true => nullable(property.schema),
                false => property.schema,
            };
            properties.insert(property.name, schema);
        }
        let mut schema = json!({"type": "object", "properties": properties});
        if let Some(title) = self.title {
            *member(&mut schema, "title") = json!(title);
        }
        if !self.description.is_empty() {
            *member(&mut schema, "description") = json!(self.description);
        }
        if !required.is_empty() {
            *member(&mut schema, "required") = json!(required);
        }
        schema
    }
}

impl Property {
    /// A property that is always there.
    #[must_use]
    pub fn new(name: impl Into<String>, schema: Value) -> Self {
        Self {
            name: name.into(),
            schema,
            required: true,
            may_be_null: false,
        }
    }

    /// A property of a request that may be missing or null.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.required = false;
        self.may_be_null = true;
        self
    }

    /// A property of an answer that may be missing.
    #[must_use]
    pub fn omitted(mut self) -> Self {
        self.required = false;
        self
    }

    /// A property that may be missing or null, and then has this value.
    #[must_use]
    pub fn defaulted(self, value: impl Serialize) -> Self {
        self.optional().with("default", value)
    }

    /// What it is, as a sentence. An empty one changes nothing.
    #[must_use]
    pub fn described(self, description: &str) -> Self {
        match description {
            "" => self,
            _ => self.with("description", description),
        }
    }

    /// A typical value.
    #[must_use]
    pub fn example(self, value: impl Serialize) -> Self {
        self.with("examples", [value])
    }

    fn with(mut self, key: &str, value: impl Serialize) -> Self {
        if let Some(schema) = self.schema.as_object_mut() {
            schema.insert(key.to_owned(), json!(value));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{FromFields, Period, rules};

    /// What is searched for.
    #[derive(FromFields)]
    #[expect(dead_code, reason = "only the description is used")]
    struct Search {
        /// Part of the text.
        #[rule(rules::text(1, 9))]
        #[example("tea")]
        text: String,
        #[rule(rules::boolean, default = true)]
        all: bool,
        #[rule(rules::one_of(&["a", "b"]))]
        kind: Option<&'static str>,
        #[flatten]
        period: Period,
    }

    #[test]
    fn rules_become_the_schema_of_a_body() {
        let mut properties = Properties::default();
        Search::describe(&mut properties);
        let schema = properties.into_schema();
        assert_eq!(schema["title"], "Search");
        assert_eq!(schema["description"], "What is searched for.");
        assert_eq!(schema["required"], json!(["text"]));
        let of = |name: &str| schema["properties"][name].clone();
        assert_eq!(of("text")["maxLength"], 9);
        assert_eq!(of("text")["examples"], json!(["tea"]));
        assert_eq!(of("text")["description"], "Part of the text.");
        let all = json!({"type": ["boolean", "null"], "default": true});
        assert_eq!(of("all"), all);
        let kind = json!({"type": ["string", "null"], "enum": ["a", "b", null]});
        assert_eq!(of("kind"), kind);
        assert_eq!(of("to")["anyOf"][2], json!({"type": "null"}));
    }

    #[test]
    fn parameters_of_a_query_are_never_null() {
        let mut properties = Properties::default();
        Search::describe(&mut properties);
        let parameters = properties.into_parameters();
        let names: Vec<&str> = parameters.iter().map(|one| &*one.name).collect();
        assert_eq!(names, ["text", "all", "kind", "from", "to"]);
        assert_eq!(parameters[2].schema["type"], "string");
    }
}
