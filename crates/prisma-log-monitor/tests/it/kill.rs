//! `kill -9` at any moment: no alert is missed, none is raised twice, every match counts once, and
//! receivers are told of each at least once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use prisma_log_core::Error;
use prisma_log_monitor::{
    AlertFilter, Message, Monitor, MonitorBuilder, NotifyError, Policy, ReceiverStatus, Route,
    Rule, Store,
};
use serde_json::Value;

const KILLS: u64 = 25;
/// Lines of one incident; the third one raises its alert.
const LINES: u64 = 4;
/// When set, this process is the monitor that is killed.
const CHILD: &str = "PRISMA_LOG_MONITOR_KILL_TEST";

fn monitor(dir: &Path) -> MonitorBuilder {
    let rule = Rule::builder("refused").message(r"refused by (?<db>\w+)").count(3);
    let (told, received) = (dir.join("told"), dir.join("received"));
    let append = |path: &Path, line: String| {
        // One write, so that a kill leaves whole lines.
        let mut file = File::options().create(true).append(true).open(path).unwrap();
        file.write_all(format!("{line}\n").as_bytes()).unwrap();
    };
    let mut calls = 0;
    let receiver = move |message: &Message| {
        calls += 1;
        append(&received, message.to_json());
        // Now and then what was taken looks as if it were not.
        if calls % 5 == 0 {
            let away = NotifyError::temporary(Error::state("the answer was lost"));
            return Err(away.retry_after(Duration::from_millis(1)));
        }
        Ok(())
    };
    let each = Route::builder().group_by(["..."]).group_wait(Duration::ZERO);
    let policy = Policy::builder().route(each).max_per_minute(10_000);
    Monitor::builder()
        .policy(policy.max_alerts_per_message(1000).build().unwrap())
        .receiver("file", receiver)
        .rules([rule.group_by(["db"]).build().unwrap()])
        .file(dir.join("app.log"))
        .store(dir.join("store.redb"))
        .from_start(true)
        .on_alert(move |news| append(&told, news.to_json()))
}

/// Not a test of its own: what the process does that the test below kills.
#[test]
fn child() {
    let Some(dir) = std::env::var_os(CHILD) else { return };
    let _monitor = monitor(Path::new(&dir)).start().unwrap();
    std::thread::sleep(Duration::from_secs(600));
}

