//! A service's logging: one file for everything, whichever API it was said through.

use std::time::Duration;

use axum::extract::MatchedPath;
use prisma_log::tower::ServerLayer;
use prisma_log::{FileSink, Filter, LogBridge, Logger, Logging, TracingBridge, info};
use prisma_log::{Sampler, Tracer};

use crate::Error;
use crate::options::Options;
use crate::service::Role;

/// The one sink.
const FILE: &str = "file";
/// Requests that take longer are at WARNING at least.
const SLOW: Duration = Duration::from_secs(1);
/// How long the last records have to get into the file.
const DEADLINE: Duration = Duration::from_secs(30);

/// A service's logging, or none.
pub(crate) struct Observed {
    logging: Logging,
    tracer: Tracer,
    on: bool,
}

impl Observed {
    /// Sets logging up and has the crates `log` and `tracing` log here as well.
    pub(crate) fn start(role: Role, options: &Options) -> Result<Self, Error> {
        let on = options.logging;
        let (filter, wrong) = Filter::off().with_directives(&options.levels);
        if let Some(wrong) = wrong.into_iter().next() {
            return Err(wrong.into());
        }
        let builder = Logging::builder()
            .service(format!("microservices-{}", role.name()))
            // What a run that was killed left behind must not get into this one's file: it is counted.
            .recover(false);
        let logging = if on {
            let file = FileSink::builder(options.log(role)).build()?;
            builder
                .sink(FILE, Filter::default(), file)
                .filter(filter)
                .capture_panics(true)
                .build()?
        } else {
            builder.filter(Filter::off()).build()?
        };
        let log = logging.logger(role.name());
        let tracer = Tracer::new(&log);
        let tracer = if on { tracer } else { tracer.sampler(Sampler::never()) };
        let observed = Observed { logging, tracer, on };
        if on {
            // What libraries say: sqlx through `tracing`, reqwest through `log`, hyper through both.
            LogBridge::new(observed.logging.drain()).install()?;
            TracingBridge::new(observed.logging.drain()).install()?;
        }
        info!(log, "started"; "service" => role.name());
        Ok(observed)
    }

    /// A logger of this name.
    pub(crate) fn logger(&self, name: &str) -> Logger {
        self.logging.logger(name)
    }

    pub(crate) fn tracer(&self) -> Tracer {
        self.tracer.clone()
    }

    /// What is around the routes: continues the caller's trace, and its record is the access log.
    pub(crate) fn layer(&self) -> Option<ServerLayer> {
        self.on.then(|| {
            ServerLayer::new(self.tracer())
                .route(|extensions| extensions.get::<MatchedPath>().map(MatchedPath::as_str))
                .slow(SLOW)
        })
    }

    /// Writes what is queued and says what became of all records, as JSON.
    pub(crate) fn finish(self) -> Result<String, Error> {
        if !self.on {
            return Ok(r#"{"submitted":0,"delivered":0,"dropped":0}"#.to_owned());
        }
        let flushed = self.logging.flush(DEADLINE);
        if !flushed.is_ok() {
            return Err(format!("not everything was written: {flushed:?}").into());
        }
        let health = self.logging.health();
        let delivered = health.sinks.iter().map(|sink| sink.ledger.delivered()).sum::<u64>();
        let dropped = health.sinks.iter().map(|sink| sink.ledger.dropped()).sum::<u64>();
        Ok(serde_json::json!({
            "submitted": health.submitted,
            "delivered": delivered,
            "dropped": health.dropped + dropped,
        })
        .to_string())
    }
}
