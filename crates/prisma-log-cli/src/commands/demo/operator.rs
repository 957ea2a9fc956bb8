//! The demo's operator: reads the alerts, takes the first one on, waits for the quiet.

use std::io::Write as _;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use prisma_log_core::Error;
use prisma_log_monitor::{AlertFilter, Monitor, Notification, NotificationKind};

use crate::exit::Failure;
use crate::present;
use crate::present::style::FAINT;

const NAME: &str = "demo-operator";

pub(super) struct Operator<'a> {
    monitor: &'a Monitor,
    news: Receiver<Notification>,
    has_acknowledged: bool,
}

impl<'a> Operator<'a> {
    pub(super) fn new(monitor: &'a Monitor, news: Receiver<Notification>) -> Self {
        Operator { monitor, news, has_acknowledged: false }
    }

    /// Prints what comes in within `time`, and acknowledges the first alert.
    pub(super) fn watch(&mut self, time: Duration) -> Result<(), Failure> {
        let deadline = Instant::now() + time;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let news = match self.news.recv_timeout(left) {
                Ok(news) => news,
                Err(RecvTimeoutError::Timeout) => return Ok(()),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Error::state("the monitor has stopped").into());
                }
            };
            writeln!(anstream::stdout().lock(), "{}", present::alert::news(&news))?;
            if news.kind == NotificationKind::Raised && !self.has_acknowledged {
                self.has_acknowledged = true;
                let note = "restarting the database";
                let alert = self.monitor.acknowledge(&news.id, NAME, note)?;
                writeln!(
                    anstream::stdout().lock(),
                    "{FAINT}    the operator runs{FAINT:#} plog alerts ack {} --by {NAME} --note '{note}'\n    {}",
                    alert.id,
                    present::alert::row(&alert)
                )?;
            }
        }
    }

    /// Watches until no alert is unresolved, at most for `patience`.
    pub(super) fn watch_until_closed(&mut self, patience: Duration) -> Result<(), Failure> {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            self.watch(Duration::from_millis(100))?;
            if self.monitor.store().list(&AlertFilter::unresolved())?.is_empty() {
                break;
            }
        }
        self.watch(Duration::ZERO)
    }
}
