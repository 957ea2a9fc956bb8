//! A JSON text with placeholders that is JSON whatever they stand for.

use prisma_log_core::Error;
use prisma_log_monitor::Message;
use serde_json::Value;

use crate::fact::Fact;
use crate::json::push_json_inside;
use crate::template::{Part, parts};

const WHAT: &str = "template of the body";

/// A template that was looked at.
#[derive(Clone, Debug)]
pub(super) struct JsonTemplate(Vec<Piece>);

#[derive(Clone, Debug)]
enum Piece {
    Literal(String),
    /// Within a string.
    Inside(Fact),
    /// A value of its own.
    Value(Fact),
}

impl JsonTemplate {
    pub(super) fn new(text: &str) -> Result<Self, Error> {
        let mut pieces = Vec::new();
        let mut is_inside = false;
        // What the template is when all texts are empty and all values null. Where that is JSON, it
        // is with every other text and value too: escapes are whole, and a value stands where a
        // value may stand.
        let mut sample = String::new();
        for part in parts(text, WHAT)? {
            match part {
                Part::Literal(literal) => {
                    is_inside = ends_inside(literal, is_inside);
                    sample.push_str(literal);
                    pieces.push(Piece::Literal(literal.to_owned()));
                }
                Part::Fact(fact) if is_inside => pieces.push(Piece::Inside(fact)),
                Part::Fact(fact) => {
                    sample.push_str("null");
                    pieces.push(Piece::Value(fact));
                }
            }
        }
        if let Err(error) = serde_json::from_str::<Value>(&sample) {
            return Err(Error::config(format!("{WHAT} is not JSON")).with_source(error));
        }
        Ok(JsonTemplate(pieces))
    }

    pub(super) fn render(&self, message: &Message) -> String {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Inside(fact) => push_json_inside(&fact.text(message), &mut out),
                Piece::Value(fact) => out.push_str(&fact.json(message)),
            }
        }
        out
    }
}

/// Whether a string is open behind `text`, when one was open before it or not. An escape that is cut
/// in two by a placeholder is no JSON, which is found out later.
fn ends_inside(text: &str, mut is_inside: bool) -> bool {
    let mut is_escaped = false;
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_inside,
            b'"' => is_inside = !is_inside,
            _ => {}
        }
    }
    is_inside
}

#[cfg(test)]
mod tests {
    use prisma_log_core::Timestamp;

    use super::*;

    fn hostile() -> Message {
        let mut message = Message::test("ops", Timestamp::UNIX_EPOCH);
        message.group =
            [("k", "\",\"admin\":true,\"x\":\"\\{{id}}\n\u{202e}")].into_iter().collect();
        message.news[0].alert.message = "}]\"}{{title}}\\".into();
        message.news.push(message.news[0].clone());
        message
    }

    #[test]
    fn a_body_is_json_of_the_template_s_form() {
        let message = hostile();
        let check = |template: &str, expect: &str| {
            let template = JsonTemplate::new(template).unwrap();
            let body: Value = serde_json::from_str(&template.render(&message)).unwrap();
            assert_eq!(body, serde_json::from_str::<Value>(expect).unwrap());
        };
        check(
            r#"{"a": {{id}}, "b": "{{id}}", "c": {{status}}}"#,
            r#"{"a":0,"b":"0","c":"firing"}"#,
        );
        check(r#""x\"{{rule}}\\""#, r#""x\"test\\""#);
        check("{{redelivered}}", "false");
        check("[{{count}}, [ {{firing}} ]]", "[2,[2]]");
        let k = &message.group.get("k").unwrap();
        let expect = serde_json::to_string(k).unwrap();
        check("{{group.k}}", &expect);
        check("\"{{group.k}}\"", &expect);
        check("{\"g\": {{group}} }", &format!("{{\"g\":{{\"k\":{expect}}}}}"));
        for name in ["alerts", "message", "text", "title", "group"] {
            let inside = JsonTemplate::new(&format!("\"{{{{{name}}}}}\"")).unwrap();
            let value = JsonTemplate::new(&format!("{{{{{name}}}}}")).unwrap();
            for body in [inside, value].map(|template| template.render(&message)) {
                serde_json::from_str::<Value>(&body).unwrap();
            }
        }
    }

    #[test]
    fn what_may_not_be_json_is_refused() {
        for bad in [
            "",
            "{",
            "{{titel}}",
            "{{id",
            "-{{id}}",
            "{{id}}{{id}}",
            "{ {{title}}: 1 }",
            r#""\{{title}}""#,
            r#""\u00{{id}}""#,
            r#"{"a": "{{title}}}"#,
            r#"{"a" {{title}}}"#,
        ] {
            let error = JsonTemplate::new(bad).unwrap_err();
            assert!(error.is_config(), "{bad}");
        }
    }
}
