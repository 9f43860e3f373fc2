//! Stops a cluster when the process that started it ends, even by a signal that cannot be caught.
//!
//! A shell waits for the end of its standard input, a pipe whose other end only this process holds.
//! The system closes that end when this process is killed.

use std::io;
use std::process::{Child, Command, Stdio};

use super::cluster::Cluster;
use super::errors::DevError;

/// Stops the cluster without a last checkpoint, because its data is removed as well.
const SCRIPT: &str = r#"
cat > /dev/null
"$1" stop --silent --mode immediate --pgdata "$2/data"
rm -rf "$2" "$3"
"#;

/// The waiting shell.
pub(super) struct Watch {
    shell: Child,
}

impl Watch {
    /// Starts the shell for `cluster`.
    pub(super) fn start(cluster: &Cluster) -> Result<Self, DevError> {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SCRIPT, "sh"])
            .arg(cluster.programs.program("pg_ctl"));
        command
            .arg(&cluster.directory.root)
            .arg(&cluster.directory.socket);
        command.current_dir("/");
        cluster.account.configure(&mut command);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
            .spawn()
            .map(|shell| Self { shell })
            .map_err(|error| shell_error(&error))
    }

    /// Stops the cluster, removes its files, and waits for both.
    pub(super) async fn stop(self) -> Result<(), DevError> {
        let mut shell = self.shell;
        let waiting = tokio::task::spawn_blocking(move || {
            drop(shell.stdin.take());
            shell.wait()
        });
        let waited = waiting
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)));
        waited.map(|_| ()).map_err(|error| shell_error(&error))
    }
}

fn shell_error(error: &io::Error) -> DevError {
    DevError::Program {
        program: "sh".to_owned(),
        output: error.kind().to_string(),
    }
}
