//! The functions of the service, one per file, each with the SQL or the filters that it needs.

mod activity_counts;
mod activity_statistics;
mod change_password;
mod check_new_password;
mod count_users;
mod end_closed_account;
mod end_other_sessions;
mod end_session;
mod fetch_profile;
mod list_activities;
mod list_sessions;
mod log_in;
mod login_attempts;
mod note_session_use;
mod record_activity;
mod register_user;
mod registration_key;
mod verify_password;

pub(crate) use activity_statistics::activity_statistics;
pub(crate) use change_password::change_password;
pub(crate) use count_users::count_users;
pub(crate) use end_closed_account::{CLOSED_PATH, end_closed_account};
pub(crate) use end_session::{end_session, log_out};
pub(crate) use fetch_profile::fetch_profile;
pub(crate) use list_activities::list_activities;
pub(crate) use list_sessions::list_sessions;
pub(crate) use log_in::log_in;
pub(crate) use note_session_use::note_session_use;
pub(crate) use record_activity::{ACTIVITIES_PATH, record_activity};
pub(crate) use register_user::register_user;

use crate::schemas::Activity;
use service_kit::Collection;

/// The activities of all users.
const ACTIVITIES: Collection<Activity> = Collection::new("activities");
