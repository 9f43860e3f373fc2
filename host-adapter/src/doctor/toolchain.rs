//! What builds the project: Rust, its target for components, and a C compiler.

use std::path::Path;

use super::programs::{Answer, ask, version};
use crate::checks::Finding;

const CHECK: &str = "toolchain";

/// Rust's target of components.
const TARGET: &str = "wasm32-wasip2";

/// The toolchain that `./dev` builds on Debian if the target cannot be downloaded.
const OTHER_TOOLCHAIN: &str = "+debian";

/// The oldest Rust that builds the project.
const RUST: &str = env!("CARGO_PKG_RUST_VERSION");

pub(super) async fn check(directory: &Path) -> Vec<Finding> {
    if !directory.join("Cargo.toml").exists() {
        let text = "there are no sources here, so nothing is needed to build them";
        return vec![Finding::fine(CHECK, text)];
    }
    let mut findings = vec![check_rust(directory).await];
    findings.push(check_target(directory).await);
    findings.push(check_compiler(directory).await);
    findings
}

async fn check_rust(directory: &Path) -> Finding {
    let install = "install Rust with rustup, see https://rustup.rs";
    let text = match ask(directory, "rustc", &["--version"]).await {
        Answer::Said(text) => text,
        Answer::Missing => {
            return Finding::error(CHECK, "`rustc` is not on the PATH", install);
        }
        Answer::Failed => return Finding::error(CHECK, "`rustc --version` fails", install),
    };
    match (version(&text), version(RUST)) {
        (Some(found), Some(needed)) if found < needed => Finding::error(
            CHECK,
            format!("{text} is older than Rust {RUST}, which the project needs"),
            "run `rustup update`",
        ),
        _ => Finding::fine(CHECK, text),
    }
}

async fn check_target(directory: &Path) -> Finding {
    for toolchain in [None, Some(OTHER_TOOLCHAIN)] {
        let arguments = ["--print", "target-libdir", "--target", TARGET];
        let arguments: Vec<&str> = toolchain.into_iter().chain(arguments).collect();
        if let Answer::Said(path) = ask(directory, "rustc", &arguments).await
            && Path::new(&path).is_dir()
        {
            return Finding::fine(CHECK, format!("target {TARGET}"));
        }
    }
    Finding::error(
        CHECK,
        format!("Rust's target {TARGET} is missing, so components cannot be built"),
        format!("run `rustup target add {TARGET}`"),
    )
}

async fn check_compiler(directory: &Path) -> Finding {
    match ask(directory, "cc", &["--version"]).await {
        Answer::Said(text) => {
            let first = text.lines().next().unwrap_or_default();
            Finding::fine(CHECK, format!("C compiler: {first}"))
        }
        Answer::Missing | Answer::Failed => Finding::error(
            CHECK,
            "the C compiler `cc` is missing, so host-adapter cannot be built",
            "install one, such as the package build-essential on Debian",
        ),
    }
}
