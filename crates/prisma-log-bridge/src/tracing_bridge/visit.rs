//! The values of an event or span.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use prisma_log_core::Value;
use tracing::field::{Field, Visit};

use crate::gathered::Gathered;

/// Gathers them; of an event, the message apart.
pub(super) struct Visitor<'a> {
    pub(super) gathered: &'a mut Gathered,
    pub(super) of_event: bool,
}

impl Visitor<'_> {
    #[inline]
    fn is_message(&self, field: &Field) -> bool {
        self.of_event && field.name() == "message"
    }

    #[inline]
    fn push(&mut self, field: &Field, value: Value<'_>) {
        if self.is_message(field) {
            self.gathered.set_message(format_args!("{value}"));
        } else {
            self.gathered.push(key_of(field), value);
        }
    }
}

/// A keyword's name stands in the source as `r#type`.
#[inline]
fn key_of(field: &Field) -> Cow<'static, str> {
    let name = field.name();
    Cow::Borrowed(name.strip_prefix("r#").unwrap_or(name))
}

impl Visit for Visitor<'_> {
    #[inline]
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, Value::Bool(value));
    }

    #[inline]
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, Value::I64(value));
    }

    #[inline]
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, Value::U64(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.push(field, Value::I128(value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.push(field, Value::U128(value));
    }

    #[inline]
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field, Value::F64(value));
    }

    #[inline]
    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, Value::Str(value));
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.push(field, Value::Bytes(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        if self.is_message(field) {
            self.gathered.set_message(format_args!("{value}"));
        } else {
            self.gathered.push_error(key_of(field), value);
        }
    }

    #[inline]
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if self.is_message(field) {
            self.gathered.set_message(format_args!("{value:?}"));
        } else {
            self.gathered.push_args(key_of(field), format_args!("{value:?}"));
        }
    }
}
