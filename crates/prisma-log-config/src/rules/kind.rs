//! When matches become an alert: a section for each kind, of which a rule has one.

mod counts;
mod shares;
mod values;

use std::time::Duration;

use prisma_log_core::Level;
use prisma_log_monitor::{Condition, Kind, RuleBuilder};

use super::matching::read_one;
use super::probe::{probe, report_refusal};
use crate::scalars::{Number, Scalar};
use crate::section::Section;
use crate::tree;

/// The sections, in the order in which a rule with several of them is read.
const SECTIONS: [&str; 11] = [
    "threshold",
    "leaky_bucket",
    "rate",
    "error_rate",
    "spike",
    "flatline",
    "change",
    "new_value",
    "new_template",
    "percentile",
    "sequence",
];

/// A whole number whose limits are the builder's.
type Count = Number<0, { u32::MAX as u64 }>;

/// The time that matches have to lie in, where the file does not say.
const WINDOW: Duration = Duration::from_secs(60);
/// Matches below which a share or a percentile says nothing, where the file does not say.
const MIN_VOLUME: u64 = 100;
/// Some number and time that no limit forbids, beside the one that is tried.
const HARMLESS: Duration = Duration::from_secs(1);

/// A setter of the builder with its value.
pub(super) type Setter = Box<dyn FnOnce(RuleBuilder) -> RuleBuilder>;

/// Reads the rule's kind; `None` when every match fires, or when it is wrong, which is reported.
pub(super) fn read(rule: &mut Section<'_>) -> Option<Setter> {
    let given: Vec<&'static str> =
        SECTIONS.into_iter().filter(|name| rule.node(name).is_some()).collect();
    if let [first, rest @ ..] = given.as_slice() {
        for name in rest {
            let message = format!("the rule has both `{first}` and `{name}`");
            let error = rule.error_at_one_of(&[name], message);
            rule.report().error(error.with_hint("a rule has one kind; make two rules of it"));
        }
    }
    let name = *given.first()?;
    let mut kind = KindSection { section: rule.section(name) };
    let setter = kind.read(name);
    kind.section.finish();
    setter
}

/// A kind's section while its keys are read.
struct KindSection<'a> {
    section: Section<'a>,
}

impl KindSection<'_> {
    fn read(&mut self, name: &str) -> Option<Setter> {
        let kind = match name {
            "threshold" => return self.threshold(),
            "leaky_bucket" => return self.leaky_bucket(),
            "rate" => {
                let of = self.condition("of");
                self.rate(of)
            }
            "error_rate" => self.rate(Some(Condition::Level(Level::Error))),
            "spike" => self.spike(),
            "flatline" => self.flatline(),
            "change" => self.change(),
            "new_value" => self.new_value(),
            "new_template" => Some(Kind::NewTemplate { learn: self.learn() }),
            "percentile" => self.percentile(),
            _ => self.sequence(),
        }?;
        Some(Box::new(|builder| builder.kind(kind)))
    }

    /// The value of `key`; tried on the builder as part of a kind that is harmless but for it.
    fn tried<T: Scalar, V: Clone>(
        &mut self,
        key: &'static str,
        value: fn(T) -> V,
        kind: impl FnOnce(V) -> Kind,
    ) -> Option<V> {
        let node = self.section.node(key)?;
        let value = value(self.section.optional::<T>(key)?);
        report_refusal(self.section.report(), node, probe().kind(kind(value.clone())));
        Some(value)
    }

    /// Reports that `key` is missing, unless something else is wrong with it, which has been said.
    fn require<V>(&mut self, key: &'static str, expected: &str, value: Option<V>) -> Option<V> {
        if self.section.is_missing(key) && self.section.is_readable() {
            let error = self.section.error(format!("`{}` is missing", self.section.path_of(key)));
            self.section.report().error(error.with_hint(format!("expected {expected}")));
        }
        value
    }

    fn required_field(&mut self, kind: impl FnOnce(String) -> Kind) -> Option<String> {
        let field = self.tried::<String, _>("field", |text| text, kind);
        self.require("field", "the key of a field", field)
    }

    /// A condition, as `any` has them.
    fn condition(&mut self, key: &'static str) -> Option<Condition> {
        let path = self.section.path_of(key);
        let report = self.section.report();
        let condition = self.section.node(key).and_then(|node| read_one(report, &path, node));
        self.require(key, "a condition, such as `{level: error}`", condition)
    }

    /// A list of conditions; one stands for a list of one. Each is tried on the builder as part of
    /// a kind.
    fn conditions(
        &mut self,
        key: &'static str,
        kind: impl Fn(Condition) -> Kind,
    ) -> Vec<Condition> {
        let path = self.section.path_of(key);
        let report = self.section.report();
        let nodes = match self.section.node(key) {
            Some(tree::Node { kind: tree::Kind::Seq(nodes), .. }) => nodes.as_slice(),
            Some(node) => std::slice::from_ref(node),
            None => &[],
        };
        let one = |(index, node)| {
            let condition = read_one(report, &format!("{path}[{index}]"), node)?;
            report_refusal(report, node, probe().kind(kind(condition.clone())));
            Some(condition)
        };
        nodes.iter().enumerate().filter_map(one).collect()
    }

    fn window(&mut self) -> Option<Duration> {
        let flatline = |window| Kind::Flatline { at_least: 1, window };
        self.tried::<Duration, _>("window", |window| window, flatline)
    }

    fn required_window(&mut self) -> Option<Duration> {
        let window = self.window();
        self.require("window", Duration::EXPECTED, window)
    }

    fn min_volume(&mut self) -> u64 {
        let of = Condition::Level(Level::Error);
        let rate = |min_volume| Kind::Rate { of, ratio: 1.0, min_volume, window: HARMLESS };
        let volume = self.tried::<Count, _>("min_volume", |Number(count)| count, rate);
        volume.unwrap_or(MIN_VOLUME)
    }
}

