//! Values that fail, panic, never end, and log.

use super::*;

struct Bad(u8);

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half")?;
        match self.0 {
            0 => Err(fmt::Error),
            1 => panic!("in Display"),
            _ => (0..3 * MAX_TEXT / 1024).try_for_each(|_| f.write_str(&"é".repeat(512))),
        }
    }
}

#[test]
fn bad_values_are_marked_and_bounded() {
    with_gathered(|gathered| {
        gathered.push_args("fails".into(), format_args!("{}", Bad(0)));
        gathered.push_args("panics".into(), format_args!("{}", Bad(1)));
        gathered.push("after".into(), Value::I64(-7));
        gathered.push_args("endless".into(), format_args!("{}", Bad(2)));
        assert_eq!(gathered.get("fails"), Some(Value::Str("half<formatting failed>")));
        assert_eq!(gathered.get("panics"), Some(Value::Str("<panicked: in Display>")));
        assert_eq!(gathered.get("after"), Some(Value::I64(-7)));
        let Some(Value::Str(text)) = gathered.get("endless") else { panic!("no text") };
        assert_eq!(text.len(), MAX_TEXT);
    });
    with_gathered(|gathered| {
        assert_eq!(gathered.iter().count(), 0);
        assert!(gathered.text.capacity() <= KEEP_BYTES);
    });
}

#[test]
fn each_nested_call_has_its_own_and_the_deepest_format_nothing() {
    fn nest(levels: usize) -> Vec<String> {
        with_gathered(|gathered| {
            gathered.set_message(format_args!("level {levels}"));
            let inner = if levels == 0 { Vec::new() } else { nest(levels - 1) };
            let mut all = vec![gathered.message().unwrap().to_owned()];
            all.extend(inner);
            all
        })
    }
    let expect = ["level 5", "level 4", "level 3", "level 2", TOO_DEEP, TOO_DEEP];
    assert_eq!(nest(5), expect);
    assert_eq!(nest(0), ["level 0"]);
}
