//! How near a group is to firing: the state of its rule's kind.

mod bucket;
mod change;
mod eras;
mod flatline;
mod known;
mod rate;
mod reached;
mod sequence;
mod series;
mod sketch;
mod spike;
mod sum;
mod template;
#[cfg(test)]
mod testing;
mod tumbling;
mod window;

use std::time::Duration;

use prisma_log_core::{Error, Timestamp};

use super::event::Event;
use crate::codec::{Reader, Writer, fnv1a};
use crate::text::{Escaped, cut};
use crate::{Kind, Measure, Windows};
use bucket::Bucket;
use change::Change;
use flatline::{Expected, Flatline};
use known::Known;
use rate::Crossing;
pub(super) use reached::Reached;
use sequence::Sequence;
use series::Series;
use spike::{Spike, Usual};
use tumbling::{Frame, Share, Tumbling};
use window::Window;

/// Bytes of a foreign text in what is said about a firing.
const SHOWN_BYTES: usize = 128;

#[derive(Debug, PartialEq)]
pub(super) enum Progress {
    /// Nothing has to be remembered.
    Any,
    Window(Window),
    Tumbling(Tumbling),
    /// For sums, shares and percentiles.
    Series(Series),
    Bucket(Bucket),
    Spike(Spike),
    Flatline(Flatline),
    Change(Change),
    Known(Known),
    Sequence(Sequence),
}

impl Progress {
    pub(super) fn new(kind: &Kind) -> Self {
        match kind {
            Kind::Any => Progress::Any,
            Kind::Frequency { windows: Windows::Tumbling, .. } => {
                Progress::Tumbling(Tumbling::default())
            }
            Kind::Frequency { measure: Measure::Sum(_), .. }
            | Kind::Rate { .. }
            | Kind::Percentile { .. } => Progress::Series(Series::default()),
            Kind::Frequency { .. } => Progress::Window(Window::default()),
            Kind::LeakyBucket { .. } => Progress::Bucket(Bucket::default()),
            Kind::Spike { .. } => Progress::Spike(Spike::default()),
            Kind::Flatline { .. } => Progress::Flatline(Flatline::default()),
            Kind::Change { .. } => Progress::Change(Change::default()),
            Kind::NewValue { .. } | Kind::NewTemplate { .. } => Progress::Known(Known::default()),
            Kind::Sequence { .. } => Progress::Sequence(Sequence::default()),
        }
    }

    /// Takes a line in; what has been reached with it.
    pub(super) fn push(
        &mut self,
        kind: &Kind,
        late: Duration,
        event: &Event<'_>,
    ) -> Option<Reached> {
        let time = event.time;
        let text = || event.text.unwrap_or_default();
        let number = event.number.filter(|number| number.is_finite());
        match (self, kind) {
            (Progress::Any, _) => Some(Reached::new(1, time, time)),
            (Progress::Window(state), Kind::Frequency { measure, at_least, window, .. }) => {
                let is_plain = *measure == Measure::Matches;
                let value = (!is_plain).then(|| fnv1a(text().as_bytes()));
                state.push(time, value, *at_least as u32, *window)
            }
            (Progress::Tumbling(state), Kind::Frequency { measure, at_least, window, .. }) => {
                let frame = Frame { window: *window, late };
                match measure {
                    Measure::Matches => state.push(time, Share::Match, *at_least, frame),
                    Measure::Distinct(_) => {
                        let share = Share::Value(fnv1a(text().as_bytes()));
                        state.push(time, share, *at_least, frame)
                    }
                    Measure::Sum(field) => {
                        let taken = state.push(time, Share::Number(number?), *at_least, frame);
                        return taken
                            .map(|(tally, reached)| reached.because(rate::sum(field, &tally)));
                    }
                }
                .map(|(_, reached)| reached)
            }
            (Progress::Series(state), kind) => push_series(state, kind, event, number),
            (Progress::Bucket(state), Kind::LeakyBucket { capacity, leak_every, distinct }) => {
                let value = distinct.as_ref().map(|_| fnv1a(text().as_bytes()));
                state.push(time, value, *capacity, *leak_every)
            }
            (Progress::Spike(state), kind) => state.push(time, usual(kind, late)?),
            (Progress::Flatline(state), kind) => state.push(time, expected(kind)?),
            (Progress::Change(state), Kind::Change { field }) => {
                state.push(time, event.text?, field)
            }
            (Progress::Known(state), Kind::NewValue { field, learn }) => {
                let value = event.text?;
                let reached = state.push(time, fnv1a(value.as_bytes()), *learn)?;
                Some(reached.because(format!("`{field}` is new: {}", shown(value))))
            }
            (Progress::Known(state), Kind::NewTemplate { learn }) => {
                let reached = state.push(time, template::form_hash(event.message), *learn)?;
                let form = template::form(event.message);
                Some(reached.because(format!("a new form: {}", shown(&form))))
            }
            (Progress::Sequence(state), Kind::Sequence { then, within }) => {
                let steps = u32::from(event.is_match) | event.holds << 1;
                state.push(time, steps, then.len() as u32, *within)
            }
            // The progress was made for the rule's kind.
            _ => None,
        }
    }

