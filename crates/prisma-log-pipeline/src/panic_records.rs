//! Panics as records of a pipeline.

use prisma_log_core::{DropReason, Fields, Level};

use crate::context::current_context;
use crate::local::with_local;
use crate::notice::Notice;
use crate::panics::{self, HookHandle, PanicFacts};
use crate::pipeline::Pipeline;

/// The logger of panics.
const LOGGER: &str = "panic";

/// Has every panic of the process written as a record, before the hook that is there runs.
pub(crate) fn install(pipeline: &Pipeline) -> HookHandle {
    let shared = pipeline.drain().shared;
    let weak = std::sync::Arc::downgrade(&shared);
    panics::install(move |facts| {
        // One that is contained by this library shows in the record that it happened in, and one of
        // a sink goes to the error handler: the thread may hold what is needed here.
        if with_local(|local| local.busy.get() || local.in_sink.get()) {
            return;
        }
        if let Some(shared) = weak.upgrade() {
            let engine = shared.engine.after_fork(&shared);
            let context = current_context(shared.max_record_bytes);
            if !engine.put_in(&shared, &context, &notice(facts, &fields(facts))) {
                let (reason, number) = (DropReason::QueueFull, shared.next_sequences(1));
                shared.drops.count(LOGGER, Level::Critical, reason, number);
            }
        }
    })
}

fn fields(facts: &PanicFacts<'_>) -> Fields {
    let mut fields = Fields::new();
    fields.push("thread", facts.thread);
    if let Some((file, line, column)) = facts.location {
        fields.push_args("location", format_args!("{file}:{line}:{column}"));
    }
    fields.push("backtrace", facts.backtrace);
    fields
}

fn notice<'a>(facts: &'a PanicFacts<'a>, fields: &'a Fields) -> Notice<'a> {
    let (file, line, _) = facts.location.unwrap_or_default();
    let level = Level::Critical;
    let message = facts.payload;
    Notice { level, logger: LOGGER, message, site: (file, line, ""), fields }
}
