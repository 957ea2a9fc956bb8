//! What does one record cost as a JSON line?
//!
//! The record: INFO, a static message, a u64, an f64, two strings and another u64, with trace id
//! and span id. The first three contenders go the whole way from the log macro to the line in a
//! buffer, each under a mutex and with the current time in the line; the rest encode a record that
//! is already there.

use std::hint::black_box;
use std::io;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use prisma_log_benches::{Bench, Contender, is_quick, measure};
use prisma_log_core::{
    BatchError, Clock, ContextData, ContextSource, Durability, Encoder, Error, Fields, Filter,
    Level, Record, Shape, Sink, SinkDrain, Site, SpanId, SystemClock, TraceId,
};
use prisma_log_format::{EcsEncoder, JsonEncoder, LogfmtEncoder, TextEncoder};
use slog::{Drain, Logger, o};

/// The part of slog-json's time that ours may take. Ours does more in it: it keeps keys apart,
/// numbers the record and escapes what slog-json lets through.
const LIMIT: f64 = 1.0;

const TRACE_ID: u128 = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c;
const SPAN_ID: u64 = 0xb7ad_6b71_6920_3331;

fn main() -> ExitCode {
    let quick = match is_quick() {
        Ok(quick) => quick,
        Err(message) => {
            eprintln!("encode: {message}");
            return ExitCode::from(2);
        }
    };
    let all_written: [Written; 3] = Default::default();
    let [our_bytes, rival_bytes, tracing_bytes] = &all_written;
    let (ours, rival) = (our_logger(our_bytes), rival_logger(rival_bytes));
    start_tracing(tracing_bytes);
    let trace_id = "0af7651916cd43dd8448eb211c80319c";
    let span = tracing::info_span!("request", trace_id, span_id = "b7ad6b7169203331");
    let _in_span = span.enter();

    let (fields, context, shape) = (fields(), context(), Shape::new(1));
    let mut last = [0; 3];
    let [our_last, rival_last, tracing_last] = &mut last;
    let mut contenders = vec![
        Contender::new("prisma-log, macro to line", "SinkDrain, JsonEncoder", move |records| {
            (0..records).for_each(|n| log_by_slog(&ours, n));
            our_bytes.take(our_last)
        }),
        Contender::new("slog-json, macro to line", "Mutex<Json>", move |records| {
            (0..records).for_each(|n| log_by_slog(&rival, n));
            rival_bytes.take(rival_last)
        }),
        Contender::new("tracing, macro to line", "tracing-subscriber, json", move |records| {
            (0..records).for_each(log_by_tracing);
            tracing_bytes.take(tracing_last)
        }),
        encoder("JsonEncoder", &fields, &context, None, JsonEncoder::new()),
        encoder("EcsEncoder", &fields, &context, None, EcsEncoder::new()),
        encoder("LogfmtEncoder", &fields, &context, None, LogfmtEncoder::new()),
        encoder("TextEncoder", &fields, &context, None, TextEncoder::new()),
        encoder("JsonEncoder, shape known", &fields, &context, shape, JsonEncoder::new()),
        encoder("EcsEncoder, shape known", &fields, &context, shape, EcsEncoder::new()),
        encoder("LogfmtEncoder, shape known", &fields, &context, shape, LogfmtEncoder::new()),
        encoder("TextEncoder, shape known", &fields, &context, shape, TextEncoder::new()),
    ];
    let (rounds, records) = if quick { (15, 5_000) } else { (201, 20_000) };
    measure(&mut contenders, rounds, records);

    let (ours, rival) = (contenders[0].median(), contenders[1].median());
    let part = ours / rival;
    let verdict = format!(
        "a record costs {ours:.0} ns from macro to line, {part:.2} of slog-json's {rival:.0} ns \
         (limit {LIMIT:.2}); the encoder alone {:.0} ns, with its shape known {:.0} ns",
        contenders[3].median(),
        contenders[7].median()
    );
    let question = "What does one record cost as a JSON line?";
    Bench { name: "encode", question }.report(&contenders, part <= LIMIT, &verdict)
}

