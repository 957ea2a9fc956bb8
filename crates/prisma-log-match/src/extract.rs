//! What a regular expression can't match without: literals of which each match holds one.

use regex_syntax::hir::{Capture, Class, Hir, HirKind, Repetition};

use crate::background::worth;
use crate::literal::{Case, Element, Literal};

/// Literals of which one stands in each match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Needed {
    pub(crate) literals: Vec<Literal>,
    /// Whether each text that holds one of the literals matches.
    pub(crate) is_all: bool,
}

/// Literals of a product of several parts, such as `time(d|)( |)out`.
const MOST_PRODUCTS: usize = 96;
/// Literals of alternatives.
const MOST_ALTERNATIVES: usize = 1 << 14;
/// Characters of a class that are spelled out.
const MOST_CHARACTERS: usize = 10;
/// Bytes of a literal; what follows is left to the regular expression.
const LONGEST: usize = 256;
/// Bytes of the shortest literal that is looked for.
const SHORTEST: usize = 3;

/// The literals of an expression, unless lines can match without any, or without one of a useful
/// length.
pub(crate) fn needed(hir: &Hir) -> Option<Needed> {
    let Parts { language, inner } = parts(hir);
    if let Some(language) = language {
        let is_useful = score(&language.literals).is_some();
        let has_line_end = language.literals.iter().any(Literal::has_line_end);
        let is_all = language.is_precise && !has_line_end;
        return is_useful.then_some(Needed { literals: language.literals, is_all });
    }
    let literals = inner.filter(|literals| score(literals).is_some())?;
    Some(Needed { literals, is_all: false })
}

/// The same for lines that hold the text in which the expression is found in some notation, such
/// as a string of JSON: no literal has a character that may be written otherwise there.
pub(crate) fn needed_in_notation(hir: &Hir) -> Option<Needed> {
    let Parts { language, inner } = parts(hir);
    let literals = language.map(|language| language.literals).or(inner)?;
    let pieces: Option<Vec<Literal>> = literals.iter().map(longest_plain_piece).collect();
    let literals = pieces.filter(|literals| score(literals).is_some())?;
    Some(Needed { literals, is_all: false })
}

/// The piece worth most between the characters that a notation may write otherwise, in any case.
fn longest_plain_piece(literal: &Literal) -> Option<Literal> {
    const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();
    let elements: Vec<Element> = literal.0.iter().map(|element| element.relaxed()).collect();
    let splits = |element: &Element| {
        matches!(element.byte, b'"' | b'\\' | b'/' | 0..=0x1f | 0x7f)
            || REPLACEMENT.contains(&element.byte)
    };
    let pieces = elements.split(splits).map(|piece| Literal(piece.to_vec()));
    pieces.max_by_key(|piece| (piece.len() >= SHORTEST, worth(&piece.folded())))
}

/// What is known of a part of an expression.
#[derive(Clone, Default)]
struct Parts {
    /// All texts that it matches, when they are few.
    language: Option<Language>,
    /// Else the best literals of which each match holds one.
    inner: Option<Vec<Literal>>,
}

#[derive(Clone)]
struct Language {
    literals: Vec<Literal>,
    /// Whether it matches each of them wherever they stand.
    is_precise: bool,
}

impl Language {
    fn of(literal: Literal) -> Self {
        Language { literals: vec![literal], is_precise: true }
    }

    /// What matches this and then that, unless that is too much.
    fn then(&self, next: &Language) -> Option<Language> {
        if self.literals.len() * next.literals.len() > MOST_PRODUCTS {
            return None;
        }
        let pairs = self.literals.iter().flat_map(|a| next.literals.iter().map(|b| a.joined(b)));
        let literals: Vec<Literal> = pairs.collect();
        let fits = literals.iter().all(|literal| literal.len() <= LONGEST);
        fits.then_some(Language { literals, is_precise: self.is_precise && next.is_precise })
    }
}

impl Parts {
    fn finite(language: Language) -> Self {
        Parts { language: Some(language), inner: None }
    }

    fn best(self) -> Option<Vec<Literal>> {
        let all = self.language.map(|language| language.literals);
        better(all, self.inner)
    }
}

