//! Somebody who may write to the log's folder, and wants the sink to write elsewhere.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use prisma_log_core::Sink as _;
use prisma_log_file::{Compression, Retention, Rotation};
use serde_json::{Value, json};

use super::files::{self, Direct, Found};
use super::{Row, got};
use crate::kid::{Call, Run, ask};
use crate::load;
use crate::needs;
use crate::report::{Section, Table, thousands};

pub(super) static ROW: Row = Row {
    name: "links",
    faults: "22",
    what: "an attacker swaps links in the log's folder 100,000 times",
    about: "While a sink writes, rotates and compresses, a thread puts symbolic links, hard links, \
        FIFOs and folders in the place of the log, its lock, its archives and those to come, their \
        temporary names and the link to the current file, and swaps the folder itself for a link to \
        another one. Outside are files and a folder that none of it may reach: their content, length, \
        permissions and times must stay as they are, and nothing may come into being there. Then the \
        attacker cleans up, and the sink must go on.",
    needs: needs::nothing,
    run,
    child,
};

fn run(run: &Run) -> Result<Section, String> {
    let place = run.place(ROW.name)?;
    let swaps: u64 = run.pick(5_000, 100_000);
    let answer = ask(&place, ROW.name, "both", &[&swaps.to_string()], Duration::from_secs(900))?;
    let mut section = Section::new();
    if let Some(seen) = answer["seen"].as_str().filter(|seen| !seen.is_empty()) {
        eprintln!("{seen}");
    }
    let mut table = Table::new(&["swapped for", "times"]);
    for kind in KINDS {
        table.body.push([kind.to_owned(), thousands(got(&answer, kind))].to_vec());
    }
    section.table(table);
    section.equals("swaps", swaps, KINDS.iter().map(|kind| got(&answer, kind)).sum());
    section.info("batches that the sink took", thousands(got(&answer, "taken")));
    section.info("batches that it refused for now", thousands(got(&answer, "refused")));
    section.zero("batches that it refused for good", got(&answer, "refused_for_good"));
    section.zero("bytes written outside the folder", got(&answer, "bytes_outside"));
    section.zero("files outside changed or gone", got(&answer, "changed_outside"));
    section.zero("files that came into being outside", got(&answer, "born_outside"));
    section.zero("batches refused after the attack", got(&answer, "refused_after"));
    section.zero("records lost after the attack", got(&answer, "lost_after"));
    Ok(section)
}

const KINDS: [&str; 6] = [
    "a symbolic link to a file outside",
    "a symbolic link to nothing outside",
    "a hard link to a file outside",
    "a FIFO",
    "a folder",
    "the folder itself, a link to another one",
];
const VICTIMS: usize = 4;

/// What is known about a file that nothing may change.
type Known = (PathBuf, Vec<u8>, u32, i64, i64);

fn child(call: &Call) -> Result<Value, String> {
    let folder = files::folder(&call.place);
    let outside = call.place.dir.join("outside");
    fs::create_dir(&outside).map_err(text)?;
    for number in 0..VICTIMS {
        let content = format!("{{\"n\":{number}}}\n").repeat(100);
        fs::write(outside.join(format!("victim-{number}")), content).map_err(text)?;
    }
    let builder = files::builder(&folder)
        .rotation(Rotation::new().max_bytes(2048))
        .retention(Retention::new().archives(4))
        .compression(Compression::Zstd)
        .current_link(folder.join("current"))
        .on_error(|_| {});
    let mut direct = Direct::new(builder)?;
    direct.insist(0, 0, 0..10, Duration::from_secs(10))?;
    let before = known(&outside)?;
    let done = AtomicBool::new(false);
    let counts: [AtomicU64; KINDS.len()] = Default::default();
    let swaps = call.number(0)?;
    let mut answer = json!({});
    std::thread::scope(|scope| -> Result<(), String> {
        scope.spawn(|| {
            attack(&folder, &outside, swaps, &counts);
            done.store(true, Ordering::Release);
        });
        let (mut taken, mut refused, mut for_good) = (0_u64, 0_u64, 0_u64);
        let mut n = 10;
        while !done.load(Ordering::Acquire) {
            match direct.write(0, 0, n..n + 5) {
                Ok(()) => taken += 1,
                Err(error) if error.retry_after.is_some() => refused += 1,
                Err(error) => {
                    if for_good == 0 {
                        eprintln!("refused for good: {}", error.error);
                    }
                    for_good += 1;
                }
            }
            n += 5;
        }
        answer["taken"] = taken.into();
        answer["refused"] = refused.into();
        answer["refused_for_good"] = for_good.into();
        Ok(())
    })?;
    clean(&folder);
    // The compressing thread may still be at it.
    std::thread::sleep(Duration::from_millis(300));
    let after = known(&outside)?;
    let mut seen = String::new();
    for (path, content, mode, ..) in after.iter().filter(|file| !before.contains(file)) {
        let content = String::from_utf8_lossy(&content[content.len().saturating_sub(100)..]);
        seen += &format!("  outside: {} {mode:o} ends with {content:?}\n", path.display());
    }
    answer["seen"] = seen.into();
    let grown = after.iter().map(|file| {
        let old = before.iter().find(|old| old.0 == file.0).map_or(&[][..], |old| &old.1);
        let same = file.1.iter().zip(old).filter(|(new, old)| new == old).count();
        file.1.len() - same
    });
    answer["bytes_outside"] = grown.sum::<usize>().into();
    answer["changed_outside"] = before.iter().filter(|file| !after.contains(file)).count().into();
    let born = after.iter().filter(|file| !before.iter().any(|old| old.0 == file.0)).count();
    answer["born_outside"] = born.into();
    // The sink's back-off may have some time to run.
    direct.insist(1, 0, 0..5, Duration::from_secs(5))?;
    let mut refused_after = 0_u64;
    for n in (5..500).step_by(5) {
        refused_after += direct.insist(1, 0, n..n + 5, Duration::from_secs(5))?;
    }
    direct.sink.flush().map_err(text)?;
    drop(direct);
    let log = Found::look(&folder)?.read()?;
    answer["refused_after"] = refused_after.into();
    // Retention has its way with the older ones; what is there reaches to the end without a gap.
    let seen = log.stream(1, 0);
    let first = (0..500).find(|n| seen.has(*n)).unwrap_or(500);
    answer["lost_after"] = (first.max(1)..500).filter(|n| !seen.has(*n)).count().into();
    for (kind, count) in KINDS.iter().zip(&counts) {
        answer[*kind] = count.load(Ordering::Relaxed).into();
    }
    Ok(answer)
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

fn known(outside: &Path) -> Result<Vec<Known>, String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(outside).map_err(text)? {
        let path = entry.map_err(text)?.path();
        let data = fs::symlink_metadata(&path).map_err(text)?;
        let content = if data.is_file() { fs::read(&path).map_err(text)? } else { Vec::new() };
        files.push((path, content, data.mode(), data.mtime(), data.mtime_nsec()));
    }
    files.sort();
    Ok(files)
}

