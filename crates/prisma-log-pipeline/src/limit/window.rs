//! At most so many in each interval.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

const COUNT_BITS: u32 = 22;
const MAX_COUNT: u64 = (1 << COUNT_BITS) - 1;
/// How far time must go back, beyond the interval, to count as set back: less is only a thread that
/// read the time, was interrupted, and asks late.
const SET_BACK_MILLIS: u64 = 1_000;

/// A count that starts again when its interval is over.
pub(super) struct Window {
    /// In nanoseconds; 0 when the interval never ends.
    interval: u64,
    /// 0 for no limit.
    most: u64,
    /// When the interval began, in milliseconds since the Unix epoch (until the year 2109), above
    /// [`COUNT_BITS`] of how many were admitted in it. One word, so that one exchange settles both.
    state: AtomicU64,
}

impl Window {
    pub(super) const fn unlimited() -> Self {
        Window { interval: 0, most: 0, state: AtomicU64::new(0) }
    }

    pub(super) const fn every(self, interval: u64) -> Self {
        let most = if self.most == 0 { 1 } else { self.most };
        Window { interval, most, state: self.state }
    }

    pub(super) const fn first(self, records: u32) -> Self {
        assert!(
            records > 0 && records as u64 <= MAX_COUNT,
            "first: expected a number of records from 1 to 4194303, such as `first = 10`"
        );
        Window { interval: self.interval, most: records as u64, state: self.state }
    }

    pub(super) const fn interval(&self) -> Option<u64> {
        if self.interval == 0 { None } else { Some(self.interval) }
    }

    pub(super) fn admit(&self, now: u64) -> bool {
        if self.most == 0 {
            return true;
        }
        let mut state = self.state.load(Ordering::Relaxed);
        while let Some(next) = self.after(state, now) {
            match self.state.compare_exchange_weak(
                state,
                next,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(found) => state = found,
            }
        }
        false
    }

    /// The state once one more was admitted; none if it can't be.
    fn after(&self, state: u64, now: u64) -> Option<u64> {
        let (began, count) = (state >> COUNT_BITS, state & MAX_COUNT);
        if count > 0 && (self.interval == 0 || self.is_running(began, now)) {
            return (count < self.most).then_some(state + 1);
        }
        // Rounded up here and down when it is asked, so that no interval is too short.
        let began = now.div_ceil(1_000_000).min(u64::MAX >> COUNT_BITS);
        Some(began << COUNT_BITS | 1)
    }

    fn is_running(&self, began: u64, now: u64) -> bool {
        let now = now / 1_000_000;
        let interval = self.interval.div_ceil(1_000_000);
        now < began + interval && began <= now + interval + SET_BACK_MILLIS
    }
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} per {} ns", self.most, self.interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1_795_507_200_000_000_000;
    const MILLI: u64 = 1_000_000;

    fn window(interval: u64, most: u32) -> Window {
        let window = Window::unlimited().first(most);
        if interval > 0 { window.every(interval) } else { window }
    }

    #[test]
    fn times_and_verdicts() {
        let check = |window: Window, calls: &[(i64, bool)]| {
            for (index, &(at, expect)) in calls.iter().enumerate() {
                let now = START.wrapping_add_signed(at);
                assert_eq!(window.admit(now), expect, "{window:?}, call {index}");
            }
        };
        let second = 1_000 * MILLI as i64;
        check(Window::unlimited(), &[(0, true), (0, true), (0, true)]);
        check(
            window(second as u64, 1),
            &[(0, true), (0, false), (second - 1, false), (second, true), (second + 1, false)],
        );
        check(Window::unlimited().every(1), &[(0, true), (0, false)]);
        check(
            window(second as u64, 2),
            &[(5, true), (5, true), (6, false), (2 * second, true), (2 * second, true), (7, false)],
        );
        check(window(0, 2), &[(0, true), (0, true), (i64::MAX / 8, false), (0, false)]);
        // A little back: the same interval. Far back: the clock was set.
        let back = -2 * second - 2;
        check(
            window(second as u64, 1),
            &[(0, true), (-second, false), (back, true), (back, false)],
        );
    }

    #[test]
    fn no_interval_is_too_short() {
        for offset in [0, 1, 999_999, 500_000] {
            let window = window(3 * MILLI, 1);
            let mut last = None;
            for step in 0..20_000 {
                let now = START + offset + step * 1_234;
                if window.admit(now) {
                    if let Some(last) = last {
                        assert!((3 * MILLI..=5 * MILLI + 1_234).contains(&(now - last)));
                    }
                    last = Some(now);
                }
            }
            assert!(last.is_some());
        }
    }

    #[test]
    fn the_ends_of_time_are_times() {
        let window = window(MILLI, 1);
        assert!(window.admit(0));
        assert!(!window.admit(1));
        assert!(window.admit(u64::MAX));
        let _ = window.admit(u64::MAX);
        let _ = window.admit(0);
    }
}
