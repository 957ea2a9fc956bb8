//! Lines that are not longer than allowed.

use std::cmp::Reverse;
use std::io;

use prisma_log_core::{ContextData, Fields, Record, Value};

use crate::line::Form;

/// Texts are not cut to less than this, as long as leaving out whole fields is enough.
const LEAST_TEXT: usize = 64;
/// A field that has no more bytes than this with its text cut so far is none of absurd size.
const ORDINARY: usize = 256;
/// What the buffers for long records may hold on to.
const KEPT_BYTES: usize = 64 * 1024;

/// Writes records as lines.
pub(crate) struct Lines {
    form: Form,
    most: Option<usize>,
    shortened: Shortened,
}

impl Lines {
    pub(crate) fn new(form: Form, most: Option<usize>) -> Self {
        Lines { form, most, shortened: Shortened::default() }
    }

    /// Appends the record as a line with its end.
    pub(crate) fn append(&mut self, record: &Record<'_>, out: &mut Vec<u8>) -> io::Result<()> {
        let start = out.len();
        self.form.append(record, out)?;
        match self.most {
            Some(most) if out.len() - start > most => {
                out.truncate(start);
                self.append_shortened(record, most, out)
            }
            _ => Ok(()),
        }
    }

    #[cold]
    fn append_shortened(
        &mut self,
        record: &Record<'_>,
        most: usize,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        let start = out.len();
        let parts = parts(record);
        let Lines { form, shortened, .. } = self;
        // Whether the line fits if texts are cut to so many bytes, and so many fields left out.
        let mut fits = |text: usize, without: usize| {
            out.truncate(start);
            shortened.append(record, &parts, text, without, form, out)?;
            Ok::<_, io::Error>(out.len() - start <= most)
        };
        let without = least(0, parts.len(), |without| fits(LEAST_TEXT, without))?;
        let (shortest, longest) = if fits(LEAST_TEXT, without)? {
            (LEAST_TEXT, longest_text(record, &parts[without..], most).max(LEAST_TEXT))
        } else {
            (0, LEAST_TEXT)
        };
        // The longest that fits is the one before the shortest that does not.
        let too_long = least(shortest + 1, longest + 1, |text| Ok(!fits(text, without)?))?;
        // Not even that fits when the encoder has much to say by itself, a service's long name say.
        fits(too_long - 1, without)?;
        self.shortened.clear();
        Ok(())
    }
}

/// The least number from `low` on for which the condition holds, as it does for all after that one;
/// `high` if for none before that.
fn least(
    mut low: usize,
    mut high: usize,
    mut holds: impl FnMut(usize) -> io::Result<bool>,
) -> io::Result<usize> {
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle)? {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low)
}

/// A context entry or field.
struct Part {
    place: usize,
    /// How many bytes it has when its text is cut as far as that may be.
    least_bytes: usize,
    text_bytes: usize,
}

/// A record's context entries and fields in the order in which they are left out: those of absurd
/// size first, then from the last to the first.
fn parts(record: &Record<'_>) -> Vec<Part> {
    let lists = [record.context.entries.as_ref(), record.fields];
    let all = lists.into_iter().flat_map(|list| list.iter()).enumerate();
    let mut parts: Vec<Part> = all
        .map(|(place, (key, value))| {
            let text_bytes = bytes_of(value);
            Part { place, least_bytes: key.len() + text_bytes.min(LEAST_TEXT), text_bytes }
        })
        .collect();
    parts.sort_unstable_by_key(|part| Reverse((part.least_bytes.max(ORDINARY), part.place)));
    parts
}

/// The length to which texts must be cut for the message and these fields to have no more bytes than
/// allowed; encoded they have more.
fn longest_text(record: &Record<'_>, parts: &[Part], most: usize) -> usize {
    let fields = parts.iter().map(|part| part.text_bytes);
    let mut lengths: Vec<usize> = fields.chain([record.message.len()]).collect();
    lengths.sort_unstable();
    let mut left = most;
    for (shorter, &length) in lengths.iter().enumerate() {
        let share = left / (lengths.len() - shorter);
        if length > share {
            return share;
        }
        left -= length;
    }
    most
}

/// How many bytes a value has before it is encoded.
fn bytes_of(value: Value<'_>) -> usize {
    match value {
        Value::Str(text) | Value::Json(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        other => other.to_string().len(),
    }
}

/// A record of which parts are missing.
#[derive(Default)]
struct Shortened {
    context: ContextData,
    fields: Fields,
    /// Which fields are left out, by their places.
    left_out: Vec<bool>,
}

impl Shortened {
    /// Appends the line of a record whose texts have at most `most` bytes, and which lacks the first
    /// parts, `without` in number.
    fn append(
        &mut self,
        record: &Record<'_>,
        parts: &[Part],
        most: usize,
        without: usize,
        form: &mut Form,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        let mut cut = Cut { most, bytes: record.truncated };
        self.left_out.clear();
        self.left_out.resize(parts.len(), false);
        for part in &parts[..without] {
            self.left_out[part.place] = true;
        }
        let context = &mut self.context;
        context.trace_id = record.context.trace_id;
        context.span_id = record.context.span_id;
        context.parent_span_id = record.context.parent_span_id;
        context.trace_flags = record.context.trace_flags;
        let mut left_out = self.left_out.iter();
        let lists = [
            (record.context.entries.as_ref(), &mut context.entries),
            (record.fields, &mut self.fields),
        ];
        for (from, to) in lists {
            to.clear(KEPT_BYTES);
            for ((key, value), left_out) in from.iter().zip(&mut left_out) {
                if *left_out {
                    cut.add(key.len() + bytes_of(value));
                } else {
                    to.push(key, cut.value(value));
                }
            }
        }
        let mut short = *record;
        short.message = cut.text(record.message);
        short.logger = cut.text(record.logger);
        short.tag = cut.text(record.tag);
        short.site.file = cut.text(record.site.file);
        short.site.function = cut.text(record.site.function);
        short.site.module = cut.text(record.site.module);
        short.context = &self.context;
        short.fields = self.fields.as_ref();
        // It is no longer like the others of its shape.
        short.shape = None;
        short.message_is_constant = false;
        short.truncated = cut.bytes;
        form.append(&short, out)
    }

    fn clear(&mut self) {
        self.context = ContextData::default();
        self.fields.clear(KEPT_BYTES);
        self.left_out = Vec::new();
    }
}

/// Cuts texts, and counts what is cut off.
struct Cut {
    most: usize,
    bytes: u64,
}

impl Cut {
    fn add(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    fn text<'a>(&mut self, text: &'a str) -> &'a str {
        let kept = &text[..text.floor_char_boundary(self.most)];
        self.add(text.len() - kept.len());
        kept
    }

    fn value<'a>(&mut self, value: Value<'a>) -> Value<'a> {
        match value {
            Value::Str(text) => Value::Str(self.text(text)),
            // Half of it is no JSON.
            Value::Json(text) if text.len() > self.most => Value::Str(self.text(text)),
            Value::Bytes(bytes) => {
                let kept = &bytes[..bytes.len().min(self.most)];
                self.add(bytes.len() - kept.len());
                Value::Bytes(kept)
            }
            other => other,
        }
    }
}
