//! A clock that a test sets: `libfaketime`, which is loaded into the processes of an application or of PostgreSQL and
//! reads by how much it is wrong from a file. Monotonic time is not shifted, as on a machine whose clock steps.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::Builder;

pub(super) struct Clock {
    file: PathBuf,
}

impl Clock {
    pub(super) fn new(directory: &Path, name: &str) -> Self {
        let clock = Self {
            file: directory.join(format!("{name}.clock")),
        };
        clock.set(0);
        clock
    }

    /// Has the application's processes use this clock.
    pub(super) fn give_to(&self, builder: Builder) -> Builder {
        let variables = self.variables("libfaketimeMT.so.1").into_iter();
        variables.fold(builder, |builder, (name, value)| builder.env(name, value))
    }

    /// Has a PostgreSQL use this clock. The variant of the library is the one without threads: in the other one, a
    /// handler of a signal that reads the clock could wait for what it has interrupted.
    pub(super) fn give_to_postgres(&self, command: &mut Command) {
        command.envs(self.variables("libfaketime.so.1"));
    }

    fn variables(&self, library: &str) -> [(&'static str, String); 5] {
        let one = || "1".to_owned();
        [
            ("LD_PRELOAD", find(library).display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.display().to_string()),
            ("FAKETIME_CACHE_DURATION", one()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", one()),
            ("NO_FAKE_STAT", one()),
        ]
    }

    /// Sets by how many minutes it is wrong. The processes notice within a second.
    pub(super) fn set(&self, minutes: i32) {
        // A rename, because a process may read the file at any time.
        let unfinished = self.file.with_extension("unfinished");
        std::fs::write(&unfinished, format!("{:+}\n", minutes * 60)).expect("write");
        std::fs::rename(&unfinished, &self.file).expect("rename");
    }
}

fn find(library: &str) -> PathBuf {
    let pattern = format!("/usr/lib/*/faketime/{library}");
    let mut found = glob::glob(&pattern).expect("a pattern").flatten();
    let found = found.next();
    found.unwrap_or_else(|| panic!("there is no {pattern}: run `./dev test`, which installs it"))
}

/// Removes what the library keeps in shared memory for a process that was killed.
pub(super) fn clean_up(pid: u32) {
    for kind in ["faketime_shm", "sem.faketime_sem"] {
        let _ = std::fs::remove_file(format!("/dev/shm/{kind}_{pid}"));
    }
}
