//! A clock that a test sets: `libfaketime`, which is loaded into the processes of an application and reads by
//! how much it is wrong from a file. Monotonic time is not shifted, as on a machine whose clock steps.

use std::path::{Path, PathBuf};

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
        builder
            .env("LD_PRELOAD", library().display().to_string())
            .env("FAKETIME_TIMESTAMP_FILE", self.file.display().to_string())
            .env("FAKETIME_CACHE_DURATION", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("NO_FAKE_STAT", "1")
    }

    /// Sets by how many minutes it is wrong. The processes notice within a second.
    pub(super) fn set(&self, minutes: i32) {
        // A rename, because a process may read the file at any time.
        let unfinished = self.file.with_extension("unfinished");
        std::fs::write(&unfinished, format!("{:+}\n", minutes * 60)).expect("write");
        std::fs::rename(&unfinished, &self.file).expect("rename");
    }
}

/// The library's variant for programs with threads.
fn library() -> PathBuf {
    let pattern = "/usr/lib/*/faketime/libfaketimeMT.so.1";
    let mut found = glob::glob(pattern).expect("a pattern").flatten();
    let found = found.next();
    found.unwrap_or_else(|| panic!("there is no {pattern}: run `./dev test`, which installs it"))
}

/// Removes what the library keeps in shared memory for a process that was killed.
pub(super) fn clean_up(pid: u32) {
    for kind in ["faketime_shm", "sem.faketime_sem"] {
        let _ = std::fs::remove_file(format!("/dev/shm/{kind}_{pid}"));
    }
}
