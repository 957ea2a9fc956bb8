//! One group of a rule.

use std::collections::VecDeque;
use std::time::Duration;

use prisma_log_core::{Error, Timestamp};

use crate::Rule;
use crate::alert::MAX_SAMPLES;
use crate::codec::{Reader, Writer, fnv1a};
use crate::engine::Firing;
use crate::engine::event::Event;
use crate::engine::progress::{Progress, Reached, is_telling};

/// What is known about one group.
#[derive(Debug)]
pub(super) struct Group {
    /// Matches of the group so far.
    pub(super) matches: u64,
    /// Event time of the line that came last.
    pub(super) last: Timestamp,
    fired: Option<Timestamp>,
    pub(super) progress: Progress,
    samples: VecDeque<(Timestamp, String)>,
    /// What the samples take.
    sample_bytes: usize,
}

impl Group {
    pub(super) fn new(rule: &Rule, time: Timestamp) -> Self {
        Group {
            matches: 0,
            last: time,
            fired: None,
            progress: Progress::new(rule.kind()),
            samples: VecDeque::new(),
            sample_bytes: 0,
        }
    }

    /// Takes a line in.
    pub(super) fn push(&mut self, rule: &Rule, event: &Event<'_>) -> Option<Firing> {
        self.matches += 1;
        self.last = event.time;
        let is_cooling = self.is_cooling(rule, event.time);
        if is_cooling && !self.progress.always_watches() {
            return None;
        }
        let is_telling = is_telling(rule.kind(), event);
        let is_kept = is_telling && !self.progress.tells_itself();
        if is_kept && !is_cooling {
            self.keep(event);
        }
        let reached = self.progress.push(rule.kind(), rule.late(), event)?;
        let mut firing = self.fire(rule, reached, event.time)?;
        if is_telling && !is_kept {
            firing.samples.push(event.sample.to_owned());
        }
        Some(firing)
    }

    /// Lets time pass.
    pub(super) fn tick(&mut self, rule: &Rule, now: Timestamp) -> Option<Firing> {
        let reached = self.progress.tick(rule.kind(), rule.late(), now)?;
        let at = reached.last;
        self.fire(rule, reached, at)
    }

    fn is_cooling(&self, rule: &Rule, time: Timestamp) -> bool {
        self.fired.is_some_and(|fired| {
            let distance = time.saturating_since(fired).max(fired.saturating_since(time));
            distance < rule.cooldown()
        })
    }

    fn fire(&mut self, rule: &Rule, reached: Reached, time: Timestamp) -> Option<Firing> {
        if self.is_cooling(rule, time) {
            return None;
        }
        if rule.cooldown() > Duration::ZERO {
            self.fired = Some(time);
        }
        let mut samples = Vec::new();
        let part_of_it = reached.first..=reached.last;
        self.samples.retain_mut(|(at, sample)| {
            let stays = !part_of_it.contains(at);
            if !stays {
                samples.push(std::mem::take(sample));
            }
            stays
        });
        self.sample_bytes = self.samples.iter().map(|(_, sample)| sample_bytes(sample)).sum();
        let Reached { count, first, last, why } = reached;
        Some(Firing { count, first, last, samples, why })
    }

    /// Keeps the line as a sample, in the place of the earliest one if there are enough.
    fn keep(&mut self, event: &Event<'_>) {
        let mut sample = String::new();
        if self.samples.len() >= MAX_SAMPLES
            && let Some((_, oldest)) = self.samples.pop_front()
        {
            self.sample_bytes -= sample_bytes(&oldest);
            sample = oldest;
            sample.clear();
        }
        sample.push_str(event.sample);
        self.sample_bytes += sample_bytes(&sample);
        self.samples.push_back((event.time, sample));
    }

    /// The event time after which nothing that the group knows matters any more.
    pub(super) fn until(&self, rule: &Rule) -> Timestamp {
        let progress = self.progress.until(rule.kind(), rule.late());
        match self.fired {
            Some(fired) => progress.max(fired.saturating_add(rule.cooldown())),
            None => progress,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.progress.bytes() + self.sample_bytes
    }

    pub(super) fn to_bytes(&self, shape: u64) -> Vec<u8> {
        let mut out = Writer::new();
        out.fixed(shape);
        out.u64(self.matches);
        out.time(self.last);
        out.option(self.fired, Writer::time);
        self.progress.write(&mut out);
        out.list(self.samples.iter(), |out, (time, sample)| {
            out.time(*time);
            out.text(sample);
        });
        out.finish()
    }

    pub(super) fn from_bytes(rule: &Rule, row: &[u8]) -> Result<Option<Self>, Error> {
        let mut from = Reader::new(row, "window")?;
        if from.fixed()? != shape(rule) {
            return Ok(None);
        }
        let mut group = Group::new(rule, Timestamp::UNIX_EPOCH);
        group.matches = from.u64()?;
        group.last = from.time()?;
        group.fired = from.option(Reader::time)?;
        group.progress = Progress::read(rule.kind(), &mut from)?;
        group.samples = from.list(|from| Ok((from.time()?, from.text()?.to_owned())))?.into();
        group.sample_bytes = group.samples.iter().map(|(_, sample)| sample_bytes(sample)).sum();
        from.finish()?;
        Ok(Some(group))
    }
}

/// What a sample takes, its entry included.
fn sample_bytes(sample: &str) -> usize {
    sample.len() + 32
}

/// Differs when the states of two rules must not be mixed up.
pub(super) fn shape(rule: &Rule) -> u64 {
    let shape = format!("{:?}\0{:?}", rule.kind(), rule.group_by());
    fnv1a(shape.as_bytes())
}
