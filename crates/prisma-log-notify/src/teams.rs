//! Messages to Microsoft Teams.

use std::fmt;

use prisma_log_core::{Clock as _, Error, SystemClock};
use prisma_log_monitor::{Message, Notifier, NotifyError};

use crate::Secret;
use crate::chat::{Card, card, is_urgent};
use crate::http::{Client, Endpoint, HttpOptions};
use crate::json::json;

/// Posts each message to a workflow of Microsoft Teams ("When a Teams webhook request is received").
///
/// ```no_run
/// use prisma_log_notify::{Secret, TeamsNotifier};
///
/// let notifier = TeamsNotifier::builder(Secret::read("/run/secrets/teams-url")?).build()?;
/// # Ok::<(), prisma_log_core::Error>(())
/// ```
///
/// # Format
/// A message with one [Adaptive Card](https://adaptivecards.io) of version 1.4: the title, and for
/// each of the first ten alerts its line, description and where it comes from. The older
/// "MessageCard" is not sent: the connectors that took it have been taken out of service.
///
/// All text stands in runs of rich text (`TextRun`), where Teams reads no Markdown; mentions need an
/// entity of their own, of which there is none. An invisible space stands behind
/// each opening brace, as cards call functions by two of them.
///
/// # Delivery
/// A message is delivered when the server answered with a status of 2xx: the workflow has it, which
/// may yet fail to post it.
///
/// # Failure
/// As [`WebhookNotifier`](crate::WebhookNotifier) has it. The address is a secret, and shown nowhere
/// but for its host.
///
/// # Cost
/// A request of at most 28 KB, which is Teams' limit, for each message.
pub struct TeamsNotifier {
    client: Client,
}

/// Builds a [`TeamsNotifier`].
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before `build`"]
pub struct TeamsNotifierBuilder {
    url: Secret,
    http: HttpOptions,
}

impl TeamsNotifierBuilder {
    /// How the server is reached.
    pub fn http(mut self, options: HttpOptions) -> Self {
        self.http = options;
        self
    }

    /// The notifier. Nothing is sent yet.
    ///
    /// # Errors
    /// When the address is none, a file of certificates can't be read, or a setting is out of its
    /// range.
    pub fn build(self) -> Result<TeamsNotifier, Error> {
        let endpoint = Endpoint::new(&self.url, "address of the Teams workflow")?;
        Ok(TeamsNotifier { client: Client::new(endpoint, &self.http, &[])? })
    }
}

impl TeamsNotifier {
    /// Posts to this address, as the workflow shows it.
    pub fn builder(url: impl Into<Secret>) -> TeamsNotifierBuilder {
        TeamsNotifierBuilder { url: url.into(), http: HttpOptions::new() }
    }
}

impl Notifier for TeamsNotifier {
    fn notify(&mut self, message: &Message) -> Result<(), NotifyError> {
        self.client.post(body(message).as_bytes(), &[], SystemClock.now())
    }
}

impl fmt::Debug for TeamsNotifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TeamsNotifier").field(&self.client).finish()
    }
}

fn body(message: &Message) -> String {
    let Card { title, alerts, rest } = card(message);
    let colour = match (message.is_firing(), is_urgent(message)) {
        (_, true) => "attention",
        (true, _) => "warning",
        (false, _) => "good",
    };
    let mut blocks = vec![block(&[run(
        &title,
        &format!(",\"weight\":\"bolder\",\"size\":\"medium\",\"color\":\"{colour}\""),
    )])];
    for alert in alerts {
        blocks.push(block(&[run(&alert.headline, ",\"weight\":\"bolder\"")]));
        blocks.extend(alert.details.iter().map(|line| block(&[run(line, "")])));
    }
    if let Some(rest) = rest {
        blocks.push(block(&[run(&rest, ",\"isSubtle\":true")]));
    }
    format!(
        "{{\"type\":\"message\",\"attachments\":[{{\
         \"contentType\":\"application/vnd.microsoft.card.adaptive\",\"contentUrl\":null,\
         \"content\":{{\"$schema\":\"http://adaptivecards.io/schemas/adaptive-card.json\",\
         \"type\":\"AdaptiveCard\",\"version\":\"1.4\",\"msteams\":{{\"width\":\"Full\"}},\
         \"body\":[{}]}}}}]}}",
        blocks.join(",")
    )
}

fn block(runs: &[String]) -> String {
    format!("{{\"type\":\"RichTextBlock\",\"inlines\":[{}]}}", runs.join(","))
}

fn run(text: &str, style: &str) -> String {
    let text = text.replace('{', "{\u{200b}");
    format!("{{\"type\":\"TextRun\",\"text\":{}{style}}}", json(&text))
}

#[cfg(test)]
mod tests {
    use prisma_log_core::Timestamp;
    use serde_json::Value;

    use super::*;

    #[test]
    fn nothing_can_be_forged() {
        let mut message = Message::test("chat", Timestamp::UNIX_EPOCH);
        let hostile = "<at>all</at> [ok](http://evil) {{{DATE(2026-01-01,SHORT)}} \"},{\" **x**";
        message.news[0].alert.message = hostile.into();
        let body: Value = serde_json::from_str(&body(&message)).unwrap();
        let content = &body["attachments"][0]["content"];
        assert!(content["msteams"].get("entities").is_none());
        let blocks = content["body"].as_array().unwrap();
        assert!(blocks.len() >= 3);
        for block in blocks {
            assert_eq!(block["type"], "RichTextBlock");
            for run in block["inlines"].as_array().unwrap() {
                assert_eq!(run["type"], "TextRun");
                assert!(!run["text"].as_str().unwrap().contains("{{"));
            }
        }
    }

    #[test]
    fn a_card_is_within_teams_limit() {
        let mut message = Message::test("chat", Timestamp::UNIX_EPOCH);
        message.news[0].alert.message = "x".repeat(9_000);
        message.news[0].alert.description = "ü".repeat(9_000);
        message.news[0].alert.sources = vec!["/var/log/x".repeat(99).into()];
        message.news = vec![message.news[0].clone(); 100];
        let text = body(&message);
        assert!(text.len() <= 28_000, "{}", text.len());
        assert!(serde_json::from_str::<Value>(&text).is_ok());
    }
}
