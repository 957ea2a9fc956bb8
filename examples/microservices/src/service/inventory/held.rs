//! Orders that wait for goods.

use std::collections::HashSet;

use prisma_log::{Logger, info};
use tokio::sync::watch;

use crate::order::OrderId;

/// The ids of orders that wait.
pub(crate) struct Held(watch::Sender<HashSet<String>>);

/// One order that waits, as long as this lives.
pub(crate) struct Waiting<'a> {
    held: &'a Held,
    log: &'a Logger,
    id: &'a OrderId,
}

impl Held {
    pub(crate) fn new() -> Self {
        Held(watch::Sender::default())
    }

    pub(crate) fn begin<'a>(&'a self, log: &'a Logger, id: &'a OrderId) -> Waiting<'a> {
        self.0.send_if_modified(|ids| ids.insert(id.as_str().to_owned()));
        Waiting { held: self, log, id }
    }

    pub(crate) async fn wait_for(&self, id: &OrderId) {
        // It fails when the sender is gone: then nobody waits any more.
        let _ = self.0.subscribe().wait_for(|ids| ids.contains(id.as_str())).await;
    }
}

impl Drop for Waiting<'_> {
    /// Runs in the request's context even when the caller went away and the handler is dropped.
    fn drop(&mut self) {
        self.held.0.send_if_modified(|ids| ids.remove(self.id.as_str()));
        info!(self.log, "waits no longer"; "order" => %self.id);
    }
}
