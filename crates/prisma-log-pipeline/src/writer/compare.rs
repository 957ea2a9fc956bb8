//! Compares keys: short texts, nearly always equal.

/// Whether the two are the same text.
#[inline(always)]
pub(super) fn same_text(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let eight =
        |text: &[u8], at: usize| text[at..].first_chunk::<8>().map(|b| u64::from_le_bytes(*b));
    let four =
        |text: &[u8], at: usize| text[at..].first_chunk::<4>().map(|b| u32::from_le_bytes(*b));
    match a.len() {
        0 => true,
        1..=3 => {
            a[0] == b[0] && a[a.len() / 2] == b[a.len() / 2] && a[a.len() - 1] == b[a.len() - 1]
        }
        4..=7 => four(a, 0) == four(b, 0) && four(a, a.len() - 4) == four(b, b.len() - 4),
        8..=16 => eight(a, 0) == eight(b, 0) && eight(a, a.len() - 8) == eight(b, b.len() - 8),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_counts() {
        for len in 0..40 {
            let text: String = ('a'..='z').cycle().take(len).collect();
            assert!(same_text(&text, &text.clone()));
            assert!(!same_text(&text, &format!("{text}x")));
            for at in 0..len {
                let mut other = text.clone().into_bytes();
                other[at] = b'#';
                assert!(!same_text(&text, &String::from_utf8(other).unwrap()), "{len} {at}");
            }
        }
    }
}
