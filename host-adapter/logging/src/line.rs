//! One line of the log, before it is formatted.

use time::OffsetDateTime;

use crate::LogLevel;

/// The component of lines that belong to none.
pub(crate) const HOST: &str = "host-adapter";

/// Who wrote a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Author {
    /// This program or one of its libraries.
    Adapter,
    /// The component. It shares the queues with the others.
    Guest,
}

/// One line of the log.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) time: OffsetDateTime,
    pub(crate) level: LogLevel,
    pub(crate) author: Author,
    /// The component that the line is about; [`HOST`] for lines of none.
    pub(crate) component: String,
    pub(crate) request_id: Option<String>,
    pub(crate) trace_id: Option<String>,
    pub(crate) message: String,
    /// The other fields, as the inside of a JSON object: `"a":1,"b":"x"`.
    pub(crate) fields: String,
}

impl Line {
    /// A line of this program that belongs to no request.
    pub(crate) fn new(level: LogLevel, component: &str, message: String) -> Self {
        Self {
            time: OffsetDateTime::now_utc(),
            level,
            author: Author::Adapter,
            component: component.to_owned(),
            request_id: None,
            trace_id: None,
            message,
            fields: String::new(),
        }
    }

    /// About the memory that it takes while it waits, in bytes.
    pub(crate) fn size(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let texts = self.component.len() + self.message.len() + self.fields.len();
        size_of::<Self>() + texts + length(&self.request_id) + length(&self.trace_id)
    }
}
