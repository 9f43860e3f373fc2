//! An older revision, in a worktree and with a target directory of its own.

use std::{path::Path, process::Command};

use anyhow::Context as _;

use crate::{
    checkout::{Checkout, services},
    note,
};

/// Builds a revision below `target/against`, where it stays for the next measurement.
pub(crate) fn build(root: &Path, revision: &str, debug: bool) -> anyhow::Result<Checkout> {
    let commit = commit(root, revision)?;
    let short = commit.get(..12).unwrap_or(&commit);
    let worktree = root.join("target/against").join(short);
    if !worktree.join("dev").exists() {
        // Git remembers worktrees whose directories were removed.
        run(git(root).args(["worktree", "prune"]))?;
        run(git(root)
            .args(["worktree", "add", "--detach"])
            .arg(&worktree)
            .arg(&commit))?;
    }
    let profile = if debug { "debug" } else { "release" };
    note(&format!(
        "building {short} ({revision}): a first time takes as long as a first `./dev bench`"
    ));
    let target = worktree.join("target");
    // It finds a toolchain for the components as that revision does.
    let mut dev = command(&worktree, "./dev");
    dev.arg("build");
    if !debug {
        // Only the components: the host's debug program is not measured.
        dev.args(services(&worktree)?);
    }
    run(&mut dev)?;
    if !debug {
        let mut cargo = command(&worktree, "cargo");
        cargo.env("CARGO_TARGET_DIR", &target);
        run(cargo.args(["build", "--release", "-p", "host-adapter"]))?;
    }
    Checkout::new(worktree, target.join(profile))
}

fn commit(root: &Path, revision: &str) -> anyhow::Result<String> {
    let mut git = git(root);
    let name = format!("{revision}^{{commit}}");
    let output = git
        .args(["rev-parse", "--verify", "--quiet", "--end-of-options"])
        .arg(name)
        .output()?;
    anyhow::ensure!(
        output.status.success(),
        "`{revision}` is not a commit of this repository"
    );
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn git(root: &Path) -> Command {
    command(root, "git")
}

/// A command in a directory, without the target directory of this checkout.
fn command(directory: &Path, program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(directory)
        .env_remove("CARGO_TARGET_DIR");
    command
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command
        .status()
        .with_context(|| format!("starting `{name}`"))?;
    anyhow::ensure!(status.success(), "`{name}` failed ({status})");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_is_a_commit_or_an_error() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let error = commit(root, "a-branch-that-is-nowhere").unwrap_err();
        assert!(error.to_string().contains("is not a commit"), "{error}");
        let error = commit(root, "--all").unwrap_err();
        assert!(error.to_string().contains("is not a commit"), "{error}");
    }
}
