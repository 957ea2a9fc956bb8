//! Rules for Rust files.

use super::SourceFile;
use crate::finding::Finding;
use crate::mask::mask;

const LOOK_FOR_THE_SEAM: usize = 500;
const SAY_WHY: usize = 800;

pub(super) fn check(file: &SourceFile) -> Vec<Finding> {
    if file.extension() != "rs" {
        return Vec::new();
    }
    let path = &file.path;
    let code = mask(&file.text).code;
    let mut findings = Vec::new();
    let lines = code_lines(&code);
    let has_reason = file.text.lines().any(|line| line.starts_with("//! Size: "));
    if lines > SAY_WHY && !has_reason {
        let message = format!("{lines} lines of code, and no `//! Size: ` in the head says why");
        findings.push(Finding::error(path, 0, message));
    } else if lines >= LOOK_FOR_THE_SEAM {
        let message = format!("{lines} lines of code: look for the seam");
        findings.push(Finding::note(path, 0, message));
    }
    for (index, line) in code.lines().enumerate() {
        let mut complain = |message: &str| {
            findings.push(Finding::error(path, index + 1, message));
        };
        let squeezed: String = line.split_whitespace().collect();
        if squeezed.contains("#[allow(") || squeezed.contains("#![allow(") {
            complain("`allow`: write `#[expect(.., reason = \"..\")]`, which ends by itself");
        }
        for name in ["todo", "unimplemented", "dbg"] {
            if has_macro(line, name) {
                complain(&format!("`{name}!` is a leftover"));
            }
        }
        let cfg_feature = squeezed.starts_with("#[cfg(") && squeezed.contains("feature=");
        if cfg_feature && !path.contains("/tests/") {
            let next = code.lines().skip(index + 1).find(|next| !next.trim().starts_with("#["));
            let next = next.unwrap_or_default().trim_start();
            let item = next.strip_prefix("pub ").unwrap_or(next);
            if !(item.starts_with("mod ") || item.starts_with("use ")) {
                findings.push(Finding::note(
                    path,
                    index + 1,
                    "`cfg(feature)` on a part of a module",
                ));
            }
        }
    }
    let elsewhere = ["benches/", "fuzz/"].iter().any(|folder| path.starts_with(folder));
    let is_map = matches!(file.name(), "lib.rs" | "mod.rs") && !path.contains("/tests/");
    if is_map && !elsewhere {
        let other = other_item(&code, 0..code.len());
        findings.extend(other.map(|(line, item)| {
            let message = format!("{} holds docs, `mod` and `use`; move `{item}`", file.name());
            Finding::error(path, line, message)
        }));
    }
    findings
}

/// Lines of code of each Rust file, the largest first.
pub(super) fn sizes(files: &[SourceFile]) -> Vec<(usize, &str)> {
    let mut sizes: Vec<_> = files
        .iter()
        .filter(|file| file.extension() == "rs")
        .map(|file| (code_lines(&mask(&file.text).code), file.path.as_str()))
        .collect();
    sizes.sort_by(|a, b| b.cmp(a));
    sizes
}

fn code_lines(code: &str) -> usize {
    code.lines().filter(|line| !line.trim().is_empty()).count()
}

fn has_macro(line: &str, name: &str) -> bool {
    line.match_indices(&format!("{name}!"))
        .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// The first item in the range that is neither `mod` nor `use`: its line and its first word.
/// A module may have such items in braces.
fn other_item(code: &str, range: std::ops::Range<usize>) -> Option<(usize, String)> {
    let mut at = range.start;
    loop {
        at += code[at..range.end].find(|c: char| !c.is_whitespace())?;
        let rest = &code[at..range.end];
        if rest.starts_with('#') {
            at += rest.find('[').map_or(rest.len(), |open| open + group_len(&rest[open..]));
            continue;
        }
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        match &rest[..end] {
            "pub" => {
                at += end;
                let visibility = code[at..range.end].trim_start();
                if visibility.starts_with('(') {
                    at = range.end - visibility.len() + group_len(visibility);
                }
            }
            "use" | "extern" => at += rest.find(';')? + 1,
            "mod" => {
                let open = rest.find(['{', ';'])?;
                let len = group_len(&rest[open..]);
                if rest[open..].starts_with('{') {
                    let inside = at + open + 1..(at + open + len).saturating_sub(1);
                    if let Some(other) = other_item(code, inside) {
                        return Some(other);
                    }
                }
                at += open + len;
            }
            word => {
                let line = code[..at].matches('\n').count() + 1;
                let item = if word.is_empty() { &rest[..1] } else { word };
                return Some((line, item.to_owned()));
            }
        }
    }
}

/// Bytes of the bracketed group that `text` begins with; 1 if it does not begin with a bracket.
fn group_len(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '[' | '(' | '{' => depth += 1,
            ']' | ')' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + c.len_utf8();
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::super::shown;
    use super::*;

    fn found(path: &str, text: &str) -> String {
        shown(&check(&SourceFile { path: path.to_owned(), text: text.to_owned() }))
    }

    #[test]
    fn counts_lines_of_code_only() {
        let body = |lines| "// why\n\nx();\n".repeat(lines);
        assert_eq!(found("a.rs", &body(499)), "");
        assert_eq!(found("a.rs", &body(500)), "note: a.rs: 500 lines of code: look for the seam");
        let long = found("a.rs", &body(801));
        assert!(long.starts_with("error: a.rs: 801 lines of code, and no"), "{long}");
        let reasoned = found("a.rs", &format!("//! Size: a table.\n{}", body(801)));
        assert!(reasoned.starts_with("note: "), "{reasoned}");
    }

    #[test]
    fn finds_what_must_not_be_in_code() {
        let check = |text: &str, expect: &str| {
            let found = found("a.rs", text);
            assert!(found.contains(expect) && found.is_empty() == expect.is_empty(), "{found}");
        };
        check("#[allow(x)]\n", "a.rs:1: `allow`");
        check("#![ allow (x)]\n", "a.rs:1: `allow`");
        check("// #[allow(x)] todo!()\n", "");
        check("f(\"todo!()\");\n", "");
        check("\ntodo!()\n", "a.rs:2: `todo!`");
        check("not_a_todo!()\n", "");
        check("dbg!(x)\n", "`dbg!`");
        check("#[cfg(feature = \"a\")]\npub mod a;\n", "");
        check("#[cfg(feature = \"a\")]\n#[doc(inline)]\npub use a;\n", "");
        check("#[cfg(feature = \"a\")]\nfn a() {}\n", "a.rs:1: `cfg(feature)`");
    }

    #[test]
    fn a_crate_root_holds_docs_and_re_exports() {
        let check = |text: &str, expect: &str| assert_eq!(found("x/lib.rs", text), expect);
        check(
            "//! Docs.\n#![forbid(unsafe_code)]\n\nmod a;\npub(crate) mod b;\n#[doc(inline)]\n\
             pub use a::{A, B};\npub mod c { pub use crate::a::A; }\n#[doc = \"x\"]\nmod d {}\n",
            "",
        );
        let moved = |line, item| {
            format!("error: x/lib.rs:{line}: lib.rs holds docs, `mod` and `use`; move `{item}`")
        };
        check("//! x\nmod a;\npub fn f() {}\n", &moved(3, "fn"));
        check("mod a {\n    use b;\n    struct S;\n}\n", &moved(3, "struct"));
        check("macro_rules! m { () => {} }\n", &moved(1, "macro_rules"));
        check("mod a { ", "");
        assert_eq!(found("x/other.rs", "pub fn f() {}\n"), "");
    }
}
