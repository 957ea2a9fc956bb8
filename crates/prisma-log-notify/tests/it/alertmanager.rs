//! A real Alertmanager, which receives, groups and resolves our alerts.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prisma_log_core::{Clock as _, SystemClock};
use prisma_log_monitor::{Action, AlertState, Message, NotificationKind, Notifier as _, Severity};
use prisma_log_notify::{AlertmanagerNotifier, AlertmanagerNotifierBuilder, HttpOptions};
use serde_json::Value;

use crate::receiver::Receiver;
use crate::support::{LONG, message, until};

const PROGRAM: &str = "/usr/bin/prometheus-alertmanager";

struct Alertmanager {
    child: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Alertmanager {
    /// Starts one that tells a web hook; `None`, with a message, where the program is missing and
    /// nobody insists.
    #[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
    fn start(hook: &str) -> Option<Self> {
        if !Path::new(PROGRAM).exists() {
            let how = format!("{PROGRAM} is missing: apt-get install prometheus-alertmanager");
            assert!(std::env::var_os("CI").is_none(), "{how}");
            println!("skipped: {how}");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("alertmanager.yml");
        let text = format!(
            "route:\n  receiver: hook\n  group_by: [alertname]\n  group_wait: 1s\n  \
             group_interval: 1s\n  repeat_interval: 1h\nreceivers:\n  - name: hook\n    \
             webhook_configs:\n      - url: {hook}\n        send_resolved: true\n"
        );
        fs::write(&config, text).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(PROGRAM)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--cluster.listen-address=")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let url = format!("http://127.0.0.1:{port}");
        Some(Alertmanager { child, url, _folder: folder })
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn builder<'a>(urls: impl IntoIterator<Item = &'a str>) -> AlertmanagerNotifierBuilder {
    let options = HttpOptions::new().timeout(LONG).proxy_from_env(false);
    AlertmanagerNotifier::builder(urls).http(options)
}

/// An alert of a host, that began a minute ago.
fn of_host(host: &str) -> Message {
    let mut message = message(1);
    let began = SystemClock.now().saturating_sub(Duration::from_secs(60));
    let alert = &mut message.news[0].alert;
    alert.group = [("host", host), ("user.id", "<root>\n\"")].into_iter().collect();
    alert.history[0].at = began;
    alert.first_seen = began;
    message
}

fn resolve(message: &mut Message) {
    for news in &mut message.news {
        news.kind = NotificationKind::Resolved;
        news.alert.state = AlertState::Resolved;
        let mut step = news.alert.history[0].clone();
        step.action = Action::Resolved;
        step.from = Some(AlertState::Open);
        step.to = AlertState::Resolved;
        step.at = SystemClock.now();
        news.alert.history.push(step);
    }
}

#[test]
fn receives_groups_and_resolves() {
    let hook = Receiver::always("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let Some(server) = Alertmanager::start(&hook.url) else { return };
    let mut notifier = builder([&*server.url])
        .label("team", "shop")
        .annotation("runbook_url", "https://wiki.example.com/{{rule}}")
        .generator_url("https://plog.example.com/")
        .build()
        .unwrap();
    let mut both = of_host("web1");
    both.news.extend(of_host("web2").news);
    until("it listens", || match notifier.notify(&both) {
        Ok(()) => true,
        Err(error) if error.is_temporary => false,
        Err(error) => panic!("{error}"),
    });
    // A repetition, as after a restart, changes nothing.
    notifier.notify(&both).unwrap();

    let told = |status: &str| {
        let bodies = hook.requests().into_iter().map(|request| request.body);
        let bodies = bodies.map(|body| serde_json::from_str::<Value>(&body).unwrap());
        let found: Vec<Value> = bodies.filter(|body| body["status"] == status).collect();
        found.last().cloned()
    };
    let hosts = |body: &Value, status: &str| {
        let alerts = body["alerts"].as_array().unwrap().iter();
        let mut hosts: Vec<String> = alerts
            .filter(|alert| alert["status"] == status)
            .map(|alert| alert["labels"]["host"].as_str().unwrap().to_owned())
            .collect();
        hosts.sort();
        hosts
    };
    until("both are told in one group", || {
        told("firing").is_some_and(|body| hosts(&body, "firing") == ["web1", "web2"])
    });
    let body = told("firing").unwrap();
    let alert = &body["alerts"][0];
    assert_eq!(body["groupLabels"]["alertname"], "disk-full");
    assert_eq!(alert["labels"]["severity"], "critical");
    assert_eq!(alert["labels"]["team"], "shop");
    assert_eq!(alert["labels"]["user_id"], "<root>\n\"");
    assert_eq!(alert["annotations"]["runbook_url"], "https://wiki.example.com/disk-full");
    assert_eq!(alert["annotations"]["message"], "no space left on /var");
    assert_eq!(alert["generatorURL"], "https://plog.example.com/");

    // One ends, the other one goes on.
    let (mut first, mut second) = (both.clone(), both.clone());
    first.news.truncate(1);
    second.news.remove(0);
    resolve(&mut first);
    notifier.notify(&first).unwrap();
    until("one is resolved", || {
        let is_told = |body: &Value| hosts(body, "resolved") == ["web1"];
        told("firing").is_some_and(|body| is_told(&body) && hosts(&body, "firing") == ["web2"])
    });

    // The other one rises: what it was before is resolved along with it.
    second.news[0].alert.severity = Severity::Warning;
    notifier.notify(&second).unwrap();
    second.news[0].kind = NotificationKind::Escalated;
    second.news[0].alert.severity = Severity::Critical;
    notifier.notify(&second).unwrap();
    resolve(&mut second);
    notifier.notify(&second).unwrap();
    until("all is over", || {
        told("resolved").is_some_and(|body| hosts(&body, "resolved").contains(&"web2".to_owned()))
    });
}

#[test]
fn one_of_several_is_enough() {
    let good = Receiver::always("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let busy = "HTTP/1.1 503 Busy\r\nretry-after: 9\r\ncontent-length: 0\r\n\r\n";
    let (busy, refusing) =
        (Receiver::always(busy), Receiver::always("HTTP/1.1 400 No\r\ncontent-length: 0\r\n\r\n"));
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&told);
    let urls = [&*good.url, &*busy.url, &*refusing.url];
    let mut notifier = builder(urls)
        .on_error(move |what, error| kept.lock().unwrap().push(format!("{what}: {error}")))
        .build()
        .unwrap();
    notifier.notify(&message(1)).unwrap();
    assert_eq!(told.lock().unwrap().len(), 2, "{told:?}");
    let line = "POST /hook/t0ken-in-path/api/v2/alerts HTTP/1.1\r\n";
    assert!([&good, &busy, &refusing].iter().all(|server| server.requests()[0].line == line));

    let mut notifier = builder([&*refusing.url, &*busy.url]).build().unwrap();
    let error = notifier.notify(&message(1)).unwrap_err();
    assert!(error.is_temporary && error.retry_after == Some(Duration::from_secs(9)), "{error}");
    let error = builder([&*refusing.url]).build().unwrap().notify(&message(1)).unwrap_err();
    assert!(!error.is_temporary, "{error}");
}

#[test]
fn settings_are_checked() {
    let check = |builder: AlertmanagerNotifierBuilder, shown: &str| {
        let error = builder.build().unwrap_err();
        assert!(error.is_config() && error.to_string().contains(shown), "{error}");
    };
    let one = || builder(["http://h:9093"]);
    check(builder([]), "0 Alertmanagers are set");
    check(builder(["h"]), "address of an Alertmanager");
    check(builder(["http://h/?a=b"]), "has a query in it");
    check(one().label("severity", "x"), "label severity is there already");
    check(one().label("a-b", "x"), "invalid label \"a-b\"");
    check(one().label("a", "x").label("a", "y"), "label a is there already");
    check(one().annotation("summary", "x"), "annotation summary is there already");
    check(one().annotation("x", "{{nope}}"), "annotation x has an unknown placeholder");
    check(one().validity(Duration::from_secs(1)), "invalid validity");
    check(one().generator_url("plog"), "generator URL");
}