    /// Starts to watch, before there is any line.
    pub(super) fn begin(&mut self, now: Timestamp) {
        match self {
            Progress::Spike(state) => state.begin(now),
            Progress::Flatline(state) => state.begin(now),
            _ => {}
        }
    }

    /// What time alone has brought about, by `now` in event time.
    pub(super) fn tick(&mut self, kind: &Kind, late: Duration, now: Timestamp) -> Option<Reached> {
        match self {
            Progress::Spike(state) => state.tick(now, usual(kind, late)?),
            Progress::Flatline(state) => state.tick(now, expected(kind)?),
            _ => None,
        }
    }

    /// When [`Progress::tick`] may do something next; lines may put that off.
    pub(super) fn due(&self, kind: &Kind, late: Duration) -> Option<Timestamp> {
        match self {
            Progress::Spike(state) => state.due(usual(kind, late)?),
            Progress::Flatline(state) => state.due(expected(kind)?),
            _ => None,
        }
    }

    /// The event time after which nothing that is remembered matters any more.
    pub(super) fn until(&self, kind: &Kind, late: Duration) -> Timestamp {
        let never = Timestamp::from_unix_nanos(i64::MAX);
        let past = Timestamp::from_unix_nanos(i64::MIN);
        let until = match (self, kind) {
            (Progress::Any, _) => Some(past),
            (Progress::Window(state), Kind::Frequency { window, .. }) => {
                Some(state.last().map_or(past, |last| last.saturating_add(*window)))
            }
            (Progress::Tumbling(state), Kind::Frequency { window, .. }) => {
                Some(state.until(Frame { window: *window, late }).unwrap_or(past))
            }
            (Progress::Series(state), Kind::Frequency { window, .. })
            | (Progress::Series(state), Kind::Rate { window, .. })
            | (Progress::Series(state), Kind::Percentile { window, .. }) => {
                Some(if state.is_empty() { past } else { state.last().saturating_add(*window) })
            }
            (Progress::Bucket(state), Kind::LeakyBucket { capacity, leak_every, .. }) => {
                Some(state.until(*capacity, *leak_every).unwrap_or(past))
            }
            (Progress::Spike(state), kind) => {
                usual(kind, late).and_then(|usual| state.until(usual))
            }
            (Progress::Sequence(state), Kind::Sequence { within, .. }) => {
                Some(state.last().map_or(past, |last| last.saturating_add(*within)))
            }
            _ => None,
        };
        until.unwrap_or(never)
    }

    /// Whether lines have to be seen even while the group can't fire.
    pub(super) fn always_watches(&self) -> bool {
        matches!(
            self,
            Progress::Spike(_) | Progress::Flatline(_) | Progress::Change(_) | Progress::Known(_)
        )
    }

    /// Whether a firing is about the last line alone, so that no others need be kept to show.
    pub(super) fn tells_itself(&self) -> bool {
        matches!(self, Progress::Any | Progress::Change(_) | Progress::Known(_))
    }

    /// Whether the last push left what is stored as it was.
    pub(super) fn is_unchanged(&self) -> bool {
        matches!(self, Progress::Known(state) if !state.has_changed)
    }

    /// Lines, values and windows that were forgotten since this was last asked.
    pub(super) fn take_forgotten(&mut self) -> u64 {
        let forgotten = match self {
            Progress::Any | Progress::Flatline(_) | Progress::Change(_) => return 0,
            Progress::Window(state) => &mut state.forgotten,
            Progress::Tumbling(state) => &mut state.forgotten,
            Progress::Series(state) => &mut state.forgotten,
            Progress::Bucket(state) => &mut state.forgotten,
            Progress::Spike(state) => &mut state.forgotten,
            Progress::Known(state) => &mut state.forgotten,
            Progress::Sequence(state) => &mut state.forgotten,
        };
        std::mem::take(forgotten)
    }

