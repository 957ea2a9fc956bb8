//! Who is told what, when, and how much of it.

mod builder;
mod inhibition;
mod maintenance;
mod matcher;
mod route;
mod silence;
mod target;

use std::time::Duration;

pub use builder::PolicyBuilder;
pub use inhibition::{Inhibition, InhibitionBuilder};
pub use maintenance::{Maintenance, MaintenanceBuilder, Weekday};
pub use matcher::{Comparison, Matcher};
pub use route::{Route, RouteBuilder};
pub use silence::{Silence, SilenceBuilder, SilenceState};
pub(crate) use target::{Pace, Target};

use prisma_log_core::Error;

/// Who is told what, when, and how much of it.
///
/// A policy says which [`Route`]s lead from alerts to receivers, which alerts are muted by others
/// ([`Inhibition`]) or at certain times ([`Maintenance`]), how often a receiver may be told, and how
/// many alerts there may be. Without one every receiver is told of every alert, as a single
/// [`Route`] with its defaults would have it.
///
/// Handlers such as [`MonitorBuilder::on_alert`](crate::MonitorBuilder::on_alert) are no receivers:
/// they are called with everything, at once.
///
/// # Examples
/// ```
/// use prisma_log_monitor::{Inhibition, Policy, Route};
///
/// let policy = Policy::builder()
///     .route(Route::builder().matcher("severity=critical".parse()?).receiver("pager"))
///     .route(Route::builder().receiver("mail").group_by(["rule", "host"]))
///     .inhibit(
///         Inhibition::builder()
///             .source("severity=critical".parse()?)
///             .target("severity=~warning|info".parse()?)
///             .equal(["host"]),
///     )
///     .max_per_minute(10)
///     .build()?;
/// # Ok::<(), prisma_log_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    pub(crate) routes: Vec<Route>,
    pub(crate) inhibitions: Vec<Inhibition>,
    pub(crate) maintenances: Vec<Maintenance>,
    pub(crate) max_per_minute: u32,
    pub(crate) max_alerts_per_message: usize,
    pub(crate) give_up_after: Duration,
    pub(crate) shutdown_wait: Duration,
    pub(crate) limits: Limits,
}

/// What holds for alerts whether or not anybody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) max_open_alerts: u64,
    /// Changes that are too many within this time; `None` when nobody looks.
    pub(crate) flapping: Option<(u32, Duration)>,
}

impl Policy {
    /// Starts a policy.
    pub fn builder() -> PolicyBuilder {
        PolicyBuilder::default()
    }

    /// The names of the receivers that routes lead to, each once; empty when there is a route to all.
    pub fn receivers(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.routes.iter().for_each(|route| route.collect_receivers(&mut names));
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Where news of an alert goes, in the order of the routes.
    pub(crate) fn targets(&self, alert: &crate::Alert, receivers: &[String]) -> Vec<Target> {
        let mut targets = Vec::new();
        for route in &self.routes {
            if route.collect_targets(alert, receivers, &mut targets) && !route.continues() {
                break;
            }
        }
        targets
    }

    /// The pace of the route with this id, if it leads to the receiver.
    pub(crate) fn pace_of(&self, route: u64, receiver: &str) -> Option<Pace> {
        self.routes.iter().find_map(|outer| outer.pace_of(route, receiver))
    }

    /// The pace of a route that does not say otherwise.
    pub(crate) fn any_pace(&self) -> Pace {
        route::DEFAULT_PACE
    }

    /// Whether the alert is muted by a maintenance window at `now`.
    pub(crate) fn is_in_maintenance(
        &self,
        alert: &crate::Alert,
        now: prisma_log_core::Timestamp,
    ) -> bool {
        self.maintenances.iter().any(|window| window.mutes(alert, now))
    }

    /// Checks that every route leads to a receiver that is there.
    pub(crate) fn check_receivers(&self, receivers: &[String]) -> Result<(), Error> {
        match self.receivers().into_iter().find(|name| !receivers.iter().any(|have| have == name)) {
            Some(name) => Err(Error::config(format!(
                "a route leads to `{}`, but there is no such receiver",
                name.escape_debug()
            ))),
            None => Ok(()),
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        PolicyBuilder::default().finish(vec![Route::default()], Vec::new(), Vec::new())
    }
}

#[cfg(test)]
mod tests;
