//! What the example's services serve with logging on and off, by `wrk`.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::figures::Figures;
use crate::report;

/// Connections, each with a request on its way at all times.
const CONNECTIONS: &str = "16";
/// Requests of the warm-up have numbers from 0 on, those of the measurement from here on.
const FIRST: &str = "10000000";

/// The services with logging off and on, in this order; what is missing has a reason.
pub(super) struct Served {
    pub(super) off: Figures,
    pub(super) on: Figures,
    pub(super) why_not: Option<String>,
    /// Whether something is wrong, rather than not installed.
    pub(super) failed: bool,
}

/// Measures, if `wrk` is there.
pub(super) fn measure(quick: bool) -> Served {
    let none = |why, failed| Served {
        off: Figures::default(),
        on: Figures::default(),
        why_not: Some(why),
        failed,
    };
    // Without arguments it prints how it is used.
    if Command::new("wrk").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        return none("`wrk` is not installed (apt install wrk): skipped".to_owned(), false);
    }
    let (rounds, seconds) = if quick { (1, 2) } else { (5, 8) };
    let (mut off, mut on) = (Vec::new(), Vec::new());
    let _gone_in_the_end = Folder;
    for round in 1..=rounds {
        eprintln!("round {round} of {rounds}: the example's services, by wrk");
        for (logging, figures) in [("off", &mut off), ("on", &mut on)] {
            match serve(logging, seconds) {
                Ok(found) => figures.push(found),
                Err(why) => return none(format!("logging {logging}: {why}"), true),
            }
        }
    }
    Served { off: Figures::over(&off), on: Figures::over(&on), why_not: None, failed: false }
}

/// Where the services log.
fn folder() -> PathBuf {
    report::folder().join("microservices")
}

/// Removes it.
struct Folder;

impl Drop for Folder {
    fn drop(&mut self) {
        let _left_behind = std::fs::remove_dir_all(folder());
    }
}

fn serve(logging: &str, seconds: u32) -> Result<Figures, String> {
    let mut fleet = Fleet::start(logging)?;
    let (warming_up, _) = wrk(&fleet.url, 1, "0")?;
    let (requests, mut figures) = wrk(&fleet.url, seconds, FIRST)?;
    figures.set("records", fleet.stop()? as f64 / (warming_up + requests));
    Ok(figures)
}

/// The services; none outlives this.
struct Fleet {
    process: Child,
    output: BufReader<ChildStdout>,
    url: String,
}

impl Fleet {
    /// Builds them if need be, and returns when they are ready.
    fn start(logging: &str) -> Result<Self, String> {
        let manifest =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/microservices/Cargo.toml");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        // Where it can, `cargo run` becomes the program that it has built.
        let mut program = Command::new(cargo);
        program.args(["run", "--release", "--manifest-path"]).arg(manifest);
        program.args(["--", "--serve", "--logging", logging, "--folder"]);
        program.arg(folder());
        program.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process =
            program.spawn().map_err(|error| format!("cannot start the services: {error}"))?;
        let stdout = process.stdout.take().ok_or("no pipe from the services")?;
        let mut fleet = Fleet { process, output: BufReader::new(stdout), url: String::new() };
        let mut line = String::new();
        fleet.output.read_line(&mut line).map_err(|error| error.to_string())?;
        let url = line.strip_prefix("ready ").and_then(|rest| rest.split_whitespace().next());
        fleet.url = url.ok_or_else(|| format!("the services said `{line}`, not ready"))?.to_owned();
        Ok(fleet)
    }

    /// Ends them; how many records they wrote, all three.
    fn stop(&mut self) -> Result<u64, String> {
        self.end();
        let mut said = String::new();
        self.output.read_to_string(&mut said).map_err(|error| error.to_string())?;
        let status = self.process.wait().map_err(|error| error.to_string())?;
        if !status.success() {
            return Err(format!("the services ended with {status}"));
        }
        Ok(said.lines().filter_map(records).sum())
    }

    fn end(&self) {
        if let Ok(id) = i32::try_from(self.process.id()) {
            // Gone already: all the better.
            let _gone = kill(Pid::from_raw(id), Signal::SIGTERM);
        }
    }
}