    /// Events that are on their way to a firing.
    pub(super) fn len(&self) -> usize {
        match self {
            Progress::Any => 0,
            Progress::Window(state) => state.len(),
            Progress::Tumbling(state) => state.len(),
            Progress::Series(state) => state.len(),
            Progress::Bucket(state) => state.len(),
            Progress::Spike(state) => state.len(),
            Progress::Flatline(state) => state.len(),
            Progress::Change(state) => state.len(),
            Progress::Known(state) => state.len(),
            Progress::Sequence(state) => state.len(),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Progress::Any => 0,
            Progress::Window(state) => state.bytes(),
            Progress::Tumbling(state) => state.bytes(),
            Progress::Series(state) => state.bytes(),
            Progress::Bucket(state) => state.bytes(),
            Progress::Spike(state) => state.bytes(),
            Progress::Flatline(state) => state.bytes(),
            Progress::Change(state) => state.bytes(),
            Progress::Known(state) => state.bytes(),
            Progress::Sequence(state) => state.bytes(),
        }
    }

    pub(super) fn write(&self, out: &mut Writer) {
        match self {
            Progress::Any => {}
            Progress::Window(state) => state.write(out),
            Progress::Tumbling(state) => state.write(out),
            Progress::Series(state) => state.write(out),
            Progress::Bucket(state) => state.write(out),
            Progress::Spike(state) => state.write(out),
            Progress::Flatline(state) => state.write(out),
            Progress::Change(state) => state.write(out),
            Progress::Known(state) => state.write(out),
            Progress::Sequence(state) => state.write(out),
        }
    }

    pub(super) fn read(kind: &Kind, from: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(match Progress::new(kind) {
            Progress::Any => Progress::Any,
            Progress::Window(_) => Progress::Window(Window::read(from)?),
            Progress::Tumbling(_) => Progress::Tumbling(Tumbling::read(from)?),
            Progress::Series(_) => {
                let (Kind::Frequency { window, .. }
                | Kind::Rate { window, .. }
                | Kind::Percentile { window, .. }) = kind
                else {
                    return Err(from.bad("it has no window"));
                };
                Progress::Series(Series::read(from, *window)?)
            }
            Progress::Bucket(_) => Progress::Bucket(Bucket::read(from)?),
            Progress::Spike(_) => Progress::Spike(Spike::read(from)?),
            Progress::Flatline(_) => Progress::Flatline(Flatline::read(from)?),
            Progress::Change(_) => Progress::Change(Change::read(from)?),
            Progress::Known(_) => Progress::Known(Known::read(from)?),
            Progress::Sequence(_) => Progress::Sequence(Sequence::read(from)?),
        })
    }
}

fn push_series(
    state: &mut Series,
    kind: &Kind,
    event: &Event<'_>,
    number: Option<f64>,
) -> Option<Reached> {
    let time = event.time;
    match kind {
        Kind::Frequency { measure: Measure::Sum(field), at_least, window, .. } => {
            rate::push_number(state, time, number?, (field, *at_least), *window)
        }
        Kind::Rate { ratio, min_volume, window, .. } => {
            rate::push_hit(state, time, event.holds & 1 != 0, *ratio, *min_volume, *window)
        }
        kind => crossing(kind)?.push(state, time, number?),
    }
}

fn crossing(kind: &Kind) -> Option<Crossing<'_>> {
    let Kind::Percentile { field, percentile, bound, min_volume, window } = kind else {
        return None;
    };
    Some(Crossing {
        field,
        percentile: *percentile,
        bound: *bound,
        min_volume: *min_volume,
        window: *window,
    })
}

/// Whether a line is worth showing as a sample of what fired.
pub(super) fn is_telling(kind: &Kind, event: &Event<'_>) -> bool {
    match kind {
        Kind::Rate { .. } => event.holds & 1 != 0,
        Kind::Percentile { .. } => crossing(kind)
            .is_some_and(|crossing| event.number.is_some_and(|number| crossing.is_beyond(number))),
        // What stays away can't be shown.
        Kind::Flatline { .. } => false,
        _ => true,
    }
}

fn usual(kind: &Kind, late: Duration) -> Option<Usual> {
    let Kind::Spike { factor, direction, baseline, min_count, window } = kind else { return None };
    Some(Usual {
        factor: *factor,
        direction: *direction,
        baseline: *baseline,
        min_count: *min_count,
        frame: Frame { window: *window, late },
    })
}

fn expected(kind: &Kind) -> Option<Expected> {
    let Kind::Flatline { at_least, window } = kind else { return None };
    Some(Expected { at_least: *at_least, window: *window })
}

/// A foreign text in quotes, short and harmless.
fn shown(text: &str) -> String {
    format!("\"{}\"", Escaped(&cut(text, SHOWN_BYTES)))
}
