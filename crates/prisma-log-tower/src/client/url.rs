//! The URL of a call, fit to be logged.

use http::Uri;

use crate::query::Query;
use crate::semantics::cut;

/// `url.full`: without what a user's name and password may be, the query by its rule, at most 1024
/// bytes.
pub(super) fn full(uri: &Uri, query: &Query) -> String {
    let mut url = String::with_capacity(128);
    if let Some(scheme) = uri.scheme_str() {
        url.extend([scheme, "://"]);
    }
    if let Some(authority) = uri.authority() {
        let authority = authority.as_str();
        match authority.rsplit_once('@') {
            Some((_, host)) => url.extend(["REDACTED:REDACTED@", host]),
            None => url.push_str(authority),
        }
    }
    url.push_str(cut(uri.path()));
    if let Some(query) = uri.query().and_then(|whole| query.apply(whole)) {
        url.extend(["?", &query]);
    }
    url.truncate(cut(&url).len());
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_and_values_are_not_shown() {
        fn check(uri: &str, expected: &str) {
            let only = Query::only(["page"]);
            assert_eq!(full(&uri.parse().unwrap(), &only), expected, "{uri}");
        }
        check("http://shop.example/orders", "http://shop.example/orders");
        check("https://shop.example:8443/", "https://shop.example:8443/");
        check("http://u:s3@shop.example/a", "http://REDACTED:REDACTED@shop.example/a");
        check("http://u@shop.example/", "http://REDACTED:REDACTED@shop.example/");
        check("http://a/?page=1&sig=s3", "http://a/?page=1&sig=REDACTED");
        check("/orders/7?x=1", "/orders/7?x=REDACTED");
        let without = full(&"http://a/b?x=1".parse().unwrap(), &Query::omitted());
        assert_eq!(without, "http://a/b");
        let endless = format!("http://a/{}", "b".repeat(10_000)).parse().unwrap();
        assert_eq!(full(&endless, &Query::all()).len(), 1024);
    }
}
