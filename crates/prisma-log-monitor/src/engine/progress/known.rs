//! What was seen before.

use std::collections::HashMap;
use std::time::Duration;

use prisma_log_core::{Error, Timestamp};

use super::Reached;
use crate::codec::{Reader, Writer};

/// Values that a group remembers; of more, those not seen for longest are forgotten, roughly.
const MAX_KNOWN: usize = 16_384;
/// What a value takes: its entry, and its share of the map, which is never quite full.
const VALUE_BYTES: usize = 48;

/// A bounded set of hashes, the times of which do not matter.
#[derive(Debug, Default)]
pub(in crate::engine) struct Known {
    /// The first match that came.
    first: Option<Timestamp>,
    /// Hashes, and whether each was seen since the hand last passed.
    ring: Vec<(u64, bool)>,
    places: HashMap<u64, u32>,
    hand: usize,
    /// Values that were forgotten.
    pub(super) forgotten: u64,
    /// Whether the last push changed what is stored.
    pub(super) has_changed: bool,
}

impl Known {
    /// Takes a value in; fires when it was never seen, unless values are only learnt at that time.
    pub(super) fn push(&mut self, time: Timestamp, value: u64, learn: Duration) -> Option<Reached> {
        let is_new = self.learn(value);
        self.has_changed = is_new || self.first.is_none();
        let first = *self.first.get_or_insert(time);
        let distance = time.saturating_since(first).max(first.saturating_since(time));
        (is_new && distance >= learn).then(|| Reached::new(1, time, time))
    }

    fn learn(&mut self, value: u64) -> bool {
        if let Some(&place) = self.places.get(&value) {
            self.ring[place as usize].1 = true;
            return false;
        }
        let place = if self.ring.len() < MAX_KNOWN {
            self.ring.push((value, false));
            self.ring.len() - 1
        } else {
            while std::mem::take(&mut self.ring[self.hand].1) {
                self.hand = (self.hand + 1) % MAX_KNOWN;
            }
            let place = self.hand;
            self.hand = (place + 1) % MAX_KNOWN;
            self.places.remove(&self.ring[place].0);
            self.ring[place] = (value, false);
            self.forgotten += 1;
            place
        };
        self.places.insert(value, place as u32);
        true
    }

    pub(super) fn len(&self) -> usize {
        self.ring.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.ring.len() * VALUE_BYTES
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.option(self.first, Writer::time);
        out.u64(self.hand as u64);
        out.list(self.ring.iter(), |out, &(value, _)| out.fixed(value));
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, Error> {
        let first = from.option(Reader::time)?;
        let hand = usize::try_from(from.u64()?).unwrap_or(usize::MAX);
        let ring = from.list(|from| Ok((from.fixed()?, false)))?;
        let places: HashMap<u64, u32> =
            (0..).zip(&ring).map(|(at, &(value, _))| (value, at)).collect();
        if ring.len() > MAX_KNOWN || places.len() < ring.len() || hand >= MAX_KNOWN {
            return Err(from.bad("its values are too many or there twice"));
        }
        Ok(Known { first, ring, places, hand, ..Known::default() })
    }
}

/// What was seen is equal when the same would be forgotten next.
impl PartialEq for Known {
    fn eq(&self, other: &Self) -> bool {
        let values = |known: &Known| known.ring.iter().map(|&(value, _)| value).collect::<Vec<_>>();
        (self.first, self.hand, values(self)) == (other.first, other.hand, values(other))
    }
}

#[cfg(test)]
mod tests;
