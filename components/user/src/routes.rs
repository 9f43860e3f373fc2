//! The routes of the service. Each handler calls one service function and shapes its result.

use axum::http::StatusCode;
use axum::response::Response;
use service_kit::input::Period;
use service_kit::page::Page;
use service_kit::problem::{Problem, kinds};
use service_kit::routing::{Id, Routes, delete, get, post};
use service_kit::{Answer, Caller, Client, Input, Query, Result, adapter, answer, health};

use crate::current_user::CurrentUser;
use crate::schemas::{
    Activity, ActivityQuery, ActivityStatistics, EndedSession, Login, NewActivity, PasswordChange,
    PasswordChanged, Profile, Registered, Registration, Sessions, UserCount,
};
use crate::services::{self, ACTIVITIES_PATH};

pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .required("/api/v1/users/register", post(register))
        .optional("/api/v1/users/login", post(log_in))
        .optional("/api/v1/users/logout", post(log_out))
        .required("/api/v1/users/password", post(change_password))
        .optional("/api/v1/users/profile", get(profile))
        .optional("/api/v1/users/sessions", get(sessions))
        .optional("/api/v1/users/sessions/{id}", delete(end_session))
        .required(
            ACTIVITIES_PATH,
            get(activities).merge(post(record_activity)),
        )
        .optional("/api/v1/users/activities/stats", get(activity_statistics))
        .public("/api/v1/users/stats/count", get(count))
        .public("/api/v1/users/health", get(health::handler))
        .public("/api/v1/users/jwks.json", get(public_keys))
        .public("/.well-known/jwks.json", get(public_keys))
}

async fn register(
    client: Client,
    Input(registration): Input<Registration>,
) -> Result<Answer<Registered>> {
    let registered = services::register_user(registration, client).await?;
    Ok(Answer::created("User created successfully", registered).private())
}

/// Without the success format: OAuth 2.0 clients expect the token at the top (RFC 6749, 5.1).
async fn log_in(client: Client, Input(login): Input<Login>) -> Result<Response> {
    let token = services::log_in(login, client).await?;
    Ok(answer::json(StatusCode::OK, &token, true))
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

async fn profile(user: CurrentUser) -> Result<Answer<Profile>> {
    let profile = services::fetch_profile(user.user_id).await?;
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
) -> Result<Answer<()>> {
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

async fn public_keys() -> Result<Response> {
    let keys = adapter::tokens::public_keys().await?;
    Ok(answer::public_keys(keys))
}
