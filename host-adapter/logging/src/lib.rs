//! The log: lines of the adapter and of the components, on stderr and in files.
//!
//! [`Log::start`] starts a thread for stderr, and one for files if `log.directory` is set. Each has a
//! queue that is bounded in bytes, so a slow disk or terminal never stalls a request: a line that does
//! not fit is counted as lost, and the loss is said in the log itself. [`Log::layer`] is the
//! [`tracing_subscriber::Layer`] that fills the queues. Dropping the [`Log`] writes what waits.
//! [`LogHandle::change`] goes on with other settings.
//!
//! Events of the target [`GUEST`] are lines that a component wrote. `component` is the component that
//! the host knows it to be, whatever the line claims. All other events are the adapter's own. They get
//! `component`, `request_id` and `trace_id` from the spans around them.
//!
//! The crate knows neither wasm nor HTTP.

mod context;
mod counters;
mod escape;
mod fields;
mod files;
mod filter;
mod format;
mod guest;
mod json;
mod layer;
mod level;
mod line;
mod log;
mod output;
mod panics;
mod queue;
mod rotating;
mod settings;
mod spin;
mod stream;
#[cfg(test)]
mod tests;
mod text;

pub use counters::{Counters, Counts};
pub use guest::GUEST;
pub use level::LogLevel;
pub use log::{Ambient, Log, LogHandle, Terminal};
pub use settings::{LibraryLevels, LogFormat, LogSettings};
