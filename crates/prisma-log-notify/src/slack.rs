//! Messages to Slack.

use std::fmt;

use prisma_log_core::{Clock as _, Error, SystemClock};
use prisma_log_monitor::{Message, Notifier, NotifyError};

use crate::Secret;
use crate::chat::{Card, card, is_urgent};
use crate::http::{Client, Endpoint, HttpOptions};
use crate::json::json;
use crate::text::cut;

/// Slack takes 150 characters in a header, and 3,000 in a section.
const HEADER: usize = 150;
const SECTION: usize = 2_900;

/// Posts each message to an incoming webhook of Slack, or of what understands the same: Mattermost,
/// Rocket.Chat.
///
/// ```no_run
/// use prisma_log_notify::{Secret, SlackNotifier};
///
/// let notifier = SlackNotifier::builder(Secret::read("/run/secrets/slack-url")?).build()?;
/// # Ok::<(), prisma_log_core::Error>(())
/// ```
///
/// # Format
/// `text` with the title and a line for each alert, and `blocks`: a header, and for each of the first
/// ten alerts its line, description, last message and where it comes from.
///
/// All that a log says stands in plain text, where no markup counts; `&`, `<` and `>` are escaped
/// everywhere. In `text`, which Mattermost reads as Markdown, invisible spaces behind `@` at a
/// word's beginning and within `](` keep mentions and links from being forged, and backticks become
/// apostrophes.
///
/// # Delivery
/// A message is delivered when the server answered with a status of 2xx.
///
/// # Failure
/// As [`WebhookNotifier`](crate::WebhookNotifier) has it. Slack takes one message a second and says
/// 429 with a `Retry-After` beyond that. A webhook that was taken back answers 404 or 410: a permanent
/// error. The address is a secret, and shown nowhere but for its host.
///
/// # Cost
/// A request of at most 60 KB for each message.
pub struct SlackNotifier {
    client: Client,
}

/// Builds a [`SlackNotifier`].
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before `build`"]
pub struct SlackNotifierBuilder {
    url: Secret,
    http: HttpOptions,
}

impl SlackNotifierBuilder {
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
    pub fn build(self) -> Result<SlackNotifier, Error> {
        let endpoint = Endpoint::new(&self.url, "address of the Slack web hook")?;
        Ok(SlackNotifier { client: Client::new(endpoint, &self.http, &[])? })
    }
}

impl SlackNotifier {
    /// Posts to this address, as Slack gave it.
    pub fn builder(url: impl Into<Secret>) -> SlackNotifierBuilder {
        SlackNotifierBuilder { url: url.into(), http: HttpOptions::new() }
    }
}

impl Notifier for SlackNotifier {
    fn notify(&mut self, message: &Message) -> Result<(), NotifyError> {
        self.client.post(body(message).as_bytes(), &[], SystemClock.now())
    }
}

impl fmt::Debug for SlackNotifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SlackNotifier").field(&self.client).finish()
    }
}

fn body(message: &Message) -> String {
    let Card { title, alerts, rest } = card(message);
    let mark = if is_urgent(message) { "\u{1f534} " } else { "" };
    let mut text = format!("{mark}{title}");
    let mut blocks = vec![format!(
        "{{\"type\":\"header\",\"text\":{}}}",
        plain(&cut(&format!("{mark}{title}"), HEADER), HEADER)
    )];
    for alert in alerts {
        text += &format!("\n{}", alert.headline);
        let lines = [vec![alert.headline], alert.details].concat().join("\n");
        let section = format!("{{\"type\":\"section\",\"text\":{}}}", plain(&lines, SECTION));
        blocks.push(section);
    }
    if let Some(rest) = rest {
        text += &format!("\n{rest}");
        let element = plain(&rest, SECTION);
        blocks.push(format!("{{\"type\":\"context\",\"elements\":[{element}]}}"));
    }
    format!(
        "{{\"text\":{},\"mrkdwn\":false,\"link_names\":false,\"parse\":\"none\",\
         \"unfurl_links\":false,\"unfurl_media\":false,\"blocks\":[{}]}}",
        json(&escaped(&harmless(&cut(&text, 4 * SECTION)))),
        blocks.join(",")
    )
}

/// A text object in which nothing is markup.
fn plain(text: &str, most: usize) -> String {
    // Escapes may make five characters of one.
    let mut text = text.to_owned();
    let mut shown = escaped(&text);
    while shown.chars().count() > most {
        text = cut(&text, text.len() * 3 / 4);
        shown = escaped(&text);
    }
    format!("{{\"type\":\"plain_text\",\"emoji\":false,\"text\":{}}}", json(&shown))
}

/// Slack's escapes.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Text that mentions nobody and has no links with names, where it is read as Markdown.
fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    for c in text.chars() {
        match c {
            '`' => out.push('\''),
            '(' if before == ']' => out.push_str("\u{200b}("),
            '@' if !before.is_alphanumeric() => out.push_str("@\u{200b}"),
            _ => out.push(c),
        }
        before = c;
    }
    out
}

#[cfg(test)]
mod tests {
    use prisma_log_core::Timestamp;
    use serde_json::Value;

    use super::*;

    #[test]
    fn nothing_can_be_forged() {
        let mut message = Message::test("chat", Timestamp::UNIX_EPOCH);
        let hostile = "<!channel> @here <@U1> <http://evil|ok> [ok](http://evil) `x` a@b.c &amp;";
        message.news[0].alert.message = hostile.into();
        message.news[0].alert.group = [("k", hostile)].into_iter().collect();
        let body: Value = serde_json::from_str(&body(&message)).unwrap();
        let text = body["text"].as_str().unwrap();
        for forged in ["<", "@here", "](", "`"] {
            assert!(!text.contains(forged), "{forged}: {text}");
        }
        assert!(text.contains("&lt;!channel&gt;") && text.contains("a@b.c &amp;amp;"), "{text}");
        assert_eq!(
            (&body["mrkdwn"], &body["link_names"]),
            (&Value::Bool(false), &Value::Bool(false))
        );
        for block in body["blocks"].as_array().unwrap() {
            let text =
                if block["type"] == "context" { &block["elements"][0] } else { &block["text"] };
            assert_eq!(text["type"], "plain_text");
            assert!(!text["text"].as_str().unwrap().contains('<'));
        }
    }

    #[test]
    fn what_is_sent_is_within_slack_s_limits() {
        let mut message = Message::test("chat", Timestamp::UNIX_EPOCH);
        message.news[0].alert.rule = "r".repeat(500);
        message.news[0].alert.message = "<".repeat(9_000);
        message.news[0].alert.description = "ü".repeat(9_000);
        message.news = vec![message.news[0].clone(); 100];
        message.suppressed = 7;
        let text = body(&message);
        assert!(text.len() < 60_000, "{}", text.len());
        let body: Value = serde_json::from_str(&text).unwrap();
        let blocks = body["blocks"].as_array().unwrap();
        assert_eq!(blocks.len(), 12);
        assert!(blocks[0]["text"]["text"].as_str().unwrap().chars().count() <= 150);
        for block in &blocks[1..11] {
            assert!(block["text"]["text"].as_str().unwrap().chars().count() <= 3_000);
        }
        let rest = blocks[11]["elements"][0]["text"].as_str().unwrap();
        assert_eq!(rest, "90 more alerts · 7 messages were held back since the last one");
    }
}
