//! What is served where. Handlers call one service function and shape its result.

use axum::http::StatusCode;
use axum::response::Response;
use service_kit::routing::{Routes, get, post};
use service_kit::{Answer, Bearer, Input, Result, adapter, answer, health};

use crate::schemas::{Login, Profile, Registered, Registration, UserCount};
use crate::services;

pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .required("/api/v1/users/register", post(register))
        .optional("/api/v1/users/login", post(log_in))
        .optional("/api/v1/users/profile", get(profile))
        .public("/api/v1/users/stats/count", get(count))
        .public("/api/v1/users/health", get(health::handler))
        .public("/health", get(health::handler))
        .public("/api/v1/users/jwks.json", get(public_keys))
        .public("/.well-known/jwks.json", get(public_keys))
}

async fn register(Input(registration): Input<Registration>) -> Result<Answer<Registered>> {
    let registered = services::register_user(registration).await?;
    Ok(Answer::created("User created successfully", registered).private())
}

/// Without the success format: OAuth 2.0 clients expect the token at the top (RFC 6749, 5.1).
async fn log_in(Input(login): Input<Login>) -> Result<Response> {
    let token = services::log_in(login).await?;
    Ok(answer::json(StatusCode::OK, &token, true))
}

async fn profile(Bearer(claims): Bearer) -> Result<Answer<Profile>> {
    let profile = services::fetch_profile(claims.subject).await?;
    Ok(Answer::ok("User profile", profile).private())
}

async fn count() -> Result<Answer<UserCount>> {
    let count = services::count_users().await?;
    Ok(Answer::ok("User count", count))
}

async fn public_keys() -> Result<Response> {
    let keys = adapter::tokens::public_keys().await?;
    Ok(answer::public_keys(keys))
}
