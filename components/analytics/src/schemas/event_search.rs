//! The search parameters of the list of events.

use service_kit::input::{FromFields, Period, rules};
use service_kit::page::PageRequest;

use super::{EVENT_TYPES, user_id};

/// Query string of the list of events. An event must satisfy every condition.
#[derive(Debug, FromFields)]
pub(crate) struct EventSearch {
    #[rule(rules::one_of(EVENT_TYPES))]
    pub(crate) event_type: Option<&'static str>,
    #[rule(user_id)]
    pub(crate) user_id: Option<String>,
    /// When the events happened.
    #[flatten]
    pub(crate) period: Period,
    #[flatten]
    pub(crate) page: PageRequest,
}
