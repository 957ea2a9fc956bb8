//! rsyslog and syslog-ng, each on loopback with a configuration of its own.

use std::fs;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::certificates::Certificates;
use super::records::{Found, Got, text};
use crate::{needs, os};

/// Where its package is unpacked, for it can't be installed beside rsyslog.
const SYSLOG_NG: &str = "PRISMA_SYSLOG_NG";
/// Where `.ci/run` unpacks it.
const USUAL_FOLDER: &str = "target/tools/syslog-ng";

/// How long a server may take to start, or to write what it has.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Rsyslog,
    SyslogNg,
}

pub(super) fn rsyslog() -> Result<(), String> {
    needs::programs(&[("rsyslogd", "rsyslog")])?;
    let modules = ["x86_64", "aarch64"].map(|cpu| format!("/usr/lib/{cpu}-linux-gnu/rsyslog"));
    if modules.iter().any(|folder| Path::new(folder).join("lmnsd_gtls.so").exists()) {
        Ok(())
    } else {
        Err("rsyslog has no TLS (package rsyslog-gnutls)".to_owned())
    }
}

pub(super) fn syslog_ng() -> Result<(), String> {
    if SyslogNg::find().is_some() {
        return Ok(());
    }
    Err(format!(
        "there is no `syslog-ng` (package syslog-ng-core, unpacked with libivykis0, libnet1, \
         libwrap0 and libpcre3 into {USUAL_FOLDER}, or where {SYSLOG_NG} says)"
    ))
}

/// The program, and the folder that stands for `/`.
struct SyslogNg {
    program: PathBuf,
    root: PathBuf,
}

impl SyslogNg {
    fn find() -> Option<Self> {
        let unpacked =
            std::env::var_os(SYSLOG_NG).map_or_else(|| USUAL_FOLDER.into(), PathBuf::from);
        let unpacked = std::path::absolute(unpacked).ok()?;
        let program = unpacked.join("usr/sbin/syslog-ng");
        if program.is_file() {
            return Some(SyslogNg { program, root: unpacked });
        }
        needs::find("syslog-ng").map(|program| SyslogNg { program, root: PathBuf::from("/") })
    }

    /// Folders with libraries below the root.
    fn libraries(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders: Vec<PathBuf> =
            ["lib", "usr/lib"].iter().map(|folder| self.root.join(folder)).collect();
        while let Some(folder) = folders.pop() {
            let entries: Vec<_> = fs::read_dir(&folder).into_iter().flatten().flatten().collect();
            let is_library = |name: &str| name.contains(".so");
            if entries.iter().any(|entry| entry.file_name().to_str().is_some_and(is_library)) {
                found.push(folder);
            }
            let inner = entries.iter().filter(|e| e.file_type().is_ok_and(|kind| kind.is_dir()));
            folders.extend(inner.map(|entry| entry.path()));
        }
        found
    }
}

pub(super) struct Server {
    kind: Kind,
    folder: PathBuf,
    child: Option<Child>,
    pub(super) udp: u16,
    pub(super) tcp: u16,
    pub(super) tls: u16,
}

impl Server {
    /// Starts a server that shows the certificate of this name over TLS.
    pub(super) fn start(
        kind: Kind,
        folder: &Path,
        certificates: &Certificates,
        identity: &str,
    ) -> Result<Self, String> {
        let cannot = |error: std::io::Error| format!("cannot prepare a syslog server: {error}");
        fs::create_dir_all(folder).map_err(cannot)?;
        // Held together, so that they differ.
        let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0"));
        let mut ports = Vec::new();
        for listener in &listeners {
            let listener = listener.as_ref().map_err(|error| error.to_string())?;
            ports.push(listener.local_addr().map_err(cannot)?.port());
        }
        let udp = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let udp = udp.map_err(cannot)?.port();
        drop(listeners);
        let mut server = Server {
            kind,
            folder: folder.to_owned(),
            child: None,
            udp,
            tcp: ports[0],
            tls: ports[1],
        };
        let settings = match kind {
            Kind::Rsyslog => server.rsyslog(certificates, identity),
            Kind::SyslogNg => server.syslog_ng(certificates, identity),
        };
        fs::write(server.folder.join("server.conf"), settings).map_err(cannot)?;
        server.start_again()?;
        Ok(server)
    }

