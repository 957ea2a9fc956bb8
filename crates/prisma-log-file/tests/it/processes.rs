//! Several processes on one file.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use prisma_log_core::{Sink as _, SinkPosition};
use tempfile::TempDir;

use crate::support::{files, line, lines, parse, quiet, records, sized, write};

const LIMIT: u64 = 64 * 1024;

/// Starts this test program again as a writer.
fn spawn(folder: &Path, writer: usize, from: u64, count: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::child_writes"])
        .env("PRISMA_LOG_TEST_WRITER", format!("{writer} {from} {count}"))
        .env("PRISMA_LOG_TEST_FOLDER", folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Record `number` of a writer: always the same.
fn record(writer: usize, number: u64) -> String {
    let mut random = fastrand::Rng::with_seed(number * 4 + writer as u64);
    let large = random.usize(..10) == 0;
    line(writer, number, random.usize(..if large { 9000 } else { 200 }))
}

/// Where a writer's sink was before its last batch, and the numbers of that batch.
fn under_way(folder: &Path, writer: usize) -> (SinkPosition, Range<u64>) {
    let bytes = fs::read(folder.join(format!("place-{writer}"))).unwrap();
    let numbers: Vec<_> =
        bytes.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
    let [a, b, c, d, from, to] = numbers[..] else { panic!("{numbers:?}") };
    (SinkPosition([a, b, c, d]), from..to)
}

fn acknowledged(folder: &Path, writer: usize) -> u64 {
    let bytes = fs::read(folder.join(format!("ack-{writer}"))).unwrap_or_default();
    bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

#[test]
fn child_writes() {
    use std::os::unix::fs::FileExt as _;

    let Some(task) = std::env::var("PRISMA_LOG_TEST_WRITER").ok() else { return };
    let folder = PathBuf::from(std::env::var_os("PRISMA_LOG_TEST_FOLDER").unwrap());
    let mut task = task.split(' ').map(|part| part.parse::<u64>().unwrap());
    let (writer, from, count) =
        (task.next().unwrap() as usize, task.next().unwrap(), task.next().unwrap());
    // How many were acknowledged survives this process as the log file itself does.
    let ack = fs::File::create(folder.join(format!("ack-{writer}"))).unwrap();
    ack.write_all_at(&from.to_le_bytes(), 0).unwrap();
    let place = fs::File::create(folder.join(format!("place-{writer}"))).unwrap();
    let mut random = fastrand::Rng::with_seed(writer as u64 * 1_000_003 + from);
    let builder = sized(&folder.join("app.log"), LIMIT, usize::MAX);
    let mut sink = builder.build().unwrap();
    let mut number = from;
    while number < from + count {
        let size = random.u64(1..6).min(from + count - number);
        let batch: Vec<_> = (number..number + size).map(|number| record(writer, number)).collect();
        let SinkPosition([a, b, c, d]) = sink.position().unwrap();
        let numbers = [a, b, c, d, number, number + size];
        place.write_all_at(numbers.map(u64::to_le_bytes).as_flattened(), 0).unwrap();
        write(&mut sink, &batch).unwrap();
        number += size;
        ack.write_all_at(&number.to_le_bytes(), 0).unwrap();
    }
    sink.flush().unwrap();
}

/// Each writer's numbers in the order of the files; nothing else may be in them.
fn numbers(folder: &Path) -> BTreeMap<usize, Vec<u64>> {
    numbers_of(lines(&files(folder)))
}

/// Like [`numbers`], where writers were killed beside others: if one of these rotated the file
/// before anybody wrote behind the half of a killed one's record, that stays at the archive's end.
fn numbers_beside_killed(folder: &Path, kills: usize) -> BTreeMap<usize, Vec<u64>> {
    let mut files = files(folder);
    let current = files.pop_if(|path| path.ends_with("app.log")).expect("there is a current file");
    let mut all = Vec::new();
    let mut halves = 0;
    for path in files {
        let text = fs::read_to_string(path).unwrap();
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        halves += usize::from(whole < text.len());
        let whole = text[..whole].lines().filter(|line| !line.trim().is_empty());
        all.extend(whole.map(str::to_owned));
    }
    assert!(halves <= kills, "{halves} halves of {kills} kills");
    all.extend(lines(&[current]));
    numbers_of(all)
}

fn numbers_of(lines: Vec<String>) -> BTreeMap<usize, Vec<u64>> {
    let mut found: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
    for text in lines {
        let (writer, number) = parse(&text).unwrap_or_else(|| panic!("torn: {text:.100}"));
        found.entry(writer).or_default().push(number);
    }
    found
}

#[test]
fn four_processes_rotate_one_file() {
    const EACH: u64 = 4000;
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let children: Vec<_> = (0..4).map(|writer| spawn(folder, writer, 0, EACH)).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let found = numbers(folder);
    assert_eq!(found.len(), 4);
    for numbers in found.values() {
        assert!(numbers.iter().copied().eq(0..EACH), "lost, doubled or out of order");
    }
    // Beyond the limit a file has at most what three others were writing.
    let largest = files(folder).iter().map(|path| fs::metadata(path).unwrap().len()).max();
    assert!(largest.unwrap() <= LIMIT + 3 * 5 * 9_100, "{largest:?}");
    let rotations = files(folder).len() - 1;
    println!("4 processes, {} records, {rotations} rotations: 0 lost, 0 torn", 4 * EACH);
    assert!(rotations > 100);
    assert!(!folder.join("app.log.torn").exists());
}

#[test]
fn a_writer_killed_again_and_again_loses_nothing_acknowledged() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let mut random = fastrand::Rng::with_seed(5);
    let mut from = 0;
    let (mut kills, mut files_seen) = (0, 0);
    while kills < 50 {
        let mut child = spawn(folder, 0, from, u64::MAX / 2);
        wait_until(|| acknowledged(folder, 0) > from);
        std::thread::sleep(Duration::from_micros(random.u64(..15_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;

        // Opening repairs; a record on top shows that the tail is clean.
        let mut sink = quiet(&folder.join("app.log")).build().unwrap();
        write(&mut sink, &[line(1, kills, 10)]).unwrap();
        drop(sink);
        let acknowledged = acknowledged(folder, 0);
        let found = numbers(folder);
        let found = found.get(&0).cloned().unwrap_or_default();
        let upto = found.last().map_or(from, |last| last + 1);
        assert!(found.iter().copied().eq(from..upto), "lost or doubled after kill {kills}");
        assert!(upto >= acknowledged, "{upto} of {acknowledged} acknowledged after kill {kills}");
        from = upto;

        files_seen += files(folder).len();
        for path in files(folder) {
            fs::remove_file(path).unwrap();
        }
    }
    let torn = fs::read(folder.join("app.log.torn")).unwrap_or_default();
    println!(
        "{kills} kills, {from} records in {files_seen} files: 0 acknowledged lost, \
         0 torn lines left, {} torn bytes kept aside",
        torn.len()
    );
}

#[test]
fn a_killed_writer_leaves_nothing_in_the_others_way() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let mut random = fastrand::Rng::with_seed(6);
    let others: Vec<_> = (0..2).map(|writer| spawn(folder, writer, 0, 6000)).collect();
    let mut upto = 0;
    let mut promised = Vec::new();
    for _ in 0..15 {
        let mut child = spawn(folder, 2, upto, u64::MAX / 2);
        wait_until(|| acknowledged(folder, 2) > upto);
        std::thread::sleep(Duration::from_micros(random.u64(..10_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        let acknowledged = acknowledged(folder, 2);
        promised.extend(upto..acknowledged);
        // The batch under way when it died may be there; its numbers must not come again.
        upto = acknowledged + 10;
    }
    for mut child in others {
        assert!(child.wait().unwrap().success());
    }
    drop(quiet(&folder.join("app.log")).build().unwrap());
    let found = numbers_beside_killed(folder, 15);
    for writer in 0..2 {
        assert!(found[&writer].iter().copied().eq(0..6000), "writer {writer}");
    }
    let killed = &found[&2];
    assert!(killed.windows(2).all(|pair| pair[0] < pair[1]), "doubled or out of order");
    let lost = promised.iter().filter(|number| killed.binary_search(number).is_err()).count();
    assert_eq!(lost, 0, "acknowledged records lost");
    let torn = fs::read(folder.join("app.log.torn")).unwrap_or_default();
    println!(
        "15 kills beside 2 writers: 12,000 records of theirs and {} of its own whole, \
         {} torn bytes kept aside",
        killed.len(),
        torn.len()
    );
}

#[test]
fn a_killed_writers_successor_knows_what_it_had_written() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let mut random = fastrand::Rng::with_seed(7);
    let others: Vec<_> = (0..2).map(|writer| spawn(folder, writer, 0, 8000)).collect();
    let mut from = 0;
    let mut answers = BTreeMap::new();
    for _ in 0..40 {
        let mut child = spawn(folder, 2, from, u64::MAX / 2);
        wait_until(|| acknowledged(folder, 2) > from);
        std::thread::sleep(Duration::from_micros(random.u64(..5_000)));
        child.kill().unwrap();
        child.wait().unwrap();

        let mut sink = sized(&folder.join("app.log"), LIMIT, usize::MAX).build().unwrap();
        let (since, batch) = under_way(folder, 2);
        // And some that it had not come to.
        let batch = batch.start..batch.end + 3;
        let messages: Vec<_> = batch.clone().map(|number| record(2, number)).collect();
        let answer = sink.written_since(&since, &records(&messages)).unwrap();
        from = batch.end;
        answers.extend(batch.zip(answer));
    }
    for mut child in others {
        assert!(child.wait().unwrap().success());
    }
    drop(quiet(&folder.join("app.log")).build().unwrap());
    let found = &numbers_beside_killed(folder, 40)[&2];
    for (number, answer) in &answers {
        assert_eq!(found.binary_search(number).is_ok(), *answer, "record {number}");
    }
    let written = answers.values().filter(|&&answer| answer).count();
    println!(
        "40 kills beside 2 writers: {written} of {} records under way had been written, as said",
        answers.len()
    );
    assert!(written > 0);
}

fn wait_until(done: impl Fn() -> bool) {
    let mut patience = 60_000;
    while !done() {
        patience -= 1;
        assert!(patience > 0, "waited a minute");
        std::thread::sleep(Duration::from_millis(1));
    }
}