/// A number, with a fraction or without.
#[derive(Clone, Copy, Debug)]
struct Decimal(f64);

impl Scalar for Decimal {
    const EXPECTED: &'static str = "a number";

    fn read(text: &str) -> Result<Self, Option<String>> {
        match text.replace('_', "").parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Decimal(number)),
            _ => Err(None),
        }
    }

    fn show(&self) -> String {
        self.0.to_string()
    }
}

/// A share, as a number or in per cent.
#[derive(Clone, Copy, Debug)]
struct Share(f64);

impl Scalar for Share {
    const EXPECTED: &'static str = "a share such as 5% or 0.05";

    fn read(text: &str) -> Result<Self, Option<String>> {
        let (number, unit) = match text.strip_suffix('%') {
            Some(number) => (number.trim_end(), 100.0),
            None => (text, 1.0),
        };
        let share = Decimal::read(number)?.0 / unit;
        if share > 1.0 && unit == 1.0 {
            return Err(Some(format!("write `{number}%` if that is meant")));
        }
        Ok(Share(share))
    }

    fn show(&self) -> String {
        self.0.to_string()
    }
}

/// Implements [`Scalar`] for an enum of the monitor's whose values are words.
macro_rules! choice {
    ($name:ident($type:ty), $expected:literal, $($word:literal => $value:expr),+ $(,)?) => {
        #[derive(Clone, Copy, Debug)]
        struct $name($type);

        impl Scalar for $name {
            const EXPECTED: &'static str = $expected;

            fn read(text: &str) -> Result<Self, Option<String>> {
                match text {
                    $($word => Ok($name($value)),)+
                    _ => Err(hint::closest(text, [$($word),+])
                        .map(|meant| format!("did you mean `{meant}`?"))),
                }
            }

            fn show(&self) -> String {
                format!("{:?}", self.0)
            }
        }
    };
}

use choice;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_numbers_or_per_cent() {
        let check = |text: &str, expect: Result<f64, &str>| match (Share::read(text), expect) {
            (Ok(Share(share)), Ok(expect)) => assert!((share - expect).abs() < 1e-12, "{text}"),
            (Err(hint), Err(expect)) => assert_eq!(hint.unwrap_or_default(), expect, "{text}"),
            (got, _) => panic!("{text}: {got:?}"),
        };
        check("5%", Ok(0.05));
        check("0.5 %", Ok(0.005));
        check("0.05", Ok(0.05));
        check("1", Ok(1.0));
        check("5", Err("write `5%` if that is meant"));
        check("many", Err(""));
        check("nan", Err(""));
        check("inf%", Err(""));
    }
}
