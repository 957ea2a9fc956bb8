//! Routes: from alerts to receivers.

use std::ops::RangeInclusive;
use std::time::Duration;

use prisma_log_core::Error;

use super::matcher::{Matcher, all_match};
use super::target::{Pace, Target};
use crate::codec::fnv1a;
use crate::{Alert, Group};

const MAX_DEPTH: usize = 8;
const MAX_KEYS: usize = 16;
/// Groups by everything that identifies an alert.
const EVERYTHING: &str = "...";

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// What holds where nothing is said.
pub(super) const DEFAULT_PACE: Pace = Pace {
    group_wait: Duration::from_secs(10),
    group_interval: Duration::from_secs(300),
    repeat_interval: Duration::from_secs(4 * 3600),
};

/// Leads alerts that match to receivers, and says how their news is put together and paced.
///
/// Routes are tried in order; the first that matches is taken, and the search ends there unless the
/// route [continues](RouteBuilder::continues). Of a route with [inner routes](RouteBuilder::route),
/// those that match are taken in its place. News of alerts with the same values of
/// `group_by` shares messages: the first goes out `group_wait` after it came, further ones at least
/// `group_interval` apart, and while alerts are unresolved and nothing changes a reminder goes out
/// every `repeat_interval`.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    id: u64,
    matchers: Vec<Matcher>,
    /// Empty for all.
    receivers: Vec<String>,
    group_by: Vec<String>,
    pace: Pace,
    continues: bool,
    routes: Vec<Route>,
}

/// The route from every alert to every receiver.
impl Default for Route {
    fn default() -> Self {
        let Inherited { id, receivers, group_by, pace } = Inherited::default();
        let (matchers, routes) = (Vec::new(), Vec::new());
        Route { id, matchers, receivers, group_by, pace, continues: false, routes }
    }
}

impl Route {
    /// Starts a route that matches every alert and leads to every receiver.
    pub fn builder() -> RouteBuilder {
        RouteBuilder::default()
    }

    pub(super) fn continues(&self) -> bool {
        self.continues
    }

    /// The pace of the route with this id, this one or one within it, that leads to the receiver.
    pub(super) fn pace_of(&self, id: u64, receiver: &str) -> Option<Pace> {
        let leads = self.receivers.is_empty() || self.receivers.iter().any(|name| name == receiver);
        if self.id == id && leads {
            return Some(self.pace);
        }
        self.routes.iter().find_map(|route| route.pace_of(id, receiver))
    }

    pub(super) fn collect_receivers<'a>(&'a self, names: &mut Vec<&'a str>) {
        names.extend(self.receivers.iter().map(String::as_str));
        self.routes.iter().for_each(|route| route.collect_receivers(names));
    }

    /// Adds where news of the alert goes; whether the route matches.
    pub(super) fn collect_targets(
        &self,
        alert: &Alert,
        receivers: &[String],
        targets: &mut Vec<Target>,
    ) -> bool {
        if !all_match(&self.matchers, alert) {
            return false;
        }
        let mut taken = false;
        for route in &self.routes {
            if route.collect_targets(alert, receivers, targets) {
                taken = true;
                if !route.continues {
                    break;
                }
            }
        }
        if !taken {
            let names = if self.receivers.is_empty() { receivers } else { &self.receivers };
            targets.extend(names.iter().map(|receiver| Target {
                route: self.id,
                receiver: receiver.clone(),
                group: self.group_of(alert),
                pace: self.pace,
            }));
        }
        true
    }

    fn group_of(&self, alert: &Alert) -> Group {
        let everything = self.group_by.iter().any(|key| key == EVERYTHING);
        let own = alert.group.iter().map(|(key, _)| key).filter(|_| everything);
        let keys: Vec<&str> = if everything {
            std::iter::once("rule").chain(own).collect()
        } else {
            self.group_by.iter().map(String::as_str).collect()
        };
        let values = keys.iter().map(|key| alert.value_of(key).to_owned());
        Group::new(keys.iter().copied(), values)
    }
}

/// Collects a route's settings; what an inner route does not say is as its outer route says.
#[derive(Clone, Debug, Default)]
#[must_use = "a route is checked when its policy is built"]
pub struct RouteBuilder {
    matchers: Vec<Matcher>,
    receivers: Vec<String>,
    group_by: Option<Vec<String>>,
    group_wait: Option<Duration>,
    group_interval: Option<Duration>,
    repeat_interval: Option<Duration>,
    continues: bool,
    routes: Vec<RouteBuilder>,
}

