//! The form of a message: what is left when numbers, ids and other values are taken out.

/// Bytes of a message that its form is made of.
const MAX_BYTES: usize = 2048;
/// Stands for what was taken out.
const HOLE: &str = "<*>";
/// Letters that may spell a number in base 16, if there are at least so many of them.
const LEAST_HEX: usize = 8;

/// The hash of a message's form.
pub(super) fn form_hash(message: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    pieces(message, &mut |piece| {
        for &byte in piece.as_bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    });
    hash
}

/// A message's form, as people read it.
pub(super) fn form(message: &str) -> String {
    let mut form = String::new();
    pieces(message, &mut |piece| form.push_str(piece));
    form
}

/// Calls `each` with the pieces of the message's form: words, what stands between them, and holes.
///
/// Words with digits, paths, addresses, and what stands in quotes are values. A list of values is one
/// hole, however long it is.
fn pieces(message: &str, each: &mut impl FnMut(&str)) {
    let message = &message[..message.floor_char_boundary(MAX_BYTES)];
    let bytes = message.as_bytes();
    let (mut at, mut gap, mut after_hole) = (0, 0, false);
    while let Some(&byte) = bytes.get(at) {
        let end = if let Some(end) = quoted(bytes, at) {
            end
        } else if is_separator(byte) {
            at += 1;
            continue;
        } else {
            word_end(bytes, at)
        };
        let word = &message[at..end];
        let value = if is_separator(byte) { Some(0) } else { value_in(word) };
        let between = &message[gap..at];
        (at, gap) = (end, end);
        let Some(start) = value else {
            each(between);
            each(word);
            after_hole = false;
            continue;
        };
        let goes_on = after_hole
            && start == 0
            && between.bytes().all(|b| matches!(b, b' ' | b',' | b';' | b'|'));
        if !goes_on {
            each(between);
            each(&word[..start]);
            each(HOLE);
        }
        after_hole = true;
    }
    each(&message[gap..]);
}

fn is_separator(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b"()[]{}<>,;=|\"'`".contains(&byte)
}

/// Where the text in quotes ends that begins at `at`, quotes included.
fn quoted(bytes: &[u8], at: usize) -> Option<usize> {
    let quote = *bytes.get(at).filter(|byte| b"\"'`".contains(byte))?;
    let is_word =
        |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphanumeric);
    // An apostrophe is no quote.
    if quote == b'\'' && is_word(at.checked_sub(1)) {
        return None;
    }
    let mut end = at + 1;
    while let Some(&byte) = bytes.get(end) {
        match byte {
            b'\\' => end += 1,
            _ if byte == quote && !(quote == b'\'' && is_word(Some(end + 1))) => {
                return Some(end + 1);
            }
            _ => {}
        }
        end += 1;
    }
    None
}

/// Where the word that begins at `at` ends; punctuation at its end does not belong to it.
fn word_end(bytes: &[u8], at: usize) -> usize {
    let length = |is_end: fn(u8) -> bool, from: usize| {
        bytes[from..].iter().position(|&byte| is_end(byte)).unwrap_or(bytes.len() - from)
    };
    let mut end = at + length(is_separator, at);
    if bytes[at..end].windows(3).any(|three| three == b"://") {
        // The query of an address belongs to it.
        end += length(|byte| byte.is_ascii_whitespace() || b"<>\"'`".contains(&byte), end);
    }
    while end > at + 1 && b".:!?".contains(&bytes[end - 1]) {
        end -= 1;
    }
    end
}

/// Where the value in a word begins; `None` when it is all word.
fn value_in(word: &str) -> Option<usize> {
    if word.bytes().any(|byte| byte.is_ascii_digit()) {
        let key = word.find(':').filter(|&colon| {
            let is_key = word[..colon].bytes().all(|b| b.is_ascii_alphabetic() || b == b'_');
            colon > 0 && is_key && word[colon + 1..].starts_with(|c: char| c.is_ascii_digit())
        });
        return Some(key.map_or(0, |colon| colon + 1));
    }
    let slashes = word.bytes().filter(|&byte| byte == b'/').count();
    let is_path =
        slashes > 1 || (slashes == 1 && word.len() > 1 && word.starts_with(['/', '~', '.']));
    let is_drive = word.get(1..3) == Some(":\\");
    let is_address = word.find('@').is_some_and(|at| at > 0 && at + 1 < word.len());
    let is_hex =
        word.len() >= LEAST_HEX && word.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    (is_path || is_drive || is_address || is_hex).then_some(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_taken_out() {
        let check = |message: &str, expect: &str| {
            assert_eq!(form(message), expect);
            assert_eq!(form_hash(message), crate::codec::fnv1a(expect.as_bytes()));
        };
        check("", "");
        check("connection refused", "connection refused");
        check("took 12.5ms; left: 3.", "took <*>; left: <*>.");
        check("user 42 logged in", "user <*> logged in");
        check("user=42 status=500", "user=<*> status=<*>");
        check("status:500 to db-7:5432", "status:<*> to <*>");
        check("id 550e8400-e29b-41d4-a716-446655440000", "id <*>");
        check("commit deadbeef, not a facade", "commit <*>, not a facade");
        check("from 10.0.0.1:80 and fe80::1%eth0", "from <*> and <*>");
        check("can't open \"a b.txt\": it's 'gone'", "can't open <*>: it's <*>");
        check("an open \" quote", "an open \" quote");
        check("read /var/log/x.log failed", "read <*> failed");
        check("either/or, n/a, C:\\temp\\x", "either/or, n/a, <*>");
        check("GET https://x.test/a?b=c&d=(e) failed", "GET <*> failed");
        check("mail to a@b.test bounced", "mail to <*> bounced");
        check("ids [1, 2, 3] missing", "ids [<*>] missing");
        check("ids [7] missing", "ids [<*>] missing");
        check("at 2026-12-01T03:00:00Z 12:00:01", "at <*>");
        check("größe 5 µm: naïve", "größe <*> µm: naïve");
        check("shop::orders failed!", "shop::orders failed!");
    }

    #[test]
    fn any_text_has_a_form() {
        let mut seed = 7u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize
        };
        let parts =
            ["ä", "\"", "'", "\\", "/", " ", "1", "a", "=", "://", ":", "@", ".", "\u{1f600}"];
        for _ in 0..20_000 {
            let message: String = (0..next() % 30).map(|_| parts[next() % parts.len()]).collect();
            let form = form(&message);
            assert!(form.len() <= 3 * message.len().max(1), "{message:?}: {form:?}");
            assert_eq!(form_hash(&message), crate::codec::fnv1a(form.as_bytes()), "{message:?}");
        }
        let long = "x".repeat(3000);
        assert_eq!(form(&long).len(), MAX_BYTES);
        assert_eq!(form(&"ä".repeat(3000)).len(), MAX_BYTES);
    }
}
