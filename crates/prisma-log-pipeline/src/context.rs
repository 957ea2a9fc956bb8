//! Contexts as frames.

use prisma_log_core::{ContextData, SpanId, TraceId, wire};

use crate::frame::{ALIGN, CONTEXT, CONTEXT_BYTES, HEAD_BYTES, Head};

/// Appends a frame that says that what follows is in no context.
pub(crate) fn push_no_context(out: &mut Vec<u8>) {
    out.resize(out.len() + HEAD_BYTES, 0);
    put_head(out, 0);
}

/// Appends a context's frame, of up to `max` bytes: entries that have no room are left out.
pub(crate) fn push_context(context: &ContextData, max: usize, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + HEAD_BYTES, 0);
    out.extend_from_slice(&context.trace_id.map_or(0, TraceId::get).to_le_bytes());
    out.extend_from_slice(&context.span_id.map_or(0, SpanId::get).to_le_bytes());
    out.extend_from_slice(&context.parent_span_id.map_or(0, SpanId::get).to_le_bytes());
    out.push(context.trace_flags);
    debug_assert_eq!(out.len() - start, HEAD_BYTES + CONTEXT_BYTES);
    let mut count = 0_u16;
    for (key, value) in context.entries.iter() {
        let before = out.len();
        wire::push(Some(key), value, out);
        if out.len() - start > max - ALIGN || count == u16::MAX {
            out.truncate(before);
            break;
        }
        count += 1;
    }
    out.resize(out.len().next_multiple_of(ALIGN), 0);
    put_head(&mut out[start..], count);
}

/// The frame of the context that the thread is in, of up to `max` bytes; empty if it is in none.
pub(crate) fn current_context(max: usize) -> Vec<u8> {
    let mut frame = Vec::new();
    prisma_log_context::with_current(|context| {
        if let Some(context) = context {
            push_context(context, max, &mut frame);
        }
    });
    frame
}

fn put_head(frame: &mut [u8], count: u16) {
    let head = Head {
        len: frame.len() as u32,
        site: 0,
        logger: 0,
        list: 0,
        flags: CONTEXT,
        level: 0,
        count,
        nanos: 0,
        sequence: 0,
    };
    for (word, place) in head.words().iter().zip(frame.chunks_exact_mut(8)) {
        place.copy_from_slice(&word.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::read_context;

    #[test]
    fn a_context_reads_back() {
        let mut context = ContextData::EMPTY;
        context.trace_id = TraceId::new(7);
        context.span_id = SpanId::new(8);
        context.trace_flags = 1;
        context.entries.push("user_id", "u1");
        context.entries.push("n", 5_u64);
        let check = |max: usize, entries: usize| {
            let mut frame = Vec::new();
            push_context(&context, max, &mut frame);
            let head = Head::read(&frame).unwrap();
            let read = read_context(&head, &frame).unwrap();
            assert_eq!(read.trace_id, context.trace_id);
            assert_eq!(read.span_id, context.span_id);
            assert_eq!((read.parent_span_id, read.trace_flags), (None, 1));
            assert_eq!(read.entries, context.entries.iter().take(entries).collect());
        };
        check(4096, 2);
        check(94, 1);
        check(72, 0);
        let mut frame = Vec::new();
        push_no_context(&mut frame);
        assert_eq!(read_context(&Head::read(&frame).unwrap(), &frame), None);
    }
}
