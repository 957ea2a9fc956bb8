//! Rules for all text files.

use super::SourceFile;
use crate::finding::Finding;
use crate::mask::mask;

/// Folders that exist on one machine only, as they begin an absolute path.
const MACHINE_FOLDERS: [&str; 3] = ["root", "home", "work"];

/// Ways to name a package server; which one is used is the machine's business.
const SERVER_SETTINGS: [&str; 3] = ["index-url", "replace-with", "sparse+http"];

const MARKERS: [&str; 3] = ["TODO", "FIXME", "XXX"];

/// What others wrote, kept as samples: blanks and paths in it are the point.
const SAMPLES: [&str; 3] = ["log", "jsonl", "txt"];

pub(super) fn check(file: &SourceFile) -> Vec<Finding> {
    if SAMPLES.contains(&file.extension()) {
        return Vec::new();
    }
    let path = &file.path;
    let mut findings = Vec::new();
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        findings.push(Finding::error(path, 0, "the last line has no end"));
    }
    // In Rust, a marker is one only in a comment: a program may well look for the word.
    let comments = (file.extension() == "rs").then(|| mask(&file.text).comments);
    let marked = comments.as_deref().unwrap_or(&file.text);
    let lines = file.text.split('\n').zip(marked.split('\n'));
    for (index, (text, marked)) in lines.enumerate() {
        let mut complain = |message: String| {
            findings.push(Finding::error(path, index + 1, message));
        };
        if text.ends_with([' ', '\t', '\r']) {
            complain("blanks at the line's end".to_owned());
        }
        if text.contains('\t') && file.name() != "Makefile" {
            complain("a tab".to_owned());
        }
        if let Some(folder) = MACHINE_FOLDERS.iter().find(|name| names_folder(text, name)) {
            complain(format!("a path below /{folder} exists on one machine only"));
        }
        if let Some(setting) = SERVER_SETTINGS.iter().find(|word| text.contains(**word))
            && path != "xtask/src/tidy/text.rs"
        {
            complain(format!("`{setting}`: package servers are each machine's own business"));
        }
        if let Some(marker) = MARKERS.iter().find(|word| has_word(marked, word)) {
            complain(format!("{marker}: finish it, or write an issue"));
        }
    }
    findings
}

/// Whether an absolute path below the top folder `name` begins somewhere in the line.
fn names_folder(line: &str, name: &str) -> bool {
    let needle = format!("/{name}/");
    line.match_indices(&needle).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !(c.is_alphanumeric() || "._-~/}*>)]".contains(c)))
    })
}

fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !is_part(line[..at].chars().next_back()) && !is_part(line[at + word.len()..].chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::super::shown;
    use super::*;

    #[test]
    fn finds_what_must_not_be_in_a_text() {
        let check = |path: &str, text: String, expect: &str| {
            let file = SourceFile { path: path.to_owned(), text };
            assert_eq!(shown(&check(&file)), expect, "{:?}", file.text);
        };
        let folder = MACHINE_FOLDERS[2];
        check("a.md", "fine\n".to_owned(), "");
        check("a.log", "not ours \r\n\t".to_owned(), "");
        check("a.md", "a".to_owned(), "error: a.md: the last line has no end");
        check("a.md", "a \nb\n".to_owned(), "error: a.md:1: blanks at the line's end");
        check("a.md", "a\n\tb\n".to_owned(), "error: a.md:2: a tab");
        check(
            "a.md",
            format!("see `/{folder}/x`\n"),
            "error: a.md:1: a path below /work exists on one machine only",
        );
        check("a.md", format!("crates/{folder}/x and ~/{folder}/y\n"), "");
        let marker = MARKERS[0];
        let expect = "error: a.rs:1: TODO: finish it, or write an issue";
        check("a.rs", format!("x(); // {marker}: y\n"), expect);
        check("a.rs", format!("x(\"{marker}\");\n"), "");
        check("a.yaml", format!("# {marker}S and {marker}_LIST\n"), "");
        check(
            "a.toml",
            format!("{} = \"x\"\n", SERVER_SETTINGS[1]),
            "error: a.toml:1: `replace-with`: package servers are each machine's own business",
        );
    }
}
