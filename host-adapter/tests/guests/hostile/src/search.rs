//! Looks for secrets in everything that the component can read.
//!
//! What is looked for comes as a line each: its bytes inverted, in hexadecimal. So the memory that is
//! searched does not contain it because of the search itself.

use spin_sdk::variables;

/// In the memory of this component, so a search that finds it works.
#[used]
static CONTROL: &str = "found in the memory of hostile";

/// Names of variables under which a host could give more than it should.
const VARIABLES: [&str; 9] = [
    "adapter_token",
    "adapter_url",
    "colour",
    "database_url",
    "hostile_adapter_token",
    "key",
    "management_token",
    "password",
    "victim_adapter_token",
];

/// Returns the numbers of the lines that were found, each with the place.
pub(crate) async fn search(lines: &str) -> String {
    let wanted: Vec<Vec<u8>> = lines.lines().map(bytes).collect();
    let found = wanted.iter().map(|inverted| in_memory(inverted));
    // The memory first: afterwards it contains what the other places have.
    let in_memory: Vec<bool> = found.collect();
    let elsewhere = [
        ("environment", environment()),
        ("files", files()),
        ("variables", variables().await),
    ];
    let mut found = Vec::new();
    for (number, (inverted, in_memory)) in wanted.iter().zip(in_memory).enumerate() {
        if in_memory {
            found.push(format!("{number} memory"));
        }
        for (place, content) in &elsewhere {
            if contains(content.as_bytes(), inverted) {
                found.push(format!("{number} {place}"));
            }
        }
    }
    found.join("\n")
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digit = |digit: &u8| char::from(*digit).to_digit(16).unwrap_or_default();
    let byte = |pair: &[u8]| pair.iter().fold(0, |byte, next| byte * 16 + digit(next));
    let pairs = hexadecimal.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::try_from(byte(pair)).unwrap_or_default())
        .collect()
}

fn contains(content: &[u8], inverted: &[u8]) -> bool {
    let mut windows = content.windows(inverted.len().max(1));
    windows.any(|window| {
        window
            .iter()
            .zip(inverted)
            .all(|(byte, wanted)| *byte == !wanted)
    })
}

/// Searches the whole linear memory: everything that was ever in an answer of the host and is not overwritten.
#[cfg(target_arch = "wasm32")]
#[expect(
    unsafe_code,
    reason = "a component can read all of its memory, and that is the test"
)]
fn in_memory(inverted: &[u8]) -> bool {
    const PAGE: usize = 64 << 10;
    std::hint::black_box(CONTROL);
    let size = core::arch::wasm32::memory_size::<0>() * PAGE;
    // SAFETY: the addresses are those of the linear memory, and nothing else runs in it.
    let read = |address: usize| unsafe { std::ptr::read_volatile(address as *const u8) };
    let is_at = |start: usize| {
        let mut wanted = inverted.iter().enumerate();
        wanted.all(|(offset, byte)| read(start + offset) == !byte)
    };
    (1..size.saturating_sub(inverted.len())).any(is_at)
}

#[cfg(not(target_arch = "wasm32"))]
fn in_memory(_: &[u8]) -> bool {
    std::hint::black_box(CONTROL);
    false
}

fn environment() -> String {
    let variables = std::env::vars().map(|(name, value)| format!("{name}={value}"));
    variables
        .chain(std::env::args())
        .collect::<Vec<_>>()
        .join("\n")
}

/// What can be seen of the host's files.
fn files() -> String {
    let paths = [
        "/",
        ".",
        "/proc/self/environ",
        "/etc/passwd",
        ".spindle/keys",
        ".env",
    ];
    let read = |path: &&str| match std::fs::read_to_string(path) {
        Ok(content) => content,
        Err(_) => std::fs::read_dir(path).map_or(String::new(), |entries| format!("{entries:?}")),
    };
    paths.iter().map(read).collect()
}

async fn variables() -> String {
    let mut values = String::new();
    for name in VARIABLES {
        values += &variables::get(name).await.unwrap_or_default();
        values.push('\n');
    }
    values
}
