//! A view of a line says what the whole line read at once says.

use fastrand::Rng;
use prisma_log_core::Timestamp;
use prisma_log_tail::{LineFormat, LineParser, LineView, LogLine};

use crate::{corpus, hostile, parse};

fn parser() -> LineParser {
    let now = Timestamp::from_unix_seconds(1_795_507_200);
    LineParser::builder().time_zone("Europe/Berlin").now(now).build().unwrap()
}

/// Asks everything in any order, some of it twice.
fn agree(view: &LineView<'_>, line: &LogLine, random: &mut Rng) {
    let mut questions: Vec<u8> = (0..9).collect();
    random.shuffle(&mut questions);
    questions.truncate(random.usize(1..=9));
    for question in questions {
        match question {
            0 => assert_eq!(view.timestamp(), line.timestamp),
            1 => assert_eq!(view.level(), line.level),
            2 => assert_eq!(view.logger(), line.logger.as_deref()),
            3 => assert_eq!(view.message(), line.message),
            4 => assert_eq!(view.trace_id(), line.trace_id),
            5 => assert_eq!(view.span_id(), line.span_id),
            6 => assert_eq!(view.format(), line.format),
            7 => {
                for (key, _) in line.fields.iter() {
                    assert_eq!(view.field(key), line.fields.get(key), "{key}");
                }
            }
            _ => {
                for key in random.choose_multiple(hostile::KEYS, 12) {
                    assert_eq!(view.field(key), line.fields.get(key), "{key}");
                }
            }
        }
    }
    assert_eq!(view.to_line(), *line);
}

/// Two parsers, since what one keeps from line to line must not show.
struct Pair {
    whole: LineParser,
    viewing: LineParser,
    random: Rng,
}

impl Pair {
    fn new(seed: u64) -> Pair {
        Pair { whole: parser(), viewing: parser(), random: Rng::with_seed(seed) }
    }

    fn check(&mut self, bytes: &[u8]) -> LogLine {
        let line = self.whole.parse(bytes);
        let view = self.viewing.view(bytes);
        agree(&view, &line, &mut self.random);
        line
    }
}

#[test]
fn samples() {
    let mut pair = Pair::new(1);
    let mut json = 0;
    for _ in 0..20 {
        for (line, _) in parse::samples() {
            json += u32::from(pair.check(line.as_bytes()).format == LineFormat::Json);
        }
    }
    assert!(json > 100, "{json}");
}

#[test]
fn every_line_of_real_logs() {
    let mut pair = Pair::new(2);
    for dir in ["lnav-test-logs", "crowdsec-hub-tests/logs"] {
        let Some(files) = corpus::logs(dir) else { return };
        let (mut lines, mut json) = (0, 0);
        for file in files {
            for line in std::fs::read(file).unwrap().split(|&b| b == b'\n') {
                lines += 1;
                json += u32::from(pair.check(line).format == LineFormat::Json);
            }
        }
        println!("{dir}: {lines} lines, {json} of them JSON");
    }
}

#[test]
fn hostile_objects_and_what_is_left_of_them() {
    let mut pair = Pair::new(3);
    let mut random = Rng::with_seed(4);
    let (rounds, mut json) = (100_000, 0);
    for _ in 0..rounds {
        let mut line = hostile::object(&mut random, true).text.into_bytes();
        hostile::mutate(&mut line, &mut random);
        json += u32::from(pair.check(&line).format == LineFormat::Json);
    }
    println!("hostile: {rounds} lines, {json} still JSON");
    assert!((rounds / 2..rounds * 9 / 10).contains(&json), "{json}");
}

#[test]
fn members_are_those_that_were_written() {
    let mut pair = Pair::new(5);
    let mut random = Rng::with_seed(6);
    for _ in 0..10_000 {
        let made = hostile::object(&mut random, false);
        let (text, members) = (made.text, made.members);
        let line = pair.check(text.as_bytes());
        assert_eq!(line.format, LineFormat::Json, "{text}");
        let got: Vec<(String, String)> =
            line.fields.iter().map(|(key, value)| (key.to_owned(), format!("{value:?}"))).collect();
        assert_eq!(got, members, "{text}");
        assert_eq!((line.timestamp, line.logger, &*line.message), (None, None, ""), "{text}");
    }
}

