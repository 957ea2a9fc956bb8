//! A quick look at the project's own JSON lines: most lines of a log are no spans, and of those
//! only trace and level count.

use prisma_log_core::{Level, TraceId};

/// What a quick look tells.
#[derive(Debug, PartialEq)]
pub(crate) enum Quick {
    /// The line belongs to no trace.
    Untraced,
    /// An ordinary record of a trace.
    Record(TraceId, Level),
    /// Only a thorough look can tell.
    Unknown,
}

/// Looks at a line: the envelope's first members stand in a fixed order, so that none of them can
/// be taken for a user's field.
pub(crate) fn look(line: &[u8]) -> Quick {
    let envelope = || {
        let rest = line.strip_prefix(b"{\"timestamp\":\"")?;
        let (_, rest) = text(rest)?;
        let (level, rest) = text(rest.strip_prefix(b",\"level\":\"")?)?;
        let (_, rest) = text(rest.strip_prefix(b",\"logger\":\"")?)?;
        let (_, rest) = text(rest.strip_prefix(b",\"message\":\"")?)?;
        let level = Level::ALL.into_iter().find(|name| name.as_str().as_bytes() == level)?;
        Some((level, rest))
    };
    // A line that is cut short is not understood by a thorough look either.
    let Some((level, rest)) = envelope().filter(|_| line.ends_with(b"}")) else {
        return Quick::Unknown;
    };
    let Some(rest) = rest.strip_prefix(b",\"trace_id\":\"") else { return Quick::Untraced };
    let id = text(rest).and_then(|(id, rest)| {
        let id: TraceId = std::str::from_utf8(id).ok()?.parse().ok()?;
        Some((id, rest))
    });
    match id {
        Some((id, rest)) if memchr::memmem::find(rest, b"\"slog.tag\"").is_none() => {
            Quick::Record(id, level)
        }
        _ => Quick::Unknown,
    }
}

/// A string whose opening quote has been read, and what follows its closing one.
fn text(s: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', &s[at..])?;
        if s[at] == b'"' {
            return Some((&s[..at], &s[at + 1..]));
        }
        at += 2;
        if at > s.len() {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_at_the_envelope_only() {
        let id = "0af7651916cd43dd8448eb211c80319c";
        let head =
            r#"{"timestamp":"2026-11-24T08:00:00.000000Z","level":"ERROR","logger":"a","message""#;
        let check = |rest: &str, expect: Quick| {
            assert_eq!(look(format!("{head}{rest}").as_bytes()), expect, "{rest}");
        };
        let record = || Quick::Record(id.parse().unwrap(), Level::Error);
        check(&format!(r#":"m","trace_id":"{id}"}}"#), record());
        check(&format!(r#":"a \"q\" \\","trace_id":"{id}","n":1}}"#), record());
        check(&format!(r#":"m","trace_id":"{id}","slog.tag":"span"}}"#), Quick::Unknown);
        check(r#":"m"}"#, Quick::Untraced);
        // What a user wrote is not the envelope's.
        check(&format!(r#":"m","user":{{"n":1,"trace_id":"{id}"}}}}"#), Quick::Untraced);
        check(&format!(r#":"\",\"trace_id\":\"{id}"}}"#), Quick::Untraced);
        check(r#":"m","trace_id":"xyz"}"#, Quick::Unknown);
        for torn in [r#":"m"#, r#":"m\"#, ":", r#":"m","trace_id":"0af7"#] {
            check(torn, Quick::Unknown);
        }
        assert_eq!(look(b""), Quick::Unknown);
        assert_eq!(look(b"plain"), Quick::Unknown);
    }
}
