//! When matches become an alert.

use std::fmt;
use std::time::Duration;

use super::Condition;

/// When the matches of a group become an alert.
///
/// All times are event times: what the lines themselves state, in whatever order they come. What a
/// line lacks (a field that is no number for a sum, say) leaves the group as it is.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// Every match fires.
    Any,
    /// Fires when the measure of the matches within `window` reaches `at_least`. The matches of a
    /// firing are used up: the next one needs new ones.
    Frequency {
        /// What is counted.
        measure: Measure,
        /// 1 to 1,000,000 for matches and distinct values; any positive number for sums.
        at_least: f64,
        /// Time that they have to lie in, up to 30 days; both ends belong to a sliding window.
        window: Duration,
        /// Whether windows slide or tumble.
        windows: Windows,
    },
    /// Every match fills a bucket by one, and one leaks out every `leak_every`; fires when a match
    /// does not fit any more, which is the (`capacity` + 1)-th one in the bucket. The bucket is gone
    /// then. This is what CrowdSec calls a leaky bucket.
    LeakyBucket {
        /// Matches that fit in, 0 to 1,000,000.
        capacity: u32,
        /// Time in which one match leaks out, up to 30 days.
        leak_every: Duration,
        /// Only matches with distinct values of this key fill the bucket.
        distinct: Option<String>,
    },
    /// Fires when, of the matches within `window`, the share for which `of` holds, too, reaches
    /// `ratio`. An error rate is one `of` the level ERROR. A firing uses its window up. Fires with a
    /// line only: a window that just empties would give rates that never were. Windows of more than
    /// 512 matches begin within 1/256 of their length.
    Rate {
        /// What is counted of the matches.
        of: Condition,
        /// Above 0, up to 1.
        ratio: f64,
        /// Fewer matches than these say nothing; 1 to 1,000,000.
        min_volume: u64,
        /// Up to 30 days.
        window: Duration,
    },
    /// Fires when a window has `factor` times as many matches as its baseline, or so many times
    /// fewer. Windows tumble: more is told at once, once a window; fewer when a window has ended and
    /// its late lines are in. The window in which the group began is never a baseline.
    Spike {
        /// Above 1.
        factor: f64,
        /// Whether more, fewer or both are a spike.
        direction: Direction,
        /// What the window is compared with.
        baseline: Baseline,
        /// The larger of the two has to have so many matches; 1 to 1,000,000.
        min_count: u64,
        /// Up to 30 days; at most an hour against the same hour of earlier days.
        window: Duration,
    },
    /// Fires when fewer than `at_least` matches came within `window`, also when no line comes at all,
    /// and again after every further window; a jump over several is told as one. Without `group_by`
    /// it needs no first match.
    Flatline {
        /// Matches that are expected; 1 to 1,000,000.
        at_least: u64,
        /// Up to 30 days.
        window: Duration,
    },
    /// Fires when the field's value differs from that of the match before in the same group.
    Change {
        /// The field's key.
        field: String,
    },
    /// Fires when the field has a value that was never seen before in the group; of more than 16,384
    /// those are forgotten that were not seen for longest.
    NewValue {
        /// The field's key.
        field: String,
        /// Time since the group's first match in which values are only learnt; up to 30 days.
        learn: Duration,
    },
    /// Fires when the message has a form that was never seen before: its words without numbers, ids
    /// and other values.
    NewTemplate {
        /// Time since the group's first match in which forms are only learnt; up to 30 days.
        learn: Duration,
    },
    /// Fires when a percentile of a numeric field over the matches within `window` crosses a bound. A
    /// firing uses its window up. Windows of more than 512 matches begin within 1/64 of their length;
    /// the figure that is told is right to 1 %.
    Percentile {
        /// The field's key.
        field: String,
        /// Above 0, up to 100.
        percentile: f64,
        /// What the percentile must not cross.
        bound: Bound,
        /// Fewer matches than these say nothing; 1 to 1,000,000.
        min_volume: u64,
        /// Up to 30 days.
        window: Duration,
    },
    /// Fires when, within one group, the rule's own match is followed by matches of each of `then`,
    /// in this order, all within `within` of the first. Lines of one time keep the order in which they
    /// came. A group keeps up to 32 lines a step.
    Sequence {
        /// What has to follow; 1 to 15 conditions.
        then: Vec<Condition>,
        /// Up to 30 days.
        within: Duration,
    },
}

