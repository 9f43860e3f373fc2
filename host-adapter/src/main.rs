//! The `host-adapter` program: see `host-adapter --help`.

use std::process::ExitCode;

/// Requests allocate much and briefly, on several threads at once, which is what this one is for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    host_adapter::cli::main()
}
