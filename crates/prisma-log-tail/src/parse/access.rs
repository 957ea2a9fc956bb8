//! Access logs of web servers: common, combined, and their extensions.

use prisma_log_core::{Fields, Level};

use super::text::{blank, is_number, lossy, owned, push, push_number, quoted, split, word};
use super::time;
use super::zone::Zone;
use crate::{LineFormat, LogLine};

/// `[vhost] client ident user [time] "request" status bytes "referrer" "user agent" …`.
pub(super) fn parse(s: &[u8], zone: &mut Zone) -> Option<LogLine> {
    // The time's form is the surest sign, and cheap to look for.
    let open = memchr::memchr(b'[', &s[..s.len().min(300)])?;
    let stamp = &s[open + 1..];
    if open == 0 || stamp.get(2) != Some(&b'/') || stamp.get(6) != Some(&b'/') {
        return None;
    }
    let (stated, len) = time::prefix(stamp)?;
    let rest = blank(stamp[len..].strip_prefix(b"]")?);
    let mut out = LogLine {
        timestamp: Some(stated.resolve(zone)?),
        format: LineFormat::Access,
        ..LogLine::default()
    };
    who(&s[..open], &mut out.fields)?;
    let (request, rest) = quoted(rest)?;
    self::request(request, &mut out.fields);
    out.message = owned(request);
    let (status, rest) = word(blank(rest));
    let (bytes, rest) = word(rest);
    if status.len() == 3 && is_number(status) {
        push_number(&mut out.fields, "http.response.status_code", status);
        out.level = Some(level_of(status[0]));
    }
    if is_number(bytes) {
        push_number(&mut out.fields, "http.response.body.size", bytes);
    }
    if let Some((referrer, rest)) = quoted(rest) {
        given(&mut out.fields, "http.request.header.referer", referrer);
        if let Some((agent, _)) = quoted(blank(rest)) {
            given(&mut out.fields, "user_agent.original", agent);
        }
    }
    Some(out)
}

/// What stands before the time: the client, the user, and for some servers the virtual host.
fn who(s: &[u8], fields: &mut Fields) -> Option<()> {
    let mut words = [&b""[..]; 5];
    let mut count = 0;
    let mut rest = s.trim_ascii();
    while !rest.is_empty() {
        let (word, after) = word(rest);
        *words.get_mut(count)? = word;
        count += 1;
        rest = after;
    }
    let first = count.saturating_sub(3);
    if count > 3 {
        let host = words[0];
        let (name, port) = match host.iter().rposition(|&b| b == b':') {
            Some(at) if is_number(&host[at + 1..]) => (&host[..at], Some(&host[at + 1..])),
            _ => (host, None),
        };
        push(fields, "server.address", name);
        if let Some(port) = port {
            push_number(fields, "server.port", port);
        }
    }
    push(fields, "client.address", words.get(first).filter(|client| !client.is_empty())?);
    if count >= 3 {
        given(fields, "user.name", words[first + 2]);
    }
    Some(())
}

/// `METHOD target HTTP/version`; anything else (clients send all sorts) has no fields.
pub(super) fn request(s: &[u8], fields: &mut Fields) {
    let Some((method, rest)) = split(s, b' ') else { return };
    let is_method = (2..=32).contains(&method.len())
        && method.iter().all(|b| b.is_ascii_uppercase() || *b == b'_' || *b == b'-');
    if !is_method {
        return;
    }
    let version = rest.iter().rposition(|&b| b == b' ').map(|at| rest.split_at(at));
    let (target, version) = match version {
        Some((target, version)) if version[1..].starts_with(b"HTTP/") => (target, &version[6..]),
        _ => (rest, &b""[..]),
    };
    push(fields, "http.request.method", method);
    let (path, query) = match split(target, b'?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    push(fields, "url.path", path);
    if let Some(query) = query {
        push(fields, "url.query", query);
    }
    if !version.is_empty() {
        push(fields, "network.protocol.version", version);
    }
}

fn level_of(first_digit: u8) -> Level {
    match first_digit {
        b'5' => Level::Error,
        b'4' => Level::Warning,
        _ => Level::Info,
    }
}

/// Pushes a value that is not `-`.
fn given(fields: &mut Fields, key: &str, value: &[u8]) {
    if !value.is_empty() && value != b"-" {
        fields.push(key, &*lossy(value));
    }
}
