//! `GET /api/v1/analytics/stats`: summarised slices plus a query for newer events must always equal
//! a count of all events.

use rstest::rstest;
use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use serde_json::json;
use sqlx::{Connection as _, PgConnection};

use crate::support::{
    App, Builder, HostMode,
    events::{
        EVENTS, REBUILD, STATISTICS, as_of, compute_statistics, count_slices, counts_in,
        expect_users, expire_slice_claims, fetch_statistics, insert_events, insert_together,
        rebuild, remove_positions,
    },
    process::send_signal,
    until,
};

/// A time when events were received.
const LONG_AGO: &str = "2026-01-05T00:00:00Z";

/// The days of the events that are inserted.
const DAYS: &str = "from=2026-01-01&to=2026-01-04";

/// Reads the statistics until `expected` slices are summarised. Every reading must be correct.
async fn wait_for_slices(app: &App, sql: &mut PgConnection, expected: i64) {
    let right = compute_statistics(sql).await;
    until(&format!("{expected} slices"), async || {
        assert_eq!(fetch_statistics(app).await, right);
        (count_slices(sql).await >= expected).then_some(())
    })
    .await;
    assert_eq!(fetch_statistics(app).await, right);
}

#[rstest]
#[tokio::test]
async fn statistics_are_right_while_a_backlog_is_summarised(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = Builder::new(mode).patient().start().await;
    let mut sql = app.admin_connection().await;
    assert_eq!(
        fetch_statistics(&app).await,
        compute_statistics(&mut sql).await
    );
    // Enough events for three slices, each with more users than one query counts.
    insert_events(&mut sql, 25_000, LONG_AGO, 7, 4_000).await;
    wait_for_slices(&app, &mut sql, 3).await;
    // Too few events for a slice. Some are from new users.
    insert_events(&mut sql, 900, "2026-02-01T00:00:00Z", 1, 5_000).await;
    assert_eq!(
        fetch_statistics(&app).await,
        compute_statistics(&mut sql).await
    );
    assert_eq!(count_slices(&mut sql).await, 3);
}

#[rstest]
#[tokio::test]
async fn concurrent_readers_share_a_reading(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    const READERS: usize = 24;
    // Readings wait until all readers are there, and some of them for a connection.
    let builder = Builder::new(mode).patient();
    let app = builder.env("SPINDLE_HOST_THREADS", "1").start().await;
    fetch_statistics(&app).await;
    let mut sql = app.admin_connection().await;
    // No reading can end while this transaction holds the lock.
    let mut blocker = sql.begin().await.expect("begin");
    sqlx::query("lock table documents.events in access exclusive mode")
        .execute(&mut *blocker)
        .await
        .expect("lock");
    let mut observer = app.admin_connection().await;
    // The latest reading is too old for this reader. For a moment, others may still get it.
    let first = until("a blocked reading", async || {
        let reader = tokio::spawn(app.get(STATISTICS).send());
        until("an answer or a blocked reading", async || {
            // A reading counts events and users at the same time. What moves the summary forward is blocked as
            // well, by one statement.
            let is_blocked = count_blocked(&mut observer).await > 1;
            (is_blocked || reader.is_finished()).then_some(())
        })
        .await;
        (!reader.is_finished()).then_some(reader)
    })
    .await;
    let others = (0..READERS).map(|_| tokio::spawn(app.get(STATISTICS).send()));
    let readers: Vec<_> = std::iter::once(first).chain(others).collect();
    until("all readers to wait or to have an answer", async || {
        let waiting = readers
            .iter()
            .filter(|reader| !reader.is_finished())
            .count();
        (app.requests_in_flight("analytics").await == waiting).then_some(())
    })
    .await;
    blocker.rollback().await.expect("rollback");
    let mut times = BTreeSet::new();
    for reader in readers {
        times.insert(as_of(&reader.await.expect("join").expect(200).json()));
    }
    // Each instance has a reading of its own.
    assert!(times.len() < READERS, "{times:?}");
}

async fn count_blocked(sql: &mut PgConnection) -> i64 {
    sqlx::query_scalar(
        "select count(*) from pg_locks where not granted and relation = 'documents.events'::regclass",
    )
    .fetch_one(sql)
    .await
    .expect("count")
}

#[rstest]
#[tokio::test]
async fn events_of_one_position_are_one_slice(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = Builder::new(mode).patient().start().await;
    let mut sql = app.admin_connection().await;
    insert_events(&mut sql, 500, LONG_AGO, 1, 500).await;
    insert_together(&mut sql, 12_000, "2026-01-05T00:00:01Z", 0, 2_500).await;
    insert_events(&mut sql, 1_500, "2026-01-05T00:00:02Z", 1, 3_000).await;
    wait_for_slices(&app, &mut sql, 3).await;
}

