//! Values that serialise themselves: to JSON, within bounds.

use std::io::{self, Write};

use serde_json::ser::{CompactFormatter, Formatter, Serializer};
use slog::SerdeValue;

use crate::Value;
use crate::contain::{contain, panic_mark};
use crate::normal::lend_json;

/// Deepest nesting of a value; encoders refuse what is deeper.
const MAX_DEPTH: u32 = 64;
/// Most bytes of a value as JSON: no record may be larger.
const MAX_BYTES: usize = 1 << 20;

/// Lends a value that serialises itself, as plain as it can be said: a lone string, boolean or
/// null as what it is, everything else as JSON.
///
/// One that fails, panics, is nested deeper than 64 or larger than a mebibyte comes as a string
/// that says so.
pub fn lend_serde<R>(value: &dyn SerdeValue, f: impl FnOnce(Value<'_>) -> R) -> R {
    let mut out = Bounded(Vec::new());
    let outcome = contain(|| {
        let mut serializer = Serializer::with_formatter(&mut out, Shallow::default());
        serde_core::Serialize::serialize(value.as_serde(), &mut serializer)
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

/// Compact JSON that fails beyond the greatest depth, before the value's own recursion goes on.
#[derive(Default)]
struct Shallow {
    depth: u32,
}

impl Shallow {
    fn enter(&mut self) -> io::Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(io::Error::other("nested deeper than 64"));
        }
        Ok(())
    }
}

impl Formatter for Shallow {
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.enter()?;
        CompactFormatter.begin_array(out)
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth -= 1;
        CompactFormatter.end_array(out)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.enter()?;
        CompactFormatter.begin_object(out)
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth -= 1;
        CompactFormatter.end_object(out)
    }
}
