//! prisma-log, through its own macros, through slog's, and behind a type-erased `slog::Logger`.

use std::path::Path;
use std::time::Duration;

use prisma_log::{Context, FileSink, Filter, Level, Logger, Logging};

use crate::Entry;
use crate::logs::{FILE_NAME, Ids, Logs};

/// Own macros, stock macros, erased logger.
pub fn entries() -> [Entry; 3] {
    [
        Entry::of::<OwnMacros>("prisma-log", "own macros, JSON"),
        Entry::of::<StockMacros>("prisma-log, slog macros", "slog::info! on the same logger"),
        Entry::of::<Erased>("prisma-log, erased", "slog::info! on a type-erased slog::Logger"),
    ]
}

struct Ours {
    logging: Logging,
    log: Logger,
    context: Context,
}

fn start(folder: &Path) -> Result<Ours, String> {
    let sink = FileSink::builder(folder.join(FILE_NAME)).build().map_err(|e| e.to_string())?;
    let logging = Logging::builder()
        .service("bench")
        .filter(Filter::at_least(Level::Info))
        .sink("file", Filter::default(), sink)
        .build()
        .map_err(|error| error.to_string())?;
    let log = logging.logger("bench");
    Ok(Ours { logging, log, context: Context::new() })
}

fn ids(ours: &Ours) -> Ids {
    let (trace, span) = (ours.context.trace_id(), ours.context.span_id());
    Ids {
        trace: trace.map(|id| id.to_string()).unwrap_or_default(),
        span: span.map(|id| id.to_string()).unwrap_or_default(),
    }
}

fn finish(ours: Ours) -> Result<(), String> {
    let Ours { logging, .. } = ours;
    let report = logging.flush(Duration::from_secs(60));
    if report.is_ok() { Ok(()) } else { Err(format!("{report:?}")) }
}

macro_rules! ours {
    ($name:ident, $logger:ty, $of:expr, $($module:ident)::+) => {
        struct $name(Ours);

        impl Logs for $name {
            type Caller = $logger;

            fn start(folder: &Path) -> Result<Self, String> {
                start(folder).map($name)
            }

            fn ids(&self) -> Ids {
                ids(&self.0)
            }

            fn on_thread(&self, run: impl FnOnce(&$logger)) {
                let _scope = self.0.context.enter();
                let of: fn(&Logger) -> $logger = $of;
                run(&of(&self.0.log));
            }

            slog_calls!($logger, $($module)::+);

            fn finish(self) -> Result<(), String> {
                finish(self.0)
            }
        }
    };
}

ours!(OwnMacros, Logger, Clone::clone, prisma_log);
ours!(StockMacros, Logger, Clone::clone, prisma_log::slog);
ours!(Erased, prisma_log::slog::Logger, |log| log.to_erased(), prisma_log::slog);
