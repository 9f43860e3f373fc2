//! Ends a cluster when its starter ends, even by a signal that cannot be caught.
//!
//! A shell waits for the end of its input, which is a pipe of which only we hold the other side:
//! the system closes that for us if we cannot.

use std::io;
use std::process::{Child, Command, Stdio};

use super::cluster::Cluster;
use super::errors::DevError;

/// Stops the cluster at once, without a last checkpoint, since its data goes with it.
const SCRIPT: &str = r#"
cat > /dev/null
"$1" stop --silent --mode immediate --pgdata "$2/data"
rm -rf "$2" "$3"
"#;

/// The shell that waits.
pub(super) struct Watch {
    shell: Child,
}

impl Watch {
    /// Begin to watch over `cluster`.
    pub(super) fn begin(cluster: &Cluster) -> Result<Self, DevError> {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SCRIPT, "sh"])
            .arg(cluster.programs.program("pg_ctl"));
        command
            .arg(&cluster.place.directory)
            .arg(&cluster.place.socket_directory);
        command.current_dir("/");
        cluster.account.run(&mut command);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
            .spawn()
            .map(|shell| Self { shell })
            .map_err(|error| refused(&error))
    }

    /// Stop the cluster, remove its files, and wait for both.
    pub(super) async fn end(self) -> Result<(), DevError> {
        let mut shell = self.shell;
        let waiting = tokio::task::spawn_blocking(move || {
            drop(shell.stdin.take());
            shell.wait()
        });
        let waited = waiting
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)));
        waited.map(|_| ()).map_err(|error| refused(&error))
    }
}

fn refused(error: &io::Error) -> DevError {
    DevError::Program {
        program: "sh".to_owned(),
        output: error.kind().to_string(),
    }
}
