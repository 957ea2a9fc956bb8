//! How much room there is, and text that keeps to it.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::text;

/// Columns where there is no terminal, or none says how wide it is.
const COLUMNS: usize = 100;
/// What a table needs at least, and what still helps the eye.
const LEAST_COLUMNS: usize = 60;
const MOST_COLUMNS: usize = 240;

/// Columns of the terminal behind stdout; where there is none, what COLUMNS says, or else 100.
pub(crate) fn width() -> usize {
    let terminal = rustix::termios::tcgetwinsize(std::io::stdout()).ok();
    let terminal = terminal.map(|size| usize::from(size.ws_col)).filter(|&columns| columns > 0);
    let told = || std::env::var("COLUMNS").ok()?.parse().ok();
    terminal.or_else(told).unwrap_or(COLUMNS).clamp(LEAST_COLUMNS, MOST_COLUMNS)
}

/// How many columns a text takes.
pub(crate) fn columns(text: &str) -> usize {
    text.width()
}

/// The text with everything escaped that could act on a terminal, cut to this many columns.
pub(crate) fn fit(text: &str, most: usize) -> String {
    // Marks that take no column are kept with the letters that they stand on, but not in masses.
    let mut fitting = text::shown(text, most.saturating_mul(2));
    if columns(&fitting) <= most {
        return fitting;
    }
    let mut left = most.saturating_sub(1);
    let end = fitting.char_indices().find_map(|(at, c)| {
        let wide = c.width().unwrap_or(0);
        if wide > left {
            return Some(at);
        }
        left -= wide;
        None
    });
    fitting.truncate(end.unwrap_or(fitting.len()));
    if most > 0 {
        fitting.push('…');
    }
    fitting
}

/// Spaces that fill a text up to this many columns.
pub(crate) fn padding(text: &str, to: usize) -> String {
    " ".repeat(to.saturating_sub(columns(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_keep_to_their_room() {
        let check = |text: &str, most: usize, expect: &str| {
            assert_eq!(fit(text, most), expect, "{text:?} in {most}");
            assert!(columns(&fit(text, most)) <= most);
        };
        check("abc", 3, "abc");
        check("abcd", 3, "ab…");
        check("abc", 0, "");
        check("注文を作る", 10, "注文を作る");
        check("注文を作る", 9, "注文を作…");
        check("注文を作る", 8, "注文を…");
        check("a\x1b[2J", 9, "a\\u{1b}[…");
        check(&"\u{301}".repeat(99), 3, &format!("{}…", "\u{301}".repeat(6)));
        assert_eq!(padding("注文", 6), "  ");
        assert_eq!(padding("abc", 2), "");
    }
}
