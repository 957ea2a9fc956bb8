//! Reads a map key by key, remembers which keys there are, and reports all others.

use std::cell::RefCell;

use prisma_log_core::{Error, Place};

use crate::hint;
use crate::origin::{Entry, Origin};
use crate::scalars::Scalar;
use crate::tree::{Kind, Map, Node, error_at};

/// What reading has found out so far: effective settings and mistakes.
#[derive(Debug, Default)]
pub(crate) struct Report {
    entries: RefCell<Vec<Entry>>,
    errors: RefCell<Vec<Error>>,
}

impl Report {
    pub(crate) fn error(&self, error: Error) {
        self.errors.borrow_mut().push(error);
    }

    pub(crate) fn entry(&self, entry: Entry) {
        self.entries.borrow_mut().push(entry);
    }

    /// Everything found so far.
    pub(crate) fn take(&self) -> (Vec<Entry>, Vec<Error>) {
        (self.entries.take(), self.errors.take())
    }
}

/// One map of a document while its keys are read.
///
/// Every key that the format knows is asked for, present or not; [`Section::finish`] then reports
/// the keys that nobody asked for.
pub(crate) struct Section<'a> {
    report: &'a Report,
    path: String,
    map: Option<&'a Map>,
    place: Option<Place>,
    known: Vec<&'static str>,
    /// It is no map, which has been reported.
    unreadable: bool,
}

impl<'a> Section<'a> {
    /// Starts reading `node`; anything but a map is reported. `path` is empty for a whole file.
    pub(crate) fn new(report: &'a Report, path: impl Into<String>, node: Option<&'a Node>) -> Self {
        let path = path.into();
        let map = node.and_then(|node| {
            if node.map().is_none() && !node.is_null() {
                report.error(node.error(expected(&path, "a map", node)));
            }
            node.map()
        });
        let unreadable = node.is_some_and(|node| node.map().is_none() && !node.is_null());
        let place = node.and_then(|node| node.origin.place());
        Section { report, path, map, place, known: Vec::new(), unreadable }
    }

