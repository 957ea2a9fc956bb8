//! A calibration that one thread renews while others read it.

use std::sync::atomic::{AtomicU64, Ordering, fence};

use super::calibration::Calibration;

/// Two slots and a version: the version's lowest bit says which slot holds.
///
/// The writer fills the other slot and then moves the version on. A reader thus always finds a
/// finished calibration, even when the writer was interrupted half-way, for ever, or in another
/// process before a fork; only a reader that two renewals overtook gets nothing.
#[derive(Default)]
pub(super) struct Published {
    version: AtomicU64,
    slots: [Slot; 2],
}

/// A rate of 0 stands for no calibration.
#[derive(Default)]
struct Slot {
    counter: AtomicU64,
    nanos: AtomicU64,
    rate: AtomicU64,
}

impl Published {
    /// The calibration in force; none when there is none, or when it changed twice meanwhile.
    #[inline]
    pub(super) fn get(&self) -> Option<Calibration> {
        let version = self.version.load(Ordering::Acquire);
        let slot = &self.slots[version as usize & 1];
        let calibration = Calibration {
            counter: slot.counter.load(Ordering::Relaxed),
            nanos: slot.nanos.load(Ordering::Relaxed),
            rate: slot.rate.load(Ordering::Relaxed),
        };
        // Had a load above seen a later store to the same slot, then the load below would see the
        // version that was published before that store.
        fence(Ordering::Acquire);
        let is_whole = self.version.load(Ordering::Relaxed) == version;
        (is_whole && calibration.rate != 0).then_some(calibration)
    }

    /// Puts a calibration in force. One thread at a time.
    pub(super) fn set(&self, calibration: Calibration) {
        let version = self.version.load(Ordering::Relaxed);
        let slot = &self.slots[version.wrapping_add(1) as usize & 1];
        fence(Ordering::Release); // pairs with the one in `get`
        slot.counter.store(calibration.counter, Ordering::Relaxed);
        slot.nanos.store(calibration.nanos, Ordering::Relaxed);
        slot.rate.store(calibration.rate, Ordering::Relaxed);
        self.version.store(version.wrapping_add(1), Ordering::Release);
    }

    /// Puts no calibration in force. One thread at a time.
    pub(super) fn withdraw(&self) {
        self.set(Calibration { counter: 0, nanos: 0, rate: 0 });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use super::*;

    fn coherent(number: u64) -> Calibration {
        Calibration { counter: number, nanos: number.wrapping_mul(3), rate: !number }
    }

    #[test]
    fn nothing_then_something_then_nothing() {
        let published = Published::default();
        assert_eq!(published.get(), None);
        for number in 1..5 {
            published.set(coherent(number));
            assert_eq!(published.get(), Some(coherent(number)));
        }
        published.withdraw();
        assert_eq!(published.get(), None);
    }

    #[test]
    fn readers_never_see_half_of_one_and_half_of_another() {
        let published = Published::default();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let readers: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        let (mut last, mut seen) = (0, 0_u64);
                        while !done.load(Ordering::Relaxed) {
                            let Some(found) = published.get() else { continue };
                            assert_eq!(found, coherent(found.counter));
                            assert!(found.counter >= last);
                            last = found.counter;
                            seen += 1;
                        }
                        seen
                    })
                })
                .collect();
            for number in 1..=300_000 {
                published.set(coherent(number));
                if number % 1_000 == 0 {
                    thread::yield_now(); // so that readers get complete reads on few processors too
                }
            }
            done.store(true, Ordering::Relaxed);
            let seen: u64 = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
            assert!(seen > 0);
        });
    }

    #[test]
    fn a_writer_that_died_half_way_harms_nobody() {
        let published = Published::default();
        published.set(coherent(1));
        published.slots[0].counter.store(99, Ordering::Relaxed);
        assert_eq!(published.get(), Some(coherent(1)));
        published.set(coherent(2));
        assert_eq!(published.get(), Some(coherent(2)));
    }
}
