//! `clock::published`: a calibration that one thread renews while others read it.

use loom::sync::atomic::{AtomicU64, Ordering, fence};

/// Two slots and a version: the version's lowest bit says which slot holds.
///
/// The writer fills the other slot and then moves the version on. A reader thus always finds a
/// finished calibration, even when the writer was interrupted half-way, for ever, or in another
/// process before a fork; only a reader that two renewals overtook gets nothing.
#[derive(Default)]
struct Published {
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
    fn get(&self) -> Option<Calibration> {
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
    fn set(&self, calibration: Calibration) {
        let version = self.version.load(Ordering::Relaxed);
        let slot = &self.slots[version.wrapping_add(1) as usize & 1];
        fence(Ordering::Release); // pairs with the one in `get`
        slot.counter.store(calibration.counter, Ordering::Relaxed);
        slot.nanos.store(calibration.nanos, Ordering::Relaxed);
        slot.rate.store(calibration.rate, Ordering::Relaxed);
        self.version.store(version.wrapping_add(1), Ordering::Release);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Calibration {
    counter: u64,
    nanos: u64,
    rate: u64,
}

/// One whose parts tell whether they belong together.
fn number(n: u64) -> Calibration {
    Calibration { counter: n, nanos: n * 3, rate: n * 7 }
}

#[test]
fn a_calibration_is_read_whole_or_not_at_all() {
    use loom::sync::Arc;
    for renewals in [1_u64, 2] {
        loom::model(move || {
            let published = Arc::new(Published::default());
            let written = Arc::clone(&published);
            let writer = loom::thread::spawn(move || {
                for n in 1..=renewals {
                    written.set(number(n));
                }
            });
            let mut last = 0;
            for _ in 0..2 {
                if let Some(found) = published.get() {
                    assert_eq!(found, number(found.counter));
                    assert!(found.counter >= last);
                    last = found.counter;
                }
            }
            writer.join().unwrap();
            assert_eq!(published.get(), Some(number(renewals)));
        });
    }
}
