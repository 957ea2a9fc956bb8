//! Text and facts as JSON.

use prisma_log_monitor::Message;

use crate::fact::Fact;

/// Appends `text` as a JSON string, in quotes.
pub(crate) fn push_json(text: &str, out: &mut String) {
    out.push('"');
    push_json_inside(text, out);
    out.push('"');
}

/// Appends `text` as the inside of a JSON string.
pub(crate) fn push_json_inside(text: &str, out: &mut String) {
    let mut bytes = Vec::with_capacity(text.len() + 8);
    prisma_log_format::escape_into(text, &mut bytes);
    out.push_str(&String::from_utf8_lossy(&bytes));
}

/// `text` as a JSON string.
pub(crate) fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    push_json(text, &mut out);
    out
}

/// The pairs as a JSON object with text values.
pub(crate) fn json_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = String::from("{");
    for (key, value) in pairs {
        if out.len() > 1 {
            out.push(',');
        }
        push_json(key, &mut out);
        out.push(':');
        push_json(value, &mut out);
    }
    out.push('}');
    out
}

impl Fact {
    /// The fact as a JSON value: text in quotes, numbers, lists and objects as such.
    pub(crate) fn json(&self, message: &Message) -> String {
        match self {
            Fact::Group => json_pairs(message.group.iter()),
            Fact::Alerts
            | Fact::Count
            | Fact::Firing
            | Fact::Id
            | Fact::Message
            | Fact::Omitted
            | Fact::Redelivered
            | Fact::Resolved
            | Fact::Suppressed => self.text(message),
            Fact::At
            | Fact::GroupValue(_)
            | Fact::Receiver
            | Fact::Rule
            | Fact::Severity
            | Fact::Status
            | Fact::Text
            | Fact::Title => json(&self.text(message)),
        }
    }
}

#[cfg(test)]
mod tests {
    use prisma_log_core::Timestamp;
    use serde_json::Value;

    use super::*;
    use crate::fact::NAMES;

    #[test]
    fn text_stays_text() {
        assert_eq!(json("a\"\\\n\u{202e}"), r#""a\"\\\n\u202e""#);
        assert_eq!(json_pairs([("a\"", "1"), ("b", "\n")]), r#"{"a\"":"1","b":"\n"}"#);
    }

    #[test]
    fn every_fact_is_json() {
        let mut message = Message::test("ops", Timestamp::UNIX_EPOCH);
        message.group = [("host", "a\"\n")].into_iter().collect();
        for (_, fact) in &NAMES {
            let value: Value = serde_json::from_str(&fact.json(&message)).unwrap();
            if let Some(text) = value.as_str() {
                assert_eq!(text, fact.text(&message));
            }
        }
        assert_eq!(Fact::GroupValue("host".into()).json(&message), r#""a\"\n""#);
        assert_eq!(Fact::Group.json(&message), r#"{"host":"a\"\n"}"#);
    }
}
