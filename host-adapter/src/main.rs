//! The `host-adapter` program: see `host-adapter --help`.

use std::process::ExitCode;

/// Requests allocate much and briefly, on several threads at once, which is what this one is for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    use_small_pages();
    host_adapter::cli::main()
}

/// Turns transparent huge pages off for this process. The allocator would get a page of 2 MiB for a few small values
/// of each size and thread, which is a third of the memory after the start, and requests are not faster by it.
fn use_small_pages() {
    // A kernel without huge pages refuses this, and does not need it.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}
