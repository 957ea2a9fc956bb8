//! A disk that is full.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use prisma_log_file::{Retention, Rotation};
use serde_json::Value;

use super::Row;
use super::files;
use super::service::Load;
use super::trouble::{self, Trial, tool};
use crate::kid::{Call, Run};
use crate::report::Section;
use crate::{needs, os};

pub(super) static SPACE: Row = Row {
    name: "disk-full",
    faults: "12",
    what: "a disk of 1 MiB that is filled and freed in a loop under load",
    about: "A thread logs some 10,000 records a second through the queue into a file on a tmpfs of \
        1 MiB; what was rotated is taken away at once, as a log shipper does. Another writer fills \
        the disk to the last byte until the sink has stopped, and 200 ms later frees it. All that was \
        logged must be in the files, once.",
    needs: needs::root,
    run: run_space,
    child: space,
};

pub(super) static QUOTA: Row = Row {
    name: "quota",
    faults: "14",
    what: "a quota that is used up, and raised again, under load",
    about: "The same on btrfs with a quota group, whose limit is set below what is used and taken \
        away again: EDQUOT.",
    needs: quota_needs,
    run: run_quota,
    child: quota,
};

const HOLD: Duration = Duration::from_millis(200);
const LOAD: Load = Load { threads: 1, burst: 10, pause: Duration::from_micros(900) };

fn run_space(run: &Run) -> Result<Section, String> {
    let mut section = Section::new();
    trouble::report(&mut section, run, (SPACE.name, "space", ""), run.pick(6, 100))?;
    Ok(section)
}

fn space(call: &Call) -> Result<Value, String> {
    os::own_mounts()?;
    let folder = files::folder(&call.place);
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    tool("mount -t tmpfs -o size=1M none", &[&folder])?;
    let sink = files::builder(&folder)
        .rotation(Rotation::new().max_bytes(64 << 10))
        .retention(Retention::new().archives(usize::MAX));
    let rounds = call.number(0)?;
    let ballast = folder.join("ballast");
    // Held by whoever takes files away; not while the disk is to stay full.
    let shipping = Mutex::new(());
    let done = AtomicBool::new(false);
    let away = trouble::away(&call.place);
    std::thread::scope(|scope| {
        scope.spawn(|| ship(&folder, &away, &shipping, &done));
        let held = Mutex::new(None);
        let begin = || {
            let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
            if held.is_none() {
                *held = Some(shipping.lock().unwrap_or_else(PoisonError::into_inner));
            }
            fill(&ballast)
        };
        let end = || {
            fs::remove_file(&ballast).map_err(|error| error.to_string())?;
            *held.lock().unwrap_or_else(PoisonError::into_inner) = None;
            Ok(())
        };
        let trial = Trial { call, sink, folder: folder.clone(), load: LOAD };
        let answer = trial.run(|logging| trouble::rounds(logging, rounds, HOLD, begin, end));
        done.store(true, Ordering::Release);
        answer
    })
}

/// Appends until nothing more goes in.
pub(super) fn fill(ballast: &Path) -> Result<(), String> {
    let file = OpenOptions::new().create(true).append(true).open(ballast);
    let mut file = file.map_err(|error| format!("no ballast: {error}"))?;
    for size in [4096, 256, 1] {
        while file.write(&[b'x'; 4096][..size]).is_ok_and(|written| written > 0) {}
    }
    Ok(())
}

/// Takes archives to another disk until it is done.
fn ship(folder: &Path, away: &Path, shipping: &Mutex<()>, done: &AtomicBool) {
    let mut number = 0;
    while !done.load(Ordering::Acquire) {
        let held = shipping.lock().unwrap_or_else(PoisonError::into_inner);
        let names = fs::read_dir(folder).into_iter().flatten().flatten();
        let archives: Vec<PathBuf> = names
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("app.log.2"))
            .map(|entry| entry.path())
            .collect();
        for archive in archives {
            let to = away.join(format!("{number:06}"));
            if fs::copy(&archive, to).is_ok() && fs::remove_file(&archive).is_ok() {
                number += 1;
            }
        }
        drop(held);
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn quota_needs() -> Result<(), String> {
    needs::root()?;
    needs::file("/dev/loop-control")?;
    needs::programs(&[("mkfs.btrfs", "btrfs-progs"), ("btrfs", "btrfs-progs")])
}

fn run_quota(run: &Run) -> Result<Section, String> {
    let mut section = Section::new();
    trouble::report(&mut section, run, (QUOTA.name, "quota", ""), run.pick(3, 50))?;
    Ok(section)
}

fn quota(call: &Call) -> Result<Value, String> {
    os::own_mounts()?;
    let (image, disk) = (call.place.ring.join("image"), call.place.dir.join("disk"));
    fs::create_dir(&disk).map_err(|error| error.to_string())?;
    let file = fs::File::create(&image).and_then(|file| file.set_len(256 << 20));
    file.map_err(|error| error.to_string())?;
    tool("mkfs.btrfs -q", &[&image])?;
    tool("mount -o loop", &[&image, &disk])?;
    let folder = disk.join("logs");
    tool("btrfs subvolume create", &[&folder])?;
    tool("btrfs quota enable", &[&disk])?;
    let sink = files::builder(&folder)
        .rotation(Rotation::new().max_bytes(1 << 20))
        .retention(Retention::new().archives(usize::MAX));
    // The first subvolume of a file system has this number; asked of the file system's root, which
    // has no quota itself.
    let begin = || tool("btrfs qgroup limit 16K 0/256", &[&disk]);
    let end = || tool("btrfs qgroup limit none 0/256", &[&disk]);
    let rounds = call.number(0)?;
    Trial { call, sink, folder: folder.clone(), load: LOAD }
        .run(|logging| trouble::rounds(logging, rounds, HOLD, begin, end))
}
