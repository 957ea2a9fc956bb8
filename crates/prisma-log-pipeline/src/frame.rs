//! A record's bytes in a chunk: how they are laid out, and how they are read back.
//!
//! A frame starts at a multiple of 8 with a head of [`HEAD_BYTES`], little-endian:
//!
//! | at | what |
//! | --- | --- |
//! | 0 | `u32` length of the whole frame, a multiple of 8 |
//! | 4 | `u32` number of the call site's definition; 0 when it is inline |
//! | 8 | `u16` number of the logger's name; 0 when it is inline or the site's module |
//! | 10 | `u16` number of the list of the logger's own keys; 0 when there are none |
//! | 12 | `u8` flags |
//! | 13 | `u8` level, 1 to 6 |
//! | 14 | `u16` number of fields |
//! | 16 | `u64` nanoseconds since the Unix epoch |
//! | 24 | `u64` sequence number; 0 until the worker reads the frame |
//!
//! The body follows: what the flags say is inline, in the order of the flags, then the fields as
//! [`prisma_log_core::wire`] has them. A text is a `u32` length and that many bytes of UTF-8. With
//! [`TRUNCATED`] the frame's last 8 bytes say how many bytes were cut off.
//!
//! A frame with [`CONTEXT`] is no record: it is the context of the records that follow it in its
//! chunk. Its body holds trace id (16 bytes), span id (8), parent span id (8), trace flags (1),
//! then the context's fields. A chunk begins without a context.

use prisma_log_core::{ContextData, FieldsRef, Level, SpanId, TraceId};

/// Bytes of a frame's head.
pub(crate) const HEAD_BYTES: usize = 32;
/// Where in the head the sequence number is.
pub(crate) const SEQUENCE_AT: usize = 24;
/// Frames start at multiples of this.
pub(crate) const ALIGN: usize = 8;
/// Bytes of a context frame's body before the fields.
pub(crate) const CONTEXT_BYTES: usize = 33;

/// The call site is inline: file, line, column, module, function.
pub(crate) const SITE_INLINE: u8 = 1;
/// The logger's name is inline.
pub(crate) const LOGGER_INLINE: u8 = 2;
/// slog's tag is inline.
pub(crate) const TAG_INLINE: u8 = 4;
/// The message is inline.
pub(crate) const MESSAGE_INLINE: u8 = 8;
/// At least one field has its key inline.
pub(crate) const KEYS_INLINE: u8 = 16;
/// Bytes were cut off.
pub(crate) const TRUNCATED: u8 = 32;
/// The frame is a context.
pub(crate) const CONTEXT: u8 = 64;

/// What stands in a frame's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) len: u32,
    pub(crate) site: u32,
    pub(crate) logger: u16,
    pub(crate) list: u16,
    pub(crate) flags: u8,
    pub(crate) level: u8,
    pub(crate) count: u16,
    pub(crate) nanos: u64,
    pub(crate) sequence: u64,
}

impl Head {
    /// The head as it stands in memory.
    #[inline]
    pub(crate) fn words(&self) -> [u64; 4] {
        [
            u64::from(self.len) | u64::from(self.site) << 32,
            u64::from(self.logger)
                | u64::from(self.list) << 16
                | u64::from(self.flags) << 32
                | u64::from(self.level) << 40
                | u64::from(self.count) << 48,
            self.nanos,
            self.sequence,
        ]
    }

    /// Reads the head at the start of `bytes`, which may come from a dead process: `None` unless
    /// the whole frame is there.
    #[inline]
    pub(crate) fn read(bytes: &[u8]) -> Option<Head> {
        let head: &[u8; HEAD_BYTES] = bytes.first_chunk()?;
        let word = |at: usize| {
            u64::from_le_bytes([
                head[at],
                head[at + 1],
                head[at + 2],
                head[at + 3],
                head[at + 4],
                head[at + 5],
                head[at + 6],
                head[at + 7],
            ])
        };
        let (first, second) = (word(0), word(8));
        let head = Head {
            len: first as u32,
            site: (first >> 32) as u32,
            logger: second as u16,
            list: (second >> 16) as u16,
            flags: (second >> 32) as u8,
            level: (second >> 40) as u8,
            count: (second >> 48) as u16,
            nanos: word(16),
            sequence: word(24),
        };
        let len = head.len as usize;
        (len >= HEAD_BYTES && len.is_multiple_of(ALIGN) && len <= bytes.len()).then_some(head)
    }

    #[inline]
    pub(crate) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The level; `None` when the byte is none.
    pub(crate) fn level(&self) -> Option<Level> {
        Level::ALL.get(usize::from(self.level).checked_sub(1)?).copied()
    }
}

