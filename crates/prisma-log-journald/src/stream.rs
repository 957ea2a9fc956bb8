//! Whether a stream of the process already leads to the journal.

use std::os::fd::AsFd;

/// Whether what is written to this stream goes to the journal anyway, line by line: the service
/// manager says in `JOURNAL_STREAM` which stream it connected, and this is that one.
///
/// A program whose standard error is the journal's can send records with their fields instead:
///
/// ```
/// use prisma_log_journald::stream_is_journal;
///
/// let console = if stream_is_journal(std::io::stderr()) { "journald" } else { "console" };
/// # assert_eq!(console, "console");
/// ```
///
/// The variable is inherited by programs whose streams were redirected; so it alone says nothing,
/// and the stream's device and inode must be those that it names, as systemd.exec(5) asks for. A
/// closed stream is no journal's.
pub fn stream_is_journal(stream: impl AsFd) -> bool {
    std::env::var("JOURNAL_STREAM").is_ok_and(|named| is_named(&named, stream))
}

fn is_named(named: &str, stream: impl AsFd) -> bool {
    let Some((device, inode)) = named.split_once(':') else { return false };
    let (Ok(device), Ok(inode)) = (device.parse::<u64>(), inode.parse::<u64>()) else {
        return false;
    };
    // The types of these differ between architectures.
    rustix::fs::fstat(stream).is_ok_and(|stat| {
        u128::from(stat.st_dev) == device.into() && u128::from(stat.st_ino) == inode.into()
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn both_numbers_must_be_the_streams() {
        let (one, other) = UnixStream::pair().unwrap();
        let stat = rustix::fs::fstat(&one).unwrap();
        let (device, inode) = (stat.st_dev, stat.st_ino);
        assert!(is_named(&format!("{device}:{inode}"), &one));
        assert!(!is_named(&format!("{device}:{inode}"), &other));
        assert!(!is_named(&format!("{}:{inode}", device + 1), &one));
        for bad in ["", ":", "1", "x:y", &format!("{device}:{inode}:1"), &format!("{device}:")] {
            assert!(!is_named(bad, &one), "{bad:?}");
        }
    }
}
