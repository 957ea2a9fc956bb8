//! quicklog: one queue for one thread; its user flushes from another.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use quicklog::level::Level;
use quicklog_flush::Flush;

use crate::logs::{FILE_NAME, Ids, Logs, Values};

pub(super) struct Quicklog {
    stop: Arc<AtomicBool>,
    flusher: JoinHandle<()>,
}

/// Its own one opens the file for each line.
struct Buffered(BufWriter<File>);

impl Flush for Buffered {
    fn flush_one(&mut self, line: String) {
        // A line that is lost is missing from the file.
        let _written = self.0.write_all(line.as_bytes());
    }
}

impl Drop for Buffered {
    fn drop(&mut self) {
        let _written = self.0.flush();
    }
}

/// Swallows; takes the place of the file once that is complete.
struct Nothing;

impl Flush for Nothing {
    fn flush_one(&mut self, _: String) {}
}

macro_rules! at {
    ($level:expr, $ids:expr, $values:expr) => {
        quicklog::try_log!(
            $level,
            "request served number={} millis={} method={} route={} bytes={} trace_id={:032x} span_id={:016x}",
            $values.number,
            $values.millis,
            $values.method,
            $values.route,
            $values.bytes,
            $ids.0,
            $ids.1
        )
    };
}

impl Logs for Quicklog {
    /// The ids as numbers, so that they are copied; it would allocate for text.
    type Caller = (u128, u64);

    const ONE_THREAD: Option<&'static str> = Some("its queue takes one thread only");
    const FIXED_LEVELS: Option<&'static str> = Some("its levels are fixed at compile time");

    fn start(folder: &Path) -> Result<Self, String> {
        let file = File::create(folder.join(FILE_NAME)).map_err(|e| e.to_string())?;
        quicklog::init!();
        quicklog::with_flush!(Buffered(BufWriter::with_capacity(64 << 10, file)));
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let flusher = thread::spawn(move || {
            loop {
                // Asked before the queue is: what came before the end is written.
                let last = told.load(Ordering::Acquire);
                while quicklog::try_flush!().is_ok() {}
                if last {
                    break;
                }
                thread::yield_now();
            }
            quicklog::with_flush!(Nothing);
        });
        Ok(Quicklog { stop, flusher })
    }

    fn on_thread(&self, run: impl FnOnce(&Self::Caller)) {
        let Ids { trace, span } = Ids::default();
        let trace = u128::from_str_radix(&trace, 16).unwrap_or_default();
        run(&(trace, u64::from_str_radix(&span, 16).unwrap_or_default()));
    }

    #[inline(always)]
    fn log(ids: &Self::Caller, values: &Values) {
        use quicklog::Log as _;
        let mut outcome = at!(Level::Info, ids, values);
        // Its queue refuses what it has no room for.
        while let Err((_, line)) = outcome {
            thread::yield_now();
            outcome = quicklog::logger().log(line);
        }
    }

    fn log_disabled(_: &Self::Caller, _: &Values) {}

    fn finish(self) -> Result<(), String> {
        self.stop.store(true, Ordering::Release);
        self.flusher.join().map_err(|_| "the flushing thread panicked".to_owned())
    }
}
