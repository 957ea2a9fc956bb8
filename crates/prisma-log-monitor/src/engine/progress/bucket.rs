//! A leaky bucket in event time.

use std::collections::BTreeSet;
use std::time::Duration;

use prisma_log_core::{Error, Timestamp};

use super::Reached;
use crate::codec::{Reader, Writer};

/// Distinct values that a bucket remembers; beyond it, the smallest hashes are forgotten.
const MAX_SEEN: usize = 100_000;
/// Leaking is reckoned in fractions; differences below this are noise.
const EPSILON: f64 = 1e-9;

/// What is in the bucket, as CrowdSec reckons it: it leaks steadily, not in whole drops.
#[derive(Debug, Default, PartialEq)]
pub(in crate::engine) struct Bucket {
    filling: Option<Filling>,
    /// Values that were forgotten.
    pub(super) forgotten: u64,
}

#[derive(Debug, PartialEq)]
struct Filling {
    level: f64,
    /// Events since the bucket was set up, those that leaked out included.
    count: u64,
    first: Timestamp,
    /// Latest event time; leaking is reckoned up to here.
    last: Timestamp,
    /// Hashes of the values that must be distinct.
    seen: BTreeSet<u64>,
}

impl Bucket {
    /// Adds an event; when it does not fit, empties the bucket and tells what was in it.
    pub(super) fn push(
        &mut self,
        time: Timestamp,
        value: Option<u64>,
        capacity: u32,
        leak_every: Duration,
    ) -> Option<Reached> {
        let lifetime = lifetime(capacity, leak_every);
        self.filling.take_if(|filling| {
            time.saturating_since(filling.last) > lifetime
                || filling.last.saturating_since(time) > lifetime
        });
        let filling = self.filling.get_or_insert_with(|| Filling {
            level: 0.0,
            count: 0,
            first: time,
            last: time,
            seen: BTreeSet::new(),
        });
        if let Some(value) = value {
            if !filling.seen.insert(value) {
                return None;
            }
            if filling.seen.len() > MAX_SEEN {
                filling.seen.pop_first();
                self.forgotten += 1;
            }
        }
        let leaked = time.saturating_since(filling.last).as_secs_f64() / leak_every.as_secs_f64();
        filling.level = (filling.level - leaked).max(0.0) + 1.0;
        filling.count += 1;
        filling.first = filling.first.min(time);
        filling.last = filling.last.max(time);
        if filling.level <= f64::from(capacity) + EPSILON {
            return None;
        }
        let Filling { count, first, last, .. } = self.filling.take()?;
        Some(Reached::new(count, first, last))
    }

    /// When it is empty, unless it gets more.
    pub(super) fn until(&self, capacity: u32, leak_every: Duration) -> Option<Timestamp> {
        let filling = self.filling.as_ref()?;
        Some(filling.last.saturating_add(lifetime(capacity, leak_every)))
    }

    /// Events that are on their way to the threshold: whole ones that have not leaked out.
    pub(super) fn len(&self) -> usize {
        self.filling.as_ref().map_or(0, |filling| filling.level as usize)
    }

