//! Looking at what was gathered.

use prisma_log_core::Value;

use super::{Gathered, Held};

impl Gathered {
    fn value<'a>(&'a self, held: &Held) -> Value<'a> {
        match held {
            Held::Null => Value::Null,
            Held::Bool(v) => Value::Bool(*v),
            Held::I64(v) => Value::I64(*v),
            Held::U64(v) => Value::U64(*v),
            Held::I128(v) => Value::I128(*v),
            Held::U128(v) => Value::U128(*v),
            Held::F64(v) => Value::F64(*v),
            Held::Text(range) => Value::Str(&self.text[range.clone()]),
            Held::Bytes(range) => Value::Bytes(&self.bytes[range.clone()]),
        }
    }

    /// The fields in the order in which they came.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        self.fields.iter().map(|(key, held)| (&**key, self.value(held)))
    }

    /// The first field of this name.
    pub(crate) fn get(&self, key: &str) -> Option<Value<'_>> {
        self.iter().find(|&(k, _)| k == key).map(|(_, value)| value)
    }

    /// Leaves fields out, by their key.
    pub(crate) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.fields.retain(|(key, _)| keep(key));
    }
}
