//! Syslog: RFC 5424, RFC 3164, and the files that syslog daemons write.

use prisma_log_core::{SpanId, TraceId};

use super::text::{
    blank, bracketed, is_name, is_number, lossy, owned, push, push_number, split, word,
};
use super::zone::Zone;
use super::{level, time};
use crate::{LineFormat, LogLine};

/// A line with `<PRI>` in front.
pub(super) fn with_priority(s: &[u8], zone: &mut Zone) -> Option<LogLine> {
    let (number, rest) = bracketed(s, b'<', b'>')?;
    if number.len() > 3 || !is_number(number) {
        return None;
    }
    let priority: u64 = lossy(number).parse().ok().filter(|&priority| priority < 192)?;
    let level = level::syslog(priority % 8);
    let facility = priority / 8;
    let parsed = match rest.strip_prefix(b"1 ") {
        Some(rest) => rfc5424(rest, zone),
        None => None,
    };
    let mut out = match parsed {
        Some(out) => out,
        None => rfc3164(rest, zone),
    };
    out.level = level;
    out.fields.push("syslog.facility", facility);
    Some(out)
}

/// What follows `<PRI>1 ` in RFC 5424: time, host, program, process, message id, data, message.
fn rfc5424(s: &[u8], zone: &mut Zone) -> Option<LogLine> {
    let (stamp, rest) = split(s, b' ')?;
    let timestamp = match stamp {
        b"-" => None,
        _ => Some(time::whole(stamp)?.resolve(zone)?),
    };
    header5424(rest).map(|out| LogLine { timestamp, ..out })
}

/// From the host on.
fn header5424(s: &[u8]) -> Option<LogLine> {
    let mut out = LogLine { format: LineFormat::Syslog5424, ..LogLine::default() };
    let (host, rest) = split(s, b' ')?;
    let (program, rest) = split(rest, b' ')?;
    let (process, rest) = split(rest, b' ')?;
    let (id, rest) = split(rest, b' ')?;
    if host.len() > 255 || program.len() > 48 || process.len() > 128 || id.len() > 32 {
        return None;
    }
    let given = |value: &[u8]| value != b"-" && !value.is_empty();
    if given(host) {
        push(&mut out.fields, "host.name", host);
    }
    if given(program) {
        out.logger = Some(owned(program));
        push(&mut out.fields, "process.name", program);
    }
    if given(process) {
        push_number(&mut out.fields, "process.pid", process);
    }
    if given(id) {
        push(&mut out.fields, "syslog.msgid", id);
    }
    let rest = match rest.strip_prefix(b"-") {
        Some(rest) => rest,
        None => structured_data(rest, &mut out)?,
    };
    let message = rest.strip_prefix(b" ").unwrap_or(rest);
    out.message = owned(blank(message.strip_prefix(b"\xef\xbb\xbf").unwrap_or(message)));
    Some(out)
}

/// `[id name="value" …]…`; each parameter becomes the field `id.name`.
fn structured_data<'a>(s: &'a [u8], out: &mut LogLine) -> Option<&'a [u8]> {
    let mut rest = s;
    while let Some(element) = rest.strip_prefix(b"[") {
        let end = element.iter().position(|b| b" ]".contains(b))?;
        let id = lossy(&element[..end]);
        rest = &element[end..];
        while let Some(parameter) = rest.strip_prefix(b" ").map(blank) {
            if parameter.starts_with(b"]") {
                rest = parameter;
                break;
            }
            let (name, value) = split(parameter, b'=')?;
            let value = value.strip_prefix(b"\"")?;
            let (value, after) = parameter_value(value)?;
            rest = after;
            match (&*id, name) {
                ("opentelemetry", b"trace_id") => out.trace_id = value.parse::<TraceId>().ok(),
                ("opentelemetry", b"span_id") => out.span_id = value.parse::<SpanId>().ok(),
                _ => out.fields.push(&format!("{id}.{}", lossy(name)), value.as_str()),
            }
            if name == b"level" {
                out.level = level::named(value.as_bytes());
            }
        }
        rest = rest.strip_prefix(b"]")?;
    }
    (rest.len() < s.len()).then_some(rest)
}

