//! Every line of real log files is handed out, once.

use std::path::{Path, PathBuf};

use prisma_log_tail::{LineParser, Tail};

pub(crate) fn logs(dir: &str) -> Option<Vec<PathBuf>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(dir);
    let Ok(entries) = std::fs::read_dir(&root) else {
        assert!(std::env::var_os("CI").is_none(), "CI needs {}", root.display());
        println!("skipped: there is no {}", root.display());
        return None;
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.is_file());
    files.sort();
    Some(files)
}

/// How many of a file's lines have a time and a level.
#[derive(Clone, Copy, Default)]
struct Understood {
    lines: u64,
    times: u64,
    levels: u64,
}

fn read_all(files: &[PathBuf]) -> Vec<Understood> {
    let mut builder = Tail::builder().from_start(true);
    for file in files {
        builder = builder.file(file);
    }
    let mut tail = builder.build().unwrap();
    let mut parser = LineParser::builder().time_zone("UTC").build().unwrap();
    let mut counts = vec![Understood::default(); files.len()];
    let mut each = |line: prisma_log_tail::Line<'_>| {
        let index = files.iter().position(|file| file == line.source).unwrap();
        let parsed = parser.parse(line.bytes);
        counts[index].lines += 1;
        counts[index].times += u64::from(parsed.timestamp.is_some());
        counts[index].levels += u64::from(parsed.level.is_some());
    };
    while tail.poll(997, &mut each).more {}
    tail.finish(&mut each);
    for (source, file) in tail.sources().iter().zip(files) {
        assert!(source.error.is_none(), "{}: {:?}", file.display(), source.error);
        assert_eq!(source.bytes_left, 0);
    }
    counts
}

fn check(dir: &str, least_times: f64, least_levels: f64) {
    let Some(files) = logs(dir) else { return };
    let counts = read_all(&files);
    let mut total = Understood::default();
    for (file, count) in files.iter().zip(&counts) {
        let bytes = std::fs::read(file).unwrap();
        let unterminated = !bytes.is_empty() && !bytes.ends_with(b"\n");
        let expect = bytes.iter().filter(|&&b| b == b'\n').count() + usize::from(unterminated);
        assert_eq!(count.lines, expect as u64, "{}", file.display());
        let name = file.file_name().unwrap().to_string_lossy();
        let Understood { lines, times, levels } = *count;
        println!("{name:60} {lines:5} lines {times:5} times {levels:5} levels");
        total.lines += lines;
        total.times += times;
        total.levels += levels;
    }
    let Understood { lines, times, levels } = total;
    println!("{dir}: {} files, {lines} lines, {times} times, {levels} levels", files.len());
    // Below these, a form that was understood is not any more.
    assert!(times as f64 >= least_times * lines as f64);
    assert!(levels as f64 >= least_levels * lines as f64);
}

#[test]
fn lnav_test_logs() {
    check("lnav-test-logs", 0.63, 0.40);
}

#[test]
fn crowdsec_hub_logs() {
    check("crowdsec-hub-tests/logs", 0.96, 0.80);
}
