//! The `baggage` header.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::HeaderFault;
use super::percent;
use super::text::trim;

/// Members that are passed on, which the standard asks for at least.
const MEMBERS_MAX: usize = 64;
/// Bytes that are passed on, which the standard asks for at least.
const TEXT_MAX: usize = 8192;
/// Bytes that are read, white space and invalid members included.
const INPUT_MAX: usize = 32 * 1024;

/// What services along a request tell each other: the header `baggage` of W3C Baggage.
///
/// Cheap to clone. Holds up to 64 members and 8192 bytes as they stand in the header; members that
/// came from elsewhere are sent on as they came, properties and percent-coding included.
/// `Display` writes the header's value.
///
/// ```
/// use prisma_log_context::Baggage;
///
/// let mut baggage = Baggage::parse([b"tenant=blue, city=K%C3%B6ln;hops=2".as_slice()]);
/// assert_eq!(baggage.get("city").unwrap(), "Köln");
/// baggage.set("tenant", "dark blue").unwrap();
/// assert_eq!(baggage.to_string(), "tenant=dark%20blue,city=K%C3%B6ln;hops=2");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baggage {
    /// Valid members, without optional white space, joined by commas.
    text: Option<Arc<str>>,
}

/// A member of a [`Baggage`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BaggageMember<'a> {
    /// The key; case matters.
    pub key: &'a str,
    /// The value, its percent-coding undone. What does not code UTF-8 is U+FFFD.
    pub value: Cow<'a, str>,
    /// The properties as they stand in the header, joined by `;`; most often empty.
    pub properties: &'a str,
}

impl Baggage {
    /// No member.
    pub const EMPTY: Baggage = Baggage { text: None };

    /// No member.
    pub const fn new() -> Self {
        Baggage::EMPTY
    }

    /// Reads the values of all `baggage` lines, in order.
    ///
    /// Invalid members are left out, and so are members for which there is no room: as each one
    /// is judged by itself, a shorter one may come after it. Of the lines together, the first
    /// 32 KiB are read.
    pub fn parse<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut ignore = |_| {};
        let mut reader = Reader::new(&mut ignore);
        values.into_iter().for_each(|value| reader.line(value));
        reader.finish()
    }

    fn from_text(text: &str) -> Self {
        Baggage { text: (!text.is_empty()).then(|| text.into()) }
    }

    /// The header's value.
    pub(super) fn text(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.text.is_none()
    }

    /// The members in order; a key may be there more than once.
    pub fn iter(&self) -> impl Iterator<Item = BaggageMember<'_>> {
        self.raw().map(|(_, key, rest)| {
            let (value, properties) = rest.split_once(';').unwrap_or((rest, ""));
            BaggageMember { key, value: percent::decode(value), properties }
        })
    }

    /// Each member whole, its key, and what comes after the `=`.
    fn raw(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.text().split(',').filter_map(|member| {
            let (key, rest) = member.split_once('=')?;
            Some((member, key, rest))
        })
    }

    /// The value of a key, its percent-coding undone; of the last member with that key.
    pub fn get(&self, key: &str) -> Option<Cow<'_, str>> {
        self.iter().filter(|member| member.key == key).last().map(|member| member.value)
    }

    /// Sets the value of a key, any text. A key that is there keeps its place and loses its
    /// properties and its repetitions.
    ///
    /// # Errors
    /// [`HeaderFault::Member`] when the key is not a token (letters, digits and
    /// ``!#$%&'*+-.^_`|~``), [`HeaderFault::TooManyMembers`] when there are 64 others,
    /// [`HeaderFault::TooLong`] when there would be more than 8192 bytes. Nothing is changed then.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), HeaderFault> {
        if !is_token(key.as_bytes()) {
            return Err(HeaderFault::Member);
        }
        let new = format!("{key}={}", percent::encode(value));
        let mut text = String::new();
        let mut members = 0;
        let mut placed = false;
        for (member, other, _) in self.raw() {
            let member = if other != key {
                member
            } else if placed {
                continue;
            } else {
                placed = true;
                &new
            };
            push(&mut text, &mut members, member)?;
        }
        if !placed {
            push(&mut text, &mut members, &new)?;
        }
        *self = Baggage::from_text(&text);
        Ok(())
    }

    /// Removes all members with this key.
    pub fn remove(&mut self, key: &str) {
        let kept: Vec<&str> =
            self.raw().filter(|&(_, other, _)| other != key).map(|(member, ..)| member).collect();
        *self = Baggage::from_text(&kept.join(","));
    }
}

