//! Rebuilds the statistics from the events.

use crate::error::Result;
use crate::schemas::{Rebuild, Rebuilt};
use crate::summaries;

/// Continues a rebuild, or begins one. It reads all events, so one call may not be enough.
pub(crate) async fn rebuild_statistics(request: Rebuild) -> Result<Rebuilt> {
    let progress = summaries::rebuild(request.restart).await?;
    Ok(Rebuilt {
        done: progress.done,
        events: progress.events,
    })
}
