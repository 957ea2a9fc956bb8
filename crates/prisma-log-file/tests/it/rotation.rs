//! Rotation by size, and what others do to the files meanwhile.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use prisma_log_file::FileSink;
use tempfile::TempDir;

use crate::support::{files, line, lines, parse, quiet, sized, write};

#[test]
fn archives_are_in_order_and_the_oldest_goes() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let mut sink = sized(&path, 1024, 3).build().unwrap();
    for number in 0..10 {
        write(&mut sink, &[line(0, number, 900)]).unwrap();
    }
    assert_eq!(files(folder.path()).len(), 4);
    let numbers: Vec<_> =
        lines(&files(folder.path())).iter().map(|l| parse(l).unwrap().1).collect();
    assert_eq!(numbers, [6, 7, 8, 9]);

    // Lowering the limit takes effect at once.
    drop(sink);
    let mut sink = sized(&path, 1024, 1).build().unwrap();
    write(&mut sink, &[line(0, 10, 900)]).unwrap();
    assert_eq!(files(folder.path()).len(), 2);
    assert_eq!(sink.path(), path);
}

#[test]
fn no_archives_means_that_a_full_file_goes() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let mut sink = sized(&path, 1024, 0).build().unwrap();
    for number in 0..10 {
        write(&mut sink, &[line(0, number, 900)]).unwrap();
    }
    assert_eq!(files(folder.path()), [path]);
    assert_eq!(parse(&lines(&files(folder.path()))[0]), Some((0, 9)));
}

#[test]
fn the_limit_is_kept_and_a_larger_record_has_a_file_of_its_own() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let mut sink = sized(&path, 2000, 100).build().unwrap();
    let sizes = [100, 5000, 100, 100, 1990, 3000, 3000, 10];
    let batch: Vec<_> =
        sizes.iter().enumerate().map(|(n, &size)| line(0, n as u64, size)).collect();
    write(&mut sink, &batch).unwrap();
    let contents: Vec<Vec<u64>> = files(folder.path())
        .iter()
        .map(|path| lines(&[path]).iter().map(|l| parse(l).unwrap().1).collect())
        .collect();
    assert_eq!(contents, [vec![0], vec![1], vec![2, 3], vec![4], vec![5], vec![6], vec![7]]);

    let mut random = fastrand::Rng::with_seed(1);
    for number in 8..2000 {
        write(&mut sink, &[line(0, number, random.usize(..1000))]).unwrap();
    }
    for path in files(folder.path()) {
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.len() <= 2000 || text.lines().count() == 1,
            "{} has {}",
            path.display(),
            text.len()
        );
    }
}

#[test]
fn a_file_that_is_full_already_is_rotated_first() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    fs::write(&path, format!("{}\n", line(0, 0, 5000))).unwrap();
    let mut sink = sized(&path, 1024, 5).build().unwrap();
    write(&mut sink, &[line(0, 1, 10)]).unwrap();
    assert_eq!(lines(&[path]), [line(0, 1, 10)]);
}

#[test]
fn a_file_moved_away_or_copied_and_truncated_by_others_goes_on() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let moved = folder.path().join("moved");
    let mut sink = quiet(&path).build().unwrap();
    write(&mut sink, &["one"]).unwrap();
    fs::rename(&path, &moved).unwrap();
    write(&mut sink, &["two"]).unwrap();
    assert_eq!((lines(&[&moved]), lines(&[&path])), (vec!["one".into()], vec!["two".into()]));

    // logrotate's `create`.
    fs::rename(&path, &moved).unwrap();
    fs::write(&path, "").unwrap();
    write(&mut sink, &["three"]).unwrap();
    assert_eq!((lines(&[&moved]), lines(&[&path])), (vec!["two".into()], vec!["three".into()]));

    // logrotate's `copytruncate`: no hole of NULs before what comes next.
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
    write(&mut sink, &["four"]).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"four\n");

    fs::remove_file(&path).unwrap();
    write(&mut sink, &["five"]).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"five\n");
}

#[test]
fn something_else_at_the_path_stops_nothing_while_the_file_is_there() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let moved = folder.path().join("moved");
    let mut sink = sized(&path, 1024, 5).build().unwrap();
    write(&mut sink, &["one"]).unwrap();
    fs::rename(&path, &moved).unwrap();
    fs::create_dir(&path).unwrap();
    write(&mut sink, &["two"]).unwrap();
    write(&mut sink, &["x".repeat(2000)]).unwrap();
    assert_eq!(lines(&[&moved]).len(), 3);

    // Once nobody could read it, records are lost and the caller is told.
    fs::remove_file(&moved).unwrap();
    let failed = write(&mut sink, &["three"]).unwrap_err();
    assert_eq!(failed.delivered, 0);
    assert!(failed.error.to_string().contains("a directory"), "{}", failed.error);
    fs::remove_dir(&path).unwrap();
    write(&mut sink, &["four"]).unwrap();
    assert_eq!(lines(&[path]), ["four"]);
}

