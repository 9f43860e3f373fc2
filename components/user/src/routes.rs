//! The routes of the service. Each handler calls one service function and shapes its result.

use service_kit::answer::{PrivateJson, PublicKeys};
use service_kit::input::Period;
use service_kit::page::Page;
use service_kit::problem::{Problem, kinds};
use service_kit::routing::{Id, Routes, delete, get, post};
use service_kit::{
    Answer, Caller, Client, Created, IdempotencyKey, Input, Production, Query, Result,
    UncheckedToken, adapter, health,
};

use crate::current_user::CurrentUser;
use crate::error::Error;
use crate::schemas::{
    AccessToken, Activity, ActivityQuery, ActivityStatistics, ClosedAccount, EndedSession, Login,
    NewActivity, PasswordChange, PasswordChanged, Profile, Registered, Registration, Sessions,
    UserCount,
};
use crate::services::{self, ACTIVITIES_PATH, CLOSED_PATH};

pub(crate) fn routes(routes: Routes) -> Routes {
    account_routes(activity_routes(session_routes(routes)))
        .public("/api/v1/users/health", get(health::handler).about(HEALTH))
        .public("/api/v1/users/jwks.json", get(public_keys).about(KEYS))
        .public("/.well-known/jwks.json", get(public_keys).about(KEYS))
}

const HEALTH: &str = "Reports the health of the service and of what it depends on.";
const KEYS: &str = "The keys that verify access tokens, as a JWK Set (RFC 7517).";

fn account_routes(routes: Routes) -> Routes {
    let register = post(register)
        .about("Creates a user. The event about it is committed with it.")
        .problems([
            Error::UsernameTaken,
            Error::EmailTaken,
            Error::TooManyAttempts(1),
            Error::RequestInProgress,
        ]);
    let change_password = post(change_password)
        .about("Changes the caller's password. It ends the caller's other sessions.")
        .problems([
            Error::WrongPassword,
            Error::PasswordChangedMeanwhile,
            Error::TooManyAttempts(1),
            Error::TooManySessions,
        ]);
    let profile = get(profile).about("The caller's profile.");
    let count = get(count).about("Counts the users: all, active and inactive ones.");
    routes
        .required("/api/v1/users/register", register)
        .required("/api/v1/users/password", change_password)
        .optional("/api/v1/users/profile", profile)
        .public("/api/v1/users/stats/count", count)
}

fn session_routes(routes: Routes) -> Routes {
    let log_in = post(log_in)
        .about("Begins a session and returns its access token, in the form of RFC 6749.")
        .problems([
            Error::InvalidCredentials,
            Error::AccountInactive,
            Error::TooManyAttempts(1),
        ]);
    let log_out = post(log_out)
        .about("Ends the caller's session. Its access token is not accepted any more.")
        .problems([Error::NoSession]);
    let sessions = get(sessions).about("Lists the caller's sessions, the newest 100.");
    let end_session = delete(end_session)
        .about("Ends one of the caller's sessions.")
        .problems([Error::SessionNotFound]);
    let end_closed_account = post(end_closed_account)
        .about("Takes this service's own messages about closed accounts, and ends their sessions.")
        .problems([
            Problem::of(&kinds::FORBIDDEN),
            Error::TooManySessions.into(),
        ]);
    routes
        .optional("/api/v1/users/login", log_in)
        .optional("/api/v1/users/logout", log_out)
        .optional("/api/v1/users/sessions", sessions)
        .optional("/api/v1/users/sessions/{id}", end_session)
        .required(CLOSED_PATH, end_closed_account)
}

fn activity_routes(routes: Routes) -> Routes {
    let activities = get(activities).about("Lists what the caller did, in pages, newest first.");
    let record_activity = post(record_activity)
        .about("Takes this service's own messages about activities.")
        .problems([Problem::of(&kinds::FORBIDDEN)]);
    let statistics =
        get(activity_statistics).about("Counts what the caller did, by action and day.");
    routes
        .required(ACTIVITIES_PATH, activities.merge(record_activity))
        .optional("/api/v1/users/activities/stats", statistics)
}

async fn register(
    client: Client,
    production: Production,
    key: IdempotencyKey,
    Input(registration): Input<Registration>,
) -> Result<Created<Registered>> {
    let key = key.text()?;
    let registered = services::register_user(registration, client, production, key).await?;
    Ok(Answer::created("User created successfully", registered).private())
}

/// Does not use the success format, because OAuth 2.0 clients expect the token at the top level
/// (RFC 6749, section 5.1).
async fn log_in(client: Client, Input(login): Input<Login>) -> Result<PrivateJson<AccessToken>> {
    let token = services::log_in(login, client).await?;
    Ok(PrivateJson(token))
}

async fn log_out(user: CurrentUser, client: Client) -> Result<Answer<EndedSession>> {
    let ended = services::log_out(user, client).await?;
    Ok(Answer::ok("Logged out", ended).private())
}

async fn change_password(
    user: CurrentUser,
    client: Client,
    Input(change): Input<PasswordChange>,
) -> Result<Answer<PasswordChanged>> {
    let (changed, warnings) = services::change_password(user, change, client).await?;
    let answer = Answer::ok("Password changed", changed).private();
    Ok(answer.with_warnings(warnings))
}

async fn profile(token: UncheckedToken) -> Result<Answer<Profile>> {
    let profile = services::fetch_profile(token).await?;
    Ok(Answer::ok("User profile", profile).private())
}

async fn sessions(user: CurrentUser) -> Result<Answer<Sessions>> {
    let sessions = services::list_sessions(user).await?;
    Ok(Answer::ok("Sessions", sessions).private())
}

async fn end_session(
    user: CurrentUser,
    Id(session_id): Id,
    client: Client,
) -> Result<Answer<EndedSession>> {
    let ended = services::end_session(user, session_id, client).await?;
    Ok(Answer::ok("Session ended", ended).private())
}

/// Receives this service's own messages. Other callers must not end sessions.
async fn end_closed_account(
    caller: Caller,
    Input(account): Input<ClosedAccount>,
) -> Result<Answer<()>> {
    match caller {
        Caller::Service(name) if name == "user" => {
            services::end_closed_account(account.user_id).await?;
        }
        _ => return Err(Problem::of(&kinds::FORBIDDEN)),
    }
    Ok(Answer::ok("Sessions ended", ()))
}

async fn activities(
    user: CurrentUser,
    Query(query): Query<ActivityQuery>,
) -> Result<Answer<Page<Activity>>> {
    let page = services::list_activities(user.user_id, query).await?;
    Ok(Answer::ok("Activities", page).private())
}

async fn activity_statistics(
    user: CurrentUser,
    Query(period): Query<Period>,
) -> Result<Answer<ActivityStatistics>> {
    let statistics = services::activity_statistics(user.user_id, period).await?;
    Ok(Answer::ok("Activity statistics", statistics).private())
}

/// Receives this service's own messages. Other callers must not record activities.
async fn record_activity(
    caller: Caller,
    Input(activity): Input<NewActivity>,
) -> Result<Created<()>> {
    match caller {
        Caller::Service(name) if name == "user" => services::record_activity(activity).await?,
        _ => return Err(Problem::of(&kinds::FORBIDDEN)),
    }
    Ok(Answer::created("Activity recorded", ()))
}

async fn count() -> Result<Answer<UserCount>> {
    let count = services::count_users().await?;
    Ok(Answer::ok("User count", count))
}

async fn public_keys() -> Result<PublicKeys> {
    let keys = adapter::tokens::public_keys().await?;
    Ok(PublicKeys(keys))
}
