//! Headers in, position in the trace and headers out.
//!
//! The cases of `traceparent` and `tracestate` are those of W3C's test suite for trace-context,
//! written anew from the rules of the specification's levels 1 and 2, and some more.

mod b3;
mod tracestate;

use prisma_log_context::{HeaderFault, HeaderSource, Propagation};

use HeaderFault::{
    Delimiter, Duplicate, DuplicateKey, Encoding, Hex, Length, Member, MissingId, Sampling,
    TooLong, TooManyMembers, Version, ZeroSpanId, ZeroTraceId,
};

type Headers<'a> = &'a [(&'a str, &'a str)];

/// What the headers must come to: the parent as `TRACE-SPAN-FLAGS` or nothing, the tracestate,
/// and what is wrong.
type Expected<'a> = (&'a str, &'a str, Option<HeaderFault>);

fn check(headers: Headers<'_>, (parent, state, fault): Expected<'_>) {
    let propagation = Propagation::w3c();
    let incoming = propagation.extract(headers);
    let said = incoming.parent.map(|p| p.to_string()).unwrap_or_default();
    assert_eq!(said.get(3..).unwrap_or(""), parent, "{headers:?}");
    assert_eq!(incoming.tracestate.to_string(), state, "{headers:?}");
    assert_eq!(incoming.fault, fault, "{headers:?}");
    let counted: Vec<_> = propagation.faults().filter(|&(_, count)| count > 0).collect();
    let told: Vec<_> = fault.map(|fault| (fault, 1)).into_iter().collect();
    assert_eq!(counted, told, "{headers:?}");

    // What the next service sees.
    let mut sent: Vec<(String, String)> = Vec::new();
    propagation.inject(&incoming.context(), &mut sent);
    let sent_parent = value(&sent, "traceparent").expect("a trace goes on or starts");
    assert!(sent_parent.starts_with("00-") && sent_parent.len() == 55, "{sent_parent}");
    assert_eq!(value(&sent, "tracestate").unwrap_or_default(), state, "{headers:?}");
    if parent.is_empty() {
        let trace = &sent_parent[3..35];
        assert!(!headers.iter().any(|(_, value)| value.contains(trace)), "{headers:?}");
    } else {
        assert_eq!(sent_parent[3..35], parent[..32], "{headers:?}");
        assert_ne!(sent_parent[36..52], parent[33..49], "{headers:?}");
        assert_eq!(sent_parent[53..], parent[50..], "{headers:?}");
    }
}

