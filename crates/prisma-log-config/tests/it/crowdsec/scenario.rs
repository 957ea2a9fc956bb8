//! CrowdSec's scenario files as rules of ours.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use prisma_log_monitor::{Condition, FieldCondition, Kind, Measure, Rule, Windows};
use serde_json::Value;

use super::convert::{Converter, key};
use super::expr::{self, Expr};
use super::fields;

/// One of a file's scenarios.
pub(super) struct Scenario {
    pub(super) name: String,
    /// The rule, or why there can be none.
    pub(super) rule: Result<Rule, String>,
    /// The field whose value is an alert's source.
    pub(super) source: String,
}

/// Reads a file of scenarios; the rules' names begin with `prefix`.
pub(super) fn load(text: &str, lists: &Path, prefix: &str) -> Result<Vec<Scenario>, String> {
    let documents = format!("\n{text}");
    let documents = documents.split("\n---").filter(|document| document.contains("name:"));
    let scenario = |(index, document): (usize, &str)| {
        let yaml: Value = serde_saphyr::from_str(document).map_err(|error| error.to_string())?;
        let source = yaml["scope"]["expression"].as_str().map_or(fields::SOURCE_IP, str::trim);
        Ok(Scenario {
            name: yaml["name"].as_str().unwrap_or_default().trim().to_owned(),
            source: key(source).unwrap_or_else(|_| source.to_owned()),
            rule: rule(&yaml, lists, format!("{prefix}-{index}")),
        })
    };
    documents.enumerate().map(scenario).collect()
}

fn rule(yaml: &Value, lists: &Path, name: String) -> Result<Rule, String> {
    if let Some(other) = ["overflow_filter", "cancel_on"].iter().find(|key| !yaml[**key].is_null())
    {
        return Err(format!("`{other}`"));
    }
    let filter = expr::parse(yaml["filter"].as_str().ok_or("no filter")?)?;
    let converter = Converter::new(lists, list_names(yaml));
    let condition = converter.filter(&filter)?;
    let mut groups = Vec::new();
    if let Some(text) = yaml["groupby"].as_str() {
        group_by(&expr::parse(text)?, &mut groups)?;
    }
    let mut builder = Rule::builder(name).condition(condition);
    if let Some(blackhole) = yaml["blackhole"].as_str() {
        builder = builder.cooldown(duration(blackhole)?);
    }
    let distinct = match yaml["distinct"].as_str() {
        Some(text) => match expr::parse(text)? {
            Expr::Path(path) => Some(key(&path)?),
            other => return Err(format!("distinct by {other:?}")),
        },
        None => None,
    };
    let leak = || duration(yaml["leakspeed"].as_str().ok_or("no leakspeed")?);
    let kind = match yaml["type"].as_str().unwrap_or_default() {
        "trigger" => Kind::Any,
        "leaky" => {
            let capacity = yaml["capacity"].as_u64().ok_or("a bucket without capacity")?;
            let capacity = u32::try_from(capacity).map_err(|error| error.to_string())?;
            Kind::LeakyBucket { capacity, leak_every: leak()?, distinct }
        }
        "conditional" => {
            let text = yaml["condition"].as_str().ok_or("no condition")?;
            let queue = queue(&expr::parse(text)?)?;
            if let Some(expr) = queue.of {
                builder = builder.condition(converter.filter(&on_event(expr))?);
            }
            groups.extend(queue.same);
            Kind::Frequency {
                measure: distinct.map_or(Measure::Matches, Measure::Distinct),
                at_least: f64::from(queue.at_least),
                // The bucket lives so long after each event.
                window: leak()?.saturating_mul(queue.at_least),
                windows: Windows::Sliding,
            }
        }
        other => return Err(format!("type `{other}`")),
    };
    builder.kind(kind).group_by(groups).build().map_err(|error| error.to_string())
}

/// What a scenario calls its word lists, and what they are called where they come from.
fn list_names(yaml: &Value) -> BTreeMap<String, String> {
    let data = yaml["data"].as_array().map_or(&[][..], Vec::as_slice);
    let names = data.iter().filter_map(|list| {
        let url = list["source_url"].as_str()?;
        Some((list["dest_file"].as_str()?.to_owned(), url.rsplit('/').next()?.to_owned()))
    });
    names.collect()
}

fn group_by(expr: &Expr, keys: &mut Vec<String>) -> Result<(), String> {
    match expr {
        Expr::Path(path) => keys.push(key(path)?),
        Expr::Text(_) => {}
        Expr::Binary(plus, left, right) if plus == "+" => {
            group_by(left, keys)?;
            group_by(right, keys)?;
        }
        other => return Err(format!("groups by {other:?}")),
    }
    Ok(())
}

/// A condition on what a bucket has collected, as far as a frequency says the same.
struct Queue {
    at_least: u32,
    /// What is counted, when it is not everything.
    of: Option<Expr>,
    /// What has to be the same in all of it.
    same: Option<String>,
}