impl fmt::Display for Baggage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// Adds a member if there is room for all of it.
fn push(text: &mut String, members: &mut usize, member: &str) -> Result<(), HeaderFault> {
    if *members == MEMBERS_MAX {
        return Err(HeaderFault::TooManyMembers);
    }
    let comma = if text.is_empty() { "" } else { "," };
    if text.len() + comma.len() + member.len() > TEXT_MAX {
        return Err(HeaderFault::TooLong);
    }
    text.push_str(comma);
    text.push_str(member);
    *members += 1;
    Ok(())
}

/// A token of RFC 7230.
fn is_token(bytes: &[u8]) -> bool {
    let allowed = |&b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !bytes.is_empty() && bytes.iter().all(allowed)
}

/// Writes `key`, or `key=value`, without the white space in it. Gives the value back, if there is
/// one; nothing if the part is malformed.
fn normalise<'p>(part: &'p [u8], out: &mut String) -> Option<Option<&'p str>> {
    let mut sides = part.splitn(2, |&b| b == b'=').map(trim);
    let key = sides.next().filter(|key| is_token(key))?;
    out.push_str(std::str::from_utf8(key).ok()?);
    let Some(value) = sides.next() else { return Some(None) };
    if !value.iter().all(|&b| percent::is_octet(b)) {
        return None;
    }
    let value = std::str::from_utf8(value).ok()?;
    out.push('=');
    out.push_str(value);
    Some(Some(value))
}

/// Reads one line after the other, and tells what is wrong with them.
pub(super) struct Reader<'f> {
    text: String,
    members: usize,
    /// Bytes that may still be read.
    left: usize,
    fault: &'f mut dyn FnMut(HeaderFault),
}

impl<'f> Reader<'f> {
    pub(super) fn new(fault: &'f mut dyn FnMut(HeaderFault)) -> Self {
        Reader { text: String::new(), members: 0, left: INPUT_MAX, fault }
    }

    pub(super) fn line(&mut self, line: &[u8]) {
        let read = line.get(..self.left).unwrap_or(line);
        let mut members = read.split(|&b| b == b',');
        if read.len() < line.len() {
            (self.fault)(HeaderFault::TooLong);
            // It goes on beyond what is read.
            members.next_back();
        }
        self.left -= read.len();
        self.text.reserve(read.len() + 1);
        for member in members.map(trim).filter(|member| !member.is_empty()) {
            let before = self.text.len();
            match self.take(member) {
                Ok(decodes) => {
                    self.members += 1;
                    // It is sent on all the same, for somebody may know what it means.
                    if !decodes {
                        (self.fault)(HeaderFault::Encoding);
                    }
                }
                Err(fault) => {
                    self.text.truncate(before);
                    (self.fault)(fault);
                }
            }
        }
    }

    /// Adds a member to the text, which is to be cut off again on an error. Says whether its value
    /// can be decoded.
    fn take(&mut self, member: &[u8]) -> Result<bool, HeaderFault> {
        if !self.text.is_empty() {
            self.text.push(',');
        }
        let mut parts = member.split(|&b| b == b';').map(trim);
        let value = normalise(parts.next().unwrap_or_default(), &mut self.text);
        let value = value.flatten().ok_or(HeaderFault::Member)?;
        for property in parts.filter(|property| !property.is_empty()) {
            self.text.push(';');
            normalise(property, &mut self.text).ok_or(HeaderFault::Member)?;
        }
        if self.members == MEMBERS_MAX {
            return Err(HeaderFault::TooManyMembers);
        }
        if self.text.len() > TEXT_MAX {
            return Err(HeaderFault::TooLong);
        }
        Ok(percent::decodes(value))
    }

