//! Lines that are taken together do what they do one by one.

use super::*;
use crate::{Kind, Measure, Windows};

const SOURCES: [&str; 2] = ["/var/log/a.log", "/var/log/b.log"];
const NOW: Timestamp = Timestamp::from_unix_seconds(2_000_000);

fn rules() -> Vec<RuleBuilder> {
    let rule = |name: &str| {
        Rule::builder(name).message(format!(r"{name} (?<host>\S+)")).group_by(["host"])
    };
    let frequency = |at_least: f64| Kind::Frequency {
        measure: Measure::Matches,
        at_least,
        window: MINUTE,
        windows: Windows::Sliding,
    };
    vec![
        rule("any").resolve_after(5 * MINUTE),
        rule("three").kind(frequency(3.0)).resolve_after(2 * MINUTE),
        rule("calm").kind(frequency(2.0)).cooldown(MINUTE).resolve_after(MINUTE),
        rule("bucket").leaky_bucket(4, 10 * SECOND).resolve_after(3 * MINUTE),
    ]
}

/// A line: of which source, when, and what it says.
type Line = (usize, i64, String);

/// Lines that mostly go on, at times after a long while, in disorder or in another era.
fn lines(random: &mut fastrand::Rng, time: &mut i64, count: usize) -> Vec<Line> {
    let mut line = |_| {
        *time += match random.u32(..400) {
            0 => 1_000,
            1 => -200_000,
            2 => 300_000,
            3..20 => 100,
            _ => random.i64(0..3),
        };
        let at = *time - if random.u32(..10) == 0 { random.i64(0..90) } else { 0 };
        let rule = random.choice(["any", "three", "calm", "bucket"]).unwrap_or("any");
        let source = usize::from(random.u32(..8) == 0);
        (source, at, format!("{rule} h{} {}", random.u32(..3), random.u32(..100)))
    };
    (0..count).map(&mut line).collect()
}

struct Side {
    store: Store,
    engine: Engine,
    limits: Limits,
}

impl Side {
    fn new(max_open_alerts: u64) -> Self {
        let engine = Engine::new(rules().into_iter().map(|rule| rule.build().unwrap())).unwrap();
        let clock = Arc::new(ManualClock::new(at(77)));
        let store = Store::in_memory().unwrap().with_clock(clock);
        Side { store, engine, limits: Limits { max_open_alerts, ..Policy::default().limits } }
    }

    fn step(&mut self, lines: &[Line], together: bool) -> (Vec<Notification>, u64) {
        let mut findings = Findings::new(self.engine.rules().len(), 0);
        let mut list = Vec::new();
        for (source, seconds, message) in lines {
            let mut line = LogLine::default();
            line.timestamp = Some(at(*seconds));
            line.message.clone_from(message);
            let source = Path::new(SOURCES[*source]);
            self.engine.observe_into(source, &line, message.as_bytes(), NOW, &mut findings);
            if !together {
                list.extend(findings.take_list());
            }
        }
        list.extend(findings.take_list());
        let changed = self.engine.take_changed();
        let step = Step {
            findings: &list,
            checkpoints: &[],
            changed: &changed,
            delivered: &[],
            due: &[],
            limits: self.limits,
            now_in: &|source| self.engine.source_clock(source)?.watermark(),
        };
        let outcome = self.store.apply(self.engine.rules(), &step).unwrap();
        (outcome.news, outcome.not_opened)
    }

    fn alerts(&self) -> Vec<Alert> {
        let mut alerts = self.store.list(&AlertFilter::all()).unwrap();
        // In which order they were written says nothing.
        alerts.iter_mut().for_each(|alert| alert.inner.resolved_number = None);
        alerts
    }
}

const STORIES: u64 = if cfg!(debug_assertions) { 60 } else { 1_000 };

#[test]
fn lines_that_are_taken_together_do_what_they_do_one_by_one() {
    let mut raised = 0;
    for seed in 0..STORIES {
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut one, mut all) = (Side::new(10_000), Side::new(10_000));
        let mut time = 1_000_000;
        for _ in 0..12 {
            let count = random.usize(1..120);
            let lines = lines(&mut random, &mut time, count);
            let ((news, _), (others, _)) = (one.step(&lines, false), all.step(&lines, true));
            let show = |news: &[Notification]| -> Vec<String> {
                news.iter()
                    .map(|n| format!("{} {} {}", n.kind.as_str(), n.alert.id, n.count))
                    .collect()
            };
            assert_eq!(show(&others), show(&news), "seed {seed}");
            for (alert, expected) in all.alerts().iter().zip(&one.alerts()) {
                assert_eq!(alert, expected, "seed {seed}");
            }
            assert_eq!(all.alerts().len(), one.alerts().len());
            raised += news.len();
        }
    }
    assert!(raised > 1_000, "{raised} news");
}

#[test]
fn where_no_more_may_be_open_each_firing_is_counted() {
    let mut not_opened = 0;
    for seed in 0..STORIES {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut side = Side::new(random.u64(1..4));
        let (mut time, mut fired, mut refused) = (1_000_000, 0, 0);
        for _ in 0..6 {
            let count = random.usize(1..120);
            let mut lines = lines(&mut random, &mut time, count);
            // Each of these fires.
            lines.retain(|(.., text)| text.starts_with("any"));
            fired += lines.len() as u64;
            refused += side.step(&lines, true).1;
        }
        let counted: u64 = side.alerts().iter().map(|alert| alert.count).sum();
        assert_eq!(counted + refused, fired, "seed {seed}");
        not_opened += refused;
    }
    assert!(not_opened > 1_000, "{not_opened} not opened");
}

#[test]
fn a_storm_is_as_many_findings_as_there_are_groups() {
    let mut bench = Bench::new(Store::in_memory().unwrap(), rule().count(2));
    let lines: Vec<String> = (0..10_000).map(|n| format!("refused by db{}", n % 50)).collect();
    let lines: Vec<(i64, &str)> = lines.iter().map(|line| (0, line.as_str())).collect();
    let findings = bench.observe(&lines);
    // The first line of a group fires not, the second one does; all others are with that one.
    assert_eq!(findings.len(), 100);
    bench.apply(&findings, &[], &[]);
    let alerts = bench.alerts();
    assert_eq!(alerts.len(), 50);
    assert!(alerts.iter().all(|alert| alert.count == 200 && alert.samples.len() == 5));
}
