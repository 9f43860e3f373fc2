//! Runs the build command of a component.

use std::{
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use adapter_component_host::manifest;
use tokio::{io::AsyncReadExt as _, process::Command, time::timeout};

/// How much of a build's output is kept, in bytes, from its end: some hundred errors.
const MAX_OUTPUT: usize = 64 << 10;

/// The longest time of a build. A first build of all dependencies takes a third of it on two cores.
const TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// The commands of `component.<id>.build`.
pub(super) struct Build {
    commands: Vec<String>,
    directory: PathBuf,
}

impl Build {
    /// `directory` is that of the manifest.
    pub(super) fn new(build: &manifest::Build, directory: &Path) -> Self {
        Self {
            commands: build.commands().to_vec(),
            directory: directory.join(&build.workdir),
        }
    }

    /// Runs the commands one after the other.
    ///
    /// # Errors
    ///
    /// The output of the first that fails, or the end of it.
    pub(super) async fn run(&self) -> Result<(), String> {
        for command in &self.commands {
            let run = timeout(TIMEOUT, self.run_command(command));
            match run.await {
                Ok(result) => result?,
                Err(_) => return Err(format!("`{command}` did not end within {TIMEOUT:?}")),
            }
        }
        Ok(())
    }

    async fn run_command(&self, command: &str) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("`{command}` cannot be run: {error}");
        let colour = if std::io::stderr().is_terminal() {
            "always"
        } else {
            "never"
        };
        let mut child = Command::new("sh")
            // Errors and output go into one pipe, so that their order is kept.
            .args(["-c", &format!("exec 2>&1\n{command}")])
            .current_dir(&self.directory)
            .env("CARGO_TERM_COLOR", colour)
            .env("CARGO_TERM_PROGRESS_WHEN", "never")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let mut output = Vec::new();
        if let Some(mut stdout) = child.stdout.take() {
            let mut chunk = [0; 4096];
            while let Ok(length @ 1..) = stdout.read(&mut chunk).await {
                output.extend(chunk.iter().take(length));
                let excess = output.len().saturating_sub(MAX_OUTPUT);
                output.drain(..excess);
            }
        }
        let status = child.wait().await.map_err(failed)?;
        if status.success() {
            return Ok(());
        }
        let output = String::from_utf8_lossy(&output);
        Err(format!(
            "`{command}` failed ({status})\n{}",
            output.trim_end()
        ))
    }
}

/// Shows why a build has failed: as the compiler wrote it on a terminal, otherwise in the log.
pub(super) fn report(id: &str, output: &str) {
    let consequence = format!("`{id}` cannot be built; the old one goes on serving");
    if std::io::stderr().is_terminal() {
        // A terminal that is gone shows nothing.
        let _ = writeln!(std::io::stderr(), "{output}");
        tracing::error!("{consequence}");
    } else {
        tracing::error!(output, "{consequence}");
    }
}
