//! Comparisons of texts, as patterns: what CrowdSec does to a field before it compares it goes into
//! the pattern.

/// A field, and what is done to its value before it is compared.
#[derive(Clone, Debug, Default)]
pub(super) struct Subject {
    pub(super) key: String,
    pub(super) case: Case,
    /// `QueryUnescape`: percent-encoding is taken away.
    pub(super) unescaped: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Case {
    #[default]
    AsIs,
    Upper,
    Lower,
}

impl Case {
    pub(super) fn of(self, text: &str) -> String {
        match self {
            Case::AsIs => text.to_owned(),
            Case::Upper => text.to_uppercase(),
            Case::Lower => text.to_lowercase(),
        }
    }
}

impl Subject {
    /// The pattern by which `SUBJECT operator text` holds; `None` when it never does.
    pub(super) fn pattern(&self, operator: &str, text: &str) -> Option<Result<String, String>> {
        if operator == "matches" {
            if self.unescaped {
                return Some(Err("matches an unescaped value".into()));
            }
            let fold = if self.case == Case::AsIs { "" } else { "i" };
            return Some(Ok(format!("(?{fold}:{text})")));
        }
        if self.case.of(text) != text {
            return None;
        }
        let literal = self.literal(text);
        Some(match operator {
            "==" => Ok(format!("^{literal}$")),
            "contains" => Ok(literal),
            "startsWith" => Ok(format!("^{literal}")),
            "endsWith" => Ok(format!("{literal}$")),
            other => Err(format!("operator `{other}` on a text")),
        })
    }

    fn literal(&self, text: &str) -> String {
        let fold = if self.case == Case::AsIs { "" } else { "i" };
        if !self.unescaped {
            return format!("(?{fold}:{})", regex::escape(text));
        }
        let each = text.chars().map(|c| {
            let mut ways = vec![regex::escape(&c.to_string())];
            if c == ' ' {
                ways.push(r"\+".into());
            }
            let cases = [c.to_uppercase().to_string(), c.to_lowercase().to_string()];
            let cases = if fold.is_empty() { vec![c.to_string()] } else { cases.to_vec() };
            ways.extend(cases.iter().map(|text| {
                text.bytes().map(|byte| format!("(?i:%{byte:02x})")).collect::<String>()
            }));
            ways.dedup();
            format!("(?:{})", ways.join("|"))
        });
        format!("(?{fold}:{})", each.collect::<String>())
    }
}