    pub(super) fn bytes(&self) -> usize {
        self.filling.as_ref().map_or(0, |filling| filling.seen.len() * 16)
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.option(self.filling.as_ref(), |out, filling| {
            out.f64(filling.level);
            out.u64(filling.count);
            out.time(filling.first);
            out.time(filling.last);
            out.list(filling.seen.iter(), |out, &value| out.fixed(value));
        });
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, Error> {
        let filling = from.option(|from| {
            Ok(Filling {
                level: from.f64()?,
                count: from.u64()?,
                first: from.time()?,
                last: from.time()?,
                seen: from.list(Reader::fixed)?.into_iter().collect(),
            })
        })?;
        if filling.as_ref().is_some_and(|filling| !filling.level.is_finite()) {
            return Err(from.bad("a level is no number"));
        }
        Ok(Bucket { filling, forgotten: 0 })
    }
}

/// How long a bucket lives without new events.
fn lifetime(capacity: u32, leak_every: Duration) -> Duration {
    leak_every.saturating_mul(capacity.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_unix_nanos(millis * 1_000_000)
    }

    /// Pushes events at these milliseconds into a bucket that leaks once a second; expects firings
    /// with (position, count).
    fn check(capacity: u32, events: &[(i64, Option<u64>)], fires: &[(usize, u64)]) {
        let mut bucket = Bucket::default();
        let mut fired = Vec::new();
        for (i, &(millis, value)) in events.iter().enumerate() {
            let reached = bucket.push(at(millis), value, capacity, Duration::from_secs(1));
            fired.extend(reached.map(|reached| (i, reached.count)));
        }
        assert_eq!(fired, fires, "capacity {capacity}: {events:?}");
    }

    fn times<const N: usize>(millis: [i64; N]) -> [(i64, Option<u64>); N] {
        millis.map(|m| (m, None))
    }

    #[test]
    fn overflows_with_one_more_than_fits() {
        check(0, &times([0, 0]), &[(0, 1), (1, 1)]);
        check(2, &times([0, 0]), &[]);
        check(2, &times([0, 0, 0]), &[(2, 3)]);
        check(2, &times([0, 0, 0, 0, 0]), &[(2, 3)]);
        check(2, &times([0, 0, 0, 0, 0, 0]), &[(2, 3), (5, 3)]);
    }

    #[test]
    fn leaks_steadily() {
        check(2, &times([0, 0, 1000, 2000, 3000]), &[]);
        check(2, &times([0, 0, 999]), &[(2, 3)]);
        check(2, &times([0, 0, 1000, 1500]), &[(3, 4)]);
        check(1, &times([0, 500, 1000]), &[(1, 2)]);
    }

    #[test]
    fn an_empty_bucket_is_a_new_one() {
        // Capacity 2 lives three seconds after its last event.
        check(2, &times([0, 3001, 3001, 3001]), &[(3, 3)]);
        check(2, &times([0, 3000, 3000, 3000]), &[(3, 4)]);
    }

    #[test]
    fn small_steps_back_stay_and_large_ones_start_anew() {
        check(2, &times([5000, 4000, 3000]), &[(2, 3)]);
        check(2, &times([5000, 5000, 1000]), &[]);
        check(2, &times([5000, 5000, 1000, 1000, 1000]), &[(4, 3)]);
        // As far back as a bucket lives, and no further.
        check(2, &times([5000, 5000, 2000]), &[(2, 3)]);
        check(2, &times([5000, 5000, 1999]), &[]);
    }

    #[test]
    fn only_distinct_values_count() {
        let (a, b, c) = (Some(1), Some(2), Some(3));
        check(2, &[(0, a), (0, a), (0, b), (0, b), (0, c)], &[(4, 3)]);
        check(1, &[(0, a), (0, b), (0, a), (0, b)], &[(1, 2), (3, 2)]);
    }

    #[test]
    fn values_beyond_the_bound_are_forgotten_and_counted() {
        let mut bucket = Bucket::default();
        for value in 0..MAX_SEEN as u64 + 3 {
            let before = bucket.forgotten;
            assert_eq!(bucket.push(at(0), Some(value), u32::MAX, Duration::from_secs(1)), None);
            assert_eq!(bucket.forgotten - before, u64::from(value >= MAX_SEEN as u64));
        }
        assert_eq!(bucket.bytes(), MAX_SEEN * 16);
        // One that is known is still known, and one that was forgotten is new.
        let mut push = |value| {
            let before = bucket.len();
            bucket.push(at(0), Some(value), u32::MAX, Duration::from_secs(1));
            bucket.len() - before
        };
        assert_eq!((push(3), push(0)), (0, 1));
    }

    #[test]
    fn the_stored_form_is_complete() {
        let mut bucket = Bucket::default();
        for state in 0..2 {
            let mut out = Writer::new();
            bucket.write(&mut out);
            let row = out.finish();
            let mut reader = Reader::new(&row, "bucket").unwrap();
            assert_eq!(Bucket::read(&mut reader).unwrap(), bucket, "state {state}");
            reader.finish().unwrap();
            bucket.push(at(5), Some(7), 3, Duration::from_millis(7));
            bucket.push(at(6), Some(8), 3, Duration::from_millis(7));
        }
    }
}
