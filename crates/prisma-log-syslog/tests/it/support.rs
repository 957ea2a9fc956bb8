//! Records to send.

use std::time::Duration;

use prisma_log_core::{
    BatchError, ContextData, Fields, Level, Record, Sink, SpanId, Timestamp, TraceId,
};
use prisma_log_syslog::{SyslogSink, SyslogSinkBuilder, Transport};

/// Long enough for a machine under load.
pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) const TIME: Timestamp = Timestamp::from_unix_nanos(1_795_507_200_123_456_789);

/// A builder with everything in the header fixed.
pub(crate) fn builder(transport: Transport) -> SyslogSinkBuilder {
    SyslogSink::builder(transport).app_name("shop").host_name("web1").proc_id("42")
}

/// Values that would forge something, if anything could.
pub(crate) const HOSTILE: [&str; 14] = [
    "\"] forged=\"1\"]",
    "]\n<0>1 - - - - - -",
    "\\",
    "\\\"",
    "a\\]b\\",
    "\0\0",
    "\u{1b}[2J\u{7}",
    "\r\n",
    "\u{202e}gpj\u{2066}",
    "\u{feff}\u{85}\u{2028}",
    "42 <13>1",
    "Grüße, 日本 🎉\u{e0041}",
    "",
    "\"quoted\"",
];

/// A record with everything in it, nothing of it harmless.
pub(crate) struct Nasty {
    pub(crate) fields: Fields,
    pub(crate) context: ContextData,
    pub(crate) message: String,
}

impl Nasty {
    pub(crate) fn new() -> Self {
        let mut context = ContextData::default();
        context.trace_id = TraceId::new(0x0af7651916cd43dd8448eb211c80319c);
        context.span_id = SpanId::new(0xb7);
        context.parent_span_id = SpanId::new(0xb6);
        context.trace_flags = 1;
        context.entries.push("user_id", "ann\n");
        let mut fields = Fields::new();
        for (number, hostile) in HOSTILE.iter().enumerate() {
            fields.push(&format!("k{number}"), *hostile);
            fields.push(hostile, number as u64);
        }
        fields.push("user_id", "bob");
        fields.push(&"long key ".repeat(9), "v");
        Nasty {
            fields,
            context,
            message: "Bestellung \"7\" \n\u{1b} erledigt 🎉 — ende".to_owned(),
        }
    }

    pub(crate) fn record(&self) -> Record<'_> {
        let mut record = Record::new(TIME, Level::Trace, "shop.orders]\"", &self.message);
        record.fields = self.fields.as_ref();
        record.context = &self.context;
        record.sequence = 7;
        record.recovered = true;
        record.truncated = 12;
        record.tag = "t g";
        record
    }

    /// What a reader must find as fields.
    pub(crate) fn expected(&self) -> Vec<(String, String)> {
        let all = self.context.entries.iter().chain(self.fields.iter());
        all.map(|(key, value)| (key.to_owned(), value.to_string())).collect()
    }
}

/// Writes records whose messages are these numbers.
pub(crate) fn write(
    sink: &mut dyn Sink,
    numbers: std::ops::Range<usize>,
) -> Result<(), BatchError> {
    let messages: Vec<String> = numbers.map(|number| format!("record {number}")).collect();
    let records: Vec<_> =
        messages.iter().map(|message| Record::new(TIME, Level::Info, "shop", message)).collect();
    sink.write(&records)
}

/// Writes them as a front end with a queue does: what is not taken comes again.
pub(crate) fn write_all(sink: &mut dyn Sink, numbers: std::ops::Range<usize>) {
    let mut next = numbers.start;
    let deadline = std::time::Instant::now() + LONG;
    while next < numbers.end {
        match write(sink, next..numbers.end) {
            Ok(()) => return,
            Err(failed) => {
                next += failed.delivered;
                let wait = failed.retry_after.expect("a place may come back");
                assert!(std::time::Instant::now() < deadline, "{}", failed.error);
                std::thread::sleep(wait.min(Duration::from_millis(200)));
            }
        }
    }
}
