//! Lines for container runtimes, which split what is too long.

use prisma_log_console::{Color, ConsoleSink, ConsoleSinkBuilder};
use prisma_log_core::{ContextData, Fields, Level, Record, Sink as _, Timestamp, TraceId, Value};
use prisma_log_format::{EcsEncoder, JsonEncoder, LogfmtEncoder};
use serde_json::Value as Json;

use crate::writer::Captured;

fn record(message: &str) -> Record<'_> {
    Record::new(Timestamp::from_unix_seconds(1_795_507_200), Level::Info, "shop.orders", message)
}

fn line(builder: ConsoleSinkBuilder, record: Record<'_>) -> String {
    let captured = Captured::default();
    builder.writer(captured.clone()).build().unwrap().write(&[record]).unwrap();
    captured.text()
}

fn json(line: &str) -> Json {
    assert!(line.ends_with('\n'));
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

fn json_lines() -> ConsoleSinkBuilder {
    ConsoleSink::builder().encoder(JsonEncoder::new())
}

#[test]
fn what_fits_is_not_touched() {
    // The line's own 99 bytes leave so many for the message.
    let empty = line(json_lines(), record("")).len();
    let most = 16_384 - empty;
    let text = "x".repeat(most + 1);
    let whole = line(json_lines(), record(&text[..most]));
    assert_eq!((whole.len(), whole.contains("truncated")), (16_384, false));
    let cut = line(json_lines(), record(&text));
    assert!(cut.len() <= 16_384 && cut.len() > 16_384 - 4, "{}", cut.len());
    let cut = json(&cut);
    let kept = cut["message"].as_str().unwrap();
    assert_eq!(cut["truncated"].as_u64(), Some((text.len() - kept.len()) as u64));
}

#[test]
fn the_longest_are_cut_first_on_character_boundaries() {
    let message = "é".repeat(15_000);
    let (long, short, nested) = ("ü\n".repeat(9_000), "s".repeat(3_000), "[1]".repeat(2));
    let mut fields = Fields::from_iter([("long", long.as_str()), ("short", short.as_str())]);
    fields.push("number", 42_u64);
    fields.push("nested", Value::Json(&nested));
    let mut record = record(&message);
    record.fields = fields.as_ref();
    record.truncated = 1_000;
    let line = line(json_lines(), record);
    assert!(line.len() <= 16_384 && line.len() > 16_000, "{}", line.len());
    let cut = json(&line);
    let text = |key: &str| cut[key].as_str().unwrap();
    assert_eq!((text("short"), cut["number"].as_u64()), (short.as_str(), Some(42)));
    assert!(message.starts_with(text("message")) && long.starts_with(text("long")));
    assert!(text("message").len().abs_diff(text("long").len()) <= 2);
    let kept = text("message").len() + text("long").len();
    let expect = 1_000 + message.len() + long.len() - kept;
    assert_eq!(cut["truncated"].as_u64(), Some(expect as u64));
}

#[test]
fn nested_values_and_bytes_are_cut_too() {
    let nested = format!("[{}1]", "1,".repeat(20_000));
    let bytes = vec![0xff; 20_000];
    let mut fields = Fields::new();
    fields.push("nested", Value::Json(&nested));
    fields.push("bytes", bytes.as_slice());
    let mut record = record("m");
    record.fields = fields.as_ref();
    let line = line(json_lines(), record);
    let cut = json(&line);
    let kept = cut["nested"].as_str().unwrap();
    assert!(nested.starts_with(kept) && kept.len() > 5_000);
    // The same number of bytes, in base64.
    assert_eq!(cut["bytes"].as_str().unwrap().len(), kept.len().div_ceil(3) * 4);
    let expect = nested.len() + bytes.len() - 2 * kept.len();
    assert_eq!(cut["truncated"].as_u64(), Some(expect as u64));
    assert!(line.len() <= 16_384);
}

#[test]
fn fields_are_left_out_where_texts_are_not_to_blame() {
    let mut fields = Fields::new();
    let long_key = "k".repeat(10_000);
    fields.push(&long_key, 1_u64);
    for number in 0..1_000_u64 {
        fields.push("n", number);
    }
    let mut context = ContextData::default();
    context.trace_id = TraceId::new(7);
    context.entries.push("user_id", "u1");
    let mut record = record("the message is kept");
    record.fields = fields.as_ref();
    record.context = &context;
    let builder = json_lines().max_line_bytes(Some(8_192));
    let line = line(builder, record);
    assert!(line.len() <= 8_192 && line.len() > 8_100, "{}", line.len());
    let cut = json(&line);
    assert_eq!(cut["message"], "the message is kept");
    assert_eq!((&cut["user_id"], &cut["n"]), (&Json::from("u1"), &Json::from(0)));
    assert!(cut.get(&long_key).is_none() && cut["trace_id"].is_string());
    let kept = (0..1_000).filter(|n| *n == 0 || cut.get(format!("n#{}", n + 1)).is_some());
    let kept: Vec<u64> = kept.collect();
    assert_eq!(kept, (0..kept.len() as u64).collect::<Vec<_>>(), "the last are left out first");
    let missing = (kept.len() as u64..1_000).map(|n| 1 + n.to_string().len());
    let expect = long_key.len() + 1 + missing.sum::<usize>();
    assert_eq!(cut["truncated"].as_u64(), Some(expect as u64));
}

#[test]
fn whatever_a_record_holds_its_line_is_short_and_valid() {
    let pieces = ["\0", "é", "\"", "x", "\u{10ffff}", "\n", "word ", "\u{202e}"];
    let mut state = 1_u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        ((state >> 33) as usize) % below
    };
    for round in 0..60 {
        let most = [1_024, 4_096, 16_384][round % 3];
        let mut text = |most: usize| {
            let (piece, count) = (pieces[random(pieces.len())], random(most));
            piece.repeat(count)
        };
        let (logger, message, tag) = (text(3_000), text(20_000), text(2_000));
        let mut fields = Fields::new();
        let mut context = ContextData::default();
        for _ in 0..round % 40 {
            fields.push(&text(200), text(2_000).as_str());
            context.entries.push(&text(20), text(900).as_bytes());
        }
        let mut record = record(&message);
        (record.logger, record.tag) = (&logger, &tag);
        (record.fields, record.context) = (fields.as_ref(), &context);
        let check = |builder: ConsoleSinkBuilder, is_json: bool| {
            let line = line(builder.max_line_bytes(Some(most)), record);
            assert!(line.len() <= most, "{} of {most}", line.len());
            assert_eq!(line.matches('\n').count(), 1);
            if is_json {
                json(&line);
            }
        };
        check(
            ConsoleSink::builder().encoder(JsonEncoder::builder().site(true).build().unwrap()),
            true,
        );
        check(ConsoleSink::builder().encoder(EcsEncoder::new()), true);
        check(ConsoleSink::builder().encoder(LogfmtEncoder::new()), false);
        check(ConsoleSink::builder().color(Color::Always), false);
    }
}

