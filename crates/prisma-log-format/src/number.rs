//! Numbers as text.

use crate::copy::{Put, push_short};

/// Appends an integer in decimal digits.
#[inline]
pub(crate) fn push_int<I: itoa::Integer + TryInto<u32> + Copy>(value: I, out: &mut impl Put) {
    match value.try_into() {
        Ok(small) if small < 100_000_000 => push_small(small, out),
        _ => push_short(itoa::Buffer::new().format(value).as_bytes(), out),
    }
}

/// Appends a number below 10⁸.
#[inline]
fn push_small(number: u32, out: &mut impl Put) {
    // The last digit stays even if it is a zero.
    if number < 10_000 {
        let digits = four_digits(number);
        let zeros = (digits | 1 << 24).trailing_zeros() / 8;
        let text = (digits | ASCII_ZEROS as u32) >> (zeros * 8);
        out.put_part(&text.to_le_bytes(), 4 - zeros as usize);
    } else {
        let digits = eight_digits(number);
        let zeros = (digits | 1 << 56).trailing_zeros() / 8;
        let text = (digits | ASCII_ZEROS) >> (zeros * 8);
        out.put_part(&text.to_le_bytes(), 8 - zeros as usize);
    }
}

/// Makes digits of up to eight numbers.
pub(crate) const ASCII_ZEROS: u64 = 0x3030_3030_3030_3030;

/// The four decimal digits of a number below 10⁴ as numbers, the highest in the lowest byte.
///
/// The number is halved into two and four parts of one word; multiplications and shifts stand for
/// divisions by 100 and 10 that are exact for the sizes that the parts have.
#[inline]
pub(crate) const fn four_digits(number: u32) -> u32 {
    let high = (number * 5_243) >> 19;
    let twos = high | (number - 100 * high) << 16;
    let tens = ((twos * 103) >> 10) & 0x000F_000F;
    tens | (twos - 10 * tens) << 8
}

/// The eight decimal digits of a number below 10⁸, as [`four_digits`].
#[inline]
const fn eight_digits(number: u32) -> u64 {
    let fours = (number / 10_000) as u64 | ((number % 10_000) as u64) << 32;
    let high = ((fours * 10_486) >> 20) & 0x0000_007F_0000_007F;
    let twos = high | (fours - 100 * high) << 16;
    let tens = ((twos * 103) >> 10) & 0x000F_000F_000F_000F;
    tens | (twos - 10 * tens) << 8
}

/// Appends the shortest text that reads back as the same number, always with a point or an
/// exponent, so that it stays visible that it is a floating-point number.
///
/// Returns `false` and appends nothing if the number is not finite.
#[inline]
pub(crate) fn push_finite(value: f64, out: &mut impl Put) -> bool {
    if push_thousandths(value, out) {
        return true;
    }
    if !value.is_finite() {
        return false;
    }
    push_short(zmij::Buffer::new().format_finite(value).as_bytes(), out);
    true
}

/// Appends a number from 0.001 to 99,999.999 that has at most three decimal places, as amounts
/// and durations mostly do; nothing and `false` if it is another.
///
/// A number that is the nearest to a decimal of up to 15 digits has no other such decimal, so
/// that one, without zeros at its end, is the shortest.
#[inline]
fn push_thousandths(value: f64, out: &mut impl Put) -> bool {
    // Zero has a sign that would be lost; what is not a number is in no range.
    if !(0.001..100_000.0).contains(&value) {
        return false;
    }
    let thousandths = (value * 1000.0 + 0.5) as u32;
    if f64::from(thousandths) / 1000.0 != value || thousandths >= 100_000_000 {
        return false;
    }
    push_small(thousandths / 1000, out);
    // Three places, and a zero before them where the point goes. The first place stays even if
    // it is a zero.
    let places = four_digits(thousandths % 1000);
    let zeros = (places | 1 << 8).leading_zeros() / 8;
    let text = places | 0x3030_3000 | u32::from(b'.');
    out.put_part(&text.to_le_bytes(), 4 - zeros as usize);
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
    fn the_quick_ways_write_what_the_long_ones_do() {
        let mut random = fastrand::Rng::with_seed(5);
        for round in 0..200_000 {
            let number = if round < 1_100 { round } else { random.u32(..) >> random.u32(..32) };
            let mut out = Vec::new();
            push_int(number, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
            let near = f64::from(number) / [1.0, 10.0, 100.0, 1000.0, 10_000.0][round as usize % 5];
            for value in [near, near.next_up(), near.next_down(), -near, near * 1e-7] {
                let mut out = Vec::new();
                assert!(push_finite(value, &mut out));
                let text = String::from_utf8(out).unwrap();
                assert_eq!(text, zmij::Buffer::new().format_finite(value));
            }
        }
        for number in [i64::MIN, -100_000_000, -1, 99_999_999, 100_000_000, i64::MAX] {
            let mut out = Vec::new();
            push_int(number, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
        }
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
