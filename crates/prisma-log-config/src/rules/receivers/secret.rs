//! Texts that nobody may read in a log or an error.

use std::fmt;
use std::path::PathBuf;

use prisma_log_core::{Error, Place};

use crate::section::Section;
use crate::tree::{Kind, Node};

/// A password, token or address: what the file says, or where it is.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText {
    from: From,
    place: Option<Place>,
}

#[derive(Clone, PartialEq, Eq)]
enum From {
    /// A text in which `${NAME}` stands for a variable.
    Text(String),
    /// The text of a file, without the line end behind it.
    File(PathBuf),
}

impl SecretText {
    /// Reads the value of `key`: a text, or `{file: PATH}`.
    pub(super) fn optional(section: &mut Section<'_>, key: &'static str) -> Option<SecretText> {
        let path = section.path_of(key);
        let node = section.node(key)?;
        Self::read(section, &path, node)
    }

    /// The same, but missing is reported.
    pub(super) fn required(section: &mut Section<'_>, key: &'static str) -> Option<SecretText> {
        if section.is_missing(key) && section.is_readable() {
            let error = section.error(format!("`{}` is missing", section.path_of(key)));
            let hint = "expected a text, `${VARIABLE}`, or `{file: PATH}`";
            section.report().error(error.with_hint(hint));
        }
        Self::optional(section, key)
    }

    /// Reads a list of them; one stands for a list of one.
    pub(super) fn list(section: &mut Section<'_>, key: &'static str) -> Vec<SecretText> {
        let path = section.path_of(key);
        let nodes = match section.node(key) {
            Some(Node { kind: Kind::Seq(nodes), .. }) => nodes.as_slice(),
            Some(node) => std::slice::from_ref(node),
            None => &[],
        };
        nodes.iter().filter_map(|node| Self::read(section, &path, node)).collect()
    }

    pub(super) fn read(section: &Section<'_>, path: &str, node: &Node) -> Option<SecretText> {
        let report = section.report();
        let place = node.origin.place();
        match &node.kind {
            Kind::Scalar(text) if !text.is_empty() => {
                if let Err(why) = each_variable(text, &mut |_| Ok(String::new())) {
                    report.error(node.error(format!("`{path}`: {why}")));
                }
                Some(SecretText { from: From::Text(text.clone()), place })
            }
            Kind::Map(_) => {
                let mut inner = Section::new(report, path, Some(node));
                let file = inner.required::<PathBuf>("file");
                inner.finish();
                file.map(|file| SecretText { from: From::File(file), place })
            }
            // Whatever it is, it is not shown.
            _ => {
                let error = node.error(format!("`{path}`: expected a text"));
                report.error(error.with_hint("or `${VARIABLE}`, or `{file: PATH}`"));
                None
            }
        }
    }

    /// The text itself.
    ///
    /// # Errors
    /// When the variable is not set, or the file can't be read.
    pub(super) fn resolve(&self) -> Result<String, Error> {
        let resolved = match &self.from {
            From::Text(text) => each_variable(text, &mut |name| {
                std::env::var(name).map_err(|_| format!("the variable `{name}` is not set"))
            })
            .map_err(Error::config),
            From::File(path) => std::fs::read_to_string(path)
                .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
                .map_err(|error| Error::io_at("read", path, error)),
        };
        resolved.map_err(|error| match &self.place {
            Some(place) => error.at(place.clone()),
            None => error,
        })
    }

    /// What stands in for it while nobody needs to know it: itself if it is plain, else something
    /// that does for an address as for a password.
    pub(super) fn stand_in(&self) -> String {
        match &self.from {
            From::Text(text) if !text.contains("${") => text.clone(),
            _ => "http://localhost/0123456789abcdef".into(),
        }
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.from {
            From::Text(_) => f.write_str("***"),
            From::File(path) => write!(f, "file {path:?}"),
        }
    }
}

/// The text with every `${NAME}` replaced.
fn each_variable(
    text: &str,
    value: &mut dyn FnMut(&str) -> Result<String, String>,
) -> Result<String, String> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("${") {
        let named = after.split_once('}').filter(|(name, _)| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        });
        let Some((name, after)) = named else {
            return Err("`${` must be followed by the name of a variable and `}`".into());
        };
        out.push_str(before);
        out.push_str(&value(name)?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced() {
        let check = |text: &str, expect: Result<&str, ()>| {
            let got = each_variable(text, &mut |name| match name {
                "A" => Ok("${B}".into()),
                _ => Err(format!("no {name}")),
            });
            assert_eq!(got.as_deref().map_err(|_| ()), expect, "{text}");
        };
        check("plain $5 {x}", Ok("plain $5 {x}"));
        check("x${A}y${A}", Ok("x${B}y${B}"));
        check("${C}", Err(()));
        check("${A", Err(()));
        check("${}", Err(()));
        check("${A B}", Err(()));
    }

    #[test]
    fn nobody_sees_it() {
        let secret = SecretText { from: From::Text("hunter2".into()), place: None };
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(secret.resolve().unwrap(), "hunter2");
        let missing = SecretText { from: From::File("/none/token".into()), place: None };
        assert!(missing.resolve().unwrap_err().is_io());
    }
}