/// Swaps until it has swapped so often.
fn attack(folder: &Path, outside: &Path, swaps: u64, counts: &[AtomicU64; KINDS.len()]) {
    let mut seed = 0xbad;
    let away = folder.with_extension("away");
    let mut done = 0;
    while done < swaps {
        let kind = match load::random(&mut seed) % 40 {
            0 => 5,
            at => at as usize % 5,
        };
        let victim = outside.join(format!("victim-{}", load::random(&mut seed) % VICTIMS as u64));
        // Made under a name of its own, and moved over what it takes the place of.
        let made = folder.join("made");
        let target = folder.join(target(folder, &mut seed));
        let swapped = match kind {
            0 => symlink(&victim, &made).is_ok(),
            1 => symlink(outside.join(format!("born-{}", done % 7)), &made).is_ok(),
            2 => fs::hard_link(&victim, &made).is_ok(),
            3 => crate::os::fifo(&made),
            4 => {
                // A folder takes no other file's place.
                let _ = fs::remove_file(&target);
                fs::create_dir(&target).is_ok()
            }
            _ => swap_folder(folder, outside, &away, &mut seed),
        };
        if kind < 4 && swapped {
            if target.is_dir() && !target.is_symlink() {
                let _ = fs::remove_dir_all(&target);
            }
            if fs::rename(&made, &target).is_err() {
                let _ = fs::remove_file(&made);
                continue;
            }
        }
        if swapped {
            counts[kind].fetch_add(1, Ordering::Relaxed);
            done += 1;
        }
        // Now and then the sink gets to work.
        if load::random(&mut seed).is_multiple_of(8) {
            let _ = fs::remove_file(&target);
            let _ = fs::remove_dir(&target);
        }
        if load::random(&mut seed).is_multiple_of(64) {
            clean(folder);
            std::thread::sleep(Duration::from_micros(300));
        }
    }
}

/// A name that the sink uses, or will use.
fn target(folder: &Path, seed: &mut u64) -> String {
    let names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    let archives: Vec<&String> =
        names.iter().filter(|name| name.starts_with("app.log.2")).collect();
    let of = |seed: &mut u64| {
        archives
            .get(load::random(seed) as usize % archives.len().max(1))
            .map(|name| (*name).clone())
    };
    let stamp = {
        let text = crate::machine::now();
        format!("app.log.{}", text.replace(':', "-"))
    };
    let number = 2 + load::random(seed) % 30;
    match load::random(seed) % 9 {
        0 | 1 => "app.log".to_owned(),
        2 => ".app.log.lock".to_owned(),
        3 => "current".to_owned(),
        4 => "app.log.torn".to_owned(),
        5 => of(seed).unwrap_or(stamp),
        6 => format!("{stamp}.{number}"),
        7 => format!("{stamp}.{number}.zst"),
        _ => format!(".{}.zst.tmp", of(seed).unwrap_or(stamp).trim_end_matches(".zst")),
    }
}

/// Puts a link to the other folder in the place of this one for a moment.
fn swap_folder(folder: &Path, outside: &Path, away: &Path, seed: &mut u64) -> bool {
    if fs::rename(folder, away).is_err() {
        return false;
    }
    let linked = symlink(outside, folder).is_ok();
    std::thread::sleep(Duration::from_micros(load::random(seed) % 300));
    let _ = fs::remove_file(folder);
    // The sink may have made the folder anew; what it wrote there goes.
    while fs::rename(away, folder).is_err() {
        let _ = fs::remove_dir_all(folder);
    }
    linked
}

/// Takes everything out of the folder that is no regular file with one name.
fn clean(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(data) = entry.path().symlink_metadata() else { continue };
        if data.is_dir() {
            let _ = fs::remove_dir_all(entry.path());
        } else if !data.is_file() || data.nlink() > 1 {
            let _ = fs::remove_file(entry.path());
        }
    }
}