/// What holds where nothing is said.
#[derive(Clone, Debug)]
pub(super) struct Inherited {
    id: u64,
    receivers: Vec<String>,
    group_by: Vec<String>,
    pace: Pace,
}

impl Default for Inherited {
    fn default() -> Self {
        Inherited {
            id: 0,
            receivers: Vec::new(),
            group_by: vec!["rule".into()],
            pace: DEFAULT_PACE,
        }
    }
}

impl RouteBuilder {
    /// What alerts must satisfy, too; without one all alerts match.
    pub fn matcher(mut self, matcher: Matcher) -> Self {
        self.matchers.push(matcher);
        self
    }

    /// A receiver that it leads to, too; without one it leads to all.
    pub fn receiver(mut self, name: impl Into<String>) -> Self {
        self.receivers.push(name.into());
        self
    }

    /// The keys by whose values news shares messages, in place of those before: at most 16 of what a
    /// [`Matcher`] may have as key. `["rule"]` by default; none for all alerts together, `"..."` for each
    /// alert by itself.
    pub fn group_by<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.group_by = Some(keys.into_iter().map(Into::into).collect());
        self
    }

    /// How long the first news of a group waits for more: up to an hour, 10 s by default.
    pub fn group_wait(mut self, wait: Duration) -> Self {
        self.group_wait = Some(wait);
        self
    }

    /// The least time between two messages of a group: 1 s to a day, 5 min by default.
    pub fn group_interval(mut self, interval: Duration) -> Self {
        self.group_interval = Some(interval);
        self
    }

    /// After how long a reminder of unresolved alerts goes out: 1 min to 30 days, 4 h by default.
    pub fn repeat_interval(mut self, interval: Duration) -> Self {
        self.repeat_interval = Some(interval);
        self
    }

    /// Whether the routes after it are tried, too, when it matches; `false` by default.
    pub fn continues(mut self, continues: bool) -> Self {
        self.continues = continues;
        self
    }

    /// A route within it that takes over what it matches; at most 8 deep.
    pub fn route(mut self, route: RouteBuilder) -> Self {
        self.routes.push(route);
        self
    }

    pub(super) fn build(self, outer: &Inherited, depth: usize) -> Result<Route, Error> {
        if depth > MAX_DEPTH {
            return Err(Error::config(format!("routes are nested deeper than {MAX_DEPTH}")));
        }
        let group_by = self.group_by.unwrap_or_else(|| outer.group_by.clone());
        if group_by.len() > MAX_KEYS || group_by.iter().any(String::is_empty) {
            return Err(Error::config(format!(
                "a route groups by at most {MAX_KEYS} keys, none of them empty"
            )));
        }
        let pace = Pace {
            group_wait: checked(
                "group_wait",
                self.group_wait.unwrap_or(outer.pace.group_wait),
                Duration::ZERO..=HOUR,
            )?,
            group_interval: checked(
                "group_interval",
                self.group_interval.unwrap_or(outer.pace.group_interval),
                SECOND..=DAY,
            )?,
            repeat_interval: checked(
                "repeat_interval",
                self.repeat_interval.unwrap_or(outer.pace.repeat_interval),
                60 * SECOND..=30 * DAY,
            )?,
        };
        let matchers: Vec<String> = self.matchers.iter().map(Matcher::to_string).collect();
        let receivers =
            if self.receivers.is_empty() { outer.receivers.clone() } else { self.receivers };
        // What makes groups of two routes differ; a pace may change over restarts.
        let id = fnv1a(format!("{}\0{matchers:?}\0{group_by:?}", outer.id).as_bytes());
        let inherited = Inherited { id, receivers, group_by, pace };
        let routes = self.routes.into_iter().map(|route| route.build(&inherited, depth + 1));
        let routes = routes.collect::<Result<_, _>>()?;
        let Inherited { id, receivers, group_by, pace } = inherited;
        let (matchers, continues) = (self.matchers, self.continues);
        Ok(Route { id, matchers, receivers, group_by, pace, continues, routes })
    }
}

pub(super) fn checked(
    what: &str,
    value: Duration,
    range: RangeInclusive<Duration>,
) -> Result<Duration, Error> {
    if range.contains(&value) {
        return Ok(value);
    }
    let (least, most) = (range.start(), range.end());
    Err(Error::config(format!("{what} is {value:?}, expected {least:?} to {most:?}")))
}
