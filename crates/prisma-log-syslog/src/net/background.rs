//! Something that takes its time, done on a thread of its own.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use prisma_log_core::Error;

/// Makes something, again and again, without anyone waiting longer than they like.
pub(crate) struct Background<T> {
    make: Arc<dyn Fn() -> Result<T, Error> + Send + Sync>,
    under_way: Option<Receiver<Result<T, Error>>>,
}

impl<T: Send + 'static> Background<T> {
    pub(crate) fn new(make: impl Fn() -> Result<T, Error> + Send + Sync + 'static) -> Self {
        Background { make: Arc::new(make), under_way: None }
    }

    /// Begins to make one, unless that is under way, and waits for it so long at most; `None`
    /// when it is not ready then.
    pub(crate) fn get(&mut self, patience: Duration) -> Option<Result<T, Error>> {
        let under_way = match &self.under_way {
            Some(under_way) => under_way,
            None => {
                let (sender, receiver) = channel();
                let make = Arc::clone(&self.make);
                // Nobody may be there any more to take it.
                let begin = move || drop(sender.send(make()));
                let thread = std::thread::Builder::new().name("prisma-syslog".to_owned());
                if thread.spawn(begin).is_err() {
                    // No thread to be had: better to wait than never to connect.
                    return Some((self.make)());
                }
                self.under_way.insert(receiver)
            }
        };
        let made = match under_way.recv_timeout(patience) {
            Ok(made) => made,
            Err(RecvTimeoutError::Timeout) => return None,
            Err(RecvTimeoutError::Disconnected) => {
                Err(Error::state("the thread that connects panicked"))
            }
        };
        self.under_way = None;
        Some(made)
    }

    pub(crate) fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    /// Lets go of what is under way.
    pub(crate) fn forget(&mut self) {
        self.under_way = None;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::sync_channel;

    use super::*;

    #[test]
    fn nobody_waits_longer_than_they_like() {
        let (let_go, held) = sync_channel::<Result<u32, Error>>(3);
        let held = Mutex::new(held);
        let mut background = Background::new(move || held.lock().unwrap().recv().unwrap());
        assert!(background.get(Duration::ZERO).is_none());
        assert!(background.get(Duration::from_millis(1)).is_none());
        let_go.send(Ok(7)).unwrap();
        let made = background.get(Duration::from_secs(60)).unwrap();
        assert_eq!(made.unwrap(), 7);
        assert!(!background.is_under_way());
        let_go.send(Err(Error::state("no"))).unwrap();
        assert!(background.get(Duration::from_secs(60)).unwrap().is_err());
        drop(let_go);
        let made = background.get(Duration::from_secs(60)).unwrap();
        assert_eq!(made.unwrap_err().to_string(), "the thread that connects panicked");
    }
}
