//! What a user's key is called in the journal.

use std::ops::Range;

use prisma_log_core::Error;

/// Longest name that the journal takes, in bytes.
pub(crate) const MAX_NAME_BYTES: usize = 64;
/// Longest prefix, so that enough of the key is left.
const MAX_PREFIX_BYTES: usize = 32;
/// What stands before a name that would not be valid, or not the user's to set.
const RENAMED: &str = "FIELDS_";

/// Names that are never a user's field: those that this sink may write, and those by which the
/// journal's tools take an entry for the system's own (`journalctl -u` believes root's `UNIT`).
const RESERVED: &[&str] = &[
    "MESSAGE",
    "PRIORITY",
    "LEVEL",
    "LOGGER",
    "TIMESTAMP",
    "CODE_FILE",
    "CODE_LINE",
    "CODE_FUNC",
    "CODE_MODULE",
    "TRACE_ID",
    "SPAN_ID",
    "PARENT_SPAN_ID",
    "TRACE_FLAGS",
    "SEQ",
    "TRUNCATED",
    "RECOVERED",
    "SERVICE_NAME",
    "SERVICE_VERSION",
    "DEPLOYMENT_ENVIRONMENT_NAME",
    "SLOG_TAG",
    "MESSAGE_ID",
    "INVOCATION_ID",
    "USER_INVOCATION_ID",
    "UNIT",
    "USER_UNIT",
];

/// Names that begin so are not either: `SYSLOG_PID`, and `OBJECT_PID`, by which root has the
/// journal describe an entry as another process's.
const RESERVED_STARTS: &[&str] = &["SYSLOG_", "OBJECT_", "COREDUMP_"];

fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name) || RESERVED_STARTS.iter().any(|start| name.starts_with(start))
}

/// Refuses a prefix that could not begin a name.
pub(crate) fn check_prefix(prefix: &str) -> Result<(), Error> {
    let valid = prefix.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'0'..=b'9' | b'_'))
        && !prefix.starts_with(|c: char| c == '_' || c.is_ascii_digit())
        && prefix.len() <= MAX_PREFIX_BYTES;
    if valid {
        return Ok(());
    }
    Err(Error::config(format!("invalid prefix of journal fields {prefix:?}")).with_hint(format!(
        "use up to {MAX_PREFIX_BYTES} letters A to Z, digits and underscores, a letter first"
    )))
}

/// Gives the fields of one record their names, each another one.
#[derive(Debug)]
pub(crate) struct Names {
    prefix: String,
    text: String,
    given: Vec<Given>,
}

/// Where in the text a name stands, and the one that it was before it got a number.
#[derive(Debug)]
struct Given {
    plain: Range<usize>,
    name: Range<usize>,
    number: usize,
}

impl Names {
    /// The prefix is one that [`check_prefix`] lets pass.
    pub(crate) fn new(prefix: String) -> Self {
        Names { prefix, text: String::new(), given: Vec::new() }
    }