/// How well literals tell lines apart; `None` when they are of no use.
fn score(literals: &[Literal]) -> Option<u32> {
    let least = literals.iter().map(|literal| worth(&literal.folded())).min()?;
    let is_useful = literals.iter().all(|literal| literal.len() >= SHORTEST);
    let spread = 4 * literals.len().ilog2();
    is_useful.then(|| least.min(200).saturating_sub(spread))
}

fn better(a: Option<Vec<Literal>>, b: Option<Vec<Literal>>) -> Option<Vec<Literal>> {
    let rate = |literals: &Option<Vec<Literal>>| literals.as_deref().and_then(score);
    if rate(&b) > rate(&a) { b } else { a }
}

fn parts(hir: &Hir) -> Parts {
    match hir.kind() {
        HirKind::Empty => Parts::finite(Language::of(Literal::default())),
        HirKind::Look(_) => {
            let literals = vec![Literal::default()];
            Parts::finite(Language { literals, is_precise: false })
        }
        HirKind::Literal(literal) if literal.0.len() <= LONGEST => {
            Parts::finite(Language::of(Literal::exact(&literal.0)))
        }
        HirKind::Literal(literal) => {
            Parts { language: None, inner: Some(vec![Literal::exact(&literal.0[..LONGEST])]) }
        }
        HirKind::Class(class) => match characters(class) {
            Some(literals) => Parts::finite(Language { literals, is_precise: true }),
            None => Parts::default(),
        },
        HirKind::Capture(Capture { sub, .. }) => parts(sub),
        HirKind::Repetition(repetition) => repeated(repetition),
        HirKind::Concat(children) => in_sequence(children.iter().map(parts)),
        HirKind::Alternation(children) => either(children),
    }
}

fn repeated(repetition: &Repetition) -> Parts {
    let Repetition { min, max, sub, .. } = repetition;
    match (min, max) {
        (0, Some(1)) => {
            let Some(mut language) = parts(sub).language else { return Parts::default() };
            let empty = Literal::default();
            if !language.literals.contains(&empty) {
                language.literals.push(empty);
            }
            Parts::finite(language)
        }
        (0, _) => Parts::default(),
        (&min, &Some(max)) if min == max && min <= 32 => {
            let once = parts(sub);
            in_sequence((0..min).map(|_| once.clone()))
        }
        // Once more is what it begins with, whatever comes then.
        _ => Parts { language: None, inner: parts(sub).best() },
    }
}

fn in_sequence(children: impl Iterator<Item = Parts>) -> Parts {
    let mut best = None;
    let mut is_broken = false;
    let mut run = Language::of(Literal::default());
    for child in children {
        if let Some(joined) = child.language.as_ref().and_then(|next| run.then(next)) {
            run = joined;
            continue;
        }
        is_broken = true;
        let Parts { language, inner } = child;
        let next = language.unwrap_or_else(|| Language::of(Literal::default()));
        let ended = std::mem::replace(&mut run, next);
        best = better(better(best, Some(ended.literals)), inner);
    }
    match is_broken {
        false => Parts::finite(run),
        true => Parts { language: None, inner: better(best, Some(run.literals)) },
    }
}

fn either(children: &[Hir]) -> Parts {
    let mut all = Language { literals: Vec::new(), is_precise: true };
    let mut is_finite = true;
    let mut is_known = true;
    for child in children {
        let child = parts(child);
        if let Some(language) = &child.language {
            all.is_precise &= language.is_precise;
        } else {
            is_finite = false;
        }
        match child.best() {
            Some(literals) => all.literals.extend(literals),
            None => is_known = false,
        }
    }
    if !is_known || all.literals.len() > MOST_ALTERNATIVES {
        return Parts::default();
    }
    match is_finite {
        true => Parts::finite(all),
        false => Parts { language: None, inner: Some(all.literals) },
    }
}

