//! What a server answered, and what follows from that.

use std::time::Duration;

use prisma_log_core::Error;
use prisma_log_monitor::NotifyError;

use crate::text::{cut, line};

/// An answer of a server.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) phrase: &'static str,
    pub(super) body: Vec<u8>,
    /// How long the server wants to be left alone.
    pub(super) wait: Option<Duration>,
}

impl Answer {
    /// Whether the message was taken; `server` is the server for people, `hide` takes out secrets.
    pub(super) fn outcome(
        &self,
        server: &str,
        hide: impl Fn(&str) -> String,
    ) -> Result<(), NotifyError> {
        /// Of what a server says, an error shows so many bytes.
        const SHOWN: usize = 300;
        if (200..300).contains(&self.status) {
            return Ok(());
        }
        let mut text = format!("{server} answered {}", self.status);
        if !self.phrase.is_empty() {
            text += &format!(" {}", self.phrase);
        }
        let said = String::from_utf8_lossy(&self.body);
        let said = line(&hide(said.trim().lines().next().unwrap_or_default()));
        if !said.is_empty() {
            text += &format!(": {}", cut(&said, SHOWN));
        }
        let error = Error::state(text);
        Err(match self.status {
            408 | 425 | 429 | 500..=599 => {
                let error = NotifyError::temporary(error);
                match self.wait {
                    Some(wait) => error.retry_after(wait),
                    None => error,
                }
            }
            // Headers and bodies go to nobody else.
            300..=399 => NotifyError::permanent(error.with_hint("redirects are not followed")),
            401 | 403 => NotifyError::permanent(error.with_hint("are the credentials right?")),
            404 | 405 | 410 => NotifyError::permanent(error.with_hint("is the address right?")),
            _ => NotifyError::permanent(error),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_whether_to_try_again() {
        let check = |status, expect: &str| {
            let wait = Some(Duration::from_secs(9));
            let body = b" why s3cret\x1b\nmore".to_vec();
            let answer = Answer { status, phrase: "Phrase", body, wait };
            let got = match answer.outcome("http://h", |text| text.replace("s3cret", "***")) {
                Ok(()) => "taken".to_owned(),
                Err(error) if error.is_temporary => format!("{:?}: {error}", error.retry_after),
                Err(error) => format!("never: {error}"),
            };
            assert_eq!(got, expect);
        };
        check(200, "taken");
        check(202, "taken");
        check(204, "taken");
        for status in [408, 425, 429, 500, 501, 502, 503, 504] {
            let said = format!("http://h answered {status} Phrase: why ***\\u{{1b}}");
            check(status, &format!("Some(9s): {said}"));
        }
        for (status, hint) in [
            (301, " (redirects are not followed)"),
            (308, " (redirects are not followed)"),
            (400, ""),
            (401, " (are the credentials right?)"),
            (404, " (is the address right?)"),
            (413, ""),
            (422, ""),
        ] {
            let said = format!("http://h answered {status} Phrase: why ***\\u{{1b}}");
            check(status, &format!("never: {said}{hint}"));
        }
    }
}
