//! What a rule may ask about a field of a line.

use std::fmt;

use prisma_log_core::Value;
use prisma_log_match::Expression;

/// A condition on one field of a line.
///
/// The key is a field's name; fields of nested objects have dotted keys (`user.id`). A named group
/// of the rule's `message` and `line` patterns counts as a field and goes before a field of the
/// same name. Besides, the keys `logger`, `level` (upper case: `ERROR`), `message`, `trace_id`,
/// `span_id` and `source` (the file's path) name what their names say.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldCondition {
    key: String,
    test: FieldTest,
}

/// What a field is compared with.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FieldTest {
    /// The line has the field.
    Exists,
    /// The line does not have the field.
    Missing,
    /// The field has this value: the same text, or the same number for a numeric field.
    Equals(String),
    /// The field has another value or is missing.
    NotEquals(String),
    /// This pattern is found in the field's text.
    Matches(String),
    /// The field is a number above this one.
    Greater(f64),
    /// The field is this number or above.
    GreaterOrEqual(f64),
    /// The field is a number below this one.
    Less(f64),
    /// The field is this number or below.
    LessOrEqual(f64),
}

impl FieldCondition {
    /// A condition on the field `key`.
    pub fn new(key: impl Into<String>, test: FieldTest) -> Self {
        FieldCondition { key: key.into(), test }
    }

    /// The line has the field.
    pub fn exists(key: impl Into<String>) -> Self {
        Self::new(key, FieldTest::Exists)
    }

    /// The line does not have the field.
    pub fn missing(key: impl Into<String>) -> Self {
        Self::new(key, FieldTest::Missing)
    }

    /// The field has this value: the same text, or the same number for a numeric field.
    pub fn equals(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self::new(key, FieldTest::Equals(value.into()))
    }

    /// The field has another value or is missing.
    pub fn not_equals(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self::new(key, FieldTest::NotEquals(value.into()))
    }

    /// The pattern is found in the field's text; it is checked when the rule is built.
    pub fn matches(key: impl Into<String>, pattern: impl Into<String>) -> Self {
        Self::new(key, FieldTest::Matches(pattern.into()))
    }

    /// The field is a number (or a text that is one) above `number`.
    pub fn greater(key: impl Into<String>, number: f64) -> Self {
        Self::new(key, FieldTest::Greater(number))
    }

    /// The field is a number (or a text that is one), `number` or above.
    pub fn greater_or_equal(key: impl Into<String>, number: f64) -> Self {
        Self::new(key, FieldTest::GreaterOrEqual(number))
    }

    /// The field is a number (or a text that is one) below `number`.
    pub fn less(key: impl Into<String>, number: f64) -> Self {
        Self::new(key, FieldTest::Less(number))
    }

    /// The field is a number (or a text that is one), `number` or below.
    pub fn less_or_equal(key: impl Into<String>, number: f64) -> Self {
        Self::new(key, FieldTest::LessOrEqual(number))
    }

    /// The field's key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What the field is compared with.
    pub fn test(&self) -> &FieldTest {
        &self.test
    }

    /// Whether it holds for `value`, `None` being a missing field. `pattern` is the compiled
    /// pattern of [`FieldTest::Matches`].
    pub(crate) fn holds(&self, value: Option<Value<'_>>, pattern: Option<&Expression>) -> bool {
        let number = |compare: fn(&f64, &f64) -> bool, bound: &f64| {
            value.and_then(as_number).is_some_and(|number| compare(&number, bound))
        };
        match &self.test {
            FieldTest::Exists => value.is_some(),
            FieldTest::Missing => value.is_none(),
            FieldTest::Equals(text) => value.is_some_and(|value| equal(value, text)),
            FieldTest::NotEquals(text) => !value.is_some_and(|value| equal(value, text)),
            FieldTest::Matches(_) => match (value, pattern) {
                (Some(Value::Str(text) | Value::Json(text)), Some(pattern)) => {
                    pattern.is_match(text)
                }
                (Some(other), Some(pattern)) => pattern.is_match(&other.to_string()),
                _ => false,
            },
            FieldTest::Greater(bound) => number(f64::gt, bound),
            FieldTest::GreaterOrEqual(bound) => number(f64::ge, bound),
            FieldTest::Less(bound) => number(f64::lt, bound),
            FieldTest::LessOrEqual(bound) => number(f64::le, bound),
        }
    }
}