/// A value up to its closing quote; `\"`, `\\` and `\]` are escapes, other backslashes stand for
/// themselves.
fn parameter_value(s: &[u8]) -> Option<(String, &[u8])> {
    let mut value = Vec::new();
    let mut at = 0;
    loop {
        match (*s.get(at)?, s.get(at + 1)) {
            (b'"', _) => return Some((owned(&value), &s[at + 1..])),
            (b'\\', Some(&escaped @ (b'"' | b'\\' | b']'))) => {
                value.push(escaped);
                at += 2;
            }
            (byte, _) => {
                value.push(byte);
                at += 1;
            }
        }
    }
}

/// What follows `<PRI>` in RFC 3164: anything, mostly time, host, program and message.
fn rfc3164(s: &[u8], zone: &mut Zone) -> LogLine {
    if let Some((stated, len)) = time::prefix(s)
        && let Some(timestamp) = stated.resolve(zone)
    {
        let rest = blank(s[len..].strip_prefix(b":").unwrap_or(&s[len..]));
        let out =
            host_and_program(rest).or_else(|| program(rest)).or_else(|| after_time(rest, true));
        if let Some(out) = out {
            return LogLine { timestamp: Some(timestamp), ..out };
        }
        return LogLine {
            timestamp: Some(timestamp),
            message: owned(rest),
            format: LineFormat::Syslog,
            ..LogLine::default()
        };
    }
    program(s).unwrap_or_else(|| LogLine {
        message: owned(s),
        format: LineFormat::Syslog,
        ..LogLine::default()
    })
}

/// What a daemon's file has behind the time: `host program[pid]: message`, or RFC 5424's header
/// without `<PRI>`.
pub(super) fn after_time(rest: &[u8], traditional: bool) -> Option<LogLine> {
    let (host, behind) = word(rest);
    let (tag, _) = word(behind);
    let is_host = !host.is_empty()
        && host[0].is_ascii_alphanumeric()
        && is_name(host)
        && !host.ends_with(b":")
        && level::word(host).is_none();
    if !is_host {
        return None;
    }
    if tag.ends_with(b":") || tag.contains(&b'[') {
        return host_and_program(rest);
    }
    if let Some(out) = (!traditional).then(|| strict5424(rest)).flatten() {
        return Some(out);
    }
    // `last message repeated 3 times` and kernel lines of some systems have no program.
    traditional.then(|| {
        let mut out = LogLine { format: LineFormat::Syslog, ..LogLine::default() };
        push(&mut out.fields, "host.name", host);
        let letter = if tag.len() == 1 { level::letter(tag[0]) } else { None };
        out.level = letter.or_else(|| level::near_start(behind));
        out.message = owned(behind);
        out
    })
}

/// RFC 5424's header, if it can't be anything else: a number or `-` as process, then data.
fn strict5424(rest: &[u8]) -> Option<LogLine> {
    let mut words = rest.splitn(5, |&b| b == b' ');
    let (program, process) = (words.nth(1)?, words.next()?);
    let (id, data) = (words.next()?, words.next()?);
    let fits = is_name(program)
        && (is_number(process) || process == b"-")
        && (is_name(id) || id == b"-")
        && (data.starts_with(b"- ") || data.starts_with(b"[") && data.contains(&b'='));
    if fits { header5424(rest) } else { None }
}

fn host_and_program(s: &[u8]) -> Option<LogLine> {
    let (host, rest) = word(s);
    if host.is_empty() || host.ends_with(b":") || !is_name(host) {
        return None;
    }
    let mut out = program(rest)?;
    push(&mut out.fields, "host.name", host);
    Some(out)
}

/// `program[pid]: message`.
fn program(s: &[u8]) -> Option<LogLine> {
    let end = s.iter().position(|b| b"[: ".contains(b))?;
    let (name, mut rest) = s.split_at(end);
    if !is_name(name) {
        return None;
    }
    let mut out = LogLine { format: LineFormat::Syslog, ..LogLine::default() };
    out.logger = Some(owned(name));
    push(&mut out.fields, "process.name", name);
    if let Some((pid, after)) = bracketed(rest, b'[', b']') {
        push_number(&mut out.fields, "process.pid", pid);
        rest = after;
    }
    // A level may stand between the program and the colon: `prog[1] <Warning>: text`.
    if let Some((word, after)) = bracketed(blank(rest), b'<', b'>')
        && let Some(level) = level::word(word)
    {
        out.level = Some(level);
        rest = after;
    }
    let message = blank(rest.strip_prefix(b":")?);
    if out.level.is_none() {
        out.level = level::near_start(message);
    }
    out.message = owned(message);
    Some(out)
}
