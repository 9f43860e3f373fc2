//! Direct access to the application's document store.

use std::ops::Range;

use mongodb::bson::{DateTime, Document, doc};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{PgPool, postgres::PgPoolOptions};
use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

/// The limit of connections that host-adapter has per component.
const CONNECTIONS: u32 = 16;

/// The time of the first event. The events are spread over [`DAYS`] days.
const FIRST: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);
const DAYS: u64 = 90;

/// A query for seven of these days.
pub(crate) const WEEK: &str = "from=2026-02-01&to=2026-02-07";

/// Events per user.
const EVENTS_PER_USER: u64 = 20;

/// Documents per insert into MongoDB.
const BATCH: usize = 5_000;

/// Inserts the same documents as [`document`], with the numbers from `$1` up to `$2`, exclusive. Their
/// times of receipt are 10 ms apart. Their positions are below those of the adapter, so only a rebuild
/// counts them.
const FILL: &str = r#"
    insert into documents.events (id, body)
    select id, jsonb_build_object(
        '_id', id, 'event_type', 'page_view', 'event_name', 'home', 'source', 'user',
        'user_id', 'user-' || n / $3, 'properties', jsonb_build_object('page', '/'),
        'timestamp', jsonb_build_object('$date', day || 'T12:00:00.000Z'),
        'received_at', jsonb_build_object('$date', to_char(
            timestamp '2026-04-01' + n * interval '10 milliseconds', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')),
        'bucket', day || ' page_view', 'position', n + 1)
    from (
        select gen_random_uuid()::text as id, n,
            to_char(date '2026-01-01' + (n % 90)::int, 'YYYY-MM-DD') as day
        from generate_series($1::bigint, $2::bigint - 1) as n
    ) as given"#;

/// Inserts one event. It is faster than [`INSERT`], and what a program without groups would do.
const INSERT_ONE: &str = "insert into documents.events (id, body) values ($1, $2::jsonb) \
    on conflict do nothing returning id";

/// Inserts events in one statement, as the adapter does.
const INSERT: &str = "insert into documents.events (id, body) select id, body::jsonb \
    from unnest($1::text[], $2::text[]) as given (id, body) on conflict do nothing returning id";

/// Inserts events into PostgreSQL. One connection uses one processor only.
async fn insert(pool: &PgPool, numbers: Range<u64>) -> anyhow::Result<()> {
    sqlx::query(FILL)
        .bind(i64::try_from(numbers.start)?)
        .bind(i64::try_from(numbers.end)?)
        .bind(i64::try_from(EVENTS_PER_USER)?)
        .execute(pool)
        .await?;
    Ok(())
}

pub(crate) enum Store {
    Postgres(PgPool),
    MongoDb(mongodb::Collection<Document>),
}

impl Store {
    /// Connects to the MongoDB at `MONGODB_URL`, or else to a database in PostgreSQL.
    pub(crate) async fn connect(database: &SecretString) -> anyhow::Result<Self> {
        if let Ok(url) = std::env::var("MONGODB_URL") {
            let client = mongodb::Client::with_uri_str(url).await?;
            let database = client.default_database();
            let database = database.unwrap_or_else(|| client.database("spindle"));
            return Ok(Self::MongoDb(database.collection("events")));
        }
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS);
        Ok(Self::Postgres(
            pool.connect(database.expose_secret()).await?,
        ))
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Postgres(_) => "PostgreSQL",
            Self::MongoDb(_) => "MongoDB",
        }
    }

    /// Stores events with times in the past.
    pub(crate) async fn fill(&self, numbers: Range<u64>) -> anyhow::Result<()> {
        match self {
            Self::Postgres(pool) => {
                let middle = numbers.start.midpoint(numbers.end);
                tokio::try_join!(
                    insert(pool, numbers.start..middle),
                    insert(pool, middle..numbers.end)
                )?;
                // Otherwise an automatic vacuum of the new rows could run during the measurement.
                sqlx::query("vacuum analyze documents.events")
                    .execute(pool)
                    .await?;
            }
            Self::MongoDb(events) => {
                let documents: Vec<u64> = numbers.collect();
                for batch in documents.chunks(BATCH) {
                    let batch = batch.iter().map(|number| document(*number));
                    events.insert_many(batch).ordered(false).await?;
                }
            }
        }
        Ok(())
    }

    /// Inserts events that are received now, in one statement.
    pub(crate) async fn insert(&self, events: usize) -> anyhow::Result<()> {
        let now = OffsetDateTime::now_utc();
        match self {
            Self::Postgres(pool) if events == 1 => {
                let (id, body) = json(now);
                let inserted = sqlx::query(INSERT_ONE).bind(id).bind(body);
                inserted.execute(pool).await?;
            }
            Self::Postgres(pool) => {
                let (ids, bodies): (Vec<_>, Vec<_>) = (0..events).map(|_| json(now)).unzip();
                let inserted = sqlx::query(INSERT).bind(ids).bind(bodies);
                inserted.execute(pool).await?;
            }
            Self::MongoDb(collection) => {
                let documents = (0..events).map(|_| received_at(now));
                collection.insert_many(documents).ordered(false).await?;
            }
        }
        Ok(())
    }
}

/// An event that is received now, for PostgreSQL: its id and its document.
fn json(now: OffsetDateTime) -> (String, String) {
    let id = Uuid::now_v7().to_string();
    let format = time::macros::format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
    );
    let date = now.format(format).unwrap_or_default();
    let body = serde_json::json!({
        "_id": id, "event_type": "page_view", "event_name": "home", "source": "user",
        "user_id": "user-0", "properties": { "page": "/" },
        "timestamp": { "$date": date }, "received_at": { "$date": date },
        "bucket": format!("{} page_view", now.date()), "position": 1,
    });
    (id, body.to_string())
}

/// The same for MongoDB.
fn received_at(now: OffsetDateTime) -> Document {
    let mut event = document(0);
    for field in ["timestamp", "received_at"] {
        event.insert(field, DateTime::now());
    }
    event.insert("bucket", format!("{} page_view", now.date()));
    event
}

/// An event, as analytics stores it.
fn document(number: u64) -> Document {
    let day = FIRST + Duration::days((number % DAYS).cast_signed());
    let received =
        datetime!(2026-04-01 00:00 UTC) + Duration::milliseconds(number.cast_signed() * 10);
    doc! {
        "_id": Uuid::now_v7().to_string(), "event_type": "page_view", "event_name": "home",
        "source": "user", "user_id": format!("user-{}", number / EVENTS_PER_USER),
        "properties": { "page": "/" },
        "timestamp": date(day + Duration::hours(12)), "received_at": date(received),
        "bucket": format!("{} page_view", day.date()), "position": number.cast_signed() + 1,
    }
}

fn date(moment: OffsetDateTime) -> DateTime {
    DateTime::from_millis(moment.unix_timestamp() * 1000 + i64::from(moment.millisecond()))
}
