//! One record as an event.

use std::fmt::{self, Write as _};

use prisma_log_core::{Level, Record, Value};
use tracing::callsite::{Callsite, Identifier};
use tracing::field::{FieldSet, display};
use tracing::metadata::Kind;
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Metadata};

const NAME: &str = "prisma_log record";
const TARGET: &str = "prisma_log";
const FIELDS: &[&str] = &["message", "logger", "trace_id", "span_id", "fields"];

/// Whether events of this description are made here.
#[inline]
pub(crate) fn is_source_of(metadata: &Metadata<'_>) -> bool {
    metadata.name() == NAME
}

/// The description of all events of a level; levels are constants of a description in `tracing`.
struct Source {
    metadata: &'static Metadata<'static>,
}

impl Callsite for Source {
    /// Not kept: the subscriber is asked about every record, by its logger's name.
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        self.metadata
    }
}

macro_rules! sources {
    ($($source:ident $metadata:ident $level:ident),*) => {
        $(
            static $source: Source = Source { metadata: &$metadata };
            static $metadata: Metadata<'static> = Metadata::new(
                NAME,
                TARGET,
                tracing::Level::$level,
                None,
                None,
                None,
                FieldSet::new(FIELDS, Identifier(&$source)),
                Kind::EVENT,
            );
        )*
    };
}

sources!(
    TRACE TRACE_METADATA TRACE, DEBUG DEBUG_METADATA DEBUG, INFO INFO_METADATA INFO,
    WARN WARN_METADATA WARN, ERROR ERROR_METADATA ERROR
);

fn source_of(level: Level) -> &'static Source {
    match level {
        Level::Trace => &TRACE,
        Level::Debug => &DEBUG,
        Level::Info => &INFO,
        Level::Warning => &WARN,
        _ => &ERROR,
    }
}

/// Hands the record to the subscriber, if that wants it.
pub(super) fn send(record: &Record<'_>, dispatch: &Dispatch) {
    let source = source_of(record.level);
    let metadata = source.metadata;
    let site = record.site;
    let known = |text| Some(text).filter(|text: &&str| !text.is_empty());
    let asked = Metadata::new(
        NAME,
        record.logger,
        *metadata.level(),
        known(site.file),
        Some(site.line).filter(|&line| line > 0),
        known(site.module),
        FieldSet::new(FIELDS, Identifier(source)),
        Kind::EVENT,
    );
    if !dispatch.enabled(&asked) {
        return;
    }
    let (trace_id, span_id) =
        (record.context.trace_id.map(display), record.context.span_id.map(display));
    let list = display(List(record));
    let message = display(record.message);
    let any = !(record.fields.is_empty() && record.context.entries.is_empty());
    let values: [Option<&dyn tracing::field::Value>; 5] = [
        Some(&message),
        Some(&record.logger),
        trace_id.as_ref().map(|id| id as _),
        span_id.as_ref().map(|id| id as _),
        any.then_some(&list as _),
    ];
    let names = metadata.fields();
    let mut fields = names.iter();
    let named = values.map(|value| fields.next().map(|field| (field, value)));
    if let [Some(a), Some(b), Some(c), Some(d), Some(e)] = &named {
        let pairs = [(&a.0, a.1), (&b.0, b.1), (&c.0, c.1), (&d.0, d.1), (&e.0, e.1)];
        dispatch.event(&Event::new(metadata, &names.value_set(&pairs)));
    }
}

/// A record's fields in one text.
struct List<'a>(&'a Record<'a>);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.0.fields.iter().chain(self.0.context.entries.iter());
        for (index, (key, value)) in all.enumerate() {
            if index > 0 {
                f.write_char(' ')?;
            }
            write!(f, "{key}=")?;
            match value {
                Value::Str(text) if is_plain(text) => f.write_str(text)?,
                Value::Str(text) => write!(f, "{text:?}")?,
                other => write!(f, "{other}")?,
            }
        }
        Ok(())
    }
}

/// Whether a text can be told from what is around it.
fn is_plain(text: &str) -> bool {
    let plain = |c: char| !(c.is_whitespace() || c.is_control() || matches!(c, '"' | '=' | '\\'));
    !text.is_empty() && text.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use prisma_log_core::{Fields, Timestamp};

    use super::*;

    #[test]
    fn fields_are_told_apart() {
        let check = |value: Value<'_>, expect: &str| {
            let fields = Fields::from_iter([("k", value)]);
            let mut record = Record::new(Timestamp::from_unix_seconds(0), Level::Info, "l", "m");
            record.fields = fields.as_ref();
            assert_eq!(List(&record).to_string(), format!("k={expect}"));
        };
        check(Value::Str("word"), "word");
        check(Value::Str(""), "\"\"");
        check(Value::Str("two words"), "\"two words\"");
        check(Value::Str("a=\"b\"\n"), r#""a=\"b\"\n""#);
        check(Value::F64(1.5), "1.5");
        check(Value::Null, "null");
        check(Value::Json(r#"{"a":1}"#), r#"{"a":1}"#);
    }
}
