//! The routes of the service. Each handler calls one service function and shapes its result.

use service_kit::answer::Either;
use service_kit::input::Period;
use service_kit::page::Page;
use service_kit::routing::{Routes, get, post};
use service_kit::{
    Answer, Bearer, Caller, Created, IdempotencyKey, Input, Operator, Query, Result,
    UncheckedCaller, health,
};

use crate::error::Error;
use crate::schemas::{
    Bulk, BulkStored, Event, EventSearch, NewEvent, Rebuild, Rebuilt, Statistics, Stored,
};
use crate::services;

pub(crate) fn routes(routes: Routes) -> Routes {
    let record_event = post(record_event)
        .about("Stores an event. An event whose id was stored before is not stored again.")
        .problems([Error::WritesEventsOfOthers, Error::RequestInProgress]);
    let record_events =
        post(record_events).about("Stores up to 100 events, and answers what became of each.");
    let list_events = get(list_events)
        .about("Lists the caller's events, in pages, newest first.")
        .problems([Error::ReadsEventsOfOthers]);
    let statistics = get(statistics)
        .about("Counts events, by type and day, their users, and the users of the application.")
        .problems([Error::PeriodTooLong]);
    let rebuild_statistics = post(rebuild_statistics)
        .about("Counts the statistics again, for the operator. Repeat it until `done` is true.");
    let health =
        get(health::handler).about("Reports the health of the service and of what it depends on.");
    routes
        .required("/api/v1/analytics/events", record_event)
        .optional("/api/v1/analytics/events", list_events)
        .required("/api/v1/analytics/events/bulk", record_events)
        .optional("/api/v1/analytics/stats", statistics)
        .required("/api/v1/analytics/stats/rebuild", rebuild_statistics)
        .public("/api/v1/analytics/health", health)
}

async fn record_event(
    caller: UncheckedCaller,
    key: IdempotencyKey,
    event: Result<Input<NewEvent>>,
) -> Result<Either<Created<Stored>, Answer<Stored>>> {
    let stored = match (caller, event) {
        (UncheckedCaller::User(token), Ok(Input(event)))
            if key.is_none() && services::is_about_sender(&event) =>
        {
            services::record_own_event(token, event).await?
        }
        // What is wrong with an event is told only to a caller who is known.
        (caller, event) => {
            let (caller, Input(event)) = (caller.check().await?, event?);
            services::record_event(caller, key.text()?, event).await?
        }
    };
    Ok(if stored.stored {
        Either::First(Answer::created("Event stored", stored))
    } else {
        Either::Second(Answer::ok("Event was stored before", stored))
    })
}

async fn record_events(caller: Caller, Input(bulk): Input<Bulk>) -> Result<Answer<BulkStored>> {
    let stored = services::record_events(caller, bulk).await?;
    Ok(Answer::ok("Events handled", stored))
}

async fn list_events(
    Bearer(claims): Bearer,
    Query(search): Query<EventSearch>,
) -> Result<Answer<Page<Event>>> {
    let events = services::list_events(&claims.subject, search).await?;
    Ok(Answer::ok("Events", events).private())
}

async fn statistics(Query(period): Query<Period>) -> Result<Answer<Statistics>> {
    let (statistics, warnings) = services::event_statistics(period).await?;
    Ok(Answer::ok("Event statistics", statistics).with_warnings(warnings))
}

async fn rebuild_statistics(
    _: Operator,
    Input(request): Input<Rebuild>,
) -> Result<Answer<Rebuilt>> {
    let rebuilt = services::rebuild_statistics(request).await?;
    Ok(Answer::ok("Statistics rebuild progress", rebuilt))
}
