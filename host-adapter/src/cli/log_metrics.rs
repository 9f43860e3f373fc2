//! How many lines of the log were written and lost.

use std::fmt;

use adapter_logging::Counts;
use adapter_telemetry::metrics::{Collector, ConstCounter, DescriptorEncoder, EncodeMetric as _};

/// Reads the counts of each output when the metrics are read.
pub(super) struct LogMetrics(pub(super) Box<dyn Fn() -> Vec<Counts> + Send + Sync>);

impl fmt::Debug for LogMetrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LogMetrics")
    }
}

impl Collector for LogMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counts = (self.0)();
        let written: fn(&Counts) -> u64 = |counts| counts.written;
        let lost: fn(&Counts) -> u64 = |counts| counts.lost;
        for (name, help, value) in [
            (
                "spindle_log_lines",
                "Lines of the log that were written",
                written,
            ),
            (
                "spindle_log_lines_lost",
                "Lines of the log that an output could not take",
                lost,
            ),
        ] {
            let kind = ConstCounter::new(0_u64).metric_type();
            let mut family = encoder.encode_descriptor(name, help, None, kind)?;
            for count in &counts {
                let labels = [("output", count.output)];
                ConstCounter::new(value(count)).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}
