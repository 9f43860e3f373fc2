//! Statistics counted anew from the events.

use service_kit::Result;

use crate::schemas::{Rebuild, Rebuilt};
use crate::summaries;

/// Go on with a rebuild, or begin one. It goes through all events, so one call may not be enough.
pub(crate) async fn rebuild_statistics(request: Rebuild) -> Result<Rebuilt> {
    let progress = summaries::rebuild(request.restart).await?;
    Ok(Rebuilt {
        done: progress.done,
        events: progress.events,
    })
}
