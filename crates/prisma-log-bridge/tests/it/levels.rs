//! The pipeline's filters decide, at run time as well.

use prisma_log_core::Level;
use tracing::{Level as TracingLevel, debug, enabled, error, info, trace, warn};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;

use crate::support::{Written, keep, messages};

/// As sqlx does for its levels that are known at run time only.
macro_rules! dynamic_event {
    (target: $target:expr, $level:expr, $($args:tt)*) => {
        match $level {
            TracingLevel::ERROR => tracing::event!(target: $target, TracingLevel::ERROR, $($args)*),
            TracingLevel::WARN => tracing::event!(target: $target, TracingLevel::WARN, $($args)*),
            TracingLevel::INFO => tracing::event!(target: $target, TracingLevel::INFO, $($args)*),
            TracingLevel::DEBUG => tracing::event!(target: $target, TracingLevel::DEBUG, $($args)*),
            TracingLevel::TRACE => tracing::event!(target: $target, TracingLevel::TRACE, $($args)*),
        }
    };
}

fn query(level: TracingLevel) {
    let summary = "select name from orders";
    dynamic_event!(
        target: "sqlx::query",
        level,
        summary,
        db.statement = "\n\nselect name from orders where id = 7\n",
        rows_affected = 0_u64,
        rows_returned = 1_u64,
        elapsed = ?std::time::Duration::from_micros(1234),
        elapsed_secs = 0.001_234
    );
}

#[test]
fn levels_that_are_known_at_run_time() {
    let records = keep("warn,sqlx=debug").under(|| {
        for level in [TracingLevel::TRACE, TracingLevel::DEBUG, TracingLevel::WARN] {
            query(level);
        }
        assert!(enabled!(target: "sqlx::query", TracingLevel::DEBUG));
        assert!(!enabled!(target: "sqlx::query", TracingLevel::TRACE));
        assert!(!enabled!(target: "sqlxx", TracingLevel::DEBUG));
    });
    let found: Vec<_> = records.iter().map(|r| (r.level, r.logger.as_str())).collect();
    assert_eq!(found, [(Level::Debug, "sqlx::query"), (Level::Warning, "sqlx::query")]);
    let keys: Vec<_> = records[0].fields.iter().map(|(key, _)| key.to_owned()).collect();
    assert_eq!(
        keys,
        ["summary", "db.statement", "rows_affected", "rows_returned", "elapsed", "elapsed_secs"]
    );
}

#[test]
fn changes_reach_calls_that_were_made_before() {
    let kept = keep("trace");
    kept.set_filter("info,hyper=off,shop::db=trace");
    let calls = |round: &str| {
        info!(target: "shop", "{round} info");
        debug!(target: "shop", "{round} debug");
        trace!(target: "shop::db", "{round} db trace");
        error!(target: "hyper::client", "{round} hyper");
    };
    let beside = kept.beside_others(|| calls("beside"));
    assert_eq!(messages(&beside), ["beside info", "beside db trace"]);
    let records = kept.under(|| {
        calls("first");
        kept.set_filter("warn,shop=debug,hyper=error");
        calls("second");
        kept.pipeline.set_sink_filter("kept", "off".parse().unwrap()).unwrap();
        calls("third");
        kept.pipeline.set_sink_filter("kept", "trace".parse().unwrap()).unwrap();
        kept.set_filter("off");
        calls("fourth");
        kept.set_filter("trace");
        calls("fifth");
    });
    let expect = [
        "first info",
        "first db trace",
        "second info",
        "second debug",
        "second hyper",
        "fifth info",
        "fifth debug",
        "fifth db trace",
        "fifth hyper",
    ];
    assert_eq!(messages(&records), expect);
}

#[test]
fn other_layers_see_what_they_want() {
    let kept = keep("warn");
    let written = Written::default();
    let others = tracing_subscriber::fmt::layer()
        .json()
        .with_writer(written.clone())
        .with_filter(LevelFilter::INFO);
    let subscriber = tracing_subscriber::registry().with(kept.bridge().layer()).with(others);
    tracing::subscriber::with_default(subscriber, || {
        debug!("nobody's");
        info!("theirs");
        warn!("both's");
        kept.set_filter("debug");
        kept.pipeline.set_sink_filter("kept", "debug".parse().unwrap()).unwrap();
        debug!("ours");
    });
    assert_eq!(messages(&kept.take()), ["both's", "ours"]);
    let theirs: Vec<_> = written.lines();
    let theirs: Vec<_> = theirs.iter().map(|line| line["fields"]["message"].as_str()).collect();
    assert_eq!(theirs, [Some("theirs"), Some("both's")]);
}

#[test]
fn arguments_of_what_nobody_takes_are_not_evaluated() {
    let records = keep("info").under(|| {
        debug!(
            value = {
                panic!("evaluated");
                #[expect(unreachable_code, reason = "its type")]
                1
            },
            "no"
        );
        info!("yes");
    });
    assert_eq!(messages(&records), ["yes"]);
}