/// What is in the folder that no rotation may touch.
#[derive(Default)]
struct Foreign(BTreeMap<PathBuf, Kind>);

#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    File,
    Folder,
    Link,
}

impl Foreign {
    fn place(&mut self, path: PathBuf, kind: Kind) {
        if path.symlink_metadata().is_ok() {
            return;
        }
        match kind {
            Kind::File => fs::write(&path, format!("{}", path.display())).unwrap(),
            Kind::Folder => fs::create_dir(&path).unwrap(),
            Kind::Link => symlink("/nonexistent", &path).unwrap(),
        }
        self.0.insert(path, kind);
    }

    fn check(&self) {
        for (path, kind) in &self.0 {
            let found = path.symlink_metadata().unwrap_or_else(|_| panic!("{path:?} is gone"));
            match kind {
                Kind::File => {
                    assert_eq!(fs::read_to_string(path).unwrap(), path.display().to_string());
                }
                Kind::Folder => assert!(found.is_dir()),
                Kind::Link => assert!(found.is_symlink()),
            }
        }
    }
}

/// Random steps with two sinks on one file; says how many rotations there were.
fn model(seed: u64, steps: usize, archives: usize) -> usize {
    let mut random = fastrand::Rng::with_seed(seed);
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let path = folder.join("app.log");
    let keeps_all = archives > steps;
    let limit = 1024 + random.u64(..3000);
    let open = || -> FileSink { sized(&path, limit, archives).build().unwrap() };
    let mut sinks = [Some(open()), None];
    let mut next = [0_u64; 2];
    let mut foreign = Foreign::default();
    let mut moved = Vec::new();
    for step in 0..steps {
        let which = random.usize(..2);
        match random.usize(..20) {
            0 => sinks[which] = None,
            1 => sinks[which] = Some(open()),
            2 if keeps_all => {
                let to = folder.join(format!("moved-{step}"));
                if fs::rename(&path, &to).is_ok() {
                    moved.push(to);
                }
            }
            3 => {
                let number = random.usize(1..8);
                let (suffix, kind) = match random.usize(..6) {
                    0 => (format!(".{number}.gz"), Kind::File),
                    1 => (format!(".2026-11-2{number}"), Kind::File),
                    2 => (format!(".2026-11-24T08-00-0{number}Z.1"), Kind::File),
                    3 => (format!(".2026-11-24T08-00-0{number}Z"), Kind::Folder),
                    4 => (format!(".2026-11-24T08-00-0{number}Z.gz"), Kind::Link),
                    _ => (format!(".2026-11-24T08-00-0{number}z"), Kind::File),
                };
                foreign.place(folder.join(format!("app.log{suffix}")), kind);
            }
            _ => {
                let sink = sinks[which].get_or_insert_with(open);
                let batch: Vec<_> = (0..random.usize(1..8))
                    .map(|_| {
                        let large = random.usize(..50) == 0;
                        let padding = random.usize(..if large { 6000 } else { 300 });
                        next[which] += 1;
                        line(which, next[which] - 1, padding)
                    })
                    .collect();
                write(sink, &batch).unwrap();
            }
        }
        if step % 100 == 0 {
            foreign.check();
        }
    }
    foreign.check();
    let mut own = files(folder);
    own.retain(|path| !foreign.0.contains_key(path));
    let found_archives = own.len() - usize::from(path.exists());
    assert!(found_archives <= archives, "{found_archives} archives");

    let mut found: [Vec<u64>; 2] = Default::default();
    for text in lines(&own) {
        let (writer, number) = parse(&text).unwrap_or_else(|| panic!("torn: {text}"));
        found[writer].push(number);
    }
    // Within the rotated files each writer's numbers rise.
    assert!(found.iter().all(|numbers| numbers.is_sorted()), "out of order");
    if keeps_all {
        for text in lines(&moved) {
            let (writer, number) = parse(&text).unwrap_or_else(|| panic!("torn: {text}"));
            found[writer].push(number);
        }
        for (writer, numbers) in found.iter_mut().enumerate() {
            numbers.sort_unstable();
            assert!(numbers.iter().copied().eq(0..next[writer]), "lost or doubled: {numbers:?}");
        }
    } else {
        // What is left is the newest, without gaps.
        for (writer, numbers) in found.iter().enumerate() {
            let first = numbers.first().copied().unwrap_or(next[writer]);
            assert!(numbers.iter().copied().eq(first..next[writer]), "a gap: {numbers:?}");
        }
    }
    found_archives
}

#[test]
fn random_steps_keep_every_record_once_and_touch_nothing_foreign() {
    let mut rotations = 0;
    for seed in 0..4 {
        rotations += model(seed, 1500, usize::MAX);
    }
    println!("6,000 random steps, {rotations} rotations: 0 lost, 0 doubled, 0 out of order");
    assert!(rotations > 500);
}

#[test]
fn random_steps_hold_the_limit_of_archives() {
    for seed in 10..14 {
        for archives in [1, 3, 7] {
            assert_eq!(model(seed, 800, archives), archives);
        }
    }
}
