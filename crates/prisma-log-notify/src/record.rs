//! Log records that a message is told by.

use prisma_log_core::{Fields, Level};
use prisma_log_monitor::{Message, Severity};

use crate::fact::status;
use crate::text::line;

/// A record to be.
#[derive(Debug)]
pub(crate) struct News {
    pub(crate) level: Level,
    pub(crate) message: String,
    pub(crate) fields: Fields,
}

/// A record for each alert of the message, and one for what it leaves out.
pub(crate) fn records(message: &Message) -> Vec<News> {
    let alerts = message.news.iter().map(|news| {
        let alert = &news.alert;
        let mut fields = Fields::new();
        fields.push("alert.id", &*alert.id);
        fields.push("alert.rule", &*alert.rule);
        fields.push("alert.severity", alert.severity.as_str());
        fields.push("alert.state", alert.state.as_str());
        fields.push("alert.event", news.kind.as_str());
        fields.push("alert.count", alert.count);
        fields.push("alert.first_seen", &*alert.first_seen.to_string());
        fields.push("alert.last_seen", &*alert.last_seen.to_string());
        fields.push("alert.message_id", message.id);
        fields.push("alert.receiver", &*message.receiver);
        for (key, value) in alert.group.iter().filter(|(_, value)| !value.is_empty()) {
            fields.push(&format!("alert.group.{key}"), value);
        }
        let level = if alert.is_resolved() { Level::Info } else { level(alert.severity) };
        News { level, message: line(&news.to_string()), fields }
    });
    let mut records: Vec<News> = alerts.collect();
    if records.is_empty() || message.omitted > 0 || message.suppressed > 0 {
        let mut fields = Fields::new();
        fields.push("alert.message_id", message.id);
        fields.push("alert.receiver", &*message.receiver);
        fields.push("alert.status", status(message));
        fields.push("alert.omitted", message.omitted);
        fields.push("alert.suppressed", message.suppressed);
        let text = format!(
            "{}: {} more alerts changed, {} messages were held back",
            line(&message.title()),
            message.omitted,
            message.suppressed
        );
        records.push(News { level: Level::Info, message: text, fields });
    }
    records
}

fn level(severity: Severity) -> Level {
    match severity {
        Severity::Warning => Level::Warning,
        Severity::Error => Level::Error,
        Severity::Critical => Level::Critical,
        _ => Level::Info,
    }
}

#[cfg(test)]
mod tests {
    use prisma_log_core::{Timestamp, Value};
    use prisma_log_monitor::AlertState;

    use super::*;

    #[test]
    fn one_for_each_alert_and_one_for_the_rest() {
        let mut message = Message::test("ops", Timestamp::UNIX_EPOCH);
        message.news[0].alert.group = [("host", "a"), ("none", "")].into_iter().collect();
        message.news[0].alert.message = "line\nforged".into();
        for (severity, level) in [
            (Severity::Info, Level::Info),
            (Severity::Warning, Level::Warning),
            (Severity::Error, Level::Error),
            (Severity::Critical, Level::Critical),
        ] {
            message.news[0].alert.severity = severity;
            let records = records(&message);
            assert_eq!((records.len(), records[0].level), (1, level));
            assert!(!records[0].message.contains('\n'));
            assert_eq!(records[0].fields.get("alert.group.host"), Some(Value::Str("a")));
            assert_eq!(records[0].fields.get("alert.group.none"), None);
        }
        message.news[0].alert.state = AlertState::Resolved;
        message.suppressed = 3;
        let records = records(&message);
        assert_eq!((records.len(), records[0].level), (2, Level::Info));
        assert!(records[1].message.contains("3 messages were held back"));
    }
}
