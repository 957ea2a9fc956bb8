//! What is logged through the crate `log`.

use std::fmt;

use log::Log;
use prisma_log_bridge::LogBridge;
use prisma_log_context::Context;
use prisma_log_core::{Level, Value};

use crate::support::{find, json, keep, messages};

#[derive(Debug)]
struct Failed(Option<std::num::ParseIntError>);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bad order number")
    }
}

impl std::error::Error for Failed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.0.as_ref()?)
    }
}

#[test]
fn everything_about_a_record() {
    let kept = keep("trace");
    let bridge = LogBridge::new(kept.pipeline.drain().named("not used"));
    let error = Failed("x".parse::<u8>().err());
    let context = Context::new().user_id("u1");
    context.run(|| {
        log::warn!(
            logger: bridge,
            target: "shop::orders",
            yes = true, small = -3_i8, big = u64::MAX, wide = i128::MIN, amount = 99.9, letter = 'x',
            text = "two words", absent = None::<u8>, debug:? = Some(1), display:% = 7, error:err = error;
            "order {} placed", 7
        );
    });
    log::info!(logger: bridge, "plain");
    let records = kept.take();
    let record = &records[0];
    assert_eq!((record.logger.as_str(), record.level), ("shop::orders", Level::Warning));
    assert_eq!((record.message.as_str(), record.tag.as_str()), ("order 7 placed", "log"));
    assert_eq!((record.site.file.as_str(), record.site.module.as_str()), (file!(), module_path!()));
    assert!(record.site.line > 0);
    assert_eq!(record.context.trace_id, context.trace_id());
    assert_eq!(record.context.entries.get("user_id"), Some(Value::Str("u1")));
    let fields: Vec<_> = record.fields.iter().collect();
    let expect = [
        ("yes", Value::Bool(true)),
        ("small", Value::I64(-3)),
        ("big", Value::U64(u64::MAX)),
        ("wide", Value::I128(i128::MIN)),
        ("amount", Value::F64(99.9)),
        ("letter", Value::Str("x")),
        ("text", Value::Str("two words")),
        ("absent", Value::Null),
        ("debug", Value::Str("Some(1)")),
        ("display", Value::Str("7")),
        ("error", Value::Str("bad order number: invalid digit found in string")),
    ];
    assert_eq!(fields, expect);
    assert_eq!(records[1].logger, module_path!());
    assert_eq!(json(&records[1])["slog.tag"], "log");
}

#[test]
fn filters_hold_at_run_time() {
    let kept = keep("trace");
    kept.set_filter("info,ureq=off");
    let bridge = LogBridge::new(kept.pipeline.drain());
    let calls = |round: &str| {
        log::info!(logger: bridge, target: "ureq::pool", "{round} ureq");
        log::debug!(logger: bridge, target: "shop", "{round} debug");
        log::info!(logger: bridge, target: "shop", "{round} info");
    };
    calls("first");
    assert!(log::log_enabled!(logger: bridge, target: "shop", log::Level::Info));
    assert!(!log::log_enabled!(logger: bridge, target: "ureq", log::Level::Error));
    kept.set_filter("warn,shop=debug,ureq=info");
    calls("second");
    assert_eq!(
        messages(&kept.take()),
        ["first info", "second ureq", "second debug", "second info"]
    );
}

#[test]
fn records_that_are_built_at_run_time() {
    let kept = keep("trace");
    let bridge = LogBridge::new(kept.pipeline.drain());
    for number in 0..5_000_u32 {
        let (target, file) = (format!("plugin.{number}"), format!("plugin-{}.js", number % 10));
        let kv = [(format!("key{number}"), number)];
        let record = log::Record::builder()
            .level(log::Level::Error)
            .target(&target)
            .file(Some(&file))
            .line(Some(number))
            .module_path(Some(&target))
            .key_values(&kv)
            .args(format_args!("from a plugin"))
            .build();
        bridge.log(&record);
    }
    // Levels hold for those as well that are not remembered.
    kept.set_filter("off,plugin.4999=error");
    for number in [7, 4_998, 4_999] {
        log::error!(logger: bridge, target: &format!("plugin.{number}"), "after the change");
    }
    bridge.flush();
    let records = kept.take();
    assert_eq!(records.len(), 5_001);
    for (number, record) in (0_u64..).zip(&records[..5_000]) {
        assert_eq!(record.logger, format!("plugin.{number}"));
        assert_eq!(record.site.file, format!("plugin-{}.js", number % 10));
        assert_eq!(record.site.line, number as u32);
        let fields: Vec<_> = record.fields.iter().collect();
        assert_eq!(fields, [(&*format!("key{number}"), Value::U64(number))]);
    }
    assert_eq!(records[5_000].logger, "plugin.4999");
}

#[test]
fn values_that_fail_and_panic() {
    struct Bad(bool);
    impl fmt::Display for Bad {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("half")?;
            if self.0 { panic!("in Display") } else { Err(fmt::Error) }
        }
    }
    struct BadSource(bool);
    impl log::kv::Source for BadSource {
        fn visit<'kvs>(
            &'kvs self,
            visitor: &mut dyn log::kv::VisitSource<'kvs>,
        ) -> Result<(), log::kv::Error> {
            visitor.visit_pair("first".into(), 1.into())?;
            if self.0 { panic!("in a source") } else { Err(log::kv::Error::msg("no more")) }
        }
    }
    let kept = keep("trace");
    let bridge = LogBridge::new(kept.pipeline.drain());
    log::info!(logger: bridge, bad:% = Bad(true), half:% = Bad(false), after = 1; "values");
    log::info!(logger: bridge, "message {}", Bad(true));
    for panics in [true, false] {
        let kv = BadSource(panics);
        let mut builder = log::Record::builder();
        builder.target("shop").key_values(&kv);
        bridge.log(&builder.args(format_args!("source")).build());
    }
    let records = kept.take();
    let values = find(&records, "values");
    assert_eq!(values.fields.get("bad"), Some(Value::Str("<panicked: in Display>")));
    assert_eq!(values.fields.get("half"), Some(Value::Str("half<formatting failed>")));
    assert_eq!(values.fields.get("after"), Some(Value::I64(1)));
    assert!(records[1].message.contains("in Display"), "{}", records[1].message);
    let errors: Vec<_> = records[2..].iter().map(|r| r.fields.get("kv_error")).collect();
    assert_eq!(errors, [Some(Value::Str("in a source")), Some(Value::Str("no more"))]);
    assert!(records[2..].iter().all(|r| r.fields.get("first") == Some(Value::I64(1))));
}

#[test]
fn records_of_log_by_way_of_tracing() {
    let kept = keep("info,shop=debug");
    let tracer = tracing_log::LogTracer::new();
    let records = kept.under(|| {
        log::debug!(logger: tracer, target: "shop::orders", "placed {}", 7);
        log::debug!(logger: tracer, target: "other", "too low");
        log::error!(logger: tracer, target: "log", "from itself");
    });
    assert_eq!(messages(&records), ["placed 7", "from itself"]);
    let record = &records[0];
    assert_eq!((record.logger.as_str(), record.level), ("shop::orders", Level::Debug));
    assert_eq!((record.tag.as_str(), record.fields.len()), ("log", 0));
    assert_eq!((record.site.file.as_str(), record.site.module.as_str()), (file!(), module_path!()));
    assert!(record.site.line > 0);
}
