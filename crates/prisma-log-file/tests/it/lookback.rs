//! What a sink finds of a batch that one before it had written or not.

use std::fs;
use std::path::Path;

use prisma_log_core::{Level, Record, Shape, Sink as _, SinkPosition, Timestamp};
use prisma_log_file::FileSink;
use prisma_log_format::JsonEncoder;
use tempfile::TempDir;

use crate::support::{files, line, lines, quiet, records, sized, write};

/// Which of the messages a new sink on the file finds after `since`.
fn found<S: AsRef<str>>(path: &Path, since: SinkPosition, messages: &[S]) -> Vec<bool> {
    quiet(path).build().unwrap().written_since(&since, &records(messages)).unwrap()
}

#[test]
fn says_which_records_were_written_before_the_end() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let mut sink = quiet(&path).build().unwrap();
    let beginning = sink.position().unwrap();
    write(&mut sink, &["zero", "one"]).unwrap();
    let since = sink.position().unwrap();
    assert_ne!(since, beginning);
    write(&mut sink, &["two", "three"]).unwrap();
    drop(sink);

    let batch = ["one", "two", "three", "four"];
    assert_eq!(found(&path, since, &batch), [false, true, true, false]);
    assert_eq!(found(&path, beginning, &batch), [true, true, true, false]);
    assert_eq!(found(&path, since, &[""; 0]), [false; 0]);
    // Looking changes nothing, and a sink that has written itself answers as well.
    let mut sink = quiet(&path).build().unwrap();
    for _ in 0..2 {
        let answer = sink.written_since(&since, &records(&batch)).unwrap();
        assert_eq!(answer, [false, true, true, false]);
    }
    write(&mut sink, &["four"]).unwrap();
    assert_eq!(sink.written_since(&since, &records(&["four"])).unwrap(), [true]);
    assert_eq!(lines(&[path]), ["zero", "one", "two", "three", "four"]);
}

#[test]
fn a_position_is_known_at_once_and_never_lies_ahead() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    fs::write(&path, "there\nhalf").unwrap();
    let mut sink = quiet(&path).build().unwrap();
    let since = sink.position().unwrap();
    // Others write the file as well, and one of them stands in the middle of a record.
    let mut other = quiet(&path).build().unwrap();
    assert_eq!(other.position(), Some(since), "the half record was moved aside");
    write(&mut other, &["another"]).unwrap();
    write(&mut sink, &["mine"]).unwrap();
    assert_eq!(found(&path, since, &["there", "mine", "another"]), [false, true, true]);
    write(&mut other, &["another", "another"]).unwrap();
    let since = sink.position().unwrap();
    write(&mut sink, &["next"]).unwrap();
    assert_eq!(found(&path, since, &["mine", "next"]), [false, true]);
}

#[test]
fn each_line_stands_for_one_record() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let mut sink = quiet(&path).build().unwrap();
    let since = sink.position().unwrap();
    write(&mut sink, &["same", "other", "same"]).unwrap();
    drop(sink);
    let batch = ["same", "same", "other", "same", "other"];
    assert_eq!(found(&path, since, &batch), [true, true, true, false, false]);
}

#[test]
fn a_batch_that_rotations_split_is_found_whole() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let messages: Vec<_> = (0..40).map(|number| line(0, number, 200)).collect();
    let open = || sized(&path, 1024, 100).build().unwrap();
    // At every place in a file, and right where it is full.
    for before in 1..9 {
        let mut sink = open();
        write(&mut sink, &messages[..before]).unwrap();
        let since = sink.position().unwrap();
        write(&mut sink, &messages[before..37]).unwrap();
        drop(sink);
        assert!(files(folder.path()).len() > 8);
        let answer = open().written_since(&since, &records(&messages)).unwrap();
        let expect: Vec<_> = (0..40).map(|index| (before..37).contains(&index)).collect();
        assert_eq!(answer, expect, "{before}");
        files(folder.path()).iter().for_each(|path| fs::remove_file(path).unwrap());
    }
}

#[test]
fn what_rotation_deleted_is_not_there() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let messages: Vec<_> = (0..10).map(|number| line(0, number, 900)).collect();
    let mut sink = sized(&path, 1024, 3).build().unwrap();
    let since = sink.position().unwrap();
    write(&mut sink, &messages).unwrap();
    drop(sink);
    // The position's file is gone: the newest two are searched.
    let expect: Vec<_> = (0..10).map(|index| index >= 8).collect();
    assert_eq!(found(&path, since, &messages), expect);
}

#[test]
fn half_a_record_at_the_end_is_not_written() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let check = |torn: &str, beside: bool| {
        let mut sink = quiet(&path).build().unwrap();
        let since = sink.position().unwrap();
        write(&mut sink, &["whole"]).unwrap();
        let file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        std::io::Write::write_all(&mut &file, torn.as_bytes()).unwrap();
        // With another sink on the file the tail is not repaired at once.
        let other = beside.then(|| quiet(&path).build().unwrap());
        drop(sink);
        let mut sink = quiet(&path).build().unwrap();
        let batch = ["whole", "broken"];
        assert_eq!(sink.written_since(&since, &records(&batch)).unwrap(), [true, false], "{torn}");
        write(&mut sink, &["broken"]).unwrap();
        let found = sink.written_since(&since, &records(&batch)).unwrap();
        assert_eq!(found, [true, true], "{torn} {beside}");
        drop((sink, other));
        assert_eq!(lines(&[&path]), ["whole", "broken"], "{torn} {beside}");
        fs::remove_file(&path).unwrap();
    };
    for torn in ["b", "broke", "broken", "\0\0"] {
        check(torn, false);
    }
    for torn in ["b", "broke", "broken"] {
        check(torn, true);
    }
}

