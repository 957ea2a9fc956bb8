//! Records to send.

use std::time::Duration;

use prisma_log_core::{
    ContextData, Fields, Level, Record, Site, SpanId, SpanRecord, Timestamp, TraceId, Value,
};
use prisma_log_otlp::{OtlpSink, OtlpSinkBuilder};

use crate::collector::Collector;

/// Long enough for a machine under load.
pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) const TIME: Timestamp = Timestamp::from_unix_nanos(1_795_507_200_123_456_789);

/// A builder for a double, with what differs from process to process fixed.
pub(crate) fn builder(collector: &Collector) -> OtlpSinkBuilder {
    OtlpSink::builder()
        .endpoint(collector.url())
        .service_name("shop")
        .service_version("1.4.2")
        .environment_name("test")
        .attribute("service.instance.id", "i-1")
        .attribute("host.name", "web1")
        .attribute("process.pid", "42")
        .timeout(LONG)
}

/// A record with everything in it.
pub(crate) struct Full {
    context: ContextData,
    fields: Fields,
    span_fields: Fields,
}

pub(crate) fn context(sampled: bool) -> ContextData {
    let mut context = ContextData::default();
    context.trace_id = TraceId::new(0x0af7651916cd43dd8448eb211c80319c);
    context.span_id = SpanId::new(0xb7);
    context.parent_span_id = SpanId::new(0xb6);
    context.trace_flags = u8::from(sampled);
    context
}

impl Full {
    pub(crate) fn new(sampled: bool) -> Self {
        let mut context = context(sampled);
        context.entries.push("user_id", "ann");
        let mut fields = Fields::new();
        push_all(&mut fields);
        let mut span_fields = Fields::new();
        span_fields.push(SpanRecord::KIND, "server");
        span_fields.push(SpanRecord::STATUS, "error");
        span_fields.push(SpanRecord::STATUS_MESSAGE, "no stock");
        let events = r#"[{"name":"retry","offset_ms":1.25,"attributes":{"try":2,"why":"x"}},{"name":"miss","offset_ms":0}]"#;
        span_fields.push(SpanRecord::EVENTS, Value::Json(events));
        span_fields.push(SpanRecord::DROPPED_ATTRIBUTES, 3_u64);
        span_fields.push(SpanRecord::DROPPED_EVENTS, 4_u64);
        span_fields.push(SpanRecord::DURATION, 12.345_678);
        push_all(&mut span_fields);
        Full { context, fields, span_fields }
    }

    pub(crate) fn log(&self) -> Record<'_> {
        let mut record = Record::new(TIME, Level::Critical, "shop.orders", "Bestellung \"7\" 🎉\n");
        record.fields = self.fields.as_ref();
        record.context = &self.context;
        record.sequence = 7;
        record.recovered = true;
        record.truncated = 12;
        record.site = Site::new("src/order.rs", 42, "shop::order");
        record.tag = "t";
        record
    }

    pub(crate) fn span(&self) -> Record<'_> {
        let mut record = self.log();
        record.message = "GET /orders/{id}";
        record.tag = SpanRecord::TAG;
        record.fields = self.span_fields.as_ref();
        record
    }
}

fn push_all(fields: &mut Fields) {
    fields.push("text", "a\"b\\\u{1}\u{202e}ü");
    fields.push("empty", "");
    fields.push("yes", true);
    fields.push("no", false);
    fields.push("zero", 0_i64);
    fields.push("least", i64::MIN);
    fields.push("most", u64::MAX);
    fields.push("wide", Value::U128(u128::MAX));
    fields.push("deep", Value::I128(i128::MIN));
    fields.push("float", 0.1);
    fields.push("whole", 3.0);
    fields.push("nan", f64::NAN);
    fields.push("inf", f64::NEG_INFINITY);
    fields.push("raw", &b"\xff\x00\x01"[..]);
    fields.push("null", Value::Null);
    fields.push("nested", Value::Json(r#"{"a":[1,-2.5,"x",null,{}],"b":{"c":true}}"#));
    fields.push("broken", Value::Json("{\"a\":"));
    fields.push("user_id", "bob");
    fields.push("prisma_log.sequence", 99_u64);
    fields.push("", "no key");
    fields.push("event.name", "order.placed");
    fields.push("event.name", "second");
}

/// Records whose messages are these numbers; every third one is a sampled span.
pub(crate) struct Numbered {
    messages: Vec<String>,
    span: Fields,
    traced: ContextData,
}

impl Numbered {
    pub(crate) fn new(numbers: std::ops::Range<usize>) -> Self {
        let messages = numbers.map(|number| format!("record {number}")).collect();
        let mut span = Fields::new();
        span.push(SpanRecord::DURATION, 1.5);
        Numbered { messages, span, traced: context(true) }
    }

    pub(crate) fn messages(&self) -> Vec<String> {
        self.messages.clone()
    }

    pub(crate) fn records(&self) -> Vec<Record<'_>> {
        let all = self.messages.iter().enumerate();
        all.map(|(index, message)| {
            let logger = ["shop", "shop.orders", "shop.stock"][index % 3];
            let mut record = Record::new(TIME, Level::Info, logger, message);
            record.sequence = index as u64 + 1;
            if index % 3 == 2 {
                record.tag = SpanRecord::TAG;
                record.fields = self.span.as_ref();
                record.context = &self.traced;
            }
            record
        })
        .collect()
    }
}

pub(crate) fn sorted(mut list: Vec<String>) -> Vec<String> {
    list.sort();
    list
}

/// A tool of `target/tools/python`, which `.ci/run` fills; `None`, with a message, where it is
/// missing and nobody insists.
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
pub(crate) fn python(module: &str) -> Option<std::path::PathBuf> {
    let tools = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/python");
    if tools.join(module).exists() {
        return Some(tools);
    }
    let how = format!(
        "{module} is not in {}: python3 -m pip install --target target/tools/python \
         opentelemetry-proto rotel",
        tools.display()
    );
    assert!(std::env::var_os("CI").is_none(), "{how}");
    println!("skipped: {how}");
    None
}
