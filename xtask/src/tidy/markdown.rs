//! Links in Markdown: a relative one must lead to a file, an anchor to a heading.

use super::SourceFile;
use crate::finding::Finding;

pub(super) fn check(files: &[SourceFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.extension() == "md") {
        for (line, target) in links(&file.text) {
            if let Err(message) = resolve(files, file, target) {
                findings.push(Finding::error(&file.path, line, message));
            }
        }
    }
    findings
}

fn resolve(files: &[SourceFile], from: &SourceFile, target: &str) -> Result<(), String> {
    if ["http://", "https://", "mailto:"].iter().any(|scheme| target.starts_with(scheme)) {
        return Ok(());
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = join(&from.path, path).ok_or_else(|| format!("`{target}` leaves the project"))?;
    let Some(found) = files.iter().find(|file| file.path == path) else {
        let folder = format!("{}/", path.trim_end_matches('/'));
        return match files.iter().any(|file| file.path.starts_with(&folder)) {
            true => Ok(()),
            false => Err(format!("`{target}` leads nowhere")),
        };
    };
    let known = anchor.is_empty() || found.extension() != "md" || has_heading(&found.text, anchor);
    if known { Ok(()) } else { Err(format!("`{path}` has no heading for `#{anchor}`")) }
}

/// `path` as seen from the folder of `from`; `None` when that is outside the project.
fn join(from: &str, path: &str) -> Option<String> {
    if path.is_empty() {
        return Some(from.to_owned());
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The lines outside fenced code, numbered from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((index + 1, line))
    })
}

/// Targets of `[text](target)` outside code.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut links = Vec::new();
    for (number, line) in prose(text) {
        // Every other part between backticks is code.
        for (index, part) in line.split('`').enumerate() {
            // `` [`code`](target) `` is cut before `](`.
            let mut rest = if index % 2 == 0 { part } else { "" };
            while let Some((_, after)) = rest.split_once("](") {
                let (target, tail) = after.split_once(')').unwrap_or((after, ""));
                links.push((number, target.split_whitespace().next().unwrap_or_default()));
                rest = tail;
            }
        }
    }
    links
}

fn has_heading(text: &str, anchor: &str) -> bool {
    prose(text).any(|(_, line)| line.starts_with('#') && slug(line) == anchor)
}

/// A heading's anchor, as code hosts make it.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::shown;
    use super::*;

    #[test]
    fn links_lead_somewhere() {
        let check = |text: &str, expect: &str| {
            let file = |path: &str, text: &str| SourceFile {
                path: path.to_owned(),
                text: text.to_owned(),
            };
            let files = [
                file("README.md", "# Read me, `first`\n```\n# not a heading\n```\n"),
                file("config/a.yaml", ""),
                file("docs/guide/x.md", text),
            ];
            assert_eq!(shown(&super::check(&files)), expect, "{text}");
        };
        check("[a](../../README.md) [`b`](x.md) [c](https://x.y) [d](../../config)", "");
        check("[a](../../README.md#read-me-first) [b](#here)\n## Here", "");
        check("text\n[a](y.md)", "error: docs/guide/x.md:2: `y.md` leads nowhere");
        check("[`a`](y.md \"title\")", "error: docs/guide/x.md:1: `y.md` leads nowhere");
        check("[a](../../../x)", "error: docs/guide/x.md:1: `../../../x` leaves the project");
        check(
            "[a](../../README.md#not-a-heading)",
            "error: docs/guide/x.md:1: `README.md` has no heading for `#not-a-heading`",
        );
        check("`[a](y.md)`\n```\n[a](y.md)\n```\n", "");
    }
}
