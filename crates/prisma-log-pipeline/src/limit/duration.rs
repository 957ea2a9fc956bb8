//! Durations in the source, read by the compiler.

/// One year of 365 days.
const MAX: u64 = 8_760 * 3_600_000_000_000;

/// Nanoseconds of a text such as `500ms`, `1s`, `5m` or `1h`.
///
/// # Panics
/// When the text is none, or not from `1ms` to `8760h`.
pub(super) const fn parse(text: &str) -> u64 {
    match try_parse(text) {
        Ok(nanos) => nanos,
        Err(reason) => panic!("{}", reason),
    }
}

const fn try_parse(text: &str) -> Result<u64, &'static str> {
    const FORM: &str = "expected a time such as \"500ms\", \"1s\", \"5m\" or \"1h\": \
        a whole number and `ms`, `s`, `m` or `h`, without a space";
    const RANGE: &str = "expected a time from \"1ms\" to \"8760h\"";
    let bytes = text.as_bytes();
    let mut number: u64 = 0;
    let mut at = 0;
    while at < bytes.len() && bytes[at].is_ascii_digit() {
        if number > MAX {
            return Err(RANGE);
        }
        number = number * 10 + (bytes[at] - b'0') as u64;
        at += 1;
    }
    if at == 0 {
        return Err(FORM);
    }
    let unit = match bytes.split_at(at).1 {
        b"ms" => 1_000_000,
        b"s" => 1_000_000_000,
        b"m" => 60_000_000_000,
        b"h" => 3_600_000_000_000,
        _ => return Err(FORM),
    };
    match number.checked_mul(unit) {
        Some(nanos @ 1..=MAX) => Ok(nanos),
        _ => Err(RANGE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_people_write_them() {
        let check = |text: &str, expect: u64| assert_eq!(try_parse(text), Ok(expect), "{text}");
        check("1ms", 1_000_000);
        check("500ms", 500_000_000);
        check("1s", 1_000_000_000);
        check("090s", 90_000_000_000);
        check("5m", 300_000_000_000);
        check("1h", 3_600_000_000_000);
        check("8760h", MAX);
    }

    #[test]
    fn anything_else_is_told_apart() {
        let check = |text: &str, expect: &str| {
            let reason = try_parse(text).unwrap_err();
            assert!(reason.contains(expect), "{text}: {reason}");
        };
        for text in ["", "s", "1", "1 s", "1sec", "1.5s", "-1s", "+1s", "1S", "1us", "1d", "é1s"] {
            check(text, "whole number");
        }
        for text in ["0s", "0ms", "8761h", "99999999999999999999999999999h", "18446744073710s"] {
            check(text, "from \"1ms\"");
        }
    }

    #[test]
    fn the_compiler_can_read_them() {
        const NANOS: u64 = parse("250ms");
        assert_eq!(NANOS, 250_000_000);
    }
}
