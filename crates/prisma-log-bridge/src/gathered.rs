//! The fields of one call, gathered before they are handed on.
//!
//! `log` and `tracing` show a call's values one after the other, first to last, each for the length of
//! a call; slog wants them last to first. So they are kept in between, in memory that each thread uses
//! again.

#[cfg(feature = "tracing")]
mod look;
#[cfg(all(test, feature = "tracing"))]
mod tests;

use std::borrow::Cow;
use std::cell::Cell;
use std::error::Error;
use std::fmt::{self, Write as _};
use std::ops::Range;

use prisma_log_core::Value;
use prisma_log_core::support::{contain, panic_mark};
use slog::{BytesKind, Key, Serializer};

use crate::nesting::{Nesting, TOO_DEEP};

/// Most bytes of a call's texts: more than any record may have, so that the pipeline cuts and says so.
const MAX_TEXT: usize = (1 << 20) + 1024;
/// A single giant call must not pin its size for ever.
const KEEP_BYTES: usize = 64 * 1024;

thread_local! {
    static SPARE: Cell<Option<Box<Gathered>>> = const { Cell::new(None) };
}

/// A call's message and fields.
#[derive(Default)]
pub(crate) struct Gathered {
    message: Option<Range<usize>>,
    fields: Vec<(Cow<'static, str>, Held)>,
    text: String,
    bytes: Vec<u8>,
    too_deep: bool,
}

enum Held {
    Null,
    Bool(bool),
    I64(i64),
    U64(u64),
    I128(i128),
    U128(u128),
    F64(f64),
    Text(Range<usize>),
    Bytes(Range<usize>),
}

/// Lends an empty one for the length of a call.
#[inline]
pub(crate) fn with_gathered<R>(f: impl FnOnce(&mut Gathered) -> R) -> R {
    let nesting = Nesting::enter();
    let spare = SPARE.try_with(Cell::take).ok().flatten();
    let mut gathered = spare.unwrap_or_default();
    gathered.too_deep = nesting.is_too_deep();
    let result = f(&mut gathered);
    gathered.clear();
    // The thread may be at its end.
    let _kept = SPARE.try_with(|spare| spare.set(Some(gathered)));
    result
}

impl Gathered {
    fn clear(&mut self) {
        self.message = None;
        self.fields.clear();
        self.text.clear();
        self.bytes.clear();
        if self.text.capacity() > KEEP_BYTES || self.bytes.capacity() > KEEP_BYTES {
            self.text.shrink_to(KEEP_BYTES);
            self.bytes.shrink_to(KEEP_BYTES);
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, key: Cow<'static, str>, value: Value<'_>) {
        let held = match value {
            Value::Bool(v) => Held::Bool(v),
            Value::I64(v) => Held::I64(v),
            Value::U64(v) => Held::U64(v),
            Value::I128(v) => Held::I128(v),
            Value::U128(v) => Held::U128(v),
            Value::F64(v) => Held::F64(v),
            Value::Str(v) => Held::Text(self.keep_text(v)),
            Value::Bytes(v) => {
                let start = self.bytes.len();
                self.bytes.extend_from_slice(&v[..v.len().min(MAX_TEXT)]);
                Held::Bytes(start..self.bytes.len())
            }
            _ => Held::Null,
        };
        self.fields.push((key, held));
    }

    /// Adds a text field that the value formats to.
    #[inline]
    pub(crate) fn push_args(&mut self, key: Cow<'static, str>, args: fmt::Arguments<'_>) {
        let range = self.format(args);
        self.fields.push((key, Held::Text(range)));
    }

    /// Adds an error with all its sources, as slog's `#error` writes it.
    pub(crate) fn push_error(&mut self, key: Cow<'static, str>, error: &(dyn Error + 'static)) {
        self.push_args(key, format_args!("{}", Chain(error)));
    }

    /// Takes this as the message.
    #[inline]
    pub(crate) fn set_message(&mut self, args: fmt::Arguments<'_>) {
        self.message = Some(self.format(args));
    }

    pub(crate) fn message(&self) -> Option<&str> {
        self.message.clone().and_then(|range| self.text.get(range))
    }

    fn keep_text(&mut self, text: &str) -> Range<usize> {
        let start = self.text.len();
        self.text.push_str(&text[..text.floor_char_boundary(MAX_TEXT)]);
        start..self.text.len()
    }

    /// Formats, whatever the value does: what a failing one wrote is kept, of one that panics nothing.
    fn format(&mut self, args: fmt::Arguments<'_>) -> Range<usize> {
        let start = self.text.len();
        if let Some(text) = args.as_str() {
            return self.keep_text(text);
        }
        if self.too_deep {
            return self.keep_text(TOO_DEEP);
        }
        let mut bounded = Bounded { text: &mut self.text, end: start + MAX_TEXT };
        match contain(|| bounded.write_fmt(args)) {
            Ok(Ok(())) => {}
            Ok(Err(fmt::Error)) if self.text.len() >= start + MAX_TEXT => {}
            Ok(Err(fmt::Error)) => self.text.push_str("<formatting failed>"),
            Err(reason) => {
                self.text.truncate(start);
                self.text.push_str(&panic_mark(&reason));
            }
        }
        start..self.text.len()
    }
}

impl slog::KV for Gathered {
    fn serialize(&self, _: &slog::Record<'_>, serializer: &mut dyn Serializer) -> slog::Result {
        for (key, held) in self.fields.iter().rev() {
            let key = match key {
                Cow::Borrowed(key) => Key::from(*key),
                Cow::Owned(key) => Key::from(key.clone()),
            };
            match held {
                Held::Null => serializer.emit_unit(key),
                Held::Bool(v) => serializer.emit_bool(key, *v),
                Held::I64(v) => serializer.emit_i64(key, *v),
                Held::U64(v) => serializer.emit_u64(key, *v),
                Held::I128(v) => serializer.emit_i128(key, *v),
                Held::U128(v) => serializer.emit_u128(key, *v),
                Held::F64(v) => serializer.emit_f64(key, *v),
                Held::Text(range) => serializer.emit_str(key, &self.text[range.clone()]),
                Held::Bytes(range) => {
                    serializer.emit_bytes(key, &self.bytes[range.clone()], BytesKind::Stream)
                }
            }?;
        }
        Ok(())
    }
}

/// Takes text up to a length.
struct Bounded<'a> {
    text: &'a mut String,
    end: usize,
}

impl fmt::Write for Bounded<'_> {
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.end - self.text.len();
        if text.len() <= room {
            self.text.push_str(text);
            return Ok(());
        }
        self.text.push_str(&text[..text.floor_char_boundary(room)]);
        // What may be missing up to the boundary of a character.
        while self.text.len() < self.end {
            self.text.push('.');
        }
        Err(fmt::Error)
    }
}

/// An error and its sources.
struct Chain<'a>(&'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
