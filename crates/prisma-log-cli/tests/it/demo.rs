//! `plog demo`: what it promises at its end holds.

use crate::support::run;

#[test]
fn the_demo_raises_acknowledges_and_resolves() {
    let dir = tempfile::tempdir().unwrap();
    let said = run(dir.path(), &["demo", "--seconds", "5", "--dir", "d"]);
    assert_eq!(said.code, 0, "{}\n{}", said.stdout, said.stderr);
    for word in ["ALERT", "acknowledged", "RESOLVED", "Summary", "0 lost"] {
        assert!(said.stdout.contains(word), "no {word} in {}", said.stdout);
    }
    let list = run(dir.path(), &["alerts", "list", "--json", "--store", "d/alerts.redb"]);
    let alerts = list.json();
    let rules: std::collections::BTreeSet<_> =
        alerts.iter().map(|alert| alert["rule"].as_str().unwrap().to_owned()).collect();
    assert!(rules.len() >= 3, "{rules:?}");
    let both = alerts
        .iter()
        .filter(|alert| !alert["acknowledged_by"].is_null() && alert["state"] == "resolved")
        .count();
    assert!(both >= 1, "{}", list.stdout);

    // A second run starts afresh, and leaves what is not its own.
    std::fs::write(dir.path().join("d/app.log.notes"), "mine").unwrap();
    let again = run(dir.path(), &["demo", "--seconds", "4", "--dir", "d"]);
    assert_eq!(again.code, 0, "{}\n{}", again.stdout, again.stderr);
    assert_eq!(std::fs::read_to_string(dir.path().join("d/app.log.notes")).unwrap(), "mine");
}