    /// Forgets the names of the last record.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.given.clear();
    }

    /// The name of the record's next field: the key in capitals, other characters as `_`; with
    /// [`RENAMED`] before it where that is not valid or reserved, and with `_2`, `_3`, … at its end
    /// where an earlier field of the record has that name already.
    pub(crate) fn next(&mut self, key: &str) -> &str {
        let plain = self.push_plain(key);
        let alike = self.given.iter().rev().find(|given| self.is(&given.plain, &plain));
        let mut number = alike.map_or(0, |given| given.number);
        let mut name = plain.clone();
        while self.given.iter().any(|given| self.is(&given.name, &name)) {
            number = (number + 1).max(2);
            self.text.truncate(plain.end);
            name = self.push_numbered(&plain, number);
        }
        self.given.push(Given { plain, name: name.clone(), number });
        &self.text[name]
    }

    fn is(&self, one: &Range<usize>, other: &Range<usize>) -> bool {
        self.text[one.clone()] == self.text[other.clone()]
    }

    fn push_plain(&mut self, key: &str) -> Range<usize> {
        let start = self.text.len();
        self.text.push_str(&self.prefix);
        // One more than fits is enough to see that it does not.
        for c in key.chars().take(MAX_NAME_BYTES) {
            self.text.push(if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
        }
        let name = &self.text[start..];
        let starts_badly = !name.starts_with(|c: char| c.is_ascii_uppercase());
        if starts_badly || is_reserved(name) {
            self.text.insert_str(start, RENAMED);
        }
        self.text.truncate(start + MAX_NAME_BYTES);
        start..self.text.len()
    }

    fn push_numbered(&mut self, plain: &Range<usize>, number: usize) -> Range<usize> {
        let start = self.text.len();
        let number = format!("_{number}");
        let kept = plain.len().min(MAX_NAME_BYTES - number.len());
        self.text.extend_from_within(plain.start..plain.start + kept);
        self.text.push_str(&number);
        start..self.text.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(prefix: &str, keys: &[&str]) -> Vec<String> {
        let mut names = Names::new(prefix.to_owned());
        names.next("from an earlier record");
        names.clear();
        keys.iter().map(|key| names.next(key).to_owned()).collect()
    }

    #[test]
    fn keys_become_valid_names_that_are_told_apart() {
        let check = |keys: &[&str], expect: &[&str]| assert_eq!(named("", keys), expect);
        check(&["order_id", "http.request.method"], &["ORDER_ID", "HTTP_REQUEST_METHOD"]);
        check(&["a.b", "a_b", "A-B", "a b"], &["A_B", "A_B_2", "A_B_3", "A_B_4"]);
        check(&["a_2", "a", "a", "a"], &["A_2", "A", "A_3", "A_4"]);
        check(&["a", "a", "a_2", "a_2"], &["A", "A_2", "A_2_2", "A_2_3"]);
        check(
            &["_pid", "1st", "", "ключ"],
            &["FIELDS__PID", "FIELDS_1ST", "FIELDS_", "FIELDS_____"],
        );
        check(&["priority", "PRIORITY"], &["FIELDS_PRIORITY", "FIELDS_PRIORITY_2"]);
        check(&["fields_level", "level"], &["FIELDS_LEVEL", "FIELDS_LEVEL_2"]);
        check(&["object_pid", "syslog.pid"], &["FIELDS_OBJECT_PID", "FIELDS_SYSLOG_PID"]);
        check(
            &["message\nPRIORITY=0", "code.file.path"],
            &["MESSAGE_PRIORITY_0", "CODE_FILE_PATH"],
        );
        let long = "x".repeat(100);
        let (cut, second) = ("X".repeat(64), "X".repeat(62) + "_2");
        check(&[&long, &(long.clone() + "y")], &[&cut, &second]);
        check(&[&("1".repeat(70))], &[&("FIELDS_".to_owned() + &"1".repeat(57))]);
    }

    #[test]
    fn a_prefix_stands_before_each() {
        let check = |keys: &[&str], expect: &[&str]| assert_eq!(named("F_", keys), expect);
        check(&["priority", "_pid", "1", ""], &["F_PRIORITY", "F__PID", "F_1", "F_"]);
        assert_eq!(named("SYS", &["log_pid"]), ["FIELDS_SYSLOG_PID"]);
        for good in ["", "F_", "APP2_"] {
            check_prefix(good).unwrap();
        }
        for bad in ["f_", "_F", "2", "F-", "F=\n", &"F".repeat(33)] {
            let error = check_prefix(bad).unwrap_err();
            assert!(error.is_config() && error.hint().is_some(), "{error}");
        }
    }

    #[test]
    fn whatever_the_keys_are_names_are_valid_and_unique() {
        let pieces = ["a", "_", "2", "A", ".", "é", "message", "_2", "\n", "=", "object_", "x"];
        for seed in 0..200_usize {
            let key = |nth: usize| -> String {
                let mut mixed = (seed * 1_000 + nth).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                let count = 1 + nth % 9;
                (0..count)
                    .map(|_| {
                        mixed = mixed.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
                        pieces[(mixed >> 33) % pieces.len()].repeat(1 + nth % 12)
                    })
                    .collect()
            };
            let keys: Vec<String> = (0..60).map(key).collect();
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            let mut names = named("", &keys);
            for name in &names {
                assert!(name.len() <= MAX_NAME_BYTES && !is_reserved(name), "{name}");
                assert!(name.starts_with(|c: char| c.is_ascii_uppercase()), "{name}");
                assert!(name.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'0'..=b'9' | b'_')));
            }
            names.sort();
            names.dedup();
            assert_eq!(names.len(), keys.len());
        }
    }
}
