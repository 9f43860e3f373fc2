//! Logs panics of the adapter's threads.

use std::{
    backtrace::Backtrace, backtrace::BacktraceStatus, panic::PanicHookInfo, sync::Arc,
    time::Duration,
};

use crate::{
    LogLevel,
    escape::push_json,
    fields::push_key,
    line::{HOST, Line},
    log::Outputs,
};

/// How long a panic waits until its line is written. The process may end right after it.
const LIMIT: Duration = Duration::from_secs(1);

/// Replaces the hook that prints panics.
pub(crate) fn install(outputs: Arc<Outputs>) {
    std::panic::set_hook(Box::new(move |panic| {
        outputs.write(line(panic));
        outputs.flush(LIMIT);
    }));
}

fn line(panic: &PanicHookInfo<'_>) -> Line {
    let reason = panic.payload_as_str().unwrap_or("unknown reason");
    let message = format!("a thread panicked: {reason}");
    let mut line = Line::new(LogLevel::Critical, HOST, message);
    let thread = std::thread::current();
    let location = panic.location().map(ToString::to_string);
    let backtrace = Backtrace::capture();
    let is_captured = backtrace.status() == BacktraceStatus::Captured;
    let fields = [
        ("thread", thread.name().map(str::to_owned)),
        ("location", location),
        ("backtrace", is_captured.then(|| backtrace.to_string())),
    ];
    for (key, value) in fields {
        if let Some(value) = value {
            push_key(&mut line.fields, key);
            push_json(&mut line.fields, &value);
        }
    }
    line
}
