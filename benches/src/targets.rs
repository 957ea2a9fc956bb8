//! What must hold.

use crate::figures::{Figures, percentile};

/// A bound on one figure of ours, by itself or against a rival in the same round.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    contender: &'static str,
    figure: &'static str,
    rival: Option<&'static str>,
    bound: Bound,
}

/// What is to be reached, with records in time order and in memory that survives a crash.
pub const TARGETS: &[Target] = &[
    Target::one_in("prisma-log", "mean_ns", "slog-async", 20.0),
    Target::one_in("prisma-log", "mean_ns", "tracing-appender", 80.0),
    Target::one_in("prisma-log, slog macros", "mean_ns", "slog-async", 10.0),
    Target::at_most("prisma-log", "p999_ns", 2_000.0),
    Target::at_most("prisma-log", "idle_us", 5.0),
    Target::at_most("prisma-log", "disabled_ns", 1.0),
    Target::at_most("prisma-log", "allocations", 0.0),
    Target::at_most("prisma-log, slog macros", "allocations", 0.0),
    Target::times("prisma-log", "records_s_1", "slog-async", 6.0),
    Target::times("prisma-log", "records_s_4", "slog-async", 6.0),
    Target::times("prisma-log", "records_s_1", "tracing-appender", 10.0),
    Target::times("prisma-log", "records_s_4", "tracing-appender", 10.0),
    Target::times("prisma-log", "records_s_1", "Mutex<slog-json>", 2.0),
    Target::times("prisma-log", "records_s_4", "Mutex<slog-json>", 2.0),
    Target::at_most("prisma-log", "cpu_us_1", 0.35),
    Target::at_most("prisma-log", "cpu_us_4", 0.35),
    Target::at_most("prisma-log", "rss_mib_1", 16.0),
    Target::at_most("prisma-log", "rss_mib_4", 16.0),
];

#[derive(Clone, Copy, Debug)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Target {
    /// At most that much, in the figure's unit.
    pub const fn at_most(contender: &'static str, figure: &'static str, limit: f64) -> Self {
        Target { contender, figure, rival: None, bound: Bound::AtMost(limit) }
    }

    /// At most this part of the rival's, where 20 means a twentieth.
    pub const fn one_in(
        contender: &'static str,
        figure: &'static str,
        rival: &'static str,
        parts: f64,
    ) -> Self {
        Target { contender, figure, rival: Some(rival), bound: Bound::AtMost(1.0 / parts) }
    }

    /// At least so many times the rival's.
    pub const fn times(
        contender: &'static str,
        figure: &'static str,
        rival: &'static str,
        times: f64,
    ) -> Self {
        Target { contender, figure, rival: Some(rival), bound: Bound::AtLeast(times) }
    }

    /// Whether these contenders and figures are what a bench is about.
    pub(crate) fn is_about(&self, contenders: &[&str], figures: &[&str]) -> bool {
        let there = |name: &str| contenders.contains(&name);
        there(self.contender) && self.rival.is_none_or(there) && figures.contains(&self.figure)
    }

    /// Whether it holds, and the line that says so.
    pub(crate) fn judge<'r>(
        &self,
        rounds_of: impl Fn(&str) -> &'r [Figures],
    ) -> (bool, String, Option<f64>) {
        let Target { contender, figure, rival, bound } = *self;
        let ours = rounds_of(contender);
        let mut values: Vec<f64> = match rival {
            None => ours.iter().filter_map(|round| round.get(figure)).collect(),
            Some(rival) => ours
                .iter()
                .zip(rounds_of(rival))
                .filter_map(|(ours, rival)| Some(ours.get(figure)? / rival.get(figure)?))
                .collect(),
        };
        let against = rival.map(|rival| format!(" to {rival}")).unwrap_or_default();
        let ratio = if rival.is_some() { "ratio " } else { "" };
        let what = format!("{contender}: {figure} {ratio}{against}").replace("  ", " ");
        if values.is_empty() {
            return (false, format!("{:<58} not measured", what.trim_end()), None);
        }
        values.sort_by(f64::total_cmp);
        let value = percentile(&values, 0.5);
        let (holds, sign, limit) = match bound {
            Bound::AtMost(limit) => (value <= limit, "<=", limit),
            Bound::AtLeast(limit) => (value >= limit, ">=", limit),
        };
        let verdict = if holds { "met" } else { "NOT MET" };
        let line = format!("{:<58} {value:>9.4} {sign} {limit:<9.4} {verdict}", what.trim_end());
        (holds, line, Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: Target, ours: &[f64], rival: &[f64], expect: (bool, Option<f64>)) {
        let rounds = |values: &[f64]| -> Vec<Figures> {
            let one = |value: &f64| {
                let mut figures = Figures::default();
                figures.set("mean_ns", *value);
                figures
            };
            values.iter().map(one).collect()
        };
        let (ours, rival) = (rounds(ours), rounds(rival));
        let (holds, line, value) = target.judge(|name| if name == "ours" { &ours } else { &rival });
        assert_eq!((holds, value), expect, "{line}");
    }

    #[test]
    fn a_target_holds_by_the_median_of_the_rounds() {
        let most = Target::at_most("ours", "mean_ns", 10.0);
        check(most, &[9.0, 10.0, 99.0], &[], (true, Some(10.0)));
        check(most, &[9.0, 11.0, 99.0], &[], (false, Some(11.0)));
        check(most, &[], &[], (false, None));
        let part = Target::one_in("ours", "mean_ns", "rival", 4.0);
        check(part, &[1.0, 2.0, 3.0], &[4.0, 8.0, 4.0], (true, Some(0.25)));
        check(part, &[1.0], &[3.0], (false, Some(1.0 / 3.0)));
        check(part, &[1.0], &[], (false, None));
        let times = Target::times("ours", "mean_ns", "rival", 2.0);
        check(times, &[4.0], &[2.0], (true, Some(2.0)));
        check(times, &[3.0], &[2.0], (false, Some(1.5)));
        check(Target::at_most("ours", "idle_us", 1.0), &[1.0], &[], (false, None));
    }
}
