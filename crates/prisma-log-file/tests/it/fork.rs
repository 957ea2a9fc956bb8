//! A sink in a process that was forked.
#![expect(unsafe_code, reason = "a fork is what is tested, and there is no safe one")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use prisma_log_core::Sink as _;
use tempfile::TempDir;

use crate::support::{files, line, lines, parse, sized, write};

const EACH: u64 = 3000;

/// Forks, and writes from both processes at once.
fn fork_and_write(path: &Path) {
    let mut sink = sized(path, 100_000, 1000).build().unwrap();
    write(&mut sink, &[line(2, 0, 0)]).unwrap();
    // SAFETY: the child calls nothing that another thread could have left locked but the
    // allocator, which the C library makes ready for a fork; it ends without unwinding.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    let writer = usize::from(child == 0);
    if child == 0 {
        sink.after_fork().unwrap();
    }
    for number in 0..EACH {
        write(&mut sink, &[line(writer, number, number as usize % 90)]).unwrap();
    }
    if child == 0 {
        // SAFETY: ends this process at once; there is nothing in it to clean up.
        unsafe { libc::_exit(0) };
    }
    let mut status = 0;
    // SAFETY: waits for the child that was forked above; `status` outlives the call.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0);
}

#[test]
fn parent_and_child_keep_each_others_records_whole() {
    let folder = TempDir::new().unwrap();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "fork::child_forks"])
        .env("PRISMA_LOG_TEST_FORK", folder.path())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    let mut found = [vec![], vec![], vec![]];
    for text in lines(&files(folder.path())) {
        let (writer, number) = parse(&text).unwrap_or_else(|| panic!("torn: {text}"));
        found[writer].push(number);
    }
    assert_eq!(found[2], [0]);
    for numbers in &found[..2] {
        assert!(numbers.iter().copied().eq(0..EACH), "lost, doubled or out of order");
    }
    assert!(!folder.path().join("app.log.torn").exists());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), files(folder.path()).len() + 1);
}

#[test]
fn child_forks() {
    let Some(folder) = std::env::var_os("PRISMA_LOG_TEST_FORK").map(PathBuf::from) else { return };
    fork_and_write(&folder.join("app.log"));
}
