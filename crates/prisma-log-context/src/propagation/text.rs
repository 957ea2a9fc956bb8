//! What the header formats have in common.

/// Without optional white space (spaces and tabs) around it.
pub(super) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// Which hexadecimal digits are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Lower,
    Any,
}

/// Marks what is no digit.
const NONE: u8 = 0x80;

static LOWER: [u8; 256] = table(Case::Lower);
static ANY: [u8; 256] = table(Case::Any);

const fn table(case: Case) -> [u8; 256] {
    let mut values = [NONE; 256];
    let mut digit = 0;
    while digit < 16 {
        values[b"0123456789abcdef"[digit] as usize] = digit as u8;
        if matches!(case, Case::Any) {
            values[b"0123456789ABCDEF"[digit] as usize] = digit as u8;
        }
        digit += 1;
    }
    values
}

/// The number that at most 16 hexadecimal digits stand for.
#[inline]
pub(super) fn hex(digits: &[u8], case: Case) -> Option<u64> {
    let values = match case {
        Case::Lower => &LOWER,
        Case::Any => &ANY,
    };
    let mut number = 0_u64;
    let mut seen = 0;
    for &digit in digits {
        let value = values[usize::from(digit)];
        seen |= value;
        number = number << 4 | u64::from(value & 15);
    }
    (seen & NONE == 0 && digits.len() <= 16).then_some(number)
}

/// The number that 32 hexadecimal digits stand for.
#[inline]
pub(super) fn hex_wide(digits: &[u8; 32], case: Case) -> Option<u128> {
    let (high, low) = digits.split_at(16);
    Some(u128::from(hex(high, case)?) << 64 | u128::from(hex(low, case)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_spaces_and_tabs_at_the_ends_go() {
        fn check(text: &str, expected: &str) {
            assert_eq!(trim(text.as_bytes()), expected.as_bytes(), "{text:?}");
        }
        check("", "");
        check(" \t ", "");
        check("\t a b\t ", "a b");
        check("\u{a0}a\r\n", "\u{a0}a\r\n");
    }

    #[test]
    fn digits_are_read_in_the_case_that_is_asked_for() {
        fn check(digits: &str, lower: Option<u64>, any: Option<u64>) {
            assert_eq!(hex(digits.as_bytes(), Case::Lower), lower, "{digits}");
            assert_eq!(hex(digits.as_bytes(), Case::Any), any, "{digits}");
        }
        check("0123456789abcdef", Some(0x0123_4567_89ab_cdef), Some(0x0123_4567_89ab_cdef));
        check("FF", None, Some(255));
        check("ffffffffffffffff", Some(u64::MAX), Some(u64::MAX));
        check("0ffffffffffffffff", None, None);
        for wrong in ["g", "/", ":", "`", "@", "G", "-1", "+1", " 1", "1 ", "é"] {
            check(wrong, None, None);
        }
        let wide = b"0af7651916cd43dd8448eb211c80319c";
        assert_eq!(hex_wide(wide, Case::Lower), Some(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c));
        assert_eq!(hex_wide(b"0af7651916cd43dd8448eb211c80319G", Case::Any), None);
    }
}
