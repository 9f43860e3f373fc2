//! Percent-encoding of text that becomes a part of a URL.

/// `text` with everything but RFC 3986's unreserved characters encoded, so that it stays one part
/// wherever it is put.
pub(crate) fn percent_encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}
