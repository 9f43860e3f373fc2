//! Which events are to be listed.

use service_kit::input::{FromFields, Period, rules};
use service_kit::page::PageRequest;

use super::{EVENT_TYPES, user_id};

/// Query string of the list of events. Every condition must hold.
#[derive(Debug, FromFields)]
pub(crate) struct EventSearch {
    #[rule(rules::one_of(EVENT_TYPES))]
    pub(crate) event_type: Option<&'static str>,
    #[rule(user_id)]
    pub(crate) user_id: Option<String>,
    /// When they happened.
    #[flatten]
    pub(crate) period: Period,
    #[flatten]
    pub(crate) page: PageRequest,
}
