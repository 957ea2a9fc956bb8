//! A mail.

use std::time::{Duration, UNIX_EPOCH};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use prisma_log_core::{Error, Timestamp};
use prisma_log_monitor::Message;

use crate::text::{cut, line};

/// Longest subject, in bytes.
const SUBJECT: usize = 200;
/// Longest text, in bytes.
const TEXT: usize = 256 << 10;
/// Alerts whose threads a mail joins.
const THREADS: usize = 10;

/// What all mails have in common.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) from: Mailbox,
    pub(super) to: Vec<Mailbox>,
    pub(super) cc: Vec<Mailbox>,
    pub(super) html: bool,
}

impl Letter {
    pub(super) fn write(
        &self,
        message: &Message,
        now: Timestamp,
    ) -> Result<lettre::Message, Error> {
        let seconds = u64::try_from(now.unix_nanos() / 1_000_000_000).unwrap_or_default();
        let mut builder = lettre::Message::builder()
            .from(self.from.clone())
            .date(UNIX_EPOCH + Duration::from_secs(seconds))
            .subject(cut(&line(&message.title()), SUBJECT))
            .message_id(Some(self.id(message)))
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        for mailbox in &self.to {
            builder = builder.to(mailbox.clone());
        }
        for mailbox in &self.cc {
            builder = builder.cc(mailbox.clone());
        }
        let threads = self.threads(message);
        if let Some(first) = threads.first() {
            builder = builder.in_reply_to(first.clone()).references(threads.join(" "));
        }
        let text = text(message);
        let mail = if self.html {
            let html = html(&text);
            builder.multipart(MultiPart::alternative_plain_html(text, html))
        } else {
            builder.singlepart(SinglePart::plain(text))
        };
        mail.map_err(|error| Error::data("cannot write a mail").with_source(error))
    }

    /// The same for each repetition, and another one for every other message, also when a store
    /// begins anew.
    fn id(&self, message: &Message) -> String {
        let made = message.at.unix_nanos();
        let receiver = word(&message.receiver);
        format!("<plog.{}.{made:x}.{receiver}@{}>", message.id, self.domain())
    }

    /// An id for each alert, which no mail has: what refers to the same one is a thread.
    fn threads(&self, message: &Message) -> Vec<String> {
        let alerts = message.news.iter().take(THREADS).map(|news| &news.alert);
        alerts
            .map(|alert| {
                let begun = alert.first_seen.unix_nanos();
                format!("<plog.alert.{}.{begun:x}@{}>", word(&alert.id), self.domain())
            })
            .collect()
    }

    fn domain(&self) -> String {
        let domain = word(self.from.email.domain());
        if domain.is_empty() { "localhost".to_owned() } else { domain }
    }
}

/// `text` with nothing in it that has a meaning in an id; at most 64 characters.
fn word(text: &str) -> String {
    let is_good = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    text.chars().take(64).map(|c| if is_good(c) { c } else { '_' }).collect()
}

fn text(message: &Message) -> String {
    let mut text = format!("{}\n", line(&message.title()));
    for news in &message.news {
        let alert = &news.alert;
        text += &format!("\n{}\n", line(&news.to_string()));
        if let Some(why) = &alert.why {
            text += &format!("  {}\n", line(why));
        }
        if !alert.description.is_empty() {
            text += &format!("  {}\n", line(&alert.description));
        }
        text += &format!("  first seen {}, last seen {}\n", alert.first_seen, alert.last_seen);
        for source in &alert.sources {
            text += &format!("  from {}\n", line(&source.to_string_lossy()));
        }
        for sample in &alert.samples {
            text += &format!("  > {}\n", line(sample));
        }
    }
    if message.omitted > 0 {
        text += &format!("\nand {} more alerts\n", message.omitted);
    }
    if message.suppressed > 0 {
        let count = message.suppressed;
        text += &format!("\n{count} messages were held back since the last one\n");
    }
    cut(&text, TEXT)
}

fn html(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!(
        "<!DOCTYPE html><html><body><pre style=\"white-space:pre-wrap\">{text}</pre></body></html>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(message: &Message, html: bool) -> String {
        let letter = Letter {
            from: "Alerts <alerts@example.com>".parse().unwrap(),
            to: vec!["ops@example.com".parse().unwrap()],
            cc: vec!["boss@example.com".parse().unwrap()],
            html,
        };
        let mail = letter.write(message, Timestamp::from_unix_seconds(1_795_507_200)).unwrap();
        String::from_utf8(mail.formatted()).unwrap()
    }

    #[test]
    fn headers_are_ours_alone() {
        let mut message = Message::test("ops\r\nBcc: x@y.z>", Timestamp::UNIX_EPOCH);
        let hostile = "x\r\nBcc: evil@example.com\r\n\r\n.\r\nMAIL FROM:<x>\u{202e}";
        message.news[0].alert.rule = hostile.into();
        message.news[0].alert.id = hostile.into();
        message.news[0].alert.message = hostile.into();
        message.news[0].alert.samples = vec![hostile.into()];
        for html in [false, true] {
            let mail = written(&message, html);
            let (head, body) = mail.split_once("\r\n\r\n").unwrap();
            let names: Vec<&str> = head
                .split("\r\n")
                .filter(|line| !line.starts_with([' ', '\t']))
                .map(|line| line.split_once(':').unwrap().0)
                .collect();
            assert!(!names.contains(&"Bcc") && names.contains(&"Subject"), "{names:?}");
            assert!(
                !body.split("\r\n").any(|line| line == "." || line.starts_with("Bcc")),
                "{body}"
            );
        }
    }

    #[test]
    fn repetitions_and_threads_can_be_told() {
        let header = |mail: &str, name: &str| {
            let line = mail.split("\r\n").find(|line| line.starts_with(name)).unwrap();
            line.split_once(": ").unwrap().1.to_owned()
        };
        let mut message = Message::test("ops", Timestamp::from_unix_seconds(7));
        let first = written(&message, false);
        message.redelivered = true;
        let again = written(&message, false);
        message.id = 1;
        let next = written(&message, false);
        assert_eq!(header(&first, "Message-ID"), "<plog.0.1a13b8600.ops@example.com>");
        assert_eq!(header(&first, "Message-ID"), header(&again, "Message-ID"));
        assert_ne!(header(&first, "Message-ID"), header(&next, "Message-ID"));
        assert_eq!(header(&first, "References"), header(&next, "References"));
        assert_eq!(header(&first, "In-Reply-To"), "<plog.alert.A000000.1a13b8600@example.com>");
        assert_eq!(header(&first, "Auto-Submitted"), "auto-generated");
        assert_eq!(header(&first, "Date"), "Tue, 24 Nov 2026 08:00:00 +0000");
    }

    #[test]
    fn html_is_escaped() {
        assert!(html("<b>&").contains(">&lt;b&gt;&amp;<"));
    }
}
