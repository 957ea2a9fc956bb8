//! A logfmt line, read as go-logfmt reads it, is the record's text.

use fastrand::Rng;
use prisma_log_core::Value;
use prisma_log_format::{LogfmtEncoder, decode_key};

use crate::random::Owned;
use crate::{Tally, encode};

/// One pair as read: the key, the value, and whether the value was quoted.
pub(crate) type Pair = (String, String, bool);

/// Reads pairs by go-logfmt's grammar: a key ends at `=`, a value at a space unless it is quoted,
/// and neither an unquoted value nor a key holds `"` or `=`.
pub(crate) fn read_pairs(mut rest: &str) -> Result<Vec<Pair>, String> {
    let mut pairs = Vec::new();
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=').ok_or(format!("no `=` in {rest:?}"))?;
        if key.is_empty() || key.contains([' ', '"', '\u{fffd}']) {
            return Err(format!("bad key {key:?}"));
        }
        let key = unquote(&format!("\"{key}\""))?;
        let length = token_length(after)?;
        let (token, after) = after.split_at(length);
        match token.starts_with('"') {
            true => pairs.push((key, unquote(token)?, true)),
            false => pairs.push((key, token.to_owned(), false)),
        }
        rest = match after.strip_prefix(' ') {
            Some("") => return Err("space at the end".to_owned()),
            Some(rest) => rest,
            None if after.is_empty() => after,
            None => return Err(format!("no space before {after:?}")),
        };
    }
    Ok(pairs)
}

/// Length of the quoted string or the bare word that `text` starts with.
pub(crate) fn token_length(text: &str) -> Result<usize, String> {
    if let Some(inner) = text.strip_prefix('"') {
        let mut escaped = false;
        let end = inner.bytes().position(|b| {
            let closes = b == b'"' && !escaped;
            escaped = b == b'\\' && !escaped;
            closes
        });
        return end.map(|end| end + 2).ok_or(format!("no closing quote in {text:?}"));
    }
    let length = text.find(' ').unwrap_or(text.len());
    match text[..length].contains(['"', '=', '\u{fffd}']) || length == 0 {
        true => Err(format!("bad bare value in {text:?}")),
        false => Ok(length),
    }
}

pub(crate) fn unquote(token: &str) -> Result<String, String> {
    serde_json::from_str(token).map_err(|error| format!("{error}: {token}"))
}

/// The text that a value is read back as, and whether it may stand without quotes.
pub(crate) fn compare_value(
    tally: &mut Tally,
    key: &str,
    value: Value<'_>,
    text: &str,
    quoted: bool,
) {
    let types = ["null", "true", "false", "NaN", "Infinity", "-Infinity"];
    let is_number = |text: &str| {
        let raw = serde_json::from_str::<Box<serde_json::value::RawValue>>(text);
        raw.is_ok_and(|raw| raw.get() == text && text.starts_with(|c| matches!(c, '-' | '0'..='9')))
    };
    let looks_typed = |text: &str| types.contains(&text) || is_number(text);
    let same = match value {
        Value::F64(v) if v.is_nan() => text == "NaN" && !quoted,
        Value::F64(v) if v.is_infinite() => {
            text == if v > 0.0 { "Infinity" } else { "-Infinity" } && !quoted
        }
        Value::F64(v) => {
            let same = text.parse().is_ok_and(|read: f64| read.to_bits() == v.to_bits());
            same && text.contains(['.', 'e']) && !quoted
        }
        Value::Str(v) => text == v && (quoted || !looks_typed(v)),
        Value::Json(v) => text == v,
        Value::Bytes(v) => text == v.escape_ascii().to_string() && quoted,
        scalar => text == scalar.to_string() && !quoted,
    };
    if !same {
        tally.differences.push(format!("{key:?}: {value:?} read as {text:?}, quoted: {quoted}"));
    }
}

#[test]
fn reading_a_line_gives_back_every_field_as_text() {
    let mut random = Rng::with_seed(11);
    let mut encoder = LogfmtEncoder::new();
    let mut tally = Tally::default();
    for _ in 0..30_000 {
        let owned = Owned::new(&mut random);
        let record = owned.record();
        let line = encode(&mut encoder, &record);
        tally.records += 1;
        let pairs = match read_pairs(&line) {
            Ok(pairs) => pairs,
            Err(error) => {
                tally.differences.push(error);
                continue;
            }
        };
        let user = owned.entries().count();
        let (head, tail) = pairs.split_at(pairs.len().saturating_sub(user));
        let context = record.context;
        let mut expect = vec![
            ("ts", record.timestamp.to_string()),
            ("level", record.level.to_string()),
            ("logger", record.logger.to_owned()),
            ("msg", record.message.to_owned()),
        ];
        expect.extend(context.trace_id.map(|id| ("trace_id", id.to_string())));
        expect.extend(context.span_id.map(|id| ("span_id", id.to_string())));
        expect.extend(context.parent_span_id.map(|id| ("parent_span_id", id.to_string())));
        let flags = ("trace_flags", format!("{:02x}", context.trace_flags));
        expect.extend(context.trace_id.map(|_| flags));
        expect.extend((record.sequence != 0).then(|| ("seq", record.sequence.to_string())));
        expect.extend((record.truncated != 0).then(|| ("truncated", record.truncated.to_string())));
        expect.extend(record.recovered.then(|| ("recovered", "true".to_owned())));
        expect.extend((!record.tag.is_empty()).then(|| ("slog.tag", record.tag.to_owned())));
        let head: Vec<_> = head.iter().map(|(key, text, _)| (key.as_str(), text.clone())).collect();
        tally.compare("envelope", head, expect);
        let mut keys: Vec<&str> = pairs.iter().map(|(key, ..)| key.as_str()).collect();
        keys.sort_unstable();
        keys.dedup();
        tally.compare("distinct keys", keys.len(), pairs.len());
        for ((written, text, quoted), (key, value)) in tail.iter().zip(owned.entries()) {
            tally.fields += 1;
            tally.compare("key", decode_key(written).0, key);
            compare_value(&mut tally, key, value, text, *quoted);
        }
    }
    tally.finish("logfmt");
}
