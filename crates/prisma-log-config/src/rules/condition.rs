//! Conditions on fields: `status >= 500`, or the same as a map.

use prisma_log_core::{Error, Level};
use prisma_log_monitor::{Condition, FieldCondition, FieldTest};

use super::pattern::check_pattern;
use super::probe::{probe, report_refusal};
use crate::hint;
use crate::section::{Report, Section, read as read_scalar};
use crate::tree::{Kind, Node};

const OPERATORS: [&str; 9] = ["==", "!=", "=~", ">=", "<=", ">", "<", "exists", "missing"];

/// Reads a condition on a field.
pub(super) fn read(report: &Report, path: &str, node: &Node) -> Option<Condition> {
    let condition = match &node.kind {
        Kind::Scalar(text) => compact(text).map_err(|(message, hint)| {
            let error = node.error(format!("`{path}`: {message}"));
            error.with_hint(hint)
        }),
        Kind::Map(_) => return read_map(report, path, node),
        _ => {
            let found = node.found();
            Err(node.error(format!("`{path}`: expected a condition, found {found}")))
        }
    };
    let condition = condition
        .and_then(|(key, operator, value)| condition_of(key, operator, value, node, node, path));
    accepted(report, node, condition)
}

fn accepted(
    report: &Report,
    node: &Node,
    condition: Result<Condition, Error>,
) -> Option<Condition> {
    match condition {
        Ok(condition) => {
            report_refusal(report, node, probe().condition(condition.clone()));
            Some(condition)
        }
        Err(error) => {
            report.error(error);
            None
        }
    }
}

type Refusal = (String, String);

/// Splits `KEY OPERATOR VALUE`; quotes around the value are taken off, nothing else is.
fn compact(text: &str) -> Result<(&str, &str, Option<&str>), Refusal> {
    let example = || "write a condition such as `status >= 500` or `user.id exists`".to_owned();
    let text = text.trim();
    let Some((key, rest)) = text.split_once(char::is_whitespace) else {
        return Err((format!("`{text}` has no operator"), example()));
    };
    let rest = rest.trim_start();
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let (operator, value) = rest.split_at(end);
    if !OPERATORS.contains(&operator) {
        let hint = hint::for_word(operator, "operators", &OPERATORS);
        return Err((format!("there is no operator `{operator}`"), hint));
    }
    let value = value.trim();
    Ok((key, operator, (!value.is_empty()).then(|| unquoted(value))))
}

fn unquoted(value: &str) -> &str {
    let inner = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}

fn read_map(report: &Report, path: &str, node: &Node) -> Option<Condition> {
    let mut section = Section::new(report, path, Some(node));
    let key: Option<String> = section.required("key");
    let operator: Option<String> = section.required("op");
    let operator_node = section.node("op");
    let value_node = section.node("value");
    section.finish();
    let (key, operator, operator_node) = (key?, operator?, operator_node?);
    let condition = if OPERATORS.contains(&operator.as_str()) {
        let value = value_node.map(|node| read_text(node, path)).transpose();
        value.and_then(|value| {
            let at = value_node.unwrap_or(operator_node);
            condition_of(&key, &operator, value, operator_node, at, path)
        })
    } else {
        let error = operator_node.error(format!("`{path}`: there is no operator `{operator}`"));
        Err(error.with_hint(hint::for_word(&operator, "operators", &OPERATORS)))
    };
    accepted(report, node, condition)
}

fn read_text<'a>(node: &'a Node, path: &str) -> Result<&'a str, Error> {
    match node.scalar() {
        Some(text) => Ok(text),
        None => {
            Err(read_scalar::<String>(node, &format!("{path}.value")).err().unwrap_or_else(|| {
                node.error(format!("`{path}.value`: expected a text, found {}", node.found()))
            }))
        }
    }
}

fn condition_of(
    key: &str,
    operator: &str,
    value: Option<&str>,
    operator_node: &Node,
    value_node: &Node,
    path: &str,
) -> Result<Condition, Error> {
    if let Some(condition) = of_levels(key, operator, value) {
        return Ok(condition);
    }
    let needs = |what: &str| {
        operator_node.error(format!("`{path}`: `{operator}` needs {what} to compare with"))
    };
    let text = || value.map(str::to_owned).ok_or_else(|| needs("a value"));
    let number = || {
        let value = value.ok_or_else(|| needs("a number"))?;
        match value.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(value_node.error(format!("`{path}`: expected a number, found `{value}`"))),
        }
    };
    let test = match operator {
        "==" => FieldTest::Equals(text()?),
        "!=" => FieldTest::NotEquals(text()?),
        "=~" => {
            let pattern = text()?;
            check_pattern(value_node, path, &pattern)?;
            FieldTest::Matches(pattern)
        }
        ">" => FieldTest::Greater(number()?),
        ">=" => FieldTest::GreaterOrEqual(number()?),
        "<" => FieldTest::Less(number()?),
        "<=" => FieldTest::LessOrEqual(number()?),
        _ if value.is_some() => {
            let error = value_node.error(format!("`{path}`: `{operator}` takes no value"));
            return Err(error.with_hint(format!("write `{key} {operator}`")));
        }
        "exists" => FieldTest::Exists,
        _ => FieldTest::Missing,
    };
    Ok(Condition::Field(FieldCondition::new(key, test)))
}

/// Levels have an order, and names in any case: `level >= warn`, `level == error`.
fn of_levels(key: &str, operator: &str, value: Option<&str>) -> Option<Condition> {
    let level = (key == "level").then(|| Level::from_name(value?)).flatten()?;
    let above = || Level::ALL.into_iter().find(|other| *other > level);
    let below = |level: Option<Level>| {
        let stated = Condition::Field(FieldCondition::exists(key));
        let level = level.map(|level| Condition::Not(Box::new(Condition::Level(level))));
        Condition::All(std::iter::once(stated).chain(level).collect())
    };
    let field = |test| Condition::Field(FieldCondition::new(key, test));
    Some(match operator {
        ">=" => Condition::Level(level),
        ">" => above().map_or(Condition::Any(Vec::new()), Condition::Level),
        "<" => below(Some(level)),
        "<=" => below(above()),
        "==" => field(FieldTest::Equals(level.as_str().to_owned())),
        "!=" => field(FieldTest::NotEquals(level.as_str().to_owned())),
        _ => return None,
    })
}