fn value(headers: &Vec<(String, String)>, name: &str) -> Option<String> {
    let mut values = Vec::new();
    headers.values(name, &mut |value| values.push(String::from_utf8(value.to_vec()).unwrap()));
    assert!(values.len() < 2, "{name}: {values:?}");
    values.pop()
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";
const PARENT: &str = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn traceparent() {
    let none = |fault| ("", "", Some(fault));
    let good = |parent| (parent, "", None);
    let sampled = good(PARENT);
    let unsampled = good("4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
    let cases: &[(&str, Expected<'_>)] = &[
        // The plain form and its flags; those that version 00 does not define are not kept.
        (GOOD, sampled),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", unsampled),
        (
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02",
            good("4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02"),
        ),
        (
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03",
            good("4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03"),
        ),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-09", sampled),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-f8", unsampled),
        (
            "00-00000000000000000000000000000001-0000000000000001-01",
            good("00000000000000000000000000000001-0000000000000001-01"),
        ),
        (
            "00-ffffffffffffffffffffffffffffffff-ffffffffffffffff-01",
            good("ffffffffffffffffffffffffffffffff-ffffffffffffffff-01"),
        ),
        // Version 00 is exactly that long.
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.", none(Length)),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-", none(Length)),
        (
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-brings",
            none(Length),
        ),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 00", none(Length)),
        // A higher version may be longer, after a dash.
        ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", sampled),
        ("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", unsampled),
        ("fe-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff", sampled),
        ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-", sampled),
        ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-brings", sampled),
        ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-\u{fc}", sampled),
        (
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what-the-future-brings-not",
            none(Delimiter),
        ),
        ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011", none(Delimiter)),
        ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0", none(Length)),
        ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", none(Length)),
        ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0X-more", none(Hex)),
        ("cc-00000000000000000000000000000000-00f067aa0ba902b7-01-more", none(ZeroTraceId)),
        // The version.
        ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", none(Version)),
        ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", none(Version)),
        (".0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", none(Hex)),
        ("0.-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", none(Hex)),
        ("CC-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", none(Hex)),
        ("000-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", none(Length)),
        ("0000-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", none(Length)),
        ("ccc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", none(Delimiter)),
        ("0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", none(Length)),
        // The trace id.
        ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", none(ZeroTraceId)),
        ("00-.bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", none(Hex)),
        ("00-4bf92f3577b34da6a3ce929d0e0e473.-00f067aa0ba902b7-01", none(Hex)),
        ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", none(Hex)),
        ("00-4bf92f3577b34da6a3ce929d0e0e47364-00f067aa0ba902b7-01", none(Length)),
        ("cc-4bf92f3577b34da6a3ce929d0e0e47364-00f067aa0ba902b7-01-", none(Delimiter)),
        ("00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01", none(Length)),
        ("00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-001", none(Delimiter)),
        // The parent id.
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", none(ZeroSpanId)),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-.0f067aa0ba902b7-01", none(Hex)),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b.-01", none(Hex)),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00F067AA0BA902B7-01", none(Hex)),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7a-01", none(Length)),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b-01", none(Length)),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b-001", none(Delimiter)),
        // The flags.
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-.0", none(Hex)),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0.", none(Hex)),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0A", none(Hex)),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-001", none(Length)),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1", none(Length)),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-", none(Length)),
        // White space around it is nobody's; within it is.
        (" 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", sampled),
        ("\t00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", sampled),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 ", sampled),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\t", sampled),
        ("\t 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 \t", sampled),
        ("00 -4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0", none(Delimiter)),
        ("\n00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", none(Hex)),
        // Anything else.
        ("", none(Length)),
        (" ", none(Length)),
        ("00", none(Length)),
        ("-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-00", none(Hex)),
        ("00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", none(Delimiter)),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01", none(Delimiter)),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01", none(Delimiter)),
        ("\u{fc}\u{fc}4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", none(Hex)),
    ];
    for &(line, expected) in cases {
        check(&[("traceparent", line)], expected);
    }
    let list = format!("{GOOD},{GOOD}");
    let long = format!("cc-{PARENT}-{}", "x".repeat(8192));
    check(&[("traceparent", &list)], none(Length));
    check(&[("traceparent", &long)], none(TooLong));
}

#[test]
fn traceparent_lines_and_names() {
    let sampled = (PARENT, "", None);
    let other = "00-4bf92f3577b34da6a3ce929d0e0e4737-00f067aa0ba902b7-01";
    let absent = ("", "", None);
    let cases: &[(Headers<'_>, Expected<'_>)] = &[
        (&[], absent),
        (&[("TraceParent", GOOD)], sampled),
        (&[("TrAcEpArEnT", GOOD)], sampled),
        (&[("TRACEPARENT", GOOD)], sampled),
        (&[("trace-parent", GOOD)], absent),
        (&[("trace.parent", GOOD)], absent),
        (&[("traceparent2", GOOD)], absent),
        (&[("traceparent", GOOD), ("traceparent", other)], ("", "", Some(Duplicate))),
        (&[("traceparent", GOOD), ("Traceparent", GOOD)], ("", "", Some(Duplicate))),
        (&[("traceparent", "rubbish"), ("traceparent", GOOD)], ("", "", Some(Duplicate))),
        (&[("traceparent", GOOD), ("traceparent", "")], ("", "", Some(Duplicate))),
        // Three are no worse than two.
        (
            &[("traceparent", GOOD), ("traceparent", GOOD), ("traceparent", GOOD)],
            ("", "", Some(Duplicate)),
        ),
    ];
    cases.iter().for_each(|&(headers, expected)| check(headers, expected));
}

#[test]
fn faults_add_up_over_clones_and_the_first_is_told() {
    let propagation = Propagation::w3c();
    let clone = propagation.clone();
    let lines = [("traceparent", GOOD), ("tracestate", "a=1,a=2"), ("baggage", "x,y,k=%,z=1")];
    for propagation in [&propagation, &clone, &propagation] {
        let incoming = propagation.extract(&lines);
        assert_eq!(incoming.fault, Some(DuplicateKey));
        assert_eq!(incoming.baggage.to_string(), "k=%,z=1");
    }
    for counted in [&propagation, &clone] {
        let counts: Vec<_> = counted.faults().filter(|&(_, count)| count > 0).collect();
        assert_eq!(counts, [(Member, 6), (DuplicateKey, 3), (Encoding, 3)]);
        assert_eq!(counted.faults().count(), HeaderFault::ALL.len());
    }
}
