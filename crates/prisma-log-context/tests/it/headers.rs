//! Headers in, position in the trace and headers out.
//!
//! The cases of `traceparent` and `tracestate` are those of W3C's test suite for trace-context,
//! written anew from the rules of the specification's levels 1 and 2, and some more.

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
    assert_eq!(
        counted,
        fault.map(|fault| (fault, 1)).into_iter().collect::<Vec<_>>(),
        "{headers:?}"
    );

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
    println!("{} cases", cases.len() + 2);
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
    println!("{} cases", cases.len());
}

/// Checks the `tracestate` lines beside a good `traceparent`.
fn check_state(lines: &[&str], state: &str, fault: Option<HeaderFault>) {
    let mut headers = vec![("traceparent", GOOD)];
    headers.extend(lines.iter().map(|line| ("tracestate", *line)));
    check(&headers, (PARENT, state, fault));
}

#[test]
fn tracestate() {
    type Case<'a> = (&'a [&'a str], &'a str, Option<HeaderFault>);
    let cases: &[Case<'_>] = &[
        (&["foo=1"], "foo=1", None),
        (&["foo=1,bar=2"], "foo=1,bar=2", None),
        (
            &["congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"],
            "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7",
            None,
        ),
        // Lines add up in their order.
        (&["foo=1,bar=2", "rojo=1,congo=2", "baz=3"], "foo=1,bar=2,rojo=1,congo=2,baz=3", None),
        (&["foo=1", "", "bar=2"], "foo=1,bar=2", None),
        // Nothing is nothing.
        (&[""], "", None),
        (&["", ""], "", None),
        (&[" \t"], "", None),
        (&[",, ,\t,"], "", None),
        (&["foo=1", ""], "foo=1", None),
        (&["", "foo=1"], "foo=1", None),
        (&[",foo=1,,bar=2,"], "foo=1,bar=2", None),
        // White space around members.
        (&["foo=1 \t , \t bar=2, \t baz=3"], "foo=1,bar=2,baz=3", None),
        (&["foo=1\t \t,\t \tbar=2,\t \tbaz=3"], "foo=1,bar=2,baz=3", None),
        (&[" foo=1"], "foo=1", None),
        (&["\tfoo=1"], "foo=1", None),
        (&["foo=1 "], "foo=1", None),
        (&["foo=1\t"], "foo=1", None),
        (&["\t foo=1 \t"], "foo=1", None),
        // A value may begin with spaces and have some in it.
        (&["foo=  1 2"], "foo=  1 2", None),
        // A key is there once.
        (&["foo=1,foo=1"], "", Some(DuplicateKey)),
        (&["foo=1,foo=2"], "", Some(DuplicateKey)),
        (&["foo=1", "foo=1"], "", Some(DuplicateKey)),
        (&["foo=1", "bar=1,foo=2"], "", Some(DuplicateKey)),
        (&["foo=1,fo=1,fooo=1"], "foo=1,fo=1,fooo=1", None),
        // Keys.
        (&["foo =1"], "", Some(Member)),
        (&["FOO=1"], "", Some(Member)),
        (&["foo.bar=1"], "", Some(Member)),
        (&["foo\u{fc}=1"], "", Some(Member)),
        (&["_foo=1"], "", Some(Member)),
        (&["=1"], "", Some(Member)),
        (&["@foo=1,bar=2"], "", Some(Member)),
        (&["0foo=1"], "0foo=1", None),
        (&["tenant@system=1"], "tenant@system=1", None),
        (&["0tenant-*/_@system-*/_0=1"], "0tenant-*/_@system-*/_0=1", None),
        // Level 2 took the last rules about `@` back.
        (&["foo@=1,a@@b=2,c@d@e=3"], "foo@=1,a@@b=2,c@d@e=3", None),
        // Values.
        (&["foo=bar=baz"], "", Some(Member)),
        (&["foo=,bar=3"], "", Some(Member)),
        (&["foo= ,bar=3"], "", Some(Member)),
        (&["foo"], "", Some(Member)),
        (&["foo=1;bar:2"], "foo=1;bar:2", None),
        (&["foo=a\tb"], "", Some(Member)),
        (&["foo=a\u{7f}"], "", Some(Member)),
        (&["foo=a\rb"], "", Some(Member)),
        (&["foo=\u{fc}"], "", Some(Member)),
        // One bad member spoils all.
        (&["foo=1,bar,baz=3"], "", Some(Member)),
        (&["foo=1", "BAR=2"], "", Some(Member)),
        (&["BAR=2", "foo=1,foo=2"], "", Some(Member)),
    ];
    cases.iter().for_each(|&(lines, state, fault)| check_state(lines, state, fault));
    println!("{} cases", cases.len());
}

