//! What templates may ask of a message.

use prisma_log_core::Error;
use prisma_log_monitor::Message;

/// Something that is known of a message, by the name it has between braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    Alerts,
    At,
    Count,
    Firing,
    Group,
    GroupValue(String),
    Id,
    Message,
    Omitted,
    Receiver,
    Redelivered,
    Resolved,
    Rule,
    Severity,
    Status,
    Suppressed,
    Text,
    Title,
}

pub(crate) const NAMES: [(&str, Fact); 17] = [
    ("alerts", Fact::Alerts),
    ("at", Fact::At),
    ("count", Fact::Count),
    ("firing", Fact::Firing),
    ("group", Fact::Group),
    ("id", Fact::Id),
    ("message", Fact::Message),
    ("omitted", Fact::Omitted),
    ("receiver", Fact::Receiver),
    ("redelivered", Fact::Redelivered),
    ("resolved", Fact::Resolved),
    ("rule", Fact::Rule),
    ("severity", Fact::Severity),
    ("status", Fact::Status),
    ("suppressed", Fact::Suppressed),
    ("text", Fact::Text),
    ("title", Fact::Title),
];

impl Fact {
    /// The fact with this name; `what` names the setting that it stands in.
    pub(crate) fn named(name: &str, what: &str) -> Result<Self, Error> {
        if let Some(key) = name.strip_prefix("group.")
            && !key.is_empty()
        {
            return Ok(Fact::GroupValue(key.to_owned()));
        }
        let found = NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, fact)| fact.clone()).ok_or_else(|| {
            let names: Vec<&str> = NAMES.iter().map(|(known, _)| *known).collect();
            Error::config(format!("{what} has an unknown placeholder {{{{{name}}}}}"))
                .with_hint(format!("there are {} and group.KEY", names.join(", ")))
        })
    }

    /// The fact as text.
    pub(crate) fn text(&self, message: &Message) -> String {
        let worst = message.worst();
        match self {
            Fact::Alerts => {
                let alerts: Vec<String> = message.news.iter().map(|news| news.to_json()).collect();
                format!("[{}]", alerts.join(","))
            }
            Fact::At => message.at.to_string(),
            Fact::Count => message.news.len().to_string(),
            Fact::Firing => firing(message).to_string(),
            Fact::Group => message.group.to_string(),
            Fact::GroupValue(key) => message.group.get(key).unwrap_or_default().to_owned(),
            Fact::Id => message.id.to_string(),
            Fact::Message => message.to_json(),
            Fact::Omitted => message.omitted.to_string(),
            Fact::Receiver => message.receiver.clone(),
            Fact::Redelivered => message.redelivered.to_string(),
            Fact::Resolved => (message.news.len() - firing(message)).to_string(),
            Fact::Rule => worst.map(|alert| alert.rule.clone()).unwrap_or_default(),
            Fact::Severity => worst.map_or("info", |alert| alert.severity.as_str()).to_owned(),
            Fact::Status => status(message).to_owned(),
            Fact::Suppressed => message.suppressed.to_string(),
            Fact::Text => message.to_string(),
            Fact::Title => message.title(),
        }
    }
}

/// `firing` while one of the alerts is, else `resolved`.
pub(crate) fn status(message: &Message) -> &'static str {
    if message.is_firing() { "firing" } else { "resolved" }
}

fn firing(message: &Message) -> usize {
    message.news.iter().filter(|news| !news.alert.is_resolved()).count()
}

#[cfg(test)]
mod tests {
    use prisma_log_core::Timestamp;

    use super::*;

    #[test]
    fn names_are_sorted_and_say_what_they_mean() {
        assert!(NAMES.is_sorted_by_key(|(name, _)| *name));
        for (name, fact) in &NAMES {
            assert_eq!(Fact::named(name, "x").unwrap(), *fact);
        }
        let error = Fact::named("titel", "argument 2").unwrap_err().to_string();
        assert!(error.contains("argument 2 has an unknown placeholder {{titel}}"), "{error}");
        assert!(Fact::named("group.", "x").is_err());
        let mut message = Message::test("ops", Timestamp::UNIX_EPOCH);
        message.group = [("host", "a\"\n")].into_iter().collect();
        assert_eq!(Fact::named("group.host", "x").unwrap().text(&message), "a\"\n");
        assert_eq!(Fact::named("group.x", "x").unwrap().text(&message), "");
    }
}
