//! Files and folders in other hands, and limits of the process.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use prisma_log_core::{Error, Sink as _, SinkCommand};
use tempfile::TempDir;

use crate::support::{files, line, lines, parse, quiet, sized, write};

fn refusal(path: &Path, words: &str) {
    let error: Error = quiet(path).build().expect_err(words);
    assert!(error.is_config() && error.hint().is_some(), "{error:?}");
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn a_file_with_a_second_name_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let other = folder.path().join("other");
    fs::write(&other, "there\n").unwrap();
    fs::hard_link(&other, &path).unwrap();
    refusal(&path, "has 2 names");
    assert_eq!(fs::read_to_string(&other).unwrap(), "there\n");
    fs::remove_file(&path).unwrap();
    let mut sink = quiet(&path).build().unwrap();
    write(&mut sink, &["one"]).unwrap();
    // Put in its place while it runs: that is refused too, and nothing is written there.
    fs::remove_file(&path).unwrap();
    fs::hard_link(&other, &path).unwrap();
    let failed = write(&mut sink, &["two"]).unwrap_err();
    assert!(failed.delivered == 0 && failed.retry_after.is_some());
    fs::remove_file(&path).unwrap();
    write(&mut sink, &["two"]).unwrap();
    assert_eq!((lines(&[&path]), lines(&[&other])), (vec!["two".into()], vec!["there".into()]));
}

#[test]
fn a_file_of_somebody_else_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    fs::write(&path, "there\n").unwrap();
    if chown(&path, Some(65_534), None).is_err() {
        return println!("only the superuser can give a file away");
    }
    refusal(&path, "belongs to user 65534");
    // In a folder of that user, everything is in that user's hands anyway.
    chown(folder.path(), Some(65_534), None).unwrap();
    quiet(&path).build().unwrap();
    chown(folder.path(), Some(0), None).unwrap();
    // The lock file of a rotation as well.
    fs::remove_file(&path).unwrap();
    let lock = folder.path().join(".app.log.lock");
    fs::write(&lock, "").unwrap();
    chown(&lock, Some(65_534), None).unwrap();
    let mut sink = sized(&path, 1024, 5).build().unwrap();
    write(&mut sink, &["one"]).unwrap();
    let error = sink.command(SinkCommand::Rotate).unwrap_err();
    assert!(error.to_string().contains("lock belongs to user 65534"), "{error}");
    assert_eq!(files(folder.path()).len(), 1);
}

#[test]
fn a_folder_where_anybody_may_replace_files_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let set = |mode| fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
    set(0o777);
    refusal(&path, "anybody may replace files in the folder");
    assert!(!path.exists());
    set(0o1777);
    quiet(&path).build().unwrap();
    set(0o775);
    quiet(&path).build().unwrap();
}

#[test]
fn links_on_the_way_are_followed_once() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["first", "second"] {
        fs::create_dir(at(name)).unwrap();
    }
    symlink("first", at("logs")).unwrap();
    let path = at("logs/app.log");
    let mut sink = quiet(&path).build().unwrap();
    assert_eq!(sink.path(), path);
    write(&mut sink, &["one"]).unwrap();
    fs::remove_file(at("logs")).unwrap();
    symlink("second", at("logs")).unwrap();
    write(&mut sink, &["two"]).unwrap();
    assert_eq!(lines(&[at("first/app.log")]), ["one", "two"]);
    assert!(!at("second/app.log").exists());
    // A link in the place of the folder itself leads nowhere; records go on into the open file.
    fs::rename(at("first"), at("moved")).unwrap();
    symlink("second", at("first")).unwrap();
    write(&mut sink, &["three"]).unwrap();
    assert!(!at("second/app.log").exists());
    assert_eq!(lines(&[at("moved/app.log")]), ["one", "two", "three"]);
    fs::remove_file(at("first")).unwrap();
    sink.command(SinkCommand::Reopen).unwrap();
    write(&mut sink, &["four"]).unwrap();
    assert_eq!(lines(&[at("first/app.log")]), ["four"]);
}

