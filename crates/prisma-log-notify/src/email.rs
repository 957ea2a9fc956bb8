//! Messages by mail.

mod builder;
mod letter;

use std::fmt;

use lettre::{SmtpTransport, Transport as _};
use prisma_log_core::{Clock, Error};
use prisma_log_monitor::{Message, Notifier, NotifyError};

pub use builder::{EmailNotifierBuilder, EmailSecurity};

use crate::Secret;
use crate::text::{cut, line};
use letter::Letter;

/// Sends each message as a mail over SMTP.
///
/// ```no_run
/// use prisma_log_notify::{EmailNotifier, Secret};
///
/// let notifier = EmailNotifier::builder("mail.example.com", "Alerts <alerts@example.com>")
///     .to("ops@example.com")
///     .credentials("alerts", Secret::read("/run/secrets/smtp")?)
///     .build()?;
/// # Ok::<(), prisma_log_core::Error>(())
/// ```
///
/// # Format
/// | part | what it is |
/// | --- | --- |
/// | `Subject` | the message's title, one line of at most 200 bytes |
/// | body | plain text: title, a line for each alert, its description, sources and last lines; with [`html`](EmailNotifierBuilder::html) the same in HTML beside it |
/// | `Message-ID` | of the message's number, the time it was made and its receiver: the same for each repetition, which many mailboxes then show once |
/// | `References`, `In-Reply-To` | an id for each of the first ten alerts, so that all mails about an alert become one thread |
/// | `Auto-Submitted` | `auto-generated`, so that no holiday answers |
///
/// Nothing that a log says can begin a header or end the text.
///
/// # Delivery
/// A message is delivered when the server answered the mail's text with 250: it has it then, and
/// delivers it or sends back why not.
///
/// # Failure
/// | what happens | error |
/// | --- | --- |
/// | no connection, a broken one, a certificate that is not valid, no STARTTLS, no answer in time | temporary |
/// | an answer 4xx, and 530, 534, 535: the password is wrong, not the mail | temporary |
/// | another answer 5xx | permanent |
///
/// One recipient whom the server refuses keeps the mail from the others: name a list.
///
/// # Cost
/// A connection for each message.
pub struct EmailNotifier {
    transport: SmtpTransport,
    server: String,
    letter: Letter,
    password: Option<Secret>,
    clock: Box<dyn Clock>,
}

impl EmailNotifier {
    /// Sends by this server (its name), from this mailbox: `alerts@example.com` or
    /// `Alerts <alerts@example.com>`.
    pub fn builder(server: impl Into<String>, from: impl Into<String>) -> EmailNotifierBuilder {
        EmailNotifierBuilder::new(server.into(), from.into())
    }

    fn failed(&self, error: &lettre::transport::smtp::Error) -> NotifyError {
        /// Of what a server says, an error shows so many bytes.
        const SHOWN: usize = 300;
        let mut said = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            let cause_of = cause.to_string();
            if !said.contains(&cause_of) {
                said += &format!(": {cause_of}");
            }
            source = cause.source();
        }
        if let Some(password) = &self.password {
            said = password.hide_in(&said);
        }
        let text = format!("{}: {}", self.server, cut(&line(&said), SHOWN));
        let code = error.status().map(|code| code.to_string()).unwrap_or_default();
        match &*code {
            "530" | "534" | "535" => NotifyError::temporary(
                Error::state(text).with_hint("are the name and the password right?"),
            ),
            _ if error.is_permanent() => NotifyError::permanent(Error::state(text)),
            _ => NotifyError::temporary(Error::state(text)),
        }
    }
}

impl Notifier for EmailNotifier {
    fn notify(&mut self, message: &Message) -> Result<(), NotifyError> {
        let mail = self.letter.write(message, self.clock.now()).map_err(NotifyError::permanent)?;
        self.transport.send(&mail).map(drop).map_err(|error| self.failed(&error))
    }
}

impl fmt::Debug for EmailNotifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmailNotifier").field("server", &self.server).finish_non_exhaustive()
    }
}
