//! What the ECS encoder keeps of a shape.

use prisma_log_core::wire::{self, Payload};
use prisma_log_core::{FieldsRef, Record, Shape, Value};

use super::{
    EcsEncoder, Gone, KEYS, KNOWN, Labels, START, push_fixed_labels, push_head, push_ids, push_key,
    push_label, push_origin, push_sequence, push_string,
};
use crate::copy::{Line, Piece, Put};
use crate::escape::{escape_into, push_escaped, push_quoted_utf8};
use crate::keys::{Entry, Keys};
use crate::number::{push_finite, push_int};
use crate::plan::Kept;

/// The parts of a line that all records of a shape share.
#[derive(Debug)]
pub(super) struct EcsPlan {
    /// What stands between the timestamp and the message, with that if `has_message`.
    head: Piece,
    has_message: bool,
    /// Logger and call site.
    origin: Piece,
    /// Which entry of its list each known one is.
    known: [Option<usize>; KNOWN.len()],
    fixed_labels: Box<[u8]>,
    /// Each entry's key, unless it is one of the known.
    keys: Box<[Option<Piece>]>,
}

impl EcsPlan {
    /// A plan for records like this one; `None` when it does not decode.
    fn new(site: bool, record: &Record<'_>) -> Option<Self> {
        let (mut head, mut origin, mut fixed_labels) = (Vec::new(), Vec::new(), Vec::new());
        push_head(record, &mut head);
        if record.message_is_constant {
            escape_into(record.message, &mut head);
        }
        push_origin(site, record, &mut origin);
        push_fixed_labels(record, &mut fixed_labels);
        let mut gone = Gone::default();
        let mut known = [None; KNOWN.len()];
        let in_context = record.context.entries.len();
        let keys = Keys::new(&KEYS, record).enumerate().map(|(index, entry)| {
            let Entry { in_context: is_in_context, written, .. } = entry;
            if let Some(which) = gone.known(is_in_context, written.key) {
                known[which] = index.checked_sub(if is_in_context { 0 } else { in_context });
                return None;
            }
            let mut key = Vec::new();
            push_key(&written, &mut key);
            Some(Piece::new(&key))
        });
        let keys: Box<[_]> = keys.collect();
        (keys.len() == in_context + record.fields.len()).then(|| EcsPlan {
            head: Piece::new(&head),
            has_message: record.message_is_constant,
            origin: Piece::new(&origin),
            known,
            fixed_labels: fixed_labels.into(),
            keys,
        })
    }

    /// Appends known entries and labels; `None` when the record does not decode as planned.
    fn push_known(&self, record: &Record<'_>, out: &mut Line<'_>) -> Option<()> {
        for (known, place) in KNOWN.iter().zip(self.known) {
            let Some(index) = place else { continue };
            out.put_slice(known.written);
            match payload_at(known.entries(record), index)? {
                Payload::Str(text) => push_quoted_utf8(text, out)?,
                other => {
                    let value = other.value()?;
                    out.put_with(|out| push_string(value, out));
                }
            }
        }
        Some(())
    }

    fn push_labels(
        &self,
        record: &Record<'_>,
        mut labels: Labels,
        out: &mut Line<'_>,
    ) -> Option<()> {
        if !self.fixed_labels.is_empty() {
            labels.next(out);
            out.put_slice(&self.fixed_labels);
        }
        let mut keys = self.keys.iter();
        for list in [record.context.entries.as_ref(), record.fields] {
            let mut rest = list.as_encoded();
            for _ in 0..list.len() {
                let payload = wire::read(&mut rest)?.payload;
                if let Some(key) = keys.next()? {
                    labels.next(out);
                    key.push(out);
                    push_payload(payload, out)?;
                } else {
                    // It went elsewhere, but must be text all the same where it says so.
                    payload.value()?;
                }
            }
        }
        labels.end(out);
        keys.as_slice().is_empty().then_some(())
    }
}

#[inline]
fn push_payload(payload: Payload<'_>, out: &mut Line<'_>) -> Option<()> {
    match payload {
        Payload::Str(text) => push_quoted_utf8(text, out)?,
        Payload::I64(value) => push_int(value, out),
        Payload::U64(value) if i64::try_from(value).is_ok() => push_int(value, out),
        Payload::F64(value) => {
            if !push_finite(value, out) {
                out.put_with(|out| push_label(Value::F64(value), out));
            }
        }
        other => {
            let value = other.value()?;
            out.put_with(|out| push_label(value, out));
        }
    }
    Some(())
}

fn payload_at(list: FieldsRef<'_>, index: usize) -> Option<Payload<'_>> {
    let mut rest = list.as_encoded();
    for _ in 0..index {
        wire::read(&mut rest)?;
    }
    (index < list.len()).then(|| wire::read(&mut rest))?.map(|field| field.payload)
}

impl EcsEncoder {
    /// Encodes as is planned for the shape; appends nothing and returns `false` if that can't be
    /// done.
    pub(super) fn encode_by_plan(
        &mut self,
        shape: Shape,
        record: &Record<'_>,
        out: &mut Vec<u8>,
    ) -> bool {
        let site = self.site;
        let Some(plan) = self.plans.get(shape, || EcsPlan::new(site, record)) else { return false };
        let mut line = self.space.line();
        line.put_slice(START);
        self.stamp.push(record.timestamp, &mut line);
        plan.head.push(&mut line);
        if !plan.has_message {
            push_escaped(record.message, &mut line);
        }
        line.put_slice(&self.service);
        self.ids.push(record.context, &mut line, push_ids);
        plan.origin.push(&mut line);
        push_sequence(self.sequence, record, &mut line);
        if plan.push_known(record, &mut line).is_none() {
            return false;
        }
        let mut labels = Labels::default();
        labels.push_position(&mut self.positions, record, &mut line);
        plan.push_labels(record, labels, &mut line).is_some() && line.append_to(out)
    }
}

impl Kept for EcsPlan {
    fn bytes(&self) -> usize {
        let keys: usize = self.keys.iter().flatten().map(Piece::bytes).sum();
        let slots = size_of_val(&*self.keys);
        size_of::<Self>()
            + self.head.bytes()
            + self.origin.bytes()
            + self.fixed_labels.len()
            + slots
            + keys
    }
}