    pub(crate) fn report(&self) -> &'a Report {
        self.report
    }

    /// The dotted path of a key in this section.
    pub(crate) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Whether `key` is missing or null.
    pub(crate) fn is_missing(&self, key: &str) -> bool {
        self.map.is_none_or(|map| map.get(key).is_none())
    }

    /// Whether it is a map; what is none has been reported.
    #[cfg(feature = "monitor")]
    pub(crate) fn is_readable(&self) -> bool {
        !self.unreadable
    }

    /// The value of `key`, unless it is missing or null.
    pub(crate) fn node(&mut self, key: &'static str) -> Option<&'a Node> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.map?.get(key)
    }

    /// The map under `key` as it is; anything else is reported.
    pub(crate) fn map_under(&mut self, key: &'static str) -> Option<&'a Map> {
        let node = self.node(key)?;
        if node.map().is_none() {
            self.report.error(node.error(expected(&self.path_of(key), "a map", node)));
        }
        node.map()
    }

    /// The map under `key`; missing is like empty.
    pub(crate) fn section(&mut self, key: &'static str) -> Section<'a> {
        let node = self.node(key);
        let path = self.path_of(key);
        let mut section = Section::new(self.report, path, node);
        section.place = section.place.or_else(|| self.place.clone());
        section
    }

    /// The value of `key`, which need not be there.
    pub(crate) fn optional<T: Scalar>(&mut self, key: &'static str) -> Option<T> {
        let value = self.given(key);
        if value.is_none() {
            self.report.entry(Entry::new(self.path_of(key), "(none)", Origin::Default));
        }
        value
    }

    /// The value of `key`, or `default` when it is missing; also when it is wrong, after reporting
    /// that.
    pub(crate) fn value<T: Scalar>(&mut self, key: &'static str, default: T) -> T {
        match self.given(key) {
            Some(value) => value,
            None => {
                self.report.entry(Entry::new(self.path_of(key), default.show(), Origin::Default));
                default
            }
        }
    }

    /// The value of `key`; missing is reported.
    pub(crate) fn required<T: Scalar>(&mut self, key: &'static str) -> Option<T> {
        if self.node(key).is_none() {
            if !self.unreadable {
                let error = self.error(format!("`{}` is missing", self.path_of(key)));
                self.report.error(error.with_hint(format!("expected {}", T::EXPECTED)));
            }
            return None;
        }
        self.given(key)
    }

    /// The list under `key`, element by element; one value stands for a list of one.
    pub(crate) fn list(&mut self, key: &'static str) -> Option<&'a [Node]> {
        let node = self.node(key)?;
        match &node.kind {
            Kind::Seq(nodes) => Some(nodes),
            Kind::Scalar(_) => Some(std::slice::from_ref(node)),
            Kind::Null | Kind::Map(_) => {
                self.report.error(node.error(expected(&self.path_of(key), "a list", node)));
                None
            }
        }
    }

    /// Reads `version`, which must be the one that is known here.
    pub(crate) fn version(&mut self, known: u64) {
        let error = match self.node("version") {
            None => self
                .error("`version` is missing")
                .with_hint(format!("add `version: {known}` as the first line")),
            Some(node) if node.scalar() == Some(known.to_string().as_str()) => return,
            Some(node) => {
                let message = format!("`version`: expected {known}, found {}", node.found());
                node.error(message).with_hint("this program knows no other version of the format")
            }
        };
        self.report.error(error);
    }

    /// An error about the section as a whole.
    pub(crate) fn error(&self, message: impl Into<String>) -> Error {
        error_at(self.place.clone(), message)
    }

    /// An error at the first of these keys that is there, else about the section as a whole.
    pub(crate) fn error_at_one_of(&self, keys: &[&str], message: impl Into<String>) -> Error {
        let place = self.map.and_then(|map| {
            let mut nodes = keys.iter().filter_map(|key| map.get(key));
            nodes.find_map(|node| node.origin.place())
        });
        error_at(place.or_else(|| self.place.clone()), message)
    }

    /// Reports the keys that nobody asked for.
    pub(crate) fn finish(self) {
        self.finish_with(|_| None);
    }

    /// Like [`Section::finish`]; `explain` may have a better hint for a key.
    pub(crate) fn finish_with(self, explain: impl Fn(&str) -> Option<String>) {
        if self.unreadable {
            return;
        }
        let items = self.map.map(|map| map.items.as_slice()).unwrap_or_default();
        for item in items.iter().filter(|item| !self.known.contains(&item.key.as_str())) {
            let place =
                if self.path.is_empty() { String::new() } else { format!(" in `{}`", self.path) };
            let hint = explain(&item.key)
                .unwrap_or_else(|| hint::for_word(&item.key, "keys", &self.known));
            let error = item.error(format!("unknown key `{}`{place}", item.key));
            self.report.error(error.with_hint(hint));
        }
    }

    fn given<T: Scalar>(&mut self, key: &'static str) -> Option<T> {
        let node = self.node(key)?;
        let path = self.path_of(key);
        match read(node, &path) {
            Ok(value) => {
                self.report.entry(Entry::new(path, T::show(&value), node.origin.clone()));
                Some(value)
            }
            Err(error) => {
                self.report.error(error);
                None
            }
        }
    }
}

/// Reads one value; `path` is its key's.
pub(crate) fn read<T: Scalar>(node: &Node, path: &str) -> Result<T, Error> {
    let Some(text) = node.scalar() else {
        return Err(node.error(expected(path, T::EXPECTED, node)));
    };
    T::read(text).map_err(|hint| {
        let error = node.error(expected(path, T::EXPECTED, node));
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    })
}

fn expected(path: &str, what: &str, node: &Node) -> String {
    let path = if path.is_empty() { String::new() } else { format!("`{path}`: ") };
    format!("{path}expected {what}, found {}", node.found())
}
