//! Failed authentications of services that no table knows: words that all of them use.

use std::collections::BTreeMap;

use regex::Regex;

/// What scenarios call lines that say that someone could not log in.
const NAMES: &str = r"(?i)(?:fail|invalid|bad|unauth|denied|wrong).*(?:auth|login|log-in|passw|totp|2fa|user)|(?:auth|login|passw|user|totp|2fa).*(?:fail|invalid|bad|denied|wrong|error)";

const FAILED: &str = r"(?i)fail(?:ed|ure)?|invalid|incorrect|wrong|denied|unsuccessful|rejected|unknown user|mismatch|no such user|nonexistent|unauthorized|rate-limited|login_error|auth\w* error|\b40[13]\b";
const ABOUT: &str = r"(?i)log[- ]?[io]n|sign[-_ ]?in|auth|password|credential|2fa|totp|token|wrongpass|user|account|handshake";
const SUCCEEDED: &str = r#"(?i)\bsuccess(?:ful(?:ly)?)?\b(?:[^":]|$)|\baccepted\b|auth-success"#;
const ADDRESS: [&str; 3] = [
    r#"(?i)(?:\bfrom(?: ip(?: address)?)?|\bip(?:[-_ ]?address)?|rhost|client[-_ ]?(?:ip|addr)?|remote[-_ ]?(?:ip|addr(?:ess)?)?|visitor_ip)\W{0,6}?(?:::ffff:)?{ip}"#,
    r"\((?:::ffff:)?{ip}\)",
    r"(?:^|[^\w.:])(?:::ffff:)?{ip}(?:[^\w.]|$|\.\s|\.$)",
];
const USER: [&str; 3] = [
    r#"(?i)\b(?:user(?:name)?|login|account|email|set_id)\\?["']?\s?(?:[:=]\s?\\?["']?|[("'\[<]+)(?<user>[\w.+@\\-]+)"#,
    r"(?i)\b(?:user(?:name)?|account) (?<user>[\w.+@-]+)",
    r#"(?i)\b(?:for|by) \\?["'\[(<]*(?<user>[\w.+@-]+)"#,
];
/// What may follow a word for a user, and is none.
const NO_USER: [&str; 9] = ["and", "does", "has", "is", "name", "not", "or", "unknown", "was"];

pub(super) struct Auth {
    failed: Regex,
    about: Regex,
    succeeded: Regex,
    address: Vec<Regex>,
    user: Vec<Regex>,
}

/// Whether a type of line is by its name one of failed authentications.
pub(super) fn is_failed_auth(log_type: &str) -> bool {
    Regex::new(NAMES).unwrap().is_match(log_type)
}

impl Auth {
    pub(super) fn new(compile: fn(&str) -> Regex) -> Self {
        Auth {
            failed: compile(FAILED),
            about: compile(ABOUT),
            succeeded: compile(SUCCEEDED),
            address: ADDRESS.iter().map(|pattern| compile(pattern)).collect(),
            user: USER.iter().map(|pattern| compile(pattern)).collect(),
        }
    }

    /// Who could not log in from where, if the line says so.
    pub(super) fn read(&self, text: &str) -> Option<BTreeMap<String, String>> {
        let fails = self.failed.is_match(text) && self.about.is_match(text);
        if !fails || self.succeeded.is_match(text) {
            return None;
        }
        let find = |all: &[Regex], name: &str, fits: fn(&str) -> bool| {
            let mut found = all.iter().filter_map(|regex| regex.captures(text)?.name(name));
            found.find(|found| fits(found.as_str())).map(|found| found.as_str().to_owned())
        };
        let mut fields = BTreeMap::from([
            ("ip".to_owned(), find(&self.address, "ip", |_| true)?),
            ("auth_status".to_owned(), "failed".to_owned()),
        ]);
        if let Some(user) = find(&self.user, "user", |user| !NO_USER.contains(&user)) {
            fields.insert("user".into(), user);
        }
        Some(fields)
    }
}
