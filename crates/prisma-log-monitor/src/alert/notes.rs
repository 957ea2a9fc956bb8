//! What people say about an alert, and who takes care of it.

use prisma_log_core::{Error, Timestamp};

use super::{Action, Alert};
use crate::text::{json_object, json_string};

const MAX_BY: usize = 256;
const MAX_NOTE: usize = 4096;
const MAX_COMMENTS: usize = 32;

/// What somebody said about an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Comment {
    /// When, by the wall clock.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// What, at most 4 KiB.
    pub text: String,
}

impl Comment {
    pub(super) fn to_json(&self) -> String {
        json_object([
            ("at", json_string(&self.at.to_string())),
            ("by", json_string(&self.by)),
            ("text", json_string(&self.text)),
        ])
    }
}

impl Alert {
    /// Keeps what `by` says about the alert.
    pub(crate) fn comment(&mut self, by: &str, text: &str, at: Timestamp) -> Result<(), Error> {
        let by = check_by(by)?;
        let text = text.trim();
        if text.is_empty() {
            return Err(Error::config("the comment is empty"));
        }
        check_note(text)?;
        if self.comments.len() >= MAX_COMMENTS {
            return Err(Error::state(format!(
                "alert {} has {MAX_COMMENTS} comments, which is the limit",
                self.id
            )));
        }
        self.comments.push(Comment { at, by: by.clone(), text: text.to_owned() });
        self.record(Action::Commented, self.state, at, Some(by), None);
        Ok(())
    }

    /// Gives the alert to somebody, or to nobody.
    pub(crate) fn assign(&mut self, to: &str, by: &str, at: Timestamp) -> Result<(), Error> {
        let by = check_by(by)?;
        let (assignee, note) = match to.trim() {
            "" => (None, "to nobody".to_owned()),
            to => {
                let to = check_by(to)?;
                let note = format!("to {to}");
                (Some(to), note)
            }
        };
        self.assignee = assignee;
        self.record(Action::Assigned, self.state, at, Some(by), Some(note));
        Ok(())
    }
}

/// A person's name without spaces around it.
pub(crate) fn check_by(by: &str) -> Result<String, Error> {
    let by = by.trim();
    if by.is_empty() || by.len() > MAX_BY || by.chars().any(char::is_control) {
        return Err(Error::config(format!(
            "invalid name {by:?}: expected 1 to {MAX_BY} bytes without control characters"
        )));
    }
    Ok(by.to_owned())
}

pub(crate) fn check_note(note: &str) -> Result<(), Error> {
    if note.len() > MAX_NOTE {
        let bytes = note.len();
        return Err(Error::config(format!("the note has {bytes} bytes, above {MAX_NOTE}")));
    }
    Ok(())
}
