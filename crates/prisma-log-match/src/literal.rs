//! Literals that a pattern needs, in the case that it needs them in.

/// A text that must stand in a line, byte by byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Literal(pub(crate) Vec<Element>);

/// One byte of a literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Element {
    /// A small letter, unless `case` is exact.
    pub(crate) byte: u8,
    pub(crate) case: Case,
}

/// What else an element stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Case {
    /// Nothing.
    Exact,
    /// The capital letter.
    Any,
    /// The capital letter and the sign outside ASCII that Unicode folds to it: `K` (the kelvin
    /// sign) to k, `ſ` (the long s) to s.
    Unicode,
}

/// The kelvin sign, U+212A.
const KELVIN: &[u8] = "\u{212a}".as_bytes();
/// The long s, U+017F.
const LONG_S: &[u8] = "\u{17f}".as_bytes();

/// What a byte is to the sieve: capital and small letters are the same.
///
/// Other bytes fall together too; who compares exactly finds out.
pub(crate) const fn fold(byte: u8) -> u8 {
    byte | 0x20
}

impl Element {
    pub(crate) const fn exact(byte: u8) -> Self {
        Element { byte, case: Case::Exact }
    }

    /// The same in any case.
    pub(crate) fn relaxed(self) -> Self {
        match self.case {
            Case::Exact if self.byte.is_ascii_alphabetic() => {
                Element { byte: self.byte.to_ascii_lowercase(), case: Case::Any }
            }
            _ => self,
        }
    }

    /// The sign outside ASCII that stands for it too.
    pub(crate) fn partner(self) -> Option<&'static [u8]> {
        match (self.case, self.byte) {
            (Case::Unicode, b'k') => Some(KELVIN),
            (Case::Unicode, b's') => Some(LONG_S),
            _ => None,
        }
    }

    fn is(self, byte: u8) -> bool {
        match self.case {
            Case::Exact => byte == self.byte,
            Case::Any | Case::Unicode => fold(byte) == self.byte,
        }
    }

    /// The bytes that it takes at the start of this text.
    fn taken_from(self, text: &[u8]) -> Option<usize> {
        if self.is(*text.first()?) {
            return Some(1);
        }
        let partner = self.partner()?;
        text.starts_with(partner).then_some(partner.len())
    }

    /// The bytes that it takes at the end of this text.
    fn taken_before(self, text: &[u8]) -> Option<usize> {
        if self.is(*text.last()?) {
            return Some(1);
        }
        let partner = self.partner()?;
        text.ends_with(partner).then_some(partner.len())
    }
}

impl Literal {
    pub(crate) fn exact(bytes: &[u8]) -> Self {
        Literal(bytes.iter().copied().map(Element::exact).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn joined(&self, other: &Literal) -> Literal {
        Literal(self.0.iter().chain(&other.0).copied().collect())
    }

    pub(crate) fn folded(&self) -> Vec<u8> {
        self.0.iter().map(|element| fold(element.byte)).collect()
    }

    /// Whether it has a byte that ends lines.
    pub(crate) fn has_line_end(&self) -> bool {
        self.0.iter().any(|element| matches!(element.byte, b'\n' | b'\r'))
    }

    /// Whether it stands in the text such that its element `anchor` is at `at`.
    pub(crate) fn stands_at(&self, text: &[u8], anchor: usize, at: usize) -> bool {
        let (Some((before, behind)), Some((left, right))) =
            (self.0.split_at_checked(anchor), text.split_at_checked(at))
        else {
            return false;
        };
        let mut rest = right;
        for element in behind {
            let Some(taken) = element.taken_from(rest) else { return false };
            rest = &rest[taken..];
        }
        let mut rest = left;
        for element in before.iter().rev() {
            let Some(taken) = element.taken_before(rest) else { return false };
            rest = &rest[..rest.len() - taken];
        }
        true
    }

    /// The folded texts that these elements can be found as, partners included, cut to as many
    /// bytes as there are elements.
    pub(crate) fn spellings(elements: &[Element]) -> Vec<Vec<u8>> {
        let mut spellings = vec![Vec::with_capacity(elements.len())];
        for element in elements {
            let partnered = element.partner().map(|partner| {
                let mut with: Vec<Vec<u8>> = spellings.clone();
                for spelling in &mut with {
                    spelling.extend(partner.iter().copied().map(fold));
                }
                with
            });
            for spelling in &mut spellings {
                spelling.push(fold(element.byte));
            }
            spellings.extend(partnered.into_iter().flatten());
        }
        for spelling in &mut spellings {
            spelling.truncate(elements.len());
        }
        spellings.sort_unstable();
        spellings.dedup();
        spellings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str, case: Case) -> Literal {
        let element = |byte: u8| match byte.is_ascii_alphabetic() {
            true => Element { byte, case },
            false => Element::exact(byte),
        };
        Literal(text.bytes().map(element).collect())
    }

    fn check(case: Case, text: &str, anchor: usize, at: usize, expect: bool) {
        assert_eq!(
            literal("disk 1", case).stands_at(text.as_bytes(), anchor, at),
            expect,
            "{text}"
        );
    }

    #[test]
    fn a_literal_stands_where_all_of_it_is() {
        check(Case::Exact, "a disk 1", 0, 2, true);
        check(Case::Exact, "a disk 1", 3, 5, true);
        check(Case::Exact, "a disk 1", 0, 1, false);
        check(Case::Exact, "a disk ", 0, 2, false);
        check(Case::Exact, "isk 1", 1, 0, false);
        check(Case::Exact, "disk 1", 9, 0, false);
        check(Case::Exact, "disk 1", 0, 9, false);
        check(Case::Exact, "a Disk 1", 0, 2, false);
        check(Case::Any, "a DiSK 1", 0, 2, true);
        check(Case::Any, "a disk\u{0}1", 0, 2, false);
        check(Case::Any, "a DI\u{17f}K 1", 0, 2, false);
        check(Case::Unicode, "a DI\u{17f}\u{212a} 1", 0, 2, true);
        check(Case::Unicode, "a DI\u{17f}\u{212a} 1", 4, 9, true);
        check(Case::Unicode, "a DI\u{17f}k 1", 3, 6, true);
    }

    #[test]
    fn spellings_have_the_partners_and_keep_the_length() {
        let check = |text: &str, case, expect: &[&[u8]]| {
            let spellings = Literal::spellings(&literal(text, case).0);
            assert_eq!(spellings, expect, "{text}");
        };
        check("disk", Case::Any, &[b"disk"]);
        check("ask", Case::Unicode, &[b"ask", b"as\xe2", b"a\xe5\xbf"]);
    }
}