#[rstest]
#[tokio::test]
async fn a_clock_that_is_set_back_hides_no_event(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = Builder::new(mode).patient().start().await;
    let mut sql = app.admin_connection().await;
    insert_events(&mut sql, 2_000, "2026-02-01T00:00:00Z", 1, 100).await;
    wait_for_slices(&app, &mut sql, 1).await;
    // According to the clock of who stored them, these were received before the others.
    insert_events(&mut sql, 1_500, LONG_AGO, 1, 200).await;
    wait_for_slices(&app, &mut sql, 2).await;
}

#[rstest]
#[tokio::test]
async fn events_of_an_earlier_version_are_counted(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = Builder::new(mode).patient().start().await;
    let mut sql = app.admin_connection().await;
    insert_events(&mut sql, 2_500, LONG_AGO, 1, 100).await;
    remove_positions(&mut sql).await;
    app.wait_for_statistics(2_500).await;
    assert_eq!(
        fetch_statistics(&app).await,
        compute_statistics(&mut sql).await
    );
}

#[rstest]
#[tokio::test]
async fn days_beyond_the_limit_count_only_in_the_total(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = Builder::new(mode).patient().start().await;
    let mut sql = app.admin_connection().await;
    insert_events(&mut sql, 3_000, LONG_AGO, 1, 10).await;
    // Give each event its own day.
    sqlx::query(
        "with numbered as (select id, row_number() over () as n from documents.events) \
         update documents.events e set body = body || jsonb_build_object('bucket', \
         to_char(date '2000-01-01' + n::int, 'YYYY-MM-DD') || ' search', 'event_type', 'search') \
         from numbered where numbered.id = e.id",
    )
    .execute(&mut sql)
    .await
    .expect("update");
    for wanted in [0, 1] {
        until("the statistics", async || {
            let statistics = fetch_statistics(&app).await;
            assert_eq!(statistics["total_events"], 3_000);
            assert_eq!(statistics["by_type"], json!({ "search": 3_000 }));
            let days = statistics["by_day"].as_object().expect("days");
            assert_eq!(days.len(), 1_000);
            assert!(days.contains_key("2008-03-19") && !days.contains_key("2005-06-22"));
            (count_slices(&mut sql).await >= wanted).then_some(())
        })
        .await;
    }
}

#[rstest]
#[tokio::test]
async fn concurrent_writers_and_readers_count_every_event(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    const WRITERS: u64 = 8;
    const EACH: u64 = 60;
    let app = Builder::new(mode).patient().start().await;
    let mut sql = app.admin_connection().await;
    insert_events(&mut sql, 30_000, LONG_AGO, 3, 2_000).await;
    let (sent, stored, over) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let token = app.register_and_log_in("ada").await;
    app.wait_for_statistics(30_002).await;
    let write = async || {
        for _ in 0..EACH {
            sent.fetch_add(1, Ordering::Relaxed);
            let event = json!({ "event_type": "search", "event_name": "x" });
            let answer = app.post(EVENTS).bearer(&token).json(&event).send().await;
            answer.expect(201);
            stored.fetch_add(1, Ordering::Relaxed);
        }
    };
    let read = async || {
        let mut last = 0;
        while !over.load(Ordering::Relaxed) {
            let before = 30_002 + stored.load(Ordering::Relaxed);
            let total = fetch_statistics(&app).await["total_events"]
                .as_u64()
                .expect("total");
            let after = 30_002 + sent.load(Ordering::Relaxed);
            assert!(
                (before..=after).contains(&total),
                "{before} {total} {after}"
            );
            assert!(total >= last, "{total} after {last}");
            last = total;
        }
    };
    let writers = async {
        futures_util::future::join_all((0..WRITERS).map(|_| write())).await;
        over.store(true, Ordering::Relaxed);
    };
    futures_util::future::join(
        writers,
        futures_util::future::join_all((0..4).map(|_| read())),
    )
    .await;
    assert_eq!(
        fetch_statistics(&app).await,
        compute_statistics(&mut sql).await
    );
    // Recorded events are summarised as well when there are enough of them.
    insert_events(&mut sql, 1_000, "2026-02-01T00:00:00Z", 1, 10).await;
    wait_for_slices(&app, &mut sql, 4).await;
    let tail: i64 = sqlx::query_scalar(
        "select count(*) from documents.events e, documents.event_summaries s where s.id = 'totals' \
         and (e.body -> 'position')::bigint > (s.body -> 'position')::bigint",
    )
    .fetch_one(&mut sql)
    .await
    .expect("count");
    assert_eq!(tail, 0);
}