#[test]
fn a_folder_that_is_moved_or_deleted_is_made_again() {
    let folder = TempDir::new().unwrap();
    let (logs, moved) = (folder.path().join("a/logs"), folder.path().join("moved"));
    let path = logs.join("app.log");
    let mut sink = sized(&path, 1024, 5).build().unwrap();
    write(&mut sink, &["one"]).unwrap();
    fs::rename(&logs, &moved).unwrap();
    write(&mut sink, &["two"]).unwrap();
    assert_eq!(lines(&[moved.join("app.log")]), ["one"]);
    assert_eq!(lines(&[&path]), ["two"]);
    // Rotation and its lock are in the new folder as well.
    write(&mut sink, &["x".repeat(1020)]).unwrap();
    assert_eq!(files(&logs).len(), 2);
    assert_eq!(fs::read_dir(&moved).unwrap().count(), 1);
    fs::remove_dir_all(folder.path().join("a")).unwrap();
    write(&mut sink, &["three"]).unwrap();
    assert_eq!(lines(&files(&logs)), ["three"]);
    // Moved away while the file stays: rotation goes on where it is now.
    fs::rename(&logs, moved.with_extension("2")).unwrap();
    fs::create_dir(&logs).unwrap();
    fs::rename(moved.with_extension("2").join("app.log"), &path).unwrap();
    write(&mut sink, &["x".repeat(1020), "y".repeat(1020)]).unwrap();
    assert_eq!(files(&logs).len(), 3);
    // Replaced by another that is there already, which logrotate's `su` or a deployment may do.
    fs::remove_dir_all(&logs).unwrap();
    fs::create_dir(&logs).unwrap();
    fs::write(&path, "there\n").unwrap();
    write(&mut sink, &["four"]).unwrap();
    assert_eq!(lines(&[&path]), ["there", "four"]);
}

#[test]
fn whoever_swaps_links_gets_nothing_outside() {
    const SWAPS: usize = 3000;
    let folder = TempDir::new().unwrap();
    let (inside, outside) = (folder.path().join("logs"), folder.path().join("outside"));
    fs::create_dir(&outside).unwrap();
    let target = outside.join("target");
    fs::write(&target, "untouched\n").unwrap();
    let path = inside.join("app.log");
    let mut sink = sized(&path, 1024, 3).build().unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let names = ["app.log", ".app.log.lock", "app.log.torn"].map(|name| inside.join(name));
            for swap in 0..SWAPS {
                let name = &names[swap % names.len()];
                let _may_be_gone = fs::remove_file(name);
                let _may_be_there = match swap % 3 {
                    0 => symlink(&target, name),
                    1 => symlink(outside.join("new"), name),
                    _ => fs::hard_link(&target, name),
                };
                if swap % 7 == 0 {
                    let _may_be_gone = fs::remove_file(name);
                }
            }
            done.store(true, Ordering::Release);
        });
        let mut number = 0;
        while !done.load(Ordering::Acquire) {
            let _refused_or_not = write(&mut sink, &[line(0, number, 300)]);
            number += 1;
        }
    });
    assert_eq!(fs::read_to_string(&target).unwrap(), "untouched\n");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
}

#[test]
fn a_limit_on_the_size_of_files_does_not_end_the_process() {
    let folder = TempDir::new().unwrap();
    let status = Command::new("sh")
        .args(["-c", r#"ulimit -f 8 && exec "$0" "$@""#])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "safety::child_writes_under_a_limit"])
        .env("PRISMA_LOG_TEST_LIMIT", folder.path())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    let numbers = lines(&files(folder.path())).into_iter().map(|line| parse(&line).unwrap().1);
    assert!(numbers.eq(0..50));
    for path in files(folder.path()) {
        let len = fs::metadata(&path).unwrap().len();
        assert!(len <= 8 * 1024, "{} has {len}", path.display());
    }
    assert!(files(folder.path()).len() > 3);
}

#[test]
fn child_writes_under_a_limit() {
    let Some(folder) = std::env::var_os("PRISMA_LOG_TEST_LIMIT").map(PathBuf::from) else { return };
    // No rotation is asked for.
    let mut sink = quiet(&folder.join("app.log")).build().unwrap();
    let batch: Vec<_> = (0..50).map(|number| line(0, number, 700)).collect();
    write(&mut sink, &batch[..20]).unwrap();
    // What never fits is refused for good; the rest goes on.
    let failed = write(&mut sink, &["x".repeat(100_000)]).unwrap_err();
    assert!(failed.delivered == 0 && failed.retry_after.is_none(), "{}", failed.error);
    for record in &batch[20..] {
        write(&mut sink, &[record]).unwrap();
    }
}