#[test]
fn the_best_key_that_says_something_counts_and_the_others_are_fields() {
    let mut pair = Pair::new(10);
    let mut check = |line: &str, expect: [&str; 3]| {
        let shown = parse::show(&pair.check(line.as_bytes()));
        let lines: Vec<&str> = shown.lines().map(str::trim).collect();
        assert_eq!(lines, expect, "{line}");
    };
    let hour = "2026-11-24T08:00:00.000000Z";
    // The first of equals, also where the keys are not the best.
    check(
        r#"{"msg":"a","lvl":"x","ts":"-","lvl":"warn","ts":1795507200,"msg":"b","ts":1,"lvl":"info"}"#,
        [
            &format!("Json {hour} WARNING -"),
            "a",
            r#"lvl=Str("x") ts=Str("-") msg=Str("b") ts=U64(1) lvl=Str("info")"#,
        ],
    );
    check(
        r#"{"msg":"b","message":"a","message":"c","lvl":"info","level":"error"}"#,
        ["Json - ERROR -", "a", r#"msg=Str("b") message=Str("c") lvl=Str("info")"#],
    );
    check(
        r#"{"log":{"level":"warn","logger":"x"},"log.level":"info","trace":{"id":"-"}}"#,
        ["Json - WARNING x", "", r#"log.level=Str("info") trace.id=Str("-")"#],
    );
    // What counts only beside others.
    check(
        r#"{"t":{"$date":"2026-11-24T08:00:00Z"},"s":"W2","c":"NETWORK","msg":"m"}"#,
        [&format!("Json {hour} WARNING NETWORK"), "m", ""],
    );
    check(r#"{"s":"W2","c":"NETWORK"}"#, ["Json - - -", "", r#"s=Str("W2") c=Str("NETWORK")"#]);
    check(
        r#"{"name":"x","pid":1,"hostname":"h","level":40}"#,
        ["Json - WARNING x", "", r#"pid=U64(1) hostname=Str("h")"#],
    );
    check(
        r#"{"name":"x","pid":1,"level":3}"#,
        ["Json - - -", "", r#"name=Str("x") pid=U64(1) level=U64(3)"#],
    );
    check(r#"{"short_message":"m","level":3}"#, ["Json - ERROR -", "m", ""]);
    check(
        r#"{"severity":"4","logger":"two words"}"#,
        ["Json - WARNING -", "", r#"logger=Str("two words")"#],
    );
    check(
        r#"{"PRIORITY":"4","severityNumber":17}"#,
        ["Json - ERROR -", "", r#"PRIORITY=Str("4")"#],
    );
    check(
        r#"{"message":"ERROR: full","level":1e3}"#,
        ["Json - ERROR -", "ERROR: full", "level=F64(1000.0)"],
    );
    // A time in two parts, and one that is too large to be a time.
    check(
        r#"{"instant":{"epochSecond":1795507200,"nanoOfSecond":500000000}}"#,
        ["Json 2026-11-24T08:00:00.500000Z - -", "", ""],
    );
    check(
        r#"{"instant":{"epochSecond":9663977609,"nanoOfSecond":5}}"#,
        ["Json - - -", "", "instant.epochSecond=U64(9663977609) instant.nanoOfSecond=U64(5)"],
    );
}

#[test]
fn a_part_of_an_object_is_none() {
    let mut pair = Pair::new(7);
    let mut random = Rng::with_seed(8);
    let otel = r#"{"timeUnixNano":"1795507200000000000","severityNumber":17,"severityText":"ERROR",
        "body":{"stringValue":"no \"more\" \u00e9\n"},"traceId":"0af7651916cd43dd8448eb211c80319c",
        "attributes":[{"key":"a","value":{"intValue":"1"}}],"scope":{"name":"shop"}}"#;
    let ecs = r#"{"@timestamp":"2026-11-24T08:00:00.123Z","log.level":"error","message":"m",
        "ecs":{"version":"8.11"},"log":{"logger":"shop"},"trace":{"id":"x"},"n":-1.5e3}"#;
    let docker = r#"{"log":"{\"level\":\"warn\",\"msg\":\"inner\",\"n\":1}\n","stream":"stdout",
        "time":"2026-11-24T08:00:00.123456789Z"}"#;
    let fixed = [otel, ecs, docker].map(|line| line.replace("\n        ", ""));
    for (index, line) in fixed.iter().enumerate() {
        let read = pair.check(line.as_bytes());
        assert_eq!(read.format, LineFormat::Json, "{line}");
        assert!(read.timestamp.is_some() && read.level.is_some(), "{line}");
        let expect = ["no \"more\" é\n", "m", "inner"][index];
        assert_eq!(read.message, expect);
    }
    let made = (0..60).map(|_| hostile::object(&mut random, true).text);
    for line in fixed.into_iter().chain(made.collect::<Vec<_>>()) {
        for end in 0..line.len() {
            let read = pair.check(&line.as_bytes()[..end]);
            assert_ne!(read.format, LineFormat::Json, "{end} of {line}");
        }
        for garbage in ["}", "{", "x", "\"", ",", "\0", " {}"] {
            let line = format!("{line}{garbage}");
            assert_ne!(pair.check(line.as_bytes()).format, LineFormat::Json, "{line}");
        }
    }
}

#[test]
fn lines_of_a_mebibyte_take_a_bounded_memory() {
    const MIB: usize = 1 << 20;
    let fill = |start: &str, piece: &str, end: &str| {
        let pieces = (MIB - start.len() - end.len()) / piece.len();
        format!("{start}{}{end}", piece.repeat(pieces))
    };
    let key = "k".repeat(MIB / 2);
    let lines = [
        // A key that is no path, and one that is just short enough.
        fill(&format!("{{\"{key}\":{{\"a\":1"), ",\"a\":1", "}}"),
        fill(&format!("{{\"{}\":{{\"a\":1", "k".repeat(128)), ",\"\":1", "}}"),
        // Keys whose role depends on others that are not there.
        fill("{\"s\":\"I\"", ",\"s\":\"I\",\"name\":\"x\",\"c\":\"x\"", "}"),
        fill("{\"ts\":\"x\"", ",\"ts\":\"x\",\"level\":\"x\",\"trace_id\":\"x\"", "}"),
        fill("{\"a\":\"", "\t01234567890123456789012345678901234567890", "\"}"),
        fill("{\"a\":\"", "\\u00e9", "\"}"),
        fill("{\"a\":", "[", ""),
        fill("{\"a\":1", "1", "}"),
        fill("{\"a\":1", ",\"stream\":{}", "}"),
        fill("{\"a\":0.1", "1", "}"),
        fill("", "{\"a\":", ""),
        fill("", " ", "{}"),
    ];
    let mut pair = Pair::new(9);
    for line in lines {
        let read = pair.check(line.as_bytes());
        // Tag, length and number beside each key.
        let bytes = read.fields.as_encoded().len();
        assert!(bytes <= 32 * MIB, "{bytes}: {}…", &line[..40]);
    }
}
