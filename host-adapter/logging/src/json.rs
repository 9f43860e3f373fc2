//! A line as a JSON object.

use std::fmt::Write as _;

use time::OffsetDateTime;

use crate::{escape::push_json, line::Line};

/// Appends `line` and a newline. The keys are in the order that is best to read.
pub(crate) fn push(out: &mut String, line: &Line) {
    out.push_str("{\"timestamp\":\"");
    push_timestamp(out, line.time);
    let _ = write!(out, "\",\"level\":\"{}\"", line.level.name());
    let texts = [
        ("component", Some(&line.component)),
        ("request_id", line.request_id.as_ref()),
        ("trace_id", line.trace_id.as_ref()),
        ("message", Some(&line.message)),
    ];
    for (key, text) in texts {
        if let Some(text) = text {
            let _ = write!(out, ",\"{key}\":");
            push_json(out, text);
        }
    }
    if !line.fields.is_empty() {
        out.push(',');
        out.push_str(&line.fields);
    }
    out.push_str("}\n");
}

/// Appends the time as RFC 3339 in UTC. It always has microseconds, so that lines sort as text.
pub(crate) fn push_timestamp(out: &mut String, time: OffsetDateTime) {
    let (date, clock) = (time.date(), time.time());
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    let (hour, minute, second, micro) = clock.as_hms_micro();
    // Writing to a text cannot fail.
    let _ = write!(
        out,
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micro:06}Z"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LogLevel;

    #[test]
    fn a_line_is_one_object_with_its_keys_in_order() {
        let mut line = Line::new(LogLevel::Warning, "user", "a \"b\"\nc".to_owned());
        line.time = OffsetDateTime::UNIX_EPOCH;
        line.request_id = Some("r1".to_owned());
        line.fields = "\"n\":1".to_owned();
        let mut out = String::new();
        push(&mut out, &line);
        assert_eq!(
            out,
            "{\"timestamp\":\"1970-01-01T00:00:00.000000Z\",\"level\":\"WARNING\",\"component\":\"user\",\
             \"request_id\":\"r1\",\"message\":\"a \\\"b\\\"\\nc\",\"n\":1}\n"
        );
    }
}
