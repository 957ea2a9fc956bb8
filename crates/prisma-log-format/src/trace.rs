//! Trace ids as text, kept while they come again.

use prisma_log_core::{ContextData, SpanId, TraceId};

use crate::copy::Put;

/// How many texts are kept: several threads' records come mixed.
const SLOTS: usize = 16;

/// What of a context the text depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Trace {
    trace_id: TraceId,
    span_id: Option<SpanId>,
    parent_span_id: Option<SpanId>,
    flags: u8,
}

/// The texts that an encoder makes of the trace positions of records.
#[derive(Clone, Debug)]
pub(crate) struct Traces(Box<[Slot; SLOTS]>);

#[derive(Clone, Debug, Default)]
struct Slot {
    trace: Option<Trace>,
    text: Vec<u8>,
}

impl Traces {
    pub(crate) fn new() -> Self {
        Traces(Box::default())
    }

    /// Appends what `render` makes of the context's ids and flags; it looks at nothing else.
    #[inline]
    pub(crate) fn push(
        &mut self,
        context: &ContextData,
        out: &mut impl Put,
        render: impl FnOnce(&ContextData, &mut Vec<u8>),
    ) {
        let ContextData { trace_id, span_id, parent_span_id, trace_flags: flags, .. } = *context;
        let Some(trace_id) = trace_id else {
            out.put_with(|out| render(context, out));
            return;
        };
        let trace = Some(Trace { trace_id, span_id, parent_span_id, flags });
        let slot = (trace_id.get() as usize ^ span_id.map_or(0, SpanId::get) as usize) % SLOTS;
        let slot = &mut self.0[slot];
        if slot.trace != trace {
            slot.text.clear();
            render(context, &mut slot.text);
            slot.trace = trace;
        }
        out.put_slice(&slot.text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_made_once_while_its_trace_comes_again() {
        let mut traces = Traces::new();
        let mut made = 0;
        let mut check = |trace: u128, span: u64, parent: u64, flags: u8, fresh: bool| {
            let mut context = ContextData::default();
            context.trace_id = TraceId::new(trace);
            context.span_id = SpanId::new(span);
            context.parent_span_id = SpanId::new(parent);
            context.trace_flags = flags;
            let show = |context: &ContextData| {
                let ContextData { trace_id, span_id, parent_span_id, trace_flags, .. } = context;
                format!("{trace_id:?} {span_id:?} {parent_span_id:?} {trace_flags}")
            };
            let (mut out, before) = (Vec::new(), made);
            traces.push(&context, &mut out, |context, out| {
                made += 1;
                out.extend_from_slice(show(context).as_bytes());
            });
            assert_eq!(String::from_utf8(out).unwrap(), show(&context));
            assert_eq!(made > before, fresh, "{}", show(&context));
        };
        check(1, 2, 0, 0, true);
        check(1, 2, 0, 0, false);
        check(1, 3, 0, 0, true);
        check(1, 2, 0, 0, false);
        for (trace, span, parent, flags) in
            [(1 << 64 | 1, 2, 0, 0), (1, 2 + 16, 0, 0), (1, 2, 5, 0), (1, 2, 5, 1), (1, 2, 0, 1)]
        {
            check(trace, span, parent, flags, true);
            check(trace, span, parent, flags, false);
        }
        check(1, 2, 0, 0, true);
        for _ in 0..2 {
            check(0, 2, 3, 1, true);
        }
    }
}
