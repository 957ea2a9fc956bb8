//! What stands where in a `Cargo.toml`: enough of TOML to name the line of a finding.

/// An entry `key = …` of a manifest.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    /// The table that it stands in, such as `dev-dependencies`; empty at the top.
    pub(crate) table: &'a str,
    pub(crate) key: &'a str,
    /// What stands right of the `=` on the same line.
    pub(crate) value: &'a str,
    /// Line, from 1.
    pub(crate) line: usize,
    /// The comment lines right above, joined, without `#`.
    pub(crate) comment: String,
}

/// The entries of a manifest in order. `[dependencies.serde]` is an entry `serde` of the table
/// `dependencies` too. Lines inside a multi-line array are no entries.
pub(crate) fn entries(manifest: &str) -> Vec<Entry<'_>> {
    let mut entries = Vec::new();
    let (mut table, mut comment, mut depth) = ("", Vec::new(), 0_isize);
    for (index, line) in manifest.lines().enumerate() {
        let (line, number) = (line.trim(), index + 1);
        let entry = |table, key, value, comment: &[&str]| Entry {
            table,
            key,
            value,
            line: number,
            comment: comment.join(" "),
        };
        if let Some(text) = line.strip_prefix('#') {
            comment.push(text.trim());
            continue;
        }
        if depth == 0 && line.starts_with('[') {
            table = line.trim_matches(['[', ']']);
            if let Some((parent, key)) = table.rsplit_once('.')
                && parent.ends_with("dependencies")
            {
                entries.push(entry(parent, key, "", &comment));
            }
        } else if depth == 0
            && let Some((key, value)) = line.split_once('=')
        {
            // `serde.workspace = true` is about `serde`.
            let (key, value) = (key.trim(), value.trim());
            let key = key.strip_suffix(".workspace").unwrap_or(key);
            entries.push(entry(table, key.trim_matches('"'), value, &comment));
        }
        if !line.starts_with('[') || depth > 0 {
            depth += brackets(line);
        }
        comment.clear();
    }
    entries
}

/// The line that declares dependency `name` of the given kind; 0 if it can't be found.
pub(crate) fn dependency_line(manifest: &str, name: &str, dev: bool) -> usize {
    let declares = |entry: &Entry<'_>| {
        let renamed = format!("package = \"{name}\"");
        entry.table.ends_with("dependencies")
            && entry.table.ends_with("dev-dependencies") == dev
            && (entry.key == name || entry.value.contains(&renamed))
    };
    entries(manifest).iter().find(|entry| declares(entry)).map_or(0, |entry| entry.line)
}

fn brackets(line: &str) -> isize {
    let code = line.split(" #").next().unwrap_or_default();
    code.chars().map(|c| isize::from(c == '[') - isize::from(c == ']')).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"[package]
name = "x"

[dependencies]
core.workspace = true
short = { package = "long-name", version = "1" }

[target.'cfg(unix)'.dependencies]
libc = "0.2"

[dev-dependencies]
core = { workspace = true, features = ["a"] }

[dependencies.serde]
version = "1"

[features]
# Does this
# and that.
a = [
  "dep:short", # why
]
b = []
"#;

    #[test]
    fn finds_the_line_of_a_dependency() {
        let check = |name, dev, line| {
            assert_eq!(dependency_line(MANIFEST, name, dev), line, "{name}");
        };
        check("core", false, 5);
        check("core", true, 12);
        check("long-name", false, 6);
        check("libc", false, 9);
        check("serde", false, 14);
        check("absent", false, 0);
    }

    #[test]
    fn keeps_the_comment_above_an_entry() {
        let entries = entries(MANIFEST);
        let features: Vec<_> = entries
            .iter()
            .filter(|e| e.table == "features")
            .map(|e| (e.key, &*e.comment))
            .collect();
        assert_eq!(features, [("a", "Does this and that."), ("b", "")]);
    }
}