fn queue(expr: &Expr) -> Result<Queue, String> {
    let other = || Err("asks of the queue more than how many there are".to_owned());
    let Expr::Binary(operator, left, right) = expr else { return other() };
    let at_least = |number: f64| match operator.as_str() {
        ">" => Ok(number as u32 + 1),
        ">=" => Ok(number as u32),
        _ => Err(format!("operator `{operator}` on a number in the queue")),
    };
    match (&**left, &**right) {
        (Expr::Call(count, arguments), Expr::Number(number)) => {
            let at_least = at_least(*number)?;
            match (count.as_str(), &arguments[..]) {
                ("len", [Expr::Path(path)]) if path == "queue.Queue" => {
                    Ok(Queue { at_least, of: None, same: None })
                }
                ("count", [Expr::Path(path), of]) if path == "queue.Queue" => {
                    let of = if let Expr::Closure(of) = of { (**of).clone() } else { of.clone() };
                    Ok(Queue { at_least, of: Some(of), same: None })
                }
                _ => other(),
            }
        }
        // `len(queue.Queue) >= 2 and queue.Queue[0].Meta.exe == queue.Queue[1].Meta.exe`
        (count, Expr::Binary(equal, first, second)) if operator == "and" && equal == "==" => {
            let (Expr::Path(first), Expr::Path(second)) = (&**first, &**second) else {
                return other();
            };
            let rest = first.strip_prefix("queue.Queue[0]");
            let same = rest.filter(|rest| second.strip_prefix("queue.Queue[1]") == Some(rest));
            match (queue(count)?, same) {
                (Queue { at_least: 2, of: None, .. }, Some(rest)) => {
                    Ok(Queue { at_least: 2, of: None, same: Some(key(&format!("evt{rest}"))?) })
                }
                _ => other(),
            }
        }
        _ => other(),
    }
}

/// What is asked of an element, asked of the event.
fn on_event(expr: Expr) -> Expr {
    match expr {
        Expr::Element(path) => Expr::Path(format!("evt{path}")),
        Expr::Not(inner) => Expr::Not(Box::new(on_event(*inner))),
        Expr::Binary(name, left, right) => {
            Expr::Binary(name, Box::new(on_event(*left)), Box::new(on_event(*right)))
        }
        Expr::Call(name, arguments) => {
            Expr::Call(name, arguments.into_iter().map(on_event).collect())
        }
        other => other,
    }
}

/// `1h30m`, `0.5s`.
fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("duration `{text}`");
    let mut total = Duration::ZERO;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let at = rest.find(|c: char| c != '.' && !c.is_ascii_digit()).ok_or_else(bad)?;
        let number: f64 = rest[..at].parse().map_err(|_| bad())?;
        let end = rest[at..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |end| at + end);
        let unit = match &rest[at..end] {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            _ => return Err(bad()),
        };
        total += Duration::from_secs_f64(number * unit);
        rest = &rest[end..];
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_become_conditions() {
        let check = |filter: &str, expect: Result<&str, &str>| {
            let converter = Converter::new(Path::new("none"), BTreeMap::new());
            let expr = expr::parse(filter).unwrap();
            let condition = converter.filter(&expr).map(|condition| condition.to_string());
            assert_eq!(condition.as_deref().map_err(String::as_str), expect, "{filter}");
        };
        check("evt.Meta.service == 'http'", Ok("evt.Meta.service == \"http\""));
        check(
            "evt.Meta.service == 'http' && (evt.Parsed.verb in ['GET', 'HEAD'] or not (evt.Meta.http_status startsWith '4'))",
            Ok(
                "(evt.Meta.service == \"http\" and (evt.Parsed.verb matches /^(?:GET)$|^(?:HEAD)$/ or not evt.Meta.http_status matches /^(?:4)/))",
            ),
        );
        check(
            "Upper(evt.Meta.http_path) contains Upper('/a.b') and int(evt.Meta.http_args_len) >= 7",
            Ok(r"(evt.Meta.http_path matches /(?i:/A\.B)/ and evt.Meta.http_args_len >= 7)"),
        );
        check("Upper(evt.Meta.http_path) contains 'a'", Ok("never"));
        check(
            "Lower(QueryUnescape(evt.Meta.http_path)) endsWith 'a b'",
            Ok(
                "evt.Meta.http_path matches /(?i:(?:a|(?i:%41)|(?i:%61))(?: |\\+|(?i:%20))(?:b|(?i:%42)|(?i:%62)))$/",
            ),
        );
        check("evt.Unmarshaled.a.b?.c != nil", Ok("not json.b.c missing"));
        check(
            "any(['x', 'y'], {evt.Parsed.message contains #})",
            Ok("evt.Parsed.message matches /(?:x)|(?:y)/"),
        );
        check(
            "any(File('f'), {evt.Parsed.message contains #})",
            Err("the word list `f` is not in the data"),
        );
        check(
            "evt.Meta.log_type == 'no_such_lines'",
            Err("no table makes lines of type `no_such_lines`"),
        );
        check("evt.Meta.no_such_field == ''", Err("no table makes `evt.Meta.no_such_field`"));
        check("IsIPV4(evt.Meta.source_ip)", Err("function `IsIPV4`"));
        let empty = FieldCondition::equals("evt.Meta.service", "");
        let missing = FieldCondition::missing("evt.Meta.service");
        let either = Condition::Any(vec![Condition::Field(missing), Condition::Field(empty)]);
        check("evt.Meta.service == ''", Ok(&either.to_string()));
    }
}
