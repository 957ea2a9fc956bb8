//! Names of rotated files.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::super::archive::Packing;

/// Digits of a rotation number at most; longer ones are dates and times.
const INDEX_DIGITS: usize = 5;

/// Endings of files that are never read as a log: compressed ones, and those that a writer keeps
/// beside its log. What is compressed in a form that was built in is read where that is said.
const NOT_FOLLOWED: [&[u8]; 9] =
    [b".gz", b".zst", b".bz2", b".xz", b".zip", b".lz4", b".lock", b".torn", b".tmp"];

/// The name without the ending of an archive that can be read, and whether it had one.
pub(super) fn unpacked(name: &[u8]) -> (&[u8], bool) {
    let packing = Packing::of_name(OsStr::from_bytes(name));
    let stem = packing.and_then(|packing| name.strip_suffix(packing.ending()));
    (stem.unwrap_or(name), stem.is_some())
}

/// Whether a file name has an ending that is never followed.
pub(in super::super) fn is_never_followed(name: &OsStr) -> bool {
    NOT_FOLLOWED.iter().any(|ending| name.as_bytes().ends_with(ending))
}

/// What stands in a rotated file's name behind the log's own name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// `.1`, `.2`, …: the bigger, the older.
    Index(u32),
    /// A date or time: the bigger, the newer.
    Stamp(Vec<u8>),
    /// The file sink's: seconds since 1970, and a number where there are several of one second.
    Archive(i64, u32),
    /// Another word, or nothing but the ending of an archive: only the file's time tells.
    Word,
}

/// The rank of `name` as a rotated file of `base`; `None` when it is none.
///
/// Rotated are `base.1`, `base.2026-11-24`, `base-20261124`, `base.old` and their like: behind the
/// dot or dash stands a digit or one of the usual words, so that `app` does not swallow `app-web`.
/// All of them may be compressed in a form that was built in: `base.2.gz`, and `base.gz`.
pub(super) fn rank(base: &[u8], name: &[u8]) -> Option<Rank> {
    let (name, is_packed) = unpacked(name);
    let suffix = name.strip_prefix(base)?;
    if is_packed && suffix.is_empty() {
        return Some(Rank::Word);
    }
    let (b'.' | b'-', suffix) = suffix.split_first().map(|(&sep, rest)| (sep, rest))? else {
        return None;
    };
    if is_never_followed(OsStr::from_bytes(suffix)) || is_never_followed(OsStr::from_bytes(name)) {
        return None;
    }
    if suffix.len() <= INDEX_DIGITS && suffix.iter().all(u8::is_ascii_digit) {
        let index = std::str::from_utf8(suffix).ok()?.parse().ok()?;
        return Some(Rank::Index(index));
    }
    if let Some((at, number)) = std::str::from_utf8(suffix).ok().and_then(archive) {
        return Some(Rank::Archive(at, number));
    }
    if suffix.first().is_some_and(u8::is_ascii_digit) {
        return Some(Rank::Stamp(suffix.to_vec()));
    }
    let words: [&[u8]; 5] = [b"old", b"prev", b"previous", b"bak", b"backup"];
    words.contains(&suffix).then_some(Rank::Word)
}

/// Reads `2026-11-23T23-59-58Z`, or with an offset such as `-0500`, and a number behind it (`.2`).
///
/// As text, times of different offsets have another order than in time.
fn archive(text: &str) -> Option<(i64, u32)> {
    let (stamp, number) = match text.split_once('.') {
        Some((stamp, number)) => (stamp, number.parse().ok()?),
        None => (text, 1),
    };
    let at = jiff::Timestamp::strptime("%Y-%m-%dT%H-%M-%S%z", stamp.replace('Z', "+0000")).ok()?;
    Some((at.as_second(), number))
}

/// Whether `path` is named as a rotated file of `log`.
pub(in super::super) fn is_rotated_of(path: &Path, log: &Path) -> bool {
    let names = (path.file_name(), log.file_name());
    let (Some(name), Some(base)) = names else { return false };
    path.parent() == log.parent() && rank(base.as_bytes(), name.as_bytes()).is_some()
}

/// The names that a rotated file of this name may be one of.
pub(in super::super) fn bases(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    memchr::memchr2_iter(b'.', b'-', name).filter(|&end| end > 0).map(|end| &name[..end])
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn names_of_rotated_files() {
        let check = |name: &str, expect: bool| {
            assert_eq!(is_rotated_of(Path::new(name), Path::new("/d/app.log")), expect, "{name}");
        };
        for name in ["/d/app.log.1", "/d/app.log.12", "/d/app.log-20261124", "/d/app.log.old"] {
            check(name, true);
        }
        check("/d/app.log.2026-11-24T08:00", true);
        check("/d/app.log.2026-11-23T23-59-58Z", true);
        check("/d/app.log.2026-11-23T23-59-58-0500.12", true);
        check("/d/app.log.2026-11-23T23-59-58Z.xz", false);
        for name in ["/d/app.log", "/e/app.log.1", "/d/app.log1", "/d/app.log.1.xz", "/d/app.log."]
        {
            check(name, false);
        }
        for name in ["/d/app.log.lock", "/d/app.log.1.torn", "/d/app.log-web", "/d/app.log.json"] {
            check(name, false);
        }
    }

    #[test]
    fn names_of_rotated_files_that_were_compressed() {
        for (ending, packing) in [(".gz", Packing::Gzip), (".zst", Packing::Zstd)] {
            let built_in = Packing::of_name(OsStr::new(ending)) == Some(packing);
            for name in ["/d/app.log", "/d/app.log.1", "/d/app.log.2026-11-23T23-59-58Z"] {
                let path = PathBuf::from(format!("{name}{ending}"));
                assert_eq!(is_rotated_of(&path, Path::new("/d/app.log")), built_in, "{path:?}");
            }
            let other = PathBuf::from(format!("/d/app.log.json{ending}"));
            assert!(!is_rotated_of(&other, Path::new("/d/app.log")));
        }
    }
}
