//! A disk that fails under what is synchronised.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use prisma_log_core::Sink as _;
use prisma_log_file::{Retention, Rotation};
use serde_json::{Value, json};

use super::disks::{BadDisk, Ext4, Loop, trigger};
use super::files::{self, Direct, Found};
use super::trouble::tool;
use super::{Row, got};
use crate::kid::{Call, Run, ask};
use crate::report::{Section, thousands};
use crate::{needs, os};

pub(super) static ROW: Row = Row {
    name: "io-errors",
    faults: "13, 15",
    what: "a disk that fails under what is synchronised",
    about: "A sink with `sync_on_flush` writes batches of ten, and flushes each. First to an ext4 \
        file system on a network block device (nbdkit; the journal is elsewhere) whose writes fail \
        while a switch is on: the kernel reports such an error once and forgets it, and a second \
        fsync of the same file says that all is well. Then to one that finds an error and makes \
        itself read-only (`errors=remount-ro`), and is mounted anew. At the end, the file system is \
        unmounted and mounted again, so that only what the disk holds can be read: every record \
        that a flush confirmed must be there.",
    needs: errors_needs,
    run: run_errors,
    child: errors,
};

fn errors_needs() -> Result<(), String> {
    needs::root()?;
    needs::file("/dev/loop-control")?;
    needs::file("/dev/fuse")?;
    let nbd = [("nbdkit", "nbdkit"), ("nbdfuse", "libnbd-bin")];
    needs::programs(&nbd)?;
    needs::programs(&[("mkfs.ext4", "e2fsprogs"), ("losetup", "mount"), ("findmnt", "util-linux")])
}

fn run_errors(run: &Run) -> Result<Section, String> {
    let mut section = Section::new();
    // A new disk now and then: what the file system writes for itself, some 30 s later, must not
    // meet the fault.
    bouts(&mut section, run, "nbd", "EIO", (run.pick(1, 10), run.pick(3, 10)))?;
    bouts(&mut section, run, "remount", "made read-only", (1, run.pick(3, 50)))?;
    Ok(section)
}

fn bouts(
    section: &mut Section,
    run: &Run,
    role: &str,
    title: &str,
    (disks, rounds): (u64, u64),
) -> Result<(), String> {
    let mut sums: Vec<(&str, u64)> = COUNTS.iter().map(|key| (*key, 0)).collect();
    for _ in 0..disks {
        let place = run.place(ROW.name)?;
        let limit = Duration::from_secs(300);
        let answer = ask(&place, ROW.name, role, &[&rounds.to_string()], limit)?;
        for (key, sum) in &mut sums {
            *sum += got(&answer, key);
        }
    }
    for (key, sum) in sums {
        let name = format!("{title}: {key}");
        match key {
            "times that the disk failed" => section.equals(name, disks * rounds, sum),
            "confirmed by a flush, and not on the disk"
            | "records repeated"
            | "lines torn"
            | "stray files" => section.zero(name, sum),
            _ => section.info(name, thousands(sum)),
        }
    }
    Ok(())
}

/// What a child counts, in the order of the table.
const COUNTS: [&str; 10] = [
    "times that the disk failed",
    "records",
    "confirmed by a flush",
    "confirmed by a flush, and not on the disk",
    "told to be in doubt",
    "told to be in doubt, and not on the disk",
    "records repeated",
    "lines torn",
    "holes where records in doubt were",
    "stray files",
];

fn text(error: impl ToString) -> String {
    error.to_string()
}

