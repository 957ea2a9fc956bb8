//! systemd-journald without systemd, in a mount namespace of this process's own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::os;

pub(super) const PROGRAM: &str = "/usr/lib/systemd/systemd-journald";
pub(super) const SOCKET: &str = "/run/systemd/journal/socket";
/// What the processes of the row tell each other by.
pub(super) const RUNTIME: &str = "/run/faults";

/// Keeps what it gets in memory, all of it, and leaves the machine's own messages alone.
const SETTINGS: &str = "[Journal]\nStorage=volatile\nRuntimeMaxUse=3G\nRuntimeKeepFree=1M\n\
    RuntimeMaxFileSize=512M\nRuntimeMaxFiles=10000\nRateLimitBurst=0\nReadKMsg=no\nAudit=no\nForwardToSyslog=no\n\
    ForwardToKMsg=no\nForwardToConsole=no\nForwardToWall=no\n";

/// An empty `/run` with the journal's settings. Only in a mount namespace.
pub(super) fn prepare() -> Result<(), String> {
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=4g,mode=755", "tmpfs", "/run"]);
    run(mount)?;
    let cannot = |error: std::io::Error| format!("cannot prepare /run: {error}");
    for folder in
        ["/run/log/journal", "/run/systemd/journal", "/run/systemd/journald.conf.d", RUNTIME]
    {
        fs::create_dir_all(folder).map_err(cannot)?;
    }
    // The sender has no rights.
    fs::set_permissions(RUNTIME, fs::Permissions::from_mode(0o777)).map_err(cannot)?;
    fs::write("/run/systemd/journald.conf.d/99-faults.conf", SETTINGS).map_err(cannot)
}

/// A file that stands for a pause of the sender.
pub(super) fn pause_file(number: u64) -> PathBuf {
    Path::new(RUNTIME).join(format!("pause-{number}"))
}

/// A file that says that the sender may end.
pub(super) fn end_file(name: &str) -> PathBuf {
    Path::new(RUNTIME).join(format!("end-{name}"))
}

pub(super) struct Daemon {
    /// Held as systemd would, and handed to each journal that is started.
    socket: Option<UnixDatagram>,
    child: Option<Child>,
}

impl Daemon {
    pub(super) fn start(keep_socket: bool) -> Result<Self, String> {
        // The last one's socket, if it had one.
        let _absent = fs::remove_file(SOCKET);
        let bind = || {
            let socket = UnixDatagram::bind(SOCKET)?;
            fs::set_permissions(SOCKET, fs::Permissions::from_mode(0o666))?;
            Ok::<_, std::io::Error>(socket)
        };
        let socket = if keep_socket {
            Some(bind().map_err(|error| format!("cannot bind {SOCKET}: {error}"))?)
        } else {
            None
        };
        let mut daemon = Daemon { socket, child: None };
        daemon.start_again()?;
        Ok(daemon)
    }

    pub(super) fn start_again(&mut self) -> Result<(), String> {
        let mut command = match &self.socket {
            None => Command::new(PROGRAM),
            // The way of systemd: sockets from the third descriptor on, and how many.
            Some(_) => {
                let script = "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\"";
                let mut command = Command::new("sh");
                command.args(["-c", script, PROGRAM]);
                command
            }
        };
        let stdin = match &self.socket {
            Some(socket) => Stdio::from(std::os::fd::OwnedFd::from(
                socket.try_clone().map_err(|error| error.to_string())?,
            )),
            None => Stdio::null(),
        };
        os::die_with_parent(&mut command);
        command.stdin(stdin).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(|error| format!("cannot start {PROGRAM}: {error}"))?;
        self.child = Some(child);
        wait_for(|| UnixDatagram::unbound().is_ok_and(|s| s.connect(SOCKET).is_ok()), "no socket")?;
        sync()
    }

    /// Ends the journal as systemd does, by SIGTERM, and waits for its end.
    pub(super) fn stop(&mut self) -> Result<(), String> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        os::signal(child.id(), libc::SIGTERM);
        let end = Instant::now() + Duration::from_secs(30);
        while child.try_wait().map_err(|error| error.to_string())?.is_none() {
            if Instant::now() > end {
                let _ended = child.kill();
                let _status = child.wait();
                return Err("the journal did not end on SIGTERM".to_owned());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        if self.socket.is_none() {
            fs::remove_file(SOCKET).map_err(|error| format!("cannot remove {SOCKET}: {error}"))?;
        }
        Ok(())
    }
}

/// Has the journal read and store all that it was sent.
pub(super) fn sync() -> Result<(), String> {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let mut command = Command::new("journalctl");
        command.arg("--sync");
        match run(command) {
            Ok(_) => return Ok(()),
            // One that was just started may not listen yet.
            Err(_) if Instant::now() < end => std::thread::sleep(Duration::from_millis(10)),
            Err(error) => return Err(error),
        }
    }
}

/// All entries of the program of this name, oldest first.
pub(super) fn read(identifier: &str) -> Result<Vec<Value>, String> {
    sync()?;
    let mut command = Command::new("journalctl");
    command.args([
        "--output=json",
        "--all",
        "--no-pager",
        "--quiet",
        "--directory=/run/log/journal",
    ]);
    command.args(["--identifier", identifier]);
    let text = run(command)?;
    let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_slice(line).map_err(|error| format!("journalctl: {error}")))
        .collect()
}

fn run(mut command: Command) -> Result<Vec<u8>, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(format!("{command:?} ended with {}: {said}", output.status))
}

/// Waits for a condition, half a minute at most.
pub(super) fn wait_for(mut condition: impl FnMut() -> bool, or: &str) -> Result<(), String> {
    let end = Instant::now() + Duration::from_secs(30);
    while !condition() {
        if Instant::now() > end {
            return Err(or.to_owned());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}
