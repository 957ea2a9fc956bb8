//! Settings of a policy.

use std::time::Duration;

use prisma_log_core::Error;

use super::route::{Inherited, checked};
use super::{
    Inhibition, InhibitionBuilder, Limits, Maintenance, MaintenanceBuilder, Policy, Route,
    RouteBuilder,
};

const MAX_PER_MINUTE: u32 = 10_000;
const MAX_ALERTS_PER_MESSAGE: usize = 1_000;
const MAX_OPEN_ALERTS: u64 = 1_000_000;
const MAX_CHANGES: u32 = 100;
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// Collects a policy's settings.
#[derive(Clone, Debug)]
#[must_use = "a policy is made by `build`"]
pub struct PolicyBuilder {
    routes: Vec<RouteBuilder>,
    inhibitions: Vec<InhibitionBuilder>,
    maintenances: Vec<MaintenanceBuilder>,
    max_per_minute: u32,
    max_alerts_per_message: usize,
    max_open_alerts: u64,
    flapping: Option<(u32, Duration)>,
    give_up_after: Duration,
    shutdown_wait: Duration,
}

impl Default for PolicyBuilder {
    fn default() -> Self {
        PolicyBuilder {
            routes: Vec::new(),
            inhibitions: Vec::new(),
            maintenances: Vec::new(),
            max_per_minute: 30,
            max_alerts_per_message: 50,
            max_open_alerts: 10_000,
            flapping: Some((6, HOUR)),
            give_up_after: DAY,
            shutdown_wait: 5 * SECOND,
        }
    }
}

impl PolicyBuilder {
    /// A further route; the first that matches is taken. Without any, one leads from every alert to
    /// every receiver.
    pub fn route(mut self, route: RouteBuilder) -> Self {
        self.routes.push(route);
        self
    }

    /// Further alerts that others mute.
    pub fn inhibit(mut self, inhibition: InhibitionBuilder) -> Self {
        self.inhibitions.push(inhibition);
        self
    }

    /// A further time at which alerts are muted.
    pub fn maintenance(mut self, maintenance: MaintenanceBuilder) -> Self {
        self.maintenances.push(maintenance);
        self
    }

    /// Messages that a receiver gets in any minute, at most: 1 to 10,000, 30 by default. What is too
    /// much becomes a digest: one message with the most urgent alerts, and with exact counts of what it
    /// leaves out.
    pub fn max_per_minute(mut self, messages: u32) -> Self {
        self.max_per_minute = messages;
        self
    }

    /// Alerts that a message lists: 1 to 1,000, 50 by default. The others are counted in it.
    pub fn max_alerts_per_message(mut self, alerts: usize) -> Self {
        self.max_alerts_per_message = alerts;
        self
    }

    /// Alerts that may be unresolved at once: 1 to 1,000,000, 10,000 by default. Firings beyond it are
    /// counted and told to `on_error`, but raise nothing.
    pub fn max_open_alerts(mut self, alerts: u64) -> Self {
        self.max_open_alerts = alerts;
        self
    }

    /// An alert flaps when it was raised, resolved or opened again more than `changes` times within a
    /// time: 2 to 100 within 1 s to a day, 6 within an hour by default. Receivers hear of it when it
    /// has not changed for that time.
    pub fn flapping(mut self, changes: u32, within: Duration) -> Self {
        self.flapping = Some((changes, within));
        self
    }

    /// No alert is seen as flapping.
    pub fn no_flapping(mut self) -> Self {
        self.flapping = None;
        self
    }

    /// How old a message may become that a receiver does not take: 1 min to 30 days, a day by
    /// default. It is given up then, counted, and told to `on_error`.
    pub fn give_up_after(mut self, age: Duration) -> Self {
        self.give_up_after = age;
        self
    }

    /// How long a monitor that stops waits for receivers: up to a minute, 5 s by default. What they
    /// have not taken by then is given to them by the next run on the same store.
    pub fn shutdown_wait(mut self, wait: Duration) -> Self {
        self.shutdown_wait = wait;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// When a number or duration is outside its limits, or when a route, an inhibition or a maintenance
    /// window is incomplete.
    pub fn build(mut self) -> Result<Policy, Error> {
        within("max_per_minute", self.max_per_minute.into(), MAX_PER_MINUTE.into())?;
        let alerts = self.max_alerts_per_message as u64;
        within("max_alerts_per_message", alerts, MAX_ALERTS_PER_MESSAGE as u64)?;
        within("max_open_alerts", self.max_open_alerts, MAX_OPEN_ALERTS)?;
        if let Some((changes, time)) = self.flapping {
            if !(2..=MAX_CHANGES).contains(&changes) {
                return Err(Error::config(format!(
                    "flapping after {changes} changes, expected 2 to {MAX_CHANGES}"
                )));
            }
            checked("the time for flapping", time, SECOND..=DAY)?;
        }
        checked("give_up_after", self.give_up_after, 60 * SECOND..=30 * DAY)?;
        checked("shutdown_wait", self.shutdown_wait, Duration::ZERO..=60 * SECOND)?;
        let outer = Inherited::default();
        let routes = std::mem::take(&mut self.routes).into_iter().map(|r| r.build(&outer, 1));
        let inhibitions =
            std::mem::take(&mut self.inhibitions).into_iter().map(InhibitionBuilder::build);
        let maintenances =
            std::mem::take(&mut self.maintenances).into_iter().map(MaintenanceBuilder::build);
        let mut routes: Vec<_> = routes.collect::<Result<_, _>>()?;
        if routes.is_empty() {
            routes.push(Route::default());
        }
        let inhibitions = inhibitions.collect::<Result<_, _>>()?;
        let maintenances = maintenances.collect::<Result<_, _>>()?;
        Ok(Self::finish(self, routes, inhibitions, maintenances))
    }

    /// The policy, its numbers as they are.
    pub(super) fn finish(
        self,
        routes: Vec<Route>,
        inhibitions: Vec<Inhibition>,
        maintenances: Vec<Maintenance>,
    ) -> Policy {
        Policy {
            routes,
            inhibitions,
            maintenances,
            max_per_minute: self.max_per_minute,
            max_alerts_per_message: self.max_alerts_per_message,
            give_up_after: self.give_up_after,
            shutdown_wait: self.shutdown_wait,
            limits: Limits { max_open_alerts: self.max_open_alerts, flapping: self.flapping },
        }
    }
}

fn within(what: &str, value: u64, most: u64) -> Result<(), Error> {
    if (1..=most).contains(&value) {
        return Ok(());
    }
    Err(Error::config(format!("{what} is {value}, expected 1 to {most}")))
}
