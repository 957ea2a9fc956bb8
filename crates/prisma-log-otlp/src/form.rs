//! The two forms of a Protocol Buffers message: binary, and JSON by its mapping.
//!
//! What a message says is written once, against [`Form`].

mod json;
mod proto;

pub(crate) use json::JsonForm;
pub(crate) use proto::{ProtoForm, ProtoReader};

/// A field of a message, by both of its names.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    pub(crate) number: u32,
    /// In lowerCamelCase.
    pub(crate) name: &'static str,
}

pub(crate) const fn key(number: u32, name: &'static str) -> Key {
    Key { number, name }
}

/// Appends the fields of a message.
pub(crate) trait Form {
    /// A field that is a message.
    fn message(&mut self, key: Key, write: impl FnOnce(&mut Self));
    /// A repeated field; `write` adds [items](Form::item) of the same key.
    fn list(&mut self, key: Key, write: impl FnOnce(&mut Self));
    /// An item of a list, which is a message.
    fn item(&mut self, key: Key, write: impl FnOnce(&mut Self));
    /// An item that [`Form::piece`] wrote.
    fn encoded_item(&mut self, piece: &[u8]);
    /// An item on its own, to be put into a list later.
    fn piece(&mut self, key: Key, write: impl FnOnce(&mut Self));
    fn text(&mut self, key: Key, value: &str);
    fn bytes(&mut self, key: Key, value: &[u8]);
    /// An id, which OTLP's JSON has in hexadecimal digits instead of base64.
    fn id(&mut self, key: Key, value: &[u8]);
    fn bool(&mut self, key: Key, value: bool);
    fn int64(&mut self, key: Key, value: i64);
    fn double(&mut self, key: Key, value: f64);
    /// An enumeration or `uint32`.
    fn uint32(&mut self, key: Key, value: u32);
    fn fixed32(&mut self, key: Key, value: u32);
    fn fixed64(&mut self, key: Key, value: u64);
}
