//! RFC 6587: messages in a stream.

/// Digits of a message's length, at most.
const LEN_DIGITS: usize = 9;

/// What the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The first of a message.
    Start,
    /// A digit of what may be a length.
    Len { len: u64, digits: usize },
    /// One of so many of a message.
    Counted { left: u64 },
    /// One of a message up to its line end.
    Line,
}

/// Turns messages into lines, whichever way they are told apart.
#[derive(Debug)]
pub(super) struct Framing(State);

impl Framing {
    pub(super) fn new() -> Framing {
        Framing(State::Start)
    }

    /// Appends what the bytes are as lines.
    pub(super) fn lines(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        while let Some((&first, rest)) = bytes.split_first() {
            match self.0 {
                State::Start if matches!(first, b'1'..=b'9') => {
                    self.0 = State::Len { len: 0, digits: 0 };
                }
                State::Start => self.0 = State::Line,
                State::Len { len, digits } if first.is_ascii_digit() && digits < LEN_DIGITS => {
                    let len = len * 10 + u64::from(first - b'0');
                    self.0 = State::Len { len, digits: digits + 1 };
                    bytes = rest;
                }
                State::Len { len, .. } if first == b' ' => {
                    self.0 = State::Counted { left: len };
                    bytes = rest;
                }
                // A number that no blank follows is no length but the beginning of a line.
                State::Len { len, .. } => {
                    out.extend(len.to_string().into_bytes());
                    self.0 = State::Line;
                }
                State::Counted { left } => {
                    let len = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    let (message, rest) = bytes.split_at(len);
                    let left = left - len as u64;
                    // Some count a line end behind the message.
                    let message = match message.strip_suffix(b"\n") {
                        Some(message) if left == 0 => message,
                        _ => message,
                    };
                    escape(message, out);
                    self.0 = State::Counted { left };
                    if left == 0 {
                        out.push(b'\n');
                        self.0 = State::Start;
                    }
                    bytes = rest;
                }
                State::Line => {
                    let end = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |lf| lf + 1);
                    let (line, rest) = bytes.split_at(end);
                    out.extend(line);
                    if line.ends_with(b"\n") {
                        self.0 = State::Start;
                    }
                    bytes = rest;
                }
            }
        }
    }
}

/// A message as one line: line ends in it as rsyslog writes them.
pub(super) fn escape(message: &[u8], out: &mut Vec<u8>) {
    for (n, part) in message.split(|&byte| byte == b'\n').enumerate() {
        if n > 0 {
            out.extend(b"#012");
        }
        out.extend(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_become_lines_however_they_are_cut() {
        let check = |bytes: &str, expect: &str| {
            for size in 1..=bytes.len() {
                let mut framing = Framing::new();
                let mut out = Vec::new();
                for piece in bytes.as_bytes().chunks(size) {
                    framing.lines(piece, &mut out);
                }
                assert_eq!(String::from_utf8(out).unwrap(), expect, "{bytes:?} by {size}");
            }
        };
        check("<34>one\n<34>two\n", "<34>one\n<34>two\n");
        check("7 <34>one8 <34>two\n", "<34>one\n<34>two\n");
        check("7 <34>one<34>two\n7 <34>six", "<34>one\n<34>two\n<34>six\n");
        check("11 <34>a\nb\n\nc\n", "<34>a#012b#012#012c\n");
        check(
            "2026-11-24 a\n12:30 b\n1234567890123 c\n",
            "2026-11-24 a\n12:30 b\n1234567890123 c\n",
        );
        check("no line end", "no line end");
        check("\n\n", "\n\n");
    }
}
