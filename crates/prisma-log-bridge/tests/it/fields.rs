//! The same event through `tracing-subscriber`'s JSON layer and through ours, field by field.

use std::fmt;

use serde_json::{Map, Value, json};
use tracing::{Level, debug, error, event, info, trace, warn};
use tracing_subscriber::layer::SubscriberExt;

use crate::support::{Written, json, keep};

/// What both say of the events that `f` makes: ours, and theirs.
fn both(f: impl FnOnce()) -> Vec<(Map<String, Value>, Map<String, Value>)> {
    let kept = keep("trace");
    let written = Written::default();
    let theirs = tracing_subscriber::fmt::layer()
        .json()
        .with_file(true)
        .with_line_number(true)
        .with_writer(written.clone());
    let subscriber = tracing_subscriber::registry().with(kept.bridge().layer()).with(theirs);
    tracing::subscriber::with_default(subscriber, f);
    let ours: Vec<_> = kept.take().iter().map(|record| (json(record), record.clone())).collect();
    let theirs = written.lines();
    assert_eq!(ours.len(), theirs.len());
    let pairs = ours.into_iter().zip(theirs).map(|((ours, record), theirs)| {
        assert_eq!(theirs["target"], record.logger);
        assert_eq!(theirs["filename"], record.site.file);
        assert_eq!(theirs["line_number"], record.site.line);
        assert_eq!(record.site.module, module_path!());
        assert_eq!(record.tag, "tracing");
        (ours, theirs)
    });
    pairs.collect()
}

/// Checks that one event means the same in both.
#[track_caller]
fn same(f: impl FnOnce()) -> Map<String, Value> {
    let [(ours, theirs)] = both(f).try_into().unwrap();
    let level = theirs["level"].as_str().unwrap();
    assert_eq!(ours["level"].as_str().unwrap(), if level == "WARN" { "WARNING" } else { level });
    let fields = theirs["fields"].as_object().unwrap();
    for (key, value) in fields {
        assert_eq!(ours.get(key), Some(value), "{key} in {ours:?}");
    }
    // Nothing more than what is about the record itself.
    let own = ["timestamp", "level", "logger", "message", "seq", "slog.tag"];
    for key in ours.keys() {
        assert!(fields.contains_key(key) || own.contains(&key.as_str()), "{key} in {ours:?}");
    }
    ours
}

#[derive(Debug)]
struct Position {
    #[expect(dead_code, reason = "shown by Debug")]
    x: f32,
    #[expect(dead_code, reason = "shown by Debug")]
    y: f32,
}

#[test]
fn typed_values() {
    let ours = same(|| {
        info!(
            yes = true,
            no = false,
            small = -3_i8,
            signed = i64::MIN,
            unsigned = u64::MAX,
            float = 99.9,
            whole = 2.0,
            text = "two \"words\"\nand a line",
            owned = String::from("ü"),
            optional = Some(7),
            absent = None::<u64>,
            "order processed"
        );
    });
    assert_eq!(ours["signed"], json!(i64::MIN));
    assert_eq!(ours["unsigned"], json!(u64::MAX));
    assert_eq!(ours["message"], "order processed");
    assert_eq!(ours.get("absent"), None);
}

#[test]
fn ways_to_write_an_event() {
    let (question, answer, name) = ("the ultimate question", 42_u64, "Ferris");
    let position = Position { x: 3.234, y: -1.223 };
    same(|| event!(Level::INFO, "something happened"));
    same(|| event!(Level::WARN, answer, question, "with shorthands"));
    same(|| error!(answer, ?position, %name));
    same(|| debug!("formatted {} and {name}: {:?}", 1, position));
    same(|| trace!(?position, "debug by a sigil"));
    same(|| warn!(my_display = %position_text(&position), "display by a sigil"));
    same(|| info!(user.name = name, user.email = "ferris@rust-lang.org", "dotted keys"));
    same(|| info!("guid:x-request-id" = "abc", "type" = "request", "quoted keys"));
    same(|| info!({ answer, question }, "braces {}", answer));
    same(|| info!(target: "app_events", answer, "a target of its own"));
    same(|| event!(target: "shop::orders", Level::ERROR, { answer = 1 }, "all of it"));
    same(|| info!(r#type = "request", r#struct = 1, "keywords"));
    same(|| info!(message = "by its name", answer));
    same(|| info!(name: "order.placed", answer, "named, with a message"));
    same(|| info!(empty = tracing::field::Empty, answer, "an empty field"));
}

fn position_text(position: &Position) -> String {
    format!("{position:?}")
}

#[test]
fn constants_as_names() {
    const KEY: &str = "thread.name";
    const NUMBER: &str = "number";
    let ours = same(|| info!({ KEY } = "main", { NUMBER } = 5, "constant names"));
    assert_eq!(ours["thread.name"], "main");
}

#[derive(Debug)]
struct Failed(Option<Box<Failed>>, &'static str);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.1)
    }
}

impl std::error::Error for Failed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.0.as_deref()?)
    }
}

/// Where the two differ, and how.
#[test]
fn what_is_more_in_ours() {
    let deep = Failed(Some(Box::new(Failed(None, "no route to host"))), "the bank is away");
    let error = &deep as &(dyn std::error::Error + 'static);
    let bytes: &[u8] = b"\x00\xff";
    let pairs = both(|| {
        error!(error, "payment failed");
        info!(twice = 1, twice = 2, "a key that is there twice");
        info!(bytes, "bytes");
        info!(nan = f64::NAN, "no number");
        info!(level = "high", logger = "mine", "keys of the envelope");
        info!(amount = 1);
        info!(name: "order.placed", amount = 1);
    });
    let check = |index: usize, key: &str, ours: Value, theirs: Value| {
        let pair: &(Map<_, _>, Map<_, _>) = &pairs[index];
        assert_eq!(
            (&pair.0[key], pair.1["fields"].get(key).unwrap_or(&Value::Null)),
            (&ours, &theirs)
        );
    };
    // The sources.
    check(0, "error", json!("the bank is away: no route to host"), json!("the bank is away"));
    check(1, "twice", json!(1), json!(2));
    check(1, "twice#2", json!(2), Value::Null);
    check(2, "bytes", json!("AP8="), json!("[00 ff]"));
    check(3, "nan", json!("NaN"), Value::Null);
    // The envelope is not forged.
    check(4, "level", json!("INFO"), json!("high"));
    check(4, "fields.level", json!("high"), Value::Null);
    check(5, "message", json!(""), Value::Null);
    check(6, "message", json!("order.placed"), Value::Null);
}

#[test]
fn wide_integers_stay_integers() {
    let records = keep("trace").under(|| info!(wide = u128::MAX, negative = i128::MIN, "wide"));
    let fields: Vec<_> = records[0].fields.iter().map(|(_, value)| value).collect();
    let expect = [prisma_log_core::Value::U128(u128::MAX), prisma_log_core::Value::I128(i128::MIN)];
    assert_eq!(fields, expect);
}
