//! A receiver's thread: takes messages from its queue and gives them to the notifier.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use prisma_log_core::{Clock, Error};

use super::backoff::Backoff;
use super::current::Current;
use super::mail::{Letter, Mail};
use super::repeat::Repeat;
use super::tell::panic_text;
use crate::store::{Store, Verdict};
use crate::{Notifier, NotifyError};

/// The longest time that a receiver may ask to be left alone.
const MOST_ALONE: Duration = Duration::from_secs(3600);
/// Time between two tries to read a message from a store that fails.
const REREAD_EVERY: Duration = Duration::from_secs(1);

/// What a receiver's thread works with.
pub(super) struct Deliverer {
    pub(super) name: String,
    pub(super) notifier: Box<dyn Notifier>,
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) mail: Arc<Mail>,
    pub(super) current: Current,
}

/// What came of a try.
enum Outcome {
    /// The message is done with; whether it was taken.
    Done(bool),
    /// Try again after this time.
    Again(Duration),
}

impl Deliverer {
    /// Delivers messages until the mail is closed.
    pub(super) fn run(mut self) {
        let mut backoff = Backoff::default();
        let mut repeat = Repeat::default();
        while let Some(letter) = self.mail.next(&self.name) {
            match self.deliver(letter, &mut backoff, &mut repeat) {
                Outcome::Done(taken) => {
                    backoff.reset();
                    if taken {
                        repeat.forget();
                    }
                    self.mail.done(&self.name, Verdict { message: letter.message, taken });
                }
                Outcome::Again(wait) => {
                    if !self.mail.pause(&self.name, wait) {
                        return;
                    }
                }
            }
        }
    }

    fn deliver(&mut self, letter: Letter, backoff: &mut Backoff, repeat: &mut Repeat) -> Outcome {
        let id = letter.message;
        let message = match self.store.message(id) {
            // Only what is done with is not there.
            Ok(None) => return Outcome::Done(true),
            Ok(Some(message)) => message,
            Err(error) => {
                self.fail(repeat, format!("message {id} can't be read"), &error);
                return Outcome::Again(REREAD_EVERY);
            }
        };
        let most = self.current.policy().give_up_after;
        if message.age(self.clock.now()) > most {
            let what = format!("it is older than {most:?}");
            self.give_up(id, &Error::state(what));
            return Outcome::Done(false);
        }
        let message = if letter.again { message.again() } else { message };
        let result = catch_unwind(AssertUnwindSafe(|| self.notifier.notify(&message)));
        match result {
            Ok(Ok(())) => Outcome::Done(true),
            Ok(Err(NotifyError { error, is_temporary: true, retry_after })) => {
                self.fail(repeat, "a message was not taken and is tried again".into(), &error);
                let wait = retry_after.map(|wait| wait.min(MOST_ALONE));
                Outcome::Again(wait.unwrap_or_else(|| backoff.next()))
            }
            Ok(Err(error)) => {
                self.give_up(id, &error.error);
                Outcome::Done(false)
            }
            // It would do so again.
            Err(panic) => {
                let what = format!("the notifier panicked: {}", panic_text(&*panic));
                self.give_up(id, &Error::state(what));
                Outcome::Done(false)
            }
        }
    }

    /// Tells what is tried again, while it stays the same ever more rarely.
    fn fail(&self, repeat: &mut Repeat, what: String, error: &Error) {
        if repeat.is_due(format!("{what}: {error}"), Instant::now()) {
            self.mail.fail(self.about(&what, error));
        }
    }

    fn give_up(&self, id: u64, error: &Error) {
        self.mail.fail(self.about(&format!("message {id} is given up"), error));
    }

    fn about(&self, what: &str, error: &Error) -> Error {
        let told = Error::state(format!("receiver `{}`: {what}: {}", self.name, error.message()));
        match error.hint() {
            Some(hint) => told.with_hint(hint),
            None => told,
        }
    }
}