#[test]
fn a_file_that_is_another_than_it_was_is_searched_from_its_end() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let mut sink = quiet(&path).build().unwrap();
    write(&mut sink, &["old"]).unwrap();
    write(&mut sink, &vec!["x".repeat(1023); 4096]).unwrap();
    write(&mut sink, &["before"]).unwrap();
    let since = sink.position().unwrap();
    write(&mut sink, &["under way"]).unwrap();
    drop(sink);
    let batch = ["old", "before", "under way", "never"];
    assert_eq!(found(&path, since, &batch), [false, false, true, false]);

    // Copied and renamed: another inode number.
    let copy = folder.path().join("copy");
    fs::copy(&path, &copy).unwrap();
    fs::rename(&copy, &path).unwrap();
    let expect = [false, true, true, false];
    assert_eq!(found(&path, since, &batch), expect, "all in the last 4 MiB");

    // Copied to an archive and truncated: the same inode number, but shorter.
    let mut sink = quiet(&path).build().unwrap();
    let since = sink.position().unwrap();
    fs::copy(&path, folder.path().join("app.log.2026-11-24T08-00-00Z")).unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
    write(&mut sink, &["never"]).unwrap();
    drop(sink);
    assert_eq!(found(&path, since, &batch), [false, true, true, true]);

    // Made later under the inode number that became free.
    let mut sink = quiet(&path).build().unwrap();
    let since = sink.position().unwrap();
    let SinkPosition([device, inode, offset, birth]) = since;
    if birth == 0 {
        return println!("this file system doesn't say when a file was made");
    }
    write(&mut sink, &["again"]).unwrap();
    let batch = ["never", "again"];
    assert_eq!(found(&path, since, &batch), [false, true]);
    let other = SinkPosition([device, inode, offset, birth + 1]);
    assert_eq!(found(&path, other, &batch), [true, true]);
    let unknown = SinkPosition([device, inode, offset, 0]);
    assert_eq!(found(&path, unknown, &batch), [false, true]);
}

#[test]
fn a_file_that_another_program_renamed_is_found_in_its_folder() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let mut sink = quiet(&path).build().unwrap();
    write(&mut sink, &["before"]).unwrap();
    let since = sink.position().unwrap();
    write(&mut sink, &["one"]).unwrap();
    write(&mut sink, &vec!["x".repeat(1023); 5000]).unwrap();
    // logrotate's `dateext`.
    fs::rename(&path, folder.path().join("app.log-20261124")).unwrap();
    write(&mut sink, &["two"]).unwrap();
    drop(sink);
    let batch = ["before", "one", "two", "never"];
    assert_eq!(found(&path, since, &batch), [false, true, true, false]);
}

#[test]
fn a_position_that_makes_no_sense_and_files_that_are_gone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let mut sink = quiet(&path).build().unwrap();
    write(&mut sink, &["one"]).unwrap();
    for numbers in [[0; 4], [u64::MAX; 4], [0, 0, u64::MAX, 0]] {
        assert_eq!(found(&path, SinkPosition(numbers), &["one", "two"]), [true, false]);
    }
    let since = sink.position().unwrap();
    fs::remove_file(&path).unwrap();
    assert_eq!(sink.written_since(&since, &records(&["one"])).unwrap(), [false]);
    // What can't be read is an error, not an answer.
    fs::create_dir(&path).unwrap();
    let error = sink.written_since(&since, &records(&["one"])).unwrap_err();
    assert!(error.is_io() && error.to_string().contains("app.log"), "{error}");
}

#[test]
fn encoded_as_the_first_writer_did_or_one_that_replayed_it() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let open = || FileSink::builder(&path).encoder(JsonEncoder::new()).build().unwrap();
    let mut records: Vec<_> = (0..4)
        .map(|number| {
            let time = Timestamp::from_unix_seconds(1_795_507_200 + number);
            let mut record = Record::new(time, Level::Info, "shop", "order processed");
            record.sequence = number as u64 + 1;
            record.shape = Shape::new(1);
            record.message_is_constant = true;
            record
        })
        .collect();
    let mut sink = open();
    let since = sink.position().unwrap();
    sink.write(&records[..1]).unwrap();
    drop(sink);
    // A process that replayed the second record and died.
    let mut sink = open();
    records[1].recovered = true;
    records[1].shape = Shape::new(2);
    sink.write(&records[1..2]).unwrap();
    drop(sink);
    for recovered in [false, true] {
        records.iter_mut().for_each(|record| record.recovered = recovered);
        let answer = open().written_since(&since, &records).unwrap();
        assert_eq!(answer, [true, true, false, false], "{recovered}");
    }
    assert_eq!(lines(&[&path]).len(), 2);

    // What was looked for leaves no trace in what is written: shapes are of the records then.
    let mut sink = open();
    records[2].recovered = false;
    records[2].shape = Shape::new(1);
    sink.written_since(&since, &records[2..3]).unwrap();
    records[3].recovered = true;
    records[3].shape = Shape::new(1);
    sink.write(&records[3..]).unwrap();
    let text = lines(&[&path]).pop().unwrap();
    assert!(text.contains(r#""seq":4,"recovered":true"#), "{text}");
}

#[test]
fn a_hundred_thousand_records_in_one_call() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let messages: Vec<_> = (0..100_000).map(|number| line(0, number, 50)).collect();
    let open = || sized(&path, 1_000_000, 100).build().unwrap();
    let mut sink = open();
    let since = sink.position().unwrap();
    write(&mut sink, &messages[..99_000]).unwrap();
    drop(sink);
    let answer = open().written_since(&since, &records(&messages)).unwrap();
    assert!(answer[..99_000].iter().all(|&found| found));
    assert!(!answer[99_000..].iter().any(|&found| found));
}
