//! What encoders keep of a shape: all of the line that is the same in every record of it.

use std::fmt;

use prisma_log_core::{FieldsRef, Record, Shape, Value, wire};

use crate::copy::{Line, Piece, Put};
use crate::form::Form;
use crate::number::{push_finite, push_int};

/// Most shapes that are kept; records of others are encoded without.
const MAX_SHAPES: usize = 4096;
/// Most bytes that are kept for all shapes together.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// The plans of one encoder, by shape.
pub(crate) struct Plans<P> {
    slots: Vec<Slot<P>>,
    bytes: usize,
}

enum Slot<P> {
    Unknown,
    /// It would be too large.
    Refused,
    Known(Box<P>),
}

/// Something that is kept for a shape.
pub(crate) trait Kept {
    /// About how many bytes it takes.
    fn bytes(&self) -> usize;
}

impl<P: Kept> Plans<P> {
    pub(crate) const fn new() -> Self {
        Plans { slots: Vec::new(), bytes: 0 }
    }

    /// The plan for the shape, made with `make` when it is not there yet.
    #[inline]
    pub(crate) fn get(&mut self, shape: Shape, make: impl FnOnce() -> Option<P>) -> Option<&P> {
        let index = shape.index();
        if matches!(self.slots.get(index), None | Some(Slot::Unknown)) {
            self.make(index, make);
        }
        match self.slots.get(index) {
            Some(Slot::Known(plan)) => Some(plan),
            _ => None,
        }
    }

    #[cold]
    fn make(&mut self, index: usize, make: impl FnOnce() -> Option<P>) {
        if index >= MAX_SHAPES {
            return;
        }
        // What can't be planned is a record that does not decode; others of its shape may.
        let Some(plan) = make() else { return };
        if self.slots.len() <= index {
            self.slots.resize_with(index + 1, || Slot::Unknown);
        }
        let bytes = self.bytes + plan.bytes();
        self.slots[index] = if bytes > MAX_BYTES {
            Slot::Refused
        } else {
            self.bytes = bytes;
            Slot::Known(Box::new(plan))
        };
    }
}

/// A copy starts anew: it may come to serve another sink, whose shapes are others.
impl<P: Kept> Clone for Plans<P> {
    fn clone(&self) -> Self {
        Plans::new()
    }
}

impl<P> fmt::Debug for Plans<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plans").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

/// The parts of a line that goes: timestamp, head, message, trace and numbers, then each entry's
/// value after its piece, and the end.
#[derive(Debug)]
pub(crate) struct LinePlan {
    /// What stands between the timestamp and the message, with that if `has_message`.
    pub(crate) head: Piece,
    pub(crate) has_message: bool,
    pieces: Box<[Piece]>,
    end: Piece,
}

impl LinePlan {
    /// A plan for records like this one. `keys` are rendered with all that stands between the
    /// values; `middle` stands between the numbers and the first of them. `None` when the record
    /// does not decode.
    pub(crate) fn new(
        record: &Record<'_>,
        head: Vec<u8>,
        middle: Vec<u8>,
        keys: impl Iterator<Item = Vec<u8>>,
        end: &[u8],
    ) -> Option<Self> {
        let mut first = middle;
        let mut pieces = Vec::new();
        for key in keys {
            first.extend_from_slice(&key);
            pieces.push(Piece::new(&first));
            first.clear();
        }
        first.extend_from_slice(end);
        let whole = pieces.len() == record.context.entries.len() + record.fields.len();
        whole.then(|| LinePlan {
            head: Piece::new(&head),
            has_message: record.message_is_constant,
            pieces: pieces.into(),
            end: Piece::new(&first),
        })
    }

    /// Appends the entries with what stands before and after each. `false` when they are not as
    /// many as planned, or do not decode; what is appended is then to be thrown away.
    #[inline]
    pub(crate) fn push_entries<F: Form>(&self, record: &Record<'_>, out: &mut Line<'_>) -> bool {
        let mut pieces = self.pieces.iter();
        let lists = [record.context.entries.as_ref(), record.fields];
        let whole = lists.into_iter().all(|list| push_list::<F>(list, &mut pieces, out).is_some());
        self.end.push(out);
        whole && pieces.as_slice().is_empty()
    }
}

