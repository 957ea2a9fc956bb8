//! CrowdSec's filters as conditions of ours.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use prisma_log_monitor::{Condition, FieldCondition};

use super::expr::Expr;
use super::fields;
use super::pattern::{Case, Subject};

/// Elements of an array within an event that `any` looks at.
const ELEMENTS: usize = 16;

/// Turns expressions into conditions; an error is why that can't be.
pub(super) struct Converter<'a> {
    /// Where word lists lie.
    lists: &'a Path,
    /// What scenarios call their word lists, and what those are called.
    names: BTreeMap<String, String>,
    /// Types of lines that no table makes, and how many that one does make.
    unknown: RefCell<Vec<String>>,
    known: RefCell<usize>,
}

impl<'a> Converter<'a> {
    pub(super) fn new(lists: &'a Path, names: BTreeMap<String, String>) -> Self {
        Converter { lists, names, unknown: RefCell::default(), known: RefCell::default() }
    }

    /// The condition of a filter.
    pub(super) fn filter(&self, expr: &Expr) -> Result<Condition, String> {
        let condition = self.condition(expr, None)?;
        if *self.known.borrow() == 0
            && let Some(unknown) = self.unknown.borrow().first()
        {
            return Err(format!("no table makes lines of type `{unknown}`"));
        }
        Ok(condition)
    }

    /// `element` is what `#` stands for.
    fn condition(&self, expr: &Expr, element: Option<&str>) -> Result<Condition, String> {
        let both = |left, right| -> Result<Vec<Condition>, String> {
            Ok(vec![self.condition(left, element)?, self.condition(right, element)?])
        };
        match expr {
            Expr::Not(inner) => Ok(Condition::Not(Box::new(self.condition(inner, element)?))),
            Expr::Bool(true) => Ok(Condition::All(Vec::new())),
            Expr::Bool(false) => Ok(Condition::Any(Vec::new())),
            Expr::Binary(name, left, right) => match name.as_str() {
                "and" => both(left, right).map(Condition::All),
                "or" => both(left, right).map(Condition::Any),
                "!=" => {
                    let equal = self.comparison("==", left, right, element)?;
                    Ok(Condition::Not(Box::new(equal)))
                }
                _ => self.comparison(name, left, right, element),
            },
            Expr::Call(name, arguments) => self.call(name, arguments),
            Expr::Path(path) => Ok(Condition::Field(FieldCondition::equals(key(path)?, "true"))),
            other => Err(format!("no condition: {other:?}")),
        }
    }

    fn comparison(
        &self,
        operator: &str,
        left: &Expr,
        right: &Expr,
        element: Option<&str>,
    ) -> Result<Condition, String> {
        let left = element_path(left, element);
        if let (Expr::Nil | Expr::Bool(_), Expr::Path(path)) = (right, &left) {
            let key = key(path)?;
            return Ok(Condition::Field(match right {
                Expr::Bool(value) => FieldCondition::equals(key, value.to_string()),
                _ => FieldCondition::missing(key),
            }));
        }
        if let (Expr::Number(number), Some(key)) = (right, number_key(&left)?) {
            type Test = fn(String, f64) -> FieldCondition;
            let test: Test = match operator {
                "<" => FieldCondition::less,
                "<=" => FieldCondition::less_or_equal,
                ">" => FieldCondition::greater,
                ">=" => FieldCondition::greater_or_equal,
                "==" => |key, number| FieldCondition::equals(key, number.to_string()),
                other => return Err(format!("operator `{other}` on a number")),
            };
            return Ok(Condition::Field(test(key, *number)));
        }
        let Some(subject) = subject(&left)? else {
            // `'x' == evt.Meta.y`
            return match (constant(&left, None), subject(right)?, operator) {
                (Some(text), Some(subject), "==") => self.text(&subject, "==", &[text]),
                _ => Err(format!("compares {left:?}")),
            };
        };
        if operator == "in" {
            let Expr::List(list) = right else { return Err(format!("`in` {right:?}")) };
            let texts: Option<Vec<String>> = list.iter().map(|item| constant(item, None)).collect();
            return self.text(&subject, "==", &texts.ok_or("`in` a list of no texts")?);
        }
        match constant(right, None) {
            Some(text) => self.text(&subject, operator, &[text]),
            None => Err(format!("compares `{}` with {right:?}", subject.key)),
        }
    }

    /// The subject's value compared with one of these texts.
    fn text(
        &self,
        subject: &Subject,
        operator: &str,
        texts: &[String],
    ) -> Result<Condition, String> {
        let field = |field| Ok(Condition::Field(field));
        if subject.key == fields::LOG_TYPE && operator == "==" {
            let texts: Vec<Condition> = texts
                .iter()
                .filter_map(|text| {
                    let known = fields::log_type(text);
                    match known {
                        Some(_) => *self.known.borrow_mut() += 1,
                        None => self.unknown.borrow_mut().push(text.clone()),
                    }
                    Some(Condition::Field(FieldCondition::equals(fields::LOG_TYPE, known?)))
                })
                .collect();
            return Ok(Condition::Any(texts));
        }
        if let ([text], "==", Case::AsIs, false) =
            (texts, operator, subject.case, subject.unescaped)
        {
            let equal = FieldCondition::equals(&subject.key, text);
            if !text.is_empty() {
                return field(equal);
            }
            let missing = Condition::Field(FieldCondition::missing(&subject.key));
            return Ok(Condition::Any(vec![missing, Condition::Field(equal)]));
        }
        let patterns: Result<Vec<String>, String> =
            texts.iter().filter_map(|text| subject.pattern(operator, text)).collect();
        let patterns = patterns?;
        if patterns.is_empty() {
            return Ok(Condition::Any(Vec::new()));
        }
        field(FieldCondition::matches(&subject.key, patterns.join("|")))
    }

