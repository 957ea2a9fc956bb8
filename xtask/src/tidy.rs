//! `tidy`: the house rules that neither the compiler nor clippy checks.

mod manifests;
mod markdown;
mod rust;
mod text;

use std::fs;
use std::path::Path;

use crate::cli::{Args, Chore};
use crate::finding::report;
use crate::shell::{Failure, Outcome};
use crate::workspace::Workspace;

pub(crate) static CHORE: Chore = Chore {
    name: "tidy",
    summary: "check the house rules: sizes, links, comments, manifests, leftovers",
    arguments: "",
    details: "
Rust: above 800 lines of code in a file is an error unless its head says why (a line that begins
with `//! Size: `), from 500 on a note; lib.rs and mod.rs hold docs, `mod` and `use` only;
`#[expect(.., reason)]` instead of `#[allow]`; `cfg(feature)` only on `mod` and `use`; crate roots
forbid unsafe code or deny it with a reason; no leftover markers and macros.
Text: no trailing blanks, tabs, carriage returns; no paths of one machine; relative links and
anchors in Markdown lead somewhere.
Manifests: every package has a description; versions stand in the workspace only; every feature
has a sentence above it; docs/decisions/dependencies.md has a reason for each third-party crate,
and no other; Cargo.lock knows one registry.
Folders called `data` or `testdata`, and `.log`, `.txt` and `.jsonl` files, hold samples of what
others wrote and are left alone.",
    run: |args: &mut Args| {
        args.end()?;
        run()
    },
};

/// Runs the chore.
pub(crate) fn run() -> Outcome {
    let workspace = Workspace::load()?;
    let files = read_tree(&workspace.root)?;
    let mut findings = manifests::check(&workspace, &files);
    findings.extend(markdown::check(&files));
    for file in &files {
        findings.extend(text::check(file));
        findings.extend(rust::check(file));
    }
    println!("tidy: {} text files; the ten with most lines of Rust code:", files.len());
    for (lines, path) in rust::sizes(&files).into_iter().take(10) {
        println!("{lines:6}  {path}");
    }
    report(findings)
}

/// A text file of the project.
struct SourceFile {
    /// Below the root, with `/` between its parts.
    path: String,
    text: String,
}

impl SourceFile {
    fn extension(&self) -> &str {
        self.path.rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// Not ours, or not text.
const SKIPPED: [&str; 7] =
    ["target", ".git", "data", "testdata", "corpus", "artifacts", "node_modules"];

fn read_tree(root: &Path) -> Outcome<Vec<SourceFile>> {
    let mut files = Vec::new();
    walk(root, "", &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn walk(folder: &Path, below_root: &str, files: &mut Vec<SourceFile>) -> Outcome {
    let cannot = |error| Failure::new(format!("cannot read {}: {error}", folder.display()));
    for entry in fs::read_dir(folder).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{below_root}{name}");
        let kind = entry.file_type().map_err(cannot)?;
        if kind.is_dir() && !SKIPPED.contains(&name.as_str()) {
            walk(&entry.path(), &format!("{path}/"), files)?;
        } else if kind.is_file() {
            // What is not UTF-8 is not text.
            let bytes = fs::read(entry.path()).map_err(cannot)?;
            if let Ok(text) = String::from_utf8(bytes) {
                files.push(SourceFile { path, text });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
fn shown(findings: &[crate::finding::Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
