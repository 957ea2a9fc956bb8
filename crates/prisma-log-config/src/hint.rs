//! Hints: what was probably meant.

/// The allowed word that `word` is most likely a misspelling of.
pub(crate) fn closest<'a>(
    word: &str,
    allowed: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word = word.to_lowercase().replace('-', "_");
    let room = (word.chars().count() / 3).clamp(1, 3);
    allowed
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(&word, &known.to_lowercase()), known))
        .filter(|(distance, known)| {
            *distance <= room || (word.len() > 3 && known.starts_with(word.as_str()))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// `did you mean …?` when something allowed is close, else all that is allowed.
pub(crate) fn for_word(word: &str, what: &str, allowed: &[&str]) -> String {
    match closest(word, allowed.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if allowed.is_empty() => format!("there are no {what}"),
        None => format!("{what}: {}", list(allowed)),
    }
}

/// `` `a`, `b`, `c` ``
pub(crate) fn list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_close_words_are_suggested() {
        let known = ["max_line", "max_message", "path", "level", "format"];
        let check = |word, expect| assert_eq!(closest(word, known), expect, "{word}");
        check("max_messages", Some("max_message"));
        check("max-message", Some("max_message"));
        check("Level", Some("level"));
        check("levle", Some("level"));
        check("maxline", Some("max_line"));
        check("form", Some("format"));
        check("colour", None);
        check("x", None);
        check("", None);
    }

    #[test]
    fn far_words_get_the_list() {
        assert_eq!(for_word("colour", "keys", &["a", "b"]), "keys: `a`, `b`");
        assert_eq!(for_word("pth", "keys", &["path"]), "did you mean `path`?");
    }
}
