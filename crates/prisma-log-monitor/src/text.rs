//! Text that others wrote, made safe to show and to keep.

use std::borrow::Cow;
use std::fmt::{self, Write};

/// Bytes that a line or message may have in an alert.
const KEPT_BYTES: usize = 1024;

/// Whether a character could move the cursor, hide or reorder text, or end a line: controls,
/// line and paragraph separators, and the bidirectional and invisible formatting characters.
pub(crate) fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{061c}')
}

/// Shows text with every hostile character escaped.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(is_hostile) {
            let (clean, tail) = rest.split_at(at);
            f.write_str(clean)?;
            let mut chars = tail.chars();
            if let Some(c) = chars.next() {
                write!(f, "{}", c.escape_default())?;
            }
            rest = chars.as_str();
        }
        f.write_str(rest)
    }
}

/// `text` as a JSON string; what is hostile on a terminal is escaped too.
pub(crate) fn json_string(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    if !quoted.contains(is_hostile) {
        return quoted;
    }
    let mut out = String::with_capacity(quoted.len() + 16);
    for c in quoted.chars() {
        if is_hostile(c) {
            // All hostile characters lie in the basic plane.
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// A JSON object with the keys in this order; the values are JSON already.
pub(crate) fn json_object<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let mut out = String::from("{");
    for (key, value) in pairs {
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(&json_string(key));
        out.push(':');
        out.push_str(&value);
    }
    out.push('}');
    out
}

/// A JSON array; the values are JSON already.
pub(crate) fn json_array(values: impl IntoIterator<Item = String>) -> String {
    let values: Vec<String> = values.into_iter().collect();
    format!("[{}]", values.join(","))
}

/// `line` as it is kept in an alert: at most 1 KiB, with `…` where it is cut.
pub(crate) fn kept(line: &str) -> Cow<'_, str> {
    cut(line, KEPT_BYTES)
}

/// `text` in at most `bytes`, with `…` where it is cut.
pub(crate) fn cut(text: &str, bytes: usize) -> Cow<'_, str> {
    if text.len() <= bytes {
        return text.into();
    }
    let end = text.floor_char_boundary(bytes.saturating_sub('…'.len_utf8()));
    format!("{}…", &text[..end]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_characters_are_escaped() {
        let check = |text: &str, shown: &str, json: &str| {
            assert_eq!(Escaped(text).to_string(), shown);
            assert_eq!(json_string(text), json);
            let back: String = serde_json::from_str(json).unwrap();
            assert_eq!(back, text);
        };
        check("plain ü", "plain ü", "\"plain ü\"");
        check("\x1b[2Jx\ny", "\\u{1b}[2Jx\\ny", "\"\\u001b[2Jx\\ny\"");
        check("\u{9b}m", "\\u{9b}m", "\"\\u009bm\"");
        check("a\u{202e}b\u{2028}", "a\\u{202e}b\\u{2028}", "\"a\\u202eb\\u2028\"");
        check("\u{7f}", "\\u{7f}", "\"\\u007f\"");
    }

    #[test]
    fn samples_are_cut_on_a_character() {
        assert_eq!(kept("short"), "short");
        let long = "ä".repeat(600);
        let cut = kept(&long);
        assert!(cut.len() <= KEPT_BYTES && cut.len() > KEPT_BYTES - 4, "{}", cut.len());
        assert!(cut.ends_with("ä…"));
        assert_eq!(kept(&"x".repeat(1024)).len(), 1024);
    }

    #[test]
    fn objects_keep_their_order() {
        let json = json_object([("b", "1".into()), ("a\"", json_array(["2".into(), "3".into()]))]);
        assert_eq!(json, r#"{"b":1,"a\"":[2,3]}"#);
    }
}