fn spawn(dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child", "--nocapture"])
        .env(CHILD, dir)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Writes incidents until told to stop, and rotates the file every now and then.
fn write_incidents(dir: &Path, stop: &AtomicBool) -> u64 {
    let path = dir.join("app.log");
    let mut file = File::options().create(true).append(true).open(&path).unwrap();
    let mut incidents = 0;
    while !stop.load(Ordering::Relaxed) {
        for line in 0..LINES {
            let second = incidents % 60;
            let text = format!(
                "{{\"timestamp\":\"2026-01-02T03:04:{second:02}Z\",\"message\":\"refused by db{incidents} {line}\"}}\n"
            );
            file.write_all(text.as_bytes()).unwrap();
        }
        incidents += 1;
        if incidents % 150 == 0 {
            // On a busy machine a monitor may get nowhere before it is killed, so nothing is deleted.
            for age in (1..9).rev() {
                let _ = fs::rename(
                    dir.join(format!("app.log.{age}")),
                    dir.join(format!("app.log.{}", age + 1)),
                );
            }
            fs::rename(&path, dir.join("app.log.1")).unwrap();
            file = File::options().create(true).append(true).open(&path).unwrap();
        }
        std::thread::sleep(Duration::from_millis(4));
    }
    incidents
}

#[test]
fn kill_9_neither_repeats_nor_misses_an_alert() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let stop = AtomicBool::new(false);
    let incidents = std::thread::scope(|scope| {
        let writer = scope.spawn(|| write_incidents(dir, &stop));
        for kill in 0..KILLS {
            let mut child = spawn(dir);
            // From before the first line is read to well into the run.
            std::thread::sleep(Duration::from_millis(20 + kill * 37 % 230));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        writer.join().unwrap()
    });
    let report =
        monitor(dir).until_idle(Duration::from_millis(300)).start().unwrap().wait().unwrap();

    let alerts =
        Store::open_existing(dir.join("store.redb")).unwrap().list(&AlertFilter::all()).unwrap();
    let lost = incidents.saturating_sub(alerts.len() as u64);
    let wrong = alerts.iter().filter(|alert| alert.count != LINES).count();
    // What handlers were told: per alert, the numbers of the news, repetitions marked as such.
    let mut told: BTreeMap<String, Vec<(u64, bool)>> = BTreeMap::new();
    for line in fs::read_to_string(dir.join("told")).unwrap().lines() {
        let news: Value = serde_json::from_str(line).unwrap();
        let number = news["notification"].as_u64().unwrap();
        let group = news["group"]["db"].as_str().unwrap().to_owned();
        told.entry(group).or_default().push((number, news["redelivered"] == true));
    }
    let unmarked = |news: &&Vec<(u64, bool)>| news.iter().filter(|(_, again)| !again).count() > 1;
    let renumbered = |news: &&Vec<(u64, bool)>| news.iter().any(|(n, _)| *n != news[0].0);
    let repeated = told.values().filter(|news| unmarked(news) || renumbered(news)).count();
    let redelivered: usize = told.values().map(|news| news.len() - 1).sum();
    println!(
        "kill -9: {KILLS} kills, {incidents} incidents, {lost} alerts missed, {repeated} repeated, {wrong} with a wrong count, {redelivered} told again and marked so; last run read {} lines",
        report.lines
    );
    assert_eq!((lost, repeated, wrong), (0, 0, 0));
    assert_eq!(alerts.len() as u64, incidents);
    assert_eq!(told.len() as u64, incidents, "every alert was told");
    let (messages, again) = check_received(dir, incidents, &report.receivers[0]);
    println!("kill -9: {messages} messages to a receiver, told {again} more times and marked so");
}

/// Every alert is in a message, no news in two, and repetitions say so; returns how many messages there
/// are, and how often one was repeated.
fn check_received(dir: &Path, incidents: u64, status: &ReceiverStatus) -> (u64, u64) {
    // Messages with their news and how often they came, and how often unmarked.
    let mut messages: BTreeMap<u64, (Vec<u64>, u64, u64)> = BTreeMap::new();
    let mut message_of: BTreeMap<u64, u64> = BTreeMap::new();
    let mut alerts = BTreeSet::new();
    for line in fs::read_to_string(dir.join("received")).unwrap().lines() {
        let message: Value = serde_json::from_str(line).unwrap();
        let id = message["id"].as_u64().unwrap();
        let listed = message["alerts"].as_array().unwrap();
        let news: Vec<u64> =
            listed.iter().map(|news| news["notification"].as_u64().unwrap()).collect();
        alerts.extend(listed.iter().map(|news| news["group"]["db"].as_str().unwrap().to_owned()));
        for number in &news {
            assert_eq!(
                *message_of.entry(*number).or_insert(id),
                id,
                "news {number} in two messages"
            );
        }
        let known = messages.entry(id).or_insert_with(|| (news.clone(), 0, 0));
        assert_eq!(known.0, news, "message {id} changed");
        known.1 += 1;
        known.2 += u64::from(message["redelivered"] == false);
    }
    let times: u64 = messages.values().map(|(_, times, _)| times).sum();
    assert!(messages.values().all(|(_, _, unmarked)| *unmarked <= 1));
    assert_eq!(alerts.len() as u64, incidents, "every alert reached the receiver");
    assert_eq!((status.messages, status.taken), (messages.len() as u64, messages.len() as u64));
    assert_eq!(status.told + status.merged, status.news);
    assert_eq!((status.waiting(), status.pending()), (0, 0));
    (messages.len() as u64, times - messages.len() as u64)
}
