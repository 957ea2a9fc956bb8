//! Archives that are compressed while records come.
#![cfg(any(feature = "gzip", feature = "zstd"))]

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use prisma_log_core::Sink as _;
use prisma_log_file::{Compression, Retention, Rotation};
use tempfile::TempDir;

use crate::support::{line, parse, quiet, write};

/// The names of the archives, oldest first.
fn archives(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| name.starts_with("app.log."));
    names.sort_by_key(|name| {
        let (stamp, rest) = name.split_once('Z').unwrap();
        let number = rest.split('.').find_map(|part| part.parse().ok()).unwrap_or(1_u32);
        (stamp.to_owned(), number)
    });
    names
}

fn unpacked(path: &Path) -> String {
    let mut text = String::new();
    let file = File::open(path).unwrap();
    match path.extension().and_then(|ending| ending.to_str()) {
        #[cfg(feature = "gzip")]
        Some("gz") => flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap(),
        #[cfg(feature = "zstd")]
        Some("zst") => zstd::Decoder::new(file).unwrap().read_to_string(&mut text).unwrap(),
        _ => (&file).read_to_string(&mut text).unwrap(),
    };
    text
}

fn check(compression: Compression, ending: &str) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let open = |compression: Compression| {
        let builder = quiet(&path).rotation(Rotation::new().max_bytes(20_000));
        let builder = builder.retention(Retention::new().archives(5));
        builder.compression(compression).build().unwrap()
    };
    let wait = || {
        let mut patience = 60_000;
        loop {
            let names = archives(folder.path());
            let (newest, older) = names.split_last().unwrap();
            let packed = older.iter().all(|name| name.ends_with(ending));
            // And no temporary file: there are the file itself and the lock.
            let all = fs::read_dir(folder.path()).unwrap().count();
            if packed && !newest.ends_with(ending) && all == names.len() + 2 {
                return;
            }
            patience -= 1;
            assert!(patience > 0, "{names:?}");
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    let mut sink = open(Compression::None);
    for number in 0..150 {
        write(&mut sink, &[line(0, number, 500)]).unwrap();
    }
    // What is there at the start is compressed, and what comes later.
    drop(sink);
    let mut sink = open(compression);
    write(&mut sink, &[line(0, 150, 500)]).unwrap();
    sink.maintain().unwrap();
    wait();
    for number in 151..300 {
        write(&mut sink, &[line(0, number, 500)]).unwrap();
    }
    sink.maintain().unwrap();
    wait();
    let mut names = archives(folder.path());
    assert_eq!(names.len(), 5);
    names.push("app.log".into());
    let texts = names.iter().map(|name| unpacked(&folder.path().join(name)));
    let numbers: Vec<_> = texts
        .flat_map(|text| text.lines().map(|line| parse(line).unwrap().1).collect::<Vec<_>>())
        .collect();
    assert!(numbers.iter().copied().eq(numbers[0]..300), "{numbers:?}");
    assert!(numbers.len() > 150);
    // A start finishes nothing and takes nothing away.
    drop(sink);
    drop(open(compression));
    names.pop();
    assert_eq!(archives(folder.path()), names);
}

#[cfg(feature = "gzip")]
#[test]
fn as_gzip() {
    check(Compression::Gzip, ".gz");
}

#[cfg(feature = "zstd")]
#[test]
fn as_zstd() {
    check(Compression::Zstd, ".zst");
}
