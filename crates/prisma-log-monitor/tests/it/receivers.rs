//! Receivers on a running monitor: what they get, when they fail, and when they hang.

use std::fs::File;
use std::io::Write;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use prisma_log_core::Error;
use prisma_log_monitor::{
    AlertFilter, Message, Monitor, MonitorBuilder, NotificationKind, Notifier, NotifyError, Policy,
    PolicyBuilder, Route, Rule, Silence, Store,
};
use tempfile::TempDir;

/// Longer than anything here takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

struct Site {
    dir: TempDir,
    errors: Arc<Mutex<Vec<String>>>,
}

impl Site {
    fn new() -> Self {
        Site { dir: tempfile::tempdir().unwrap(), errors: Arc::default() }
    }

    fn append(&self, text: &str) {
        let path = self.dir.path().join("app.log");
        let mut file = File::options().create(true).append(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn store(&self) -> Store {
        Store::open_existing(self.dir.path().join("store.redb")).unwrap()
    }

    fn monitor(&self, policy: PolicyBuilder) -> MonitorBuilder {
        let rule = Rule::builder("refused").message(r"refused by (?<db>\w+)").count(1);
        let errors = Arc::clone(&self.errors);
        Monitor::builder()
            .rules([rule.group_by(["db"]).build().unwrap()])
            .file(self.dir.path().join("app.log"))
            .store(self.dir.path().join("store.redb"))
            .from_start(true)
            .policy(policy.build().unwrap())
            .on_error(move |error| errors.lock().unwrap().push(error.to_string()))
    }

    fn wait_for_error(&self, text: &str) {
        let start = Instant::now();
        while !self.errors.lock().unwrap().iter().any(|error| error.contains(text)) {
            assert!(start.elapsed() < PATIENCE, "{text:?}: {:?}", self.errors.lock().unwrap());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Every alert by itself, at once.
fn at_once() -> PolicyBuilder {
    Policy::builder()
        .route(Route::builder().group_by(["..."]).group_wait(Duration::ZERO).group_interval(SECOND))
}

fn into_channel() -> (impl Notifier, Receiver<Message>) {
    let (sender, receiver): (Sender<Message>, _) = channel();
    let notifier = move |message: &Message| {
        // The test may be over.
        let _ = sender.send(message.clone());
        Ok(())
    };
    (notifier, receiver)
}

fn next(receiver: &Receiver<Message>) -> (NotificationKind, String) {
    let message = receiver.recv_timeout(PATIENCE).expect("a message");
    let news = &message.news[0];
    (news.kind, news.alert.group.get("db").unwrap_or_default().to_owned())
}

#[test]
fn news_of_all_kinds_reaches_a_receiver() {
    let site = Site::new();
    let (notifier, messages) = into_channel();
    let monitor = site.monitor(at_once()).receiver("chat", notifier).start().unwrap();
    site.append("refused by orders\n");
    assert_eq!(next(&messages), (NotificationKind::Raised, "orders".into()));
    // An operator in another process.
    let operator = site.store();
    operator.resolve("1", "ada", "fixed").unwrap();
    assert_eq!(next(&messages), (NotificationKind::Resolved, "orders".into()));
    operator.reopen("1", "ada", "it was not").unwrap();
    assert_eq!(next(&messages), (NotificationKind::Reopened, "orders".into()));
    let silence = Silence::builder("ada").matcher("db=users".parse().unwrap());
    let silence = operator.silence(silence.lasts(3600 * SECOND)).unwrap();
    // Noticed within a turn of the dispatcher; what comes after is muted.
    site.append("refused by users\n");
    std::thread::sleep(2 * SECOND);
    site.append("refused by stock\n");
    assert_eq!(next(&messages), (NotificationKind::Raised, "stock".into()));
    operator.expire_silence(&silence.id, "ada").unwrap();
    assert_eq!(next(&messages), (NotificationKind::Raised, "users".into()));
    let report = monitor.stop().unwrap();
    let chat = &report.receivers[0];
    assert_eq!((chat.receiver.as_str(), chat.taken, chat.pending()), ("chat", 5, 0));
    assert_eq!(*site.errors.lock().unwrap(), [""; 0]);
}

#[test]
fn one_that_hangs_and_one_that_fails_delay_nobody() {
    let site = Site::new();
    let (good, messages) = into_channel();
    let (hold, held) = channel::<()>();
    let hanging = move |_: &Message| {
        // Until the test ends.
        let _ = held.recv();
        Ok(())
    };
    let away = || NotifyError::temporary(Error::state("nobody is there"));
    let failing = move |_: &Message| Err(away().retry_after(3600 * SECOND));
    let never = |_: &Message| Err(NotifyError::permanent(Error::state("the address is wrong")));
    let panicking = |_: &Message| panic!("no more");
    let monitor = site
        .monitor(at_once().shutdown_wait(SECOND))
        .receiver("hanging", hanging)
        .receiver("failing", failing)
        .receiver("never", never)
        .receiver("panicking", panicking)
        .receiver("good", good)
        .start()
        .unwrap();
    for db in ["a", "b", "c"] {
        site.append(&format!("refused by {db}\n"));
        assert_eq!(next(&messages), (NotificationKind::Raised, db.into()));
    }
    site.wait_for_error("`failing`: a message was not taken and is tried again: nobody is there");
    site.wait_for_error("is given up: the address is wrong");
    site.wait_for_error("is given up: the notifier panicked: no more");
    let report = monitor.stop().unwrap();
    let counts: Vec<_> = report
        .receivers
        .iter()
        .map(|r| (r.receiver.as_str(), r.messages, r.taken, r.given_up, r.waiting()))
        .collect();
    assert_eq!(
        counts,
        [
            ("failing", 3, 0, 0, 3),
            ("good", 3, 3, 0, 0),
            ("hanging", 3, 0, 0, 3),
            ("never", 3, 0, 3, 0),
            ("panicking", 3, 0, 3, 0),
        ]
    );
    // The next run goes on where this one stood: the same messages, marked.
    let (hanging, again) = into_channel();
    let monitor = site.monitor(at_once()).receiver("hanging", hanging).start().unwrap();
    let first = again.recv_timeout(PATIENCE).unwrap();
    assert!(first.redelivered && first.news[0].redelivered, "{first:?}");
    for _ in 1..3 {
        assert!(again.recv_timeout(PATIENCE).unwrap().redelivered);
    }
    let report = monitor.stop().unwrap();
    let hanging = report.receivers.iter().find(|r| r.receiver == "hanging").unwrap();
    assert_eq!((hanging.taken, hanging.waiting(), hanging.told), (3, 0, 3));
    drop(hold);
}

#[test]
fn what_waits_goes_out_at_the_end() {
    let site = Site::new();
    site.append("refused by orders\nrefused by users\n");
    let (notifier, messages) = into_channel();
    // Without a policy a group would wait for 10 s.
    let monitor = site.monitor(Policy::builder()).receiver("chat", notifier);
    let report = monitor.until_idle(Duration::from_millis(300)).start().unwrap().wait().unwrap();
    assert_eq!((report.raised, report.receivers[0].told), (2, 2));
    let message = messages.recv_timeout(PATIENCE).unwrap();
    assert_eq!(message.news.len(), 2);
    assert_eq!(message.group.to_string(), "rule=refused");
}

#[test]
fn another_policy_is_taken_on_while_it_runs() {
    let site = Site::new();
    let (chat, chats) = into_channel();
    let (mail, mails) = into_channel();
    let to = |name: &str| {
        let route = Route::builder().receiver(name).group_by(["..."]).group_wait(Duration::ZERO);
        Policy::builder().route(route)
    };
    let monitor =
        site.monitor(to("chat")).receiver("chat", chat).receiver("mail", mail).start().unwrap();
    site.append("refused by a\n");
    assert_eq!(next(&chats), (NotificationKind::Raised, "a".into()));
    let error = monitor.reload_policy(to("fax").build().unwrap()).unwrap_err();
    assert!(error.to_string().contains("leads to `fax`"), "{error}");
    monitor.reload_policy(to("mail").build().unwrap()).unwrap();
    // Until it is taken on, news goes the old way, so look for the first that does not.
    let mut count = 0;
    let start = Instant::now();
    loop {
        count += 1;
        site.append(&format!("refused by b{count}\n"));
        if mails.recv_timeout(SECOND).is_ok() {
            break;
        }
        assert!(start.elapsed() < PATIENCE);
    }
    monitor.stop().unwrap();
}

#[test]
fn names_and_routes_are_checked() {
    let site = Site::new();
    let check = |builder: MonitorBuilder, expect: &str| {
        let error = builder.start().map(drop).unwrap_err();
        assert!(error.is_config() && error.to_string().contains(expect), "{error}");
    };
    let nobody = || |_: &Message| Ok(());
    let policy = || Policy::builder().route(Route::builder().receiver("mail"));
    check(site.monitor(policy()), "a route leads to `mail`");
    check(site.monitor(policy()).receiver("", nobody()), "invalid receiver name");
    check(site.monitor(policy()).receiver("a\0b", nobody()), "invalid receiver name");
    let twice = site.monitor(policy()).receiver("mail", nobody()).receiver("mail", nobody());
    check(twice, "two receivers are called `mail`");
}

#[test]
fn too_many_alerts_are_told_with_their_number() {
    let site = Site::new();
    let text: String = (0..50).map(|n| format!("refused by db{n}\n")).collect();
    site.append(&text);
    let monitor = site.monitor(Policy::builder().max_open_alerts(20));
    let report = monitor.until_idle(Duration::from_millis(300)).start().unwrap().wait().unwrap();
    assert_eq!((report.raised, report.not_opened), (20, 30));
    assert_eq!(site.store().list(&AlertFilter::all()).unwrap().len(), 20);
    let told = site.errors.lock().unwrap().clone();
    let firings =
        |told: &String| told.split_once(" firing").and_then(|(n, _)| n.parse::<u64>().ok());
    assert_eq!(told.iter().filter_map(firings).sum::<u64>(), 30, "{told:?}");
    assert!(told[0].contains("raised no alert: 20 are not resolved"), "{told:?}");
}
