//! Text that others wrote, made safe for where it goes.

use std::fmt::Write as _;

use prisma_log_format::must_escape;

/// `text` in at most `bytes`, with `…` where it is cut.
pub(crate) fn cut(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(bytes.saturating_sub('…'.len_utf8()));
    format!("{}…", text.get(..end).unwrap_or_default())
}

/// Text in which no character moves a cursor, hides or reorders others; line feeds stay.
pub(crate) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && must_escape(c) {
            // A String takes everything.
            let _ = write!(out, "{}", c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// [`clean`] text on one line.
pub(crate) fn line(text: &str) -> String {
    clean(text).replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_made_safe() {
        assert_eq!(clean("a\x1b[2J\nb\u{202e}ü"), "a\\u{1b}[2J\nb\\u{202e}ü");
        assert_eq!(line("a\nb"), "a\\nb");
        assert_eq!(cut("äää", 5), "ä…");
        assert_eq!(cut("äää", 6), "äää");
    }
}
