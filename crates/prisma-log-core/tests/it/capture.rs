use prisma_log_core::{Filter, Level, SinkDrain, Value};
use slog::{Logger, debug, error, info, o};

use crate::support::Keep;

#[test]
fn every_type_arrives_as_itself_and_in_written_order() {
    let keep = Keep::default();
    let log = Logger::root(SinkDrain::new(keep.clone()), o!("outer" => 1_u8, "outer2" => 2_u8));
    let log = log.new(o!("inner" => true));
    let nested = serde_json::json!({"list": [1, 2.5, null], "text": "é\u{2028}"});
    let failure = std::io::Error::other("disk on fire");
    info!(log, "paid {} of {}", 3, "4";
        "u" => u64::MAX, "i" => i64::MIN, "wide" => u128::MAX, "deep" => i128::MIN,
        "f" => 0.1_f64, "f32" => 0.1_f32, "b" => false, "c" => 'ß', "s" => "text",
        "none" => Option::<u8>::None, "unit" => (), "usize" => 7_usize,
        "display" => %format_args!("{}!", "hi"), "debug" => ?[1, 2], "error" => #failure,
        "nested" => slog::Serde(nested), "scalar" => slog::Serde("just text".to_owned()));
    let kept = keep.only();
    assert_eq!(kept.message, "paid 3 of 4");
    assert_eq!(kept.logger, module_path!());
    let expect = [
        ("u", Value::U64(u64::MAX)),
        ("i", Value::I64(i64::MIN)),
        ("wide", Value::U128(u128::MAX)),
        ("deep", Value::I128(i128::MIN)),
        ("f", Value::F64(0.1)),
        ("f32", Value::F64(0.1)),
        ("b", Value::Bool(false)),
        ("c", Value::Str("ß")),
        ("s", Value::Str("text")),
        ("none", Value::Null),
        ("unit", Value::Null),
        ("usize", Value::U64(7)),
        ("display", Value::Str("hi!")),
        ("debug", Value::Str("[1, 2]")),
        ("error", Value::Str("disk on fire")),
        ("nested", Value::Json("{\"list\":[1,2.5,null],\"text\":\"é\u{2028}\"}")),
        ("scalar", Value::Str("just text")),
        ("inner", Value::Bool(true)),
        ("outer2", Value::U64(2)),
        ("outer", Value::U64(1)),
    ];
    assert_eq!(kept.fields.iter().collect::<Vec<_>>(), expect);
}

#[test]
fn names_levels_and_filters() {
    let (all, shop) = (Keep::default(), Keep::default());
    let drain = SinkDrain::builder()
        .filter("info,shop=debug".parse().unwrap())
        .sink("all", Filter::default(), all.clone())
        .sink("shop", "off,shop=debug".parse().unwrap(), shop.clone())
        .build();
    let orders = Logger::root(drain.named("shop.orders"), o!());
    let other = Logger::root(drain.named("other"), o!());
    debug!(orders, "seen by both");
    debug!(other, "seen by none");
    error!(other, "seen by one");
    let messages = |keep: &Keep| keep.kept().into_iter().map(|k| k.message).collect::<Vec<_>>();
    assert_eq!(messages(&all), ["seen by both", "seen by one"]);
    assert_eq!(messages(&shop), ["seen by both"]);
    assert_eq!(all.kept().iter().map(|k| k.sequence).collect::<Vec<_>>(), [1, 2]);
    let unnamed = Logger::root(drain.clone(), o!());
    debug!(unnamed, "taken by none, and not numbered");
    error!(unnamed, "numbered next");
    assert_eq!(all.kept().last().map(|k| k.sequence), Some(3));
    assert!(drain.named("shop").enabled(Level::Debug) && !drain.named("x").enabled(Level::Debug));
    assert_eq!(shop.kept()[0].logger, "shop.orders");
}
