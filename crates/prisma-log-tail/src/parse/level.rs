//! Levels as logs name them.

use prisma_log_core::Level;

/// The level that a word names, whatever its case.
pub(super) fn named(word: &[u8]) -> Option<Level> {
    let mut lower = [0; 13];
    let lower = lower.get_mut(..word.len())?;
    lower.copy_from_slice(word);
    lower.make_ascii_lowercase();
    Some(match &*lower {
        b"trace" | b"trc" | b"trce" | b"finest" | b"finer" | b"trace1" | b"trace2" | b"trace3"
        | b"trace4" | b"trace5" | b"trace6" | b"trace7" | b"trace8" | b"verbose" | b"silly" => {
            Level::Trace
        }
        b"debug" | b"dbg" | b"dbug" | b"fine" | b"config" | b"debug1" | b"debug2" | b"debug3"
        | b"debug4" | b"debug5" => Level::Debug,
        b"info" | b"inf" | b"information" | b"informational" | b"notice" | b"note" | b"log"
        | b"system" => Level::Info,
        b"warning" | b"warn" | b"wrn" => Level::Warning,
        b"error" | b"err" | b"eror" | b"severe" | b"fail" => Level::Error,
        b"critical" | b"crit" | b"fatal" | b"ftl" | b"panic" | b"pnc" | b"dpanic" | b"emerg"
        | b"emergency" | b"alert" => Level::Critical,
        _ => return None,
    })
}

/// Like [`named`], without words that are too common to be a level where they stand alone.
pub(super) fn word(word: &[u8]) -> Option<Level> {
    let common = [&b"log"[..], b"note", b"system", b"fine", b"config", b"silly", b"fail"];
    if common.iter().any(|other| word.eq_ignore_ascii_case(other)) { None } else { named(word) }
}

/// Like [`word`], if the word is in capitals.
pub(super) fn capitals(word: &[u8]) -> Option<Level> {
    word.iter().all(|b| b.is_ascii_uppercase()).then(|| self::word(word)).flatten()
}

/// Syslog's severities (RFC 5424, table 2).
pub(super) fn syslog(severity: u64) -> Option<Level> {
    Some(match severity {
        0..=2 => Level::Critical,
        3 => Level::Error,
        4 => Level::Warning,
        5 | 6 => Level::Info,
        7 => Level::Debug,
        _ => return None,
    })
}

/// The numbers of bunyan and pino.
pub(super) fn bunyan(number: u64) -> Option<Level> {
    Some(match number {
        10 => Level::Trace,
        20 => Level::Debug,
        30 => Level::Info,
        40 => Level::Warning,
        50 => Level::Error,
        60 => Level::Critical,
        _ => return None,
    })
}

/// OpenTelemetry's severity numbers.
pub(super) fn otel(number: u64) -> Option<Level> {
    Some(match number {
        1..=4 => Level::Trace,
        5..=8 => Level::Debug,
        9..=12 => Level::Info,
        13..=16 => Level::Warning,
        17 => Level::Error,
        18..=24 => Level::Critical,
        _ => return None,
    })
}

/// A level's single letter, as glog and Android write it.
pub(super) fn letter(letter: u8) -> Option<Level> {
    Some(match letter {
        b'T' | b'V' => Level::Trace,
        b'D' => Level::Debug,
        b'I' | b'N' => Level::Info,
        b'W' => Level::Warning,
        b'E' => Level::Error,
        b'C' | b'F' => Level::Critical,
        _ => return None,
    })
}

/// How far from a text's start a level is looked for.
const NEAR: usize = 80;

/// A level near the start of a text of no known form: a word in capitals that stands free, or any
/// in brackets.
pub(super) fn near_start(text: &[u8]) -> Option<Level> {
    let text = &text[..text.len().min(NEAR)];
    let mut at = 0;
    while at < text.len() {
        if !text[at].is_ascii_alphabetic() {
            at += 1;
            continue;
        }
        let is_word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
        let len = text[at..].iter().take_while(|b| is_word(b)).count();
        let before = at.checked_sub(1).map(|before| text[before]);
        let after = text.get(at + len).copied();
        let word = &text[at..at + len];
        let bracketed = matches!(
            (before, after),
            (Some(b'['), Some(b']')) | (Some(b'<'), Some(b'>')) | (Some(b'('), Some(b')'))
        );
        let free = before.is_none_or(|b| b" \t[](|:,\"<".contains(&b))
            && after.is_none_or(|b| b" \t])|:,;>".contains(&b));
        let level = match (bracketed, free) {
            (true, _) if word.len() == 1 && ends_bracket(text.get(at + 2)) => {
                letter(word[0]).filter(|_| b"DIWEF".contains(&word[0]))
            }
            (true, _) => self::word(word),
            (false, true) => capitals(word),
            (false, false) => None,
        };
        if level.is_some() {
            return level;
        }
        at += len;
    }
    None
}

/// Whether nothing but space follows a bracket.
fn ends_bracket(after: Option<&u8>) -> bool {
    after.is_none_or(|b| b" \t:".contains(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_the_start_only_words_that_stand_free() {
        let check = |text: &str, expect: Option<Level>| {
            assert_eq!(near_start(text.as_bytes()), expect, "{text}");
        };
        check("ERROR: disk full", Some(Level::Error));
        check("[warn] slow", Some(Level::Warning));
        check("<Warning> slow", Some(Level::Warning));
        check("app | FATAL no config", Some(Level::Critical));
        check("x: CRITICAL, stop", Some(Level::Critical));
        check("auth.go:200:SignIn() [W] failed", Some(Level::Warning));
        check("12]INFO:x", Some(Level::Info));
        for text in [
            "errors: 0",
            "0 errors, 0 warnings",
            "no error",
            "error: lower case is prose",
            "ERRORS: 0",
            "GET /ERROR HTTP/1.1",
            "NO_ERROR",
            "ERROR_CODE=5",
            "E2BIG",
            "TERROR",
            "LOG is a common word",
            "FINE",
            "level-ERROR",
            "ERROR=1",
            "x.ERROR",
            "[errors]",
        ] {
            check(text, None);
        }
        check(&format!("{} ERROR", "x".repeat(NEAR)), None);
    }
}
