//! The beginning of a rebuild: it takes over what is known of the events that were removed.
//!
//! While a rebuild is unfinished, no further events are removed: it *holds* the summary of the removed events, by
//! its field `finished`. To hold or release it changes its slice as well, so a worker that has read it before
//! cannot plan another slice. Counts and position are taken over at once, days and users in steps.

use super::summary::{Summary, Taken};
use super::{Result, advance, days, store, users};

/// Does one step.
pub(super) async fn take_over(rebuild: &Summary) -> Result<()> {
    match &rebuild.taken {
        Taken::Nothing => begin(rebuild).await,
        Taken::UsersUpTo(user) => copy(rebuild, user).await,
        Taken::All => Ok(()),
    }
}

async fn begin(rebuild: &Summary) -> Result<()> {
    let Some(removed) = store::read(store::REMOVED).await? else {
        return change(rebuild, Taken::All).await;
    };
    if let Some(plan) = removed.planned {
        advance::add_slice(store::REMOVED, &removed, plan.end).await?;
        return Ok(());
    }
    if !removed.finished {
        return hold(&removed, true).await;
    }
    let next = Summary {
        slice: removed.slice,
        position: removed.position,
        counts: removed.counts,
        users: removed.users,
        taken: Taken::UsersUpTo(String::new()),
        ..rebuild.clone()
    };
    store::change(store::REBUILD, rebuild, &next).await?;
    Ok(())
}

async fn copy(rebuild: &Summary, user: &str) -> Result<()> {
    let Some(removed) = store::read(store::REMOVED).await? else {
        return change(rebuild, Taken::All).await;
    };
    let taken = match users::copy(&removed, rebuild, user).await? {
        Some(last) => Taken::UsersUpTo(last),
        None => {
            days::copy(&removed, rebuild).await?;
            Taken::All
        }
    };
    change(rebuild, taken).await
}

async fn change(rebuild: &Summary, taken: Taken) -> Result<()> {
    let next = Summary {
        taken,
        ..rebuild.clone()
    };
    store::change(store::REBUILD, rebuild, &next).await?;
    Ok(())
}

/// Keeps events from being removed, or lets them be removed again, unless this has changed since `removed` was read.
pub(super) async fn hold(removed: &Summary, is_held: bool) -> Result<()> {
    let next = Summary {
        slice: removed.slice + 1,
        finished: is_held,
        ..removed.clone()
    };
    store::change(store::REMOVED, removed, &next).await?;
    Ok(())
}

/// Lets events be removed again, unless another rebuild has begun. The caller then removes `rebuild`.
pub(super) async fn release(rebuild: &Summary) -> Result<()> {
    let removed = store::read(store::REMOVED).await?;
    let latest = store::read(store::REBUILD).await?;
    if let Some(removed) = removed.filter(|removed| removed.finished)
        && latest.is_some_and(|latest| latest.generation == rebuild.generation)
    {
        hold(&removed, false).await?;
    }
    Ok(())
}
