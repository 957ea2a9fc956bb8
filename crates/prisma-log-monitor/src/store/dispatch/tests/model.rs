//! Random lives of alerts against what must hold of any of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::world::{World, m, route, seconds};
use crate::{AlertFilter, Message, NotificationKind, Policy, PolicyBuilder, Silence};

const STEPS: u32 = 500;
const CAP: usize = 4;

struct Chance(u64);

impl Chance {
    /// Below `limit`.
    fn below(&mut self, limit: u64) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }
}

struct Model {
    world: World,
    chance: Chance,
    /// Pieces of news of alerts: `a` is told of all, `b` of critical ones.
    made: BTreeMap<&'static str, u64>,
    with_silences: bool,
    with_losses: bool,
}

impl Model {
    fn note(&mut self, id: &str) {
        let alert = self.world.store.get(id).unwrap();
        *self.made.entry("a").or_default() += 1;
        *self.made.entry("b").or_default() += u64::from(alert.rule == "crit");
    }

    fn step(&mut self) {
        let host = self.chance.below(12);
        let receiver = ["a", "b"][self.chance.below(2) as usize];
        match self.chance.below(100) {
            0..30 => {
                let rule = ["warn", "crit"][self.chance.below(2) as usize];
                let before = self.world.unresolved();
                self.world.lines(&[&format!("{rule} h{host}")]);
                let after = self.world.unresolved();
                for id in after.iter().filter(|id| !before.contains(id)) {
                    self.note(id);
                }
            }
            30..45 => {
                let unresolved = self.world.unresolved();
                if !unresolved.is_empty() {
                    let id = &unresolved[self.chance.below(unresolved.len() as u64) as usize];
                    self.world.store.resolve(id, "ada", "").unwrap();
                    self.note(id);
                }
            }
            45..50 if self.with_silences => {
                let lasts = seconds(1 + self.chance.below(300));
                let silence = Silence::builder("ada").matcher(m(&format!("host=h{host}")));
                // There may be too many.
                let _ = self.world.store.silence(silence.lasts(lasts));
            }
            50..53 if self.with_silences => {
                let silences = self.world.store.silences().unwrap();
                if !silences.is_empty() {
                    let at = self.chance.below(silences.len() as u64) as usize;
                    let _ = self.world.store.expire_silence(&silences[at].id, "ada");
                }
            }
            53..65 => {
                self.world.clock.advance(Duration::from_millis(1 + self.chance.below(40_000)))
            }
            65..80 => self.world.round(),
            80..93 => {
                let taken = match self.chance.below(10) {
                    0..3 => None,
                    3 if self.with_losses => Some(false),
                    _ => Some(true),
                };
                self.world.give(receiver, taken);
            }
            93..96 => self.world.kill(),
            _ => {}
        }
    }

    /// Everything that waits goes out.
    fn drain(&mut self) {
        for silence in self.world.store.silences().unwrap() {
            let _ = self.world.store.expire_silence(&silence.id, "ada");
        }
        for _ in 0..100 {
            self.world.clock.advance(seconds(61));
            self.world.round();
            self.world.take_all();
        }
        self.world.round();
    }

    fn check(&mut self) {
        for receiver in ["a", "b"] {
            let status = self.world.status(receiver);
            assert_eq!(status.pending(), self.world.pending(receiver), "{status:?}");
            let made = self.made.get(receiver).copied().unwrap_or(0);
            let unrouted = made - status.news;
            // Only of what began and ended in silence nobody need hear the end.
            assert!(unrouted == 0 || self.with_silences, "{made} made: {status:?}");
        }
    }
}

fn policy() -> PolicyBuilder {
    Policy::builder()
        .max_per_minute(CAP as u32)
        .no_flapping()
        .route(
            route().receiver("b").matcher(m("severity=critical")).continues(true).group_by(["..."]),
        )
        .route(route().receiver("a").group_by(["rule"]))
}

fn run(seed: u64, policy: PolicyBuilder, with_silences: bool, with_losses: bool) -> Model {
    let mut model = Model {
        world: World::new(policy),
        chance: Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
        made: BTreeMap::new(),
        with_silences,
        with_losses,
    };
    for step in 0..STEPS {
        model.step();
        if step % 100 == 99 {
            model.world.round();
            model.check();
        }
    }
    model.drain();
    model.check();
    model
}

