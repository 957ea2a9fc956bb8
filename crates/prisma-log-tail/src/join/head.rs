//! What lines look like that begin a record, and that continue one.

/// Whether the line states a time or a level at its start, or is a JSON object.
pub(super) fn is_head(line: &[u8]) -> bool {
    let line = without_colour(line);
    let Some(&first) = line.first() else { return false };
    match first {
        b'{' | b'<' => is_object(line) || is_priority(line),
        b'0'..=b'9' => is_time(line) || is_access(line),
        b'[' | b'(' => {
            let inner = without_colour(&line[1..]);
            is_time(inner) || is_month(inner) || is_level(inner, true)
        }
        b'A'..=b'Z' => is_level(line, false) || is_month(line) || is_glog(line),
        b'a'..=b'f' => is_logfmt(line) || is_access(line),
        b'l' | b't' => is_logfmt(line),
        b':' => is_access(line),
        _ => false,
    }
}

/// Whether the line belongs to the one before it, whatever that is.
pub(super) fn continues(line: &[u8]) -> bool {
    const FRONTS: [&[u8]; 18] = [
        b" ",
        b"\t",
        b"at ",
        b"... ",
        b"Caused by",
        b"Suppressed: ",
        b"Traceback (",
        b"During handling of the above ",
        b"The above exception was ",
        b"goroutine ",
        b"created by ",
        b"stack backtrace:",
        b"note: run with ",
        b"note: Some details ",
        b"--- ",
        b"}",
        b"]",
        b")",
    ];
    line.is_empty() || FRONTS.iter().any(|front| line.starts_with(front))
}

/// Traces whose lines tell only together what they are.
pub(super) enum Trace {
    None,
    /// Python: indented lines, then one that is not.
    Python {
        indented: bool,
    },
    /// Rust: the next line is the panic's message.
    Panic,
    /// Go: calls, each with an indented line.
    Goroutine,
}

impl Trace {
    pub(super) fn new(first: &[u8]) -> Trace {
        if first.starts_with(b"Traceback (") {
            Trace::Python { indented: false }
        } else if first.starts_with(b"thread '") && first.ends_with(b":") {
            Trace::Panic
        } else if first.starts_with(b"goroutine ") {
            Trace::Goroutine
        } else {
            Trace::None
        }
    }

    /// Whether the trace has this line, which begins no record by itself.
    pub(super) fn takes(&mut self, line: &[u8]) -> bool {
        let is_indented = line.first().is_some_and(|first| matches!(first, b' ' | b'\t'));
        let takes = match self {
            Trace::None => false,
            Trace::Python { indented } => std::mem::replace(indented, is_indented) || is_indented,
            Trace::Panic => true,
            Trace::Goroutine => line.ends_with(b")"),
        };
        let has_ended = match self {
            Trace::None | Trace::Goroutine => false,
            Trace::Python { .. } => takes && !is_indented,
            Trace::Panic => true,
        };
        if has_ended {
            *self = Trace::None;
        }
        if line.starts_with(b"goroutine ") || line.starts_with(b"Traceback (") {
            *self = Trace::new(line);
        }
        takes
    }
}

/// Without the escape sequences of colours in front.
fn without_colour(mut line: &[u8]) -> &[u8] {
    while let Some(rest) = line.strip_prefix(b"\x1b[") {
        let code = rest.iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b';')).count();
        match rest[code..].strip_prefix(b"m") {
            Some(rest) => line = rest,
            None => break,
        }
    }
    line
}

/// `{` and then a key, or nothing: the object goes on in the next line.
fn is_object(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"{") else { return false };
    matches!(rest.trim_ascii_start().first(), None | Some(b'"' | b'}'))
}