/// The characters of a small class; letters in both cases are one.
fn characters(class: &Class) -> Option<Vec<Literal>> {
    let mut bytes = Vec::new();
    let mut others = Vec::new();
    match class {
        Class::Unicode(class) => {
            let ranges = class.ranges();
            if ranges.iter().map(|range| range.len()).sum::<usize>() > 3 * MOST_CHARACTERS {
                return None;
            }
            for character in ranges.iter().flat_map(|range| range.start()..=range.end()) {
                match u8::try_from(character) {
                    Ok(byte) if byte.is_ascii() => bytes.push(byte),
                    _ => others.push(character),
                }
            }
        }
        Class::Bytes(class) => {
            let ranges = class.ranges();
            if ranges.iter().map(|range| range.len()).sum::<usize>() > 3 * MOST_CHARACTERS {
                return None;
            }
            bytes.extend(ranges.iter().flat_map(|range| range.start()..=range.end()));
        }
    }
    let mut literals = Vec::new();
    for &byte in &bytes {
        let small = byte.to_ascii_lowercase();
        let both = byte.is_ascii_alphabetic()
            && bytes.contains(&small)
            && bytes.contains(&small.to_ascii_uppercase());
        if !both {
            literals.push(Literal::exact(&[byte]));
            continue;
        }
        if byte != small {
            continue;
        }
        let partner = match small {
            b'k' => Some('\u{212a}'),
            b's' => Some('\u{17f}'),
            _ => None,
        };
        let before = others.len();
        others.retain(|&other| Some(other) != partner);
        let case = if others.len() < before { Case::Unicode } else { Case::Any };
        literals.push(Literal(vec![Element { byte: small, case }]));
    }
    let spelled = |character: char| Literal::exact(character.encode_utf8(&mut [0; 4]).as_bytes());
    literals.extend(others.into_iter().map(spelled));
    // A class without characters matches nothing, and no literal says so.
    let fits = (1..=MOST_CHARACTERS).contains(&literals.len());
    fits.then_some(literals)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hir(source: &str) -> Hir {
        let mut parser = regex_syntax::ParserBuilder::new().utf8(false).build();
        parser.parse(source).expect("the pattern is valid")
    }

    fn shown(needed: Option<Needed>) -> String {
        let Some(Needed { mut literals, is_all }) = needed else { return "-".to_owned() };
        literals.sort_by_key(|literal| literal.folded());
        let shown = literals.iter().map(|literal| {
            let bytes: Vec<u8> = literal.0.iter().map(|element| element.byte).collect();
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let shown: Vec<String> = shown.collect();
        format!("{}{}", if is_all { "= " } else { "" }, shown.join("|"))
    }

    #[test]
    fn matches_hold_one_of_the_literals() {
        let check = |source: &str, expect: &str| {
            assert_eq!(shown(needed(&hir(source))), expect, "{source}");
        };
        check("refused", "= refused");
        check("(?i)Refused", "= refused");
        check("(?i)refused|broken pipe", "= broken pipe|refused");
        check("time(?:d )?out", "= timed out|timeout");
        check("(?i)timed? ?out", "= time out|timed out|timedout|timeout");
        check("^refused$", "refused");
        check(r"\brefused\b", "refused");
        check(r"user \d+ refused", " refused");
        check(r"(refused)+ by (?P<host>\S+)", "refused");
        check("(?:refused){2}", "= refusedrefused");
        check("(?:refused){2,}", "refused");
        check(r"refused|denied \w+", "denied |refused");
        check(r"refused|\d+", "-");
        check("(?:refused)?", "-");
        check("(?:refused)*x", "-");
        check(r"\d{3}", "-");
        check("ab", "-");
        check("[ab]cde", "= acde|bcde");
        check("gr[öü]n", "= grön|grün");
        check("(?i)grün", "= grÜn|grün");
        check(r"refused\n", "refused\n");
        check("", "-");
        check(r"\w+@\w+", "-");
        check(r"(?i)[a-z]+ refused (?:again)?", " refused | refused again");
        check(r"(?-u:\xff\xfe)abc", "= ��abc");
    }

    #[test]
    fn in_a_notation_literals_have_what_is_never_written_otherwise() {
        let check = |source: &str, expect: &str| {
            assert_eq!(shown(needed_in_notation(&hir(source))), expect, "{source}");
        };
        check("Refused", "refused");
        check(r#"the "refused" one"#, "refused");
        check(r"a\\bcde/f", "bcde");
        check(r"GET /x/y", "get ");
        check(r#"a"b"c"#, "-");
        check("grün", "grün");
    }
}
