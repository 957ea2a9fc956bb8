//! What chats show of a message.

use prisma_log_monitor::{Message, Notification, Severity};

use crate::text::{cut, line};

/// Alerts that are shown; the others are counted.
const SHOWN: usize = 10;
/// Longest line, in bytes.
const LINE: usize = 600;

/// A message for people.
#[derive(Debug)]
pub(crate) struct Card {
    pub(crate) title: String,
    pub(crate) alerts: Vec<Shown>,
    /// What is left out.
    pub(crate) rest: Option<String>,
}

/// An alert for people, in lines.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) headline: String,
    pub(crate) details: Vec<String>,
}

pub(crate) fn card(message: &Message) -> Card {
    let alerts = message.news.iter().take(SHOWN).map(shown).collect();
    let more = message.news.len().saturating_sub(SHOWN) as u64 + message.omitted;
    let mut rest = Vec::new();
    if more > 0 {
        rest.push(format!("{more} more alerts"));
    }
    if message.suppressed > 0 {
        rest.push(format!("{} messages were held back since the last one", message.suppressed));
    }
    if message.redelivered {
        rest.push("this may be a repetition".to_owned());
    }
    let rest = (!rest.is_empty()).then(|| rest.join(" · "));
    Card { title: cut(&line(&message.title()), LINE), alerts, rest }
}

/// Whether somebody should look at once.
pub(crate) fn is_urgent(message: &Message) -> bool {
    message.is_firing() && message.worst().is_some_and(|worst| worst.severity >= Severity::Error)
}

fn shown(news: &Notification) -> Shown {
    let alert = &news.alert;
    let mut details = Vec::new();
    if let Some(why) = &alert.why {
        details.push(line(why));
    }
    if !alert.description.is_empty() {
        details.push(line(&alert.description));
    }
    let sources: Vec<String> =
        alert.sources.iter().map(|path| line(&path.to_string_lossy())).collect();
    if !sources.is_empty() {
        details.push(format!("from {}", sources.join(", ")));
    }
    details.push(format!("since {}, last {}", alert.first_seen, alert.last_seen));
    let details = details.iter().map(|detail| cut(detail, LINE)).collect();
    Shown { headline: cut(&line(&news.to_string()), LINE), details }
}
