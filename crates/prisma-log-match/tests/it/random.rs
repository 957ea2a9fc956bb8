//! Patterns and lines that have to do with each other.

use fastrand::Rng;

/// Words that patterns are made of; of all lengths, some with k and s, some not ASCII.
const WORDS: &[&str] = &[
    "oom",
    "kill",
    "disk",
    "refused",
    "connection refused",
    "timed out",
    "ssl handshake",
    "kkk",
    "sessions",
    "größe",
    "ошибка",
    "deadlock detected",
    "no space left on device",
    "a",
    "x=",
    "{}",
    "error",
    "[warn]",
    "pool exhausted",
    "stack smash",
    "\u{212a}elvin",
    "mi\u{17f}s",
];

/// Parts between words, as expressions.
const BETWEEN: &[&str] = &[
    "",
    " ",
    " ?",
    ".",
    ".*",
    "\\s+",
    "\\d+",
    "[^x]",
    "(?s:.)*?",
    "\\W",
    "\n",
    "\\b",
    "\\n?",
    "$",
    "^",
    "(?m:$)",
    "[a-z ]{0,5}",
    "\\x00?",
    "\r?",
    "(?-u:\\xff)?",
    "[ks]+",
];

fn any<'a>(rng: &mut Rng, of: &[&'a str]) -> &'a str {
    of[rng.usize(..of.len())]
}

/// A regular expression of a few words.
pub(crate) fn expression(rng: &mut Rng) -> String {
    let mut expression = String::new();
    if rng.u8(..3) > 0 {
        expression += "(?i)";
    }
    for part in 0..1 + rng.usize(..3) {
        if part > 0 {
            expression += any(rng, BETWEEN);
        }
        expression += &match rng.u8(..8) {
            0 => format!("(?:{}|{})", word(rng), word(rng)),
            1 => format!("(?:{})?", word(rng)),
            2 => format!("({})+", word(rng)),
            3 => format!("(?:{}){{2}}", word(rng)),
            4 => format!("(?i:{})", word(rng)),
            5 => format!("(?:{}|{}.?|{})", word(rng), word(rng), word(rng)),
            _ => word(rng),
        };
    }
    expression
}

fn word(rng: &mut Rng) -> String {
    let word = any(rng, WORDS);
    // Parts of words, so that literals of all lengths come up.
    let from = word.char_indices().map(|(at, _)| at).nth(rng.usize(..3)).unwrap_or(0);
    let from = if rng.bool() { 0 } else { from };
    regex::escape(&word[from..])
}

/// Words that patterns hold, as texts.
pub(crate) fn texts(rng: &mut Rng) -> Vec<String> {
    (0..1 + rng.usize(..4)).map(|_| any(rng, WORDS).to_owned()).collect()
}

/// A block of lines, some of which hold words: whole, changed in case, spelled with partners,
/// broken by line ends, cut.
pub(crate) fn block(rng: &mut Rng) -> Vec<u8> {
    let mut block = Vec::new();
    for _ in 0..rng.usize(..14) {
        for _ in 0..rng.usize(..6) {
            piece(rng, &mut block);
        }
        block.extend_from_slice(any(rng, &["\n", "\n", "\r\n", "\n\n", "\r\r\n"]).as_bytes());
    }
    for _ in 0..rng.usize(..4) {
        piece(rng, &mut block);
    }
    block
}

fn piece(rng: &mut Rng, block: &mut Vec<u8>) {
    let word = any(rng, WORDS);
    match rng.u8(..10) {
        0 => block.extend(std::iter::repeat_with(|| rng.u8(..)).take(3)),
        1 => block.extend(std::iter::repeat_n(b'-', rng.usize(..40))),
        2 => block.extend_from_slice(&word.as_bytes()[..rng.usize(..word.len())]),
        3 => {
            let (a, b) = word.as_bytes().split_at(rng.usize(..word.len()));
            block.extend_from_slice(a);
            block.extend_from_slice(any(rng, &["\n", "\r\n", "\r", "\0"]).as_bytes());
            block.extend_from_slice(b);
        }
        4 => block.extend_from_slice(any(rng, &[" ", "  ", "7", "s", "K", "\t"]).as_bytes()),
        _ => {
            for character in word.chars() {
                let spelled = match (rng.u8(..10), character) {
                    (0, 'k') => '\u{212a}',
                    (0, 's') => '\u{17f}',
                    (0..3, _) => character.to_uppercase().next().unwrap_or(character),
                    _ => character,
                };
                block.extend_from_slice(spelled.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
    }
}
