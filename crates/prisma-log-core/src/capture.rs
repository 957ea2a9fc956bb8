//! From a slog call to our fields: once, typed, and whatever the values do.

use std::cell::RefCell;
use std::fmt;

use slog::{BytesKind, Key, OwnedKVList, SerdeValue, Serializer};

use crate::contain::{contain, panic_mark};
use crate::normal::shortest_f64;
use crate::serde_value::lend_serde;
use crate::{Fields, Value};

/// Memory that a thread keeps from one call to the next, per buffer.
const KEEP_BYTES: usize = 64 * 1024;

/// The message and fields of one call; its buffers serve a thread's calls one after another.
#[derive(Default)]
pub(crate) struct Capture {
    /// The message, when it has arguments.
    message: String,
    pub(crate) fields: Fields,
}

thread_local! {
    static CAPTURE: RefCell<Capture> = RefCell::default();
}

/// Lends the thread's buffers to `f`; new ones when they are in use (a `Display` that logs) or
/// gone already (a thread-local destructor that logs).
pub(crate) fn with_capture<R>(f: impl FnOnce(&mut Capture) -> R) -> R {
    let mut f = Some(f);
    let done = CAPTURE.try_with(|cell| {
        let mut capture = cell.try_borrow_mut().ok()?;
        let f = f.take()?;
        // Here and not afterwards: nothing of a call that unwound may show in the next one.
        capture.clear();
        Some(f(&mut capture))
    });
    match (done, f) {
        (Ok(Some(result)), _) => result,
        (_, Some(f)) => f(&mut Capture::default()),
        (_, None) => unreachable!("a closure that was taken has returned its result"),
    }
}

impl Capture {
    fn clear(&mut self) {
        self.message.clear();
        self.message.shrink_to(KEEP_BYTES);
        self.fields.clear(KEEP_BYTES);
    }

    /// Takes in the call's own key-values in the order they were written, then the logger's,
    /// innermost first.
    pub(crate) fn take(&mut self, record: &slog::Record<'_>, logger_values: &OwnedKVList) {
        if record.msg().as_str().is_none() {
            let message = &mut self.message;
            match contain(|| fmt::Write::write_fmt(message, *record.msg())) {
                Ok(Ok(())) => {}
                Ok(Err(_)) => self.message.push_str("<formatting failed>"),
                Err(reason) => self.message.push_str(&panic_mark(&reason)),
            }
        }
        // slog hands key-values over newest first.
        self.serialize(|serializer| slog::KV::serialize(&record.kv(), record, serializer));
        self.fields.reverse_from(0);
        self.serialize(|serializer| slog::KV::serialize(logger_values, record, serializer));
    }

    fn serialize(&mut self, kv: impl FnOnce(&mut dyn Serializer) -> slog::Result) {
        let mut serializer = FieldSerializer { fields: &mut self.fields };
        match contain(|| kv(&mut serializer)) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.fields.push_args("kv_error", format_args!("{error}")),
            Err(reason) => self.fields.push("kv_error", panic_mark(&reason).as_str()),
        }
    }

    /// The message: the call's own text, or what its arguments were formatted to.
    pub(crate) fn message<'a>(&'a self, record: &slog::Record<'a>) -> &'a str {
        record.msg().as_str().unwrap_or(&self.message)
    }
}

struct FieldSerializer<'a> {
    fields: &'a mut Fields,
}

macro_rules! emit {
    ($($name:ident($type:ty)),* $(,)?) => {
        $(fn $name(&mut self, key: Key, value: $type) -> slog::Result {
            self.fields.push(key.as_ref(), value);
            Ok(())
        })*
    };
}

impl Serializer for FieldSerializer<'_> {
    emit! {
        emit_bool(bool),
        emit_i8(i8), emit_i16(i16), emit_i32(i32), emit_i64(i64), emit_i128(i128),
        emit_u8(u8), emit_u16(u16), emit_u32(u32), emit_u64(u64), emit_u128(u128),
        emit_f64(f64), emit_str(&str),
    }

    fn emit_usize(&mut self, key: Key, value: usize) -> slog::Result {
        self.emit_u64(key, value as u64)
    }

    fn emit_isize(&mut self, key: Key, value: isize) -> slog::Result {
        self.emit_i64(key, value as i64)
    }

    fn emit_f32(&mut self, key: Key, value: f32) -> slog::Result {
        self.fields.push(key.as_ref(), shortest_f64(value));
        Ok(())
    }

    fn emit_char(&mut self, key: Key, value: char) -> slog::Result {
        self.emit_str(key, value.encode_utf8(&mut [0; 4]))
    }

    fn emit_unit(&mut self, key: Key) -> slog::Result {
        self.fields.push(key.as_ref(), Value::Null);
        Ok(())
    }

    fn emit_none(&mut self, key: Key) -> slog::Result {
        self.emit_unit(key)
    }

    fn emit_bytes(&mut self, key: Key, bytes: &[u8], _kind: BytesKind) -> slog::Result {
        self.fields.push(key.as_ref(), bytes);
        Ok(())
    }

    fn emit_arguments(&mut self, key: Key, args: &fmt::Arguments<'_>) -> slog::Result {
        let key = key.as_ref();
        match args.as_str() {
            Some(text) => self.fields.push(key, text),
            None => {
                let fields = &mut *self.fields;
                if let Err(reason) = contain(|| fields.push_args(key, *args)) {
                    self.fields.push(key, panic_mark(&reason).as_str());
                }
            }
        }
        Ok(())
    }

    fn emit_serde(&mut self, key: Key, value: &dyn SerdeValue) -> slog::Result {
        lend_serde(value, |value| self.fields.push(key.as_ref(), value));
        Ok(())
    }
}