fn log_by_slog(log: &Logger, n: u32) {
    slog::info!(log, "order processed";
        "order_id" => black_box(u64::from(n)),
        "amount" => black_box(99.9_f64),
        "currency" => black_box("EUR"),
        "customer" => black_box("customer-4711"),
        "duration_us" => black_box(1234_u64),
    );
}

fn log_by_tracing(n: u32) {
    tracing::info!(
        order_id = black_box(u64::from(n)),
        amount = black_box(99.9_f64),
        currency = black_box("EUR"),
        customer = black_box("customer-4711"),
        duration_us = black_box(1234_u64),
        "order processed"
    );
}

fn fields() -> Fields {
    let mut fields = Fields::new();
    fields.push("order_id", 42_u64);
    fields.push("amount", 99.9);
    fields.push("currency", "EUR");
    fields.push("customer", "customer-4711");
    fields.push("duration_us", 1234_u64);
    fields
}

fn context() -> ContextData {
    let mut context = ContextData::default();
    context.trace_id = TraceId::new(TRACE_ID);
    context.span_id = SpanId::new(SPAN_ID);
    context
}

fn encoder<'a>(
    name: &'static str,
    fields: &'a Fields,
    context: &'a ContextData,
    shape: Option<Shape>,
    mut encoder: impl Encoder + 'a,
) -> Contender<'a> {
    let mut out = Vec::new();
    Contender::new(name, "encoding alone, and the clock", move |records| {
        let mut bytes = 0;
        for n in 0..records {
            let mut record =
                Record::new(SystemClock.now(), Level::Info, "bench", black_box("order processed"));
            record.fields = black_box(fields).as_ref();
            record.context = black_box(context);
            record.site = Site::new(file!(), line!(), module_path!());
            record.sequence = u64::from(n) + 1;
            record.shape = shape;
            record.message_is_constant = true;
            out.clear();
            encoder.encode(&record, &mut out);
            out.push(b'\n');
            bytes += black_box(&out).len();
        }
        bytes
    })
}

/// Keeps what is written, forgets it when that gets much, and tells how much it was.
#[derive(Default)]
struct Buffer {
    kept: Vec<u8>,
    total: usize,
    told: Written,
}

/// How many bytes a [`Buffer`] was given.
#[derive(Clone, Default)]
struct Written(Arc<AtomicUsize>);

impl Written {
    fn buffer(&self) -> Buffer {
        Buffer { told: self.clone(), ..Buffer::default() }
    }

    /// The bytes since the last time.
    fn take(&self, last: &mut usize) -> usize {
        let total = self.0.load(Ordering::Relaxed);
        total - std::mem::replace(last, total)
    }
}

impl Buffer {
    fn tell(&mut self, length: usize) {
        self.total += length;
        self.told.0.store(self.total, Ordering::Relaxed);
        if self.kept.len() > 64 * 1024 {
            self.kept.clear();
        }
    }
}

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.kept.extend_from_slice(bytes);
        self.tell(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct EncodingSink(JsonEncoder, Buffer);

impl Sink for EncodingSink {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        let before = self.1.kept.len();
        for record in batch {
            self.0.encode(record, &mut self.1.kept);
            self.1.kept.push(b'\n');
        }
        self.1.tell(self.1.kept.len() - before);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn durability(&self) -> Durability {
        Durability::Memory
    }
}

struct FixedContext(Arc<ContextData>);

impl ContextSource for FixedContext {
    fn current(&self) -> Option<Arc<ContextData>> {
        Some(Arc::clone(&self.0))
    }
}

fn our_logger(written: &Written) -> Logger {
    let sink = EncodingSink(JsonEncoder::new(), written.buffer());
    let drain = SinkDrain::builder()
        .sink("buffer", Filter::default(), sink)
        .context(FixedContext(Arc::new(context())))
        .build();
    Logger::root(drain.named("bench"), o!())
}

fn rival_logger(written: &Written) -> Logger {
    let json = slog_json::Json::new(written.buffer()).add_default_keys().build();
    let ids = o!("trace_id" => "0af7651916cd43dd8448eb211c80319c", "span_id" => "b7ad6b7169203331");
    Logger::root(Mutex::new(json).fuse(), ids)
}

fn start_tracing(written: &Written) {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_writer(Mutex::new(written.buffer()))
        .init();
}