/// The priority of syslog's wire formats, such as `<34>`.
fn is_priority(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"<") else { return false };
    let digits = digits(rest);
    (1..=3).contains(&digits) && rest.get(digits) == Some(&b'>')
}

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// A date, a time of day, or seconds since 1970.
fn is_time(text: &[u8]) -> bool {
    let first = digits(text);
    let Some(&mark) = text.get(first) else { return first >= 10 };
    let rest = &text[first + 1..];
    let second = digits(rest);
    let third = rest.get(second).map_or(0, |_| digits(&rest[second + 1..]));
    match (first, mark) {
        // 2026-11-24, 24-11-2026, 24/11/2026 and 08:00:03.
        (2 | 4, b'-' | b'/' | b':' | b'.') if (1..=2).contains(&second) => {
            mark == rest.get(second).copied().unwrap_or(0) && third >= 1
        }
        // 24/Nov/2026 and 24 Nov 2026, 24-Nov-2026.
        (1 | 2, b'/' | b' ' | b'-') => is_month_name(rest),
        // 20261124T080003 and 20261124 08:00:03.
        (8, b'T' | b' ') => second >= 2,
        (10..=19, b'.' | b' ' | b':' | b',' | b']' | b')') => true,
        _ => false,
    }
}

const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];
const DAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];

fn is_month_name(text: &[u8]) -> bool {
    MONTHS.iter().any(|month| text.starts_with(month))
}

/// `Nov 24 08:00:03` and `Tue Nov 24 …`.
fn is_month(text: &[u8]) -> bool {
    let day = DAYS.iter().any(|day| text.starts_with(day));
    let text = if day { text[3..].trim_ascii_start() } else { text };
    let text = text.strip_prefix(b",").unwrap_or(text).trim_ascii_start();
    if day && is_time(text) {
        return true;
    }
    let Some(rest) = text.get(3..).filter(|_| is_month_name(text)) else { return false };
    let Some(rest) = rest.strip_prefix(b" ") else { return false };
    (1..=2).contains(&digits(rest.trim_ascii_start()))
}

/// `I1124 08:00:03`, as glog and Kubernetes write it.
fn is_glog(line: &[u8]) -> bool {
    matches!(line.first(), Some(b'I' | b'W' | b'E' | b'F'))
        && digits(&line[1..]) == 4
        && line.get(5) == Some(&b' ')
}

const LEVELS: [&[u8]; 17] = [
    b"TRACE",
    b"DEBUG",
    b"INFO",
    b"NOTICE",
    b"WARN",
    b"WARNING",
    b"ERROR",
    b"ERR",
    b"CRIT",
    b"CRITICAL",
    b"FATAL",
    b"ALERT",
    b"EMERG",
    b"PANIC",
    b"SEVERE",
    b"FINE",
    b"LOG",
];

/// A level in capitals, or `in_brackets` in any.
fn is_level(text: &[u8], in_brackets: bool) -> bool {
    let len = text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (word, rest) = text.split_at(len);
    let is_known = LEVELS.iter().any(|level| match in_brackets {
        true => word.eq_ignore_ascii_case(level),
        false => word == *level,
    });
    is_known
        && matches!(rest.first(), None | Some(b' ' | b':' | b']' | b')' | b'\t' | b'\x1b' | b'|'))
}

/// `time=`, `ts=`, `level=` and the like.
fn is_logfmt(line: &[u8]) -> bool {
    const KEYS: [&[u8]; 7] = [b"time=", b"ts=", b"t=", b"timestamp=", b"level=", b"lvl=", b"at="];
    KEYS.iter().any(|key| line.starts_with(key))
}

/// An address, and soon a time in brackets.
fn is_access(line: &[u8]) -> bool {
    let address =
        line.iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'.' | b':'));
    let len = address.count();
    let is_address = (2..=45).contains(&len)
        && line.get(len) == Some(&b' ')
        && line[..len].iter().any(|byte| matches!(byte, b'.' | b':'));
    let soon = &line[..line.len().min(160)];
    let time = memchr::memchr(b'[', soon).map(|at| &line[at + 1..]);
    is_address && time.is_some_and(is_time)
}
