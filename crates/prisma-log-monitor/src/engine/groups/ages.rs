//! How far event time has come, in each of several eras.

use std::time::Duration;

use prisma_log_core::Timestamp;

/// Eras that are told apart; of more, the one that was left first is forgotten.
const MAX_AGES: usize = 8;
/// A step by more than this is another era.
const GAP: Duration = Duration::from_secs(86_400);

/// The eras that a rule's lines came from, the present one at the end.
#[derive(Debug, Default)]
pub(super) struct Ages(Vec<(Timestamp, Timestamp)>);

impl Ages {
    pub(super) fn observe(&mut self, time: Timestamp) {
        if let Some((first, last)) = self.0.last_mut().filter(|age| is_near(age, time)) {
            (*first, *last) = (time.min(*first), time.max(*last));
            return;
        }
        let mut age = (time, time);
        if let Some(at) = self.0.iter().position(|age| is_near(age, time)) {
            let (first, last) = self.0.remove(at);
            age = (time.min(first), time.max(last));
        } else if self.0.len() == MAX_AGES {
            self.0.remove(0);
        }
        self.0.push(age);
    }

    /// Whether, in the era of `time`, `until` has passed.
    pub(super) fn has_passed(&self, time: Timestamp, until: Timestamp) -> bool {
        let own = self.0.iter().filter(|(first, last)| (*first..=*last).contains(&time));
        let own = own.map(|&(_, last)| last).max();
        // Of an era that was forgotten, the one after it tells.
        let next = || self.0.iter().map(|&(_, last)| last).filter(|&last| last >= time).min();
        own.or_else(next).is_some_and(|now| now > until)
    }
}

fn is_near(&(first, last): &(Timestamp, Timestamp), time: Timestamp) -> bool {
    time >= first.saturating_sub(GAP) && time <= last.saturating_add(GAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_in_each_era_for_itself() {
        const YEAR: i64 = 365 * 86_400;
        let at = Timestamp::from_unix_seconds;
        let mut ages = Ages::default();
        let check = |ages: &Ages, time: i64, until: i64, expect: bool| {
            assert_eq!(ages.has_passed(at(time), at(until)), expect, "{time} until {until}");
        };
        check(&ages, 0, 0, false);
        for second in [10, YEAR, 20, YEAR + 100] {
            ages.observe(at(second));
        }
        check(&ages, 15, 30, false);
        check(&ages, 15, 19, true);
        check(&ages, YEAR + 50, YEAR + 99, true);
        check(&ages, YEAR + 50, YEAR + 100, false);
        for era in 2..10 {
            ages.observe(at(era * YEAR));
        }
        check(&ages, 15, 30, true);
        check(&ages, 9 * YEAR, 9 * YEAR, false);
    }
}
