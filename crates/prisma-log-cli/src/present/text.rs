//! Text from logs, made safe for a terminal.

use prisma_log_format::must_escape;

/// The text with everything escaped that could act on a terminal, cut to `max` characters.
pub(crate) fn shown(text: &str, max: usize) -> String {
    let mut shown = String::new();
    let mut chars = text.chars();
    for c in chars.by_ref().take(max) {
        if must_escape(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_acts_on_the_terminal() {
        assert_eq!(shown("é\t\x1b[31m\u{202e}x", 99), "é\\t\\u{1b}[31m\\u{202e}x");
        assert_eq!(shown("abcdef", 3), "abc…");
        assert_eq!(shown("abc", 3), "abc");
    }
}
