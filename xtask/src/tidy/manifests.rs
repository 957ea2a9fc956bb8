//! Rules for manifests, crate roots and the list of dependencies.

use std::collections::BTreeMap;

use super::SourceFile;
use crate::finding::Finding;
use crate::manifest::{Entry, entries};
use crate::mask::mask;
use crate::workspace::{Member, Workspace};

const REASONS: &str = "docs/decisions/dependencies.md";
const CRATES_IO: &str = "\"registry+https://github.com/rust-lang/crates.io-index\"";

pub(super) fn check(workspace: &Workspace, files: &[SourceFile]) -> Vec<Finding> {
    let text = |path: &str| files.iter().find(|file| file.path == path).map(|f| f.text.as_str());
    let mut findings = Vec::new();
    for member in &workspace.members {
        findings.extend(check_member(member));
        for root in &member.roots {
            findings.extend(check_root(root, text(root).unwrap_or_default()));
        }
    }
    let manifest = text("Cargo.toml").unwrap_or_default();
    findings.extend(check_workspace_dependencies(manifest, &workspace.members));
    findings.extend(check_reasons(manifest, text(REASONS).unwrap_or_default()));
    findings.extend(check_lock(text("Cargo.lock").unwrap_or_default()));
    findings
}

/// The entries of the dependency tables, also platform-dependent ones.
fn dependencies(manifest: &str) -> impl Iterator<Item = Entry<'_>> {
    entries(manifest).into_iter().filter(|entry| {
        entry.table.ends_with("dependencies") && entry.table != "workspace.dependencies"
    })
}

/// The third-party entries of `[workspace.dependencies]`.
fn third_parties(manifest: &str) -> impl Iterator<Item = Entry<'_>> {
    entries(manifest)
        .into_iter()
        .filter(|entry| entry.table == "workspace.dependencies" && !entry.value.contains("path = "))
}

fn check_member(member: &Member) -> Vec<Finding> {
    let path = member.manifest_path();
    let mut findings = Vec::new();
    if !member.description.ends_with('.') {
        findings.push(Finding::error(&path, 0, "no `description` that is a sentence"));
    }
    for entry in dependencies(&member.manifest) {
        let shared = entry.value == "true" || entry.value.contains("workspace = true");
        if !shared {
            let message = format!("`{}`: versions stand in the workspace's manifest", entry.key);
            findings.push(Finding::error(&path, entry.line, message));
        }
    }
    for entry in entries(&member.manifest).iter().filter(|entry| entry.table == "features") {
        let mut complain = |message: &str| {
            let message = format!("feature `{}`: {message}", entry.key);
            findings.push(Finding::error(&path, entry.line, message));
        };
        if entry.key != "default" && !entry.comment.ends_with('.') {
            complain("no sentence above it says what it turns on");
        }
        if !entry.key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
            complain("the name is not kebab-case");
        }
    }
    for dependency in member.features.iter().filter(|feature| {
        feature.enables.len() == 1 && feature.enables[0] == format!("dep:{}", feature.name)
    }) {
        // Cargo makes a feature of an optional dependency that no feature names with `dep:`.
        if !entries(&member.manifest)
            .iter()
            .any(|e| e.table == "features" && e.key == dependency.name)
        {
            let message = format!("optional `{}` is turned on by no feature", dependency.name);
            findings.push(Finding::error(&path, 0, message));
        }
    }
    findings
}

fn check_root(path: &str, text: &str) -> Vec<Finding> {
    let code: String = mask(text).code.split_whitespace().collect();
    let safe =
        code.contains("#![forbid(unsafe_code)]") || code.contains("#![deny(unsafe_code,reason=");
    let message = "no `#![forbid(unsafe_code)]`, nor `#![deny(unsafe_code, reason = \"..\")]`";
    if safe { Vec::new() } else { vec![Finding::error(path, 0, message)] }
}

fn check_workspace_dependencies(manifest: &str, members: &[Member]) -> Vec<Finding> {
    let is_used = |key: &str| {
        members.iter().any(|member| dependencies(&member.manifest).any(|entry| entry.key == key))
    };
    third_parties(manifest)
        .filter(|entry| !is_used(entry.key))
        .map(|entry| {
            let message = format!("`{}` is used by no crate", entry.key);
            Finding::error("Cargo.toml", entry.line, message)
        })
        .collect()
}

