//! A real collector, rotel, receives what the sink sends and prints it.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use prisma_log_core::Sink as _;
use prisma_log_otlp::{Compression, OtlpSink, Protocol};
use tempfile::TempDir;

use crate::support::{Full, LONG, Numbered, python, sorted};

/// A running collector; its output is in a file.
struct Rotel {
    child: Child,
    output: std::path::PathBuf,
    address: String,
    _folder: TempDir,
}

impl Rotel {
    fn start(program: &Path) -> Self {
        let folder = TempDir::new().unwrap();
        let output = folder.path().join("output");
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let address = free();
        let file = File::create(&output).unwrap();
        let child = Command::new(program)
            .args(["start", "--exporter", "blackhole", "--debug-log", "logs"])
            .args(["--debug-log", "traces", "--debug-log-verbosity", "detailed"])
            .args(["--otlp-http-endpoint", &address, "--otlp-grpc-endpoint", &free()])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stderr(file.try_clone().unwrap())
            .stdout(file)
            .spawn()
            .unwrap();
        let rotel = Rotel { child, output, address, _folder: folder };
        rotel.wait("the collector listens", || TcpStream::connect(&rotel.address).is_ok());
        rotel
    }

    fn output(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.output).unwrap()).into_owned()
    }

    fn wait(&self, what: &str, is_so: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is_so() {
            assert!(begun.elapsed() < LONG, "waiting until {what}: {}", self.output());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What follows a label, on every line that has it.
    fn values(&self, label: &str) -> Vec<String> {
        let output = self.output();
        let values = output.lines().filter_map(|line| line.trim().strip_prefix(label));
        values.map(|value| value.trim().to_owned()).collect()
    }
}

impl Drop for Rotel {
    fn drop(&mut self) {
        // It may have ended on its own.
        let _killed = self.child.kill();
        let _waited = self.child.wait();
    }
}

#[test]
fn rotel_prints_what_was_sent() {
    let Some(tools) = python("rotel/rotel-agent") else { return };
    for (protocol, compression) in [
        (Protocol::HttpProtobuf, Compression::Gzip),
        (Protocol::HttpProtobuf, Compression::None),
        (Protocol::HttpJson, Compression::Gzip),
    ] {
        let rotel = Rotel::start(&tools.join("rotel/rotel-agent"));
        let mut sink = OtlpSink::builder()
            .endpoint(format!("http://{}", rotel.address))
            .service_name("shop")
            .protocol(protocol)
            .compression(compression)
            // Its reader of JSON knows no NaN and no value that is null; those come after these.
            .max_attributes(if protocol == Protocol::HttpJson { 12 } else { 128 })
            .timeout(LONG)
            .build()
            .unwrap();
        let (full, many) = (Full::new(true), Numbered::new(0..1_500));
        let mut records = many.records();
        records.push(full.span());
        records.push(full.log());
        if let Err(failed) = sink.write(&records) {
            panic!("{protocol:?}: {}: {}", failed.error, rotel.output());
        }
        let is_whole =
            || rotel.values("Body: ").len() >= 1_001 && rotel.output().contains("GET /orders/{id}");
        rotel.wait("everything is printed", is_whole);
        let mut found: Vec<_> = rotel
            .values("Body: ")
            .iter()
            .filter_map(|body| body.strip_prefix("Str(")?.strip_suffix(')').map(str::to_owned))
            .collect();
        // The message of the last one has a line end in it.
        found.extend(rotel.values("Name           : "));
        found.retain(|found| found.starts_with("record "));
        assert_eq!(sorted(found), sorted(many.messages()), "{protocol:?}, {compression:?}");
        let output = rotel.output();
        for part in [
            "service.name: Str(shop)",
            "Trace ID       : 0af7651916cd43dd8448eb211c80319c",
            "InstrumentationScope shop.orders",
            "SEVERITY_NUMBER_ERROR2(18)",
            "least: Int(-9223372036854775808)",
            "GET /orders/{id}",
        ] {
            assert!(output.contains(part), "{part} is missing: {output}");
        }
    }
}
