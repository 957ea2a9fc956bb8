//! Messages to programs.

mod argument;
mod builder;
mod run;

use std::fmt;
use std::process::Command;

use prisma_log_core::Error;
use prisma_log_monitor::{Message, Notifier, NotifyError};

pub use builder::CommandNotifierBuilder;

use crate::fact::Fact;
use crate::text::{clean, line};
use argument::fitting;
use builder::Settings;
use run::{End, run};

/// Of the environment of our own process, a program gets these variables.
const INHERITED: [&str; 8] = ["HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "TMPDIR", "TZ", "USER"];
/// What a message says in variables.
const VARIABLES: [(&str, Fact); 10] = [
    ("PLOG_AT", Fact::At),
    ("PLOG_COUNT", Fact::Count),
    ("PLOG_GROUP", Fact::Group),
    ("PLOG_MESSAGE_ID", Fact::Id),
    ("PLOG_RECEIVER", Fact::Receiver),
    ("PLOG_REDELIVERED", Fact::Redelivered),
    ("PLOG_RULE", Fact::Rule),
    ("PLOG_SEVERITY", Fact::Severity),
    ("PLOG_STATUS", Fact::Status),
    ("PLOG_TITLE", Fact::Title),
];

/// Runs a program for each message.
///
/// ```no_run
/// use std::time::Duration;
/// use prisma_log_notify::CommandNotifier;
///
/// let notifier = CommandNotifier::builder("/usr/local/bin/page")
///     .args(["--urgency", "{{severity}}", "--", "{{title}}"])
///     .timeout(Duration::from_secs(10))
///     .build()?;
/// # Ok::<(), prisma_log_core::Error>(())
/// ```
///
/// # Format
/// The program gets the message's JSON ([`Message::to_json`]) on its standard input, and in its
/// environment `PLOG_TITLE`, `PLOG_STATUS` (`firing`, `resolved`), `PLOG_SEVERITY`, `PLOG_RULE`,
/// `PLOG_GROUP`, `PLOG_COUNT`, `PLOG_RECEIVER`, `PLOG_MESSAGE_ID`, `PLOG_AT` and
/// `PLOG_REDELIVERED`. Arguments may have the placeholders of templates ([crate]).
///
/// No shell reads any of it. What a placeholder stands for stays within its argument, whatever is in
/// it; control characters and what reorders text are escaped, a value has at most 8 KiB. Where a
/// value would be the first character of an argument and is a `-`, a space goes before it, unless
/// `--` is one of the arguments before: nothing that stands in a log becomes an option.
///
/// Of our own environment the program sees `PATH`, `HOME`, `USER`, `LOGNAME`, `LANG`, `LC_ALL`, `TZ`
/// and `TMPDIR` only, and what [`env`](CommandNotifierBuilder::env) sets.
///
/// # Delivery
/// A message is delivered when the program ended with status 0. One program runs at a time.
///
/// # Failure
/// Everything else is a temporary error, with the last lines that the program wrote, but for
/// [statuses that say never](CommandNotifierBuilder::permanent_statuses). At the end of its
/// [time](CommandNotifierBuilder::timeout) the program is killed, with all that it started; what is
/// still running in its process group when it ends is killed too.
///
/// # Cost
/// A process for each message; 4 KiB of what it writes are kept, the rest is read and forgotten.
pub struct CommandNotifier {
    settings: Settings,
}

impl CommandNotifier {
    /// Runs this program: a path, or a name that is looked for in `PATH`.
    pub fn builder(program: impl Into<std::path::PathBuf>) -> CommandNotifierBuilder {
        CommandNotifierBuilder::new(program.into())
    }

    fn command(&self, message: &Message) -> Command {
        let settings = &self.settings;
        let mut command = Command::new(&settings.program);
        command.args(settings.arguments.iter().map(|argument| argument.render(message)));
        command.env_clear();
        for name in INHERITED {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        for (name, fact) in &VARIABLES {
            command.env(name, fitting(&fact.text(message)));
        }
        for (name, value) in &settings.environment {
            command.env(name, value.expose());
        }
        if let Some(directory) = &settings.directory {
            command.current_dir(directory);
        }
        command
    }

    /// The last lines of what the program wrote, without what is secret.
    fn said(&self, output: &[u8]) -> String {
        /// Of the output, an error shows so many bytes.
        const SHOWN: usize = 300;
        let mut text = String::from_utf8_lossy(output).into_owned();
        for (_, value) in &self.settings.environment {
            text = value.hide_in(&text);
        }
        let text = clean(text.trim());
        let from = text.ceil_char_boundary(text.len().saturating_sub(SHOWN));
        let text = line(text.get(from..).unwrap_or_default());
        if text.is_empty() { text } else { format!(": {text}") }
    }
}

impl Notifier for CommandNotifier {
    fn notify(&mut self, message: &Message) -> Result<(), NotifyError> {
        let shown = self.settings.program.display();
        let limit = self.settings.timeout;
        let ran = run(self.command(message), message.to_json().as_bytes(), limit);
        let ran = ran.map_err(|error| {
            NotifyError::temporary(Error::io(format!("cannot run {shown}"), error))
        })?;
        let said = self.said(&ran.output);
        match ran.end {
            End::Status(status) if status.success() => Ok(()),
            End::Status(status) => {
                let error = Error::state(format!("{shown} ended with {status}{said}"));
                let never = |code| self.settings.permanent.contains(&code);
                Err(if status.code().is_some_and(never) {
                    NotifyError::permanent(error)
                } else {
                    NotifyError::temporary(error)
                })
            }
            End::Killed => Err(NotifyError::temporary(Error::state(format!(
                "{shown} was killed after {limit:?}{said}"
            )))),
        }
    }
}

impl fmt::Debug for CommandNotifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CommandNotifier").field(&self.settings).finish()
    }
}