    fn call(&self, name: &str, arguments: &[Expr]) -> Result<Condition, String> {
        match (name, arguments) {
            ("any", [list, Expr::Closure(body)]) => self.any(list, body),
            ("RegexpInFile", [value, Expr::Text(file)]) => {
                let subject = subject(value)?.ok_or("RegexpInFile of no field")?;
                self.text(&subject, "matches", &self.list(file)?)
            }
            _ => Err(format!("function `{name}`")),
        }
    }

    fn any(&self, list: &Expr, body: &Expr) -> Result<Condition, String> {
        let words = match list {
            Expr::Call(file, arguments) if file == "File" => match &arguments[..] {
                [Expr::Text(file)] => self.list(file)?,
                _ => return Err("File of no name".into()),
            },
            Expr::List(list) => {
                let words: Option<Vec<String>> = list.iter().map(|e| constant(e, None)).collect();
                words.ok_or("`any` of no texts")?
            }
            Expr::Path(path) if path.starts_with("evt.") => {
                let each =
                    (0..ELEMENTS).map(|i| self.condition(body, Some(&format!("{path}.{i}"))));
                return each.collect::<Result<_, _>>().map(Condition::Any);
            }
            other => return Err(format!("`any` of {other:?}")),
        };
        let Expr::Binary(operator, left, right) = body else {
            return Err(format!("`any` with {body:?}"));
        };
        let subject = subject(left)?.ok_or_else(|| format!("`any` with {left:?}"))?;
        let words: Vec<String> =
            words.iter().filter_map(|word| constant(right, Some(word))).collect();
        self.text(&subject, operator, &words)
    }

    /// The lines of a word list.
    fn list(&self, name: &str) -> Result<Vec<String>, String> {
        let file = self.names.get(name).map_or(name, String::as_str);
        let text = fs::read_to_string(self.lists.join(file))
            .map_err(|_| format!("the word list `{file}` is not in the data"))?;
        let lines = text.lines().map(str::trim_end);
        Ok(lines
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(str::to_owned)
            .collect())
    }
}

/// The field that a path names: those of structures that CrowdSec's parsers read have one prefix.
pub(super) fn key(path: &str) -> Result<String, String> {
    let key = match path.strip_prefix("evt.Unmarshaled.") {
        Some(rest) => {
            let rest = rest.split_once('.').map_or("", |(_, rest)| rest);
            format!("{}{rest}", fields::JSON)
        }
        None => path.to_owned(),
    };
    if fields::is_known(&key) { Ok(key) } else { Err(format!("no table makes `{path}`")) }
}

fn subject(expr: &Expr) -> Result<Option<Subject>, String> {
    Ok(match expr {
        Expr::Path(path) => Some(Subject { key: key(path)?, ..Subject::default() }),
        Expr::Call(name, arguments) if arguments.len() == 1 => {
            let Some(inner) = subject(&arguments[0])? else { return Ok(None) };
            match name.as_str() {
                "Upper" | "upper" => Some(Subject { case: Case::Upper, ..inner }),
                "Lower" | "lower" => Some(Subject { case: Case::Lower, ..inner }),
                "QueryUnescape" => Some(Subject { unescaped: true, ..inner }),
                "string" => Some(inner),
                _ => return Err(format!("function `{name}`")),
            }
        }
        _ => None,
    })
}

fn number_key(expr: &Expr) -> Result<Option<String>, String> {
    match expr {
        Expr::Path(path) => key(path).map(Some),
        Expr::Call(name, arguments) if matches!(name.as_str(), "int" | "float") => {
            arguments.first().map_or(Ok(None), number_key)
        }
        _ => Ok(None),
    }
}

/// The text that an expression always is; `word` is what `#` stands for.
fn constant(expr: &Expr, word: Option<&str>) -> Option<String> {
    match expr {
        Expr::Text(text) => Some(text.clone()),
        Expr::Element(path) if path.is_empty() => word.map(str::to_owned),
        Expr::Call(name, arguments) => {
            let text = constant(arguments.first()?, word)?;
            match name.as_str() {
                "Upper" | "upper" => Some(text.to_uppercase()),
                "Lower" | "lower" => Some(text.to_lowercase()),
                _ => None,
            }
        }
        Expr::Binary(plus, left, right) if plus == "+" => {
            Some(constant(left, word)? + &constant(right, word)?)
        }
        _ => None,
    }
}

/// Elements as the paths that they stand for.
fn element_path(expr: &Expr, element: Option<&str>) -> Expr {
    match (expr, element) {
        (Expr::Element(rest), Some(path)) => Expr::Path(format!("{path}{rest}")),
        (other, _) => other.clone(),
    }
}
