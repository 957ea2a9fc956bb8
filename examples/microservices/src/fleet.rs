//! The three services as processes of their own: this program, started again for each.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Error;
use crate::options::Options;
use crate::service::Role;

/// How long a service has to end what it is doing.
const LIMIT: Duration = Duration::from_secs(90);

/// The running services. Their end is the end of their standard input: they can't outlive this
/// process, however it ends.
pub(crate) struct Fleet {
    /// Addresses, as in `http://127.0.0.1:8080`.
    pub(crate) gateway: String,
    pub(crate) inventory: String,
    /// Whoever calls before whom it calls.
    services: Vec<Service>,
}

struct Service {
    role: Role,
    log: String,
    child: Child,
    output: BufReader<ChildStdout>,
}

/// What a service said about its logging at its end.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) role: Role,
    /// The log file.
    pub(crate) log: String,
    pub(crate) submitted: u64,
    pub(crate) delivered: u64,
    pub(crate) dropped: u64,
}

impl Fleet {
    /// Starts them, and empties their log files before.
    pub(crate) fn start(options: &Options) -> Result<Self, Error> {
        let folder = options.folder.display();
        fs::create_dir_all(&options.folder)
            .map_err(|why| format!("cannot make {folder}: {why}"))?;
        let (inventory, at_inventory) = start(options, Role::Inventory, &[])?;
        let (orders, at_orders) = start(options, Role::Orders, &[])?;
        let port = options.port.to_string();
        let peers = ["--orders", &at_orders, "--inventory", &at_inventory, "--port", &port];
        let (gateway, at_gateway) = start(options, Role::Gateway, &peers)?;
        let services = vec![gateway, orders, inventory];
        Ok(Fleet { gateway: at_gateway, inventory: at_inventory, services })
    }

    /// Has each end what it is doing, and stop.
    pub(crate) fn stop(self) -> Result<Vec<Ledger>, Error> {
        self.services.into_iter().map(stop).collect()
    }
}

fn start(options: &Options, role: Role, arguments: &[&str]) -> Result<(Service, String), Error> {
    let name = role.name();
    let log = options.log(role);
    if let Err(why) = fs::remove_file(&log)
        && why.kind() != std::io::ErrorKind::NotFound
    {
        return Err(format!("cannot remove {}: {why}", log.display()).into());
    }
    let errors = options.folder.join(format!("{name}.stderr"));
    let stderr =
        File::create(&errors).map_err(|why| format!("cannot write {}: {why}", errors.display()))?;
    let mut child = Command::new(std::env::current_exe()?)
        .args(["service", name, "--levels", &options.levels])
        .args(["--logging", if options.logging { "on" } else { "off" }])
        .arg("--folder")
        .arg(&options.folder)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(stderr)
        .spawn()?;
    let stdout = child.stdout.take().ok_or("a pipe that was asked for is not there")?;
    let mut output = BufReader::new(stdout);
    let mut address = String::new();
    output.read_line(&mut address)?;
    if address.is_empty() {
        let said = fs::read_to_string(&errors).unwrap_or_default();
        return Err(format!("{name} did not start: {}", said.trim()).into());
    }
    let log = log.display().to_string();
    Ok((Service { role, log, child, output }, address.trim().to_owned()))
}

fn stop(mut service: Service) -> Result<Ledger, Error> {
    drop(service.child.stdin.take());
    let name = service.role.name();
    let begin = Instant::now();
    let status = loop {
        match service.child.try_wait()? {
            Some(status) => break status,
            None if begin.elapsed() < LIMIT => std::thread::sleep(Duration::from_millis(5)),
            None => {
                service.child.kill()?;
                let seconds = LIMIT.as_secs();
                return Err(format!("{name} did not end within {seconds} s").into());
            }
        }
    };
    // Little enough for a pipe, so that it did not wait for a reader.
    let mut said = String::new();
    service.output.read_to_string(&mut said)?;
    if !status.success() {
        return Err(format!("{name} ended with {status}; see its .stderr file").into());
    }
    let said: Value = serde_json::from_str(&said)
        .map_err(|why| format!("{name} said something else than its ledger: {why}: {said}"))?;
    let figure = |key: &str| said[key].as_u64().ok_or(format!("{name} did not say `{key}`"));
    Ok(Ledger {
        role: service.role,
        log: service.log,
        submitted: figure("submitted")?,
        delivered: figure("delivered")?,
        dropped: figure("dropped")?,
    })
}
