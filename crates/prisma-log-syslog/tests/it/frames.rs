//! Golden messages, and settings that make no sense.

use std::os::unix::net::UnixDatagram;

use prisma_log_core::{
    ContextData, Fields, Level, Record, Sink as _, Site, Timestamp, TraceId, Value,
};
use prisma_log_syslog::{Facility, Protocol, SyslogSinkBuilder, Transport};
use tempfile::TempDir;

use crate::parser::parse;
use crate::support::{Nasty, TIME, builder};

/// What the sink sends for a record.
pub(crate) fn sent(
    configure: impl FnOnce(SyslogSinkBuilder) -> SyslogSinkBuilder,
    record: &Record<'_>,
) -> String {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let server = UnixDatagram::bind(&path).unwrap();
    let builder = builder(Transport::unix(&path)).protocol(Protocol::Rfc5424);
    let mut sink = configure(builder).build().unwrap();
    sink.write(&[*record]).unwrap();
    let mut bytes = vec![0; 70_000];
    let length = server.recv(&mut bytes).unwrap();
    String::from_utf8(bytes[..length].to_vec()).unwrap()
}

#[test]
fn messages_of_rfc_5424() {
    let check = |configure: fn(SyslogSinkBuilder) -> SyslogSinkBuilder,
                 fill: &dyn Fn(&mut Record<'_>),
                 expect: &str| {
        let mut record = Record::new(TIME, Level::Info, "shop", "order processed");
        fill(&mut record);
        let message = sent(configure, &record);
        assert_eq!(message, expect);
        parse(message.as_bytes());
    };
    let head = "2026-11-24T08:00:00.123456Z web1 shop 42";
    let record = r#"[record@32473 logger="shop"]"#;
    check(|b| b, &|_| {}, &format!("<14>1 {head} - {record} order processed"));
    check(
        |b| b.facility(Facility::Local7).msg_id("order"),
        &|r| (r.level, r.sequence) = (Level::Trace, 2_147_483_648),
        &format!(
            r#"<191>1 {head} order [meta sequenceId="1"][record@32473 logger="shop" level="TRACE"] order processed"#
        ),
    );
    check(
        |b| b.sequence(false).facility(Facility::Kern),
        &|r| (r.level, r.sequence, r.logger, r.message) = (Level::Critical, 7, "", ""),
        &format!("<2>1 {head} - -"),
    );
    check(|b| b, &|r| r.message = "Grüße", &format!("<14>1 {head} - {record} \u{feff}Grüße"));
    check(|b| b.bom(false), &|r| r.message = "Grüße", &format!("<14>1 {head} - {record} Grüße"));
    check(
        |b| b,
        &|r| r.message = "\u{feff}a\nb",
        &format!(r#"<14>1 {head} - {record} "\ufeffa\nb""#),
    );
    check(
        |b| b.site(true),
        &|r| {
            r.site = Site::new("src/a.rs", 3, "m");
            r.tag = "t";
        },
        &format!(
            r#"<14>1 {head} - [record@32473 logger="shop" tag="t" code.file.path="src/a.rs" code.line.number="3" code.module.name="m"] order processed"#
        ),
    );
}

#[test]
fn fields_and_context_are_structured_data() {
    let mut context = ContextData::default();
    context.trace_id = TraceId::new(1);
    context.entries.push("user_id", "u1");
    let mut fields = Fields::from_iter([("event.name", "order.paid ✓"), ("user_id", "]x\"\\")]);
    fields.push("amount", 99.5);
    fields.push("order", "42");
    fields.push("tags", Value::Json(r#"["a"]"#));
    fields.push("raw", &b"\xff"[..]);
    let mut record = Record::new(TIME, Level::Error, "shop", "paid");
    (record.fields, record.context) = (fields.as_ref(), &context);
    let expect = |order: &str| {
        let trace = "00000000000000000000000000000001";
        format!(
            r#"<11>1 2026-11-24T08:00:00.123456Z web1 shop 42 order.paid__ [opentelemetry trace_id="{trace}" trace_flags="00"][record@4711 logger="shop"][app@4711 user_id="u1" event.name="order.paid ✓" user_id#2="\]x\"\\" amount="99.5" order="{order}" tags="[\"a\"\]" raw="b\"\\xff\""] paid"#
        )
    };
    let message = sent(|b| b.sd_id("app@4711").msg_id_field("event.name"), &record);
    assert_eq!(message, expect("42"));
    let message = sent(|b| b.sd_id("app@4711").msg_id_field("event.name").typed(true), &record);
    assert_eq!(message, expect(r#"\"42\""#));
    let message = sent(|b| b.msg_id_field("no such").msg_id("-x-"), &record);
    assert_eq!(parse(message.as_bytes()).msg_id, "-x-");
}

#[test]
fn hostile_records_forge_nothing_and_read_back() {
    let nasty = Nasty::new();
    let message = parse(sent(|b| b, &nasty.record()).as_bytes());
    assert_eq!(message.fields(), nasty.expected());
    assert_eq!(crate::parser::plain(&message.text), nasty.message);
    assert_eq!(
        crate::parser::plain(message.param("record@32473", "logger").unwrap()),
        "shop.orders]\""
    );
    assert_eq!(message.param("record@32473", "recovered"), Some("true"));
    assert_eq!(message.param("record@32473", "truncated"), Some("12"));
    assert_eq!(message.param("record@32473", "parent_span_id"), Some("00000000000000b6"));
    assert_eq!(message.param("opentelemetry", "span_id"), Some("00000000000000b7"));
    assert_eq!(message.param("opentelemetry", "trace_flags"), Some("01"));
    let ids: Vec<_> = message.data.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["opentelemetry", "meta", "record@32473", "fields@32473"]);
}

#[test]
fn every_time_has_six_digits_and_no_second_60() {
    for nanos in [i64::MIN, -1, 0, 999_999_999, 1_483_228_799_999_999_999, i64::MAX] {
        let time = Timestamp::from_unix_nanos(nanos);
        let message = sent(|b| b, &Record::new(time, Level::Info, "", ""));
        assert_eq!(parse(message.as_bytes()).timestamp, time.to_string());
    }
}

#[test]
fn messages_of_rfc_3164() {
    let mut fields = Fields::from_iter([("order", 42_u64)]);
    fields.push("text", "a\n<0>b=\"c\"");
    let mut record = Record::new(TIME, Level::Warning, "shop.orders", "order\u{1b} processed");
    record.fields = fields.as_ref();
    let message = sent(|b| b.protocol(Protocol::Rfc3164), &record);
    // The time is local, so only its form is known.
    let (head, rest) = message.split_at("<12>Nov 24 08:00:00 ".len());
    assert!(head.starts_with("<12>Nov 2") && head.ends_with(":00:00 "), "{head}");
    let text = r#"shop[42]: shop.orders: "order\u001b processed" order=42 text="a\n<0>b=\"c\"""#;
    assert_eq!(rest, text);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let check = |configure: fn(SyslogSinkBuilder) -> SyslogSinkBuilder, part: &str| {
        let error = configure(builder(Transport::udp("127.0.0.1"))).build().unwrap_err();
        assert!(error.is_config() && error.to_string().contains(part), "{error}");
    };
    check(|b| b.app_name("a b"), "app_name \"a b\"");
    check(|b| b.app_name(""), "app_name");
    check(|b| b.app_name("x".repeat(49)), "1 to 48");
    check(|b| b.protocol(Protocol::Rfc3164).app_name("a:b"), "no tag");
    check(|b| b.protocol(Protocol::Rfc3164).proc_id("a]b"), "bracket");
    check(|b| b.host_name("ü"), "host_name");
    check(|b| b.host_name("x".repeat(256)), "1 to 255");
    check(|b| b.proc_id("x".repeat(129)), "1 to 128");
    check(|b| b.msg_id("x".repeat(33)), "1 to 32");
    for id in ["fields", "@1", "a=b@1", "a@", "a@b", "a@@1", "record@1", "a b@1"] {
        let error = builder(Transport::udp("127.0.0.1")).sd_id(id).build().unwrap_err();
        assert!(error.is_config() && error.to_string().contains("sd_id"), "{error}");
    }
    check(|b| b.sd_id("x".repeat(31) + "@1"), "at most 32");
    check(|b| b.max_message(479), "at least 480");
    check(|b| b.max_message(65_488), "at most 65487");
    check(|b| b.max_message(480).host_name("x".repeat(255)), "with this header");
    check(|b| b.resend(1), "nobody acknowledges");
    check(|b| b.framing(prisma_log_syslog::Framing::Lines), "framing is set");
    check(|b| b.write_timeout(std::time::Duration::ZERO), "write_timeout");
    for address in ["", "a b:1", "host:0", "host:x"] {
        let error = builder(Transport::tcp(address)).build().unwrap_err();
        assert!(error.is_config() && error.to_string().contains("address"), "{error}");
    }
    let error = builder(Transport::unix("")).build().unwrap_err();
    assert!(error.is_config());
}
