//! What is written is read back, whatever it was.

use fastrand::Rng;
use prisma_log_context::{Baggage, Context, HeaderFault, Propagation, TraceParent, TraceState};
use prisma_log_core::{SpanId, TraceId};

const ROUNDS: usize = 4_000;

fn context(rng: &mut Rng) -> Context {
    let trace = TraceId::new(rng.u128(1..)).unwrap();
    let parent = SpanId::new(rng.u64(1..)).unwrap();
    Context::remote(trace, parent, rng.u8(0..4))
}

fn text(rng: &mut Rng, alphabet: &[u8], length: std::ops::Range<usize>) -> String {
    (0..rng.usize(length)).map(|_| char::from(*rng.choice(alphabet).unwrap())).collect()
}

fn state(rng: &mut Rng) -> TraceState {
    let mut state = TraceState::new();
    for _ in 0..rng.usize(0..12) {
        let key = format!("k{}", text(rng, b"abz019_-*/@", 0..20));
        let value = format!("{}v", text(rng, b" !~ab;:+<>", 0..40));
        state.set(&key, &value).unwrap();
    }
    state
}

fn baggage(rng: &mut Rng) -> (Baggage, Vec<(String, String)>) {
    let (mut baggage, mut members) = (Baggage::new(), Vec::<(String, String)>::new());
    for _ in 0..rng.usize(0..12) {
        let key = format!("k{}", text(rng, b"abAB01!#$%&'*+-.^_`|~", 0..4));
        let value: String = (0..rng.usize(0..20)).map(|_| rng.char(..)).collect();
        match baggage.set(&key, &value) {
            Ok(()) => match members.iter_mut().find(|(other, _)| *other == key) {
                Some(member) => member.1 = value,
                None => members.push((key, value)),
            },
            Err(fault) => assert_eq!(fault, HeaderFault::TooLong),
        }
    }
    (baggage, members)
}

#[test]
fn a_context_crosses_the_wire() {
    let mut rng = Rng::with_seed(5);
    for _ in 0..ROUNDS {
        let (baggage, members) = baggage(&mut rng);
        let context = context(&mut rng).with_tracestate(state(&mut rng)).with_baggage(baggage);
        // What was there before goes, in whatever form.
        let stale = ["TraceParent", "tracestate", "BAGGAGE", "b3", "X-B3-TraceId", "x-b3-flags"];
        let mut sent: Vec<(String, String)> =
            stale.map(|name| (name.to_owned(), "1".to_owned())).to_vec();
        let propagation = Propagation::w3c();
        propagation.inject(&context, &mut sent);
        let incoming = propagation.extract(&sent);

        assert_eq!(incoming.fault, None, "{sent:?}");
        assert_eq!(incoming.parent, context.traceparent());
        assert_eq!(incoming.sampled, Some(context.is_sampled()));
        assert_eq!(&incoming.tracestate, context.tracestate());
        assert_eq!(&incoming.baggage, context.baggage());
        let read: Vec<_> =
            incoming.baggage.iter().map(|m| (m.key.to_owned(), m.value.into_owned())).collect();
        assert_eq!(read, members);
        let empty = [context.tracestate().is_empty(), context.baggage().is_empty()];
        assert_eq!(sent.len(), 3 - empty.into_iter().filter(|empty| *empty).count(), "{sent:?}");
    }
}

