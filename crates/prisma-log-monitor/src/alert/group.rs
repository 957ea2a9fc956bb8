//! The values that tell alerts of one rule apart.

use std::borrow::Cow;
use std::fmt;

use crate::text::{Escaped, cut};

/// Bytes that a group's value may have; the rest is cut off.
const MAX_VALUE: usize = 256;
const SEPARATOR: char = '\0';

/// The values of a rule's `group_by` keys, in the rule's order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Group(pub(super) Vec<(String, String)>);

impl Group {
    pub(crate) fn new<'a>(
        keys: impl IntoIterator<Item = &'a str>,
        values: impl IntoIterator<Item = String>,
    ) -> Self {
        let pairs = keys.into_iter().zip(values);
        Group(pairs.map(|(key, value)| (key.to_owned(), clean(&value).into_owned())).collect())
    }

    /// The group with these keys that [`Group::to_key`] made this of.
    pub(crate) fn from_key(keys: &[String], key: &str) -> Self {
        let values = key.split_terminator(SEPARATOR).map(str::to_owned);
        Group::new(keys.iter().map(String::as_str), values)
    }

    /// Keys and values in order; a value that the line did not have is empty.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|&(k, _)| k == key).map(|(_, value)| value)
    }

    /// Whether the rule does not group.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The values in a form that differs for every different group of a rule.
    pub(crate) fn to_key(&self) -> String {
        let mut key = String::new();
        for (_, value) in &self.0 {
            Group::push_value(&mut key, value);
        }
        key
    }

    /// Adds the next value to what [`Group::to_key`] gives.
    pub(crate) fn push_value(key: &mut String, value: &str) {
        key.push_str(&clean(value));
        key.push(SEPARATOR);
    }
}

impl<K: Into<String>, V: AsRef<str>> FromIterator<(K, V)> for Group {
    /// Keys with their values, in this order; a value has at most 256 bytes.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Group(
            pairs
                .into_iter()
                .map(|(key, value)| (key.into(), clean(value.as_ref()).into_owned()))
                .collect(),
        )
    }
}

/// NUL separates the values in a key, so a value can't contain it.
fn clean(value: &str) -> Cow<'_, str> {
    let value = cut(value, MAX_VALUE);
    if value.contains(SEPARATOR) { value.replace(SEPARATOR, "\u{fffd}").into() } else { value }
}

impl fmt::Display for Group {
    /// `source=10.0.0.1 user=root`; keys without a value are left out, `-` when none has one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut space = "";
        for (key, value) in self.iter().filter(|(_, value)| !value.is_empty()) {
            write!(f, "{space}{}={}", Escaped(key), Escaped(value))?;
            space = " ";
        }
        if space.is_empty() && !self.is_empty() { f.write_str("-") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_when_values_do() {
        let group = |values: [&str; 2]| Group::new(["a", "b"], values.map(String::from));
        assert_ne!(group(["x", ""]).to_key(), group(["", "x"]).to_key());
        assert_ne!(group(["x\0", "y"]).to_key(), group(["x", "\0y"]).to_key());
        assert_eq!(group(["1", ""]).to_string(), "a=1");
        assert_eq!(group(["", ""]).to_string(), "-");
        assert_eq!(group(["1", "\x1b"]).to_string(), "a=1 b=\\u{1b}");
        assert_eq!(group(["1", "2"]).get("b"), Some("2"));
        assert!(group([&"ü".repeat(999), ""]).get("a").unwrap().len() <= MAX_VALUE);
    }
}
