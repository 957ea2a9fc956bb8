//! Labels: what tells alerts apart in Alertmanager.

use prisma_log_monitor::{Alert, Severity};

/// Labels that are always there.
pub(super) const OURS: [&str; 2] = ["alertname", "severity"];

/// Whether text is a label's name.
pub(super) fn is_name(text: &str) -> bool {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_';
    text.starts_with(is_first) && text.chars().all(|c| is_first(c) || c.is_ascii_digit())
}

/// The labels of an alert, as it is when it has that severity.
pub(super) fn labels(
    alert: &Alert,
    severity: Severity,
    constant: &[(String, String)],
) -> Vec<(String, String)> {
    let mut labels = vec![
        ("alertname".to_owned(), alert.rule.clone()),
        ("severity".to_owned(), severity.as_str().to_owned()),
    ];
    labels.extend(constant.iter().cloned());
    let of_rule = alert.labels.iter().map(|(key, value)| ("rule", &**key, &**value));
    let of_group = alert.group.iter().map(|(key, value)| ("group", key, value));
    for (whose, key, value) in of_rule.chain(of_group) {
        let mut name = sanitised(key);
        let is_taken = |name: &str| labels.iter().any(|(known, _)| known == name);
        if is_taken(&name) {
            name = format!("{whose}_{name}");
        }
        if is_taken(&name) {
            let numbered = (2..=labels.len() + 2).map(|number| format!("{name}_{number}"));
            name = numbered.into_iter().find(|name| !is_taken(name)).unwrap_or(name);
        }
        labels.push((name, value.to_owned()));
    }
    // An empty label is none.
    labels.retain(|(_, value)| !value.is_empty());
    labels
}

fn sanitised(key: &str) -> String {
    let is_good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut name: String = key.chars().map(|c| if is_good(c) { c } else { '_' }).collect();
    if !is_name(&name) {
        name.insert(0, '_');
    }
    name
}

#[cfg(test)]
mod tests {
    use prisma_log_core::Timestamp;
    use prisma_log_monitor::Message;

    use super::*;

    #[test]
    fn names_are_valid_and_differ() {
        let check = |keys: &[&str], expect: &[&str]| {
            let mut alert = Message::test("x", Timestamp::UNIX_EPOCH).news.remove(0).alert;
            alert.labels = vec![("team".into(), "ops".into()), ("tier".into(), "1".into())];
            alert.group = keys.iter().map(|&key| (key, "v")).collect();
            let constant = [("team".to_owned(), "shop".to_owned())];
            let labels = labels(&alert, Severity::Error, &constant);
            assert_eq!(labels[1].1, "error");
            assert!(labels.iter().all(|(name, _)| is_name(name)), "{labels:?}");
            let names: Vec<&str> = labels.iter().skip(3 + 2).map(|(name, _)| &**name).collect();
            assert_eq!(names, expect);
        };
        check(&["host"], &["host"]);
        check(&["tier", "rule.team"], &["group_tier", "group_rule_team"]);
        check(&["user.id", "user-id", "user id"], &["user_id", "group_user_id", "group_user_id_2"]);
        check(
            &["severity", "alertname", "team"],
            &["group_severity", "group_alertname", "group_team"],
        );
        check(&["1st", "", "ü"], &["_1st", "_", "group__"]);
    }
}
