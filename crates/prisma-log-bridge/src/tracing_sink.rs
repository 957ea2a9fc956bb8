//! Records on to `tracing`.

mod event;

use std::fmt;

use prisma_log_core::{BatchError, Durability, Error, Record, Sink, SpanRecord};
use tracing::{Dispatch, dispatcher};

pub(crate) use event::is_source_of;

/// Hands records on to `tracing`'s subscribers, as events.
///
/// For what is attached to `tracing` already, such as a test harness or a vendor's layer.
///
/// # Format
/// An event named `prisma_log record`, at the record's level (CRITICAL is `ERROR`), with the fields
/// `message`, `logger`, `trace_id` and `span_id` (where the record has them), and `fields`: the
/// record's own and its context's, as `key=value key2="more words"`, because an event's field names
/// are constants. Subscribers that filter by target are asked with the logger's name as the target;
/// the event itself has the target `prisma_log`. When it is shown as of is the subscriber's business.
///
/// Records with the tags `log` and `tracing` are left out: those that came through a bridge are known
/// there. So are the ends of spans, unless [`TracingSink::spans`] says otherwise.
///
/// # Durability
/// [`Durability::Memory`]: what becomes of an event is its subscriber's business.
///
/// # Failure
/// None: a subscriber has no way to refuse an event. One that panics is the pipeline's to contain.
///
/// # Cost
/// One call of the subscriber in the pipeline's thread; a blocking one should be added as a blocking
/// sink.
pub struct TracingSink {
    dispatch: Option<Dispatch>,
    spans: bool,
}

impl TracingSink {
    /// Events go to the subscriber that is the default where the sink is driven, which is the process's:
    /// threads of the pipeline have none of their own.
    #[expect(clippy::new_without_default, reason = "there is more than one way")]
    pub fn new() -> Self {
        TracingSink { dispatch: None, spans: false }
    }

    /// Events go to the subscriber that is the calling thread's default now.
    pub fn to_current_subscriber() -> Self {
        TracingSink { dispatch: Some(dispatcher::get_default(Dispatch::clone)), spans: false }
    }

    /// Whether the ends of spans are handed on as well; off by default, because those that came from
    /// `tracing` are known there.
    #[must_use]
    pub fn spans(mut self, yes: bool) -> Self {
        self.spans = yes;
        self
    }

    fn takes(&self, record: &Record<'_>) -> bool {
        match record.tag {
            "log" | "tracing" => false,
            SpanRecord::TAG => self.spans,
            _ => true,
        }
    }
}

impl Sink for TracingSink {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        let send = |dispatch: &Dispatch| {
            for record in batch.iter().filter(|record| self.takes(record)) {
                event::send(record, dispatch);
            }
        };
        match &self.dispatch {
            Some(dispatch) => send(dispatch),
            None => dispatcher::get_default(send),
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn durability(&self) -> Durability {
        Durability::Memory
    }
}

impl fmt::Debug for TracingSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracingSink").field("spans", &self.spans).finish_non_exhaustive()
    }
}
