//! The protocol between adapter-client and `host-adapter serve`.
//!
//! A call has the path of its function, such as `postgres/fetch`, and its arguments as a tuple. Both sides derive the
//! form of arguments and result from the same WIT, by serde ([`Format`]). There are two ways to send a call:
//!
//! - As a frame on a TCP connection that is kept, for an adapter on loopback. A frame is its length as
//!   4 bytes, least significant first, and as many bytes. Version and token are said once:
//!
//!   ```text
//!   client   PREFACE  frame(Hello)  frame(Call, arguments)               frame(Call, arguments)  …
//!   adapter                                                frame(Answer)                         …
//!   ```
//!
//!   A client sends a call when the one before is answered; the adapter closes a connection on which more is sent.
//!   To tell the answers of several calls apart would cost more than further connections do. Values are binary, or
//!   JSON if the adapter has answered [`Kind::OtherTypes`].
//! - As a request of HTTP or HTTPS: `POST /<function>` with the arguments as the body. Version and token are
//!   headers. The answer is 200 with the result, or another status with a sentence. Values are JSON.
//!
//! Hello, Call and the first byte of an answer must stay as they are as long as [`PREFACE`] does.

mod format;
mod frames;

pub use format::{Format, Malformed};
pub use frames::{
    Answer, Call, Hello, Kind, answer_head, finish, mark_last, milliseconds, read_answer,
    read_call, start,
};

/// What a client sends first, so that a connection of frames is told from one of HTTP: no request begins with 0.
pub const PREFACE: [u8; 8] = *b"\0spindle";

/// The length of a frame's head.
pub const HEAD: usize = 4;

/// The largest [`Hello`], in bytes. A token has at most 512 of them.
pub const MAX_HELLO: usize = 1 << 10;

/// The largest answer that a client reads, in bytes. The adapter's own limits are far below it (4 MiB of
/// documents), and an instance has 64 MiB of memory.
pub const MAX_ANSWER: usize = 16 << 20;

/// How long a client keeps a connection without a call. It is shorter than the adapter keeps one, so that a call
/// does not meet a connection that is just being closed. Spin ends an instance that is idle for a second, and its
/// connections with it.
pub const MAX_CLIENT_IDLE: std::time::Duration = std::time::Duration::from_secs(1);

/// The longest request id and `traceparent` that are passed on, in bytes, as in `wit/context.wit`.
pub const MAX_ID: usize = 200;

/// Functions that change nothing, so a call that may have been made can be made again. `postgres/fetch` is not
/// among them, because its statement may write.
const REPEATABLE: [&str; 10] = [
    "documents/find",
    "documents/count",
    "documents/count-by",
    "documents/count-distinct",
    "documents/settled-position",
    "envelopes/seal",
    "health/dependencies",
    "passwords/is-common",
    "tokens/public-keys",
    "tokens/verify",
];

/// Whether a call of `function` can be made again although it may have been made.
#[must_use]
pub fn is_repeatable(function: &str) -> bool {
    REPEATABLE.contains(&function)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeatable_functions_exist() {
        macro_rules! paths {
            ($($interface:ident $qualified:literal {
                $($function:ident $name:literal $path:literal $span:literal
                    ($($argument:ident: $type:ty),*) -> $result:ty;)*
            })*) => { [$($($path,)*)*] };
        }
        let all = adapter_contract::functions!(paths);
        for name in REPEATABLE {
            assert!(all.contains(&name), "{name}");
        }
    }
}
