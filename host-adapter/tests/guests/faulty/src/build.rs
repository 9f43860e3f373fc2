//! What this build is. A test makes other builds of the component by replacing the name in the `.wasm`
//! file, which takes no compiler.

/// The name of the build, of always the same length.
static NAME: &str = "build:original....";

/// The name of the build, such as `original`.
pub(crate) fn name() -> &'static str {
    // Without this, the compiler would compare and shorten the name itself.
    let name = std::hint::black_box(NAME);
    name.trim_start_matches("build:").trim_end_matches('.')
}

/// Runs while the component is instantiated. The build `no-start` traps in it, and `endless` never returns.
#[expect(unsafe_code, reason = "there is no other way to run code at the start")]
#[used]
#[unsafe(link_section = ".init_array")]
static START: extern "C" fn() = start;

extern "C" fn start() {
    match name() {
        "no-start" => std::process::abort(),
        "endless" => super::loop_forever(),
        _ => {}
    }
}
