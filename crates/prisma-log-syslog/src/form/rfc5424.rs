//! Messages of RFC 5424, cut so that they stay messages.

use std::io::Write as _;

use prisma_log_core::{Level, Record, Value};

use super::names::Names;
use super::text::{cut_at, push_cut, push_text, push_value};
use super::{Header, MessageId};

const BOM: &[u8] = "\u{feff}".as_bytes();

/// Elements of structured data, in the order in which they are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Element {
    Trace,
    Meta,
    Record,
    Fields,
}

impl Element {
    const ALL: [Element; 4] = [Element::Trace, Element::Meta, Element::Record, Element::Fields];
}

/// Options of the form.
pub(crate) struct Rfc5424 {
    pub(crate) header: Header,
    pub(crate) message_id: MessageId,
    /// The element of what is known of a record besides its fields.
    pub(crate) record_id: String,
    pub(crate) fields_id: String,
    pub(crate) bom: bool,
    pub(crate) typed: bool,
    pub(crate) sequence: bool,
    pub(crate) site: bool,
    pub(crate) parts: Parts,
}

/// A record's parts, before it is known which of them have room.
#[derive(Default)]
pub(crate) struct Parts {
    /// Parameters, each with a space before it.
    params: Vec<u8>,
    /// Where each parameter ends, and what it belongs to.
    ends: Vec<(usize, Element)>,
    message: Vec<u8>,
    text: Vec<u8>,
}

/// How much of a record is written.
struct Kept {
    params: usize,
    message: usize,
}

impl Rfc5424 {
    /// Appends the record as one message of at most `max` bytes; says whether it was cut.
    pub(crate) fn encode(&mut self, record: &Record<'_>, max: usize, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        self.header.push_priority(record.level, out);
        out.extend_from_slice(b"1 ");
        out.extend_from_slice(&record.timestamp.rfc3339());
        out.push(b' ');
        out.extend_from_slice(&self.header.origin);
        self.message_id.push(record, out);
        out.push(b' ');
        let room = max.saturating_sub(out.len() - start);

        let mut parts = std::mem::take(&mut self.parts);
        parts.clear();
        let fields = self.push_params(record, room, &mut parts);
        push_text(record.message, &mut parts.message);
        let cut = self.push_parts(&parts, fields, room, out);
        self.parts = parts;
        cut
    }

    /// Collects the parameters as far as there may be room for them; returns how many there would
    /// be in all.
    fn push_params(&self, record: &Record<'_>, room: usize, parts: &mut Parts) -> usize {
        let context = record.context;
        if let Some(id) = context.trace_id {
            parts.push(Element::Trace, b"trace_id", &id.hex());
        }
        if let Some(id) = context.span_id {
            parts.push(Element::Trace, b"span_id", &id.hex());
        }
        if context.trace_id.is_some() {
            let flags = format!("{:02x}", context.trace_flags);
            parts.push(Element::Trace, b"trace_flags", flags.as_bytes());
        }
        if self.sequence && record.sequence > 0 {
            // From 1 to 2147483647, then 1 again (RFC 5424, 7.3.1).
            let number = (record.sequence - 1) % 0x7FFF_FFFF + 1;
            parts.push(Element::Meta, b"sequenceId", number.to_string().as_bytes());
        }
        self.push_envelope(record, parts);
        let mut total = parts.ends.len();
        let mut names = Names::default();
        for (key, value) in context.entries.iter().chain(record.fields.iter()) {
            total += 1;
            if parts.params.len() <= room {
                parts.push_field(&mut names, key, value, self.typed);
            }
        }
        total
    }

    fn push_envelope(&self, record: &Record<'_>, parts: &mut Parts) {
        if !record.logger.is_empty() {
            parts.push_text(b"logger", record.logger);
        }
        if record.level == Level::Trace {
            // The severity is that of DEBUG.
            parts.push_text(b"level", record.level.as_str());
        }
        if let Some(id) = record.context.parent_span_id {
            parts.push(Element::Record, b"parent_span_id", &id.hex());
        }
        if record.truncated != 0 {
            parts.push_text(b"truncated", &record.truncated.to_string());
        }
        if record.recovered {
            parts.push_text(b"recovered", "true");
        }
        if !record.tag.is_empty() {
            parts.push_text(b"tag", record.tag);
        }
        let site = record.site;
        if self.site && !site.file.is_empty() {
            parts.push_text(b"code.file.path", site.file);
        }
        if self.site && site.line != 0 {
            parts.push_text(b"code.line.number", &site.line.to_string());
        }
        if self.site && !site.function.is_empty() {
            parts.push_text(b"code.function.name", site.function);
        }
        if self.site && !site.module.is_empty() {
            parts.push_text(b"code.module.name", site.module);
        }
    }

    /// Appends what there is room for, and whether something was left out.
    fn push_parts(&self, parts: &Parts, total: usize, room: usize, out: &mut Vec<u8>) -> bool {
        let message = str::from_utf8(&parts.message).unwrap_or_default();
        let bom: &[u8] = if self.bom && !message.is_ascii() { BOM } else { b"" };
        let message_length = if message.is_empty() { 0 } else { 1 + bom.len() + message.len() };
        let all = parts.ends.len();
        if all == total && self.data_length(parts, all).max(1) + message_length <= room {
            self.push_data(parts, all, &[], out);
            if !message.is_empty() {
                out.push(b' ');
                out.extend_from_slice(bom);
                out.extend_from_slice(message.as_bytes());
            }
            return false;
        }
        let kept = self.choose(parts, total, message, bom.len(), room);
        let mut note = Vec::new();
        let notes =
            [("fields_cut", total - kept.params), ("message_cut", message.len() - kept.message)];
        for (name, count) in notes.into_iter().filter(|&(_, count)| count > 0) {
            // Writing to a vector never fails.
            let _infallible = write!(note, " {name}=\"{count}\"");
        }
        self.push_data(parts, kept.params, &note, out);
        if kept.message > 0 {
            out.push(b' ');
            out.extend_from_slice(bom);
            push_cut(message, kept.message, out);
        }
        true
    }

