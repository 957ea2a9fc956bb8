//! What stands between a line's time and its message: level, thread, process, logger.

use prisma_log_core::Level;

use super::level;
use super::text::{
    blank, bracketed, is_name, is_number, owned, push, push_number, split, split_at_str, word,
};
use crate::LogLine;

/// Elements at most; what follows is the message.
const MOST: usize = 12;
/// Longest bracket content that is an element.
const BRACKET: usize = 80;

/// Takes what it knows from the front of `s`; what is left is the message. What is no known
/// element belongs to the message: better a longer message than a wrong field.
///
/// `any_logger`: the word after the level is the logger if a colon follows it, whatever it looks
/// like. Without that, it must look like a path or a module.
pub(super) fn read(s: &[u8], any_logger: bool, out: &mut LogLine) {
    let rest = take(s, any_logger, out);
    out.message = owned(rest);
    if out.level.is_none() {
        out.level = level::near_start(rest);
    }
    // Apache writes an operating system's error in front of the client.
    if let Some((_, client)) = split_at_str(&rest[..rest.len().min(160)], b"[client ")
        && let Some((client, _)) = split(client, b']')
    {
        address(client, out);
    }
}

/// Elements inside the brackets of the time: `[2026-11-24T08:00:00Z INFO  my_crate] message`.
pub(super) fn read_inside(inside: &[u8], message: &[u8], out: &mut LogLine) {
    let name = take(inside, false, out).trim_ascii();
    if is_name(name) && out.logger.is_none() {
        out.logger = Some(owned(name));
    } else if !name.is_empty() && out.logger.is_none() {
        push(&mut out.fields, "thread.name", name);
    }
    if out.level.is_some() {
        out.message = owned(blank(message));
    } else {
        read(message, false, out);
    }
}

fn take<'a>(s: &'a [u8], any_logger: bool, out: &mut LogLine) -> &'a [u8] {
    // `time:LEVEL:logger:message`, without spaces.
    let mut compact = s.first().is_some_and(|b| b":|,".contains(b));
    let seps = s.iter().take_while(|b| compact && b":|,".contains(b)).count();
    let mut s = &s[seps..];
    let mut has_thread = false;
    let mut after_dashes = false;
    for index in 0..MOST {
        s = blank(s);
        if let Some(rest) = separator(s) {
            after_dashes = s.starts_with(b"---");
            s = rest;
            continue;
        }
        // Spring Boot 3: `--- [application] [thread] logger : message`.
        if after_dashes
            && let Some((name, rest)) = bracketed(s, b'[', b']')
            && blank(rest).starts_with(b"[")
        {
            push(&mut out.fields, "service.name", name.trim_ascii());
            after_dashes = false;
            s = rest;
            continue;
        }
        if let Some((inside, rest)) = bracketed(s, b'[', b']') {
            let inside = inside.trim_ascii();
            if inside.len() > BRACKET || !bracket(inside, out, &mut has_thread) {
                break;
            }
            s = rest.strip_prefix(b":").unwrap_or(rest);
            continue;
        }
        let step = if out.level.is_none() {
            before_level(s, index == 0, &mut compact, out)
        } else if out.logger.is_none() {
            after_level(s, compact, any_logger, out)
        } else {
            None
        };
        match step {
            Some(rest) => s = rest,
            None => break,
        }
    }
    s
}

/// `-`, `---`, `|` or `:` that stands alone.
fn separator(s: &[u8]) -> Option<&[u8]> {
    [&b"- "[..], b"--- ", b"| ", b": ", b"-- "].iter().find_map(|sep| s.strip_prefix(*sep))
}

/// One step while the level is not known yet.
fn before_level<'a>(
    s: &'a [u8],
    first: bool,
    compact: &mut bool,
    out: &mut LogLine,
) -> Option<&'a [u8]> {
    for (open, close) in [(b'<', b'>'), (b'(', b')')] {
        if let Some((inside, rest)) = bracketed(s, open, close)
            && let Some(level) = level::word(inside.trim_ascii())
        {
            out.level = Some(level);
            return Some(rest.strip_prefix(b":").unwrap_or(rest));
        }
    }
    if let Some((level, rest)) = level_word(s, first) {
        out.level = Some(level);
        *compact = rest.first().is_some_and(|b| b":|".contains(b))
            && rest.get(1).is_some_and(|b| !b" \t".contains(b));
        let sep = usize::from(rest.first().is_some_and(|b| b":|,;/".contains(b)));
        return Some(&rest[sep..]);
    }
    let (name, rest) = word(s);
    // Laravel and Monolog: `channel.LEVEL: message`.
    if let Some(stem) = name.strip_suffix(b":")
        && let Some(dot) = stem.iter().rposition(|&b| b == b'.')
        && let Some(level) = level::capitals(&stem[dot + 1..])
    {
        out.level = Some(level);
        out.logger = Some(owned(&stem[..dot]));
        return Some(rest);
    }
    // `name - LEVEL - message`, `name LEVEL message`, `1234 LEVEL message`, `1234 [LEVEL] message`.
    let next = separator(rest).unwrap_or(rest);
    let level_follows = level_word(next, false).is_some()
        || bracketed(next, b'[', b']').is_some_and(|(inside, _)| level::named(inside).is_some());
    let name = name.strip_suffix(b":").unwrap_or(name);
    if !level_follows || !is_name(name) {
        return None;
    }
    if is_number(name) {
        // MySQL and MariaDB give the connection's thread, in front of `[Level]`.
        let key = if next.starts_with(b"[") { "thread.id" } else { "process.pid" };
        push_number(&mut out.fields, key, name);
    } else if let Some((user, database)) = split(name, b'@') {
        push(&mut out.fields, "user.name", user);
        push(&mut out.fields, "db.namespace", database);
    } else if out.logger.is_none() {
        out.logger = Some(owned(name));
    }
    Some(rest)
}