#[rstest]
#[tokio::test]
async fn statistics_survive_a_kill_at_any_instant(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    const ROUNDS: u64 = 3;
    let first = Builder::new(mode).patient().start().await;
    let mut sql = first.admin_connection().await;
    let database = first.database.clone();
    let keys = first.directory.path().join("keys");
    let again = async || {
        Builder::new(mode)
            .patient()
            .env("SPINDLE_KEYS_DIRECTORY", keys.to_str().expect("text"))
            .database(database.clone())
            .start()
            .await
    };
    let token = first.register_and_log_in("ada").await;
    first.wait_for_statistics(2).await;
    send_signal(first.pid(), "KILL");
    let stored = AtomicU64::new(0);
    for round in 0..ROUNDS {
        let received = format!("2026-01-05T{round:02}:00:00Z");
        insert_events(&mut sql, 12_000, &received, 1, 1_500 + 500 * round as i32).await;
        let app = again().await;
        let rebuild = first.seal("analytics", REBUILD, &json!({}));
        // Kill the process after a random number of requests.
        let (done, last) = (AtomicU64::new(0), 1 + rand::random::<u64>() % 60);
        let work = async |path: &'static str| {
            while done.load(Ordering::Relaxed) < last {
                let event = json!({ "event_type": "search", "event_name": "x" });
                let request = match path {
                    STATISTICS => app.get(path),
                    REBUILD => app.post(path).text(&rebuild),
                    _ => app.post(path).bearer(&token).json(&event),
                };
                // A request that the kill interrupts does not get an answer.
                let Ok(answer) = request.0.send().await else {
                    return;
                };
                if answer.status() == 201 {
                    stored.fetch_add(1, Ordering::Relaxed);
                }
                if done.fetch_add(1, Ordering::Relaxed) + 1 >= last {
                    send_signal(app.pid(), "KILL");
                }
            }
        };
        let works = [EVENTS, STATISTICS, REBUILD, EVENTS, STATISTICS].map(work);
        futures_util::future::join_all(works).await;
        drop(app);
        let cut = expire_slice_claims(&mut sql).await;
        println!("round {round}: {cut} slices were left in the middle");
        let app = again().await;
        assert_eq!(
            fetch_statistics(&app).await,
            compute_statistics(&mut sql).await,
            "round {round}"
        );
    }
    let app = again().await;
    let right = compute_statistics(&mut sql).await;
    let total = right["total_events"].as_u64().expect("total");
    assert!(total >= ROUNDS * 12_000 + 2 + stored.load(Ordering::Relaxed));
    wait_for_slices(&app, &mut sql, ROUNDS as i64).await;
    // All but one are of these days.
    let users = right["distinct_users"].as_u64().expect("a number") - 1;
    expect_users(&app, DAYS, users).await;
    rebuild(&app, &first).await;
    assert_eq!(fetch_statistics(&app).await, right);
    // Now the summary has all that are more on a day than are counted exactly.
    assert!(expect_users(&app, DAYS, users).await);
}

#[rstest]
#[tokio::test]
async fn a_period_is_counted_by_its_days(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = Builder::new(mode).patient().start().await;
    let mut sql = app.admin_connection().await;
    insert_events(&mut sql, 12_000, LONG_AGO, 1, 7).await;
    wait_for_slices(&app, &mut sql, 2).await;
    insert_events(&mut sql, 400, LONG_AGO, 1, 7).await;
    let statistics_for = async |query: &str| {
        let answer = app.get(&format!("{STATISTICS}?{query}")).send().await;
        counts_in(answer.expect(200).json())
    };
    let days = "from=2026-01-02&to=2026-01-03";
    let before = statistics_for(days).await;
    assert_eq!(
        before["by_day"],
        json!({ "2026-01-02": 3_100, "2026-01-03": 3_100 })
    );
    assert_eq!(before["distinct_users"], 7);
    let edges = "from=2026-01-02T12:00:00.001Z&to=2026-01-04T12:00:00.001Z";
    let expected = json!({ "2026-01-03": 3_100, "2026-01-04": 3_100 });
    assert_eq!(statistics_for(edges).await["by_day"], expected);
    // The counts of whole days do not come from the events.
    sqlx::query("delete from documents.events where body ->> 'bucket' like '2026-01-02%'")
        .execute(&mut sql)
        .await
        .expect("delete");
    assert_eq!(statistics_for(days).await["by_day"]["2026-01-02"], 3_000);
}

