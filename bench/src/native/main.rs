//! The native server with which `./dev bench` compares Spindle. It uses hyper and sqlx, and answers with
//! the profile of user `USER_ID` from `DATABASE_URL`, like the user service, but without WebAssembly,
//! tokens and security headers. It answers `/` with a constant.

use std::{convert::Infallible, io::Write as _};

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use sqlx::{PgPool, postgres::PgPoolOptions};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::net::TcpListener;
use uuid::Uuid;

/// The same allocator as host-adapter, so that the comparison measures only WebAssembly.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The limit of connections that host-adapter has per component.
const CONNECTIONS: u32 = 16;

/// The user service's statement.
const SELECT: &str =
    "select username, email, is_active, created_at from \"user\".users where id = $1";

/// The answer to `/`.
const INDEX: &str = r#"{"success":true,"message":"Services","data":{}}"#;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let variable = |name| std::env::var(name).with_context(|| format!("`{name}` is not set"));
    let id: Uuid = variable("USER_ID")?.parse()?;
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .min_connections(CONNECTIONS)
        .test_before_acquire(false)
        .connect(&variable("DATABASE_URL")?)
        .await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(std::io::stdout(), "http://{}", listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let pool = pool.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, &pool, id));
            // The load generator closes the connection, which may be an error here.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    pool: &PgPool,
    id: Uuid,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, body) = match request.uri().path() {
        "/" => (200, INDEX.to_owned()),
        _ => match profile(pool, id).await {
            Ok(profile) => (200, profile),
            Err(error) => (500, error.to_string()),
        },
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status.try_into().unwrap_or_default();
    Ok(response)
}

async fn profile(pool: &PgPool, id: Uuid) -> anyhow::Result<String> {
    type Row = (String, String, bool, OffsetDateTime);
    let (username, email, is_active, created_at): Row =
        sqlx::query_as(SELECT).bind(id).fetch_one(pool).await?;
    let created_at = created_at.format(&Rfc3339)?;
    let data = serde_json::json!({
        "username": username, "email": email, "is_active": is_active, "created_at": created_at,
    });
    let body = serde_json::json!({ "success": true, "message": "User profile", "data": data });
    Ok(body.to_string())
}
