//! Compares what was acknowledged with what is in the databases, and both with what the services say.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use mongodb::bson::{Document, doc};
use serde_json::{Value, json};
use sqlx::{PgConnection, Row as _};

use super::{
    clients::{Ledger, Logout},
    world::World,
};
use crate::support::{
    App, cluster,
    customer::{Customer, PROFILE},
    events::{expect_users, fetch_statistics},
    mongodb as server,
};

/// Time for the last messages. After many failures, a delivery is repeated after a minute.
const DELIVERY: Duration = Duration::from_secs(150);

/// How many times each text occurs.
type Counts = BTreeMap<String, usize>;

/// Panics if an acknowledged effect is missing, or if there is one twice.
pub(super) async fn check(world: &World, ledger: &Ledger) {
    let mut sql = cluster::connect(&world.postgres_url()).await;
    wait_for_messages(&mut sql).await;
    assert_eq!(ledger.unexpected, [""; 0], "answers that no fault explains");
    let mongodb = server::connect(&world.mongodb_url()).await;
    let events = read(&mongodb, "events").await;
    let activities = read(&mongodb, "activities").await;
    check_registrations(&mut sql, ledger, &events, &activities).await;
    check_sessions(&mut sql, ledger, &events, &activities).await;
    let recorded = count(&events, |event| {
        (text(event, "event_type") == "page_view").then(|| text(event, "event_name"))
    });
    assert_eq!(recorded, once(&ledger.events), "events");
    let expected = statistics(&events);
    for app in [&world.embedded, &world.composed] {
        assert_eq!(fetch_statistics(app).await, expected, "statistics");
        let users = expected["distinct_users"].as_u64().expect("a number");
        expect_users(app, "from=2000-01-01", users).await;
        let answer = app
            .get("/api/v1/users/stats/count")
            .send()
            .await
            .expect(200);
        assert_eq!(
            answer.json()["data"]["total_users"],
            ledger.registrations.len(),
            "{answer:?}"
        );
        check_tokens(app, ledger).await;
    }
}