    fn rsyslog(&self, certificates: &Certificates, identity: &str) -> String {
        let folder = self.folder.display();
        let Server { udp, tcp, tls, .. } = self;
        let (ca, certificate, key) = certificates.files(identity);
        format!(
            r#"
global(workDirectory="{folder}" maxMessageSize="64k" net.enableDNS="off")
main_queue(queue.type="LinkedList" queue.size="2000000" queue.timeoutShutdown="60000")
module(load="imudp")
module(load="imtcp" maxSessions="2000")
module(load="imuxsock" sysSock.use="off")
module(load="mmpstrucdata")
template(name="all" type="string" string="%jsonmesg%\n")
ruleset(name="all") {{
  action(type="mmpstrucdata" sd_name.lowercase="off")
  action(type="omfile" file="{folder}/out.json" template="all" flushOnTXEnd="on" asyncWriting="off")
}}
input(type="imudp" address="127.0.0.1" port="{udp}" rcvbufSize="64m" ruleset="all")
input(type="imtcp" address="127.0.0.1" port="{tcp}" ruleset="all")
input(type="imtcp" address="127.0.0.1" port="{tls}" ruleset="all"
  streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="x509/certvalid"
  streamDriver.caFile="{ca}" streamDriver.certFile="{certificate}" streamDriver.keyFile="{key}")
input(type="imuxsock" socket="{folder}/unix" useSpecialParser="off" rateLimit.interval="0"
  ruleset="all")
"#
        )
    }

    fn syslog_ng(&self, certificates: &Certificates, identity: &str) -> String {
        let folder = self.folder.display();
        let Server { udp, tcp, tls, .. } = self;
        let (ca, certificate, key) = certificates.files(identity);
        format!(
            r#"@version: 3.35
options {{ log-msg-size(65536); keep-hostname(yes); use-dns(no); stats-freq(0); flush-lines(1000); }};
source all {{
  syslog(ip(127.0.0.1) port({udp}) transport("udp") so-rcvbuf(67108864));
  syslog(ip(127.0.0.1) port({tcp}) transport("tcp") max-connections(2000) log-iw-size(200000));
  syslog(ip(127.0.0.1) port({tls}) transport("tls") max-connections(2000) log-iw-size(200000)
    tls(ca-file("{ca}") cert-file("{certificate}") key-file("{key}") peer-verify(required-trusted)));
  unix-dgram("{folder}/unix" flags(syslog-protocol));
  unix-stream("{folder}/unix-stream" flags(syslog-protocol));
}};
destination all {{
  file("{folder}/out.json" template("$(format-flat-json --scope rfc5424,sdata)\n"));
}};
log {{ source(all); destination(all); flags(flow-control); }};
"#
        )
    }

    fn command(&self) -> Result<Command, String> {
        let settings = self.folder.join("server.conf");
        let pid = self.folder.join("pid");
        match self.kind {
            Kind::Rsyslog => {
                let program = needs::find("rsyslogd").ok_or("no rsyslogd")?;
                let mut command = Command::new(program);
                command.arg("-n").arg("-f").arg(settings).arg("-i").arg(pid);
                Ok(command)
            }
            Kind::SyslogNg => {
                let SyslogNg { program, root } = SyslogNg::find().ok_or("no syslog-ng")?;
                let libraries = SyslogNg { program: program.clone(), root }.libraries();
                let all = std::env::join_paths(&libraries).map_err(|error| error.to_string())?;
                let mut command = Command::new(program);
                command.args(["-F", "--no-caps", "-f"]).arg(settings).arg("-p").arg(pid);
                command.arg("-R").arg(self.folder.join("state"));
                command.arg("-c").arg(self.folder.join("control"));
                command.env("LD_LIBRARY_PATH", &all).arg("--module-path").arg(all);
                Ok(command)
            }
        }
    }

