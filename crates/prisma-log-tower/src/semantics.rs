//! How OpenTelemetry's semantic conventions name what stands in a request.

use std::borrow::Cow;

use http::header::CONTENT_LENGTH;
use http::uri::Uri;
use http::{HeaderMap, Method, Version};

/// Bytes of one text that came from elsewhere: enough to tell what it is, too little to fill a log.
pub(crate) const MAX_TEXT: usize = 1024;

/// The stand-in for a method, or a kind of error, that the conventions have no name for.
pub(crate) const OTHER: &str = "_OTHER";

/// The method if it is one that the conventions know. Others are anybody's invention, so they are
/// no part of a name that is counted by.
pub(crate) fn known_method(method: &Method) -> Option<&'static str> {
    const KNOWN: [&str; 10] =
        ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "TRACE", "QUERY"];
    KNOWN.into_iter().find(|&known| known == method.as_str())
}

/// The name of a span for such a request: `GET /orders/{id}`; without a route `GET`.
pub(crate) fn span_name(method: Option<&'static str>, route: Option<&str>) -> Cow<'static, str> {
    let method = method.unwrap_or("HTTP");
    match route {
        Some(route) => Cow::Owned([method, " ", cut(route)].concat()),
        None => Cow::Borrowed(method),
    }
}

/// `network.protocol.version`.
pub(crate) fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "0.9",
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => "1.1",
    }
}

/// As much of a text as has room in a record.
pub(crate) fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT)]
}

/// A header's value as text; what is not UTF-8 is U+FFFD.
pub(crate) fn text(value: &[u8]) -> Cow<'_, str> {
    let value = &value[..value.len().min(MAX_TEXT)];
    String::from_utf8_lossy(value)
}

/// How long the body is, if the headers say so.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    let digits = headers.get(CONTENT_LENGTH)?.as_bytes();
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Host and port of `host[:port]`; of an IPv6 address without its brackets. Nothing if it is no
/// host, whatever a client may have written there.
pub(crate) fn split_host(authority: &str) -> Option<(&str, Option<u16>)> {
    let (host, rest) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let port = match rest.strip_prefix(':') {
        Some("") => None,
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => Some(port.parse().ok()?),
        Some(_) => return None,
        None if rest.is_empty() => None,
        None => return None,
    };
    let of_a_name = |b: u8| b.is_ascii_alphanumeric() || b"-._~%:!$&'()*+,;=".contains(&b);
    (!host.is_empty() && host.len() <= 255 && host.bytes().all(of_a_name)).then_some((host, port))
}

/// Host and port that a URI names.
pub(crate) fn host_of(uri: &Uri) -> Option<(&str, Option<u16>)> {
    let authority = uri.authority()?.as_str();
    split_host(authority.rsplit('@').next()?)
}

/// `error.type`: the error's type, unless that hides what it is.
pub(crate) fn error_type<E: ?Sized>() -> &'static str {
    let name = std::any::type_name::<E>();
    if name.contains("dyn ") { OTHER } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_from_rubbish() {
        fn check(authority: &str, expected: Option<(&str, Option<u16>)>) {
            assert_eq!(split_host(authority), expected, "{authority}");
        }
        check("shop.example", Some(("shop.example", None)));
        check("shop.example:8080", Some(("shop.example", Some(8080))));
        check("shop.example:", Some(("shop.example", None)));
        check("[::1]:80", Some(("::1", Some(80))));
        check("[::1]", Some(("::1", None)));
        for bad in
            ["", ":80", "a b", "a:b", "a:99999", "a:-1", "[::1", "[::1]x", "a/b", "a\"b", "é"]
        {
            check(bad, None);
        }
        check(&"a".repeat(256), None);
        let uri: Uri = "http://user:secret@shop.example:81/x".parse().unwrap();
        assert_eq!(host_of(&uri), Some(("shop.example", Some(81))));
    }

    #[test]
    fn only_methods_that_all_know_are_names() {
        fn check(method: &str, expected: Option<&str>, name: &str) {
            let known = known_method(&Method::from_bytes(method.as_bytes()).unwrap());
            assert_eq!(known, expected);
            assert_eq!(span_name(known, Some("/a/{b}")), format!("{name} /a/{{b}}"));
            assert_eq!(span_name(known, None), name);
        }
        check("GET", Some("GET"), "GET");
        check("QUERY", Some("QUERY"), "QUERY");
        check("get", None, "HTTP");
        check("STEAL", None, "HTTP");
    }

    #[test]
    fn lengths_are_numbers_or_nothing() {
        fn check(value: &str, expected: Option<u64>) {
            let headers = HeaderMap::from_iter([(CONTENT_LENGTH, value.parse().unwrap())]);
            assert_eq!(content_length(&headers), expected, "{value}");
        }
        check("0", Some(0));
        check("1234", Some(1234));
        check("+1", None);
        check("-1", None);
        check("", None);
        check("99999999999999999999", None);
        assert_eq!(content_length(&HeaderMap::new()), None);
    }

    #[test]
    fn texts_are_cut_between_characters() {
        let long = "é".repeat(MAX_TEXT);
        assert_eq!(cut(&long).len(), MAX_TEXT);
        assert_eq!(cut(&format!("x{long}")).len(), MAX_TEXT - 1);
        assert_eq!(text(&[b'x'; 2 * MAX_TEXT]).len(), MAX_TEXT);
        assert_eq!(text(b"a\xffb"), "a\u{fffd}b");
    }
}
