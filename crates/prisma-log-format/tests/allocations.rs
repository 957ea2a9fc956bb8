//! Once the buffer has grown, encoding allocates nothing.
#![expect(unsafe_code, reason = "a counting allocator has to implement `GlobalAlloc`")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use prisma_log_core::{
    ContextData, Encoder, Fields, Level, Record, Shape, Site, SpanId, Timestamp, TraceId, Value,
};
use prisma_log_format::{EcsEncoder, JsonEncoder, LogfmtEncoder, Service, TextEncoder};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator as it is; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn encoding_into_a_grown_buffer_allocates_nothing() {
    let mut context = ContextData::default();
    context.trace_id = TraceId::new(1);
    context.span_id = SpanId::new(2);
    context.parent_span_id = SpanId::new(3);
    context.entries = Fields::from_iter([("user_id", "u1"), ("request_id", "r1"), ("x", "\u{9b}")]);
    let mut few = Fields::new();
    few.push("bool", true);
    few.push("i128", i128::MIN);
    few.push("float", 99.9);
    few.push("nan", f64::NAN);
    few.push("text", "a \"b\"\n\u{2028}c 日本 🎉");
    few.push("bytes", &b"\xff\x00\x7f"[..]);
    few.push("json", Value::Json(r#"{"a": [1, {"b": "\u00e9"}]}"#));
    few.push("not json", Value::Json("{"));
    few.push("level", "forged");
    few.push("error", "refused");
    few.push("bool", Value::Null);
    let many = Fields::from_iter((0..200_u64).map(|n| (["a", "b", "c", "d.e"][n as usize % 4], n)));

    let mut encoders: [(&str, Box<dyn Encoder>); 4] = [
        ("json", Box::new(JsonEncoder::builder().site(true).build().unwrap())),
        (
            "ecs",
            Box::new(
                EcsEncoder::builder().service(Service::new().name("s")).site(true).build().unwrap(),
            ),
        ),
        ("logfmt", Box::new(LogfmtEncoder::builder().site(true).build().unwrap())),
        ("text", Box::new(TextEncoder::builder().site(true).build().unwrap())),
    ];
    for (name, encoder) in &mut encoders {
        for (fields, shape) in [(&few, 0), (&many, 0), (&few, 1), (&many, 2)] {
            let mut record = Record::new(Timestamp::UNIX_EPOCH, Level::Info, "a b", "x\ny");
            record.context = &context;
            record.fields = fields.as_ref();
            record.site = Site::new("src/a.rs", 7, "a::b");
            record.tag = "tag";
            record.sequence = 9;
            record.shape = Shape::new(shape);
            record.message_is_constant = true;
            let mut out = Vec::new();
            let before_growing = ALLOCATIONS.get();
            encoder.encode(&record, &mut out);
            assert!(ALLOCATIONS.get() > before_growing, "the allocator does not count");
            let before = ALLOCATIONS.get();
            for _ in 0..1_000 {
                out.clear();
                encoder.encode(&record, &mut out);
            }
            let allocations = ALLOCATIONS.get() - before;
            let count = fields.len();
            println!(
                "{name}, shape {shape}: 1000 records of {count} fields, {allocations} allocations"
            );
            assert_eq!(allocations, 0, "{name}");
        }
    }
}
