//! Takes the monitor's messages to programs, web hooks, Alertmanager, chats, mailboxes and logs.
//!
//! The monitor decides what is worth a message, keeps it until it was taken, and tries again; a
//! notifier makes one attempt and says how it went ([`Notifier`](prisma_log_monitor::Notifier)).
//!
//! | notifier | feature | where to |
//! | --- | --- | --- |
//! | [`CommandNotifier`] | | a program |
//! | [`LogNotifier`] | | a logger |
//! | [`WebhookNotifier`] | `webhook` | any address over HTTP, with a body of your form |
//! | [`AlertmanagerNotifier`] | `webhook` | Alertmanager |
//! | [`SlackNotifier`], [`TeamsNotifier`] | `webhook` | chats |
//! | [`EmailNotifier`] | `email` | mailboxes over SMTP |
//! | [`SyslogNotifier`] | `syslog` | a syslog server |
//! | [`JournalNotifier`] | `journald` | the systemd journal |
//!
//! ```no_run
//! use prisma_log_core::{Clock, SystemClock};
//! use prisma_log_monitor::{Message, Notifier};
//! use prisma_log_notify::CommandNotifier;
//!
//! let mut notifier = CommandNotifier::builder("/usr/local/bin/page").arg("{{title}}").build()?;
//! // Does the receiver work?
//! notifier.notify(&Message::test("ops", SystemClock.now())).map_err(|error| error.error)?;
//! # Ok::<(), prisma_log_core::Error>(())
//! ```
//!
//! # Templates
//!
//! Arguments of programs, bodies of web hooks and annotations may have placeholders:
//!
//! | placeholder | what it stands for |
//! | --- | --- |
//! | `{{id}}` | the message's number |
//! | `{{receiver}}` | the receiver's name |
//! | `{{status}}` | `firing` while one of the alerts is, else `resolved` |
//! | `{{title}}` | one line that says what it is about |
//! | `{{text}}` | the title, and a line for each alert |
//! | `{{severity}}`, `{{rule}}` | of the most severe alert |
//! | `{{at}}` | when the message was made, RFC 3339 |
//! | `{{group}}` | what the alerts have in common: `host=web1 disk=sda`, in JSON an object |
//! | `{{group.KEY}}` | the value of one key of it, or nothing |
//! | `{{count}}`, `{{firing}}`, `{{resolved}}` | how many alerts the message has, of each kind |
//! | `{{omitted}}`, `{{suppressed}}` | alerts that it leaves out, messages that were held back before it |
//! | `{{redelivered}}` | `true` if it may be a repetition |
//! | `{{alerts}}` | the alerts, a list in JSON |
//! | `{{message}}` | all of it in JSON |
//!
//! What a placeholder stands for is never read as a template, and can't leave its place: one
//! argument, one JSON value, one part of a string.
//!
//! # Secrets
//!
//! Passwords, tokens and addresses are [`Secret`]s: no `Debug` and no error shows them, also when a
//! server sends them back in its answer.
#![forbid(unsafe_code)]

#[cfg(feature = "webhook")]
mod alertmanager;
#[cfg(feature = "webhook")]
mod chat;
mod command;
#[cfg(feature = "email")]
mod email;
mod fact;
#[cfg(feature = "webhook")]
mod http;
#[cfg(feature = "journald")]
mod journal;
#[cfg(feature = "webhook")]
mod json;
mod log;
mod record;
#[cfg(any(feature = "journald", feature = "syslog"))]
mod records;
mod secret;
#[cfg(feature = "webhook")]
mod slack;
#[cfg(feature = "syslog")]
mod syslog;
#[cfg(feature = "webhook")]
mod teams;
mod template;
mod text;
#[cfg(feature = "webhook")]
mod webhook;

#[cfg(feature = "webhook")]
pub use alertmanager::{AlertmanagerNotifier, AlertmanagerNotifierBuilder};
pub use command::{CommandNotifier, CommandNotifierBuilder};
#[cfg(feature = "email")]
pub use email::{EmailNotifier, EmailNotifierBuilder, EmailSecurity};
#[cfg(feature = "webhook")]
pub use http::HttpOptions;
#[cfg(feature = "journald")]
pub use journal::JournalNotifier;
pub use log::LogNotifier;
pub use secret::Secret;
#[cfg(feature = "webhook")]
pub use slack::{SlackNotifier, SlackNotifierBuilder};
#[cfg(feature = "syslog")]
pub use syslog::SyslogNotifier;
#[cfg(feature = "webhook")]
pub use teams::{TeamsNotifier, TeamsNotifierBuilder};
#[cfg(feature = "webhook")]
pub use webhook::{WebhookNotifier, WebhookNotifierBuilder, verify_signature};
