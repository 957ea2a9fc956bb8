//! Whatever the headers of a request hold, they are read without a panic, and what is sent on is
//! clean, says the same, and is read back as it was sent.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use prisma_log_context::{Context, HeaderFault, HeaderSink, Incoming, Propagation};

/// The first byte of a line picks its name.
const NAMES: [&str; 10] = [
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-sampled",
    "x-b3-flags",
    "TraceParent",
    "TRACESTATE",
];

static PROPAGATION: LazyLock<Propagation> =
    LazyLock::new(|| Propagation::w3c().b3_single(true).b3_multi(true).baggage_fields(["tenant"]));

/// The lines of the input, which end with a byte of 0xff, so that they may hold any other.
fn lines(data: &[u8]) -> Vec<(&'static str, &[u8])> {
    let name = |pick: u8| NAMES[usize::from(pick) % NAMES.len()];
    let lines = data.split(|&byte| byte == 0xff).filter_map(<[u8]>::split_first);
    lines.map(|(&pick, value)| (name(pick), value)).collect()
}

/// What is sent, in the order it was set.
#[derive(Default, PartialEq, Debug)]
struct Sent(Vec<(&'static str, String)>);

impl HeaderSink for Sent {
    fn set(&mut self, name: &'static str, value: &str) {
        assert!(value.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{name}: {value:?}");
        assert!(value.len() <= 8192 && value.trim() == value, "{name}: {value:?}");
        assert!(self.0.iter().all(|(other, _)| *other != name));
        self.0.push((name, value.to_owned()));
    }

    fn remove(&mut self, name: &'static str) {
        assert!(self.0.iter().all(|(other, _)| *other != name));
    }
}

fn faults() -> u64 {
    PROPAGATION.faults().map(|(_, count)| count).sum()
}

fn send(context: &Context) -> Sent {
    let mut sent = Sent::default();
    PROPAGATION.inject(context, &mut sent);
    sent
}

/// The lines that were sent, from the one at `from` on, read back.
fn read(sent: &Sent, from: usize) -> Incoming {
    let before = faults();
    let incoming = PROPAGATION.extract(&sent.0[from..]);
    // The percent-coding of others is sent on as it came, whatever it is worth.
    let sound = matches!(incoming.fault, None | Some(HeaderFault::Encoding));
    assert!(sound, "{sent:?} {:?}", incoming.fault);
    assert_eq!(faults() > before, incoming.fault.is_some());
    incoming
}

fuzz_target!(|data: &[u8]| {
    let before = faults();
    let incoming = PROPAGATION.extract(&lines(data));
    assert_eq!(faults() > before, incoming.fault.is_some());
    assert!(incoming.parent.is_some() || incoming.tracestate.is_empty());

    let context = incoming.context();
    if let Some(parent) = incoming.parent {
        assert_eq!(context.trace_id(), Some(parent.trace_id));
        assert_eq!(context.parent_span_id(), Some(parent.span_id));
    }
    assert_eq!(context.is_sampled(), incoming.sampled.unwrap_or(true));
    assert!(context.fields().iter().all(|(key, _)| key == "baggage.tenant"));

    let sent = send(&context);
    let again = read(&sent, 0);
    assert_eq!(again.parent, context.traceparent());
    assert_eq!(again.tracestate.to_string(), incoming.tracestate.to_string());
    assert_eq!(again.baggage, incoming.baggage);
    // From B3 alone the same position is read.
    let b3 = read(&sent, 1).parent.expect("a position");
    let position = context.traceparent().expect("a position");
    assert_eq!((b3.trace_id, b3.span_id), (position.trace_id, position.span_id));
    assert_eq!(b3.is_sampled(), position.is_sampled());

    // A hop further, only the span is another one.
    let hop = again.context();
    assert_eq!(hop.fields(), context.fields());
    for ((name, value), (name_then, value_then)) in send(&hop).0.iter().zip(&sent.0) {
        assert_eq!(name, name_then);
        if matches!(*name, "tracestate" | "baggage" | "x-b3-traceid" | "x-b3-sampled") {
            assert_eq!(value, value_then);
        }
    }

    // A value that is read and set stays what it is; so does all around it.
    let first = incoming.baggage.iter().next().map(|member| member.key.to_owned());
    if let Some((key, value)) = first.and_then(|key| {
        let value = incoming.baggage.get(&key)?.into_owned();
        Some((key, value))
    }) {
        let mut baggage = incoming.baggage.clone();
        if baggage.set(&key, &value).is_ok() {
            assert_eq!(baggage.get(&key).as_deref(), Some(&*value));
            baggage.remove(&key);
            let mut rest = incoming.baggage.clone();
            rest.remove(&key);
            assert_eq!(baggage, rest);
        }
    }
    let last = incoming.tracestate.iter().last();
    if let Some((key, value)) = last.map(|(key, value)| (key.to_owned(), value.to_owned())) {
        let mut state = incoming.tracestate.clone();
        state.set(&key, &value).expect("it was there");
        assert_eq!(state.iter().next(), Some((&*key, &*value)));
        assert_eq!(state.iter().count(), incoming.tracestate.iter().count());
    }
});
