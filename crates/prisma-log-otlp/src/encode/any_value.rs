//! Values with their types: OTLP's `AnyValue`.

use prisma_log_core::Value;

use super::nested;
use crate::form::{Form, Key, key};

pub(super) const STRING: Key = key(1, "stringValue");
const BOOL: Key = key(2, "boolValue");
pub(super) const INT: Key = key(3, "intValue");
pub(super) const DOUBLE: Key = key(4, "doubleValue");
const BYTES: Key = key(7, "bytesValue");

/// Writes what is in an `AnyValue`; texts are cut after so many characters.
pub(super) fn write_value<F: Form>(form: &mut F, value: Value<'_>, longest: Option<usize>) {
    match value {
        Value::Bool(v) => form.bool(BOOL, v),
        Value::I64(v) => form.int64(INT, v),
        Value::U64(v) => write_unsigned(form, v),
        // Too wide for a number of OTLP: all digits, as text.
        Value::I128(v) => form.text(STRING, itoa::Buffer::new().format(v)),
        Value::U128(v) => form.text(STRING, itoa::Buffer::new().format(v)),
        Value::F64(v) => form.double(DOUBLE, v),
        Value::Str(v) => form.text(STRING, cut(v, longest)),
        Value::Bytes(v) => form.bytes(BYTES, v),
        Value::Json(v) if nested::is_fit(v) => nested::write_json(form, v, longest),
        Value::Json(v) => form.text(STRING, cut(v, longest)),
        // No value is an `AnyValue` with nothing in it.
        _ => {}
    }
}

fn write_unsigned<F: Form>(form: &mut F, value: u64) {
    match i64::try_from(value) {
        Ok(value) => form.int64(INT, value),
        Err(_) => form.text(STRING, itoa::Buffer::new().format(value)),
    }
}

/// The first so many characters.
pub(super) fn cut(text: &str, longest: Option<usize>) -> &str {
    match longest {
        Some(longest) if text.len() > longest => {
            let end = text.char_indices().nth(longest).map_or(text.len(), |(at, _)| at);
            &text[..end]
        }
        _ => text,
    }
}
