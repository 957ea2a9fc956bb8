use super::*;

fn texts<'a>(joiner: &'a Joiner, block: &'a str) -> Vec<&'a str> {
    joiner.records(block.as_bytes()).map(|range| &block[range]).collect()
}

#[test]
fn lines_that_begin_a_record() {
    let check = |line: &str, expect: bool| {
        assert_eq!(Joiner::default().begins(line.as_bytes()), expect, "{line}");
    };
    for line in [
        "2026-11-24T08:00:03.000000Z ALERT x",
        "2026-11-24 08:00:03,123 [main] ERROR x",
        "2026/11/24 08:00:03 [error] 31#31: *1 x",
        "[2026-11-24 08:00:03] x",
        "[24/Nov/2026:08:00:03 +0000] x",
        "24-Nov-2026 08:00:03.123 SEVERE x",
        "08:00:03.123 [main] INFO x",
        "Nov 24 08:00:03 host sshd[1]: x",
        "Nov  4 08:00:03 host sshd[1]: x",
        "Tue Nov 24 08:00:03 2026 x",
        "Tue, 24 Nov 2026 08:00:03 GMT x",
        "[Tue Nov 24 08:00:03.123 2026] [core:error] x",
        "1796097216.123 x",
        "1796097216123",
        "20261124T080003Z x",
        "I1124 08:00:03.123456 1 x.go:1] x",
        "<34>1 2026-11-24T08:00:03Z x",
        "{\"level\":\"error\"}",
        "{",
        "ERROR x",
        "WARN: x",
        "[error] x",
        "(INFO) x",
        "time=2026-11-24T08:00:03Z level=info msg=x",
        "level=error msg=x",
        "\x1b[2m2026-11-24T08:00:03Z\x1b[0m \x1b[31mERROR\x1b[0m x",
        "127.0.0.1 - - [24/Nov/2026:08:00:03 +0000] \"GET / HTTP/1.1\" 200 1",
        "::1 - - [24/Nov/2026:08:00:03 +0000] \"GET / HTTP/1.1\" 200 1",
    ] {
        check(line, true);
    }
    for line in [
        "",
        " 2026-11-24 indented",
        "\tat com.example.Main.main(Main.java:5)",
        "java.lang.IllegalStateException: no way",
        "Caused by: java.io.IOException: disk",
        "Traceback (most recent call last):",
        "ValueError: 3 is not enough",
        "Error: boom",
        "INFORMATION is power",
        "goroutine 1 [running]:",
        "main.main()",
        "thread 'main' panicked at src/main.rs:2:5:",
        "12 monkeys",
        "3.14 is a number",
        "192.168.0.1 is an address",
        "Nobody knows",
        "May be",
        "{not json}",
        "<html>",
        "12:30",
        "deadbeef is hex",
    ] {
        check(line, false);
    }
}

#[test]
fn traces_of_all_kinds_are_one_record() {
    const JAVA: &str = "2026-11-24 08:00:03 ERROR no way to go on\n\
        java.lang.IllegalStateException: no way\n\tat a.B.c(B.java:1)\n\t... 3 more\n\
        Caused by: java.io.IOException: disk\n\tat a.D.e(D.java:2)";
    const PYTHON: &str = "ERROR:root:failed\nTraceback (most recent call last):\n  File \"a.py\", \
        line 1, in <module>\n    f()\nValueError: 3\n\nDuring handling of the above exception, \
        another exception occurred:\n\nTraceback (most recent call last):\n  File \"b.py\"\nKeyError: 4";
    const GO: &str = "panic: boom\n\ngoroutine 1 [running]:\nmain.f(0x1, 0x2)\n\t/src/main.go:7 +0x1d\n\
        main.main()\n\t/src/main.go:3 +0x17\n\ngoroutine 5 [chan receive]:\nmain.g()\n\t/src/main.go:9\n\
        created by main.main\n\t/src/main.go:2";
    const RUST: &str = "thread 'main' panicked at src/main.rs:2:5:\nboom\nstack backtrace:\n   0: \
        main::f\n             at ./src/main.rs:2:5\nnote: Some details are omitted";
    const BARE: &str = "Traceback (most recent call last):\n  File \"a.py\"\nValueError: 3";
    let joiner = Joiner::default();
    let after = ["2026-11-24 08:00:04 INFO next", "{\"message\":\"next\"}"];
    for record in [JAVA, PYTHON] {
        for next in after {
            let block = format!("{record}\n{next}\n{record}\n");
            assert_eq!(texts(&joiner, &block), [record, next, record]);
        }
    }
    for record in [GO, RUST, BARE] {
        let block = format!("a line\n{record}\nanother line\nand one more\n");
        let expect = ["a line", record, "another line", "and one more"];
        // A traceback continues what is before it.
        if record == BARE {
            let both = format!("a line\n{record}");
            assert_eq!(texts(&joiner, &block), [&both, "another line", "and one more"]);
        } else {
            assert_eq!(texts(&joiner, &block), expect);
        }
    }
    let crlf = JAVA.replace('\n', "\r\n");
    assert_eq!(texts(&joiner, &format!("{crlf}\r\n2026-11-24 x\r\n"))[0], crlf);
}

