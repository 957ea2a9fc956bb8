//! Kinds that count matches: thresholds, buckets, spikes, flat lines, sequences.

use std::time::Duration;

use prisma_log_core::Level;
use prisma_log_monitor::{Baseline, Condition, Direction, Kind, Measure, Windows};

use super::{Count, Decimal, HARMLESS, KindSection, Setter, WINDOW, choice};
use crate::hint;
use crate::rules::probe::{probe, report_refusal};
use crate::scalars::{Number, Scalar};

choice!(WindowsWord(Windows), "sliding or tumbling",
    "sliding" => Windows::Sliding, "tumbling" => Windows::Tumbling);
choice!(DirectionWord(Direction), "up, down or both",
    "up" => Direction::Up, "down" => Direction::Down, "both" => Direction::Both);
choice!(BaselineWord(bool), "previous or same_hour",
    "previous" => false, "same_hour" => true);

/// The larger of two windows has to have so many matches, where the file does not say.
const MIN_COUNT: u64 = 10;
/// Days that are looked back upon, where the file does not say.
const DAYS: u64 = 7;

impl KindSection<'_> {
    pub(super) fn threshold(&mut self) -> Option<Setter> {
        let count = self.section.optional::<Count>("count").map(to_u32);
        if let (Some(count), Some(node)) = (count, self.section.node("count")) {
            report_refusal(self.section.report(), node, probe().count(count));
        }
        let window = self.window();
        let windows = self.section.optional::<WindowsWord>("windows");
        let distinct = self.distinct();
        let sum = self.tried::<String, _>("sum", |key| key, |key| summed(key, 1.0));
        let at_least = self.tried::<Decimal, _>(
            "at_least",
            |Decimal(number)| number,
            |number| summed("x".into(), number),
        );
        for key in ["count", "distinct"] {
            if sum.is_some() && !self.section.is_missing(key) {
                let message = format!("a threshold has either `sum` or `{key}`");
                let error = self.section.error_at_one_of(&[key], message);
                let hint = "`sum` adds up a field's values until `at_least` is reached";
                self.section.report().error(error.with_hint(hint));
            }
        }
        if sum.is_none() && !self.section.is_missing("at_least") {
            let error = self.section.error_at_one_of(&["at_least"], "`at_least` belongs to `sum`");
            let hint = "how many matches it takes is `count`";
            self.section.report().error(error.with_hint(hint));
        }
        let windows = windows.map_or(Windows::Sliding, |WindowsWord(windows)| windows);
        let (measure, at_least) = match (sum, distinct) {
            (Some(key), _) => {
                let at_least = self.require("at_least", Decimal::EXPECTED, at_least)?;
                (Measure::Sum(key), at_least)
            }
            (None, distinct) if windows == Windows::Tumbling => {
                let measure = distinct.map_or(Measure::Matches, Measure::Distinct);
                (measure, f64::from(count.unwrap_or(1)))
            }
            // What the builder has setters of its own for has the builder's defaults.
            (None, distinct) => {
                return Some(Box::new(move |mut builder| {
                    if let Some(count) = count {
                        builder = builder.count(count);
                    }
                    if let Some(window) = window {
                        builder = builder.window(window);
                    }
                    if let Some(key) = distinct {
                        builder = builder.distinct(key);
                    }
                    builder
                }));
            }
        };
        let window = window.unwrap_or(WINDOW);
        let kind = Kind::Frequency { measure, at_least, window, windows };
        Some(Box::new(|builder| builder.kind(kind)))
    }

    pub(super) fn leaky_bucket(&mut self) -> Option<Setter> {
        let bucket =
            |capacity, leak_every| Kind::LeakyBucket { capacity, leak_every, distinct: None };
        let capacity =
            self.tried::<Count, _>("capacity", to_u32, |capacity| bucket(capacity, HARMLESS));
        let capacity = self.require("capacity", Count::EXPECTED, capacity);
        let leak_every = self.tried::<Duration, _>(
            "leak_every",
            |leak| leak,
            |leak_every| bucket(1, leak_every),
        );
        let leak_every = self.require("leak_every", Duration::EXPECTED, leak_every);
        let distinct = self.distinct();
        let (capacity, leak_every) = (capacity?, leak_every?);
        Some(Box::new(move |builder| {
            let builder = builder.leaky_bucket(capacity, leak_every);
            match distinct {
                Some(key) => builder.distinct(key),
                None => builder,
            }
        }))
    }

    fn distinct(&mut self) -> Option<String> {
        let change = |field| Kind::Change { field };
        self.tried::<String, _>("distinct", |key| key, change)
    }

    pub(super) fn spike(&mut self) -> Option<Kind> {
        let spike = |factor, min_count, window, baseline| Kind::Spike {
            factor,
            direction: Direction::Up,
            baseline,
            min_count,
            window,
        };
        let factor = self.tried::<Decimal, _>(
            "factor",
            |Decimal(factor)| factor,
            |factor| spike(factor, 1, HARMLESS, Baseline::Previous),
        );
        let factor = self.require("factor", Decimal::EXPECTED, factor);
        let direction = self.section.optional::<DirectionWord>("direction");
        let same_hour = self.section.optional::<BaselineWord>("against");
        let same_hour = same_hour.is_some_and(|BaselineWord(same_hour)| same_hour);
        let days = self.tried::<Number<1, 28>, _>(
            "days",
            |Number(days)| days as u8,
            |days| spike(2.0, 1, HARMLESS, Baseline::SameHour { days }),
        );
        if !same_hour && !self.section.is_missing("days") {
            let message = "`days` belongs to `against: same_hour`";
            self.section.report().error(self.section.error_at_one_of(&["days"], message));
        }
        let baseline = match same_hour {
            true => Baseline::SameHour { days: days.unwrap_or(DAYS as u8) },
            false => Baseline::Previous,
        };
        let min_count = self.tried::<Count, _>(
            "min_count",
            |Number(count)| count,
            |count| spike(2.0, count, HARMLESS, Baseline::Previous),
        );
        let window = self.tried::<Duration, _>(
            "window",
            |window| window,
            |window| spike(2.0, 1, window, baseline),
        );
        let window = self.require("window", Duration::EXPECTED, window);
        Some(Kind::Spike {
            factor: factor?,
            direction: direction.map_or(Direction::Up, |DirectionWord(direction)| direction),
            baseline,
            min_count: min_count.unwrap_or(MIN_COUNT),
            window: window?,
        })
    }

    pub(super) fn flatline(&mut self) -> Option<Kind> {
        let at_least = self.tried::<Count, _>(
            "at_least",
            |Number(count)| count,
            |at_least| Kind::Flatline { at_least, window: HARMLESS },
        );
        let window = self.required_window();
        Some(Kind::Flatline { at_least: at_least.unwrap_or(1), window: window? })
    }

    pub(super) fn sequence(&mut self) -> Option<Kind> {
        let sequence = |then, within| Kind::Sequence { then, within };
        let then = self.conditions("then", |step| sequence(vec![step], HARMLESS));
        let then = (!then.is_empty()).then_some(then);
        if let (Some(then), Some(node)) = (&then, self.section.node("then")) {
            let steps = vec![Condition::Level(Level::Error); then.len()];
            report_refusal(self.section.report(), node, probe().kind(sequence(steps, HARMLESS)));
        }
        let then = self.require("then", "the conditions that have to follow, in order", then);
        let step = || vec![Condition::Line("x".into())];
        let within =
            self.tried::<Duration, _>("within", |time| time, |time| sequence(step(), time));
        let within = self.require("within", Duration::EXPECTED, within);
        Some(sequence(then?, within?))
    }
}

fn summed(key: String, at_least: f64) -> Kind {
    Kind::Frequency {
        measure: Measure::Sum(key),
        at_least,
        window: HARMLESS,
        windows: Windows::Sliding,
    }
}

fn to_u32(Number(value): Count) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
