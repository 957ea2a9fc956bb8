//! How much a text tells in a log: what stands in every other line tells little.

/// What a text is worth, in quarters of a bit: the more, the rarer it is in logs.
pub(crate) fn worth(folded: &[u8]) -> u32 {
    worths(folded).iter().sum()
}

/// The same for each byte of the text: one of a common word is worth little.
pub(crate) fn worths(folded: &[u8]) -> Vec<u32> {
    let mut worths: Vec<u32> = folded.iter().map(|&byte| byte_worth(byte)).collect();
    for at in 0..folded.len() {
        for word in COMMON.iter().filter(|word| folded[at..].starts_with(word)) {
            worths[at..at + word.len()].fill(1);
        }
    }
    worths
}

/// What one byte is worth, from the usual share of letters in English words and of signs in JSON
/// lines.
const fn byte_worth(folded: u8) -> u32 {
    match folded {
        b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' => 14,
        b' ' | b'"' | b':' | b',' => 10,
        b'0'..=b'9' | b'd' | b'l' | b'c' | b'u' | b'm' | b'p' => 18,
        b'h' | b'f' | b'g' | b'b' | b'y' | b'w' | b'v' => 22,
        b'k' | b'x' | b'q' | b'j' | b'z' => 28,
        b'.' | b'-' | b'/' | b'_' | 0x7b | 0x7d => 20,
        _ => 26,
    }
}

/// Words that lines have for other reasons than trouble.
const COMMON: &[&[u8]] = &[
    b"account",
    b"accept",
    b"agent",
    b"api",
    b"application",
    b"attempt",
    b"auth",
    b"bytes",
    b"cache",
    b"client",
    b"closed",
    b"com",
    b"complet",
    b"config",
    b"connect",
    b"connection",
    b"content",
    b"count",
    b"customer",
    b"data",
    b"database",
    b"debug",
    b"duration",
    b"error",
    b"event",
    b"fail",
    b"failed",
    b"file",
    b"for",
    b"from",
    b"get",
    b"handler",
    b"host",
    b"http",
    b"info",
    b"ing",
    b"inventory",
    b"ion",
    b"items",
    b"job",
    b"kafka",
    b"kernel",
    b"key",
    b"level",
    b"line",
    b"logger",
    b"message",
    b"method",
    b"module",
    b"name",
    b"node",
    b"order",
    b"path",
    b"payment",
    b"pool",
    b"port",
    b"post",
    b"process",
    b"query",
    b"queue",
    b"read",
    b"received",
    b"record",
    b"request",
    b"response",
    b"result",
    b"retry",
    b"server",
    b"service",
    b"session",
    b"shard",
    b"sql",
    b"start",
    b"status",
    b"store",
    b"succe",
    b"system",
    b"target",
    b"task",
    b"the",
    b"thread",
    b"time",
    b"timeout",
    b"timestamp",
    b"token",
    b"trace",
    b"update",
    b"user",
    b"value",
    b"version",
    b"warn",
    b"worker",
    b"write",
    b"with",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_texts_are_worth_more() {
        let check = |more: &str, less: &str| {
            assert!(worth(more.as_bytes()) > worth(less.as_bytes()), "{more} and {less}");
        };
        check("refused", "request");
        check("deadlock", "database");
        check("zq", "en");
        check("errors", "error");
        assert_eq!(worth(b""), 0);
    }
}