fn errors(call: &Call) -> Result<Value, String> {
    os::own_mounts()?;
    let dir = &call.place.dir;
    let disk = dir.join("disk");
    fs::create_dir(&disk).map_err(text)?;
    match call.role.as_str() {
        "nbd" => {
            let bad = BadDisk::new(dir)?;
            let journal = Loop::new(&call.place.ring.join("journal"), 16 << 20)?;
            tool("mkfs.ext4 -q -b 4096 -O journal_dev", &[&journal.device])?;
            let option = format!("mkfs.ext4 -q -b 4096 -J device={}", journal.device.display());
            tool(&format!("{option} -E lazy_itable_init=0"), &[&bad.device])?;
            tool("mount -o loop", &[&bad.device, &disk])?;
            drop(journal);
            let answer = confirmations(
                call,
                &disk,
                || bad.fails(true),
                || bad.fails(false),
                || {
                    tool("umount", &[&disk])?;
                    // The journal is finished now, and with it the need for its device.
                    tool("mount -o loop,noload,ro", &[&bad.device, &disk])
                },
            )?;
            tool("umount", &[&disk])?;
            tool("umount", &[&bad.device])?;
            Ok(answer)
        }
        "remount" => {
            let ext4 = Ext4::new(call, &disk, "errors=remount-ro")?;
            let again = || ext4.again();
            confirmations(call, &disk, || trigger(&disk), again, again)
        }
        _ => Err(call.unknown()),
    }
}

/// Writes and flushes while the disk fails now and then, and looks at what it holds in the end.
fn confirmations(
    call: &Call,
    disk: &Path,
    fail: impl Fn() -> Result<(), String>,
    heal: impl Fn() -> Result<(), String>,
    reread: impl Fn() -> Result<(), String>,
) -> Result<Value, String> {
    let folder = disk.join("logs");
    fs::create_dir(&folder).map_err(text)?;
    let builder = files::builder(&folder)
        .rotation(Rotation::new().max_bytes(256 << 10))
        .retention(Retention::new().archives(usize::MAX))
        .sync_on_flush(true)
        .on_error(|_| {});
    let mut writer = Writer { direct: Direct::new(builder)?, next: 0, flushes: Vec::new() };
    // Everything that belongs to the file system itself is on the disk before the trouble begins.
    tool("sync -f", &[disk])?;
    let mut failed = 0;
    for _ in 0..call.number(0)? {
        for _ in 0..20 {
            writer.insist()?;
        }
        fail()?;
        let mut doubts = 0;
        for _ in 0..4 {
            doubts += u64::from(!writer.attempt()?);
        }
        failed += u64::from(doubts > 0);
        heal()?;
        for _ in 0..20 {
            writer.insist()?;
        }
    }
    let Writer { direct, next, flushes } = writer;
    drop(direct);
    reread()?;
    let found = Found::look(&folder)?;
    let log = found.read()?;
    let seen = log.stream(0, 0);
    let count = |wanted: bool, missing: bool| {
        let chosen = flushes.iter().filter(|(_, good)| *good == wanted);
        let numbers = chosen.flat_map(|(numbers, _)| numbers.clone());
        numbers.filter(|n| !missing || !seen.has(*n)).count()
    };
    let values = [
        failed,
        next,
        count(true, false) as u64,
        count(true, true) as u64,
        count(false, false) as u64,
        count(false, true) as u64,
        log.repeated(),
        log.torn - log.holes + log.blank,
        log.holes,
        found.strays.len() as u64,
    ];
    Ok(COUNTS.iter().zip(values).map(|(key, value)| ((*key).to_owned(), json!(value))).collect())
}

/// Writes batches of ten and flushes each.
struct Writer {
    direct: Direct,
    /// The number of the next record.
    next: u64,
    /// What the sink took between two flushes, and whether the second one succeeded.
    flushes: Vec<(Range<u64>, bool)>,
}

impl Writer {
    /// One batch and its flush, whatever comes of them; whether all went well.
    fn attempt(&mut self) -> Result<bool, String> {
        let from = self.next;
        let written = self.direct.write(0, 0, from..from + 10);
        let taken = match &written {
            Ok(()) => 10,
            Err(error) if error.retry_after.is_some() => error.delivered as u64,
            Err(error) => return Err(format!("refused for good: {}", error.error)),
        };
        self.next += taken;
        let flushed = self.direct.sink.flush().is_ok();
        self.flushes.push((from..self.next, flushed));
        Ok(written.is_ok() && flushed)
    }

    /// Batches until one goes well.
    fn insist(&mut self) -> Result<(), String> {
        let begin = Instant::now();
        while !self.attempt()? {
            if begin.elapsed() > Duration::from_secs(20) {
                return Err("the sink did not recover within 20 s".to_owned());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}