/// A call site that stands in the frame itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct InlineSite<'a> {
    pub(crate) file: &'a str,
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) module: &'a str,
    pub(crate) function: &'a str,
}

/// What stands in a record's body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Body<'a> {
    pub(crate) site: Option<InlineSite<'a>>,
    pub(crate) logger: Option<&'a str>,
    pub(crate) tag: &'a str,
    pub(crate) message: Option<&'a str>,
    pub(crate) truncated: u64,
    /// The fields' bytes, with whatever pads the frame.
    pub(crate) fields: &'a [u8],
}

impl<'a> Body<'a> {
    /// Reads the body of `frame`, a whole frame with this head; `None` when it is damaged.
    #[inline]
    pub(crate) fn read(head: &Head, frame: &'a [u8]) -> Option<Body<'a>> {
        let mut rest = frame.get(HEAD_BYTES..)?;
        let mut truncated = 0;
        if head.has(TRUNCATED) {
            let (front, last) = rest.split_last_chunk::<8>()?;
            truncated = u64::from_le_bytes(*last);
            rest = front;
        }
        let mut body =
            Body { site: None, logger: None, tag: "", message: None, truncated, fields: rest };
        if head.flags & (SITE_INLINE | LOGGER_INLINE | TAG_INLINE | MESSAGE_INLINE) != 0 {
            if head.has(SITE_INLINE) {
                body.site = Some(InlineSite {
                    file: text(&mut rest)?,
                    line: number(&mut rest)?,
                    column: number(&mut rest)?,
                    module: text(&mut rest)?,
                    function: text(&mut rest)?,
                });
            }
            if head.has(LOGGER_INLINE) {
                body.logger = Some(text(&mut rest)?);
            }
            if head.has(TAG_INLINE) {
                body.tag = text(&mut rest)?;
            }
            if head.has(MESSAGE_INLINE) {
                body.message = Some(text(&mut rest)?);
            }
            body.fields = rest;
        }
        Some(body)
    }
}

/// Takes a number off the front.
pub(crate) fn number(rest: &mut &[u8]) -> Option<u32> {
    let (first, tail) = rest.split_first_chunk::<4>()?;
    *rest = tail;
    Some(u32::from_le_bytes(*first))
}

/// Takes a text off the front.
pub(crate) fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let len = number(rest)? as usize;
    let (text, tail) = rest.split_at_checked(len)?;
    *rest = tail;
    std::str::from_utf8(text).ok()
}

/// Appends a text as [`text`] reads it.
pub(crate) fn push_text(out: &mut Vec<u8>, text: &str) {
    let len = u32::try_from(text.len()).unwrap_or(0);
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&text.as_bytes()[..len as usize]);
}

/// Reads a context frame; `None` when it is damaged, or says that there is no context.
pub(crate) fn read_context(head: &Head, frame: &[u8]) -> Option<ContextData> {
    let body = frame.get(HEAD_BYTES..)?;
    let (ids, fields) = body.split_first_chunk::<CONTEXT_BYTES>()?;
    let (trace, ids) = ids.split_first_chunk::<16>()?;
    let (span, ids) = ids.split_first_chunk::<8>()?;
    let (parent, flags) = ids.split_first_chunk::<8>()?;
    let mut context = ContextData::EMPTY;
    context.trace_id = TraceId::new(u128::from_le_bytes(*trace));
    context.span_id = SpanId::new(u64::from_le_bytes(*span));
    context.parent_span_id = SpanId::new(u64::from_le_bytes(*parent));
    context.trace_flags = *flags.first()?;
    let entries = FieldsRef::encoded(fields, u32::from(head.count), &[], &[]);
    context.entries = entries.iter().collect();
    Some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_reads_back() {
        let head = Head {
            len: 40,
            site: 0x0102_0304,
            logger: 0x0506,
            list: 0x0708,
            flags: 0x09,
            level: 3,
            count: 0x0a0b,
            nanos: u64::MAX - 1,
            sequence: 77,
        };
        let mut bytes: Vec<u8> = head.words().iter().flat_map(|word| word.to_le_bytes()).collect();
        assert_eq!(Head::read(&bytes), None, "the frame is cut off");
        bytes.extend_from_slice(&[0; 8]);
        assert_eq!(Head::read(&bytes), Some(head));
        for len in [0_u32, 24, 39, 48, u32::MAX] {
            bytes[..4].copy_from_slice(&len.to_le_bytes());
            assert_eq!(Head::read(&bytes), None, "length {len}");
        }
    }
}
