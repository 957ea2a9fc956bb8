//! The `tracestate` header.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::HeaderFault;
use super::text::trim;

/// Members that the standard allows.
const MEMBERS_MAX: usize = 32;
/// Characters of a key, and of a value, that the standard allows.
const PART_MAX: usize = 256;
/// Twice what 32 members of greatest length come to, so that only white space or rubbish exceeds
/// it, in bytes.
const INPUT_MAX: usize = 32 * 1024;
/// Characters that are sent: eight times what the standard asks for, half of what common servers
/// take as one header line.
const SENT_MAX: usize = 4096;
/// Members longer than this are the first to go.
const LONG: usize = 128;

/// What the tracing systems that a trace passed through left for each other: the header
/// `tracestate` of W3C Trace Context.
///
/// Cheap to clone. Keys and values follow the grammar of level 2, which takes in the
/// `tenant@system` keys of level 1.
///
/// `Display` writes the header's value: whole members, at most 4096 characters. Where there are
/// more, the longest member above 128 characters goes first, and so on; when none is left, the
/// last one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceState {
    /// Valid members, without white space around them, joined by commas.
    text: Option<Arc<str>>,
}

impl TraceState {
    /// No member.
    pub const EMPTY: TraceState = TraceState { text: None };

    /// No member.
    pub const fn new() -> Self {
        TraceState::EMPTY
    }

    /// Reads the values of all `tracestate` lines, in order.
    ///
    /// White space around members and empty members are ignored.
    ///
    /// # Errors
    /// Says what makes the lines invalid, be it one member of them: a malformed member, a key
    /// that is there twice, more than 32 members, or more than 32 KiB. They are then to be dropped
    /// as a whole; the `traceparent` beside them stays valid.
    pub fn parse<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, HeaderFault> {
        let mut reader = Reader::default();
        values.into_iter().for_each(|value| reader.line(value));
        reader.finish()
    }

    fn from_text(text: &str) -> Self {
        TraceState { text: (!text.is_empty()).then(|| text.into()) }
    }

    fn text(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.text.is_none()
    }

    /// Keys and values in order, that of the system that wrote last first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        members(self.text())
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|&(k, _)| k == key).map(|(_, value)| value)
    }

    /// Sets the value of a key and moves it to the front. If it would be the 33rd member, the
    /// last one goes.
    ///
    /// # Errors
    /// [`HeaderFault::Member`] when the key is not a lowercase letter or digit and up to 255
    /// further ones or `_`, `-`, `*`, `/`, `@`, or when the value is not 1 to 256 printable ASCII
    /// characters other than `,` and `=`, the last one no space. Nothing is changed then.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), HeaderFault> {
        if !is_key(key) || !is_value(value) {
            return Err(HeaderFault::Member);
        }
        let mut text = format!("{key}={value}");
        for (other, value) in self.iter().filter(|&(k, _)| k != key).take(MEMBERS_MAX - 1) {
            push(&mut text, other, value);
        }
        *self = TraceState::from_text(&text);
        Ok(())
    }

    /// Removes a key.
    pub fn remove(&mut self, key: &str) {
        if self.get(key).is_some() {
            let mut text = String::new();
            for (other, value) in self.iter().filter(|&(k, _)| k != key) {
                push(&mut text, other, value);
            }
            *self = TraceState::from_text(&text);
        }
    }

    /// The header's value, without the members that are too much.
    pub(super) fn header(&self) -> Cow<'_, str> {
        shorten(self.text(), SENT_MAX)
    }

    /// Whether members are too much to be sent.
    pub(super) fn is_too_long(&self) -> bool {
        self.text().len() > SENT_MAX
    }
}

impl fmt::Display for TraceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.header())
    }
}

fn members(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split(',').filter_map(|member| member.split_once('='))
}

fn push(text: &mut String, key: &str, value: &str) {
    if !text.is_empty() {
        text.push(',');
    }
    text.push_str(key);
    text.push('=');
    text.push_str(value);
}

fn is_key(key: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = key.as_bytes();
    bytes.len() <= PART_MAX
        && bytes.first().is_some_and(|&b| plain(b))
        && bytes.iter().all(|&b| plain(b) || matches!(b, b'_' | b'-' | b'*' | b'/' | b'@'))
}

fn is_value(value: &str) -> bool {
    let bytes = value.as_bytes();
    bytes.len() <= PART_MAX
        && bytes.last().is_some_and(|&b| b != b' ')
        && bytes.iter().all(|&b| matches!(b, b' '..=b'~') && b != b',' && b != b'=')
}

/// Whole members of at most `max` characters together.
fn shorten(text: &str, max: usize) -> Cow<'_, str> {
    if text.len() <= max {
        return Cow::Borrowed(text);
    }
    let mut members: Vec<&str> = text.split(',').collect();
    let mut length = text.len();
    while length > max {
        let longest = (0..members.len()).max_by_key(|&at| members[at].len());
        let Some(longest) = longest else { break };
        let at = if members[longest].len() > LONG { longest } else { members.len() - 1 };
        length = length.saturating_sub(members.remove(at).len() + 1);
    }
    Cow::Owned(members.join(","))
}

