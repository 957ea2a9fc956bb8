//! Whatever is done to a good file, it is read or refused, never a panic.

use std::path::{Path, PathBuf};

use prisma_log_config::{Config, Environment};
use prisma_log_core::Error;

/// Pieces that mean something to YAML or to our readers.
const PIECES: [&str; 24] = [
    ": ",
    "- ",
    "\n",
    "  ",
    "\t",
    "&a ",
    "*a",
    "<<: *a\n",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "#",
    "|\n",
    "null",
    "!!int ",
    "---\n",
    "99999999999999999999",
    "\u{0}",
    "é\u{feff}",
    "extends: ",
    "=~ (",
];

fn mutate(bytes: &mut Vec<u8>, random: &mut fastrand::Rng) {
    for _ in 0..random.usize(1..5) {
        let at = random.usize(0..=bytes.len());
        let end = (at + random.usize(0..40)).min(bytes.len());
        match random.u8(0..6) {
            0 => drop(bytes.drain(at..end)),
            1 => {
                let piece = PIECES[random.usize(0..PIECES.len())].as_bytes().to_vec();
                bytes.splice(at..at, piece);
            }
            2 => {
                let copied = bytes[at..end].to_vec();
                let to = random.usize(0..=bytes.len());
                bytes.splice(to..to, copied);
            }
            3 => bytes.truncate(at.max(20)),
            4 if at < bytes.len() => bytes[at] = random.u8(..),
            _ => {
                let piece = PIECES[random.usize(0..PIECES.len())].as_bytes().to_vec();
                bytes.splice(at..end, piece);
            }
        }
    }
}

/// Mutates the file `rounds` times; `read` says whether it took a mutant.
fn rounds(sample: &Path, rounds: usize, read: impl Fn(&Path) -> bool) {
    let good = std::fs::read(sample).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path: PathBuf = dir.path().join("mutant.yaml");
    let mut random = fastrand::Rng::with_seed(20_26);
    let mut taken = 0;
    for _ in 0..rounds {
        let mut mutant = good.clone();
        mutate(&mut mutant, &mut random);
        std::fs::write(&path, &mutant).unwrap();
        taken += usize::from(read(&path));
    }
    let name = sample.file_name().unwrap().to_string_lossy();
    println!("{name}: {rounds} mutants, {taken} still good, {} refused", rounds - taken);
    // Both must happen, or the mutations are too mild or too wild to show anything.
    assert!(taken > 0 && taken < rounds);
}

#[test]
fn mutants_of_the_logging_file_are_read_or_refused() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/logging.yaml");
    let environment = Environment::new([("PRISMA_LOG__SINKS__FILE__ROTATE__SIZE", "5MiB")]);
    rounds(&sample, 8_000, |path| {
        let errors = prisma_log_config::check(path, &environment);
        let loaded = Config::load(path, &environment);
        // What `check` takes, `load` takes; but a file need not choose a profile.
        let undecided = |error: &Error| error.message() == "no profile is chosen";
        let taken = loaded.as_ref().map_or_else(undecided, |_| true);
        assert!(!errors.is_empty() || taken, "{loaded:?}");
        for error in &errors {
            assert!(!error.message().is_empty());
            assert!(error.place().is_some(), "{error}");
        }
        errors.is_empty()
    });
}

#[cfg(feature = "monitor")]
#[test]
fn mutants_of_the_rules_file_are_read_or_refused() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    // The shipped file has patterns that take long to compile; the other has every key.
    for (sample, count) in [("../../config/alerts.yaml", 50), ("tests/data/rules.yaml", 4_000)] {
        mutate_rules(&here.join(sample), count);
    }
}

#[cfg(feature = "monitor")]
fn mutate_rules(sample: &Path, count: usize) {
    rounds(sample, count, |path| {
        let errors = prisma_log_config::rules::check(path);
        assert_eq!(errors.is_empty(), prisma_log_config::rules::load(path).is_ok());
        for error in &errors {
            assert!(error.place().is_some(), "{error}");
        }
        errors.is_empty()
    });
}
