//! What arrives, whatever the records hold.

use prisma_log_core::{Fields, Level, Record, Sink as _, SinkDrain, Timestamp, Value};
use prisma_log_format::Service;
use prisma_log_journald::JournaldSink;

use crate::double::Double;

#[test]
fn a_record_under_plain_slog() {
    let double = Double::new();
    let service = Service::new().name("shop").environment("prod");
    let sink = double.builder().service(service).sequence(false).build().unwrap();
    let log = slog::Logger::root(SinkDrain::new(sink), slog::o!("version" => 1));
    slog::warn!(log, "order\nprocessed"; "amount" => 99.5, "http.request.method" => "GET");
    let entries = double.entries();
    let entry = &entries[0];
    for (name, expect) in [
        ("MESSAGE", "order\nprocessed"),
        ("PRIORITY", "4"),
        ("LEVEL", "WARNING"),
        ("LOGGER", "it::entries"),
        ("SYSLOG_IDENTIFIER", "shop"),
        ("SERVICE_NAME", "shop"),
        ("DEPLOYMENT_ENVIRONMENT_NAME", "prod"),
        ("CODE_MODULE", "it::entries"),
        ("AMOUNT", "99.5"),
        ("HTTP_REQUEST_METHOD", "GET"),
        ("VERSION", "1"),
    ] {
        assert_eq!(entry.text(name), expect, "{name}");
    }
    assert!(entry.text("CODE_FILE").ends_with("entries.rs"));
    assert!(entry.text("CODE_LINE").parse::<u32>().unwrap() > 0);
    assert_eq!(entry.text("TIMESTAMP").len(), "1970-01-01T00:00:00.000000Z".len());
    assert_eq!((entries.len(), entry.in_file), (1, false));
}

#[test]
fn hostile_keys_and_values_forge_nothing() {
    let double = Double::new();
    let hostile = [
        "",
        "\n",
        "\n\n",
        "x\nPRIORITY=0\n",
        "\nMESSAGE\n\u{1}\0\0\0\0\0\0\0x\n",
        "_PID=1",
        "=",
        ".",
        "#",
        "\0",
        "\u{1b}[2J\r\u{202e}",
        "PRIORITY",
        "é\u{10ffff}",
        "OBJECT_PID",
    ];
    let mut fields = Fields::new();
    for key in hostile {
        for value in hostile {
            fields.push(key, value);
        }
        fields.push(key, &b"\xff\xfe\n"[..]);
    }
    let mut record = Record::new(Timestamp::UNIX_EPOCH, Level::Info, "a\nLEVEL=CRITICAL", "m\n\n");
    record.fields = fields.as_ref();
    double.sink().write(&[record]).unwrap();
    let entry = double.entries().remove(0);
    let (own, users) = entry.fields.split_at(entry.fields.len() - fields.len());
    let own: Vec<&str> = own.iter().map(|(name, _)| name.as_str()).collect();
    let expect = ["MESSAGE", "PRIORITY", "LEVEL", "LOGGER", "TIMESTAMP", "SYSLOG_IDENTIFIER"];
    assert_eq!(own, expect);
    assert_eq!((entry.text("PRIORITY"), entry.text("LEVEL")), ("6", "INFO"));
    assert_eq!(entry.text("LOGGER"), "a\nLEVEL=CRITICAL");
    for ((name, value), (key, sent)) in users.iter().zip(fields.iter()) {
        let sent = match sent {
            Value::Str(text) => text.as_bytes(),
            Value::Bytes(bytes) => bytes,
            other => panic!("{other:?}"),
        };
        assert_eq!(value, sent, "{key:?} as {name}");
    }
}

#[test]
fn settings_are_checked() {
    let double = Double::new();
    let check = |sink: Result<JournaldSink, prisma_log_core::Error>, expect: &str| {
        let error = sink.unwrap_err();
        assert!(error.is_config() && error.to_string().contains(expect), "{error}");
    };
    check(double.builder().prefix("f_").build(), "prefix");
    check(double.builder().identifier(" ").build(), "identifier");
    check(double.builder().identifier("a\nb").build(), "identifier");
    check(double.builder().max_record_bytes(1023).build(), "1023 bytes");
    check(double.builder().max_record_bytes(usize::MAX).build(), "limit");
    check(double.builder().patience(std::time::Duration::ZERO).build(), "patience");
    check(double.builder().service(Service::new().name("")).build(), "service name");
}