#[test]
fn limits_split_and_the_rest_is_a_record() {
    let joiner =
        |lines, bytes| Joiner::builder().max_lines(lines).max_bytes(bytes).build().unwrap();
    let block = "ERROR a\n b\n c\n d\n e\n";
    assert_eq!(texts(&joiner(2, 1000), block), ["ERROR a\n b", " c\n d", " e"]);
    assert_eq!(texts(&joiner(1000, 11), block), ["ERROR a\n b", " c\n d\n e"]);
    assert_eq!(texts(&joiner(1000, 1), block), ["ERROR a", " b", " c", " d", " e"]);
    let check = |builder: JoinerBuilder, expect: &str| {
        let error = builder.build().unwrap_err();
        assert!(error.is_config() && error.to_string().contains(expect), "{error}");
    };
    check(Joiner::builder().max_lines(0), "max_lines of a record is 0");
    check(Joiner::builder().max_bytes(0), "max_bytes of a record is 0");
}

#[test]
fn a_rule_of_ones_own() {
    let joiner = Joiner::builder().starts(|line| line.starts_with(b"#")).build().unwrap();
    assert_eq!(texts(&joiner, "#1\nERROR\n#2\n#3\nx"), ["#1\nERROR", "#2", "#3\nx"]);
}

#[test]
fn the_record_around_a_line_is_that_of_the_whole_block() {
    let mut random = fastrand::Rng::with_seed(3);
    let kinds = [
        "2026-11-24 08:00:03 x",
        "{\"a\":1}",
        "plain",
        "\tat x",
        "",
        "Traceback (x",
        "  f",
        "ValueError: x",
        "goroutine 1 [x]:",
        "main.main()",
        "thread 'm' panicked at x:",
        "Caused by: x",
        "ERROR x",
    ];
    for _ in 0..2_000 {
        let joiner =
            Joiner::builder().max_lines(random.usize(1..9)).max_bytes(random.usize(20..200));
        let joiner = joiner.build().unwrap();
        let mut block = String::new();
        for _ in 0..random.usize(1..40) {
            block += random.choice(kinds).unwrap();
            block += "\n";
        }
        let bytes = block.as_bytes();
        let records: Vec<_> = joiner.records(bytes).collect();
        let mut finder = joiner.finder(bytes);
        let mut at = 0;
        for line in block.lines() {
            let range = at..at + line.len();
            at = range.end + 1;
            if random.bool() {
                continue;
            }
            let record = records
                .iter()
                .find(|record| record.contains(&range.start) || record.start == range.start);
            let record = record.unwrap_or_else(|| {
                // An empty line at the end of a record is its line end.
                records.iter().rfind(|record| record.start <= range.start).unwrap()
            });
            assert_eq!(finder.around(range.clone()), *record, "{range:?} {records:?} {block:?}");
        }
        let (start, _) = joiner.last(bytes);
        assert_eq!(start, records.last().unwrap().start);
        // Where the records of the rest begin depends on nothing before.
        let cut = random.choice(&records).unwrap().start;
        let rest: Vec<_> =
            joiner.records(&bytes[cut..]).map(|r| r.start + cut..r.end + cut).collect();
        let expect: Vec<_> = records.iter().filter(|r| r.start >= cut).cloned().collect();
        assert_eq!(rest, expect);
    }
}
