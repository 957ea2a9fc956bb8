//! Alerts in the form of Alertmanager's API.

use std::time::Duration;

use prisma_log_core::Timestamp;
use prisma_log_monitor::{Alert, AlertState, Message, Notification, NotificationKind, Severity};

use super::Form;
use super::labels::labels;
use crate::json::{json, json_pairs};
use crate::text::{cut, line};

/// Annotations that are always there.
pub(super) const ANNOTATIONS: [&str; 7] =
    ["alert_id", "count", "description", "message", "samples", "summary", "why"];
/// Longest annotation, in bytes.
const LONGEST: usize = 8 << 10;

/// Appends the alerts of a message as a JSON array.
pub(super) fn push_alerts(message: &Message, form: &Form, now: Timestamp, out: &mut String) {
    out.push('[');
    let mut comma = "";
    for news in &message.news {
        let severity = news.alert.severity;
        let mut push = |severity, until| {
            out.push_str(comma);
            push_alert(message, news, severity, until, form, out);
            comma = ",";
        };
        push(severity, ends_at(&news.alert, now, form.validity));
        if news.kind == NotificationKind::Escalated {
            for lower in Severity::ALL.into_iter().filter(|lower| *lower < severity) {
                push(lower, now.max(just_after(starts_at(&news.alert))));
            }
        }
    }
    out.push(']');
}

fn push_alert(
    message: &Message,
    news: &Notification,
    severity: Severity,
    until: Timestamp,
    form: &Form,
    out: &mut String,
) {
    let alert = &news.alert;
    let labels = labels(alert, severity, &form.labels);
    let mut single = message.clone();
    single.news = vec![news.clone()];
    single.group = alert.group.clone();
    let samples: Vec<String> = alert.samples.iter().map(|sample| line(sample)).collect();
    let mut annotations = vec![
        ("alert_id", alert.id.clone()),
        ("count", alert.count.to_string()),
        ("description", alert.description.clone()),
        ("message", line(&alert.message)),
        ("samples", samples.join("\n")),
        ("summary", line(&news.to_string())),
        ("why", line(alert.why.as_deref().unwrap_or_default())),
    ];
    let own = form.annotations.iter();
    annotations.extend(own.map(|(name, template)| (&**name, template.render(&single))));
    for (_, text) in &mut annotations {
        *text = cut(text, LONGEST);
    }
    annotations.retain(|(_, text)| !text.is_empty());
    let labels = labels.iter().map(|(name, value)| (&**name, &**value));
    let annotations = annotations.iter().map(|(name, text)| (*name, &**text));
    out.push_str(&format!(
        "{{\"labels\":{},\"annotations\":{},\"startsAt\":{},\"endsAt\":{}",
        json_pairs(labels),
        json_pairs(annotations),
        json(&starts_at(alert).to_string()),
        json(&until.to_string()),
    ));
    if let Some(url) = &form.generator_url {
        out.push_str(&format!(",\"generatorURL\":{}", json(url)));
    }
    out.push('}');
}

/// When the alert was opened, for the last time.
fn starts_at(alert: &Alert) -> Timestamp {
    let opened = alert.history.iter().rev().find(|step| {
        step.to == AlertState::Open && matches!(step.from, None | Some(AlertState::Resolved))
    });
    opened.map_or(alert.first_seen, |step| step.at)
}

/// When the alert ended, or will if nobody says otherwise. Never before it began, nor, when it ended,
/// in the future: a log's own time may be any.
fn ends_at(alert: &Alert, now: Timestamp, validity: Duration) -> Timestamp {
    let earliest = just_after(starts_at(alert));
    if alert.is_resolved() {
        let ended = alert.resolution().map_or(now, |step| step.at);
        ended.min(now).max(earliest)
    } else {
        now.saturating_add(validity).max(earliest)
    }
}

fn just_after(time: Timestamp) -> Timestamp {
    time.saturating_add(Duration::from_millis(1))
}

