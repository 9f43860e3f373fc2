//! What the service does: one function per file, each with the SQL it needs.

mod count_users;
mod fetch_profile;
mod log_in;
mod register_user;
mod user_event;

pub(crate) use count_users::count_users;
pub(crate) use fetch_profile::fetch_profile;
pub(crate) use log_in::log_in;
pub(crate) use register_user::register_user;
use user_event::user_event;
