//! When an error that comes again and again is told.

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_secs(1);
const MOST: Duration = Duration::from_secs(60);

/// Lets an error through at once, and while it stays the same after 1, 2, 4 … 60 more seconds.
#[derive(Debug, Default)]
pub(super) struct Repeat {
    last: Option<Told>,
}

#[derive(Debug)]
struct Told {
    text: String,
    at: Instant,
    again_after: Duration,
}

impl Repeat {
    /// Whether an error that has come now is to be told.
    pub(super) fn is_due(&mut self, text: String, now: Instant) -> bool {
        let again_after = match &self.last {
            Some(last) if last.text == text => {
                if now.saturating_duration_since(last.at) < last.again_after {
                    return false;
                }
                (last.again_after * 2).min(MOST)
            }
            _ => FIRST,
        };
        self.last = Some(Told { text, at: now, again_after });
        true
    }

    /// The next error is a new one.
    pub(super) fn forget(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_error_is_told_ever_more_rarely() {
        let mut repeat = Repeat::default();
        let start = Instant::now();
        let after = |half_seconds: u32| start + Duration::from_millis(500) * half_seconds;
        let told = (0..500).filter(|&n| repeat.is_due("full".into(), after(n)));
        let seconds: Vec<u32> = told.map(|n| n / 2).collect();
        assert_eq!(seconds, [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
        assert!(repeat.is_due("broken".into(), after(500)), "another error");
        assert!(!repeat.is_due("broken".into(), after(501)));
        repeat.forget();
        assert!(repeat.is_due("broken".into(), after(501)), "it worked meanwhile");
    }
}
