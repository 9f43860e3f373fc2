//! The functions of the service, one per file, each with the filters that it needs.

mod count_users;
mod document;
mod event_key;
mod event_statistics;
mod list_events;
mod rebuild_statistics;
mod record_event;
mod record_events;
mod record_own_event;

use crate::schemas::Event;
use count_users::{count_users, recent_user_counts};
pub(crate) use event_statistics::event_statistics;
pub(crate) use list_events::list_events;
pub(crate) use rebuild_statistics::rebuild_statistics;
pub(crate) use record_event::record_event;
pub(crate) use record_events::record_events;
pub(crate) use record_own_event::{is_about_sender, record_own_event};
use service_kit::Collection;

/// All events.
pub(crate) const EVENTS: Collection<Event> = Collection::new("events");
