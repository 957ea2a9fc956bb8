//! `count` events within a sliding window of event time, in whatever order they come.

use std::collections::VecDeque;
use std::time::Duration;

use prisma_log_core::{Error, Timestamp};

use super::Reached;
use super::eras::Tide;
use crate::codec::{Reader, Writer};

/// Fewest events that a window keeps before it forgets some.
const MIN_KEPT: usize = 64;
/// Most events that a window keeps beyond `count`.
const MAX_SURPLUS: usize = 4096;

/// Events by time, those of several eras if they come mixed.
///
/// No two events with the same value lie within one window, and no window holds `count` events:
/// it would have fired.
#[derive(Debug, Default)]
pub(in crate::engine) struct Window {
    events: VecDeque<Event>,
    /// Events that came since the last look at what has passed.
    since_look: usize,
    /// Events within reach that were forgotten.
    pub(super) forgotten: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Event {
    time: Timestamp,
    /// Hash of the value that must be distinct; `None` when every event counts.
    value: Option<u64>,
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
        self.since_look += 1;
        // Every run of `count` events that includes the new one.
        let latest = at.min(self.events.len().wrapping_sub(count));
        for start in (at + 1).saturating_sub(count)..=latest {
            let Some(last) = self.events.get(start + count - 1).map(|event| event.time) else {
                break;
            };
            let first = self.events[start].time;
            if last.saturating_since(first) <= window {
                self.events.drain(start..start + count);
                return Some(Reached::new(count as u64, first, last));
            }
        }
        let kept = (4 * count).clamp(MIN_KEPT.max(count), count + MAX_SURPLUS);
        if self.events.len() > kept * 3 / 4 {
            self.make_room(time, kept, window);
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

    /// Drops what no window will have any more, and forgets what is farthest if that is not enough.
    fn make_room(&mut self, time: Timestamp, kept: usize, window: Duration) {
        if self.since_look >= kept / 8 {
            self.since_look = 0;
            let mut tide = Tide::new(window);
            let events = self.events.iter().rev();
            let mut events: Vec<Event> =
                events.filter(|event| tide.reaches(event.time, event.time)).copied().collect();
            events.reverse();
            self.events = events.into();
        }
        while self.events.len() > kept {
            self.forget_farthest(time, window);
        }
    }

    fn forget_farthest(&mut self, time: Timestamp, window: Duration) {
        let before = self.events.front().map(|first| time.saturating_since(first.time));
        let after = self.events.back().map(|last| last.time.saturating_since(time));
        if before >= after {
            self.events.pop_front();
        } else {
            self.events.pop_back();
        }
        self.forgotten += u64::from(before.max(after).is_some_and(|distance| distance <= window));
    }

    /// Time of the last event.
    pub(super) fn last(&self) -> Option<Timestamp> {
        self.events.back().map(|event| event.time)
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
        Ok(Window { events: events.into(), ..Window::default() })
    }
}

/// Windows are equal when they have the same events.
impl PartialEq for Window {
    fn eq(&self, other: &Self) -> bool {
        self.events == other.events
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Dice, YEAR, check_stored, millis, times};
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
        assert!(state.events.len() <= MIN_KEPT);
        let newest = 99_999 * 100;
        assert_eq!(state.push(at(newest - 1), None, 3, window), None);
        assert!(state.push(at(newest + 1), None, 3, window).is_some());
    }

    /// All events that are not used up, by time.
    #[derive(Default)]
    struct Naive(Vec<(Timestamp, Option<u64>)>);

    impl Naive {
        fn push(&mut self, mut time: Timestamp, value: Option<u64>, count: usize) -> bool {
            if value.is_some() {
                let near = |at: Timestamp| {
                    at.saturating_since(time).max(time.saturating_since(at)) <= WINDOW
                };
                let same: Vec<Timestamp> =
                    self.0.iter().filter(|e| e.1 == value).map(|e| e.0).collect();
                let same: Vec<Timestamp> = same.into_iter().filter(|&at| near(at)).collect();
                self.0.retain(|event| event.1 != value || !same.contains(&event.0));
                time = same.into_iter().fold(time, Timestamp::max);
            }
            let new = self.0.partition_point(|event| event.0 <= time);
            self.0.insert(new, (time, value));
            for start in (new + 1).saturating_sub(count)..=new {
                let Some(last) = self.0.get(start + count - 1) else { return false };
                if last.0.saturating_since(self.0[start].0) <= WINDOW {
                    self.0.drain(start..start + count);
                    return true;
                }
            }
            false
        }
    }

    const WINDOW: Duration = Duration::from_secs(60);

    #[test]
    fn it_does_as_a_naive_model() {
        for (seed, count, step, values) in
            [(1, 5, 15_000, 0), (2, 40, 2_000, 0), (3, 4, 9_000, 6), (4, 100, 400, 300)]
        {
            let mut dice = Dice::new(seed);
            let (mut state, mut naive) = (Window::default(), Naive::default());
            let mut firings = 0;
            for time in times(&mut dice, 100_000, step, 50_000) {
                let value = (values > 0).then(|| dice.below(values));
                let reached = state.push(millis(time), value, count, WINDOW);
                let expect = naive.push(millis(time), value, count as usize);
                assert_eq!(reached.is_some(), expect, "seed {seed}, {time}");
                firings += u32::from(expect);
                // What is out of reach for good only slows the model down.
                if naive.0.len() > 3_000 {
                    let era = |event: &(Timestamp, _)| event.0 > millis(500 * YEAR);
                    let keep = |of: bool| {
                        let all = naive.0.iter().filter(move |event| era(event) == of);
                        all.clone()
                            .skip(all.count().saturating_sub(700))
                            .copied()
                            .collect::<Vec<_>>()
                    };
                    naive.0 = [keep(false), keep(true)].concat();
                }
            }
            assert!(firings > 100, "seed {seed}: {firings}");
            assert_eq!(state.forgotten, 0, "seed {seed}");
        }
    }

    #[test]
    fn the_stored_form_is_complete() {
        let mut state = Window::default();
        for (i, &second) in [500, -5, i64::from(i32::MAX), 3].iter().enumerate() {
            check_stored(&state, Window::write, Window::read);
            state.push(at(second), Some(i as u64), 9, Duration::from_secs(1));
            state.push(at(second), None, 9, Duration::from_secs(1));
        }
        check_stored(&state, Window::write, Window::read);
    }
}
