//! A real systemd-journald, fed with hostile records, and stopped and started meanwhile.

mod daemon;
mod records;

use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use prisma_log_core::Sink as _;
use prisma_log_journald::JournaldSink;
use serde_json::{Value, json};

use self::daemon::{Daemon, RUNTIME, SOCKET};
use self::records::{Kind, Sent};
use super::{Row, got};
use crate::kid::{Call, Kid, Place, Run, ask};
use crate::report::{Section, thousands};
use crate::{needs, os};

pub(super) static ROW: Row = Row {
    name: "journald",
    faults: "25, 31",
    what: "systemd-journald gives every field back, and is stopped and started without a loss",
    about: "systemd-journald runs in a mount namespace of its own. An unprivileged process sends it \
        records: fields whose keys and values try to forge others, records of 1 to 40 MiB, and a \
        numbered stream during which the journal is stopped and started again, with its socket kept \
        open, as systemd does, and without, so that it is gone in between. `journalctl -o json` must \
        then show each field with the value that was sent, byte for byte, and each record once.",
    needs: needs_journald,
    run,
    child,
};

fn needs_journald() -> Result<(), String> {
    needs::programs(&[("journalctl", "systemd"), ("unshare", "util-linux")])?;
    needs::file(daemon::PROGRAM)?;
    needs::file("/etc/machine-id")?;
    needs::root()
}

const LIMIT: Duration = Duration::from_secs(300);

fn run(run: &Run) -> Result<Section, String> {
    let place = run.place(ROW.name)?;
    let (hostile, large, stream) =
        (run.pick(300, 5_000), run.pick(4, 20), run.pick(20_000, 200_000));
    let restarts = run.pick(3, 20);
    let counts = [hostile, large, stream, restarts].map(|count: u64| count.to_string());
    let counts = counts.each_ref().map(String::as_str);
    let found = ask(&place, ROW.name, "enter", &counts, 4 * LIMIT)?;
    let mut section = Section::new();
    for (key, what, records) in [
        ("hostile", "records with hostile fields", hostile),
        ("large", "records of 1 to 40 MiB", large),
    ] {
        let found = &found[key];
        section.equals(format!("{what}, back"), records, got(found, "entries"));
        section.info(format!("{what}: fields compared"), thousands(got(found, "fields")));
        section.zero(format!("{what}: values that differ"), got(found, "differ"));
        section.zero(format!("{what}: names given twice"), got(found, "twice"));
        section.zero(format!("{what}: envelope or trusted fields forged"), got(found, "forged"));
    }
    for (key, how) in [("kept", "its socket kept"), ("gone", "its socket gone")] {
        let found = &found[key];
        let what = format!("journal restarted, {how}");
        section.equals(format!("{what}: restarts"), restarts, got(found, "restarts"));
        section.info(format!("{what}: records"), thousands(stream));
        section.info(format!("{what}: writes refused for now"), got(found, "refused"));
        section.zero(format!("{what}: records lost"), got(found, "lost"));
        section.zero(format!("{what}: records repeated"), got(found, "repeated"));
        section.zero(format!("{what}: records out of order"), got(found, "disordered"));
    }
    let refused = got(&found["gone"], "refused");
    section.check("writes refused while the journal was away", "≥ 1", refused, refused > 0);
    Ok(section)
}

fn child(call: &Call) -> Result<Value, String> {
    match call.role.as_str() {
        "enter" => enter(call),
        "inside" => inside(call),
        "send" => send(call),
        _ => Err(call.unknown()),
    }
}

/// Becomes the process inside, with mounts of its own.
fn enter(call: &Call) -> Result<Value, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "--"]).arg(program);
    command.args(["child", ROW.name, "inside"]).args([&call.place.dir, &call.place.ring]);
    for at in 0..4 {
        command.arg(call.text(at)?);
    }
    Err(format!("cannot run unshare: {}", command.exec()))
}

