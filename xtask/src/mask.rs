//! Tells Rust code from comments and string contents, line by line.

/// A source text taken apart. Both parts have the source's lines and columns (in characters);
/// what does not belong to a part is blank there.
pub(crate) struct Masked {
    /// Code, with the contents of strings and character literals blank.
    pub(crate) code: String,
    /// Comments.
    pub(crate) comments: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Code,
    Comment,
    Content,
}

/// Takes `source` apart. Source that does not compile gives some answer, never a panic.
pub(crate) fn mask(source: &str) -> Masked {
    let chars: Vec<char> = source.chars().collect();
    let mut masked = Masked { code: String::new(), comments: String::new() };
    let mut at = 0;
    while at < chars.len() {
        let (part, end) = next(&chars, at);
        let end = end.clamp(at + 1, chars.len());
        for (index, &c) in chars.iter().enumerate().take(end).skip(at) {
            let edge = index == at || index + 1 == end;
            let keep = |wanted| c == '\n' || part == wanted;
            masked.code.push(if keep(Part::Code) || part == Part::Content && edge {
                c
            } else {
                ' '
            });
            masked.comments.push(if keep(Part::Comment) { c } else { ' ' });
        }
        at = end;
    }
    masked
}

/// The part that begins at `at`, and where it ends.
fn next(chars: &[char], at: usize) -> (Part, usize) {
    let starts = |text: &str| text.chars().enumerate().all(|(i, c)| chars.get(at + i) == Some(&c));
    let after_word = at > 0 && is_word(chars[at - 1]);
    match chars[at] {
        '/' if starts("//") => (Part::Comment, find(chars, at, '\n')),
        '/' if starts("/*") => (Part::Comment, block_comment_end(chars, at)),
        '"' => (Part::Content, string_end(chars, at)),
        '\'' => match char_literal_end(chars, at) {
            Some(end) => (Part::Content, end),
            None => (Part::Code, at + 1),
        },
        'r' if !after_word || prefix_before(chars, at) => match raw_string_end(chars, at) {
            Some(end) => (Part::Content, end),
            None => (Part::Code, at + 1),
        },
        _ => (Part::Code, at + 1),
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether the character before `at` is a lone `b` or `c`, as in `br"…"`.
fn prefix_before(chars: &[char], at: usize) -> bool {
    matches!(chars[at - 1], 'b' | 'c') && (at < 2 || !is_word(chars[at - 2]))
}

fn find(chars: &[char], from: usize, what: char) -> usize {
    let rest = chars.iter().skip(from);
    rest.enumerate().find(|&(_, &c)| c == what).map_or(chars.len(), |(n, _)| from + n)
}

fn block_comment_end(chars: &[char], start: usize) -> usize {
    let (mut depth, mut at) = (0, start);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string_end(chars: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

/// `None` for a lifetime.
fn char_literal_end(chars: &[char], start: usize) -> Option<usize> {
    if chars.get(start + 1) == Some(&'\\') {
        return Some(find(chars, start + 3, '\'') + 1).filter(|&end| end <= chars.len());
    }
    (chars.get(start + 2) == Some(&'\'')).then_some(start + 3)
}

fn raw_string_end(chars: &[char], start: usize) -> Option<usize> {
    let hashes = chars[start + 1..].iter().take_while(|&&c| c == '#').count();
    if chars.get(start + 1 + hashes) != Some(&'"') {
        return None;
    }
    let mut at = start + hashes + 2;
    while at < chars.len() {
        let closing = chars[at] == '"'
            && chars.get(at + 1..=at + hashes).is_some_and(|tail| tail.iter().all(|&c| c == '#'));
        if closing {
            return Some(at + 1 + hashes);
        }
        at += 1;
    }
    Some(chars.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_code_from_comments_and_strings() {
        // Blanks are left out of what is compared; that all columns stay is checked apart.
        let check = |source: &str, code: &str, comments: &str| {
            let masked = mask(source);
            let squeezed: String = masked.code.split_whitespace().collect();
            assert_eq!(squeezed, code, "code of {source:?}");
            assert_eq!(masked.comments.trim(), comments, "comments of {source:?}");
            for part in [&masked.code, &masked.comments] {
                assert_eq!(part.chars().count(), source.chars().count());
                assert_eq!(part.matches('\n').count(), source.matches('\n').count());
            }
        };
        check("let a=1; // why", "leta=1;", "// why");
        check(r#"a("b // c\" d"); e"#, r#"a("");e"#, "");
        check(r##"r#"x " y"# z"##, "r#z", "");
        check(r#"br"todo" z"#, r#"br"z"#, "");
        check("for r in x {}", "forrinx{}", "");
        check(r#"'\'' '"' 'a 'b: "x""#, r#"'''''a'b:"""#, "");
        check(r"'\u{1F600}' // c", "''", "// c");
        check("a /* b /* c */ d */ e", "ae", "/* b /* c */ d */");
        check("\"open", "\"n", "");
        check(r"'\", r"'\", "");
        check("a\n\"b\nc\"\nd // e\nf", "a\"\"df", "// e");
    }
}
