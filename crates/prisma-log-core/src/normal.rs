//! Values in their plainest form.

use crate::Value;

/// Lends serialised JSON as a value: a lone string, boolean or null as the plain value that it is,
/// all else as [`Value::Json`].
pub(crate) fn lend_json<R>(json: &[u8], f: impl FnOnce(Value<'_>) -> R) -> R {
    let text = std::str::from_utf8(json).unwrap_or("null");
    match text.as_bytes().first() {
        Some(b'"') => match serde_json::from_str::<String>(text) {
            Ok(string) => f(Value::Str(&string)),
            Err(_) => f(Value::Json(text)),
        },
        Some(b't') => f(Value::Bool(true)),
        Some(b'f') => f(Value::Bool(false)),
        Some(b'n') => f(Value::Null),
        _ => f(Value::Json(text)),
    }
}

/// The `f64` with the same shortest decimal form: 0.1, where a mere widening of `0.1_f32` gives
/// 0.10000000149011612.
pub fn shortest_f64(value: f32) -> f64 {
    use std::io::Write as _;
    let mut digits = [0_u8; 32];
    let mut rest = &mut digits[..];
    let written = write!(rest, "{value:e}").is_ok();
    let unused = rest.len();
    let digits = &digits[..digits.len() - unused];
    let parsed = std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok());
    parsed.filter(|_| written).unwrap_or(f64::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f32_keeps_its_decimal_form() {
        for value in [0.1_f32, -1.5e-45, f32::MAX, f32::MIN_POSITIVE, 16_777_216.0, 0.0] {
            let wide = shortest_f64(value);
            assert_eq!(format!("{value:e}"), format!("{wide:e}"));
            assert_eq!(wide as f32, value);
        }
        assert!(shortest_f64(f32::NAN).is_nan());
        assert_eq!(shortest_f64(f32::NEG_INFINITY), f64::NEG_INFINITY);
    }

    #[test]
    fn lone_scalars_are_plain_values() {
        let check = |json: &str, expect: Value<'_>| {
            lend_json(json.as_bytes(), |value| assert_eq!(value, expect, "{json}"));
        };
        check(r#""a\n""#, Value::Str("a\n"));
        check("true", Value::Bool(true));
        check("false", Value::Bool(false));
        check("null", Value::Null);
        check("1.50", Value::Json("1.50"));
        check("[true]", Value::Json("[true]"));
    }
}
