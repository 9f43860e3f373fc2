//! Which events are to be listed.

use service_kit::input::{Fields, FromFields, Period, rules};
use service_kit::page::PageRequest;

use super::{EVENT_TYPES, user_id};

/// Query string of the list of events: every condition holds.
#[derive(Debug)]
pub(crate) struct EventSearch {
    pub(crate) event_type: Option<&'static str>,
    pub(crate) user_id: Option<String>,
    /// When they happened.
    pub(crate) period: Period,
    pub(crate) page: PageRequest,
}

impl FromFields for EventSearch {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let event_type = fields.optional("event_type", rules::one_of(EVENT_TYPES));
        let user_id = fields.optional("user_id", user_id);
        let period = Period::from_fields(fields);
        let page = PageRequest::from_fields(fields);
        Some(Self {
            event_type: event_type?,
            user_id: user_id?,
            period: period?,
            page: page?,
        })
    }
}
