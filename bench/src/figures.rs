//! How numbers are written.

/// `23,466`.
pub(crate) fn grouped(number: f64) -> String {
    let digits = format!("{:.0}", number.max(0.0));
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Microseconds as `850 µs`, `3.6 ms`, `302 ms` or `1.25 s`.
pub(crate) fn duration(microseconds: f64) -> String {
    match microseconds {
        under if under < 1_000.0 => format!("{under:.0} µs"),
        under if under < 10_000.0 => format!("{:.1} ms", under / 1e3),
        under if under < 1_000_000.0 => format!("{:.0} ms", under / 1e3),
        above => format!("{:.2} s", above / 1e6),
    }
}

/// KiB as `109 MB`, of 2^20 bytes.
pub(crate) fn memory(kibibytes: f64) -> String {
    format!("{:.0} MB", kibibytes / 1024.0)
}

/// `10⁶`, as a short text for powers of ten, and all digits of others.
pub(crate) fn size(number: u64) -> String {
    let exponent = number.checked_ilog10().unwrap_or_default();
    if number >= 1_000 && 10_u64.checked_pow(exponent) == Some(number) {
        return format!("10{}", superscript(exponent));
    }
    grouped(number as f64)
}

fn superscript(number: u32) -> String {
    let digits = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let of = |digit: char| digits.get(digit.to_digit(10)? as usize).copied();
    number.to_string().chars().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let texts = [0.0, 999.4, 1000.0, 23_466.0, 1_234_567.0].map(grouped);
        assert_eq!(texts, ["0", "999", "1,000", "23,466", "1,234,567"]);
    }

    #[test]
    fn durations_have_a_fitting_unit() {
        let texts = [54.0, 3_600.0, 302_000.0, 1_250_000.0].map(duration);
        assert_eq!(texts, ["54 µs", "3.6 ms", "302 ms", "1.25 s"]);
    }

    #[test]
    fn sizes_are_powers_of_ten() {
        let texts = [365, 1_000, 1_500, 10_000_000].map(size);
        assert_eq!(texts, ["365", "10³", "1,500", "10⁷"]);
        assert_eq!(memory(109.0 * 1024.0), "109 MB");
    }
}