#[cfg(test)]
mod tests {
    use prisma_log_monitor::Action;
    use serde_json::Value;

    use super::*;
    use crate::template::Template;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_507_200);

    fn alerts(message: &Message) -> Vec<Value> {
        let form = Form {
            labels: vec![("team".into(), "shop".into())],
            annotations: vec![("runbook".into(), Template::new("http://w/{{rule}}", "x").unwrap())],
            generator_url: Some("http://g".into()),
            validity: Duration::from_secs(3600),
        };
        let mut body = String::new();
        push_alerts(message, &form, NOW, &mut body);
        serde_json::from_str(&body).unwrap()
    }

    #[test]
    fn alerts_begin_and_end() {
        let mut message = Message::test("am", Timestamp::from_unix_seconds(1_795_500_000));
        let alert = |message: &Message| alerts(message).remove(0);
        let open = alert(&message);
        assert_eq!(open["labels"]["alertname"], "test");
        assert_eq!(open["labels"]["team"], "shop");
        assert_eq!(open["annotations"]["runbook"], "http://w/test");
        assert_eq!(open["generatorURL"], "http://g");
        assert_eq!(open["startsAt"], "2026-11-24T06:00:00.000000Z");
        assert_eq!(open["endsAt"], "2026-11-24T09:00:00.000000Z");

        let mut step = message.news[0].alert.history[0].clone();
        step.from = Some(AlertState::Open);
        step.to = AlertState::Acknowledged;
        message.news[0].alert.history.push(step.clone());
        assert_eq!(alert(&message)["startsAt"], open["startsAt"], "acknowledged is not begun anew");

        step.action = Action::Resolved;
        step.to = AlertState::Resolved;
        step.at = NOW.saturating_sub(Duration::from_secs(60));
        message.news[0].alert.history.push(step.clone());
        message.news[0].alert.state = AlertState::Resolved;
        assert_eq!(alert(&message)["endsAt"], "2026-11-24T07:59:00.000000Z");
        message.news[0].alert.history[2].at = NOW.saturating_add(Duration::from_secs(60));
        assert_eq!(alert(&message)["endsAt"], "2026-11-24T08:00:00.000000Z");
        message.news[0].alert.history[2].at = Timestamp::UNIX_EPOCH;
        assert_eq!(alert(&message)["endsAt"], "2026-11-24T06:00:00.001000Z");

        step.from = Some(AlertState::Resolved);
        step.to = AlertState::Open;
        step.at = NOW;
        message.news[0].alert.history.push(step);
        message.news[0].alert.state = AlertState::Open;
        assert_eq!(alert(&message)["startsAt"], "2026-11-24T08:00:00.000000Z");
    }

    #[test]
    fn what_a_log_says_stays_a_value() {
        let mut message = Message::test("am", NOW);
        message.news[0].alert.message = "\"},{\"labels\":{\"alertname\":\"forged\"}}\n\x1b".into();
        message.news[0].alert.group = [("k", "\"v\n\\")].into_iter().collect();
        message.news.push(message.news[0].clone());
        let alerts = alerts(&message);
        assert_eq!(alerts.len(), 2);
        assert_eq!(alerts[0]["labels"]["k"], "\"v\n\\");
        assert!(alerts.iter().all(|alert| alert["labels"]["alertname"] == "test"));
    }

    #[test]
    fn a_rise_ends_what_was_lower() {
        let mut message = Message::test("am", NOW);
        message.news[0].kind = NotificationKind::Escalated;
        message.news[0].alert.severity = Severity::Error;
        let alerts = alerts(&message);
        let told: Vec<(&str, bool)> = alerts
            .iter()
            .map(|alert| {
                let is_firing = alert["endsAt"].as_str() > Some("2026-11-24T08:30");
                (alert["labels"]["severity"].as_str().unwrap(), is_firing)
            })
            .collect();
        assert_eq!(told, [("error", true), ("info", false), ("warning", false)]);
    }
}
