//! `count` events within a sliding window of event time, in whatever order they come.

use std::collections::VecDeque;
use std::time::Duration;

use prisma_log_core::{Error, Timestamp};

use crate::codec::{Reader, Writer};

/// Fewest events that a window keeps before it forgets some.
const MIN_KEPT: usize = 64;
/// Most events that a window keeps beyond `count`.
const MAX_SURPLUS: usize = 4096;

/// Events by time, those of several eras if they come mixed.
///
/// No two events with the same value lie within one window, and no window holds `count` events:
/// it would have fired.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Window {
    events: VecDeque<Event>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Event {
    time: Timestamp,
    /// Hash of the value that must be distinct; `None` when every event counts.
    value: Option<u64>,
}

/// Events that reached a threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reached {
    pub(super) count: u64,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
}

impl Window {
    /// Adds an event; when `count` events including it lie within `window`, takes them out.
    pub(super) fn push(
        &mut self,
        time: Timestamp,
        value: Option<u64>,
        count: u32,
        window: Duration,
    ) -> Option<Reached> {
        let count = count.max(1) as usize;
        let time = if value.is_some() { self.take_same(time, value, window) } else { time };
        let at = self.events.partition_point(|event| event.time <= time);
        self.events.insert(at, Event { time, value });
        // Every run of `count` events that includes the new one.
        let latest = at.min(self.events.len().wrapping_sub(count));
        for start in (at + 1).saturating_sub(count)..=latest {
            let Some(last) = self.events.get(start + count - 1).map(|event| event.time) else {
                break;
            };
            let first = self.events[start].time;
            if last.saturating_since(first) <= window {
                self.events.drain(start..start + count);
                return Some(Reached { count: count as u64, first, last });
            }
        }
        let kept = (4 * count).clamp(MIN_KEPT.max(count), count + MAX_SURPLUS);
        if self.events.len() > kept {
            self.forget_farthest(time);
        }
        None
    }

    /// Takes out the events with the same value within reach of `time`; returns the latest time.
    fn take_same(&mut self, time: Timestamp, value: Option<u64>, window: Duration) -> Timestamp {
        let start = self.events.partition_point(|e| e.time < time.saturating_sub(window));
        let end = self.events.partition_point(|e| e.time <= time.saturating_add(window));
        let mut latest = time;
        for at in (start..end).rev() {
            if self.events[at].value == value {
                latest = latest.max(self.events[at].time);
                self.events.remove(at);
            }
        }
        latest
    }

    fn forget_farthest(&mut self, time: Timestamp) {
        let before = self.events.front().map(|first| time.saturating_since(first.time));
        let after = self.events.back().map(|last| last.time.saturating_since(time));
        if before >= after {
            self.events.pop_front();
        } else {
            self.events.pop_back();
        }
    }

    /// Events that are on their way to the threshold.
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.events.len() * size_of::<Event>()
    }

    pub(super) fn write(&self, out: &mut Writer) {
        let mut before = 0i64;
        out.list(self.events.iter(), |out, event| {
            let nanos = event.time.unix_nanos();
            out.i64(nanos.wrapping_sub(before));
            before = nanos;
            out.option(event.value, Writer::fixed);
        });
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, Error> {
        let mut before = 0i64;
        let events = from.list(|from| {
            let nanos = before.wrapping_add(from.i64()?);
            before = nanos;
            let value = from.option(Reader::fixed)?;
            Ok(Event { time: Timestamp::from_unix_nanos(nanos), value })
        })?;
        if !events.is_sorted_by_key(|event| event.time) {
            return Err(from.bad("its events are out of order"));
        }
        Ok(Window { events: events.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    /// Pushes events at these seconds; expects firings at these positions, counted from 0.
    fn check(count: u32, window: u64, seconds: &[i64], fires: &[usize]) {
        let events: Vec<_> = seconds.iter().map(|&s| (s, None)).collect();
        check_values(count, window, &events, fires);
    }

    fn check_values(count: u32, window: u64, events: &[(i64, Option<u64>)], fires: &[usize]) {
        let mut state = Window::default();
        let mut fired = Vec::new();
        for (i, &(second, value)) in events.iter().enumerate() {
            let reached = state.push(at(second), value, count, Duration::from_secs(window));
            if let Some(reached) = reached {
                assert_eq!(reached.count, u64::from(count));
                assert!(reached.last.saturating_since(reached.first).as_secs() <= window);
                fired.push(i);
            }
        }
        assert_eq!(fired, fires, "{count} in {window}s: {events:?}");
    }

    #[test]
    fn fires_at_exactly_count() {
        check(1, 60, &[0, 0, 500], &[0, 1, 2]);
        check(3, 60, &[0, 1], &[]);
        check(3, 60, &[0, 1, 2], &[2]);
        check(3, 60, &[0, 1, 2, 3, 4], &[2]);
        check(3, 60, &[0, 1, 2, 3, 4, 5], &[2, 5]);
    }

    #[test]
    fn both_ends_belong_to_the_window() {
        check(2, 60, &[0, 60], &[1]);
        check(2, 60, &[0, 61], &[]);
        check(2, 60, &[60, 0], &[1]);
        check(2, 60, &[61, 0], &[]);
    }

    #[test]
    fn slides() {
        check(3, 60, &[0, 50, 70, 100], &[3]);
        check(3, 10, &[0, 6, 12, 18, 24, 29, 30], &[6]);
    }

    #[test]
    fn order_does_not_matter() {
        check(3, 60, &[100, 0, 90, 80], &[3]);
        check(3, 60, &[20, 0, 10], &[2]);
        check(4, 60, &[0, 30, 60, 90, 45], &[4]);
    }

    #[test]
    fn eras_do_not_disturb_each_other() {
        const ERA: i64 = 1_000_000_000;
        check(3, 60, &[0, ERA, 1, ERA + 1, 2, ERA + 2], &[4, 5]);
        check(2, 60, &[ERA, 0, -ERA, ERA + 60, 61, -ERA + 1], &[3, 5]);
    }

    #[test]
    fn only_distinct_values_count() {
        let (a, b, c) = (Some(1), Some(2), Some(3));
        check_values(3, 60, &[(0, a), (1, a), (2, b), (3, a), (4, c)], &[4]);
        check_values(2, 60, &[(0, a), (50, a), (100, b)], &[2]);
        check_values(2, 60, &[(0, a), (100, a), (130, b)], &[2]);
        check_values(2, 60, &[(0, a), (61, b)], &[]);
        check_values(1, 60, &[(0, a), (1, a)], &[0, 1]);
    }

    #[test]
    fn memory_is_bounded_and_what_is_near_stays() {
        let mut state = Window::default();
        let window = Duration::from_secs(60);
        for i in 0..100_000 {
            assert_eq!(state.push(at(i * 100), None, 3, window), None);
        }
        assert_eq!(state.events.len(), MIN_KEPT);
        let newest = 99_999 * 100;
        assert_eq!(state.push(at(newest - 1), None, 3, window), None);
        assert!(state.push(at(newest + 1), None, 3, window).is_some());
    }

    #[test]
    fn the_stored_form_is_complete() {
        let mut state = Window::default();
        for (i, &second) in [500, -5, i64::from(i32::MAX), 3].iter().enumerate() {
            state.push(at(second), Some(i as u64), 9, Duration::from_secs(1));
        }
        let mut out = Writer::new();
        state.write(&mut out);
        let row = out.finish();
        let mut reader = Reader::new(&row, "window").unwrap();
        assert_eq!(Window::read(&mut reader).unwrap(), state);
        reader.finish().unwrap();
    }
}
