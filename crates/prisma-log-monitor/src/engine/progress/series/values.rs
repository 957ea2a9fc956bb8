//! The numbers of matches, for percentiles.

use prisma_log_core::Error;

use super::super::sketch::Sketch;
use crate::codec::{Reader, Writer};

/// The numbers of the matches that share an entry.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::engine::progress) enum Values {
    /// Nobody asks for them.
    #[default]
    None,
    One(f64),
    Many(Box<Sketch>),
}

impl Values {
    pub(super) fn merge(&mut self, other: Values) {
        match (&mut *self, other) {
            (_, Values::None) => {}
            (Values::None, other) => *self = other,
            (Values::One(number), other) => {
                let mut sketch = Box::<Sketch>::default();
                sketch.add(*number);
                *self = Values::Many(sketch);
                self.merge(other);
            }
            (Values::Many(sketch), Values::One(number)) => sketch.add(number),
            (Values::Many(sketch), Values::Many(other)) => sketch.merge(&other),
        }
    }

    /// What they take beyond their own size.
    pub(super) fn bytes(&self) -> usize {
        if let Values::Many(sketch) = self { sketch.bytes() } else { 0 }
    }

    pub(super) fn write(&self, out: &mut Writer) {
        match self {
            Values::None => out.u64(0),
            Values::One(number) => {
                out.u64(1);
                out.f64(*number);
            }
            Values::Many(sketch) => {
                out.u64(2);
                sketch.write(out);
            }
        }
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, Error> {
        match from.u64()? {
            0 => Ok(Values::None),
            1 => Some(from.f64()?)
                .filter(|number| number.is_finite())
                .map(Values::One)
                .ok_or_else(|| from.bad("a number is not finite")),
            2 => Ok(Values::Many(Box::new(Sketch::read(from)?))),
            _ => Err(from.bad("a kind of number is unknown")),
        }
    }
}
