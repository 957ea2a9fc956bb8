//! Opening what stands at a path, and refusing what is no text log.

use std::fs::{Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use prisma_log_core::Error;

use super::archive::Limits;
use super::content::Content;

/// `open` must not wait for a FIFO's writer. The values are those of the C headers; std names the
/// flag nowhere.
const O_NONBLOCK: i32 = if cfg!(any(target_os = "linux", target_os = "android")) {
    if cfg!(any(target_arch = "mips", target_arch = "mips64")) {
        0x80
    } else if cfg!(any(target_arch = "sparc", target_arch = "sparc64")) {
        0x4000
    } else {
        0o4000
    }
} else {
    0x4
};

/// How much of a file's start is looked at to tell text from other content.
pub(super) const PROBE_BYTES: usize = 8 * 1024;

/// Opens the regular file at `path`; `None` when there is nothing.
///
/// # Errors
/// When it is something other than a regular file or can't be opened.
pub(super) fn open(path: &Path, limits: Limits) -> Result<Option<(Content, Metadata)>, Error> {
    // Asking first keeps devices from being opened at all: some act on it. The descriptor is asked
    // again, as another file may have come in between.
    let opened = std::fs::metadata(path).and_then(|metadata| {
        if !metadata.is_file() {
            return Ok((None, metadata));
        }
        let file = OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(path)?;
        let metadata = file.metadata()?;
        Ok((Some(file), metadata))
    });
    match opened {
        Ok((Some(file), metadata)) if metadata.is_file() => {
            let content = Content::new(file, path, limits);
            let content = content.map_err(|error| Error::io_at("read", path, error))?;
            Ok(Some((content, metadata)))
        }
        Ok((_, metadata)) => Err(not_regular(path, &metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io_at("open", path, error)),
    }
}

/// Why something that is no regular file is not followed.
pub(super) fn not_regular(path: &Path, metadata: &Metadata) -> Error {
    let kind = metadata.file_type();
    let shown = path.display();
    if kind.is_dir() {
        return Error::config(format!("{shown} is a directory, not a log file"))
            .with_hint(format!("name the files in it, or a pattern such as `{shown}/*.log`"));
    }
    let what = if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    };
    Error::config(format!("{shown} is {what}, not a log file"))
        .with_hint("only regular files can be followed")
}

/// Refuses a file whose start is no text in UTF-8 or another superset of ASCII.
///
/// # Errors
/// When the text is compressed in an unknown form, UTF-16 or has a NUL byte in its first 8 KiB, or
/// can't be read.
pub(super) fn check_text(path: &Path, content: &mut Content) -> Result<(), Error> {
    let mut start = [0; PROBE_BYTES];
    let len = content.read_at(&mut start, 0).map_err(|error| Error::io_at("read", path, error))?;
    check_start(path, &start[..len])
}

/// [`check_text`] for a file that belongs to a log which was followed before: it may start with a
/// hole of NUL bytes, and then is taken for text.
///
/// # Errors
/// As with [`check_text`].
pub(super) fn check_text_after_hole(path: &Path, content: &mut Content) -> Result<(), Error> {
    let mut first = [1];
    content.read_at(&mut first, 0).map_err(|error| Error::io_at("read", path, error))?;
    if first == [0] { Ok(()) } else { check_text(path, content) }
}

/// [`check_text`] on bytes that were read already.
pub(super) fn check_start(path: &Path, start: &[u8]) -> Result<(), Error> {
    let start = &start[..start.len().min(PROBE_BYTES)];
    let shown = path.display();
    const PACKED: [(&[u8], &str); 4] = [
        (b"\x1f\x8b", "gzip"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"\xfd7zXZ\0", "xz"),
        (b"BZh", "bzip2"),
    ];
    if let Some((_, how)) = PACKED.iter().find(|(magic, _)| start.starts_with(magic)) {
        return Err(Error::data(format!("{shown} is compressed ({how}), not a text log"))
            .with_hint("decompress it first; gzip and zstd can be built in"));
    }
    let nul = memchr::memchr(0, start);
    if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") || looks_utf16(start) {
        return Err(Error::data(format!("{shown} is UTF-16 text, not UTF-8"))
            .with_hint("convert it first: `iconv -f UTF-16 -t UTF-8`"));
    }
    match nul {
        None => Ok(()),
        Some(at) => Err(Error::data(format!("{shown} is not a text log: NUL byte at offset {at}"))
            .with_hint("only text logs can be followed")),
    }
}

/// ASCII text in UTF-16 without a byte order mark has a NUL in every other byte.
fn looks_utf16(start: &[u8]) -> bool {
    let pairs = start.len() / 2;
    let nuls = |odd: usize| start.iter().skip(odd).step_by(2).filter(|&&b| b == 0).count();
    let (even, odd) = (nuls(0), nuls(1));
    pairs >= 8 && (even == 0 && odd * 10 > pairs * 8 || odd == 0 && even * 10 > pairs * 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_text() {
        let check = |start: &[u8], expect: &str| {
            let result = check_start(Path::new("x.log"), start);
            let got = result.err().map(|error| error.to_string()).unwrap_or_default();
            assert!(got.contains(expect) && got.is_empty() == expect.is_empty(), "{got:?}");
        };
        check(b"", "");
        check(b"plain text\n", "");
        check(b"latin-1: \xe4\xf6\xfc\n", "");
        check(b"\xef\xbb\xbfwith a byte order mark\n", "");
        check(b"abc\0def", "x.log is not a text log: NUL byte at offset 3");
        check(b"\xff\xfea\0b\0", "iconv");
        check(b"\xfe\xff\0a\0b", "iconv");
        let utf16: Vec<u8> = "no mark, a line\n".bytes().flat_map(|b| [b, 0]).collect();
        check(&utf16, "iconv");
        check(b"\x1f\x8b\x08", "gzip");
        let late = [&vec![b'a'; PROBE_BYTES][..], b"\0"].concat();
        check(&late, "");
    }
}
