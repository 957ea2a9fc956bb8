//! When the next request may be made.

use std::time::{Duration, Instant};

/// Longest wait after the first failure; doubled by each further one.
const FIRST: Duration = Duration::from_millis(100);
/// No wait of our own is longer than this.
const LONGEST: Duration = Duration::from_secs(30);
/// Nor one that a server asks for.
const LONGEST_ASKED: Duration = Duration::from_secs(3600);

/// Exponential back-off with full jitter: a random part of a time that doubles with each failure,
/// so that those who lost the same server don't return to it in step. What a server asks for comes
/// before that, and has the jitter on top.
#[derive(Debug)]
pub(crate) struct BackOff {
    failures: u32,
    until: Option<Instant>,
    random: fastrand::Rng,
}

impl BackOff {
    pub(crate) fn new() -> Self {
        BackOff { failures: 0, until: None, random: fastrand::Rng::new() }
    }

    /// How long to wait yet.
    pub(crate) fn left(&self, now: Instant) -> Duration {
        self.until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }

    /// Takes note of a failure, and returns how long to wait.
    pub(crate) fn failed(&mut self, now: Instant, asked: Option<Duration>) -> Duration {
        let longest = FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures += 1;
        let wait = longest.mul_f64(self.random.f64());
        let wait = match asked {
            Some(asked) => {
                asked.min(LONGEST_ASKED) + wait.min(asked / 10).min(Duration::from_secs(1))
            }
            None => wait,
        };
        self.until = Some(now + wait);
        wait
    }

    pub(crate) fn succeeded(&mut self) {
        (self.failures, self.until) = (0, None);
    }

    /// In a forked child: goes its own way from here.
    pub(crate) fn part(&mut self) {
        self.random = fastrand::Rng::with_seed(self.random.u64(..) ^ u64::from(std::process::id()));
        self.succeeded();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_thirty_seconds_and_are_spread() {
        let now = Instant::now();
        let mut longest = [Duration::ZERO; 12];
        let mut shortest = [Duration::MAX; 12];
        for _ in 0..2_000 {
            let mut back_off = BackOff::new();
            for (most, least) in longest.iter_mut().zip(&mut shortest) {
                let wait = back_off.failed(now, None);
                assert_eq!(back_off.left(now), wait);
                *most = wait.max(*most);
                *least = wait.min(*least);
            }
            back_off.succeeded();
            assert!(back_off.left(now).is_zero());
        }
        for (index, (most, least)) in longest.iter().zip(&shortest).enumerate() {
            let limit = Duration::from_millis(100 << index).min(LONGEST);
            assert!(*most <= limit && *most > limit.mul_f64(0.95), "{index}: {most:?}");
            assert!(*least < limit.mul_f64(0.05), "{index}: {least:?}");
        }
    }

    #[test]
    fn a_server_waits_at_least_as_long_as_it_asked_for() {
        for asked in [Duration::from_secs(7), Duration::from_secs(100_000)] {
            let mut back_off = BackOff::new();
            let wait = back_off.failed(Instant::now(), Some(asked));
            let least = asked.min(LONGEST_ASKED);
            assert!(wait >= least && wait <= least + Duration::from_secs(1), "{wait:?}");
        }
    }
}
