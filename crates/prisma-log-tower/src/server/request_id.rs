//! The request's own id, beside that of the trace.

use std::hash::{BuildHasher, RandomState};

use http::{HeaderMap, HeaderName, HeaderValue};

pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// More than any usual form of an id has.
const MAX: usize = 128;

/// The id that the request brought along, if it can be one.
pub(super) fn brought(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut lines = headers.get_all(HEADER).iter();
    let (Some(id), None) = (lines.next(), lines.next()) else { return None };
    let fit = |b: &u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\' | b'<' | b'>' | b'&');
    let bytes = id.as_bytes();
    ((1..=MAX).contains(&bytes.len()) && bytes.iter().all(fit)).then(|| id.clone())
}

/// A new id: 32 random hexadecimal digits.
pub(super) fn new() -> Option<HeaderValue> {
    // Each state has other keys, which come from the operating system; a forked child has its
    // parent's.
    let half = |part: u8| RandomState::new().hash_one((part, std::process::id()));
    HeaderValue::from_str(&format!("{:016x}{:016x}", half(0), half(1))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn only_what_can_be_an_id_is_taken() {
        fn check(lines: &[&[u8]], taken: bool) {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(HEADER, HeaderValue::from_bytes(line).unwrap());
            }
            assert_eq!(brought(&headers).is_some(), taken, "{lines:?}");
        }
        check(&[b"7b1c"], true);
        check(&[b"0af76519-16cd:a/b+c=="], true);
        check(&[&[b'x'; 128]], true);
        check(&[&[b'x'; 129]], false);
        check(&[b""], false);
        check(&[b"a b"], false);
        check(&[b"<script>"], false);
        check(&[b"\xff"], false);
        check(&[b"a", b"b"], false);
        check(&[], false);
    }

    #[test]
    fn new_ones_differ() {
        let ids: HashSet<_> = (0..10_000).map(|_| new().unwrap()).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(ids.iter().all(|id| id.len() == 32));
    }
}
