//! Runs other programs, to learn their versions.

use std::{path::Path, process::Stdio, time::Duration};

/// The longest time that a program may take to say its version. rustup may start a toolchain first.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How much of a program's output is read, in characters.
const MAX_OUTPUT: usize = 4_096;

/// What a program said.
pub(super) enum Answer {
    /// Its standard output.
    Said(String),
    /// There is no such program on the PATH.
    Missing,
    /// It did not end in time or with success.
    Failed,
}

/// Runs `program` in `directory`.
pub(super) async fn ask(directory: &Path, program: &str, arguments: &[&str]) -> Answer {
    let mut command = tokio::process::Command::new(program);
    command
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    match tokio::time::timeout(TIMEOUT, command.output()).await {
        Ok(Ok(output)) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout);
            Answer::Said(text.trim().chars().take(MAX_OUTPUT).collect())
        }
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => Answer::Missing,
        _ => Answer::Failed,
    }
}

/// The first version in a text, such as `rustc 1.95.0 (…)`. Missing parts are 0.
pub(super) fn version(text: &str) -> Option<(u32, u32, u32)> {
    let words = text.split(|character: char| character.is_whitespace() || character == '@');
    let word = words
        .map(|word| word.trim_start_matches('v'))
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    let mut parts = word.split(['.', '-', '+']);
    let mut part = || parts.next().map_or(Some(0), |text| text.parse().ok());
    let major = part()?;
    // A part such as `0rc1` counts as 0.
    Some((major, part().unwrap_or(0), part().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn versions_are_found_in_what_programs_print() {
        assert_eq!(version("rustc 1.95.0 (abc 2026-01-01)"), Some((1, 95, 0)));
        assert_eq!(version("spin 4.1.0-pre0 (x)"), Some((4, 1, 0)));
        assert_eq!(version("v7"), Some((7, 0, 0)));
        assert_eq!(version("nothing"), None);
    }
}
