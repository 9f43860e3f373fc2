//! Metrics of the process and the build, with the names that Prometheus clients use.

use std::{fmt, time::SystemTime};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{counter::ConstCounter, gauge::ConstGauge, info::Info},
};

/// Clock ticks of a second in `/proc`, which Linux fixes for programs on every architecture.
const TICKS_PER_SECOND: f64 = 100.0;

/// Bytes of a page where the system does not say otherwise.
const PAGE: f64 = 4_096.0;

/// Reads the process's state when the metrics are read.
#[derive(Debug)]
pub(super) struct Process {
    version: &'static str,
    started: f64,
}

impl Process {
    pub(super) fn new(version: &'static str) -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self {
            version,
            started: now.map_or(0.0, |now| now.as_secs_f64()),
        }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let info = Info::new(vec![("version", self.version)]);
        let kind = info.metric_type();
        info.encode(encoder.encode_descriptor("spindle_build", "The program", None, kind)?)?;
        gauge(
            &mut encoder,
            "process_start_time_seconds",
            "When the process started, in seconds since 1970",
            self.started,
        )?;
        if let Some(seconds) = processor_seconds() {
            let counter = ConstCounter::new(seconds);
            let kind = counter.metric_type();
            let help = "Processor time used";
            counter.encode(encoder.encode_descriptor(
                "process_cpu_seconds",
                help,
                None,
                kind,
            )?)?;
        }
        if let Some(bytes) = resident_bytes() {
            let help = "Resident memory";
            gauge(&mut encoder, "process_resident_memory_bytes", help, bytes)?;
        }
        if let Some(files) = open_files() {
            gauge(
                &mut encoder,
                "process_open_fds",
                "Open file descriptors",
                files,
            )?;
        }
        Ok(())
    }
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: f64,
) -> Result<(), fmt::Error> {
    let gauge = ConstGauge::new(value);
    let kind = gauge.metric_type();
    gauge.encode(encoder.encode_descriptor(name, help, None, kind)?)
}

/// User and system time: fields 14 and 15 of `/proc/self/stat` (proc(5)), counted after the name, which
/// may contain spaces.
fn processor_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

fn resident_bytes() -> Option<f64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: f64 = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(pages * PAGE)
}

fn open_files() -> Option<f64> {
    let count = std::fs::read_dir("/proc/self/fd").ok()?.count();
    // The directory itself is open while it is read.
    u32::try_from(count.saturating_sub(1)).ok().map(f64::from)
}