/// Appends the list's values, each after the next piece; `None` when they are more than the pieces
/// or do not decode.
#[inline]
fn push_list<F: Form>(
    list: FieldsRef<'_>,
    pieces: &mut std::slice::Iter<'_, Piece>,
    out: &mut Line<'_>,
) -> Option<()> {
    let mut rest = list.as_encoded();
    for _ in 0..list.len() {
        pieces.next()?.push(out);
        rest = push_field::<F>(rest, out)?;
    }
    Some(())
}

/// Appends the value of the first field in `bytes`; what follows it.
///
/// The common values are taken from the bytes at once, not by way of a `Payload`.
#[inline]
fn push_field<'b, F: Form>(bytes: &'b [u8], out: &mut Line<'_>) -> Option<&'b [u8]> {
    let (&tag, mut after) = bytes.split_first()?;
    if tag & wire::INLINE_KEY != 0 {
        let (length, tail) = after.split_first_chunk()?;
        after = tail.get(usize::from(u16::from_le_bytes(*length))..)?;
    }
    match tag & !wire::INLINE_KEY {
        wire::U64 => {
            let (value, rest) = after.split_first_chunk()?;
            push_int(u64::from_le_bytes(*value), out);
            Some(rest)
        }
        wire::I64 => {
            let (value, rest) = after.split_first_chunk()?;
            push_int(i64::from_le_bytes(*value), out);
            Some(rest)
        }
        wire::F64 => {
            let (value, rest) = after.split_first_chunk()?;
            let value = f64::from_le_bytes(*value);
            if !push_finite(value, out) {
                out.put_with(|out| F::push_value(Value::F64(value), out));
            }
            Some(rest)
        }
        wire::STR => {
            let (length, rest) = after.split_first_chunk()?;
            let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
            let (text, rest) = rest.split_at_checked(length)?;
            F::push_text(text, out)?;
            Some(rest)
        }
        _ => {
            let mut rest = bytes;
            let value = wire::read(&mut rest)?.payload.value()?;
            out.put_with(|out| F::push_value(value, out));
            Some(rest)
        }
    }
}

impl Kept for LinePlan {
    fn bytes(&self) -> usize {
        let pieces: usize = self.pieces.iter().map(Piece::bytes).sum();
        size_of::<Self>() + self.head.bytes() + pieces + self.end.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Large(usize);

    impl Kept for Large {
        fn bytes(&self) -> usize {
            self.0
        }
    }

    #[test]
    fn shapes_and_bytes_are_bounded() {
        let mut plans = Plans::new();
        let mut made = 0;
        let mut check = |number: u32, bytes: usize, known: bool, fresh: bool| {
            let before = made;
            let plan = plans.get(Shape::new(number).unwrap(), || {
                made += 1;
                Some(Large(bytes))
            });
            assert_eq!((plan.is_some(), made > before), (known, fresh), "{number}");
        };
        check(7, MAX_BYTES / 2, true, true);
        check(7, 1, true, false);
        check(8, MAX_BYTES / 2 + 1, false, true);
        check(8, 1, false, false);
        check(MAX_SHAPES as u32, MAX_BYTES / 2, true, true);
        check(MAX_SHAPES as u32 + 1, 0, false, false);
        check(u32::MAX, 0, false, false);
        check(9, 1, false, true);
    }

    #[test]
    fn a_shape_that_could_not_be_planned_is_tried_again_and_copies_start_anew() {
        let shape = Shape::new(1).unwrap();
        let mut plans = Plans::new();
        assert!(plans.get(shape, || None::<Large>).is_none());
        assert!(plans.get(shape, || Some(Large(1))).is_some());
        assert!(plans.clone().get(shape, || None).is_none());
    }
}
