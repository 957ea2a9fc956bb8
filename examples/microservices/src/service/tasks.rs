//! Tasks that may outlive the request that spawned them, and the wait for their end.

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Spawns tasks in the spawner's context and keeps account of them.
#[derive(Clone)]
pub(crate) struct Tasks(mpsc::Sender<()>);

/// Where their end is seen.
pub(crate) struct Ended(mpsc::Receiver<()>);

impl Tasks {
    pub(crate) fn new() -> (Self, Ended) {
        let (send, receive) = mpsc::channel(1);
        (Tasks(send), Ended(receive))
    }

    pub(crate) fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let alive = self.0.clone();
        prisma_log::tokio::spawn(async move {
            let output = future.await;
            drop(alive);
            output
        })
    }
}

impl Ended {
    /// Returns when all are gone, and with them whoever could spawn more.
    pub(crate) async fn all(mut self) {
        // Nothing is ever sent: the end of all senders is what comes.
        let _ = self.0.recv().await;
    }
}
