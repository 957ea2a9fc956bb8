//! Broken files, kept under `tests/data/broken`: each says in comments what is to be found, and
//! where. `# expect: LINE:COLUMN MESSAGE` names one mistake, all of them must be named; `# hint:`
//! is part of some mistake's hint.

use std::path::{Path, PathBuf};

use prisma_log_config::{Config, Environment};
use prisma_log_core::Error;

fn data(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    files
}

/// What is wrong with how the errors meet the file's comments.
fn compare(file: &Path, errors: &[Error]) -> Vec<String> {
    let bytes = std::fs::read(file).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    let comments = |prefix: &'static str| text.lines().filter_map(move |l| l.strip_prefix(prefix));
    let mut expected: Vec<(String, String)> = comments("# expect: ")
        .map(|expect| {
            let (place, message) = expect.split_once(' ').unwrap();
            (place.to_owned(), message.to_owned())
        })
        .collect();
    if bytes.is_empty() {
        expected.push(("1:1".into(), "the file is empty".into()));
    }
    let mut wrong = Vec::new();
    if expected.is_empty() {
        wrong.push(format!("{name}: expects nothing"));
    }
    for (place, message) in &expected {
        let found = errors.iter().any(|error| {
            let at = error.place().unwrap();
            assert_eq!(at.file, file);
            format!("{}:{}", at.line, at.column) == *place && error.message().contains(message)
        });
        if !found {
            wrong.push(format!("{name}: not found: {place} {message}"));
        }
    }
    for hint in comments("# hint: ") {
        let found = |error: &Error| error.hint().is_some_and(|given| given.contains(hint));
        if !errors.iter().any(found) {
            wrong.push(format!("{name}: no hint {hint:?}"));
        }
    }
    if errors.len() != expected.len() {
        wrong.push(format!("{name}: {} errors, {} expected", errors.len(), expected.len()));
    }
    if !wrong.is_empty() {
        wrong.extend(errors.iter().map(|error| format!("    {error}")));
    }
    wrong
}

#[test]
fn every_mistake_of_a_logging_file_is_found_at_its_place() {
    let files = data("broken");
    let mut wrong = Vec::new();
    for file in &files {
        let errors = prisma_log_config::check(file, &Environment::default());
        wrong.extend(compare(file, &errors));
    }
    println!("{} broken logging files", files.len());
    assert!(files.len() >= 20);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn loading_a_broken_file_fails_with_a_place() {
    for file in data("broken") {
        let checked = prisma_log_config::check(&file, &Environment::default());
        // A profile that others extend, or that nobody chose, may be broken without harm; here
        // at least one profile of each file is.
        let names = ["production", "canary", "staging", "a", "b"];
        let errors: Vec<Error> = names
            .iter()
            .filter_map(|name| Config::load(&file, &Environment::default().profile(*name)).err())
            .collect();
        let met = errors.iter().any(|error| {
            checked.iter().any(|c| c.place() == error.place() && c.message() == error.message())
        });
        assert!(met || file.ends_with("missing-profile.yaml"), "{file:?}: {errors:?}");
    }
}

#[cfg(feature = "monitor")]
#[test]
fn every_mistake_of_a_rules_file_is_found_at_its_place() {
    let files = data("broken/alerts");
    let mut wrong = Vec::new();
    for file in &files {
        let errors = prisma_log_config::rules::check(file);
        wrong.extend(compare(file, &errors));
        assert!(prisma_log_config::rules::load(file).is_err());
    }
    println!("{} broken rules files", files.len());
    assert!(files.len() >= 10);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