fn inside(call: &Call) -> Result<Value, String> {
    let restarts = call.number(3)?;
    // What this one says to its parent stands beside.
    let place = Place { dir: call.place.dir.join("inside"), ring: call.place.ring.join("inside") };
    place.clear()?;
    daemon::prepare()?;
    let mut journal = Daemon::start(false)?;
    let mut answer = json!({});
    for (at, kind) in [(0, Kind::Hostile), (1, Kind::Large)] {
        let count = call.number(at)?;
        let arguments = [kind.name(), &count.to_string(), "0", ""];
        ask(&place, ROW.name, "send", &arguments, LIMIT)?;
        answer[kind.name()] = records::compare(kind, count, &daemon::read(kind.name())?);
    }
    journal.stop()?;
    for (name, kept) in [("kept", true), ("gone", false)] {
        answer[name] = restart(&place, name, kept, call.number(2)?, restarts)?;
    }
    Ok(answer)
}

/// Has a stream sent while the journal is stopped and started.
fn restart(
    place: &Place,
    name: &str,
    kept: bool,
    count: u64,
    restarts: u64,
) -> Result<Value, String> {
    let mut journal = Daemon::start(kept)?;
    // Without its socket the journal loses what it has not read when it ends, and nobody can know: so
    // the stream pauses before each stop. It goes on while the journal is away.
    let pauses = if kept { 0 } else { restarts };
    // One that doesn't pause goes on for as long as there are restarts.
    let until = if kept { "restarted" } else { "" };
    let arguments = [name, &count.to_string(), &pauses.to_string(), until];
    let mut sender = Kid::start(place, ROW.name, "send", &arguments)?;
    let mut done = 0;
    while done < restarts && sender.is_running() {
        if kept {
            std::thread::sleep(Duration::from_millis(15));
        } else {
            let pause = daemon::pause_file(done);
            daemon::wait_for(|| pause.exists(), "the stream did not pause")?;
            daemon::sync()?;
        }
        journal.stop()?;
        if !kept {
            // The sender goes on when it sees that the pause is over.
            std::fs::remove_file(daemon::pause_file(done)).map_err(|error| error.to_string())?;
        }
        std::thread::sleep(Duration::from_millis(120));
        journal.start_again()?;
        done += 1;
    }
    if kept {
        std::fs::write(daemon::end_file(until), "").map_err(|error| error.to_string())?;
    }
    let answer = sender.wait(LIMIT)?.answer()?;
    daemon::sync()?;
    let mut found = records::count(got(&answer, "sent"), &daemon::read(name)?);
    journal.stop()?;
    found["refused"] = got(&answer, "refused").into();
    found["restarts"] = done.into();
    Ok(found)
}

/// Sends records of a kind as a user without rights.
fn send(call: &Call) -> Result<Value, String> {
    if !os::leave_root() {
        return Err("cannot give up the rights of root".to_owned());
    }
    let (name, count, pauses) = (call.text(0)?, call.number(1)?, call.number(2)?);
    let kind = Kind::named(name);
    let sink = JournaldSink::builder().socket(SOCKET).identifier(name);
    let mut sink = sink.build().map_err(|error| error.to_string())?;
    let mut refused = 0;
    let mut paused = 0;
    let until = call.text(3)?;
    let goes_on =
        |sent: u64| sent < count || !until.is_empty() && !daemon::end_file(until).exists();
    let mut number = 0;
    while goes_on(number) {
        // Spread over the stream, none at its end.
        if paused < pauses && number == (paused + 1) * count / (pauses + 1) {
            pause(paused)?;
            paused += 1;
        }
        refused += insist(&mut sink, &Sent::new(kind, number))?;
        number += 1;
    }
    Ok(json!({ "sent": number, "refused": refused }))
}

/// Stops until the other side takes the file away.
fn pause(number: u64) -> Result<(), String> {
    let file = daemon::pause_file(number);
    std::fs::write(&file, "").map_err(|error| format!("{RUNTIME}: {error}"))?;
    daemon::wait_for(|| !file.exists(), "the pause did not end")
}

/// Sends a record, again and again while it is refused for now; how often it was.
fn insist(sink: &mut JournaldSink, sent: &Sent) -> Result<u64, String> {
    let begin = Instant::now();
    let mut refused = 0;
    while let Err(failed) = sink.write(&[sent.record()]) {
        refused += 1;
        match failed.retry_after {
            Some(wait) if begin.elapsed() < Duration::from_secs(60) => std::thread::sleep(wait),
            _ => return Err(format!("{} ({:?})", failed.error, failed.retry_after)),
        }
    }
    Ok(refused)
}
