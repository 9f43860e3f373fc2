//! What a rule is: how a value is read, and which values it accepts, as JSON Schema.
//!
//! Both are in one place, so that the API reference says what the service checks.

use serde_json::Value;

use super::Violation;

/// Reads a field's value, and describes the values that it accepts.
///
/// A function without parameters that returns a rule is a rule, too: `#[rule(rules::uuid)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a rule",
    label = "not a rule",
    note = "rules are in `service_kit::input::rules`; to make one, see `service_kit::input::rule`"
)]
pub trait Rule {
    /// What the service wants.
    type Output;

    /// The value as the service wants it.
    ///
    /// # Errors
    /// Why it is not acceptable.
    fn read(&self, value: Value) -> Result<Self::Output, Violation>;

    /// The values that are acceptable, as JSON Schema (2020-12).
    fn schema(&self) -> Value;
}

/// A rule of a service's own, from the schema and the function that reads.
///
/// ```
/// use serde_json::json;
/// use service_kit::input::{Rule, Violation, rule, rules};
///
/// fn even() -> impl Rule<Output = u32> {
///     let schema = || json!({"type": "integer", "minimum": 0, "maximum": 100, "multipleOf": 2});
///     rule(schema, |value| match rules::decimal(0..=100).read(value)? {
///         odd if odd % 2 == 1 => Err(Violation::new("odd", "has to be even")),
///         even => Ok(even),
///     })
/// }
/// assert_eq!(even().read(json!("4")), Ok(4));
/// ```
pub fn rule<T>(
    schema: impl Fn() -> Value,
    read: impl Fn(Value) -> Result<T, Violation>,
) -> impl Rule<Output = T> {
    Described { schema, read }
}

struct Described<S, R> {
    schema: S,
    read: R,
}

impl<T, S: Fn() -> Value, R: Fn(Value) -> Result<T, Violation>> Rule for Described<S, R> {
    type Output = T;

    fn read(&self, value: Value) -> Result<T, Violation> {
        (self.read)(value)
    }

    fn schema(&self) -> Value {
        (self.schema)()
    }
}

impl<F: Fn() -> R, R: Rule> Rule for F {
    type Output = R::Output;

    fn read(&self, value: Value) -> Result<R::Output, Violation> {
        self().read(value)
    }

    fn schema(&self) -> Value {
        self().schema()
    }
}
