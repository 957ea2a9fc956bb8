//! A store, an engine, and receivers that take what they are given when they are told to.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prisma_log_core::{Clock, ManualClock, Timestamp};
use prisma_log_tail::LogLine;

use crate::engine::{Finding, Findings};
use crate::store::{Dispatcher, Step, Store, Verdict, Waiting};
use crate::{
    AlertFilter, Engine, Matcher, Message, Policy, PolicyBuilder, ReceiverStatus, Route,
    RouteBuilder, Rule, Severity,
};

const FILE: &str = "/var/log/app.log";

pub(super) fn m(text: &str) -> Matcher {
    text.parse().unwrap()
}

pub(super) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A route whose groups wait for 10 s, and then for 60 s.
pub(super) fn route() -> RouteBuilder {
    Route::builder().group_wait(seconds(10)).group_interval(seconds(60))
}

pub(super) struct World {
    pub(super) store: Store,
    pub(super) clock: Arc<ManualClock>,
    engine: Engine,
    pub(super) policy: Arc<Policy>,
    names: Vec<String>,
    dispatcher: Dispatcher,
    /// Messages that wait, by receiver; `true` for those that may have been taken.
    pub(super) queues: BTreeMap<String, Vec<(u64, bool)>>,
    verdicts: Vec<Verdict>,
    /// What receivers got, repetitions included.
    pub(super) got: Vec<Message>,
}

impl World {
    /// Receivers `a` and `b`; rules `warn` and `crit` that fire for every line `warn X` and `crit X` and
    /// group by X, and whose alerts end after 1000 s.
    pub(super) fn new(policy: PolicyBuilder) -> Self {
        let rule = |name: &str, severity| {
            let pattern = format!(r"^{name} (?<host>\S+)");
            let rule = Rule::builder(name).message(pattern).severity(severity).count(1);
            rule.group_by(["host"]).resolve_after(seconds(1000)).build().unwrap()
        };
        let engine =
            Engine::new([rule("warn", Severity::Warning), rule("crit", Severity::Critical)]);
        let clock = Arc::new(ManualClock::new(Timestamp::from_unix_seconds(1_000_000)));
        let store = Store::in_memory().unwrap().with_clock(Arc::clone(&clock) as Arc<dyn Clock>);
        let policy = Arc::new(policy.build().unwrap());
        let names = vec!["a".to_owned(), "b".to_owned()];
        let (dispatcher, waiting) = store.dispatcher(&policy, &names).unwrap();
        assert_eq!(waiting, []);
        World {
            store,
            clock,
            engine: engine.unwrap(),
            policy,
            names,
            dispatcher,
            queues: BTreeMap::new(),
            verdicts: Vec::new(),
            got: Vec::new(),
        }
    }

    /// Lines at the time that it is; returns how many pieces of news they were worth.
    pub(super) fn lines(&mut self, lines: &[&str]) -> usize {
        let now = self.clock.now();
        let mut findings = Findings::new(2, 0);
        for text in lines {
            let mut line = LogLine::default();
            line.timestamp = Some(now);
            line.message = (*text).into();
            self.engine.observe_into(Path::new(FILE), &line, text.as_bytes(), now, &mut findings);
        }
        self.step(&findings.take_list())
    }

    /// Lets the monitor see what time brings.
    pub(super) fn time_passes(&mut self) -> usize {
        self.step(&[])
    }

    pub(super) fn step(&mut self, findings: &[Finding]) -> usize {
        let now = self.clock.now();
        let changed = self.engine.take_changed();
        let watched = self.store.watched().unwrap();
        let due: Vec<u64> = watched.into_iter().map(|(number, _)| number).collect();
        let step = Step {
            findings,
            checkpoints: &[],
            changed: &changed,
            delivered: &[],
            due: &due,
            limits: self.policy.limits,
            now_in: &|_| Some(now),
        };
        self.store.apply(self.engine.rules(), &step).unwrap().news.len()
    }

    /// Moves the clock, second by second as far as the dispatcher is concerned, and lets receivers take
    /// everything.
    pub(super) fn pass(&mut self, time: u64) {
        for second in 0..=time {
            if self.is_due() {
                self.round();
                self.take_all();
                self.round();
            }
            if second < time {
                self.clock.advance(seconds(1));
            }
        }
    }

    pub(super) fn is_due(&self) -> bool {
        !self.verdicts.is_empty() || self.store.is_dispatch_due(&self.dispatcher).unwrap()
    }

