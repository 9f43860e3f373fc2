//! The header `traceparent` of W3C Trace Context (version 00).

use std::fmt;

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// The header's name.
pub const TRACEPARENT: &str = "traceparent";

/// The position in a trace: what one service tells the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The trace.
    pub trace: TraceId,
    /// The span that is the parent of what follows.
    pub span: SpanId,
    /// Whether the trace is recorded.
    pub sampled: bool,
}

impl Position {
    /// Parses the header's value. A later version is read as version 00, as the standard demands
    /// (section 4.3); an invalid value is `None`.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let mut parts = value.trim().split('-');
        let (version, trace, span, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let lengths = [version.len(), trace.len(), span.len(), flags.len()];
        let complete = version != "00" || parts.next().is_none();
        if lengths != [2, 32, 16, 2] || version == "ff" || !complete {
            return None;
        }
        let lower = |text: &str| {
            text.bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        if ![version, trace, span, flags].into_iter().all(lower) {
            return None;
        }
        let position = Self {
            trace: TraceId::from_hex(trace).ok()?,
            span: SpanId::from_hex(span).ok()?,
            sampled: u8::from_str_radix(flags, 16).ok()? & 1 == 1,
        };
        let valid = position.trace != TraceId::INVALID && position.span != SpanId::INVALID;
        valid.then_some(position)
    }

    /// A new trace that is not recorded.
    #[must_use]
    pub fn random() -> Self {
        Self {
            // 0 is invalid (section 3.2.2.3), and as likely as any other of 2^128 numbers.
            trace: TraceId::from(rand::random::<u128>().max(1)),
            span: SpanId::from(rand::random::<u64>().max(1)),
            sampled: false,
        }
    }

    pub(super) fn remote(self) -> SpanContext {
        let flags = TraceFlags::default().with_sampled(self.sampled);
        SpanContext::new(self.trace, self.span, flags, true, TraceState::default())
    }
}

impl From<&SpanContext> for Position {
    fn from(context: &SpanContext) -> Self {
        Self {
            trace: context.trace_id(),
            span: context.span_id(),
            sampled: context.is_sampled(),
        }
    }
}

/// The header's value.
impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.sampled);
        write!(formatter, "00-{}-{}-{flags:02x}", self.trace, self.span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    #[test]
    fn a_valid_value_reads_back_the_same() {
        for flags in ["00", "01"] {
            let value = format!("00-{TRACE}-b7ad6b7169203331-{flags}");
            assert_eq!(Position::parse(&value).map(|p| p.to_string()), Some(value));
        }
        assert!(Position::parse(&Position::random().to_string()).is_some());
    }

    #[test]
    fn later_versions_are_read_and_unknown_flags_dropped() {
        let later = format!("cc-{TRACE}-b7ad6b7169203331-ff-more");
        let position = Position::parse(&later).expect("a position");
        assert_eq!(
            position.to_string(),
            format!("00-{TRACE}-b7ad6b7169203331-01")
        );
    }

    #[test]
    fn invalid_values_are_rejected() {
        for value in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b71692033311-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(Position::parse(value), None, "{value}");
        }
    }
}
