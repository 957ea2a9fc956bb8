//! Lines of many forms, most of them from the test logs of lnav (BSD-2-Clause) and the CrowdSec
//! hub (MIT), and what must be read from them.

use prisma_log_core::{Level, Timestamp, Value};
use prisma_log_tail::{LineFormat, LineParser, LogLine};

/// Bytes that mean something in one form or another.
const ODD: [u8; 19] = *b"[]{}<>\"\\:,-=| \t\x1b0a\xff";

/// Blocks of a line (`\e` is an escape character), then format, time, level and logger, the
/// message, and the fields.
const SAMPLES: &str = include_str!("samples.txt");

fn parser() -> LineParser {
    let now = Timestamp::from_unix_seconds(1_795_507_200); // 2026-11-24T08:00:00Z
    LineParser::builder().time_zone("UTC").now(now).build().unwrap()
}

pub(crate) fn samples() -> impl Iterator<Item = (String, &'static str)> {
    SAMPLES.split("\n\n").filter(|block| !block.trim().is_empty()).map(|block| {
        let (line, expect) = block.split_once('\n').unwrap();
        (line.replace("\\e", "\u{1b}"), expect)
    })
}

pub(crate) fn show(line: &LogLine) -> String {
    let time = line.timestamp.map_or("-".to_owned(), |time| time.to_string());
    let level = line.level.map_or("-".to_owned(), |level| level.to_string());
    let logger = line.logger.as_deref().unwrap_or("-");
    let fields: Vec<String> =
        line.fields.iter().map(|(key, value)| format!("{key}={value:?}")).collect();
    let fields = fields.join(" ");
    format!("  {:?} {time} {level} {logger}\n  {}\n  {fields}", line.format, line.message)
}

#[test]
fn samples_are_read_as_written_down() {
    let mut parser = parser();
    let mut count = 0;
    for (line, expect) in samples() {
        let got = show(&parser.parse(line.as_bytes()));
        assert_eq!(got.trim_end(), expect.trim_end(), "\nline: {line}\n");
        count += 1;
    }
    println!("samples: {count} lines of different forms");
    assert!(count > 100);
}