/// What [`Kind::Frequency`] counts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Measure {
    /// Matches.
    Matches,
    /// Distinct values of this key; a match without it counts as one with an empty value.
    Distinct(String),
    /// The sum of this numeric field.
    Sum(String),
}

/// How windows lie in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Windows {
    /// Every span of time of the window's length is one.
    #[default]
    Sliding,
    /// One after the other, from multiples of their length since 1970 (UTC) on.
    Tumbling,
}

/// Which difference is a spike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Direction {
    /// More matches than usual.
    #[default]
    Up,
    /// Fewer matches than usual.
    Down,
    /// Either.
    Both,
}

/// What a window is compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Baseline {
    /// The window before.
    #[default]
    Previous,
    /// The mean of the same hour (UTC) of so many days before (1 to 28), for the window's length.
    SameHour {
        /// How many days are looked at.
        days: u8,
    },
}

/// What a percentile must not cross.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Bound {
    /// Fires above this number.
    Above(f64),
    /// Fires below this number.
    Below(f64),
}

impl Kind {
    /// The key of the field that the kind looks at.
    pub fn field(&self) -> Option<&str> {
        match self {
            Kind::Frequency { measure: Measure::Distinct(key) | Measure::Sum(key), .. }
            | Kind::LeakyBucket { distinct: Some(key), .. }
            | Kind::Change { field: key }
            | Kind::NewValue { field: key, .. }
            | Kind::Percentile { field: key, .. } => Some(key),
            _ => None,
        }
    }

    /// The conditions besides the rule's own: they are looked for in the same lines.
    pub fn conditions(&self) -> &[Condition] {
        match self {
            Kind::Rate { of, .. } => std::slice::from_ref(of),
            Kind::Sequence { then, .. } => then,
            _ => &[],
        }
    }
}

impl fmt::Display for Kind {
    /// The kind as people read it: `5 within 60s`, `no heartbeat for 30s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Any => f.write_str("every match"),
            Kind::Frequency { measure, at_least, window, windows } => {
                match measure {
                    Measure::Matches => write!(f, "{at_least}")?,
                    Measure::Distinct(key) => write!(f, "{at_least} distinct `{key}`")?,
                    Measure::Sum(key) => write!(f, "a sum of `{key}` of {at_least}")?,
                }
                match windows {
                    Windows::Sliding => write!(f, " within {window:?}"),
                    Windows::Tumbling => write!(f, " in one window of {window:?}"),
                }
            }
            Kind::LeakyBucket { capacity, leak_every, distinct } => {
                write!(f, "more than {capacity} leaking one every {leak_every:?}")?;
                distinct.as_ref().map_or(Ok(()), |key| write!(f, ", distinct by `{key}`"))
            }
            Kind::Rate { of, ratio, min_volume, window } => {
                let percent = ratio * 100.0;
                write!(f, "{percent} % of at least {min_volume} within {window:?}: {of}")
            }
            Kind::Spike { factor, direction, baseline, min_count, window } => {
                let direction = match direction {
                    Direction::Up => "more",
                    Direction::Down => "fewer",
                    Direction::Both => "more or fewer",
                };
                write!(
                    f,
                    "{factor} times {direction} (at least {min_count}) within {window:?} than "
                )?;
                match baseline {
                    Baseline::Previous => f.write_str("in the window before"),
                    Baseline::SameHour { days } => {
                        write!(f, "at the same time of {days} days before")
                    }
                }
            }
            Kind::Flatline { at_least, window } => {
                write!(f, "fewer than {at_least} within {window:?}")
            }
            Kind::Change { field } => write!(f, "`{field}` changes"),
            Kind::NewValue { field, learn } => {
                write!(f, "a new value of `{field}`, after learning for {learn:?}")
            }
            Kind::NewTemplate { learn } => {
                write!(f, "a message of a new form, after learning for {learn:?}")
            }
            Kind::Percentile { field, percentile, bound, min_volume, window } => {
                let (word, bound) = match bound {
                    Bound::Above(bound) => ("above", bound),
                    Bound::Below(bound) => ("below", bound),
                };
                write!(
                    f,
                    "p{percentile} of `{field}` {word} {bound}, of at least {min_volume} within {window:?}"
                )
            }
            Kind::Sequence { then, within } => {
                for condition in then {
                    write!(f, "then {condition}, ")?;
                }
                write!(f, "all within {within:?}")
            }
        }
    }
}
