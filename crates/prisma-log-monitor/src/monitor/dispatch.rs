//! The thread that makes messages of news, and the threads that deliver them.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use prisma_log_core::{Clock, Error};

use super::current::Current;
use super::deliver::Deliverer;
use super::mail::Mail;
use super::repeat::Repeat;
use crate::store::{Dispatcher, Store};
use crate::{Notifier, Policy};

/// Least often looked for what other processes did, and for what time brings.
const TICK: Duration = Duration::from_millis(500);
const MAX_NAME: usize = 64;

/// A receiver as it was configured.
pub(super) type Receiver = (String, Box<dyn Notifier>);

/// The threads that bring news to receivers; they end when it is dropped.
#[derive(Debug)]
pub(super) struct Dispatch {
    mail: Arc<Mail>,
    thread: Option<JoinHandle<()>>,
    current: Current,
}

impl Dispatch {
    /// Starts the threads; there are none without receivers.
    ///
    /// # Errors
    /// When the store fails, or a thread can't be started.
    pub(super) fn start(
        store: &Store,
        current: &Current,
        receivers: Vec<Receiver>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Option<Dispatch>, Error> {
        if receivers.is_empty() {
            store.without_receivers()?;
            return Ok(None);
        }
        let policy = current.policy();
        let mail = Arc::<Mail>::default();
        let (dispatcher, waiting) = store.dispatcher(&policy, current.names())?;
        mail.post(&waiting, true);
        let mut dispatch = Dispatch { mail, thread: None, current: current.clone() };
        for (name, notifier) in receivers {
            let deliverer = Deliverer {
                name,
                notifier,
                store: store.clone(),
                clock: Arc::clone(clock),
                mail: Arc::clone(&dispatch.mail),
                current: current.clone(),
            };
            // Not joined: a notifier that hangs must not keep anybody.
            spawn("prisma-receiver", move || deliverer.run())?;
        }
        let turns = Turns {
            store: store.clone(),
            mail: Arc::clone(&dispatch.mail),
            current: current.clone(),
            policy,
            dispatcher: Some(dispatcher),
            repeat: Repeat::default(),
        };
        dispatch.thread = Some(spawn("prisma-dispatch", move || turns.run())?);
        Ok(Some(dispatch))
    }

    /// There is news.
    pub(super) fn wake(&self) {
        self.mail.wake();
    }

    /// Problems since this was last asked for.
    pub(super) fn errors(&self) -> Vec<Error> {
        self.mail.take_errors()
    }

    /// Lets out what waits, and waits for receivers, for a limited time.
    pub(super) fn finish(&mut self) {
        self.end(self.current.policy().shutdown_wait);
    }

    fn end(&mut self, wait: Duration) {
        self.mail.end(wait);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            self.mail.fail(Error::state("the dispatcher's thread panicked"));
        }
        self.mail.close();
    }
}

impl Drop for Dispatch {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    let thread = thread::Builder::new().name(name.into()).spawn(run);
    thread.map_err(|error| Error::io("cannot start a thread for receivers", error))
}

/// The receivers' names.
///
/// # Errors
/// When one is malformed or comes twice.
pub(super) fn names_of(receivers: &[Receiver]) -> Result<Vec<String>, Error> {
    let names: Vec<String> = receivers.iter().map(|(name, _)| name.clone()).collect();
    for (i, name) in names.iter().enumerate() {
        if name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
            return Err(Error::config(format!(
                "invalid receiver name {name:?}: expected 1 to {MAX_NAME} bytes without control characters"
            )));
        }
        if names[..i].contains(name) {
            return Err(Error::config(format!("two receivers are called `{name}`")));
        }
    }
    Ok(names)
}

/// What the dispatcher's thread works with.
struct Turns {
    store: Store,
    mail: Arc<Mail>,
    current: Current,
    /// The policy that the dispatcher goes by.
    policy: Arc<Policy>,
    /// Taken away after an error: the store knows better.
    dispatcher: Option<Dispatcher>,
    repeat: Repeat,
}

impl Turns {
    fn run(mut self) {
        loop {
            let ends = self.mail.wait(TICK);
            self.turn(ends);
            if ends {
                break;
            }
        }
        while self.mail.wait_for_verdict() {
            if !self.turn(true) {
                break;
            }
        }
        self.mail.close();
        self.turn(true);
    }

    /// Does what there is to do; whether it worked.
    fn turn(&mut self, at_the_end: bool) -> bool {
        let verdicts = self.mail.take_verdicts();
        match self.try_turn(&verdicts, at_the_end) {
            Ok(()) => {
                self.repeat.forget();
                true
            }
            Err(error) => {
                self.mail.return_verdicts(verdicts);
                self.dispatcher = None;
                if self.repeat.is_due(error.to_string(), Instant::now()) {
                    self.mail.fail(error);
                }
                false
            }
        }
    }

    fn try_turn(
        &mut self,
        verdicts: &[crate::store::Verdict],
        at_the_end: bool,
    ) -> Result<(), Error> {
        let policy = self.current.policy();
        if !Arc::ptr_eq(&policy, &self.policy) {
            self.policy = policy;
            self.dispatcher = None;
        }
        let dispatcher = match &mut self.dispatcher {
            Some(dispatcher) => dispatcher,
            None => {
                let (dispatcher, waiting) =
                    self.store.dispatcher(&self.policy, self.current.names())?;
                self.mail.post(&waiting, true);
                self.dispatcher.insert(dispatcher)
            }
        };
        if !verdicts.is_empty() || at_the_end || self.store.is_dispatch_due(dispatcher)? {
            let made = self.store.dispatch(dispatcher, verdicts, at_the_end)?;
            self.mail.post(&made, false);
        }
        Ok(())
    }
}