#[test]
fn traces_are_read() {
    let mut parser = parser();
    let mut check = |line: &str| {
        let got = parser.parse(line.as_bytes());
        let trace = got.trace_id.map(|id| id.to_string());
        assert_eq!(trace.as_deref(), Some("0af7651916cd43dd8448eb211c80319c"), "{line}");
        assert_eq!(got.span_id.map(|id| id.to_string()).as_deref(), Some("b7ad6b7169203331"));
    };
    let (trace, span) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    check(&format!(r#"{{"msg":"m","trace_id":"{trace}","span_id":"{span}"}}"#));
    check(&format!(r#"{{"msg":"m","trace":{{"id":"{trace}"}},"span":{{"id":"{span}"}}}}"#));
    check(&format!(r#"{{"traceId":"{}","spanId":"{span}"}}"#, trace.to_uppercase()));
    check(&format!("level=info msg=m trace_id={trace} span_id={span}"));
    check(&format!(r#"<11>1 - - - - - [opentelemetry trace_id="{trace}" span_id="{span}"] m"#));
    // Keys that came twice, and ids that look like numbers, as our own logfmt encoder writes them.
    let ids = format!("trace_id={trace} span_id={span} parent_span_id=1234567890123e45");
    let line = format!("level=info msg=m {ids} trace_flags=01 n=1 n#2=2");
    check(&line);
    let got = parser.parse(line.as_bytes());
    assert_eq!(got.fields.get("parent_span_id"), Some(Value::Str("1234567890123e45")));
    assert_eq!(got.fields.get("n#2"), Some(Value::U64(2)));
    let invalid = r#"{"msg":"m","trace_id":"00000000000000000000000000000000","span_id":"x"}"#;
    let got = parser.parse(invalid.as_bytes());
    assert_eq!((got.trace_id, got.span_id, got.fields.len()), (None, None, 2), "kept as fields");
}

#[test]
fn lines_of_the_own_json_encoder_come_back_as_they_were() {
    let line = concat!(
        r#"{"timestamp":"2026-11-24T08:00:00.123456Z","level":"WARNING","logger":"my shop","#,
        r#""message":"a \"quoted\"\nline","trace_id":"0af7651916cd43dd8448eb211c80319c","#,
        r#""span_id":"b7ad6b7169203331","seq":7,"severity":"ERROR","ts":"2020-01-01T00:00:00Z","#,
        r#""msg":"not me","target":"nor me","traceId":"4bf92f3577b34da6a3ce929d0e0e4736","i":-1,"#,
        r#""u":18446744073709551615,"f":1.0,"e":1e300,"b":true,"n":null,"list":[1,{"a":2}],"#,
        r#""big":170141183460469231731687303715884105727,"i#2":2,"fields.level":3.5}"#
    );
    let got = parser().parse(line.as_bytes());
    assert_eq!(got.timestamp, Some(Timestamp::from_unix_nanos(1_795_507_200_123_456_000)));
    assert_eq!((got.level, got.format), (Some(Level::Warning), LineFormat::Json));
    assert_eq!((got.logger.as_deref(), &*got.message), (Some("my shop"), "a \"quoted\"\nline"));
    assert!(got.trace_id.is_some() && got.span_id.is_some());
    let expect = [
        ("seq", Value::U64(7)),
        ("severity", Value::Str("ERROR")),
        ("ts", Value::Str("2020-01-01T00:00:00Z")),
        ("msg", Value::Str("not me")),
        ("target", Value::Str("nor me")),
        ("traceId", Value::Str("4bf92f3577b34da6a3ce929d0e0e4736")),
        ("i", Value::I64(-1)),
        ("u", Value::U64(u64::MAX)),
        ("f", Value::F64(1.0)),
        ("e", Value::F64(1e300)),
        ("b", Value::Bool(true)),
        ("n", Value::Null),
        ("list", Value::Json(r#"[1,{"a":2}]"#)),
        ("big", Value::U128(i128::MAX as u128)),
        ("i#2", Value::U64(2)),
        ("fields.level", Value::F64(3.5)),
    ];
    assert_eq!(got.fields.iter().collect::<Vec<_>>(), expect);
    let empty =
        r#"{"timestamp":"2026-11-24T08:00:00.000000Z","level":"INFO","logger":"","message":""}"#;
    let got = parser().parse(empty.as_bytes());
    assert_eq!((got.logger.as_deref(), got.fields.len()), (Some(""), 0));
}

#[test]
fn no_bytes_make_the_parser_fail() {
    let mut parser = parser();
    let mut random = fastrand::Rng::with_seed(7);
    let samples: Vec<Vec<u8>> = samples().map(|(line, _)| line.into_bytes()).collect();
    let mut understood = 0;
    let rounds = 120_000;
    for _ in 0..rounds {
        let mut line = samples[random.usize(0..samples.len())].clone();
        for _ in 0..random.usize(0..6) {
            let at = random.usize(0..=line.len());
            match random.u8(0..5) {
                0 => line.truncate(at),
                1 => line.insert(at, random.u8(..)),
                2 => drop(line.drain(..at)),
                3 => {
                    let other = &samples[random.usize(0..samples.len())];
                    let from = random.usize(0..=other.len());
                    line.splice(at..at, other[from..].iter().copied());
                }
                _ if at < line.len() => line[at] = random.choice(ODD).unwrap(),
                _ => {}
            }
        }
        understood += u32::from(parser.parse(&line).format != LineFormat::Plain);
    }
    println!("mutations: {rounds} lines, {understood} still of a known form");
}

#[test]
fn an_unknown_time_zone_is_refused() {
    let error = LineParser::builder().time_zone("Europe/Nowhere").build().unwrap_err();
    assert!(error.is_config() && error.to_string().contains("Europe/Nowhere"), "{error}");
}
