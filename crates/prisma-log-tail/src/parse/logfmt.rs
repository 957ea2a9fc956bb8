//! logfmt: `time=… level=info msg="…" key=value`.

use prisma_log_core::Value;

use super::flat;
use super::text::{blank, lossy, owned, quoted};
use super::zone::Zone;
use super::{level, time};
use crate::{LineFormat, LogLine};

/// Reads a line that consists of pairs only and has a time, level or message among them.
pub(super) fn parse(s: &[u8], zone: &mut Zone) -> Option<LogLine> {
    let mut out = LogLine { format: LineFormat::Prefixed, ..LogLine::default() };
    let mut has_message = false;
    let mut rest = s.trim_ascii();
    while !rest.is_empty() {
        let (key, after) = self::key(rest)?;
        let (value, is_quoted, after) = match quoted(after) {
            Some((value, after)) => (value, true, after),
            None => {
                let end = memchr::memchr(b' ', after).unwrap_or(after.len());
                (&after[..end], false, &after[end..])
            }
        };
        if !(after.is_empty() || after[0] == b' ') {
            return None;
        }
        rest = blank(after);
        // The kernel's audit records are no messages with fields: their time is inside.
        if value.starts_with(b"audit(") {
            return None;
        }
        let value = if is_quoted { unescape(value) } else { owned(value) };
        match key {
            b"time" if out.timestamp.is_none() && out.fields.get("date").is_some() => {
                let date = out.fields.get("date").map(|date| date.to_string()).unwrap_or_default();
                let stated = time::whole(format!("{date} {value}").as_bytes());
                out.timestamp = stated.and_then(|stated| stated.resolve(zone));
            }
            b"time" | b"ts" | b"t" | b"timestamp" | b"@timestamp" if out.timestamp.is_none() => {
                let stated = time::whole(value.as_bytes());
                out.timestamp = stated.and_then(|stated| stated.resolve(zone));
                if out.timestamp.is_some() {
                    continue;
                }
            }
            b"level" | b"lvl" | b"severity" | b"log.level" if out.level.is_none() => {
                out.level = level::named(value.as_bytes());
                if out.level.is_some() {
                    continue;
                }
            }
            b"msg" | b"message" if !has_message => {
                out.message = value;
                has_message = true;
                continue;
            }
            b"logger" if out.logger.is_none() => {
                out.logger = Some(value);
                continue;
            }
            b"trace_id" | b"traceID" | b"traceId" if out.trace_id.is_none() => {
                out.trace_id = value.parse().ok();
                if out.trace_id.is_some() {
                    continue;
                }
            }
            b"span_id" | b"spanID" | b"spanId" if out.span_id.is_none() => {
                out.span_id = value.parse().ok();
                if out.span_id.is_some() {
                    continue;
                }
            }
            // Ids whose digits look like a number's.
            b"parent_span_id" | b"trace_flags" => {
                out.fields.push(&lossy(key), Value::Str(&value));
                continue;
            }
            _ => {}
        }
        out.fields.push(&lossy(key), if is_quoted { Value::Str(&value) } else { typed(&value) });
    }
    let says_something = out.timestamp.is_some() || out.level.is_some() || has_message;
    let pairs = out.fields.len() + usize::from(out.timestamp.is_some()) + usize::from(has_message);
    (says_something && pairs + usize::from(out.level.is_some()) >= 2).then_some(out)
}

/// A key and what follows its `=`.
fn key(s: &[u8]) -> Option<(&[u8], &[u8])> {
    // `#`: `amount#2` is a key that came twice.
    let is_key = |b: &u8| b.is_ascii_alphanumeric() || b"_.-@/:[]#".contains(b) || *b > 127;
    let len = s.iter().take_while(|b| is_key(b)).count();
    let rest = s[len..].strip_prefix(b"=")?;
    (len > 0).then_some((&s[..len], rest))
}

/// An unquoted value: numbers and truth values keep their type.
fn typed(value: &str) -> Value<'_> {
    match value {
        "true" => return Value::Bool(true),
        "false" => return Value::Bool(false),
        "null" => return Value::Null,
        _ => {}
    }
    let digits = value.strip_prefix('-').unwrap_or(value);
    let numeric = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || b".eE+-".contains(&b))
        && !(digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0."));
    let is_integer = digits.bytes().all(|b| b.is_ascii_digit());
    let number = numeric.then(|| flat::number(value, value.len() > digits.len(), is_integer));
    number.flatten().unwrap_or(Value::Str(value))
}

fn unescape(value: &[u8]) -> String {
    if memchr::memchr(b'\\', value).is_none() {
        return owned(value);
    }
    let text = lossy(value);
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('u') => {
                let hex = chars.as_str().get(..4);
                let code = hex.and_then(|hex| u32::from_str_radix(hex, 16).ok());
                match code.and_then(char::from_u32) {
                    Some(c) => {
                        out.push(c);
                        chars.nth(3);
                    }
                    None => out.push_str("\\u"),
                }
            }
            Some(c) => out.push(c),
            None => out.push('\\'),
        }
    }
    out
}