#[rstest]
#[tokio::test]
async fn a_period_includes_its_start_and_excludes_its_end(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = Builder::new(mode).patient().start().await;
    let mut sql = app.admin_connection().await;
    insert_events(&mut sql, 400, LONG_AGO, 1, 7).await;
    let statistics_for = async |query: &str| {
        let answer = app.get(&format!("{STATISTICS}?{query}")).send().await;
        counts_in(answer.expect(200).json())
    };
    let third = json!({ "2026-01-03": 100 });
    let one = statistics_for("from=2026-01-03T12:00:00Z&to=2026-01-03T12:00:00.001Z").await;
    assert_eq!(one["by_day"], third);
    assert_eq!(one["total_events"], 100);
    assert_eq!(one["distinct_users"], 7);
    assert_eq!(
        statistics_for("from=2026-01-03T12:00:00.001Z").await["by_day"],
        json!({ "2026-01-04": 100 })
    );
    assert_eq!(
        statistics_for("to=2026-01-01T12:00:00Z").await["total_events"],
        0
    );
    // A date without a time stands for the whole day.
    assert_eq!(
        statistics_for("from=2026-01-03&to=2026-01-03").await["by_day"],
        third
    );
    assert_eq!(statistics_for("from=2026-01-03").await["total_events"], 200);
    for (query, pointer) in [
        ("from=yesterday", "/from"),
        ("to=2026-02-30", "/to"),
        ("from=2026-01-02&to=2026-01-01", "/to"),
    ] {
        let answer = app.get(&format!("{STATISTICS}?{query}")).send().await;
        assert_eq!(
            answer.expect_problem(422, "invalid-fields").pointers(),
            [pointer]
        );
    }
}

#[rstest]
#[tokio::test]
async fn users_of_whole_days_are_counted_without_events(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = Builder::new(mode).patient().start().await;
    let mut sql = app.admin_connection().await;
    // All of them come on several days.
    insert_events(&mut sql, 2_000, LONG_AGO, 1, 403).await;
    wait_for_slices(&app, &mut sql, 1).await;
    let remove = "delete from documents.events where body ->> 'bucket' like '2026-01-02%'";
    sqlx::query(remove).execute(&mut sql).await.expect("delete");
    assert!(!expect_users(&app, DAYS, 403).await);
    // The summary does not have these yet. Some are by new users.
    insert_events(&mut sql, 900, LONG_AGO, 1, 1_000).await;
    assert!(!expect_users(&app, DAYS, 901).await);
    insert_events(&mut sql, 11_000, LONG_AGO, 1, 1_501).await;
    until("slices", async || {
        fetch_statistics(&app).await;
        (count_slices(&mut sql).await == 4).then_some(())
    })
    .await;
    assert!(expect_users(&app, DAYS, 1_501).await);
    assert!(expect_users(&app, "from=2026-01-03", 1_501).await);
    // Too many users in a part of a day.
    assert!(!expect_users(&app, "from=2026-01-03&to=2026-01-04T18:00:00Z", 1_501).await);
    // An earlier version has changed a day.
    let change = "update documents.event_summaries set body = jsonb_set(body, '{users,slice}', '1') \
        where id like '% 2026-01-03'";
    sqlx::query(change).execute(&mut sql).await.expect("update");
    assert!(!expect_users(&app, DAYS, 1_501).await);
    rebuild(&app, &app).await;
    assert!(expect_users(&app, DAYS, 1_501).await);
}

#[rstest]
#[tokio::test]
async fn users_of_many_days_in_one_slice_are_counted(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = Builder::new(mode).patient().start().await;
    let mut sql = app.admin_connection().await;
    insert_events(&mut sql, 3_000, LONG_AGO, 1, 90).await;
    // On two days there are many events, and on a hundred others few.
    let spread = "with numbered as (select id, row_number() over (order by id) as n from documents.events) \
        update documents.events e set body = body || jsonb_build_object('bucket', \
        to_char(date '2026-03-01' + (case when n <= 1200 then 20 when n <= 2400 then 70 else n % 100 end)::int, \
        'YYYY-MM-DD') || ' search', 'event_type', 'search', 'properties', repeat('x', 16000)) \
        from numbered where numbered.id = e.id";
    sqlx::query(spread).execute(&mut sql).await.expect("update");
    until("a slice", async || {
        fetch_statistics(&app).await;
        (count_slices(&mut sql).await == 1).then_some(())
    })
    .await;
    let users = "select count(distinct body ->> 'user_id') from documents.events \
        where left(body ->> 'bucket', 10) between $1 and $2";
    for (from, to) in [
        ("2026-03-01", "2026-03-09"),
        ("2026-03-15", "2026-06-01"),
        ("2026-05-30", "2026-06-08"),
    ] {
        let right: i64 = sqlx::query_scalar(users)
            .bind(from)
            .bind(to)
            .fetch_one(&mut sql)
            .await
            .expect("a count");
        let period = format!("from={from}&to={to}");
        assert!(!expect_users(&app, &period, right.unsigned_abs()).await);
    }
}
