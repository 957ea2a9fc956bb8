//! Programs that are run with a message.

use std::path::PathBuf;
use std::time::Duration;

use super::secret::SecretText;
use crate::rules::matching::texts;
use crate::scalars::{Folder, Number};
use crate::section::{Section, read as read_scalar};

/// A receiver of `type: command`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CommandReceiver {
    /// The program; no shell is involved.
    pub program: PathBuf,
    /// Its arguments, which may have placeholders such as `{{title}}`.
    pub args: Vec<String>,
    /// Variables of its environment.
    pub env: Vec<(String, SecretText)>,
    /// Where it runs; by default where this program does.
    pub directory: Option<PathBuf>,
    /// How long it may run; 30 s by default.
    pub timeout: Option<Duration>,
    /// Exit codes that say that another try is of no use.
    pub permanent_statuses: Vec<i32>,
}

impl CommandReceiver {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let report = section.report();
        let program = section.required::<PathBuf>("program");
        let args = texts(section, "args").into_iter().map(|(_, text)| text).collect();
        let path = section.path_of("env");
        let items = section.map_under("env").map(|map| map.items.as_slice());
        let env = items.unwrap_or_default().iter().filter_map(|item| {
            let path = format!("{path}.{}", item.key);
            Some((item.key.clone(), SecretText::read(section, &path, &item.node)?))
        });
        let env = env.collect();
        let path = section.path_of("permanent_statuses");
        let mut permanent_statuses = Vec::new();
        for node in section.list("permanent_statuses").unwrap_or_default() {
            match read_scalar::<Number<1, 255>>(node, &path) {
                Ok(Number(status)) => permanent_statuses.push(status as i32),
                Err(error) => report.error(error),
            }
        }
        let directory = section.optional::<Folder>("directory").map(|Folder(path)| path);
        let timeout = section.optional("timeout");
        Some(CommandReceiver {
            program: program?,
            args,
            env,
            directory,
            timeout,
            permanent_statuses,
        })
    }
}
