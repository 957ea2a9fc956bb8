//! What a server answered, and what follows from that.

use std::time::Duration;

use prisma_log_core::Error;
use serde_json::Value as Json;

use crate::deliver::shorten;
use crate::form::ProtoReader;

/// An answer's body, with what it is written in.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

/// What becomes of the records of a request.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The server has them, but for those that the answer says it has not.
    Taken(Answer),
    /// The server takes smaller requests only.
    TooLarge(Error),
    /// The server will never take them.
    Refused(Error),
    /// They may be sent again.
    Later(Later),
}

/// A request that may be made again.
#[derive(Debug)]
pub(crate) struct Later {
    pub(crate) error: Error,
    /// How long the server wants to be left alone, if it said so.
    pub(crate) wait: Option<Duration>,
    /// Whether the server broke the connection off, instead of ending it.
    pub(crate) broke: bool,
}

impl Answer {
    pub(crate) fn is_json(&self) -> bool {
        let (kind, _) = self.content_type.split_once(';').unwrap_or((&self.content_type, ""));
        kind.trim().eq_ignore_ascii_case("application/json")
    }

    /// Why a server refused a request, in one line: `google.rpc.Status`, or whatever it sent.
    fn reason(&self) -> String {
        let text = if self.content_type.contains("protobuf") {
            let message = ProtoReader::bytes_of(&self.body, 2).unwrap_or_default();
            String::from_utf8_lossy(message).into_owned()
        } else if let Some(message) = self.json_message() {
            message
        } else {
            String::from_utf8_lossy(&self.body).into_owned()
        };
        shorten(text.trim().lines().next().unwrap_or_default())
    }

    fn json_message(&self) -> Option<String> {
        let body: Json = serde_json::from_slice(&self.body).ok().filter(|_| self.is_json())?;
        Some(body.get("message")?.as_str()?.to_owned())
    }

    /// What follows from a status (OTLP 1.x, "OTLP/HTTP response").
    pub(super) fn outcome(
        self,
        server: &str,
        status: u16,
        phrase: &str,
        location: Option<&str>,
        wait: Option<Duration>,
    ) -> Outcome {
        if (200..300).contains(&status) {
            return Outcome::Taken(self);
        }
        let mut message = format!("{server} answered {status}");
        for part in [phrase, &self.reason()] {
            if !part.is_empty() {
                message += if part == phrase { " " } else { ": " };
                message += part;
            }
        }
        let error = Error::state(message);
        match status {
            413 => Outcome::TooLarge(error),
            429 | 502 | 503 | 504 => Outcome::Later(Later { error, wait, broke: false }),
            // Headers may hold a password, and go to nobody else.
            300..=399 => Outcome::Refused(error.with_hint(match location {
                Some(place) => format!("redirects are not followed; it says: {}", shorten(place)),
                None => "redirects are not followed".to_owned(),
            })),
            401 | 403 => Outcome::Refused(error.with_hint("are the headers right?")),
            404 | 405 => Outcome::Refused(error.with_hint("is the path of the endpoint right?")),
            _ => Outcome::Refused(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_what_becomes_of_the_records() {
        let check = |status, expect: &str| {
            let answer = Answer { content_type: "text/plain".into(), body: b"why\nmore".into() };
            let got = match answer.outcome("http://h", status, "Phrase", Some("http://x"), None) {
                Outcome::Taken(_) => "taken".to_owned(),
                Outcome::TooLarge(error) => format!("smaller: {error}"),
                Outcome::Refused(error) => format!("never: {error}"),
                Outcome::Later(later) => format!("later: {}", later.error),
            };
            assert_eq!(got, expect);
        };
        check(200, "taken");
        check(202, "taken");
        check(413, "smaller: http://h answered 413 Phrase: why");
        check(429, "later: http://h answered 429 Phrase: why");
        check(502, "later: http://h answered 502 Phrase: why");
        check(503, "later: http://h answered 503 Phrase: why");
        check(504, "later: http://h answered 504 Phrase: why");
        check(400, "never: http://h answered 400 Phrase: why");
        check(500, "never: http://h answered 500 Phrase: why");
        check(401, "never: http://h answered 401 Phrase: why (are the headers right?)");
        let moved = "never: http://h answered 308 Phrase: why (redirects are not followed; it says: http://x)";
        check(308, moved);
    }

    #[test]
    fn reasons() {
        let check = |content_type: &str, body: &[u8], expect: &str| {
            let answer = Answer { content_type: content_type.into(), body: body.into() };
            assert_eq!(answer.reason(), expect);
        };
        check("application/x-protobuf", b"\x08\x03\x12\x04text", "text");
        check("application/x-protobuf", b"no", "");
        check("application/json", br#"{"code":3,"message":"text"}"#, "text");
        check("application/json", b"{}", "{}");
        check("", b"\x1b[31mred\xff", "\\u{1b}[31mred\u{fffd}");
        check("", &[b'x'; 1000], &"x".repeat(300));
    }
}
