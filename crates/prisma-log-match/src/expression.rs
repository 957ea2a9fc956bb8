//! One regular expression, for texts that are looked at one by one.

use std::fmt;
use std::ops::Range;

use prisma_log_core::Error;
use regex_automata::util::captures::Captures;
use regex_automata::util::syntax;
use regex_automata::{PatternID, meta};
use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

/// Bytes of a text that an expression is asked of, at most.
const LONGEST: usize = 64 << 10;
/// Bytes of a text that every expression is asked of.
const SHORTEST: usize = 8 << 10;
/// Work on one text, at most, as far as that is not less than the shortest text takes: bytes times places
/// in the expression at which a search may be at the same time.
const WORK: usize = 1 << 20;

/// A compiled regular expression in the syntax of the `regex` crate, searched for in texts.
///
/// It is asked of the first 64 KiB of a text. One that repeats classes of characters many times is asked
/// of less, since it may take hundreds of nanoseconds for a byte: with more than 16 classes, each as often
/// as it may be repeated, of 1 MiB through their number, and at least of 8 KiB. `[^x]{100}` is asked of
/// 10 KiB; letters of either case are no class, and how large one is makes no difference.
#[derive(Clone)]
pub struct Expression {
    text: String,
    regex: meta::Regex,
    /// Bytes of a text that it is asked of.
    reach: usize,
}

impl Expression {
    /// Compiles an expression that may take so many bytes.
    ///
    /// # Errors
    /// When it is malformed, with a picture of the place, or takes more.
    pub fn new(text: &str, max_bytes: usize) -> Result<Self, Error> {
        Expression::compile(text, max_bytes, false)
    }

    /// One of these texts, whatever the case.
    ///
    /// # Errors
    /// When all together take more than so many bytes.
    pub fn any_of<T: AsRef<str>>(texts: &[T], max_bytes: usize) -> Result<Self, Error> {
        let texts: Vec<String> =
            texts.iter().map(|text| regex_syntax::escape(text.as_ref())).collect();
        Expression::compile(&texts.join("|"), max_bytes, true)
    }

    fn compile(text: &str, max_bytes: usize, ignores_case: bool) -> Result<Self, Error> {
        let regex = meta::Regex::builder()
            .configure(meta::Config::new().nfa_size_limit(Some(max_bytes)))
            .syntax(syntax::Config::new().case_insensitive(ignores_case))
            .build(text)
            .map_err(|error| match (error.syntax_error(), error.size_limit()) {
                (Some(syntax), _) => Error::config(syntax.to_string()),
                (None, Some(limit)) => {
                    Error::config(format!("compiled it exceeds the size limit of {limit} bytes"))
                }
                (None, None) => Error::config(error.to_string()),
            })?;
        // It could be compiled a moment ago.
        let classes = regex_syntax::parse(text).map_or(0, |hir| classes(&hir));
        let reach = (WORK / classes.max(1)).clamp(SHORTEST, LONGEST);
        Ok(Expression { text: text.to_owned(), regex, reach })
    }

    /// As much of a text as it is asked of.
    fn asked<'t>(&self, text: &'t str) -> &'t str {
        text.get(..text.floor_char_boundary(self.reach)).unwrap_or(text)
    }

    /// The expression as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is found in `text`.
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(self.asked(text))
    }

    /// Where it is found first.
    pub fn find(&self, text: &str) -> Option<Range<usize>> {
        self.regex.find(self.asked(text)).map(|found| found.range())
    }

    /// Calls `each` with the name and text of every named group that took part in the first match.
    pub fn groups<'a>(&'a self, text: &'a str, mut each: impl FnMut(&'a str, &'a str)) {
        let info = self.regex.group_info();
        if info.group_len(PatternID::ZERO) <= 1 {
            return;
        }
        let text = self.asked(text);
        let mut captures: Captures = self.regex.create_captures();
        self.regex.captures(text, &mut captures);
        for (index, name) in info.pattern_names(PatternID::ZERO).enumerate() {
            if let (Some(name), Some(span)) = (name, captures.get_group(index))
                && let Some(found) = text.get(span.range())
            {
                each(name, found);
            }
        }
    }
}

/// Characters that a letter of any case may be, at most.
const CASES: usize = 4;

