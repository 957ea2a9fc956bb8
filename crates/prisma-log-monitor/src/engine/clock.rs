//! A file's own time.

use std::time::Duration;

use prisma_log_core::{Error, Timestamp};

use crate::codec::{Reader, Writer};

/// A line without a time belongs to the line before it, unless that was read longer ago.
const CONTINUATION: Duration = Duration::from_secs(60);
/// A step back by more than this is another era, not disorder.
pub(crate) const DISORDER: Duration = Duration::from_secs(3600);

/// Whether the time that an alert takes to be over has passed since its last line, when it is `now` in
/// the line's file.
pub(crate) fn is_quiet(since: Timestamp, now: Timestamp, after: Duration) -> bool {
    // A file that went back into another era will not get to the end of this quiet period.
    let another_era = DISORDER.max(after);
    now.saturating_since(since) >= after || since.saturating_since(now) > another_era
}

/// What time it is in a file, by the times that its lines state.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct SourceClock {
    /// The last time that a line stated, and when that line was read.
    stated: Option<(Timestamp, Timestamp)>,
    /// The latest event time of the present era, and when its line was read.
    latest: Option<(Timestamp, Timestamp)>,
}

impl SourceClock {
    /// The event time of a line that was read at `now`: what it states, else the time of the line
    /// before it, else `now`.
    pub(crate) fn observe(&mut self, stated: Option<Timestamp>, now: Timestamp) -> Timestamp {
        let time = match (stated, self.stated) {
            (Some(time), _) => {
                self.stated = Some((time, now));
                time
            }
            (None, Some((time, read))) => {
                let since = now.saturating_since(read);
                if since < CONTINUATION { time } else { time.saturating_add(since) }
            }
            (None, None) => now,
        };
        let other_era =
            |latest: Timestamp| time > latest || latest.saturating_since(time) > DISORDER;
        if self.latest.is_none_or(|(latest, _)| other_era(latest)) {
            self.latest = Some((time, now));
        }
        time
    }

    /// The latest event time of the present era.
    pub(crate) fn watermark(&self) -> Option<Timestamp> {
        self.latest.map(|(time, _)| time)
    }

    /// What time it is in the file when the clock on the wall shows `now` and everything is read.
    pub(crate) fn now(&self, now: Timestamp) -> Option<Timestamp> {
        self.latest.map(|(time, read)| time.saturating_add(now.saturating_since(read)))
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        for pair in [self.stated, self.latest] {
            out.option(pair, |out, (time, read)| {
                out.time(time);
                out.time(read);
            });
        }
    }

    pub(crate) fn read(from: &mut Reader<'_>) -> Result<Self, Error> {
        let pair = |from: &mut Reader<'_>| from.option(|from| Ok((from.time()?, from.time()?)));
        Ok(SourceClock { stated: pair(from)?, latest: pair(from)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    #[test]
    fn lines_without_a_time_take_the_one_before() {
        let mut clock = SourceClock::default();
        let mut check = |stated: Option<i64>, now: i64, expect: i64| {
            assert_eq!(clock.observe(stated.map(at), at(now)), at(expect));
        };
        check(None, 1000, 1000);
        check(None, 1001, 1001);
        check(Some(50), 1002, 50);
        check(None, 1003, 50);
        check(None, 1061, 50);
        check(None, 1062, 110);
        check(Some(40), 1063, 40);
        check(None, 1064, 40);
    }

    #[test]
    fn the_watermark_follows_disorder_and_eras() {
        let mut clock = SourceClock::default();
        let mut check = |stated: i64, expect: i64| {
            clock.observe(Some(at(stated)), at(0));
            assert_eq!(clock.watermark(), Some(at(expect)));
        };
        check(100_000, 100_000);
        check(99_000, 100_000);
        check(100_001, 100_001);
        check(100_001 - 3600, 100_001);
        check(100_001 - 3601, 100_001 - 3601);
        check(900_000, 900_000);
    }

    #[test]
    fn time_goes_on_while_nothing_is_written() {
        let mut clock = SourceClock::default();
        assert_eq!(clock.now(at(5)), None);
        clock.observe(Some(at(100)), at(5000));
        clock.observe(Some(at(90)), at(5010));
        assert_eq!(clock.now(at(5030)), Some(at(130)));
        assert_eq!(clock.now(at(4000)), Some(at(100)), "the wall clock went back");
    }

    #[test]
    fn the_stored_form_is_complete() {
        let mut clock = SourceClock::default();
        clock.observe(Some(at(100)), at(5000));
        let mut out = Writer::new();
        clock.write(&mut out);
        let row = out.finish();
        let mut reader = Reader::new(&row, "clock").unwrap();
        assert_eq!(SourceClock::read(&mut reader).unwrap(), clock);
    }
}
