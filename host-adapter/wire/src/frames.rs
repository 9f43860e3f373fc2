//! The frames of a connection.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Format, HEAD, Malformed};

/// The first frame: who calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The version of the WIT package that the client is made from.
    pub version: String,
    /// The component's token. Empty if it has none.
    pub token: String,
    /// The client's `TYPES` of adapter-contract.
    pub types: u64,
}

/// What precedes the arguments in the frame of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call<'a> {
    /// The path of the function, such as `postgres/fetch`.
    pub function: &'a str,
    /// The id of the service's own request. Empty if it is not known.
    pub request_id: &'a str,
    /// Its position in a trace (W3C Trace Context). Empty if it has none.
    pub traceparent: &'a str,
    /// How long its caller still waits, if it has said so.
    pub milliseconds: Option<u32>,
    /// The form of the arguments, and of the result.
    pub format: Format,
}

/// What the first byte of an answer says of the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// The result of the function.
    Result = 0,
    /// The call was not made; the rest is a sentence that says why. It is not known who calls.
    UnknownCaller = 1,
    /// As above. The call is not valid.
    Invalid = 2,
    /// As above. The call is larger than the adapter's `server.max_body`.
    TooLarge = 3,
    /// As above, or the adapter has given up the call. It may succeed later, or with another version.
    Unavailable = 4,
    /// As above. The call was binary, and the adapter's types are not the client's: the same call can be made as
    /// JSON, also on this connection.
    OtherTypes = 5,
}

/// Set in the first byte if the adapter closes the connection after the answer.
const LAST: u8 = 0x80;

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// What `content` is.
    pub kind: Kind,
    /// Whether the adapter closes the connection after it.
    pub is_last: bool,
    /// A result, or a sentence.
    pub content: &'a [u8],
}

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Result,
            1 => Self::UnknownCaller,
            2 => Self::Invalid,
            3 => Self::TooLarge,
            4 => Self::Unavailable,
            5 => Self::OtherTypes,
            _ => return None,
        })
    }
}

/// Starts a frame at the end of `bytes`, and returns its position for [`finish`].
pub fn start(bytes: &mut Vec<u8>) -> usize {
    let position = bytes.len();
    bytes.extend_from_slice(&[0; HEAD]);
    position
}

/// Writes the length of the frame that was started at `position`. It ends with the last byte.
///
/// # Errors
///
/// The frame has 4 GiB or more.
pub fn finish(bytes: &mut [u8], position: usize) -> Result<(), Malformed> {
    let frame = bytes.get_mut(position..);
    let (head, content) = frame
        .and_then(|frame| frame.split_first_chunk_mut::<HEAD>())
        .ok_or_else(|| Malformed("the frame was not started".to_owned()))?;
    let length = u32::try_from(content.len());
    let length = length.map_err(|_| Malformed("the frame has 4 GiB or more".to_owned()))?;
    *head = length.to_le_bytes();
    Ok(())
}

/// Starts the frame of an answer, whose content follows.
#[must_use]
pub fn answer_head(kind: Kind) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    start(&mut bytes);
    bytes.push(kind as u8);
    bytes
}

/// Says in the frame of an answer that it is the last one of the connection.
pub fn mark_last(frame: &mut [u8]) {
    if let Some(kind) = frame.get_mut(HEAD) {
        *kind |= LAST;
    }
}

/// A time as milliseconds, for [`Call::milliseconds`].
#[must_use]
pub fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

/// Reads the content of an answer's frame. `None` if it is of no kind that this version knows.
#[must_use]
pub fn read_answer(frame: &[u8]) -> Option<Answer<'_>> {
    let (&first, content) = frame.split_first()?;
    Some(Answer {
        kind: Kind::of(first & !LAST)?,
        is_last: first & LAST != 0,
        content,
    })
}

/// Reads the content of a call's frame: the call and its arguments.
///
/// # Errors
///
/// The frame does not begin with a call.
pub fn read_call(frame: &[u8]) -> Result<(Call<'_>, &[u8]), Malformed> {
    Ok(postcard::take_from_bytes(frame)?)
}

impl Hello {
    /// Reads the content of its frame.
    ///
    /// # Errors
    ///
    /// The frame is not this and nothing else.
    pub fn read(frame: &[u8]) -> Result<Self, Malformed> {
        Format::Binary.decode(frame)
    }

    /// Appends its frame to `bytes`.
    ///
    /// # Errors
    ///
    /// See [`finish`].
    pub fn write(&self, mut bytes: Vec<u8>) -> Result<Vec<u8>, Malformed> {
        let position = start(&mut bytes);
        let mut bytes = Format::Binary.encode(self, bytes)?;
        finish(&mut bytes, position)?;
        Ok(bytes)
    }
}

impl Call<'_> {
    /// How long the caller of the service's request still waits.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        self.milliseconds
            .map(|number| Duration::from_millis(number.into()))
    }

    /// Appends its frame with `arguments` to `bytes`.
    ///
    /// # Errors
    ///
    /// See [`finish`].
    pub fn write(&self, arguments: &[u8], mut bytes: Vec<u8>) -> Result<Vec<u8>, Malformed> {
        let position = start(&mut bytes);
        let mut bytes = Format::Binary.encode(self, bytes)?;
        bytes.extend_from_slice(arguments);
        finish(&mut bytes, position)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_read_as_it_was_written() {
        let call = Call {
            function: "postgres/fetch",
            request_id: "r1",
            traceparent: "",
            milliseconds: Some(4_000),
            format: Format::Binary,
        };
        let bytes = call.write(b"arguments", b"before".to_vec()).unwrap();
        let (head, frame) = bytes[6..].split_first_chunk::<HEAD>().unwrap();
        assert_eq!(u32::from_le_bytes(*head) as usize, frame.len());
        assert_eq!(read_call(frame).unwrap(), (call, &b"arguments"[..]));
        assert!(read_call(&frame[..9]).is_err());
    }

    #[test]
    fn an_answer_says_its_kind_and_whether_it_is_the_last() {
        for kind in [
            Kind::Result,
            Kind::UnknownCaller,
            Kind::Invalid,
            Kind::TooLarge,
            Kind::Unavailable,
            Kind::OtherTypes,
        ] {
            for is_last in [false, true] {
                let mut bytes = answer_head(kind);
                bytes.push(b'x');
                finish(&mut bytes, 0).unwrap();
                if is_last {
                    mark_last(&mut bytes);
                }
                let content = b"x";
                let answer = Answer {
                    kind,
                    is_last,
                    content,
                };
                assert_eq!(read_answer(&bytes[HEAD..]), Some(answer));
            }
        }
        assert_eq!(read_answer(&[6]), None);
        assert_eq!(read_answer(&[]), None);
    }
}