impl fmt::Display for FieldCondition {
    /// The condition as people read it: `http.response.status_code >= 500`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        match &self.test {
            FieldTest::Exists => write!(f, "{key} exists"),
            FieldTest::Missing => write!(f, "{key} missing"),
            FieldTest::Equals(value) => write!(f, "{key} == {value:?}"),
            FieldTest::NotEquals(value) => write!(f, "{key} != {value:?}"),
            FieldTest::Matches(pattern) => write!(f, "{key} matches /{pattern}/"),
            FieldTest::Greater(number) => write!(f, "{key} > {number}"),
            FieldTest::GreaterOrEqual(number) => write!(f, "{key} >= {number}"),
            FieldTest::Less(number) => write!(f, "{key} < {number}"),
            FieldTest::LessOrEqual(number) => write!(f, "{key} <= {number}"),
        }
    }
}

fn equal(value: Value<'_>, text: &str) -> bool {
    match value {
        Value::Str(have) | Value::Json(have) => have == text,
        other if other.to_string() == text => true,
        Value::Bool(_) | Value::Null | Value::Bytes(_) => false,
        number => as_number(number).is_some_and(|number| text.parse() == Ok(number)),
    }
}

pub(crate) fn as_number(value: Value<'_>) -> Option<f64> {
    match value {
        Value::I64(v) => Some(v as f64),
        Value::U64(v) => Some(v as f64),
        Value::I128(v) => Some(v as f64),
        Value::U128(v) => Some(v as f64),
        Value::F64(v) => Some(v),
        Value::Str(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_on_values() {
        type C = FieldCondition;
        let check = |condition: FieldCondition, value: Option<Value<'_>>, expect: bool| {
            let pattern = match condition.test() {
                FieldTest::Matches(pattern) => Some(Expression::new(pattern, 1 << 20).unwrap()),
                _ => None,
            };
            assert_eq!(condition.holds(value, pattern.as_ref()), expect, "{condition} {value:?}");
        };
        let status = Some(Value::U64(503));
        check(C::exists("k"), status, true);
        check(C::exists("k"), None, false);
        check(C::missing("k"), None, true);
        check(C::missing("k"), status, false);
        check(C::equals("k", "503"), status, true);
        check(C::equals("k", "503.0"), status, true);
        check(C::equals("k", "503"), Some(Value::Str("503")), true);
        check(C::equals("k", "503.0"), Some(Value::Str("503")), false);
        check(C::equals("k", "true"), Some(Value::Bool(true)), true);
        check(C::equals("k", "x"), None, false);
        check(C::not_equals("k", "x"), None, true);
        check(C::not_equals("k", "503"), status, false);
        check(C::not_equals("k", "504"), status, true);
        check(C::matches("k", "^5..$"), status, true);
        check(C::matches("k", "^4"), status, false);
        check(C::matches("k", ""), None, false);
        check(C::greater("k", 503.0), status, false);
        check(C::greater("k", 502.9), status, true);
        check(C::greater_or_equal("k", 503.0), Some(Value::Str(" 503 ")), true);
        check(C::less("k", 503.0), Some(Value::F64(502.5)), true);
        check(C::less("k", 0.0), Some(Value::F64(f64::NAN)), false);
        check(C::less_or_equal("k", -1.0), Some(Value::I64(-1)), true);
        check(C::less_or_equal("k", 9.0), Some(Value::Str("many")), false);
        check(C::less_or_equal("k", 9.0), None, false);
    }
}