/// Rows `` | `crate` | … | `` of the page of reasons.
fn check_reasons(manifest: &str, page: &str) -> Vec<Finding> {
    let mut rows = BTreeMap::new();
    for (index, line) in page.lines().enumerate() {
        if let Some((name, reason)) = line.strip_prefix("| `").and_then(|row| row.split_once('`')) {
            rows.insert(name, (index + 1, reason.trim_matches(['|', ' ']).len()));
        }
    }
    let mut findings = Vec::new();
    for entry in third_parties(manifest) {
        if rows.remove(entry.key).is_none_or(|(_, reason)| reason == 0) {
            let message = format!("{REASONS} has no reason for `{}`", entry.key);
            findings.push(Finding::error("Cargo.toml", entry.line, message));
        }
    }
    for (name, (line, _)) in rows {
        let message = format!("`{name}` is no dependency of the workspace any more");
        findings.push(Finding::error(REASONS, line, message));
    }
    findings
}

fn check_lock(lock: &str) -> Vec<Finding> {
    let sources = lock.lines().enumerate().filter_map(|(index, line)| {
        line.strip_prefix("source = ").map(|source| (index + 1, source))
    });
    sources
        .filter(|(_, source)| *source != CRATES_IO)
        .map(|(line, source)| {
            Finding::error("Cargo.lock", line, format!("{source} is not crates.io"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::shown;
    use super::*;
    use crate::workspace::Feature;

    #[test]
    fn a_member_is_described_and_states_no_version() {
        let found = |description: &str, manifest: &str| {
            let member = Member {
                folder: "crates/x".to_owned(),
                description: description.to_owned(),
                manifest: manifest.to_owned(),
                features: vec![Feature { name: "lone".into(), enables: vec!["dep:lone".into()] }],
                ..Member::default()
            };
            shown(&check_member(&member))
        };
        let lone = "lone = { workspace = true, optional = true }\n[features]\n# Why.\nlone = []\n";
        let check = |description, manifest: &str, expect: &str| {
            assert_eq!(found(description, &format!("{manifest}{lone}")), expect);
        };
        check("It is.", "[dependencies]\na.workspace = true\n", "");
        check("", "", "error: crates/x/Cargo.toml: no `description` that is a sentence");
        check(
            "It is.",
            "[dev-dependencies]\na = \"1\"\n",
            "error: crates/x/Cargo.toml:2: `a`: versions stand in the workspace's manifest",
        );
        check(
            "It is.",
            "[features]\ndefault = []\nBad_name = []\n[dependencies]\n",
            "error: crates/x/Cargo.toml:3: feature `Bad_name`: no sentence above it says what it \
             turns on\nerror: crates/x/Cargo.toml:3: feature `Bad_name`: the name is not kebab-case",
        );
        assert_eq!(
            found("It is.", ""),
            "error: crates/x/Cargo.toml: optional `lone` is turned on by no feature"
        );
    }

    #[test]
    fn a_root_forbids_unsafe_code_or_says_why_not() {
        let check =
            |text: &str, safe: bool| assert_eq!(check_root("lib.rs", text).is_empty(), safe);
        check("//! x\n#![forbid(unsafe_code)]\n", true);
        check("#![deny(unsafe_code, reason = \"re-opened in `os`\")]\n", true);
        check("#![deny(unsafe_code)]\n", false);
        check("// #![forbid(unsafe_code)]\n", false);
    }

    #[test]
    fn every_third_party_has_a_reason_and_a_user() {
        let root = "[workspace.dependencies]\nours = { path = \"x\" }\na = \"1\"\nb = \"1\"\n";
        let page = "# Page\n| crate | reason |\n| `a` | because |\n| `c` | gone |\n";
        assert_eq!(
            shown(&check_reasons(root, page)),
            "error: Cargo.toml:4: docs/decisions/dependencies.md has no reason for `b`\n\
             error: docs/decisions/dependencies.md:4: `c` is no dependency of the workspace any \
             more"
        );
        let member = Member {
            manifest: "[target.x.dependencies]\na.workspace = true\n".to_owned(),
            ..Member::default()
        };
        assert_eq!(
            shown(&check_workspace_dependencies(root, &[member])),
            "error: Cargo.toml:4: `b` is used by no crate"
        );
    }

    #[test]
    fn the_lock_file_knows_one_registry() {
        assert_eq!(check_lock(&format!("source = {CRATES_IO}\n")), []);
        let found = shown(&check_lock("\nsource = \"git+https://example.org\"\n"));
        assert_eq!(found, "error: Cargo.lock:2: \"git+https://example.org\" is not crates.io");
    }
}