#[test]
fn b3_crosses_the_wire_beside_w3c_and_alone() {
    let mut rng = Rng::with_seed(6);
    for _ in 0..ROUNDS {
        let context = context(&mut rng);
        let propagation = Propagation::w3c().b3_single(true).b3_multi(true);
        let mut sent: Vec<(String, String)> = Vec::new();
        propagation.inject(&context, &mut sent);
        let names: Vec<_> = sent.iter().map(|(name, _)| name.clone()).collect();
        assert_eq!(names, ["traceparent", "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled"]);
        let sampled = u8::from(context.is_sampled());
        let at = context.traceparent().unwrap();
        assert_eq!(sent[1].1, format!("{}-{}-{sampled}", at.trace_id, at.span_id));

        for from in [0, 1, 2] {
            let incoming = propagation.extract(&sent[from..]);
            // B3 has no other flags.
            let flags = if from == 0 { at.flags } else { at.flags & TraceParent::SAMPLED };
            assert_eq!(incoming.parent, Some(TraceParent { flags, ..at }));
            assert_eq!(incoming.sampled, Some(context.is_sampled()));
        }
        assert!(propagation.faults().all(|(_, count)| count == 0));
    }
}

#[test]
fn every_byte_of_traceparent_matters() {
    let mut rng = Rng::with_seed(7);
    let mut read = 0;
    for _ in 0..ROUNDS {
        let mut bytes = context(&mut rng).traceparent().unwrap().to_string().into_bytes();
        // Any byte but those of the version and the flags.
        let at = rng.usize(2..53);
        bytes[at] = if rng.bool() { *rng.choice(b"0123456789abcdef").unwrap() } else { rng.u8(..) };
        match TraceParent::parse(&bytes) {
            Ok(parent) => {
                assert_eq!(parent.to_string().as_bytes(), bytes);
                read += 1;
            }
            Err(fault) if [2, 35, 52].contains(&at) => assert_eq!(fault, HeaderFault::Delimiter),
            Err(fault) => assert_eq!(fault, HeaderFault::Hex),
        }
    }
    assert!((ROUNDS / 3..ROUNDS).contains(&read), "{read}");
}

#[test]
fn a_tracestate_that_is_too_long_is_sent_in_part_and_counted() {
    let mut state = TraceState::new();
    for n in 0..32 {
        state.set(&format!("k{n}"), &"v".repeat(250)).unwrap();
    }
    state.set("own", "1").unwrap();
    let propagation = Propagation::w3c();
    let mut sent: Vec<(String, String)> = Vec::new();
    propagation.inject(&Context::new().with_tracestate(state.clone()), &mut sent);
    let got = propagation.extract(&sent).tracestate;
    assert!(got.to_string().len() > 3800 && got.to_string().len() <= 4096);
    assert_eq!(got.get("own"), Some("1"));
    assert!(got.iter().all(|(key, value)| state.get(key) == Some(value)));
    let counts: Vec<_> = propagation.faults().filter(|&(_, count)| count > 0).collect();
    assert_eq!(counts, [(HeaderFault::TooLong, 1)]);
}

#[test]
fn each_format_is_sent_or_not() {
    fn check(propagation: Propagation, expected: &[&str]) {
        let mut state = TraceState::new();
        state.set("own", "1").unwrap();
        let mut baggage = Baggage::new();
        baggage.set("tenant", "blue").unwrap();
        let context = Context::new().with_tracestate(state).with_baggage(baggage);
        let stale = ["traceparent", "tracestate", "baggage", "b3", "x-b3-parentspanid"];
        let mut sent: Vec<(String, String)> =
            stale.map(|name| (name.to_owned(), "stale".to_owned())).to_vec();
        propagation.inject(&context, &mut sent);
        assert!(sent.iter().all(|(_, value)| value != "stale"), "{sent:?}");
        let names: Vec<_> = sent.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, expected);
    }
    let w3c = Propagation::w3c;
    check(w3c(), &["traceparent", "tracestate", "baggage"]);
    check(w3c().baggage(false), &["traceparent", "tracestate"]);
    check(w3c().trace_context(false), &["baggage"]);
    let b3 = w3c().trace_context(false).baggage(false);
    check(b3.clone(), &[]);
    check(b3.clone().b3_single(true), &["b3"]);
    check(b3.b3_multi(true), &["x-b3-traceid", "x-b3-spanid", "x-b3-sampled"]);
}
