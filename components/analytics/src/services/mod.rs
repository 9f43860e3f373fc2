//! What the service does: one function per file, each with the filters it needs.

mod count_users;
mod event_statistics;
mod record_event;

use count_users::count_users;
pub(crate) use event_statistics::event_statistics;
pub(crate) use record_event::record_event;

/// The collection of all events.
const EVENTS: &str = "events";