    pub(super) fn start_again(&mut self) -> Result<(), String> {
        let log = fs::File::options().create(true).append(true).open(self.folder.join("log"));
        let log = log.map_err(|error| error.to_string())?;
        let mut command = self.command()?;
        os::die_with_parent(&mut command);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().map_err(|e| format!("cannot start a server: {e}"))?);
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.tcp)).is_err()
            || TcpStream::connect(("127.0.0.1", self.tls)).is_err()
        {
            let ended = self
                .child
                .as_mut()
                .is_some_and(|child| child.try_wait().is_ok_and(|e| e.is_some()));
            if ended || Instant::now() > deadline {
                let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                let end: Vec<&str> = log.lines().rev().take(5).collect();
                return Err(format!("a server did not start: {}", end.join("; ")));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Ends the server as the system does, by SIGTERM, and waits for its end.
    pub(super) fn stop(&mut self) -> Result<(), String> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        os::signal(child.id(), libc::SIGTERM);
        let deadline = Instant::now() + PATIENCE;
        while child.try_wait().map_err(|error| error.to_string())?.is_none() {
            if Instant::now() > deadline {
                let _gone = child.kill();
                let _status = child.wait();
                return Err("a server did not end".to_owned());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    pub(super) fn unix(&self) -> PathBuf {
        self.folder.join("unix")
    }

    pub(super) fn unix_stream(&self) -> PathBuf {
        self.folder.join("unix-stream")
    }

    fn output(&self) -> PathBuf {
        self.folder.join("out.json")
    }

    /// Waits until there are so many messages, or none came for a while.
    pub(super) fn settle(&self, messages: u64) {
        let count = || {
            let bytes = fs::read(self.output()).unwrap_or_default();
            memchr::memchr_iter(b'\n', &bytes).count() as u64
        };
        let (mut last, mut since) = (0, Instant::now());
        loop {
            let now = count();
            if now >= messages || now == last && since.elapsed() > Duration::from_secs(3) {
                return;
            }
            if now != last {
                (last, since) = (now, Instant::now());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Stops the server and compares what it wrote with what was sent.
    pub(super) fn read(&mut self) -> Result<Found, String> {
        self.stop()?;
        let text = fs::read(self.output()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let mut found = Found::default();
        for line in text.lines() {
            let json = serde_json::from_str(line).ok();
            let got = json.and_then(|json: Value| match self.kind {
                Kind::Rsyslog => from_rsyslog(&json),
                Kind::SyslogNg => from_syslog_ng(json.as_object()?),
            });
            found.add(line, got.as_ref());
        }
        Ok(found)
    }

    /// Forgets what it wrote.
    pub(super) fn clear(&self) {
        let _absent = fs::remove_file(self.output());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _gone = child.kill();
            let _status = child.wait();
        }
    }
}

/// `%jsonmesg%` with the structured data that `mmpstrucdata` found.
fn from_rsyslog(json: &Value) -> Option<Got> {
    let data = &json["$!"]["rfc5424-sd"];
    let params = data["fields@32473"].as_object()?;
    Some(Got {
        message: json["msg"].as_str()?.to_owned(),
        params: params.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
        trace_id: data["opentelemetry"]["trace_id"].as_str()?.to_owned(),
    })
}

/// `$(format-flat-json --scope rfc5424,sdata)`.
fn from_syslog_ng(json: &Map<String, Value>) -> Option<Got> {
    const FIELDS: &str = "_SDATA.fields@32473.";
    let params = json.iter().filter_map(|(name, value)| Some((name.strip_prefix(FIELDS)?, value)));
    Some(Got {
        message: json.get("MESSAGE").map_or_else(String::new, text),
        params: params.map(|(name, value)| (name.to_owned(), text(value))).collect(),
        trace_id: text(json.get("_SDATA.opentelemetry.trace_id")?),
    })
}
