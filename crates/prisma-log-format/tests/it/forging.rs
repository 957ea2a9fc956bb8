//! Fixed attempts to make a record look like another.

use prisma_log_core::{ContextData, Encoder, Fields, Level, Record, Timestamp, TraceId, Value};
use prisma_log_format::{EcsEncoder, JsonEncoder, LogfmtEncoder, TextEncoder};

use crate::encode;
use crate::json::Members;

fn line(
    encoder: &mut dyn Encoder,
    logger: &str,
    message: &str,
    fields: &[(&str, Value<'_>)],
) -> String {
    let fields = Fields::from_iter(fields.iter().copied());
    let mut context = ContextData::default();
    context.trace_id = TraceId::new(7);
    context.entries.push("user_id", "alice");
    let mut record = Record::new(Timestamp::UNIX_EPOCH, Level::Info, logger, message);
    record.fields = fields.as_ref();
    record.context = &context;
    encode(encoder, &record)
}

/// Logger, message and fields of a record that tries.
type Attack<'a> = (&'a str, &'a str, &'a [(&'a str, Value<'a>)]);

#[test]
fn json_and_ecs_envelopes_are_read_as_written_by_the_encoder() {
    let attacks: [Attack<'_>; 8] = [
        ("shop", "x\",\"level\":\"CRITICAL", &[]),
        ("shop\",\"level\":\"CRITICAL", "x", &[]),
        ("shop", "x\"}\n{\"level\":\"CRITICAL\"}", &[]),
        ("shop", "x", &[("level", Value::Str("CRITICAL")), ("log.level", Value::Str("CRITICAL"))]),
        ("shop", "x", &[("x\":1,\"level", Value::Str("CRITICAL"))]),
        ("shop", "x", &[("user_id", Value::Str("root")), ("user.id", Value::Str("root"))]),
        ("shop", "x", &[("a", Value::Json("1,\"level\":\"CRITICAL\""))]),
        ("shop", "x", &[("a", Value::Json("1}\n{\"level\":\"CRITICAL\"}"))]),
    ];
    for (logger, message, fields) in attacks {
        let check = |encoder: &mut dyn Encoder, expect: [(&str, &str); 4]| {
            let line = line(encoder, logger, message, fields);
            let members = Members::read(&line);
            assert_eq!(members.repeated(), None, "{line}");
            for (key, expect) in expect {
                let found = members.0.iter().find(|(k, _)| k == key).unwrap();
                let found: String = serde_json::from_str(found.1.get()).unwrap();
                assert_eq!(found, expect, "{key} in {line}");
            }
        };
        let json =
            [("level", "INFO"), ("user_id", "alice"), ("message", message), ("logger", logger)];
        check(&mut JsonEncoder::new(), json);
        let ecs = [
            ("log.level", "INFO"),
            ("user.id", "alice"),
            ("message", message),
            ("log.logger", logger),
        ];
        check(&mut EcsEncoder::new(), ecs);
    }
}

#[test]
fn a_forged_field_is_moved_aside_in_every_format() {
    let check = |encoder: &mut dyn Encoder, expect: &str| {
        let forged =
            [("level", Value::Str("ERROR")), ("user_id", Value::U64(0)), ("trace_id", Value::Null)];
        let line = line(encoder, "shop", "m", &forged);
        assert!(line.ends_with(expect), "{line}");
    };
    let json = r#""user_id":"alice","fields.level":"ERROR","user_id#2":0,"fields.trace_id":null}"#;
    check(&mut JsonEncoder::new(), json);
    let ecs = r#""labels":{"trace_flags":"00","level":"ERROR","user_id#2":0,"trace_id":null}}"#;
    check(&mut EcsEncoder::new(), ecs);
    check(
        &mut LogfmtEncoder::new(),
        "user_id=alice fields.level=ERROR user_id#2=0 fields.trace_id=null",
    );
    check(&mut TextEncoder::new(), "user_id=alice level=ERROR user_id#2=0 fields.trace_id=null");
}

#[test]
fn a_message_can_not_start_a_second_line_or_a_field() {
    let message = "ok\n1970-01-01T00:00:00.000000Z CRITICAL shop: disk full user_id=root";
    let escaped = r"ok\n1970-01-01T00:00:00.000000Z CRITICAL shop: disk full user_id=root";
    for encoder in [&mut LogfmtEncoder::new() as &mut dyn Encoder, &mut TextEncoder::new()] {
        let line = line(encoder, "shop", message, &[]);
        assert!(line.contains(&format!("\"{escaped}\"")), "{line}");
    }
}
