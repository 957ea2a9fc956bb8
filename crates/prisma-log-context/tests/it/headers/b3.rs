//! B3, and which format comes first.

use super::*;

#[test]
fn b3_single() {
    let none = |fault| ("", "", Some(fault));
    let unsampled = ("4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", "", None);
    let short = ("0000000000000000a3ce929d0e0e4736-00f067aa0ba902b7-01", "", None);
    let (sampled, absent) = ((PARENT, "", None), ("", "", None));
    let cases: &[(&str, Expected<'_>, Option<bool>)] = &[
        ("4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1", sampled, Some(true)),
        ("4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-d", sampled, Some(true)),
        ("4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-true", sampled, Some(true)),
        ("4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0", unsampled, Some(false)),
        (
            "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1-05e3ac9a4f6e3b90",
            sampled,
            Some(true),
        ),
        // Left to us.
        ("4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", sampled, None),
        ("4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-05e3ac9a4f6e3b90", sampled, None),
        ("a3ce929d0e0e4736-00f067aa0ba902b7-1", short, Some(true)),
        ("4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-1", sampled, Some(true)),
        (" 4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1\t", sampled, Some(true)),
        // A sampling state alone.
        ("0", absent, Some(false)),
        ("1", absent, Some(true)),
        ("d", absent, Some(true)),
        ("False", absent, Some(false)),
        ("x", none(Sampling), None),
        ("", none(Length), None),
        ("4bf92f3577b34da6a3ce929d0e0e4736", none(MissingId), None),
        ("4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-2", none(Sampling), None),
        ("4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-", none(Sampling), None),
        ("4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1-", none(Length), None),
        ("4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1-05e3ac9a4f6e3b9x", none(Hex), None),
        (
            "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1-05e3ac9a4f6e3b90-x",
            none(Length),
            None,
        ),
        ("4bf92f3577b34da6a3ce929d0e0e4736--1", none(Length), None),
        ("-00f067aa0ba902b7-1", none(Length), None),
        ("4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-1", none(Length), None),
        ("4bf92f3577b34da6a3ce929d0e0e473x-00f067aa0ba902b7-1", none(Hex), None),
        ("00000000000000000000000000000000-00f067aa0ba902b7-1", none(ZeroTraceId), None),
        ("0000000000000000-00f067aa0ba902b7-1", none(ZeroTraceId), None),
        ("4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-1", none(ZeroSpanId), None),
    ];
    for &(line, expected, decision) in cases {
        check(&[("b3", line)], expected);
        let incoming = Propagation::w3c().extract(&[("B3", line)]);
        assert_eq!(incoming.sampled, decision, "{line}");
        assert_eq!(incoming.context().is_sampled(), decision.unwrap_or(true), "{line}");
    }
    let long = format!("{PARENT}{}", " ".repeat(256));
    check(&[("b3", &long)], none(TooLong));
    check(&[("b3", "0"), ("b3", "0")], none(Duplicate));
}

#[test]
fn b3_multi() {
    let none = |fault| ("", "", Some(fault));
    let unsampled = ("4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", "", None);
    let short = ("0000000000000000a3ce929d0e0e4736-00f067aa0ba902b7-01", "", None);
    let (sampled, absent) = ((PARENT, "", None), ("", "", None));
    let (trace, span) = (("X-B3-TraceId", TRACE), ("X-B3-SpanId", SPAN));
    let state = |state| ("X-B3-Sampled", state);
    let cases: &[(Headers<'_>, Expected<'_>, Option<bool>)] = &[
        (&[trace, span, state("1")], sampled, Some(true)),
        (&[trace, span, state("true")], sampled, Some(true)),
        (&[trace, span, state("0")], unsampled, Some(false)),
        (&[trace, span, state("false")], unsampled, Some(false)),
        (&[trace, span, ("x-b3-flags", "1")], sampled, Some(true)),
        // Debug is the stronger word.
        (&[trace, span, state("0"), ("x-b3-flags", "1")], sampled, Some(true)),
        (&[trace, span, state("0"), ("x-b3-flags", "0")], unsampled, Some(false)),
        (&[trace, span, state("0"), ("x-b3-flags", "6")], unsampled, Some(false)),
        (&[trace, span, ("X-B3-ParentSpanId", "05e3ac9a4f6e3b90")], sampled, None),
        (&[("x-b3-traceid", "a3ce929d0e0e4736"), span, state("1")], short, Some(true)),
        (&[state("0")], absent, Some(false)),
        (&[("x-b3-flags", "1")], absent, Some(true)),
        (&[("X-B3-ParentSpanId", "05e3ac9a4f6e3b90")], absent, None),
        (&[("x-b3-flags", "0")], absent, None),
        // The first line counts.
        (&[trace, ("x-b3-traceid", "x"), span, state("0"), state("1")], unsampled, Some(false)),
        (&[trace, state("1")], none(MissingId), None),
        (&[span, state("1")], none(MissingId), None),
        (&[("x-b3-traceid", "4bf9"), span], none(Length), None),
        (&[("x-b3-traceid", "x3ce929d0e0e4736"), span], none(Hex), None),
        (&[("x-b3-traceid", "0000000000000000"), span], none(ZeroTraceId), None),
        (&[trace, ("x-b3-spanid", "0000000000000000")], none(ZeroSpanId), None),
        (&[trace, span, state("maybe")], none(Sampling), None),
    ];
    for &(headers, expected, decision) in cases {
        check(headers, expected);
        assert_eq!(Propagation::w3c().extract(headers).sampled, decision, "{headers:?}");
    }
    let long = " ".repeat(1 << 20);
    check(&[("x-b3-traceid", &long)], none(TooLong));
}

#[test]
fn w3c_comes_before_b3_and_one_header_before_several() {
    let b3 = ("b3", "00000000000000000000000000000abc-0000000000000def-0");
    let from_b3 = ("00000000000000000000000000000abc-0000000000000def-00", "", None);
    let (trace, span) = (("x-b3-traceid", "0000000000000123"), ("x-b3-spanid", "0000000000000456"));
    let from_multi = ("00000000000000000000000000000123-0000000000000456-01", "", None);
    let cases: &[(Headers<'_>, Expected<'_>)] = &[
        (&[trace, span, b3, ("traceparent", GOOD)], (PARENT, "", None)),
        (&[trace, span, b3], from_b3),
        (&[trace, span], from_multi),
        // What is there decides, good or bad.
        (&[trace, span, b3, ("traceparent", "")], ("", "", Some(Length))),
        (&[trace, span, ("b3", "x")], ("", "", Some(Sampling))),
        // tracestate belongs to traceparent.
        (&[b3, ("tracestate", "foo=1")], from_b3),
    ];
    cases.iter().for_each(|&(headers, expected)| check(headers, expected));
}
