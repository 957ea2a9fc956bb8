//! `tracestate` beside a `traceparent`.

use super::*;

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
}
