//! The headers of a message as one text: the field lines of HTTP/1.1 (RFC 9112, section 5).
//!
//! As a list of names and values, each header would cost several allocations and copies on its way into a component and
//! out of it.

/// Room for the headers of most messages, in bytes.
const CAPACITY: usize = 512;

/// Writes a line for each name and value. Neither has a line break.
pub fn write<'a>(headers: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut lines = Vec::with_capacity(CAPACITY);
    for (name, value) in headers {
        for part in [name.as_bytes(), b": ", value, b"\r\n"] {
            lines.extend_from_slice(part);
        }
    }
    lines
}

/// Reads the names and values of the lines. They may be anything but line breaks, if the lines are not of [`write()`].
pub fn read(lines: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let lines = lines.split(|byte| *byte == b'\n');
    lines.filter(|line| !line.is_empty()).map(|line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = parts.next().unwrap_or_default();
        let value = parts.next().unwrap_or_default();
        (name, value.strip_prefix(b" ").unwrap_or(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let headers: [(&str, &[u8]); 4] = [
            ("host", b"a:1"),
            ("x-empty", b""),
            ("x-blank", b"  a  "),
            ("x-latin", b"\xe9"),
        ];
        let lines = write(headers);
        let found: Vec<_> = read(&lines).collect();
        assert_eq!(found, headers.map(|(name, value)| (name.as_bytes(), value)));
        assert_eq!(read(&write([])).count(), 0);
    }

    #[test]
    fn other_lines_give_names_without_values() {
        let found: Vec<_> = read(b"a\r\n:b\n\r\nc:d").collect();
        let expected: [(&[u8], &[u8]); 4] = [(b"a", b""), (b"", b"b"), (b"", b""), (b"c", b"d")];
        assert_eq!(found, expected);
    }
}
