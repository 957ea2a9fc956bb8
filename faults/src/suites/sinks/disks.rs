//! Disks that become read-only, and disks that lose what is written to them.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use prisma_log_core::Sink as _;
use prisma_log_file::{Retention, Rotation};
use serde_json::{Value, json};

use super::files::{self, Direct, Found};
use super::service::{self, Load};
use super::trouble::{self, Trial, tool};
use super::{Row, got};
use crate::kid::{Call, Run, ask};
use crate::report::{Section, thousands};
use crate::{needs, os};

pub(super) static READ_ONLY: Row = Row {
    name: "read-only",
    faults: "15",
    what: "a disk that makes itself read-only under load",
    about: "An ext4 file system, mounted with `sync`, finds an error and makes itself read-only with \
        the log open (`errors=remount-ro`); 200 ms after the sink has stopped it is mounted anew. All \
        that was logged must be in the files, once. The load pauses for the moment of the switch: of \
        what is written just then, the kernel itself does not know whether it is on the disk.",
    needs: read_only_needs,
    run: run_read_only,
    child: read_only,
};

pub(super) static ERRORS: Row = Row {
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

const HOLD: Duration = Duration::from_millis(200);
const LOAD: Load = Load { threads: 1, burst: 10, pause: Duration::from_micros(900) };

fn read_only_needs() -> Result<(), String> {
    needs::root()?;
    needs::file("/dev/loop-control")?;
    needs::programs(&[("mkfs.ext4", "e2fsprogs"), ("losetup", "mount"), ("findmnt", "util-linux")])
}

fn run_read_only(run: &Run) -> Result<Section, String> {
    let mut section = Section::new();
    trouble::report(&mut section, run, (READ_ONLY.name, "error", ""), run.pick(4, 100))?;
    Ok(section)
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

fn image(path: &Path, bytes: u64) -> Result<(), String> {
    fs::File::create(path).and_then(|file| file.set_len(bytes)).map_err(text)
}

fn read_only(call: &Call) -> Result<Value, String> {
    os::own_mounts()?;
    let disk = call.place.dir.join("disk");
    fs::create_dir(&disk).map_err(text)?;
    let ext4 = Ext4::new(call, &disk, "errors=remount-ro,sync")?;
    let folder = disk.join("logs");
    fs::create_dir(&folder).map_err(text)?;
    let sink = files::builder(&folder)
        .rotation(Rotation::new().max_bytes(1 << 20))
        .retention(Retention::new().archives(usize::MAX));
    let rounds = call.number(0)?;
    Trial { call, sink, folder: folder.clone(), load: LOAD }.run(|logging| {
        let begin = || {
            if is_read_only(&disk) {
                return Ok(());
            }
            service::in_a_pause(logging, "file", || trigger(&disk))
        };
        trouble::rounds(logging, rounds, HOLD, begin, || ext4.again())
    })
}

/// A file system that is mounted again and again.
struct Ext4<'a> {
    image: PathBuf,
    disk: &'a Path,
    options: &'a str,
}

impl<'a> Ext4<'a> {
    fn new(call: &Call, disk: &'a Path, options: &'a str) -> Result<Self, String> {
        let image = call.place.ring.join("image");
        let ext4 = Ext4 { image, disk, options };
        let first = Loop::new(&ext4.image, 256 << 20)?;
        tool("mkfs.ext4 -q -E lazy_itable_init=0", &[&first.device])?;
        ext4.mount(&first)?;
        Ok(ext4)
    }

    fn mount(&self, device: &Loop) -> Result<(), String> {
        tool(&format!("mount -t ext4 -o {}", self.options), &[&device.device, self.disk])
    }

    /// Mounts it on a device of its own: who has files open in the old mount keeps that.
    fn again(&self) -> Result<(), String> {
        tool("umount -l", &[self.disk])?;
        self.mount(&Loop::attach(&self.image)?)
    }
}

/// Tells an ext4 file system that something is wrong with it.
fn trigger(disk: &Path) -> Result<(), String> {
    let source = Command::new("findmnt").args(["-n", "-o", "SOURCE"]).arg(disk).output();
    let source = String::from_utf8_lossy(&source.map_err(text)?.stdout).trim().to_owned();
    let device = Path::new(&source).file_name().unwrap_or_default();
    let switch = Path::new("/sys/fs/ext4").join(device).join("trigger_fs_error");
    fs::write(&switch, "1").map_err(|error| format!("cannot write {}: {error}", switch.display()))
}

fn is_read_only(folder: &Path) -> bool {
    let probe = folder.join(".probe");
    let refused = fs::write(&probe, "");
    // Gone again, if it could be made.
    let _ = fs::remove_file(probe);
    refused.is_err_and(|error| error.kind() == std::io::ErrorKind::ReadOnlyFilesystem)
}

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
        let place = run.place(ERRORS.name)?;
        let limit = Duration::from_secs(300);
        let answer = ask(&place, ERRORS.name, role, &[&rounds.to_string()], limit)?;
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

/// A disk in memory whose writes fail while a file exists.
struct BadDisk {
    servers: Vec<Child>,
    switch: PathBuf,
    device: PathBuf,
}

impl BadDisk {
    fn new(folder: &Path) -> Result<Self, String> {
        let (socket, switch) = (folder.join("nbd.sock"), folder.join("switch"));
        let device = folder.join("device");
        image(&device, 0)?;
        let mut kit = Command::new("nbdkit");
        kit.args(["--foreground", "--filter=error", "--unix"]).arg(&socket);
        kit.args(["memory", "64M", "error=EIO", "error-pwrite-rate=100%"]);
        kit.arg(format!("error-file={}", switch.display()));
        let mut disk = BadDisk { servers: Vec::new(), switch, device };
        disk.start(kit)?;
        wait_for("nbdkit", || socket.exists())?;
        let mut fuse = Command::new("nbdfuse");
        fuse.arg(&disk.device).arg(format!("nbd+unix:///?socket={}", socket.display()));
        disk.start(fuse)?;
        let size = || fs::metadata(&disk.device).map_or(0, |data| data.len());
        wait_for("nbdfuse", || size() > 0)?;
        Ok(disk)
    }

    fn start(&mut self, mut command: Command) -> Result<(), String> {
        os::die_with_parent(&mut command);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.servers.push(command.spawn().map_err(text)?);
        Ok(())
    }

    fn fails(&self, fails: bool) -> Result<(), String> {
        let switched =
            if fails { fs::write(&self.switch, "") } else { fs::remove_file(&self.switch) };
        switched.map_err(text)
    }
}

impl Drop for BadDisk {
    fn drop(&mut self) {
        for mut server in self.servers.drain(..).rev() {
            // Fails only where it has ended.
            let _ = server.kill();
            let _status = server.wait();
        }
    }
}

fn wait_for(what: &str, mut there: impl FnMut() -> bool) -> Result<(), String> {
    let begin = Instant::now();
    while !there() {
        if begin.elapsed() > Duration::from_secs(20) {
            return Err(format!("{what} did not start within 20 s"));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
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

/// A file as a block device; let go of, it goes away with its last mount.
struct Loop {
    device: PathBuf,
}

impl Loop {
    fn new(path: &Path, bytes: u64) -> Result<Self, String> {
        image(path, bytes)?;
        Loop::attach(path)
    }

    fn attach(path: &Path) -> Result<Self, String> {
        let program = needs::find("losetup").unwrap_or_else(|| "losetup".into());
        let output = Command::new(program).args(["--find", "--show"]).arg(path).output();
        let output = output.map_err(text)?;
        if !output.status.success() {
            return Err(format!("losetup: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        Ok(Loop { device: String::from_utf8_lossy(&output.stdout).trim().into() })
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        // Where it fails, the machine has a loop device less until it is restarted.
        let _ = tool("losetup --detach", &[&self.device]);
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
