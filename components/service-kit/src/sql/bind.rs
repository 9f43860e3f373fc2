//! Types that can be bound to a placeholder.

use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::adapter::postgres::Value;
use crate::{Failure, clock};

/// A type that can be bound to a placeholder.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be bound to a placeholder",
    label = "not a parameter of a statement",
    note = "bind a `String`, `&str`, `Uuid`, `bool`, `i16`, `i32`, `i64`, `u32`, `f64`, \
            `OffsetDateTime`, `Vec<u8>` or `serde_json::Value`, or an `Option` or reference of one",
    note = "wrap any other type that serde can write in `Json(…)` to bind it as `jsonb`"
)]
pub trait Bind {
    /// Converts the value to a parameter.
    ///
    /// # Errors
    /// If the value cannot be written.
    fn into_value(self) -> Result<Value, Failure>;
}

/// A value of any type that serde supports, for a column of type `json` or `jsonb`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json<T>(pub T);

macro_rules! bind {
    ($($ty:ty: $value:ident => $bound:expr;)+) => {$(
        impl Bind for $ty {
            fn into_value(self) -> Result<Value, Failure> {
                let $value = self;
                Ok($bound)
            }
        }
    )+};
}

bind! {
    bool: value => Value::Boolean(value);
    i16: value => Value::Int64(value.into());
    i32: value => Value::Int64(value.into());
    i64: value => Value::Int64(value);
    u32: value => Value::Int64(value.into());
    f64: value => Value::Float64(value);
    String: value => Value::Text(value);
    &str: value => Value::Text(value.to_owned());
    Vec<u8>: value => Value::Bytes(value);
    Uuid: value => Value::Uuid(value.to_string());
    OffsetDateTime: value => Value::Timestamp(clock::format(value));
    serde_json::Value: value => Value::Json(value.to_string());
}

impl<T: Serialize> Bind for Json<T> {
    fn into_value(self) -> Result<Value, Failure> {
        let text = serde_json::to_string(&self.0);
        text.map(Value::Json)
            .map_err(|error| Failure::internal(format!("writing a parameter as JSON: {error}")))
    }
}

impl<T: Bind> Bind for Option<T> {
    fn into_value(self) -> Result<Value, Failure> {
        self.map_or(Ok(Value::Null), T::into_value)
    }
}

impl<T: Bind + Clone> Bind for &T {
    fn into_value(self) -> Result<Value, Failure> {
        self.clone().into_value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn values_are_bound_as_their_sql_types() {
        let bound = |value: Result<Value, Failure>| format!("{:?}", value.unwrap());
        assert_eq!(bound("a".into_value()), r#"Value::Text("a")"#);
        assert_eq!(bound((&Some(7_i32)).into_value()), "Value::Int64(7)");
        assert_eq!(bound(None::<Uuid>.into_value()), "Value::Null");
        assert_eq!(bound(Json([1, 2]).into_value()), r#"Value::Json("[1,2]")"#);
        let moment = datetime!(2026-01-31 14:00:00.000001 +02:00);
        let expected = r#"Value::Timestamp("2026-01-31T12:00:00.000001Z")"#;
        assert_eq!(bound(moment.into_value()), expected);
    }
}
