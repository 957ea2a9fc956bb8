//! Records as syslog messages.

mod names;
mod rfc3164;
mod rfc5424;
mod text;

use prisma_log_core::{Level, Record};

use crate::{Facility, Framing};

pub(crate) use rfc3164::{Parts as Parts3164, Rfc3164};
pub(crate) use rfc5424::{Parts as Parts5424, Rfc5424};

/// What begins every message of a sink.
pub(crate) struct Header {
    pub(crate) facility: Facility,
    /// Who sends, rendered.
    pub(crate) origin: Vec<u8>,
}

impl Header {
    fn push_priority(&self, level: Level, out: &mut Vec<u8>) {
        let priority = self.facility.priority(level);
        out.push(b'<');
        if priority >= 100 {
            out.push(b'0' + priority / 100);
        }
        if priority >= 10 {
            out.push(b'0' + priority / 10 % 10);
        }
        out.extend_from_slice(&[b'0' + priority % 10, b'>']);
    }
}

/// The type of a message (MSGID).
pub(crate) struct MessageId {
    pub(crate) fixed: String,
    /// The key of the field that names it.
    pub(crate) field: Option<String>,
}

/// Most characters of a MSGID.
pub(crate) const MAX_MESSAGE_ID: usize = 32;

impl MessageId {
    fn push(&self, record: &Record<'_>, out: &mut Vec<u8>) {
        let value = self
            .field
            .as_ref()
            .and_then(|key| record.fields.get(key).or_else(|| record.context.entries.get(key)));
        let Some(value) = value else { return out.extend_from_slice(self.fixed.as_bytes()) };
        let value = value.to_string();
        let printable = |c: char| if c.is_ascii_graphic() { c as u8 } else { b'_' };
        let start = out.len();
        out.extend(value.chars().take(MAX_MESSAGE_ID).map(printable));
        if out.len() == start {
            out.push(b'-');
        }
    }
}

/// How a sink writes records.
pub(crate) enum Form {
    Rfc5424(Rfc5424),
    Rfc3164(Rfc3164),
}

impl Form {
    /// Appends the record as one message of at most `max` bytes; says whether it was cut.
    pub(crate) fn encode(&mut self, record: &Record<'_>, max: usize, out: &mut Vec<u8>) -> bool {
        match self {
            Form::Rfc5424(form) => form.encode(record, max, out),
            Form::Rfc3164(form) => form.encode(record, max, out),
        }
    }

    /// Appends the record as one frame of a stream.
    pub(crate) fn frame(
        &mut self,
        record: &Record<'_>,
        max: usize,
        framing: Framing,
        out: &mut Vec<u8>,
    ) -> bool {
        match framing {
            Framing::Lines => {
                let cut = self.encode(record, max, out);
                out.push(b'\n');
                cut
            }
            Framing::OctetCounting => {
                let start = out.len();
                // Room for the length, whose digits are not known yet.
                const ROOM: usize = 8;
                out.extend_from_slice(&[0; ROOM]);
                let cut = self.encode(record, max, out);
                let length = format!("{} ", out.len() - start - ROOM);
                let unused = ROOM - length.len();
                out[start + unused..start + ROOM].copy_from_slice(length.as_bytes());
                out.drain(start..start + unused);
                cut
            }
        }
    }

    pub(crate) fn header_mut(&mut self) -> &mut Header {
        match self {
            Form::Rfc5424(form) => &mut form.header,
            Form::Rfc3164(form) => &mut form.header,
        }
    }
}
