//! Text that is never shown.

use std::fmt;
use std::fs;
use std::path::Path;

use prisma_log_core::Error;

/// Longest file that a secret is read from, in bytes.
const LONGEST: u64 = 64 << 10;

/// A password, token or address that nobody may read in a log: `Debug` shows `***`, and there is no
/// `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A secret with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// Reads a secret from a file of at most 64 KiB, without the line end behind it: what container
    /// platforms mount, and systemd's credentials.
    ///
    /// # Errors
    /// When the file can't be read, is not UTF-8, is longer, or holds nothing.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let io = |error| Error::io_at("read", path, error);
        if fs::metadata(path).map_err(io)?.len() > LONGEST {
            let shown = path.display();
            return Err(Error::config(format!("{shown} is too long for a secret"))
                .with_hint("at most 64 KiB"));
        }
        let text = fs::read_to_string(path).map_err(io)?;
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err(Error::config(format!("{} holds no secret", path.display())));
        }
        Ok(Secret::new(text))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// `text` with the secret taken out.
    pub(crate) fn hide_in(&self, text: &str) -> String {
        /// Shorter ones stand in innocent words too.
        const SHORTEST: usize = 4;
        if self.0.len() < SHORTEST || !text.contains(&self.0) {
            return text.to_owned();
        }
        text.replace(&self.0, "***")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Secret::new(text)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Secret::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_not_shown() {
        let secret = Secret::from("hunter22");
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(secret.hide_in("got hunter22, hunter22!"), "got ***, ***!");
        assert_eq!(Secret::from("a").hide_in("banana"), "banana");
        assert_eq!(Secret::from("").hide_in("banana"), "banana");
    }

    #[test]
    fn is_read_from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let check = |bytes: &[u8], expect: Result<&str, &str>| {
            fs::write(&path, bytes).unwrap();
            let read = Secret::read(&path);
            match expect {
                Ok(text) => assert_eq!(read.unwrap().expose(), text),
                Err(why) => assert!(read.unwrap_err().to_string().contains(why)),
            }
        };
        check(b"s3cret\n", Ok("s3cret"));
        check(b" s3 cret \r\n", Ok(" s3 cret "));
        check(b"\n", Err("holds no secret"));
        check(b"\xff", Err("cannot read"));
        check(&[b'x'; 100_000], Err("too long"));
        assert!(Secret::read(folder.path().join("none")).unwrap_err().is_io());
    }
}