    pub(super) fn round(&mut self) {
        self.turn(false);
    }

    pub(super) fn turn(&mut self, at_the_end: bool) {
        let verdicts = std::mem::take(&mut self.verdicts);
        let made = self.store.dispatch(&mut self.dispatcher, &verdicts, at_the_end).unwrap();
        self.post(made, false);
    }

    fn post(&mut self, made: Vec<Waiting>, again: bool) {
        for Waiting { receiver, message } in made {
            self.queues.entry(receiver).or_default().push((message, again));
        }
    }

    /// Everything that no transaction has taken is lost.
    pub(super) fn kill(&mut self) {
        let policy = Arc::clone(&self.policy);
        let names = self.names.clone();
        self.restart(policy, names);
    }

    pub(super) fn restart(&mut self, policy: Arc<Policy>, names: Vec<String>) {
        self.verdicts.clear();
        self.queues.clear();
        (self.policy, self.names) = (policy, names);
        let (dispatcher, waiting) = self.store.dispatcher(&self.policy, &self.names).unwrap();
        self.dispatcher = dispatcher;
        self.post(waiting, true);
    }

    /// A receiver is given its first message; what comes of it is `taken`, or a try again.
    pub(super) fn give(&mut self, receiver: &str, taken: Option<bool>) {
        let Some(first) = self.queues.get_mut(receiver).and_then(|queue| queue.first_mut()) else {
            return;
        };
        let (id, again) = *first;
        let message = self.store.message(id).unwrap().unwrap();
        if taken != Some(false) {
            self.got.push(if again { message.again() } else { message });
        }
        match taken {
            Some(taken) => {
                self.verdicts.push(Verdict { message: id, taken });
                self.queues.get_mut(receiver).unwrap().remove(0);
            }
            None => first.1 = true,
        }
    }

    pub(super) fn take_all(&mut self) {
        for receiver in self.names.clone() {
            while self.queues.get(&receiver).is_some_and(|queue| !queue.is_empty()) {
                self.give(&receiver, Some(true));
            }
        }
    }

    /// What a receiver got since this was last asked: seconds since the start of the world, and the
    /// news of each message.
    pub(super) fn told(&mut self, receiver: &str) -> Vec<String> {
        let (own, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.got).into_iter().partition(|m| m.receiver == receiver);
        self.got = rest;
        let show = |message: &Message| {
            let at = message.at.unix_nanos() / 1_000_000_000 - 1_000_000;
            let mut text = format!("{at}:");
            for news in &message.news {
                text +=
                    &format!(" {} {}", news.kind.as_str(), news.alert.id.replace("A00000", "A"));
            }
            if message.omitted > 0 {
                text += &format!(" +{}", message.omitted);
            }
            if message.suppressed > 0 {
                text += &format!(" ({} held back)", message.suppressed);
            }
            if message.redelivered {
                text += " again";
            }
            text
        };
        own.iter().map(show).collect()
    }

    pub(super) fn status(&mut self, receiver: &str) -> ReceiverStatus {
        let all = self.store.receivers().unwrap();
        all.into_iter().find(|status| status.receiver == receiver).unwrap_or_default()
    }

    /// Numbers of the alerts that are not resolved.
    pub(super) fn unresolved(&self) -> Vec<String> {
        let alerts = self.store.list(&AlertFilter::unresolved()).unwrap();
        alerts.into_iter().map(|alert| alert.id).collect()
    }

    /// Pieces of news that wait for a receiver, counted one by one.
    pub(super) fn pending(&self, receiver: &str) -> u64 {
        let groups = self.dispatcher.groups.values().filter(|group| group.receiver == receiver);
        let entries = groups.flat_map(|group| group.entries.values());
        let in_groups: u64 = entries.filter_map(|entry| entry.pending).map(|p| p.count).sum();
        let in_messages = self.store.db.read(|transaction| {
            use redb::ReadableTable;
            let mut count = 0;
            for row in transaction.open_table(crate::store::tables::MESSAGES)?.iter()? {
                let (name, covered) = super::super::outgoing::head(row?.1.value())?;
                count += if name == receiver { covered.total() } else { 0 };
            }
            Ok(count)
        });
        in_groups + in_messages.unwrap()
    }

    pub(super) fn groups(&self) -> usize {
        self.dispatcher.groups.len()
    }
}
