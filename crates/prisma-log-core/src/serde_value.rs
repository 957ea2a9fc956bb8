//! Values that serialise themselves: to JSON, within bounds.

mod depth;

use std::io::{self, Write};

use serde_core::Serialize as _;
use slog::SerdeValue;

use self::depth::Shallow;
use crate::Value;
use crate::contain::{contain, panic_mark};
use crate::normal::lend_json;

/// Most bytes of a value as JSON: no record may be larger.
const MAX_BYTES: usize = 1 << 20;

/// Lends a value that serialises itself, as plain as it can be said: a lone string, boolean or
/// null as what it is, everything else as JSON.
///
/// One that fails, panics, is nested deeper than 64 (options and newtypes count like arrays and
/// objects) or larger than a mebibyte comes as a string that says so.
pub fn lend_serde<R>(value: &dyn SerdeValue, f: impl FnOnce(Value<'_>) -> R) -> R {
    let mut out = Bounded(Vec::new());
    let outcome = contain(|| {
        let mut json = serde_json::Serializer::new(&mut out);
        value.as_serde().serialize(Shallow::new(&mut json))
    });
    match outcome {
        Ok(Ok(())) => lend_json(&out.0, f),
        Ok(Err(error)) => f(Value::Str(&format!("<serialization failed: {error}>"))),
        Err(reason) => f(Value::Str(&panic_mark(&reason))),
    }
}

struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_BYTES {
            return Err(io::Error::other("larger than 1 MiB"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
