//! Encoding as one line of timestamp, head, message, trace, numbers, and entries: what JSON,
//! logfmt and text have in common.

use prisma_log_core::wire::Payload;
use prisma_log_core::{ContextData, Record, Shape, Value};

use crate::copy::{Put, Space};
use crate::keys::{KeyRule, Keys, WrittenKey};
use crate::number::push_int;
use crate::plan::{LinePlan, Plans};
use crate::stamp::Stamp;
use crate::trace::Traces;

/// What tells one form of line from another.
pub(crate) trait Form {
    /// What stands before the timestamp.
    const START: &'static [u8];
    /// What stands after the last entry.
    const END: &'static [u8];
    /// What stands before the sequence number.
    const SEQUENCE: &'static [u8];
    /// What stands before the number of bytes cut off.
    const TRUNCATED: &'static [u8];

    /// What user keys look like.
    fn keys() -> &'static KeyRule;

    /// Whether to write the sequence number.
    fn has_sequence(&self) -> bool;

    /// Appends what stands between timestamp and message.
    fn push_head(record: &Record<'_>, out: &mut Vec<u8>);

    /// Appends the message and what ends it.
    fn push_message(message: &str, out: &mut impl Put);

    /// Appends the context's ids and flags, with what stands before each.
    fn push_trace(context: &ContextData, out: &mut Vec<u8>);

    /// Appends what stands between the numbers and the first entry.
    fn push_middle(&self, record: &Record<'_>, out: &mut Vec<u8>);

    /// Appends an entry's key with all that stands between two values.
    fn push_key(written: &WrittenKey<'_>, out: &mut Vec<u8>);

    /// Appends a value.
    fn push_value(value: Value<'_>, out: &mut Vec<u8>);

    /// Appends text as [`Form::push_value`] does; `None` if it is not UTF-8.
    fn push_text(text: &[u8], out: &mut impl Put) -> Option<()>;
}

/// Encodes records in a form.
#[derive(Clone, Debug)]
pub(crate) struct Lines<F> {
    pub(crate) form: F,
    stamp: Stamp,
    traces: Traces,
    plans: Plans<LinePlan>,
    space: Space,
}

impl<F: Form> Lines<F> {
    pub(crate) fn new(form: F) -> Self {
        Lines {
            form,
            stamp: Stamp::new(),
            traces: Traces::new(),
            plans: Plans::new(),
            space: Space::new(),
        }
    }

    #[inline]
    pub(crate) fn encode(&mut self, record: &Record<'_>, out: &mut Vec<u8>) {
        if record.shape.is_some_and(|shape| self.encode_by_plan(shape, record, out)) {
            return;
        }
        out.extend_from_slice(F::START);
        self.stamp.push(record.timestamp, out);
        F::push_head(record, out);
        F::push_message(record.message, out);
        self.traces.push(record.context, out, F::push_trace);
        self.form.push_numbers(record, out);
        self.form.push_middle(record, out);
        for entry in Keys::new(F::keys(), record) {
            F::push_key(&entry.written, out);
            F::push_payload(entry.value, out);
        }
        out.extend_from_slice(F::END);
    }

    /// Encodes as is planned for the shape; appends nothing and returns `false` if that can't be
    /// done.
    #[inline]
    fn encode_by_plan(&mut self, shape: Shape, record: &Record<'_>, out: &mut Vec<u8>) -> bool {
        let form = &self.form;
        let Some(plan) = self.plans.get(shape, || form.plan(record)) else { return false };
        let mut line = self.space.line();
        line.put_slice(F::START);
        self.stamp.push(record.timestamp, &mut line);
        plan.head.push(&mut line);
        if !plan.has_message {
            F::push_message(record.message, &mut line);
        }
        self.traces.push(record.context, &mut line, F::push_trace);
        form.push_numbers(record, &mut line);
        plan.push_entries::<F>(record, &mut line) && line.append_to(out)
    }
}

/// What all forms do alike.
pub(crate) trait FormExt: Form + Sized {
    fn plan(&self, record: &Record<'_>) -> Option<LinePlan> {
        let (mut head, mut middle) = (Vec::new(), Vec::new());
        Self::push_head(record, &mut head);
        if record.message_is_constant {
            Self::push_message(record.message, &mut head);
        }
        self.push_middle(record, &mut middle);
        let keys = Keys::new(Self::keys(), record).map(|entry| {
            let mut key = Vec::new();
            Self::push_key(&entry.written, &mut key);
            key
        });
        LinePlan::new(record, head, middle, keys, Self::END)
    }

    /// Appends a value, its text known to be UTF-8.
    #[inline]
    fn push_payload(payload: Payload<'_>, out: &mut Vec<u8>) {
        match payload {
            Payload::Str(text) => {
                // It is UTF-8: nothing is refused.
                let _ = Self::push_text(text, out);
            }
            other => Self::push_value(other.value().unwrap_or(Value::Null), out),
        }
    }

    /// Appends what of the envelope is a number and differs from record to record.
    #[inline]
    fn push_numbers(&self, record: &Record<'_>, out: &mut impl Put) {
        if self.has_sequence() && record.sequence != 0 {
            out.put_slice(Self::SEQUENCE);
            push_int(record.sequence, out);
        }
        if record.truncated != 0 {
            out.put_slice(Self::TRUNCATED);
            push_int(record.truncated, out);
        }
    }
}

impl<F: Form> FormExt for F {}
