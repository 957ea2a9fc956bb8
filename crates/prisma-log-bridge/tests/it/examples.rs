//! The examples of `tracing`'s own documentation.

use std::error::Error;

use prisma_log_core::{Level, Value};
use tracing::{Level as TracingLevel, debug, error, info, span, trace, warn};

use crate::support::{find, keep, messages, with_span};

#[derive(Debug)]
struct OutOfCash(&'static str);

impl std::fmt::Display for OutOfCash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for OutOfCash {}

#[tracing::instrument]
fn shave(yak: usize) -> Result<(), Box<dyn Error + 'static>> {
    trace!(excitement = "yay!", "hello! I'm gonna shave a yak.");
    if yak == 3 {
        warn!("could not locate yak!");
        return Err(OutOfCash("missing yak").into());
    }
    trace!("yak shaved successfully");
    Ok(())
}

fn shave_all(yaks: usize) -> usize {
    let span = span!(TracingLevel::TRACE, "shaving_yaks", yaks);
    let _enter = span.enter();
    info!("shaving yaks");
    let mut yaks_shaved = 0;
    for yak in 1..=yaks {
        let res = shave(yak);
        debug!(yak, shaved = res.is_ok());
        if let Err(ref error) = res {
            error!(yak, error = error.as_ref(), "failed to shave yak!");
        } else {
            yaks_shaved += 1;
        }
        debug!(yaks_shaved);
    }
    yaks_shaved
}

#[test]
fn shaving_yaks() {
    let records = keep("trace").under(|| {
        let number_of_yaks = 3;
        info!(number_of_yaks, "preparing to shave yaks");
        let number_shaved = shave_all(number_of_yaks);
        info!(all_yaks_shaved = number_shaved == number_of_yaks, "yak shaving completed.");
    });
    assert_eq!(
        messages(&records),
        [
            "preparing to shave yaks",
            "shaving yaks",
            "hello! I'm gonna shave a yak.",
            "yak shaved successfully",
            "shave",
            "",
            "",
            "hello! I'm gonna shave a yak.",
            "yak shaved successfully",
            "shave",
            "",
            "",
            "hello! I'm gonna shave a yak.",
            "could not locate yak!",
            "shave",
            "",
            "failed to shave yak!",
            "",
            "shaving_yaks",
            "yak shaving completed.",
        ]
    );
    let all = find(&records, "shaving_yaks");
    let shaves: Vec<_> = records.iter().filter(|record| record.message == "shave").collect();
    for (number, shave) in (1_u64..).zip(&shaves) {
        assert_eq!(shave.context.parent_span_id, all.context.span_id);
        assert_eq!(shave.fields.get("yak"), Some(Value::U64(number)));
        assert_eq!(shave.level, Level::Info);
    }
    let lost = find(&records, "could not locate yak!");
    assert_eq!(lost.context.span_id, shaves[2].context.span_id);
    assert_eq!((lost.level, lost.fields.len()), (Level::Warning, 0));
    let failed = find(&records, "failed to shave yak!");
    assert_eq!(failed.context.span_id, all.context.span_id);
    assert_eq!(failed.fields.get("error"), Some(Value::Str("missing yak")));
    assert_eq!(find(&records, "preparing to shave yaks").context.trace_id, None);
    with_span(&records, "shaving_yaks", |span| {
        assert_eq!(span.status_message(), "missing yak");
        assert_eq!(span.attributes().collect::<Vec<_>>(), [("yaks", Value::U64(3))]);
    });
}

#[test]
fn fields_that_are_known_later() {
    let records = keep("trace").under(|| {
        let span = span!(
            TracingLevel::INFO,
            "my_span",
            greeting = "hello world",
            parting = tracing::field::Empty,
            never = tracing::field::Empty,
        );
        span.record("parting", "goodbye world!");
        span.record("greeting", "hello again");
        span.record("not_declared", 1);
        span.in_scope(|| info!("in scope"));
    });
    let span = find(&records, "my_span");
    assert_eq!(find(&records, "in scope").context.span_id, span.context.span_id);
    with_span(&records, "my_span", |span| {
        let attributes: Vec<_> = span.attributes().collect();
        let expect =
            [("greeting", Value::Str("hello again")), ("parting", Value::Str("goodbye world!"))];
        assert_eq!(attributes, expect);
    });
}
