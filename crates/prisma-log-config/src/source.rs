//! Reads a configuration file's text.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use prisma_log_core::{Error, Place};

/// Bigger files are no configuration.
pub(crate) const MAX_FILE_BYTES: u64 = 1 << 20;

/// The text of a regular file of at most 1 MiB.
///
/// # Errors
/// When it can't be read, is something else (a FIFO would block), is too big, or is not UTF-8.
pub(crate) fn read_text(path: &Path) -> Result<String, Error> {
    let cannot_read = |source: io::Error| Error::io_at("read", path, source);
    let at_file = || Place { file: path.to_owned(), line: 0, column: 0 };
    let metadata = std::fs::metadata(path).map_err(cannot_read)?;
    if !metadata.is_file() {
        let what = if metadata.is_dir() { "a directory" } else { "not a regular file" };
        return Err(Error::config(format!("this is {what}")).at(at_file()));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(cannot_read)?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(cannot_read)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        let error = Error::config("the file is bigger than 1 MiB");
        return Err(error.at(at_file()).with_hint("is this really a configuration file?"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let bad = error.as_bytes()[good.len()];
        let message = format!("byte 0x{bad:02x} is not UTF-8");
        Error::config(message).at(place_after(path, &String::from_utf8_lossy(good)))
    })
}

/// The place right behind `text`, which is the file's beginning.
fn place_after(path: &Path, text: &str) -> Place {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let line = text.rsplit('\n').next().unwrap_or_default();
    Place {
        file: path.to_owned(),
        line: number(text.matches('\n').count() + 1),
        column: number(line.chars().count() + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_text_files_of_a_sane_size_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let check = |name: &str, bytes: Option<&[u8]>, expect: &str| {
            let path = dir.path().join(name);
            if let Some(bytes) = bytes {
                std::fs::write(&path, bytes).unwrap();
            }
            let got = read_text(&path).unwrap_or_else(|error| error.to_string());
            assert!(got.contains(expect), "{name}: {got}");
        };
        check("good", Some("level: é".as_bytes()), "level: é");
        check("bad", Some(b"ab\nc\xC3\xA9\xFFd"), "bad:2:3: byte 0xff is not UTF-8");
        check("missing", None, "cannot read");
        check(".", None, "this is a directory");
        check("most", Some(&vec![b' '; 1 << 20]), "   ");
        check("big", Some(&vec![b' '; (1 << 20) + 1]), "bigger than 1 MiB");
    }
}
