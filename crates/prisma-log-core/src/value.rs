//! Typed field values.

use std::fmt;

/// A field's value, with its type kept.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// No value: `()` or `None`.
    Null,
    /// A truth value.
    Bool(bool),
    /// A signed integer.
    I64(i64),
    /// An unsigned integer.
    U64(u64),
    /// A signed integer too wide for 64 bits.
    I128(i128),
    /// An unsigned integer too wide for 64 bits.
    U128(u128),
    /// A floating-point number; NaN and infinities are legal.
    F64(f64),
    /// Text.
    Str(&'a str),
    /// Raw bytes; need not be UTF-8.
    Bytes(&'a [u8]),
    /// A structured value (map, list, …) as compact JSON text, serialised once through serde.
    Json(&'a str),
}

impl fmt::Display for Value<'_> {
    /// Plain text for people: no quotes, bytes with escapes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Value::Null => f.write_str("null"),
            Value::Bool(v) => v.fmt(f),
            Value::I64(v) => v.fmt(f),
            Value::U64(v) => v.fmt(f),
            Value::I128(v) => v.fmt(f),
            Value::U128(v) => v.fmt(f),
            Value::F64(v) => v.fmt(f),
            Value::Str(v) | Value::Json(v) => f.write_str(v),
            Value::Bytes(v) => v.escape_ascii().fmt(f),
        }
    }
}

macro_rules! from {
    ($($type:ty => $variant:ident as $wide:ty),* $(,)?) => {
        $(impl From<$type> for Value<'_> {
            fn from(value: $type) -> Self {
                Value::$variant(<$wide>::from(value))
            }
        })*
    };
}

from! {
    bool => Bool as bool,
    i8 => I64 as i64, i16 => I64 as i64, i32 => I64 as i64, i64 => I64 as i64,
    u8 => U64 as u64, u16 => U64 as u64, u32 => U64 as u64, u64 => U64 as u64,
    i128 => I128 as i128, u128 => U128 as u128,
    f32 => F64 as f64, f64 => F64 as f64,
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Value::Str(value)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Value::Bytes(value)
    }
}