    pub(super) fn finish(self) -> Baggage {
        Baggage::from_text(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The baggage that the lines make, and what was wrong with them.
    fn read(lines: &[&[u8]]) -> (Baggage, Vec<HeaderFault>) {
        let mut faults = Vec::new();
        let mut note = |fault| faults.push(fault);
        let mut reader = Reader::new(&mut note);
        lines.iter().for_each(|line| reader.line(line));
        let baggage = reader.finish();
        (baggage, faults)
    }

    #[test]
    fn members_are_normalised_and_faulty_ones_left_out() {
        fn check(text: &str, expected: &str, faults: &[HeaderFault]) {
            let (baggage, found) = read(&[text.as_bytes()]);
            assert_eq!(baggage.to_string(), expected, "{text:?}");
            assert_eq!(found, faults, "{text:?}");
            assert_eq!(baggage.is_empty(), expected.is_empty());
            // What is written is read without a change.
            assert_eq!(Baggage::parse([expected.as_bytes()]), baggage);
        }
        use HeaderFault::{Encoding, Member};
        check("", "", &[]);
        check(" , ,\t,", "", &[]);
        check("userId =   alice", "userId=alice", &[]);
        check("k=a;p1;p2 = x ; p3=", "k=a;p1;p2=x;p3=", &[]);
        check("k=a;; ;", "k=a", &[]);
        check("k=", "k=", &[]);
        check("k=a=b==", "k=a=b==", &[]);
        check("k=1,k=2", "k=1,k=2", &[]);
        check("%41=b", "%41=b", &[]);
        check("a,=b,c d=e,(f)=g,h=1", "h=1", &[Member; 4]);
        check("a=b c,d=\"e\",f=g\\h,i=\u{e9},j=\u{7f},k=1", "k=1", &[Member; 5]);
        check("a=1;p q,b=1;=x,c=1;p=\u{1},d=1", "d=1", &[Member; 3]);
        check("a=%,b=%C3,c=%c3%a9", "a=%,b=%C3,c=%c3%a9", &[Encoding; 2]);
    }

    #[test]
    fn members_beyond_the_limits_are_left_out_whole() {
        let many: Vec<_> = (0..70).map(|n| format!("k{n}=v")).collect();
        let (baggage, faults) = read(&[many.join(",").as_bytes()]);
        assert_eq!(baggage.to_string(), many[..64].join(","));
        assert_eq!(faults, [HeaderFault::TooManyMembers; 6]);

        let large = |key: &str, length: usize| format!("{key}={}", "v".repeat(length - 2));
        let full = large("a", 8192);
        let (baggage, faults) = read(&[full.as_bytes(), b"b=1"]);
        assert_eq!((baggage.to_string(), faults), (full, vec![HeaderFault::TooLong]));
        let (baggage, faults) = read(&[large("a", 8193).as_bytes()]);
        assert_eq!((baggage, faults), (Baggage::EMPTY, vec![HeaderFault::TooLong]));
        // One that does not fit leaves its room to the next.
        let (first, second) = (large("a", 5000), large("b", 4000));
        let (baggage, faults) = read(&[first.as_bytes(), second.as_bytes(), b"c=1"]);
        assert_eq!((baggage.to_string(), faults), (first + ",c=1", vec![HeaderFault::TooLong]));
    }

    #[test]
    fn beyond_32_kib_nothing_is_read() {
        let mut line = vec![b' '; INPUT_MAX - 8];
        line.extend(b",a=1,b=2,c=3");
        let (baggage, faults) = read(&[&line, b"d=4"]);
        // `b=2` ends where reading does: it could go on.
        assert_eq!(baggage.to_string(), "a=1");
        assert_eq!(faults, [HeaderFault::TooLong; 2]);
    }

    #[test]
    fn a_key_that_is_set_keeps_its_place() {
        let mut baggage = Baggage::parse([b"a=1,b=2;p=q,c=3,b=4".as_slice()]);
        assert_eq!(baggage.get("b").as_deref(), Some("4"));
        baggage.set("b", "x, y").unwrap();
        baggage.set("d", "").unwrap();
        assert_eq!(baggage.to_string(), "a=1,b=x%2C%20y,c=3,d=");
        assert_eq!(baggage.get("b").as_deref(), Some("x, y"));
        assert_eq!(baggage.get("B"), None);
        baggage.remove("a");
        baggage.remove("c");
        assert_eq!(baggage.to_string(), "b=x%2C%20y,d=");
    }

    #[test]
    fn what_does_not_fit_is_refused_and_changes_nothing() {
        let mut baggage = Baggage::new();
        for n in 0..64 {
            baggage.set(&format!("k{n}"), "v").unwrap();
        }
        let before = baggage.clone();
        assert_eq!(baggage.set("more", "v"), Err(HeaderFault::TooManyMembers));
        assert_eq!(baggage.set("k1", &" ".repeat(2700)), Err(HeaderFault::TooLong));
        for key in ["", "a b", "a=b", "a,b", "\u{e9}", "a\r"] {
            assert_eq!(baggage.set(key, "v"), Err(HeaderFault::Member), "{key:?}");
        }
        assert_eq!(baggage, before);
        baggage.set("k1", "w").unwrap();
        assert_eq!(baggage.iter().count(), 64);
    }

    #[test]
    fn properties_come_along() {
        let baggage = Baggage::parse([b"k=a%20b;p1;p2=x".as_slice()]);
        let members: Vec<_> = baggage.iter().collect();
        let expected = BaggageMember { key: "k", value: "a b".into(), properties: "p1;p2=x" };
        assert_eq!(members, [expected]);
    }
}