/// How many records a service says that it wrote.
fn records(line: &str) -> Option<u64> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let &[_, count, "records", ..] = &*words else { return None };
    count.parse().ok()
}

impl Drop for Fleet {
    fn drop(&mut self) {
        // After `stop` it is known to have ended, and its number may be somebody else's.
        if !matches!(self.process.try_wait(), Ok(Some(_))) {
            self.end();
            let _gone = self.process.wait();
        }
    }
}

/// The lines of the table.
pub(super) fn text(served: &Served) -> String {
    let mut text = format!(
        "{:<32} {:>10} {:>9} {:>9} {:>9}\n",
        "examples/microservices, by wrk", "requests/s", "p50 ms", "p99 ms", "records"
    );
    for (name, figures) in [("logging off", &served.off), ("logging on", &served.on)] {
        // Writing to a `String` can't fail.
        let _ = write!(text, "  {name:<30}");
        for (figure, width, digits) in
            [("requests_s", 10, 0), ("p50_ms", 9, 2), ("p99_ms", 9, 2), ("records", 9, 1)]
        {
            let _ = match figures.get(figure) {
                Some(value) => write!(text, " {value:>width$.digits$}"),
                None => write!(text, " {:>width$}", "-"),
            };
        }
        text += "\n";
    }
    text += match &served.why_not {
        Some(_) => "",
        None => {
            "\nThree services, a database and wrk share this machine; 16 connections; records: \
             those of all\nthree services, a request.\n"
        }
    };
    if let Some(why) = &served.why_not {
        let _ = writeln!(text, "- {why}");
    }
    text
}

/// Runs wrk; how many requests were answered, and the figures.
fn wrk(url: &str, seconds: u32, first: &str) -> Result<(f64, Figures), String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/context/orders.lua");
    let mut program = Command::new("wrk");
    program.args(["-t1", "-c", CONNECTIONS, "-d"]).arg(format!("{seconds}s"));
    program.arg("-s").arg(script).args([url, "--", first]);
    let output = program.output().map_err(|error| format!("cannot start wrk: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let said = || format!("wrk says: {text}{}", String::from_utf8_lossy(&output.stderr));
    answered(&text).unwrap_or_else(|| Err(said()))
}

/// What orders.lua has wrk print in the end, if it is there: how many requests were answered, and
/// the figures.
fn answered(text: &str) -> Option<Result<(f64, Figures), String>> {
    let line = text.lines().find_map(|line| line.strip_prefix("figures "))?;
    let values: Vec<f64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
    let &[requests, micros, p50, p99, failed] = &*values else { return None };
    if failed > 0.0 {
        return Some(Err(format!("{failed} of {requests} requests failed")));
    }
    let mut figures = Figures::default();
    figures.set("requests_s", requests * 1e6 / micros);
    figures.set("p50_ms", p50 / 1e3);
    figures.set("p99_ms", p99 / 1e3);
    Some(Ok((requests, figures)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrk_prints_is_read() {
        let text = "Running 2s test\nRequests/sec: 50.00\nfigures 100 2000000 8490.5 123505.0 0\n";
        let (requests, figures) = answered(text).unwrap().unwrap();
        assert_eq!(requests, 100.0);
        let check = |name: &str, expect: f64| assert_eq!(figures.get(name), Some(expect), "{name}");
        check("requests_s", 50.0);
        check("p50_ms", 8.4905);
        check("p99_ms", 123.505);
        let failed = answered("figures 100 2000000 8490.5 123505.0 3").unwrap();
        assert_eq!(failed.unwrap_err(), "3 of 100 requests failed");
        assert!(answered("unable to connect").is_none());
        assert!(answered("figures 100 nonsense").is_none());
    }

    #[test]
    fn what_services_say_at_their_end_is_read() {
        let check = |line: &str, expect: Option<u64>| assert_eq!(records(line), expect, "{line}");
        check("gateway      65277 records", Some(65_277));
        check("orders         0 records in orders.log", Some(0));
        check("try: curl -X PUT", None);
        check("gateway many records", None);
    }
}
