//! What a server says that took a request, but maybe not all of it.

use serde_json::Value as Json;

use crate::form::ProtoReader;
use crate::send::Answer;

/// `ExportLogsPartialSuccess` and its like.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Partial {
    /// How many records the server did not take, and never will.
    pub(crate) rejected: u64,
    /// Why; or a warning, if all were taken.
    pub(crate) message: String,
}

impl Partial {
    /// Reads an answer, whose number of refused records goes by this name in JSON. One that can't
    /// be read is the answer of a server that took everything: it said so by its status.
    pub(crate) fn read(answer: &Answer, in_json: &str) -> Self {
        if answer.is_json() {
            Partial::of_json(&answer.body, in_json).unwrap_or_default()
        } else {
            Partial::of_proto(&answer.body).unwrap_or_default()
        }
    }

    fn of_json(body: &[u8], in_json: &str) -> Option<Self> {
        let answer: Json = serde_json::from_slice(body).ok()?;
        let partial = answer.get("partialSuccess")?;
        // 64-bit integers are strings in this mapping, and readers take numbers too.
        let rejected = match partial.get(in_json) {
            Some(Json::String(digits)) => digits.parse().unwrap_or(0),
            Some(number) => number.as_u64().unwrap_or(0),
            None => 0,
        };
        let message = partial.get("errorMessage").and_then(Json::as_str).unwrap_or_default();
        Some(Partial { rejected, message: shorten(message) })
    }

    fn of_proto(body: &[u8]) -> Option<Self> {
        let partial = ProtoReader::bytes_of(body, 1)?;
        let rejected = ProtoReader::number_of(partial, 1).unwrap_or(0);
        let message = ProtoReader::bytes_of(partial, 2).unwrap_or_default();
        Some(Partial {
            // The field is signed, and a negative number makes no sense.
            rejected: if i64::try_from(rejected).is_ok() { rejected } else { 0 },
            message: shorten(&String::from_utf8_lossy(message)),
        })
    }
}

/// A text of a server's for one line of ours.
pub(crate) fn shorten(text: &str) -> String {
    text.chars().take(300).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_in_both_forms() {
        let check = |content_type: &str, body: &[u8], rejected, message: &str| {
            let answer = Answer { content_type: content_type.into(), body: body.into() };
            let expect = Partial { rejected, message: message.to_owned() };
            assert_eq!(Partial::read(&answer, "rejectedLogRecords"), expect, "{body:?}");
        };
        let json = "application/json; charset=utf-8";
        check(
            json,
            br#"{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"old"}}"#,
            3,
            "old",
        );
        check(json, br#"{"partialSuccess":{"rejectedLogRecords":3}}"#, 3, "");
        check(json, br#"{"partialSuccess":{"errorMessage":"a\nb"}}"#, 0, "a\\nb");
        for other in [&b"{}"[..], b"", b"[", br#"{"partialSuccess":{"rejectedSpans":3}}"#] {
            check(json, other, 0, "");
        }
        let proto = "application/x-protobuf";
        check(proto, b"\x0a\x07\x08\x03\x12\x03old", 3, "old");
        check(proto, b"\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 0, "");
        for other in [&b""[..], b"\x0a", b"\x0a\x00", b"<html>"] {
            check(proto, other, 0, "");
        }
    }
}
