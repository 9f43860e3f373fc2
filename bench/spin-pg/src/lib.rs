//! The profile of user `user_id` as a component that uses Spin's own PostgreSQL: the user service's statement,
//! without a token, and with a `Content-Length`. It answers `/` with a constant, so there it measures Spin alone.

use anyhow::Context as _;
use http::{Response, header::CONTENT_LENGTH, header::CONTENT_TYPE};
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::pg::{Connection, DbValue, ParameterValue};
use spin_sdk::{http_service, variables};

/// Spin reads a time only without its zone.
const SELECT: &str = "select username, email, is_active, created_at at time zone 'UTC' \
     from \"user\".users where id = $1";

#[http_service]
async fn answer(request: Request) -> anyhow::Result<impl IntoResponse> {
    let body = match request.uri().path() {
        "/" => r#"{"success":true,"message":"Services","data":{}}"#.to_owned(),
        _ => profile().await?,
    };
    let response = Response::builder().header(CONTENT_TYPE, "application/json");
    let response = response.header(CONTENT_LENGTH, body.len());
    Ok(response.body(body)?)
}

async fn profile() -> anyhow::Result<String> {
    let database = Connection::open(variables::get("database_url").await?).await?;
    let id = ParameterValue::Uuid(variables::get("user_id").await?);
    let rows = database.query(SELECT, [id]).await?.collect().await?;
    let row = rows.first().context("the user is missing")?;
    let (DbValue::Str(username), DbValue::Str(email)) = (&row[0], &row[1]) else {
        anyhow::bail!("not texts");
    };
    let (DbValue::Boolean(is_active), DbValue::Datetime(at)) = (&row[2], &row[3]) else {
        anyhow::bail!("not a boolean and a time");
    };
    let (year, month, day, hour, minute, second, nanosecond) = *at;
    let created_at =
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanosecond:09}Z");
    Ok(format!(
        r#"{{"success":true,"message":"User profile","data":{{"username":{username:?},"email":{email:?},"is_active":{is_active},"created_at":"{created_at}"}}}}"#
    ))
}
