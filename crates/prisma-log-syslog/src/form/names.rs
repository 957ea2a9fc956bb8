//! Keys as names of RFC 5424 parameters: at most 32 printable ASCII characters.

use std::collections::HashMap;
use std::io::Write as _;

/// Most characters of a name (RFC 5424, section 6).
const MAX_NAME: usize = 32;

/// Up to this many keys, each is compared with those before it; above, a table is kept.
const SCAN_LIMIT: usize = 24;

/// Gives every key of one record a name of its own.
#[derive(Default)]
pub(crate) struct Names<'k> {
    seen: Vec<&'k str>,
    table: HashMap<&'k str, u32>,
    /// How many keys were too long.
    long: u32,
    name: Vec<u8>,
}

/// A key's name.
pub(crate) struct Name<'n> {
    pub(crate) name: &'n [u8],
    /// The name of a second parameter that holds the whole key, when it was too long.
    pub(crate) whole_in: Option<String>,
}

impl<'k> Names<'k> {
    /// The name of the next key.
    pub(crate) fn next(&mut self, key: &'k str) -> Name<'_> {
        let nth = self.count(key);
        self.name.clear();
        push_encoded(key, &mut self.name);
        let encoded = self.name.len();
        if nth > 1 || key.is_empty() || ends_in_number(key) {
            // Writing to a vector never fails.
            let _infallible = write!(self.name, "#{nth}");
        }
        if self.name.len() <= MAX_NAME {
            return Name { name: &self.name, whole_in: None };
        }
        self.long += 1;
        let mark = format!("%~{}", self.long);
        let mut end = encoded.min(MAX_NAME - mark.len());
        // Not in the middle of a `%XX`.
        if let Some(at) = self.name[end.saturating_sub(2)..end].iter().position(|&b| b == b'%') {
            end = end.saturating_sub(2) + at;
        }
        self.name.truncate(end);
        self.name.extend_from_slice(mark.as_bytes());
        Name { name: &self.name, whole_in: Some(mark) }
    }

    /// How often this key was there, counting this time.
    fn count(&mut self, key: &'k str) -> u32 {
        if self.seen.len() < SCAN_LIMIT {
            let earlier = self.seen.iter().filter(|&&other| other == key).count();
            self.seen.push(key);
            return earlier as u32 + 1;
        }
        if self.table.is_empty() {
            for earlier in &self.seen {
                *self.table.entry(earlier).or_default() += 1;
            }
        }
        let count = self.table.entry(key).or_default();
        *count += 1;
        *count
    }
}

/// Appends the key with what may not stand in a name as `%XX`, and `%` itself.
fn push_encoded(key: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in key.as_bytes() {
        if byte.is_ascii_graphic() && !matches!(byte, b'=' | b']' | b'"' | b'%') {
            out.push(byte);
        } else {
            let [high, low] = [byte >> 4, byte & 15].map(|digit| HEX[usize::from(digit)]);
            out.extend_from_slice(&[b'%', high, low]);
        }
    }
}

/// Whether a key ends in `#` and digits, and so could be taken for a repeated one.
fn ends_in_number(key: &str) -> bool {
    let rest = key.trim_end_matches(|c: char| c.is_ascii_digit());
    rest.len() < key.len() && rest.ends_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(keys: &[&str], expect: &[&str]) {
        let mut names = Names::default();
        let mut written = Vec::new();
        for key in keys {
            let name = names.next(key);
            assert!(name.name.len() <= MAX_NAME);
            let text = String::from_utf8(name.name.to_vec()).unwrap();
            written.push(match name.whole_in {
                Some(whole) => format!("{text} {whole}"),
                None => text,
            });
        }
        assert_eq!(written, expect);
    }

    #[test]
    fn names_are_ascii_unique_and_short() {
        check(&["a", "user_id", "http.route"], &["a", "user_id", "http.route"]);
        check(&["a b", "a=\"]", "50%", "é"], &["a%20b", "a%3D%22%5D", "50%25", "%C3%A9"]);
        check(&["a", "a", "b", "a"], &["a", "a#2", "b", "a#3"]);
        check(&["", "", "a#2", "a#", "#1"], &["#1", "#2", "a#2#1", "a#", "#1#1"]);
        check(&["\n\0\u{7f}"], &["%0A%00%7F"]);
        let long = "x".repeat(32);
        check(&[&long], &[&long]);
        let cut = format!("{}%~1 %~1", "x".repeat(29));
        let again = format!("{}%~2 %~2", "x".repeat(29));
        check(&[&long, &"x".repeat(33), &long], &[&long, &cut, &again]);
        check(&["ключевой"], &["%D0%BA%D0%BB%D1%8E%D1%87%D0%~1 %~1"]);
        check(&["%~1"], &["%25~1"]);
    }

    #[test]
    fn many_keys_are_counted_as_few_are() {
        let keys: Vec<String> = (0..200).map(|number| format!("k{}", number % 30)).collect();
        let mut names = Names::default();
        for (index, key) in keys.iter().enumerate() {
            let nth = index / 30 + 1;
            let expect = if nth == 1 { key.clone() } else { format!("{key}#{nth}") };
            assert_eq!(names.next(key).name, expect.as_bytes());
        }
    }
}
