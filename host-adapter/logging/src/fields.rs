//! Collects an event's fields.

use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};

use crate::{context::Context, escape};

/// Bytes of one value. A longer one is cut, because it is not read anyway, and would fill the queue.
const MAX_VALUE: usize = 16 << 10;
/// Bytes of all fields together. Further fields are left out.
const MAX_FIELDS: usize = 64 << 10;

/// The keys of a line that are not among its other fields.
pub(crate) const RESERVED: [&str; 6] = [
    "timestamp",
    "level",
    "component",
    "request_id",
    "trace_id",
    "message",
];

/// The fields of an event of the adapter.
#[derive(Default)]
pub(crate) struct Fields {
    pub(crate) context: Context,
    pub(crate) message: String,
    /// The target of an event that came from the crate `log`, whose own is always `log`.
    pub(crate) target: Option<String>,
    /// The inside of a JSON object.
    pub(crate) others: String,
}

/// Appends `"key":` to the inside of a JSON object.
pub(crate) fn push_key(out: &mut String, key: &str) {
    if !out.is_empty() {
        out.push(',');
    }
    escape::push_json(out, key);
    out.push(':');
}

impl Fields {
    fn add(&mut self, field: &Field, value: impl fmt::Display) {
        if self.accepts(field) {
            push_key(&mut self.others, field.name());
            // Writing to a text cannot fail.
            let _ = write!(self.others, "{value}");
        }
    }

    /// `log.` is the prefix of what the bridge from the crate `log` adds.
    fn accepts(&self, field: &Field) -> bool {
        self.others.len() < MAX_FIELDS
            && !RESERVED.contains(&field.name())
            && !field.name().starts_with("log.")
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = Bounded::default();
        // Fails when the text is full, which is what it is cut for.
        let _ = write!(text, "{value:?}");
        self.record_str(field, &text.0);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let value = cut(value);
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else if field.name() == "log.target" {
            self.target = Some(value.to_owned());
        } else if !self.context.set(field.name(), value) && self.accepts(field) {
            push_key(&mut self.others, field.name());
            escape::push_json(&mut self.others, value);
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no infinity.
        if value.is_finite() {
            self.add(field, value);
        } else {
            self.record_str(field, &value.to_string());
        }
    }
}

fn cut(value: &str) -> &str {
    value
        .get(..value.floor_char_boundary(MAX_VALUE))
        .unwrap_or(value)
}

/// A text that takes no more than a value may have.
#[derive(Default)]
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MAX_VALUE.saturating_sub(self.0.len());
        let end = text.floor_char_boundary(room);
        self.0.push_str(text.get(..end).unwrap_or_default());
        if end < text.len() {
            Err(fmt::Error)
        } else {
            Ok(())
        }
    }
}
