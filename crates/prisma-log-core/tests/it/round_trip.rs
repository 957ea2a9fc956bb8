use prisma_log_core::{DrainSink, SinkDrain, Value};
use slog::{Logger, info, o};

use crate::support::Keep;

#[test]
fn a_drain_as_a_sink_hands_over_every_field() {
    let keep = Keep::default();
    let inner = SinkDrain::new(keep.clone());
    let outer = SinkDrain::new(DrainSink::new(inner)).named("shop");
    let log = Logger::root(outer, o!("version" => 2_u8));
    let nested = slog::Serde(serde_json::json!({"a": [1, 2]}));
    info!(log, # "tag", "hello {}", "there"; "n" => 1_u64, "nested" => nested, "none" => ());
    let kept = keep.only();
    assert_eq!(kept.message, "hello there");
    assert_eq!(kept.logger, module_path!());
    let expect = [
        ("logger", Value::Str("shop")),
        ("n", Value::U64(1)),
        ("nested", Value::Json(r#"{"a":[1,2]}"#)),
        ("none", Value::Null),
        ("version", Value::U64(2)),
    ];
    assert_eq!(kept.fields.iter().collect::<Vec<_>>(), expect);
}
