//! What headers are read from and written to.

use std::collections::HashMap;
use std::hash::BuildHasher;

use super::HeaderFault;

/// The headers of an incoming message.
pub trait HeaderSource {
    /// Hands every value of the header `name` to `each`, in the order the lines came.
    ///
    /// `name` is lowercase; names match whatever their case.
    fn values(&self, name: &str, each: &mut dyn FnMut(&[u8]));
}

/// The headers of an outgoing message.
pub trait HeaderSink {
    /// Makes `value` the only value of the header `name`, which is lowercase.
    ///
    /// The value is ASCII without control characters.
    fn set(&mut self, name: &'static str, value: &str);

    /// Removes all values of the header `name`.
    fn remove(&mut self, name: &'static str);
}

/// What a header says that may be there once; nothing if it is not there.
pub(super) fn only<T>(
    headers: &(impl HeaderSource + ?Sized),
    name: &str,
    parse: impl Fn(&[u8]) -> Result<T, HeaderFault>,
) -> Option<Result<T, HeaderFault>> {
    let mut said = None;
    headers.values(name, &mut |value| {
        said = Some(if said.is_none() { parse(value) } else { Err(HeaderFault::Duplicate) });
    });
    said
}

/// What the first line of a header says; nothing if it is not there.
pub(super) fn first<T>(
    headers: &(impl HeaderSource + ?Sized),
    name: &str,
    parse: impl Fn(&[u8]) -> Result<T, HeaderFault>,
) -> Option<Result<T, HeaderFault>> {
    let mut said = None;
    headers.values(name, &mut |value| {
        said.get_or_insert_with(|| parse(value));
    });
    said
}

impl<K: AsRef<str>, V: AsRef<[u8]>> HeaderSource for [(K, V)] {
    fn values(&self, name: &str, each: &mut dyn FnMut(&[u8])) {
        for (key, value) in self {
            if key.as_ref().eq_ignore_ascii_case(name) {
                each(value.as_ref());
            }
        }
    }
}

impl<K: AsRef<str>, V: AsRef<[u8]>, const N: usize> HeaderSource for [(K, V); N] {
    fn values(&self, name: &str, each: &mut dyn FnMut(&[u8])) {
        self.as_slice().values(name, each);
    }
}

impl<K: AsRef<str>, V: AsRef<[u8]>> HeaderSource for Vec<(K, V)> {
    fn values(&self, name: &str, each: &mut dyn FnMut(&[u8])) {
        self.as_slice().values(name, each);
    }
}

impl<K: AsRef<str>, V: AsRef<[u8]>, S> HeaderSource for HashMap<K, V, S> {
    fn values(&self, name: &str, each: &mut dyn FnMut(&[u8])) {
        for (key, value) in self {
            if key.as_ref().eq_ignore_ascii_case(name) {
                each(value.as_ref());
            }
        }
    }
}

impl HeaderSink for Vec<(String, String)> {
    fn set(&mut self, name: &'static str, value: &str) {
        HeaderSink::remove(self, name);
        self.push((name.to_owned(), value.to_owned()));
    }

    fn remove(&mut self, name: &'static str) {
        self.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
    }
}

impl<S: BuildHasher> HeaderSink for HashMap<String, String, S> {
    fn set(&mut self, name: &'static str, value: &str) {
        HeaderSink::remove(self, name);
        self.insert(name.to_owned(), value.to_owned());
    }

    fn remove(&mut self, name: &'static str) {
        self.retain(|key, _| !key.eq_ignore_ascii_case(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(source: &(impl HeaderSource + ?Sized), name: &str) -> Vec<String> {
        let mut found = Vec::new();
        source.values(name, &mut |value| found.push(String::from_utf8(value.to_vec()).unwrap()));
        found
    }

    #[test]
    fn names_match_in_any_case_and_lines_keep_their_order() {
        let lines = [("TraceState", "a=1"), ("x", "y"), ("tracestate", "b=2")];
        assert_eq!(values(&lines, "tracestate"), ["a=1", "b=2"]);
        assert_eq!(values(&lines[1..], "tracestate"), ["b=2"]);
        assert_eq!(values(&lines.to_vec(), "x"), ["y"]);
        let map: HashMap<&str, &[u8]> = HashMap::from([("B3", b"0".as_slice())]);
        assert_eq!(values(&map, "b3"), ["0"]);
    }

    #[test]
    fn setting_replaces_every_spelling_of_a_name() {
        fn check(mut sink: impl HeaderSink + HeaderSource) {
            sink.set("b3", "0");
            assert_eq!(values(&sink, "b3"), ["0"]);
            assert_eq!(values(&sink, "other"), ["kept"]);
            sink.remove("b3");
            assert!(values(&sink, "b3").is_empty());
        }
        let lines = [("B3", "1"), ("other", "kept"), ("b3", "d")];
        let lines = lines.map(|(name, value)| (name.to_owned(), value.to_owned()));
        check(lines.to_vec());
        check(HashMap::<String, String>::from(lines));
    }
}
