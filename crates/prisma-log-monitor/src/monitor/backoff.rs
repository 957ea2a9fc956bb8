//! How long to wait before the next try.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const MOST: Duration = Duration::from_secs(300);

/// Waits that double from 1 s to 5 min, each shortened by chance down to no less than 1 s, so that many who
/// fail at once don't come back at once.
#[derive(Debug)]
pub(super) struct Backoff {
    tries: u32,
    chance: RandomState,
}

impl Default for Backoff {
    fn default() -> Self {
        Backoff { tries: 0, chance: RandomState::new() }
    }
}

impl Backoff {
    pub(super) fn next(&mut self) -> Duration {
        let most = FIRST.saturating_mul(2u32.saturating_pow(self.tries)).min(MOST);
        self.tries = self.tries.saturating_add(1);
        let spread = u64::try_from((most - FIRST).as_millis()).unwrap_or(u64::MAX);
        let millis = self.chance.hash_one(self.tries) % spread.saturating_add(1);
        FIRST + Duration::from_millis(millis)
    }

    pub(super) fn reset(&mut self) {
        self.tries = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_and_begin_anew() {
        let mut longest = Duration::ZERO;
        for _ in 0..50 {
            let mut backoff = Backoff::default();
            for try_number in 0..20 {
                let most = Duration::from_secs(1 << try_number.min(9)).min(MOST);
                let wait = backoff.next();
                assert!(FIRST <= wait && wait <= most, "try {try_number}: {wait:?}");
                longest = longest.max(wait);
            }
            backoff.reset();
            assert_eq!(backoff.next(), FIRST);
        }
        assert!(longest > MOST / 2, "chance never came near the limit: {longest:?}");
    }
}