#[test]
fn tracestate_limits() {
    // All characters that there are.
    let key = "abcdefghijklmnopqrstuvwxyz0123456789_-*/";
    let value: String = (b' '..=b'~').map(char::from).filter(|c| !matches!(c, ',' | '=')).collect();
    for key in [key.to_owned(), format!("{key}@a-z0-9_-*/")] {
        let line = format!("{key}={value}");
        check_state(&[&line], &line, None);
    }

    let members: Vec<_> = (1..=33).map(|n| format!("bar{n:02}={n:02}")).collect();
    let lines: Vec<_> = members.chunks(10).map(|line| line.join(",")).collect();
    let mut lines: Vec<_> = lines.iter().map(String::as_str).collect();
    check_state(&lines, "", Some(TooManyMembers));
    lines[3] = "bar31=31,bar32=32";
    check_state(&lines, &members[..32].join(","), None);
    // Empty ones do not count.
    lines.extend([",,,,", ""]);
    check_state(&lines, &members[..32].join(","), None);
    // What is wrong first is what counts.
    check_state(&[&members.join(","), "BAD=1"], "", Some(TooManyMembers));

    let cases = [
        ("z".repeat(256) + "=1", None),
        ("z".repeat(257) + "=1", Some(Member)),
        (format!("{}@{}=1", "t".repeat(241), "v".repeat(14)), None),
        (format!("{}@{}=1", "t".repeat(242), "v".repeat(14)), Some(Member)),
        (format!("z={}", "v".repeat(256)), None),
        (format!("z={}", "v".repeat(257)), Some(Member)),
        // Spaces at the front are a part of the value.
        (format!("z={}v", " ".repeat(255)), None),
        (format!("z={}v", " ".repeat(256)), Some(Member)),
    ];
    for (line, fault) in &cases {
        let whole = format!("foo=1,{line}");
        check_state(&["foo=1", line], if fault.is_none() { &whole } else { "" }, *fault);
    }

    let blank = " ".repeat(32 * 1024);
    check_state(&[&blank], "", None);
    check_state(&[&blank, "a"], "", Some(TooLong));
    check_state(&["a=1", &"a=1,".repeat(10_000)], "", Some(TooLong));
}

#[test]
fn tracestate_stands_and_falls_with_traceparent() {
    let (state, bad) = ("foo=1,bar=2", "FOO");
    let cases: &[(Headers<'_>, Expected<'_>)] = &[
        (&[("tracestate", state)], ("", "", None)),
        (&[("tracestate", bad)], ("", "", None)),
        // Not even read, so not counted.
        (&[("traceparent", "ff"), ("tracestate", bad)], ("", "", Some(Length))),
        (&[("traceparent", "ff"), ("tracestate", state)], ("", "", Some(Length))),
        (
            &[("traceparent", GOOD), ("traceparent", GOOD), ("tracestate", state)],
            ("", "", Some(Duplicate)),
        ),
        (&[("traceparent", GOOD), ("tracestate", bad)], (PARENT, "", Some(Member))),
        (&[("tracestate", state), ("traceparent", GOOD)], (PARENT, state, None)),
        (&[("traceparent", GOOD), ("TraceState", state)], (PARENT, state, None)),
        (&[("traceparent", GOOD), ("TrAcEsTaTe", state)], (PARENT, state, None)),
        (&[("traceparent", GOOD), ("TRACESTATE", state)], (PARENT, state, None)),
        (&[("traceparent", GOOD), ("trace-state", state)], (PARENT, "", None)),
        (&[("traceparent", GOOD), ("trace.state", state)], (PARENT, "", None)),
        (
            &[
                ("traceparent", "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x"),
                ("tracestate", state),
            ],
            (PARENT, state, None),
        ),
    ];
    cases.iter().for_each(|&(headers, expected)| check(headers, expected));
    println!("{} cases", cases.len());
}

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
    println!("{} cases", cases.len() + 2);
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
    println!("{} cases", cases.len() + 1);
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
    println!("{} cases", cases.len());
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
