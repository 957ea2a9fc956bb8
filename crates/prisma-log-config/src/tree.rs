//! A parsed document in which every node and key knows where it came from.

use prisma_log_core::{Error, Place};

use crate::origin::Origin;

/// One node of a document.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) origin: Origin,
}

/// What a node is. Scalars keep the text that was written: its key's reader decides the type.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// `null`, `~` or nothing: as if the key were not there.
    Null,
    Scalar(String),
    Seq(Vec<Node>),
    Map(Map),
}

/// Keys and values in the order in which they were written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Map {
    pub(crate) items: Vec<Item>,
}

#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) key: String,
    pub(crate) key_origin: Origin,
    pub(crate) node: Node,
}

impl Node {
    pub(crate) fn map(&self) -> Option<&Map> {
        match &self.kind {
            Kind::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(crate) fn scalar(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// What was found, for "expected …, found …".
    pub(crate) fn found(&self) -> String {
        match &self.kind {
            Kind::Null => "nothing".into(),
            Kind::Scalar(text) => format!("`{}`", shortened(text)),
            Kind::Seq(_) => "a list".into(),
            Kind::Map(_) => "a map".into(),
        }
    }

    pub(crate) fn error(&self, message: impl Into<String>) -> Error {
        error_at(self.origin.place(), message)
    }
}

impl Map {
    pub(crate) fn item(&self, key: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.key == key)
    }

    /// The value of `key`, unless it is null.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.item(key).map(|item| &item.node).filter(|node| !node.is_null())
    }
}

impl Item {
    pub(crate) fn error(&self, message: impl Into<String>) -> Error {
        error_at(self.key_origin.place(), message)
    }
}

pub(crate) fn error_at(place: Option<Place>, message: impl Into<String>) -> Error {
    let error = Error::config(message);
    match place {
        Some(place) => error.at(place),
        None => error,
    }
}

/// A value's first line, cut to what fits into a message.
pub(crate) fn shortened(text: &str) -> String {
    const MOST: usize = 60;
    let line = text.lines().next().unwrap_or_default();
    let mut cut: String = line.chars().take(MOST).filter(|c| !c.is_control()).collect();
    if cut.len() < text.trim_end().len() {
        cut.push('…');
    }
    cut
}
