//! The work: what is logged, and what a logger must offer to take part.

use std::path::Path;

/// The message of every record.
pub(crate) const MESSAGE: &str = "request served";
/// The file's name, where the logger lets one choose it.
pub(crate) const FILE_NAME: &str = "bench.log";
/// Room in the queue, in records, where the logger lets one choose it: several bursts.
pub(crate) const QUEUE_RECORDS: usize = 16_384;

const METHODS: [&str; 4] = ["GET", "PUT", "POST", "DELETE"];
const ROUTES: [&str; 4] = ["/orders/4711", "/customers/815", "/health", "/articles/42"];

/// The five fields of one record; all follow from its number.
#[derive(Clone, Copy)]
pub(crate) struct Values {
    pub(crate) number: u64,
    pub(crate) millis: f64,
    pub(crate) method: &'static str,
    pub(crate) route: &'static str,
    pub(crate) bytes: u64,
}

impl Values {
    /// The values of record `number`.
    pub(crate) fn of(number: u64) -> Self {
        Values {
            number,
            // Never whole: some write 3.0 as 3.
            millis: (number % 1_000) as f64 + 0.125,
            method: METHODS[number as usize % METHODS.len()],
            route: ROUTES[number as usize / METHODS.len() % ROUTES.len()],
            bytes: number * 7 + 1_000,
        }
    }
}

/// What identifies the trace, as the file must have it.
pub(crate) struct Ids {
    pub(crate) trace: String,
    pub(crate) span: String,
}

impl Default for Ids {
    fn default() -> Self {
        Ids {
            trace: "0af7651916cd43dd8448eb211c80319c".to_owned(),
            span: "b7ad6b7169203331".to_owned(),
        }
    }
}

/// Other records than the one that all benches log.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// The message alone.
    Bare,
    /// One field, a number.
    One,
    /// The usual five.
    Five,
    /// The usual five, and two arguments in the message.
    Text,
    /// The usual five, each through `Display`.
    Display,
}

impl Shape {
    pub(crate) const ALL: [(Shape, &str); 5] = [
        (Shape::Bare, "bare_ns"),
        (Shape::One, "one_field_ns"),
        (Shape::Five, "five_fields_ns"),
        (Shape::Text, "five_and_text_ns"),
        (Shape::Display, "five_displayed_ns"),
    ];
}

/// A logger set up to write to a file, INFO and above, levels set at run time.
pub(crate) trait Logs: Sized + Sync {
    /// What a thread logs with.
    type Caller;

    /// Why the most that it can do is one thread, if so.
    const ONE_THREAD: Option<&'static str> = None;
    /// Why it has no levels at run time, if so.
    const FIXED_LEVELS: Option<&'static str> = None;

    /// Sets it up; it writes into `folder` and blocks, if it can, when its queue is full.
    fn start(folder: &Path) -> Result<Self, String>;

    /// The ids that lines carry.
    fn ids(&self) -> Ids {
        Ids::default()
    }

    /// Runs something on this thread inside the trace's context.
    fn on_thread(&self, run: impl FnOnce(&Self::Caller));

    /// One record at INFO.
    fn log(caller: &Self::Caller, values: &Values);

    /// One at DEBUG, which is off.
    fn log_disabled(caller: &Self::Caller, values: &Values);

    /// One at INFO of another shape; only for loggers that a bench asks about shapes.
    #[inline(always)]
    fn log_shape(caller: &Self::Caller, _shape: Shape, values: &Values) {
        Self::log(caller, values);
    }

    /// Called after each record of a long run, by each of `threads` threads: what a logger without
    /// a blocking policy needs so as to lose nothing.
    #[inline(always)]
    fn pace(_caller: &Self::Caller, _logged: u64, _threads: u32) {}

    /// Returns when the file is complete.
    fn finish(self) -> Result<(), String>;
}
