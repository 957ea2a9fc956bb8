//! Headers that are wanted in the record.

use std::sync::Arc;

use http::{HeaderMap, HeaderName};
use prisma_log_core::Value;

use crate::semantics::text;

/// Lines of one header that are kept.
const MAX_LINES: usize = 16;

/// The headers that are wanted, and the attributes they become.
#[derive(Clone, Debug, Default)]
pub(crate) struct Captured(Arc<[(HeaderName, Box<str>)]>);

impl Captured {
    /// `http.request.header` or `http.response.header` is the prefix.
    pub(crate) fn new(prefix: &str, names: impl IntoIterator<Item = HeaderName>) -> Self {
        let attribute = |name: HeaderName| {
            let key = format!("{prefix}.{name}").into();
            (name, key)
        };
        Captured(names.into_iter().map(attribute).collect())
    }

    /// Hands over what is there, as the lists of texts that the conventions ask for.
    pub(crate) fn each(&self, headers: &HeaderMap, mut each: impl FnMut(&str, Value<'_>)) {
        for (name, key) in self.0.iter() {
            let mut list = String::new();
            for value in headers.get_all(name).iter().take(MAX_LINES) {
                list.push(if list.is_empty() { '[' } else { ',' });
                let seen = text(value.as_bytes());
                quote(if value.is_sensitive() { "REDACTED" } else { &seen }, &mut list);
            }
            if !list.is_empty() {
                list.push(']');
                each(key, Value::Json(&list));
            }
        }
    }
}

/// Appends a text as JSON has it.
fn quote(text: &str, json: &mut String) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            '\0'..' ' => json.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => json.push(c),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn each_line_is_an_element() {
        fn check(lines: &[&[u8]], expected: Option<&str>) {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-a", HeaderValue::from_bytes(line).unwrap());
            }
            let captured = Captured::new("p", [HeaderName::from_static("x-a")]);
            let mut seen = Vec::new();
            captured.each(&headers, |key, value| seen.push((key.to_owned(), value.to_string())));
            let expected: Vec<_> =
                expected.into_iter().map(|value| ("p.x-a".to_owned(), value.to_owned())).collect();
            assert_eq!(seen, expected);
        }
        check(&[], None);
        check(&[b"one"], Some(r#"["one"]"#));
        check(&[b"one", b"", b"a\"b\\c\td"], Some(r#"["one","","a\"b\\c\u0009d"]"#));
        check(&[b"\xff"], Some("[\"\u{fffd}\"]"));
        check(&[b"x".as_slice(); 100], Some(&format!("[{}\"x\"]", "\"x\",".repeat(15))));
    }

    #[test]
    fn what_is_marked_as_sensitive_is_not_shown() {
        let mut secret = HeaderValue::from_static("s3cret");
        secret.set_sensitive(true);
        let name = http::header::AUTHORIZATION;
        let headers = HeaderMap::from_iter([(name.clone(), secret)]);
        let mut seen = String::new();
        Captured::new("p", [name]).each(&headers, |_, value| seen = value.to_string());
        assert_eq!(seen, r#"["REDACTED"]"#);
    }
}
