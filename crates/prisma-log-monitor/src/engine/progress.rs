//! How near a group is to firing: the state of its rule's kind.

use prisma_log_core::{Error, Timestamp};

use super::bucket::Bucket;
use super::event::Event;
use super::window::{Reached, Window};
use crate::codec::{Reader, Writer, fnv1a};
use crate::{Kind, Measure};

#[derive(Debug, PartialEq)]
pub(super) enum Progress {
    /// Nothing has to be remembered.
    Any,
    Window(Window),
    Bucket(Bucket),
}

impl Progress {
    pub(super) fn new(kind: &Kind) -> Self {
        match kind {
            Kind::Frequency { .. } => Progress::Window(Window::default()),
            Kind::LeakyBucket { .. } => Progress::Bucket(Bucket::default()),
            _ => Progress::Any,
        }
    }

    /// Takes a line in; what has been reached with it.
    pub(super) fn push(&mut self, kind: &Kind, event: &Event<'_>) -> Option<Reached> {
        let time = event.time;
        let distinct = || Some(fnv1a(event.text.unwrap_or_default().as_bytes()));
        match (self, kind) {
            (Progress::Any, _) => Some(Reached { count: 1, first: time, last: time }),
            (Progress::Window(state), Kind::Frequency { measure, at_least, window, .. }) => {
                let value = if *measure == Measure::Matches { None } else { distinct() };
                state.push(time, value, *at_least as u32, *window)
            }
            (Progress::Bucket(state), Kind::LeakyBucket { capacity, leak_every, distinct: key }) => {
                let value = key.as_ref().and_then(|_| distinct());
                state.push(time, value, *capacity, *leak_every)
            }
            // The progress was made for the rule's kind.
            _ => None,
        }
    }

    /// What time alone has brought about, by `now` in event time.
    pub(super) fn tick(&mut self, _kind: &Kind, _now: Timestamp) -> Option<Reached> {
        None
    }

    /// Events that are on their way to a firing.
    pub(super) fn len(&self) -> usize {
        match self {
            Progress::Any => 0,
            Progress::Window(state) => state.len(),
            Progress::Bucket(state) => state.len(),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Progress::Any => 0,
            Progress::Window(state) => state.bytes(),
            Progress::Bucket(state) => state.bytes(),
        }
    }

    pub(super) fn write(&self, out: &mut Writer) {
        match self {
            Progress::Any => {}
            Progress::Window(state) => state.write(out),
            Progress::Bucket(state) => state.write(out),
        }
    }

    pub(super) fn read(kind: &Kind, from: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(match Progress::new(kind) {
            Progress::Any => Progress::Any,
            Progress::Window(_) => Progress::Window(Window::read(from)?),
            Progress::Bucket(_) => Progress::Bucket(Bucket::read(from)?),
        })
    }
}