#[test]
fn records_of_one_shape_are_cut_each_for_itself() {
    let captured = Captured::default();
    let builder = json_lines().max_line_bytes(Some(1_024)).writer(captured.clone());
    let mut sink = builder.build().unwrap();
    // Short enough for an encoder to keep what it made of them.
    let (message, long) = ("m".repeat(800), "x".repeat(1_000));
    let fields = [Fields::from_iter([("k", long.as_str())]), Fields::from_iter([("k", "short")])];
    let [mut cut, mut whole] = [record(&message), record(&message)];
    for (record, fields) in [&mut cut, &mut whole].into_iter().zip(&fields) {
        record.fields = fields.as_ref();
        record.message_is_constant = true;
        record.shape = prisma_log_core::Shape::new(1);
    }
    sink.write(&[whole, cut, whole, cut, whole]).unwrap();
    let text = captured.text();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for (number, line) in lines.iter().enumerate() {
        assert!(line.len() <= 1_024);
        let line = json(line);
        let kept = ["message", "k"].map(|key| line[key].as_str().unwrap().len());
        if number % 2 == 0 {
            assert_eq!((kept, line.get("truncated")), ([800, 5], None));
        } else {
            assert_eq!(kept[0], kept[1]);
            let missing = 1_800 - kept[0] - kept[1];
            assert_eq!(line["truncated"].as_u64(), Some(missing as u64));
        }
    }
    assert_eq!((lines[0], lines[1]), (lines[2], lines[3]));
}

#[test]
fn text_for_people_has_any_length_unless_told_otherwise() {
    let text = "x".repeat(100_000);
    let plain = || ConsoleSink::builder().color(Color::Never);
    assert!(line(plain(), record(&text)).contains(&text));
    assert!(line(json_lines().max_line_bytes(None), record(&text)).contains(&text));
    let limited = line(plain().max_line_bytes(Some(2_000)), record(&text));
    assert!(limited.len() <= 2_000 && limited.contains(" truncated=98"), "{limited}");
    let error = json_lines().max_line_bytes(Some(1_023)).build().unwrap_err();
    assert!(error.is_config() && error.hint().is_some(), "{error}");
}
