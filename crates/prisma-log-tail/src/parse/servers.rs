//! Forms of single programs that no general rule covers: nginx's error log, glog, Redis, zap.

use super::flat::Flat;
use super::text::{
    blank, bracketed, is_name, is_number, owned, push, push_number, quoted, split, word,
};
use super::zone::Zone;
use super::{access, elements, level, time};
use crate::{LineFormat, LogLine};

/// nginx behind the time: ` [level] pid#tid: *connection message, client: …, request: "…"`.
pub(super) fn nginx(rest: &[u8], out: &mut LogLine) -> bool {
    let Some((level, rest)) = bracketed(blank(rest), b'[', b']') else { return false };
    let Some(level) = level::named(level) else { return false };
    let Some((process, message)) = split(blank(rest), b':') else { return false };
    let Some((pid, thread)) = split(process, b'#') else { return false };
    if !is_number(pid) || !is_number(thread) {
        return false;
    }
    out.level = Some(level);
    push_number(&mut out.fields, "process.pid", pid);
    push_number(&mut out.fields, "thread.id", thread);
    let mut message = blank(message);
    if let Some((number, rest)) = message.strip_prefix(b"*").map(word)
        && is_number(number)
    {
        push_number(&mut out.fields, "nginx.connection", number);
        message = rest;
    }
    out.message = owned(message);
    if let Some(client) = detail(message, b", client: ") {
        let client = client.split(|&b| b == b',' || b == b' ').next().unwrap_or_default();
        elements::address(client, out);
    }
    if let Some(server) = detail(message, b", server: ") {
        let server = server.split(|&b| b == b',').next().unwrap_or_default();
        if !server.trim_ascii().is_empty() {
            push(&mut out.fields, "server.address", server);
        }
    }
    if let Some((request, _)) = detail(message, b", request: ").and_then(quoted) {
        access::request(request, &mut out.fields);
    }
    true
}

fn detail<'a>(message: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    super::text::split_at_str(message, name).map(|(_, value)| value)
}

/// glog and klog: `E0517 15:04:22.619632 1952452992 file.cc:253] message`.
pub(super) fn glog(s: &[u8], zone: &mut Zone) -> Option<LogLine> {
    let (&letter, rest) = s.split_first()?;
    let level = level::letter(letter).filter(|_| b"IWEFD".contains(&letter))?;
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let year = match digits {
        4 => None,
        8 => std::str::from_utf8(&rest[..4]).ok()?.parse().ok(),
        _ => return None,
    };
    let two = |at: usize| u32::from(rest[at] - b'0') * 10 + u32::from(rest[at + 1] - b'0');
    let (month, day) = (two(digits - 4), two(digits - 2));
    // The time of day in a form that is read already.
    let clock = rest[digits..].strip_prefix(b" ")?;
    let end = memchr::memchr(b' ', clock)?;
    let stated = time::whole(&[b"2000-01-01 ", &clock[..end]].concat())?;
    let time::Stated::Civil(civil) = stated else { return None };
    let stated = time::Stated::Civil(time::Civil { year, month, day, ..civil });
    let (place, message) = split(blank(&clock[end..]), b']')?;
    let (thread, place) = word(place);
    let (file, line) = split(place, b':')?;
    if !is_number(thread) || !is_number(line) {
        return None;
    }
    let mut out = LogLine {
        timestamp: stated.resolve(zone),
        level: Some(level),
        message: owned(blank(message)),
        format: LineFormat::Prefixed,
        ..LogLine::default()
    };
    push_number(&mut out.fields, "thread.id", thread);
    push(&mut out.fields, "code.file.path", file);
    push_number(&mut out.fields, "code.line.number", line);
    Some(out)
}

/// Redis and Valkey: `1234:M 24 Nov 2026 08:00:00.123 # message`.
pub(super) fn redis(s: &[u8], zone: &mut Zone) -> Option<LogLine> {
    let (pid, rest) = split(s, b':').filter(|(pid, _)| pid.len() <= 10 && is_number(pid))?;
    let (&role, rest) = rest.split_first().filter(|(role, _)| b"XCSM".contains(role))?;
    let rest = rest.strip_prefix(b" ")?;
    let (stated, len) = time::prefix(rest)?;
    let (mark, message) = word(blank(&rest[len..]));
    let level = match mark {
        b"." => prisma_log_core::Level::Debug,
        b"-" | b"*" => prisma_log_core::Level::Info,
        b"#" => prisma_log_core::Level::Warning,
        _ => return None,
    };
    let mut out = LogLine {
        timestamp: stated.resolve(zone),
        level: Some(level),
        message: owned(message),
        format: LineFormat::Prefixed,
        ..LogLine::default()
    };
    push_number(&mut out.fields, "process.pid", pid);
    push(&mut out.fields, "redis.role", &[role]);
    Some(out)
}

/// zap's console form behind the time: level, logger and caller, message and a JSON object,
/// separated by tabs.
pub(super) fn zap(rest: &[u8], flat: &mut Flat, out: &mut LogLine) -> bool {
    let Some(rest) = rest.strip_prefix(b"\t") else { return false };
    let mut parts: Vec<&[u8]> = rest.split(|&b| b == b'\t').collect();
    let Some(level) = level::word(parts[0]) else { return false };
    out.level = Some(level);
    parts.remove(0);
    if let Some(last) = parts.last().filter(|last| parts.len() > 1 && last.starts_with(b"{")) {
        let text = super::text::lossy(last);
        if flat.read(&text) == Some(text.len()) {
            for index in 0..flat.len() {
                out.fields.push(flat.key(index, &text), flat.value(index, &text));
            }
            parts.pop();
        }
    }
    while parts.len() > 1 && is_name(parts[0]) {
        let name = parts.remove(0);
        let caller = split(name, b':').filter(|(_, line)| is_number(line));
        match caller {
            Some((file, line)) => {
                push(&mut out.fields, "code.file.path", file);
                push_number(&mut out.fields, "code.line.number", line);
            }
            None if out.logger.is_none() => out.logger = Some(owned(name)),
            None => push(&mut out.fields, "logger", name),
        }
    }
    out.message = owned(&parts.join(&b'\t'));
    true
}