    /// Which parameters stay, from the front, and how much of the message: at least half of the
    /// room is the message's, if it needs that, and at least half is the parameters'.
    fn choose(&self, parts: &Parts, total: usize, message: &str, bom: usize, room: usize) -> Kept {
        let digits = |number: usize| number.checked_ilog10().map_or(1, |log| log as usize + 1);
        let note = " fields_cut=\"\" message_cut=\"\"".len() + digits(total);
        let note = note + digits(message.len()) + self.record_id.len() + "[]".len();
        let room = room.saturating_sub(note + " ".len() + bom);
        let params = self.data_length(parts, parts.ends.len());
        let wanted = message.len().min((room / 2).max(room.saturating_sub(params)));
        // What the note needs of the record's own element is counted twice at most.
        let mut count = parts.ends.len();
        while count > 0 && self.data_length(parts, count) > room - wanted {
            count -= 1;
        }
        let left = room - self.data_length(parts, count);
        Kept { params: count, message: cut_at(message, left) }
    }

    /// How many bytes the first `count` parameters take with the brackets around them.
    fn data_length(&self, parts: &Parts, count: usize) -> usize {
        let Some(last) = count.checked_sub(1) else { return 0 };
        let ends = &parts.ends[..count];
        let brackets = Element::ALL.into_iter().map(|element| {
            let there = ends.binary_search_by_key(&(element as u8), |&(_, of)| of as u8).is_ok();
            if there { self.id(element).len() + "[]".len() } else { 0 }
        });
        parts.ends[last].0 + brackets.sum::<usize>()
    }

    /// Appends the first `count` parameters in their elements, and `note` to the record's own.
    fn push_data(&self, parts: &Parts, count: usize, note: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        let mut at = 0;
        for element in Element::ALL {
            let until = parts.ends[..count].partition_point(|&(_, of)| of as u8 <= element as u8);
            let end = if until == 0 { 0 } else { parts.ends[until - 1].0 };
            let note = if element == Element::Record { note } else { &[] };
            if end > at || !note.is_empty() {
                out.push(b'[');
                out.extend_from_slice(self.id(element).as_bytes());
                out.extend_from_slice(&parts.params[at..end]);
                out.extend_from_slice(note);
                out.push(b']');
            }
            at = end;
        }
        if out.len() == start {
            out.push(b'-');
        }
    }

    fn id(&self, element: Element) -> &str {
        match element {
            Element::Trace => "opentelemetry",
            Element::Meta => "meta",
            Element::Record => &self.record_id,
            Element::Fields => &self.fields_id,
        }
    }
}

impl Parts {
    /// Most bytes that stay allocated between records.
    const KEPT_BYTES: usize = 64 * 1024;

    fn clear(&mut self) {
        for bytes in [&mut self.params, &mut self.message, &mut self.text] {
            bytes.clear();
            bytes.shrink_to(Self::KEPT_BYTES);
        }
        self.ends.clear();
    }

    /// Adds a parameter whose value holds nothing to escape.
    fn push(&mut self, element: Element, name: &[u8], value: &[u8]) {
        self.params.push(b' ');
        self.params.extend_from_slice(name);
        self.params.extend_from_slice(b"=\"");
        self.params.extend_from_slice(value);
        self.params.push(b'"');
        self.ends.push((self.params.len(), element));
    }

    fn push_text(&mut self, name: &[u8], text: &str) {
        self.text.clear();
        push_text(text, &mut self.text);
        self.push_escaped(name);
        self.ends.push((self.params.len(), Element::Record));
    }

    fn push_field<'k>(
        &mut self,
        names: &mut Names<'k>,
        key: &'k str,
        value: Value<'_>,
        typed: bool,
    ) {
        let name = names.next(key);
        self.text.clear();
        push_value(value, typed, &mut self.text);
        self.push_escaped(name.name);
        if let Some(whole_in) = name.whole_in {
            self.text.clear();
            push_text(key, &mut self.text);
            self.push_escaped(whole_in.as_bytes());
        }
        self.ends.push((self.params.len(), Element::Fields));
    }

    /// Appends a parameter with the text as its value: `"`, `\` and `]` are escaped, nothing else
    /// (RFC 5424, 6.3.3).
    fn push_escaped(&mut self, name: &[u8]) {
        let out = &mut self.params;
        out.push(b' ');
        out.extend_from_slice(name);
        out.extend_from_slice(b"=\"");
        let special = |byte: &u8| matches!(byte, b'"' | b'\\' | b']');
        let mut rest = &self.text[..];
        while let Some(at) = rest.iter().position(special) {
            out.extend_from_slice(&rest[..at]);
            out.extend_from_slice(&[b'\\', rest[at]]);
            rest = &rest[at + 1..];
        }
        out.extend_from_slice(rest);
        out.push(b'"');
    }
}
