//! Who the client is, through proxies that are trusted.

use std::net::IpAddr;

use http::HeaderMap;

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// The address that the outermost trusted proxy saw: each appends the one that it was called
/// from, so it is the n-th from the end. What stands before that, anybody can have written.
pub(super) fn forwarded(headers: &HeaderMap, trusted: usize) -> Option<IpAddr> {
    let mut left = trusted.checked_sub(1)?;
    for line in headers.get_all(FORWARDED_FOR).iter().rev() {
        for entry in line.as_bytes().rsplit(|&b| b == b',') {
            if left == 0 {
                return address(entry);
            }
            left -= 1;
        }
    }
    None
}

/// An address with or without a port.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let entry = std::str::from_utf8(entry).ok()?.trim();
    let bare = entry.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(ip, _)| ip);
    let before_port = entry.split_once(':').map_or(entry, |(ip, _)| ip);
    let parsed = bare.unwrap_or(entry).parse();
    parsed.or_else(|_| before_port.parse()).ok()
}

/// The scheme that the proxy was called with.
pub(super) fn scheme(headers: &HeaderMap) -> Option<&'static str> {
    let value = headers.get_all(FORWARDED_PROTO).iter().next_back()?.as_bytes();
    let last = value.rsplit(|&b| b == b',').next()?.trim_ascii();
    ["http", "https"].into_iter().find(|known| last.eq_ignore_ascii_case(known.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, line.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_what_trusted_proxies_wrote_counts() {
        fn check(lines: &[&str], trusted: usize, expected: Option<&str>) {
            let found = forwarded(&headers(FORWARDED_FOR, lines), trusted);
            assert_eq!(found.map(|ip| ip.to_string()).as_deref(), expected, "{lines:?} {trusted}");
        }
        check(&["10.0.0.1, 192.0.2.7"], 0, None);
        check(&["10.0.0.1, 192.0.2.7"], 1, Some("192.0.2.7"));
        check(&["10.0.0.1, 192.0.2.7"], 2, Some("10.0.0.1"));
        check(&["10.0.0.1", "192.0.2.7:4711"], 1, Some("192.0.2.7"));
        check(&["10.0.0.1", "192.0.2.7"], 2, Some("10.0.0.1"));
        check(&["10.0.0.1"], 2, None);
        check(&["[2001:db8::1]:4711"], 1, Some("2001:db8::1"));
        check(&["2001:db8::1"], 1, Some("2001:db8::1"));
        check(&["unknown"], 1, None);
        check(&[",,,"], 1, None);
        check(&[], 1, None);
    }

    #[test]
    fn only_schemes_of_http_count() {
        fn check(lines: &[&str], expected: Option<&str>) {
            assert_eq!(scheme(&headers(FORWARDED_PROTO, lines)), expected, "{lines:?}");
        }
        check(&["HTTPS"], Some("https"));
        check(&["https, http"], Some("http"));
        check(&["gopher"], None);
        check(&[], None);
    }
}
