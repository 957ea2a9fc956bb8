//! emit with emit_file.

use std::path::Path;
use std::time::Duration;

use emit::runtime::AmbientRuntime;

use crate::logs::{Ids, Logs, Values};

/// What its queue holds; it throws all of it away when one more comes.
const QUEUE: u64 = 10_000;

pub(super) struct EmitFile {
    runtime: &'static AmbientRuntime<'static>,
}

impl Logs for EmitFile {
    type Caller = &'static AmbientRuntime<'static>;

    fn start(folder: &Path) -> Result<Self, String> {
        // It names its files itself.
        let files = emit_file::set(folder.join("bench.log")).spawn();
        let init = emit::setup()
            .emit_when(emit::level::min_filter(emit::Level::Info))
            .emit_to(files)
            .init();
        Ok(EmitFile { runtime: init.get() })
    }

    fn on_thread(&self, run: impl FnOnce(&Self::Caller)) {
        let Ids { trace, span } = Ids::default();
        let props = emit::props! { trace_id: trace.as_str(), span_id: span.as_str() };
        let frame = emit::Frame::push(self.runtime.ctxt(), props);
        frame.call(|| run(&self.runtime));
    }

    #[inline(always)]
    fn log(_: &Self::Caller, values: &Values) {
        emit::info!(
            "request served",
            number: values.number,
            millis: values.millis,
            method: values.method,
            route: values.route,
            bytes: values.bytes,
        );
    }

    #[inline(always)]
    fn log_disabled(_: &Self::Caller, values: &Values) {
        emit::debug!(
            "request served",
            number: values.number,
            millis: values.millis,
            method: values.method,
            route: values.route,
            bytes: values.bytes,
        );
    }

    #[inline(always)]
    fn pace(runtime: &Self::Caller, logged: u64, threads: u32) {
        // It can't block: wait now and then for the queue to be empty. A batch is synced anyway.
        if logged.is_multiple_of(QUEUE / (u64::from(threads) + 1)) {
            let _in_time = emit::Emitter::blocking_flush(*runtime, Duration::from_secs(60));
        }
    }

    fn finish(self) -> Result<(), String> {
        match emit::Emitter::blocking_flush(self.runtime, Duration::from_secs(60)) {
            true => Ok(()),
            false => Err("not flushed within a minute".to_owned()),
        }
    }
}
