//! Numbers as text.

/// Appends an integer in decimal digits.
pub(crate) fn push_int(value: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends the shortest text that reads back as the same number, always with a point or an
/// exponent, so that it stays visible that it is a floating-point number.
///
/// Returns `false` and appends nothing if the number is not finite.
pub(crate) fn push_finite(value: f64, out: &mut Vec<u8>) -> bool {
    if !value.is_finite() {
        return false;
    }
    out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
    true
}

/// The name of a number that is not finite, as the JSON mapping of Protocol Buffers spells it.
pub(crate) fn non_finite_name(value: f64) -> &'static str {
    if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_read_back_bit_for_bit_and_look_like_floats() {
        let check = |value: f64, expect: &str| {
            let mut out = Vec::new();
            assert!(push_finite(value, &mut out));
            let text = String::from_utf8(out).unwrap();
            assert_eq!(text, expect);
            assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits());
            assert!(text.contains(['.', 'e']));
        };
        check(0.0, "0.0");
        check(-0.0, "-0.0");
        check(1.0, "1.0");
        check(99.9, "99.9");
        check(0.1 + 0.2, "0.30000000000000004");
        check(1e15, "1000000000000000.0");
        check(1e16, "1e+16");
        check(f64::MAX, "1.7976931348623157e+308");
        check(f64::MIN_POSITIVE, "2.2250738585072014e-308");
        check(5e-324, "5e-324");
    }

    #[test]
    fn what_is_not_finite_has_a_name() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut out = Vec::new();
            assert!(!push_finite(value, &mut out) && out.is_empty());
            let back: f64 = non_finite_name(value).parse().unwrap();
            assert!(back == value || back.is_nan() && value.is_nan());
        }
    }
}