async fn wait_for_messages(sql: &mut PgConnection) {
    let query = "select count(*) filter (where refused_at is null), count(refused_at), \
                 coalesce(string_agg(refusal, '; '), '') from \"user\".outbox";
    let begin = Instant::now();
    loop {
        let row = sqlx::query(query).fetch_one(&mut *sql).await;
        let row = row.expect("a count");
        let (waiting, dead, why): (i64, i64, String) = (row.get(0), row.get(1), row.get(2));
        assert_eq!(dead, 0, "dead letters: {why}");
        if waiting == 0 {
            println!(
                "messages: all delivered {:.0?} after the last fault",
                begin.elapsed()
            );
            return;
        }
        assert!(begin.elapsed() < DELIVERY, "{waiting} messages wait: {why}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Each user once, with one event and one activity.
async fn check_registrations(
    sql: &mut PgConnection,
    ledger: &Ledger,
    events: &[Document],
    activities: &[Document],
) {
    let rows = sqlx::query_as("select username, id::text from \"user\".users");
    let users: Vec<(String, String)> = rows.fetch_all(sql).await.expect("users");
    let found: BTreeMap<String, String> = users.into_iter().collect();
    assert_eq!(found, ledger.registrations, "users");
    let ids = once(found.values());
    assert_eq!(
        by_user(events, "event_name", "user_registered"),
        ids,
        "events of registrations"
    );
    assert_eq!(
        by_user(activities, "action", "registered"),
        ids,
        "activities of registrations"
    );
}

/// Each session with one event and one activity, and no session resurrected. There may be more than were
/// acknowledged, because an answer got lost.
async fn check_sessions(
    sql: &mut PgConnection,
    ledger: &Ledger,
    events: &[Document],
    activities: &[Document],
) {
    let rows = sqlx::query_as("select id::text, user_id::text from \"user\".sessions");
    let sessions: Vec<(String, String)> = rows.fetch_all(sql).await.expect("sessions");
    let acknowledged: BTreeSet<_> = ledger.logins.iter().map(|login| &login.session).collect();
    let found: BTreeSet<_> = sessions.iter().map(|(id, _)| id).collect();
    let missing: Vec<_> = acknowledged.difference(&found).collect();
    assert!(missing.is_empty(), "sessions: {missing:?}");
    let logged_in = count(activities, |one| {
        (text(one, "action") == "logged_in").then(|| text(one, "session_id"))
    });
    assert_eq!(logged_in, once(found), "activities of logins");
    let mut logins = Counts::new();
    for (_, user) in &sessions {
        *logins.entry(user.clone()).or_default() += 1;
    }
    assert_eq!(
        by_user(events, "event_name", "user_login"),
        logins,
        "events of logins"
    );
    let logged_out = count(activities, |one| {
        (text(one, "action") == "logged_out").then(|| text(one, "session_id"))
    });
    for login in &ledger.logins {
        let times = logged_out.get(&login.session).copied().unwrap_or_default();
        let right = match login.logout {
            Logout::Never => times == 0,
            Logout::Unknown => times <= 1,
            Logout::Acknowledged => times == 1,
        };
        assert!(
            right,
            "{times} activities of a logout that was {:?}: {}",
            login.logout, login.session
        );
    }
}

/// The tokens of ended sessions are refused, and others accepted.
async fn check_tokens(app: &App, ledger: &Ledger) {
    let customer = Customer::new(app.fixed_url(), crate::support::TIMEOUT);
    let mut checked = Counts::new();
    for login in ledger.logins.iter().filter(|login| login.is_usable) {
        let status = match login.logout {
            Logout::Never => 200,
            Logout::Acknowledged => 401,
            Logout::Unknown => continue,
        };
        // Those of a long run take too long.
        let times = checked.entry(format!("{:?}", login.logout)).or_default();
        *times += 1;
        if *times > 500 {
            continue;
        }
        let answer = customer
            .get(PROFILE, Some(&login.token))
            .await
            .expect("an answer");
        assert_eq!(
            answer.0, status,
            "{:?} of {}: {answer:?}",
            login.logout, login.user
        );
    }
}

async fn read(database: &mongodb::Database, collection: &str) -> Vec<Document> {
    let found = database
        .collection::<Document>(collection)
        .find(doc! {})
        .await;
    let mut found = found.expect("documents");
    let mut documents = Vec::new();
    while found.advance().await.expect("a document") {
        documents.push(found.deserialize_current().expect("a document"));
    }
    documents
}

fn text(document: &Document, field: &str) -> String {
    document.get_str(field).unwrap_or_default().to_owned()
}

fn count(documents: &[Document], key: impl Fn(&Document) -> Option<String>) -> Counts {
    let mut counts = Counts::new();
    for key in documents.iter().filter_map(key) {
        *counts.entry(key).or_default() += 1;
    }
    counts
}

/// How many documents with this value there are of each user.
fn by_user(documents: &[Document], field: &str, value: &str) -> Counts {
    count(documents, |document| {
        (text(document, field) == value).then(|| text(document, "user_id"))
    })
}

fn once<'a>(texts: impl IntoIterator<Item = &'a String>) -> Counts {
    texts.into_iter().map(|text| (text.clone(), 1)).collect()
}

/// The statistics of these events, as the service should report them.
fn statistics(events: &[Document]) -> Value {
    let day = |event: &Document| {
        let moment = event.get_datetime("timestamp").expect("a time");
        let moment = moment.try_to_rfc3339_string().expect("RFC 3339");
        moment.split('T').next().map(str::to_owned)
    };
    json!({
        "total_events": events.len(),
        "distinct_users": count(events, |event| Some(text(event, "user_id"))).len(),
        "by_type": count(events, |event| Some(text(event, "event_type"))),
        "by_day": count(events, day),
    })
}