/// How many classes of characters there are, each as often as it is repeated.
fn classes(hir: &Hir) -> usize {
    let all = |list: &[Hir]| list.iter().map(classes).fold(0, usize::saturating_add);
    match hir.kind() {
        HirKind::Empty | HirKind::Literal(_) | HirKind::Look(_) => 0,
        HirKind::Class(Class::Unicode(class)) => {
            let size = class.ranges().iter().map(|range| range.len()).sum::<usize>();
            usize::from(size > CASES)
        }
        HirKind::Class(Class::Bytes(_)) => 1,
        HirKind::Capture(capture) => classes(&capture.sub),
        HirKind::Concat(list) | HirKind::Alternation(list) => all(list),
        HirKind::Repetition(Repetition { min, max, sub, .. }) => {
            let times = max.unwrap_or(*min).max(1);
            classes(sub).saturating_mul(times as usize)
        }
    }
}

impl fmt::Display for Expression {
    /// The expression as it was given.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.text).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1 << 20;

    #[test]
    fn what_the_regex_crate_says_is_said() {
        let check = |text: &str, haystack: &str| {
            let ours = Expression::new(text, LIMIT).unwrap();
            let theirs = regex::Regex::new(text).unwrap();
            assert_eq!(ours.as_str(), text);
            assert_eq!(ours.is_match(haystack), theirs.is_match(haystack), "{text}");
            assert_eq!(ours.find(haystack), theirs.find(haystack).map(|found| found.range()));
            let mut groups = Vec::new();
            ours.groups(haystack, |name, found| groups.push((name, found)));
            let mut expected = Vec::new();
            if let Some(captures) = theirs.captures(haystack) {
                let names = theirs.capture_names().flatten();
                let found = names.filter_map(|name| Some((name, captures.name(name)?.as_str())));
                expected.extend(found);
            }
            assert_eq!(groups, expected, "{text}");
        };
        check("b+", "abba");
        check("^b+", "abba");
        check(r"(?i)from (?<host>\S+)(?: port (?<port>\d+))?", "FROM 10.0.0.1 port 22");
        check(r"(?i)from (?<host>\S+)(?: port (?<port>\d+))?", "from ü");
        check(r"(a)(?<b>b)?", "ac");
        check("", "x");
        check(r"\p{Greek}+", "αβγ");
        check("(?i)s", "ſ");
    }

    #[test]
    fn long_texts_are_asked_of_in_part() {
        let check = |text: &str, before: usize, expect: bool| {
            let haystack = format!("{}ü{}", "-".repeat(before), "b".repeat(200));
            assert_eq!(Expression::new(text, LIMIT).unwrap().is_match(&haystack), expect, "{text}");
        };
        check("b", LONGEST - 10, true);
        check("b", LONGEST, false);
        check("ü", LONGEST - 1, false);
        // A hundred classes are 10 KiB.
        check("ü[^-]{100}", 10_000, true);
        check("ü[^-]{100}", 10_500, false);
        check("ü[^-]{900}|üb", SHORTEST - 10, true);
        // Large classes and many texts are nothing special.
        check(r"ü\w+b\w+\pL\pL\w*\w*", LONGEST - 100, true);
        check(&format!("(?i)ü(?:{}|b)", "a".repeat(1_000)), LONGEST - 100, true);
        let texts: Vec<String> = (0..2_000).map(|n| format!("text number {n}")).collect();
        let many = Expression::any_of(&texts, LIMIT).unwrap();
        assert!(many.is_match(&format!("{}text number 1999", "-".repeat(LONGEST - 100))));
    }

    #[test]
    fn errors_show_the_place() {
        let error = |text: &str| Expression::new(text, LIMIT).unwrap_err().to_string();
        assert!(error("a(b").contains("a(b\n     ^"), "{}", error("a(b"));
        assert!(error(r"(?<=x)y").contains("look-around"));
        assert!(error(r"(\pL{1000}){1000}").contains("size limit"));
    }

    #[test]
    fn texts_are_no_expressions() {
        let any = Expression::any_of(&["a.b", "Disk"], LIMIT).unwrap();
        let check = |text: &str, expect: bool| assert_eq!(any.is_match(text), expect, "{text}");
        check("xA.By", true);
        check("axb", false);
        check("DI\u{17f}K", true);
    }
}
