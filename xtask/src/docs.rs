//! `docs`: the API's documentation and the pages under docs/.

use std::fs;

use crate::cli::{Args, Chore};
use crate::examples;
use crate::finding::{Finding, report};
use crate::shell::{Failure, Outcome, cargo, run};
use crate::workspace::Workspace;

pub(crate) static CHORE: Chore = Chore {
    name: "docs",
    summary: "build the API's documentation, compile and run the guide's code",
    arguments: "",
    details: "
Builds the documentation of all crates; a broken link or missing doc is an error. Every Rust
block in README.md and docs/guide/*.md is a documentation test of the examples crate: a page
that has one and is not included in examples/src/lib.rs is an error, with the line to add. Every
page of docs/guide/ and docs/decisions/ must be linked from docs/README.md.",
    run: |args: &mut Args| {
        args.end()?;
        run_all()
    },
};

const INCLUDES: &str = "examples/src/lib.rs";
const INDEX: &str = "docs/README.md";

/// Runs the chore.
pub(crate) fn run_all() -> Outcome {
    let workspace = Workspace::load()?;
    let mut findings = Vec::new();
    let includes = workspace.read_text(INCLUDES)?;
    let index = workspace.read_text(INDEX)?;
    let mut code_pages = pages(&workspace, "docs/guide")?;
    for page in code_pages.iter().chain(&pages(&workspace, "docs/decisions")?) {
        findings.extend(check_index(&index, page));
    }
    code_pages.push("README.md".to_owned());
    for page in &code_pages {
        findings.extend(check_include(&includes, page, &workspace.read_text(page)?));
    }
    println!("docs: {} pages that may hold code", code_pages.len());
    report(findings)?;

    let mut doc = cargo(&workspace.root);
    doc.args(["doc", "--workspace", "--all-features", "--no-deps"])
        .env("RUSTDOCFLAGS", "-D warnings");
    run(&mut doc)?;
    run(cargo(&workspace.root).args(["test", "--package", examples::PACKAGE, "--doc"]))
}

/// The Markdown pages of a folder, below the root.
fn pages(workspace: &Workspace, folder: &str) -> Outcome<Vec<String>> {
    let cannot = |error| Failure::new(format!("cannot read {folder}: {error}"));
    let mut pages = Vec::new();
    for entry in fs::read_dir(workspace.root.join(folder)).map_err(cannot)? {
        let name = entry.map_err(cannot)?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".md") {
            pages.push(format!("{folder}/{name}"));
        }
    }
    pages.sort();
    Ok(pages)
}

fn check_index(index: &str, page: &str) -> Option<Finding> {
    let link = format!("]({})", page.trim_start_matches("docs/"));
    let message = format!("{INDEX} has no link to it");
    (!index.contains(&link)).then(|| Finding::error(page, 0, message))
}

fn check_include(includes: &str, page: &str, text: &str) -> Option<Finding> {
    let block = text.lines().position(|line| line.trim_start().starts_with("```rust"))?;
    let include = format!("include_str!(\"../../{page}\")");
    if includes.contains(&include) {
        return None;
    }
    let stem = page.rsplit('/').next()?.trim_end_matches(".md");
    let module = stem.to_lowercase().replace(['-', '.'], "_");
    let message = format!(
        "its code is compiled by nobody; add to {INCLUDES}: \
         `#[cfg(doctest)] #[doc = {include}] mod {module} {{}}`"
    );
    Some(Finding::error(page, block + 1, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_with_code_must_be_included() {
        let includes = "#[doc = include_str!(\"../../docs/guide/a.md\")]\nmod a {}";
        let found = |page, text| check_include(includes, page, text).map(|f| f.to_string());
        assert_eq!(found("docs/guide/a.md", "```rust\n```"), None);
        assert_eq!(found("docs/guide/b.md", "```sh\n```"), None);
        let expect = "error: docs/guide/first-steps.md:2: its code is compiled by nobody; add to \
                      examples/src/lib.rs: `#[cfg(doctest)] #[doc = \
                      include_str!(\"../../docs/guide/first-steps.md\")] mod first_steps {}`";
        let page = "docs/guide/first-steps.md";
        assert_eq!(found(page, "x\n```rust,no_run\n```").as_deref(), Some(expect));
    }

    #[test]
    fn a_page_must_be_in_the_index() {
        assert_eq!(check_index("- [A](guide/a.md): x", "docs/guide/a.md"), None);
        assert!(check_index("- [A](guide/a.md): x", "docs/guide/b.md").is_some());
    }
}
