//! What a writer that died left at the end of the file.

use std::fs;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use crate::support::{quiet, write};

/// Opens a sink on a file with this content, writes a record, and says what is in the file and
/// in the file beside it then, and what the sink reported.
fn repaired(content: &[u8]) -> (Vec<u8>, Option<Vec<u8>>, Vec<String>) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    fs::write(&path, content).unwrap();
    let errors = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&errors);
    let builder = quiet(&path);
    let builder = builder.on_error(move |error| heard.lock().unwrap().push(error.to_string()));
    write(&mut builder.build().unwrap(), &["new"]).unwrap();
    let torn = fs::read(folder.path().join("app.log.torn")).ok();
    let errors = errors.lock().unwrap().clone();
    (fs::read(&path).unwrap(), torn, errors)
}

#[test]
fn half_a_record_is_moved_aside_and_nuls_are_cut() {
    let check = |content: &[u8], kept: &[u8], torn: Option<&[u8]>, reports: usize| {
        let (found, aside, errors) = repaired(content);
        let expect = [kept, b"new\n"].concat();
        assert!(found == expect, "{:?}", String::from_utf8_lossy(&found));
        assert_eq!(aside.as_deref(), torn);
        assert_eq!(errors.len(), reports, "{errors:?}");
        assert!(errors.iter().all(|error| error.contains("app.log")), "{errors:?}");
    };
    check(b"", b"", None, 0);
    check(b"one\ntwo\n", b"one\ntwo\n", None, 0);
    check(b"one\ntw", b"one\n", Some(b"tw\n"), 1);
    check(b"on", b"", Some(b"on\n"), 1);
    check(b"one\n\0\0\0", b"one\n", None, 1);
    check(b"one\ntw\0\0\0", b"one\n", Some(b"tw\n"), 1);
    check(b"\0\0", b"", None, 1);
    check(b"one\n\0\0two\n", b"one\n\0\0two\n", None, 0);
    check(b"\n", b"\n", None, 0);

    // Across the blocks that the tail is read in.
    for size in [65_534, 65_535, 65_536, 65_537, 200_000, 3_000_000] {
        let half = "x".repeat(size);
        let mut torn = half.clone().into_bytes();
        torn.push(b'\n');
        check(format!("one\n{half}").as_bytes(), b"one\n", Some(&torn), 1);
        let nuls = "\0".repeat(size);
        check(format!("one\n{half}{nuls}").as_bytes(), b"one\n", Some(&torn), 1);
        check(format!("one\n{nuls}").as_bytes(), b"one\n", None, 1);
    }
}

#[test]
fn a_tail_that_cannot_be_kept_aside_is_left_and_set_apart() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    fs::create_dir(folder.path().join("app.log.torn")).unwrap();
    fs::write(&path, "one\nhalf").unwrap();
    let mut sink = quiet(&path).build().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "one\nhalf");
    write(&mut sink, &["two"]).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "one\nhal\ntwo\n");
}

#[test]
fn a_file_without_any_line_end_is_not_cut_however_large() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let file = fs::File::create(&path).unwrap();
    // A sparse gigabyte with something at its end: no log of ours.
    file.set_len(1 << 30).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"data", 1 << 30).unwrap();
    let mut sink = quiet(&path).build().unwrap();
    write(&mut sink, &["one"]).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), (1 << 30) + 8);
    assert!(!folder.path().join("app.log.torn").exists());
}

#[test]
fn a_second_sink_leaves_the_tail_of_the_first_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let mut first = quiet(&path).build().unwrap();
    write(&mut first, &["one"]).unwrap();
    let file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    std::io::Write::write_all(&mut &file, b"under way").unwrap();
    let second = quiet(&path).build().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "one\nunder way");
    assert!(!folder.path().join("app.log.torn").exists());
    // Once both are gone, the next one repairs.
    drop((first, second));
    drop(quiet(&path).build().unwrap());
    assert_eq!(fs::read_to_string(&path).unwrap(), "one\n");
}