/// What a receiver got: each message once.
fn distinct<'m>(got: &'m [Message], receiver: &str) -> BTreeMap<u64, &'m Message> {
    let mut messages = BTreeMap::new();
    for message in got.iter().filter(|message| message.receiver == receiver) {
        let first: &mut &Message = messages.entry(message.id).or_insert(message);
        let same = Message { redelivered: first.redelivered, ..message.clone() };
        let mut same = same;
        same.news.iter_mut().zip(&first.news).for_each(|(a, b)| a.redelivered = b.redelivered);
        assert_eq!(&same, *first, "a repetition is the same message");
    }
    messages
}

/// What holds whatever happens.
fn check_messages(model: &mut Model) {
    let got = std::mem::take(&mut model.world.got);
    for receiver in ["a", "b"] {
        let messages = distinct(&got, receiver);
        let status = model.world.status(receiver);
        let mut seen = BTreeSet::new();
        for message in messages.values() {
            for news in &message.news {
                assert!(seen.insert(news.number), "news {} in two messages", news.number);
                assert!(receiver == "a" || news.alert.rule == "crit");
            }
        }
        let times: Vec<_> = messages.values().map(|message| message.at).collect();
        for window in times.windows(CAP + 1) {
            let spread = window[CAP].saturating_since(window[0]);
            assert!(spread >= seconds(60), "{} messages within {spread:?}", CAP + 1);
        }
        // Repetitions say so, all but the first time.
        for id in messages.keys() {
            let times = got.iter().filter(|message| message.id == *id);
            assert!(times.filter(|message| !message.redelivered).count() <= 1);
        }
        assert_eq!((status.waiting(), status.pending()), (0, 0), "{status:?}");
        if status.given_up == 0 {
            let suppressed: u64 = messages.values().map(|message| message.suppressed).sum();
            assert_eq!(suppressed, status.suppressed);
            assert_eq!(messages.len() as u64, status.messages);
            assert_eq!(seen.len() as u64, status.told);
        }
    }
    model.world.got = got;
}

#[test]
fn without_muting_every_receiver_learns_everything() {
    for seed in 1..=8 {
        let mut model = run(seed, policy().max_alerts_per_message(1000), false, false);
        check_messages(&mut model);
        for receiver in ["a", "b"] {
            let status = model.world.status(receiver);
            assert_eq!((status.muted, status.lost, status.omitted), (0, 0, 0));
            let reminders = model.world.got.iter().flat_map(|m| &m.news);
            assert!(reminders.clone().all(|news| news.kind != NotificationKind::Reminder));
            assert_eq!(status.news, model.made.get(receiver).copied().unwrap_or(0), "seed {seed}");
            assert_eq!(status.told + status.merged, status.news, "seed {seed}");
        }
        last_word(&model);
    }
}

#[test]
fn with_silences_receivers_end_up_knowing_how_things_are() {
    for seed in 1..=8 {
        let mut model = run(seed, policy().max_alerts_per_message(1000), true, false);
        check_messages(&mut model);
        last_word(&model);
    }
}

#[test]
fn small_messages_and_losses_are_counted_exactly() {
    for seed in 1..=8 {
        let mut model = run(seed, policy().max_alerts_per_message(2), true, true);
        check_messages(&mut model);
        for receiver in ["a", "b"] {
            let s = model.world.status(receiver);
            assert_eq!(s.told + s.merged + s.omitted + s.muted + s.lost, s.news, "{s:?}");
            assert_eq!(s.taken + s.given_up, s.messages, "{s:?}");
        }
    }
}

/// The last thing that a receiver heard of an alert is how it is.
fn last_word(model: &Model) {
    for receiver in ["a", "b"] {
        let mut heard = BTreeMap::new();
        for message in distinct(&model.world.got, receiver).values() {
            for news in &message.news {
                heard.insert(news.alert.id.clone(), news.alert.is_resolved());
            }
        }
        for alert in model.world.store.list(&AlertFilter::all()).unwrap() {
            let routed = receiver == "a" || alert.rule == "crit";
            match heard.get(&alert.id) {
                Some(over) => assert_eq!(*over, alert.is_resolved(), "{receiver}: {alert}"),
                None => assert!(!routed || alert.is_resolved(), "{receiver} missed {alert}"),
            }
        }
    }
}
