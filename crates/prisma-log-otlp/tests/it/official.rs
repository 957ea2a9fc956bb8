//! What the official Python package, `opentelemetry-proto`, reads in our bytes.

use std::io::Write as _;
use std::process::{Command, Stdio};

use prisma_log_core::{Record, Sink as _};
use prisma_log_otlp::{Compression, Protocol};
use serde_json::{Value as Json, json};

use crate::collector::{Collector, Request};
use crate::support::{Full, Numbered, builder, python};
use crate::wire::normal;

fn sent(records: &[Record<'_>], protocol: Protocol) -> Vec<Request> {
    let collector = Collector::new();
    let builder = builder(&collector).compression(Compression::None).protocol(protocol);
    builder.build().unwrap().write(records).unwrap();
    collector.requests()
}

#[test]
fn the_official_decoder_reads_both_forms_alike() {
    let Some(tools) = python("opentelemetry/proto") else { return };
    let (sampled, unsampled) = (Full::new(true), Full::new(false));
    let many = Numbered::new(0..50);
    let mut records = vec![sampled.log(), sampled.span(), unsampled.span()];
    records.extend(many.records());
    let binary = sent(&records, Protocol::HttpProtobuf);
    let text = sent(&records, Protocol::HttpJson);
    let mut input = String::new();
    for (binary, text) in binary.iter().zip(&text) {
        let hex: String = binary.body.iter().map(|byte| format!("{byte:02x}")).collect();
        let text = str::from_utf8(&text.body).unwrap();
        input += &json!({"path": binary.path, "binary": hex, "text": text}).to_string();
        input.push('\n');
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/py/decode.py");
    let mut child = Command::new("python3")
        .arg(script)
        .env("PYTHONPATH", tools)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 runs");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let answers = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Json> =
        answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), 2);
    for (answer, text) in answers.iter().zip(&text) {
        // The binary form, as the official library puts it into JSON, is our JSON.
        assert_eq!(normal(&answer["read"]), normal(&text.json));
        // And our JSON, read by the official library, is the same message.
        assert_eq!(answer["same"], json!(true));
        assert_eq!(answer["unknown"], json!(0));
    }
}
