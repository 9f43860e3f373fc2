//! What processes use, as Linux counts it in `/proc`.

use std::{collections::BTreeSet, fs};

/// A host's processes, and what they started.
pub(crate) struct Processes(Vec<u32>);

impl Processes {
    pub(crate) fn new(roots: impl IntoIterator<Item = u32>) -> Self {
        Self(roots.into_iter().collect())
    }

    /// Processor time so far, of the program and of the kernel for it, in microseconds. The clock has ticks of
    /// 10 ms.
    pub(crate) fn processor_time(&self) -> u64 {
        let per_second = rustix::param::clock_ticks_per_second().max(1);
        let ticks: u64 = self.sum(|id| ticks(&read(id, "stat")?));
        ticks * 1_000_000 / per_second
    }

    /// Proportional set size in KiB: memory that several processes share counts in parts.
    pub(crate) fn memory(&self) -> u64 {
        self.sum(|id| kibibytes(&read(id, "smaps_rollup")?, "Pss:"))
    }

    /// The sum of the largest resident sizes since each process started, in KiB.
    pub(crate) fn peak_resident(&self) -> u64 {
        self.sum(|id| kibibytes(&read(id, "status")?, "VmHWM:"))
    }

    fn sum(&self, measure: impl Fn(u32) -> Option<u64>) -> u64 {
        self.all().into_iter().filter_map(measure).sum()
    }

    fn all(&self) -> BTreeSet<u32> {
        let mut found = BTreeSet::new();
        let mut next = self.0.clone();
        while let Some(id) = next.pop() {
            if found.insert(id) {
                next.extend(children(id));
            }
        }
        found
    }
}

fn read(id: u32, file: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/{id}/{file}")).ok()
}

/// Each thread lists the processes that it started.
fn children(id: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{id}/task"));
    let threads = threads.into_iter().flatten().flatten();
    let lists =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let lists: Vec<String> = lists.collect();
    let ids = lists.iter().flat_map(|list| list.split_whitespace());
    ids.filter_map(|id| id.parse().ok()).collect()
}

/// `utime` and `stime` of `/proc/PID/stat` (`proc_pid_stat(5)`, fields 14 and 15). The name of the program, in
/// parentheses, may have spaces.
fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut field = || fields.next()?.parse::<u64>().ok();
    Some(field()? + field()?)
}

/// A line such as `Pss:    1234 kB`.
fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    value.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_read_behind_the_name_of_the_program() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194304 9 9 9 9 300 45 7 8 20 0 4 0 99 0 0";
        assert_eq!(ticks(stat), Some(345));
        assert_eq!(ticks("42 (a) S 1"), None);
        assert_eq!(ticks(""), None);
    }

    #[test]
    fn memory_is_read_by_the_name_of_its_line() {
        let rollup =
            "00400000-7ff [rollup]\nRss:     9000 kB\nPss:            7123 kB\nPss_Dirty: 5 kB\n";
        assert_eq!(kibibytes(rollup, "Pss:"), Some(7123));
        assert_eq!(
            kibibytes("Name:\tbench\nVmHWM:\t  120 kB\n", "VmHWM:"),
            Some(120)
        );
        assert_eq!(kibibytes("Pss: many kB", "Pss:"), None);
    }

    #[test]
    fn this_process_uses_memory() {
        let own = Processes::new([std::process::id()]);
        assert!(own.memory() > 0);
        assert!(own.peak_resident() > 0);
        assert!(own.all().contains(&std::process::id()));
    }
}