/// Reads one line after the other.
#[derive(Default)]
pub(super) struct Reader {
    text: String,
    members: usize,
    read: usize,
    fault: Option<HeaderFault>,
}

impl Reader {
    pub(super) fn line(&mut self, line: &[u8]) {
        if self.fault.is_none() {
            self.fault = self.take(line).err();
        }
    }

    fn take(&mut self, line: &[u8]) -> Result<(), HeaderFault> {
        self.read = self.read.saturating_add(line.len());
        if self.read > INPUT_MAX {
            return Err(HeaderFault::TooLong);
        }
        self.text.reserve(line.len() + 1);
        for member in line.split(|&b| b == b',').map(trim).filter(|member| !member.is_empty()) {
            let member = std::str::from_utf8(member).map_err(|_| HeaderFault::Member)?;
            let (key, value) = member.split_once('=').ok_or(HeaderFault::Member)?;
            if !is_key(key) || !is_value(value) {
                return Err(HeaderFault::Member);
            }
            if self.members == MEMBERS_MAX {
                return Err(HeaderFault::TooManyMembers);
            }
            if members(&self.text).any(|(other, _)| other == key) {
                return Err(HeaderFault::DuplicateKey);
            }
            self.members += 1;
            push(&mut self.text, key, value);
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<TraceState, HeaderFault> {
        self.fault.map_or_else(|| Ok(TraceState::from_text(&self.text)), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> TraceState {
        TraceState::parse([text.as_bytes()]).unwrap()
    }

    #[test]
    fn the_key_that_is_set_moves_to_the_front() {
        let mut state = parse("a=1, b=2 ,c=3");
        state.set("b", "new").unwrap();
        assert_eq!(state.to_string(), "b=new,a=1,c=3");
        state.set("tenant@system", " x").unwrap();
        assert_eq!(state.get("tenant@system"), Some(" x"));
        assert_eq!(state.to_string(), "tenant@system= x,b=new,a=1,c=3");
        for (key, value) in
            [("", "1"), ("A", "1"), ("a", ""), ("a", "1 "), ("a", "1=2"), ("a", "1,b=2")]
        {
            assert_eq!(state.set(key, value), Err(HeaderFault::Member), "{key}={value}");
        }
        assert_eq!(state.to_string(), "tenant@system= x,b=new,a=1,c=3");
    }

    #[test]
    fn a_key_goes_and_leaves_the_order_of_the_rest() {
        let mut state = parse("a=1,b=2,c=3");
        state.remove("nobody");
        state.remove("b");
        assert_eq!(state.iter().collect::<Vec<_>>(), [("a", "1"), ("c", "3")]);
        state.remove("a");
        state.remove("c");
        assert!(state.is_empty());
        assert_eq!(state, TraceState::EMPTY);
        assert_eq!(state.to_string(), "");
    }

    #[test]
    fn the_33rd_member_pushes_the_last_one_out() {
        let mut state = TraceState::new();
        for n in 0..40 {
            state.set(&format!("k{n}"), "v").unwrap();
        }
        let keys: Vec<_> = state.iter().map(|(key, _)| key.to_owned()).collect();
        let expected: Vec<_> = (8..40).rev().map(|n| format!("k{n}")).collect();
        assert_eq!(keys, expected);
        // A key that is there takes no new place.
        state.set("k8", "w").unwrap();
        assert_eq!(state.iter().count(), 32);
        assert_eq!(state.iter().last(), Some(("k9", "v")));
    }

    #[test]
    fn long_members_go_first_then_the_last_ones() {
        fn check(text: &str, max: usize, expected: &str) {
            assert_eq!(shorten(text, max), expected, "{text}");
        }
        let long = |key: &str, length: usize| format!("{key}={}", "x".repeat(length - 2));
        check("a=1,b=2,c=3", 11, "a=1,b=2,c=3");
        check("a=1,b=2,c=3", 10, "a=1,b=2");
        check("a=1,b=2,c=3", 2, "");
        check(&format!("{},a=1", long("l", 129)), 132, "a=1");
        check(&format!("{},a=1", long("l", 128)), 131, &long("l", 128));
        let (shorter, longer) = (long("s", 150), long("l", 200));
        check(&format!("{shorter},a=1,{longer},b=2"), 160, &format!("{shorter},a=1,b=2"));
        check(&format!("{shorter},a=1,{longer},b=2"), 20, "a=1,b=2");
    }

    #[test]
    fn all_members_are_kept_but_not_all_are_sent() {
        let value = "x".repeat(246);
        let text: Vec<_> = (10..42).map(|n| format!("k{n}={value}")).collect();
        let state = parse(&text.join(","));
        assert_eq!(state.iter().count(), 32);
        assert!(state.is_too_long());
        let sent = state.to_string();
        // 16 members of 250 characters and 15 commas.
        assert_eq!(sent.len(), 4015);
        assert!(!parse(&sent).is_too_long());
    }
}