/// A level that stands free: in capitals, or in any case right behind the time. PostgreSQL's
/// `LOG` and other common words count with their colon only.
fn level_word(s: &[u8], any_case: bool) -> Option<(Level, &[u8])> {
    let len = s.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
    let (run, rest) = s.split_at(len);
    let level = if rest.starts_with(b":  ") && run.iter().all(|b| !b.is_ascii_lowercase()) {
        level::named(run)
    } else if any_case {
        level::word(run)
    } else {
        level::capitals(run)
    };
    let ends = match rest.first() {
        None => true,
        Some(b'/') => run.first().is_some_and(u8::is_ascii_uppercase),
        Some(b) => b" \t:]|,;)".contains(b),
    };
    level.filter(|_| ends).map(|level| (level, rest))
}

/// One step after the level: a process number before `---`, spans, the logger.
fn after_level<'a>(
    s: &'a [u8],
    compact: bool,
    any_logger: bool,
    out: &mut LogLine,
) -> Option<&'a [u8]> {
    if compact {
        let (name, rest) = split(s, b':')?;
        let is_logger = is_name(name) && !rest.starts_with(b"//");
        return is_logger.then(|| {
            out.logger = Some(owned(name));
            rest
        });
    }
    let (name, rest) = word(s);
    if is_number(name) {
        return rest.starts_with(b"---").then(|| {
            push_number(&mut out.fields, "process.pid", name);
            rest
        });
    }
    if let Some(rest) = span(s, out) {
        return Some(rest);
    }
    let logger = if rest.starts_with(b"- ") || rest.starts_with(b": ") || rest.starts_with(b"-- ") {
        name
    } else if let Some(stem) = name.strip_suffix(b":") {
        let is_path = stem.iter().any(|b| b"./".contains(b)) || stem.contains(&b':');
        let is_target = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'_';
        if !(any_logger || is_path || stem.iter().all(is_target)) {
            return None;
        }
        stem
    } else if let Some((stem, pid)) = split(name, b'[')
        && let Some(pid) = pid.strip_suffix(b"]").filter(|pid| is_number(pid))
    {
        push_number(&mut out.fields, "process.pid", pid);
        stem
    } else {
        return None;
    };
    is_name(logger).then(|| {
        out.logger = Some(owned(logger));
        separator(rest).unwrap_or(rest)
    })
}

/// A span of tracing's text form: `name{key=value}: `, also several: `outer{…}:inner{…}: `.
fn span<'a>(s: &'a [u8], out: &mut LogLine) -> Option<&'a [u8]> {
    let open = s.iter().position(|&b| b == b'{' || b == b' ')?;
    if open == 0 || s[open] != b'{' || !is_name(&s[..open]) {
        return None;
    }
    let end = memchr::memmem::find(s, b"}: ")?;
    push(&mut out.fields, "span", &s[..=end]);
    Some(&s[end + 3..])
}

/// Sorts the content of `[…]`; `false` if it is none of the known elements.
fn bracket(inside: &[u8], out: &mut LogLine, has_thread: &mut bool) -> bool {
    if inside.is_empty() {
        return false;
    }
    if out.level.is_none() {
        if let Some(level) = level::named(inside) {
            out.level = Some(level);
            return true;
        }
        // Apache 2.4: `[module:level]`.
        if let Some((module, level)) = split(inside, b':')
            && let Some(level) = level::named(level)
        {
            out.level = Some(level);
            if is_name(module) && !is_number(module) {
                out.logger = Some(owned(module));
            }
            return true;
        }
    }
    if let Some(pid) = inside.strip_prefix(b"pid ") {
        let (pid, thread) = split(pid, b':').unwrap_or((pid, b""));
        push_number(&mut out.fields, "process.pid", pid);
        if let Some(thread) = thread.strip_prefix(b"tid ") {
            push_number(&mut out.fields, "thread.id", thread);
        }
        return true;
    }
    if let Some(client) = inside.strip_prefix(b"client ") {
        address(client, out);
        return true;
    }
    if is_number(inside) {
        push_number(&mut out.fields, "process.pid", inside);
        return true;
    }
    if inside.starts_with(b"MY-") {
        push(&mut out.fields, "error.code", inside);
        return true;
    }
    // MySQL names its subsystem behind the code.
    if out.fields.get("error.code").is_some() && out.logger.is_none() && is_name(inside) {
        out.logger = Some(owned(inside));
        return true;
    }
    let is_thread = |b: &u8| b.is_ascii_alphanumeric() || b"._-:#$/@ ,".contains(b);
    if *has_thread || !inside.iter().all(is_thread) {
        return false;
    }
    *has_thread = true;
    push(&mut out.fields, "thread.name", inside);
    true
}

/// `1.2.3.4`, `1.2.3.4:5678`, `::1`, `[::1]:5678`, and Apache's `::1:56789`. The first address of
/// a line counts.
pub(super) fn address(client: &[u8], out: &mut LogLine) {
    if out.fields.get("client.address").is_some() {
        return;
    }
    let is_address = |host: &[u8]| {
        std::str::from_utf8(host).is_ok_and(|host| host.parse::<std::net::IpAddr>().is_ok())
    };
    let bare = |host| bracketed(host, b'[', b']').map_or(host, |(inside, _)| inside);
    let (host, port) = match client.iter().rposition(|&b| b == b':') {
        Some(at) if !is_address(client) && is_number(&client[at + 1..]) => {
            (bare(&client[..at]), Some(&client[at + 1..]))
        }
        _ => (bare(client), None),
    };
    push(&mut out.fields, "client.address", host);
    if let Some(port) = port {
        push_number(&mut out.fields, "client.port", port);
    }
}
