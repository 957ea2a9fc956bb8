//! A double of a collector: keeps what it says it took, and fails on demand.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use flate2::read::GzDecoder;
use serde_json::Value as Json;

use crate::wire;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) path: String,
    /// Names in lowercase.
    pub(crate) headers: Vec<(String, String)>,
    /// Decompressed.
    pub(crate) body: Vec<u8>,
    /// As OTLP's JSON.
    pub(crate) json: Json,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The bodies of log records and the names of spans, in order.
    pub(crate) fn ids(&self) -> Vec<String> {
        ids(&self.json)
    }
}

/// What the collector does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Takes it all.
    Take,
    /// Takes all but the first so many.
    Partial(usize),
    /// Takes nothing, and answers this: status, headers, body.
    Status(u16, &'static str, &'static str),
    /// Takes it, with this status and an answer that never ends.
    Endless(u16),
    /// Breaks the connection without an answer.
    Reset,
    /// Takes it, and breaks the connection in the middle of the answer.
    ResetAnswer,
    /// Answers nothing, for so long.
    Hang(Duration),
}

type Script = Box<dyn FnMut(&Request) -> Reply + Send>;

struct State {
    script: Script,
    requests: Vec<Request>,
    stored: Vec<String>,
    connections: usize,
}

pub(crate) struct Collector {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Collector {
    /// One that takes everything.
    pub(crate) fn new() -> Self {
        Collector::scripted(|_| Reply::Take)
    }

    /// One that does what the list says, and then takes everything.
    pub(crate) fn planned(plan: impl IntoIterator<Item = Reply>) -> Self {
        let mut plan = plan.into_iter().collect::<Vec<_>>().into_iter();
        Collector::scripted(move |_| plan.next().unwrap_or(Reply::Take))
    }

    pub(crate) fn scripted(script: impl FnMut(&Request) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Collector::on(listener, script)
    }

    pub(crate) fn on(
        listener: TcpListener,
        script: impl FnMut(&Request) -> Reply + Send + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State {
            script: Box::new(script),
            requests: Vec::new(),
            stored: Vec::new(),
            connections: 0,
        }));
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, stopping) = (Arc::clone(&state), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopping.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let connection = {
                    let mut state = shared.lock().unwrap();
                    state.connections += 1;
                    state.connections
                };
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(stream.try_clone().unwrap());
                    let mut stream = stream;
                    while serve(&mut reader, &mut stream, &shared, connection).is_some() {}
                });
            }
        });
        Collector { address, state, stop, thread: Some(thread) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.lock().unwrap().requests.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }

    /// What it took, in order: bodies of log records and names of spans.
    pub(crate) fn stored(&self) -> Vec<String> {
        self.state.lock().unwrap().stored.clone()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.address));
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// Serves one request; `None` when the connection is over.
fn serve(
    reader: &mut impl ReadRequest,
    out: &mut impl Write,
    state: &Mutex<State>,
    connection: usize,
) -> Option<()> {
    let (path, headers) = reader.head()?;
    let length = header(&headers, "content-length").and_then(|text| text.parse().ok())?;
    let mut body = vec![0; length];
    if header(&headers, "x-test") == Some("reset in the middle") && connection == 1 {
        // What is unread when it is closed makes the kernel reset the connection.
        reader.read_exact(&mut body[..length / 2]).ok()?;
        return None;
    }
    reader.read_exact(&mut body).ok()?;
    let request = decode(&path, &headers, body);
    let reply = {
        let mut state = state.lock().unwrap();
        let reply = (state.script)(&request);
        state.requests.push(request.clone());
        reply
    };
    let ids = request.ids();
    let store = |ids: &[String]| state.lock().unwrap().stored.extend_from_slice(ids);
    let is_json = request.header("content-type") == Some("application/json");
    let kind = if is_json { "application/json" } else { "application/x-protobuf" };
    match reply {
        Reply::Take => {
            store(&ids);
            let body = if is_json { "{}" } else { "" };
            answer(out, 200, &format!("content-type: {kind}\r\n"), body.as_bytes())
        }
        Reply::Partial(rejected) => {
            store(&ids[rejected.min(ids.len())..]);
            let body = match is_json {
                true if request.path.ends_with("logs") => format!(
                    r#"{{"partialSuccess":{{"rejectedLogRecords":"{rejected}","errorMessage":"too old"}}}}"#
                )
                .into_bytes(),
                true => format!(
                    r#"{{"partialSuccess":{{"rejectedSpans":"{rejected}","errorMessage":"too old"}}}}"#
                )
                .into_bytes(),
                false => {
                    assert!(rejected < 128);
                    [b"\x0a\x0b\x08", &[rejected as u8][..], b"\x12\x07too old"].concat()
                }
            };
            answer(out, 200, &format!("content-type: {kind}\r\n"), &body)
        }
        Reply::Status(status, headers, body) => answer(out, status, headers, body.as_bytes()),
        Reply::Endless(status) => {
            let head = format!("HTTP/1.1 {status} X\r\ncontent-length: 1000000000000\r\n\r\n");
            out.write_all(head.as_bytes()).ok()?;
            loop {
                out.write_all(&[b'x'; 4096]).ok()?;
            }
        }
        Reply::Reset => None,
        Reply::ResetAnswer => {
            store(&ids);
            out.write_all(b"HTTP/1.1 200 OK\r\ncontent-le").ok()?;
            None
        }
        Reply::Hang(time) => {
            std::thread::sleep(time);
            None
        }
    }
}

fn answer(out: &mut impl Write, status: u16, headers: &str, body: &[u8]) -> Option<()> {
    let head = format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n", body.len());
    out.write_all(&[head.as_bytes(), body].concat()).ok()?;
    out.flush().ok()
}

pub(crate) trait ReadRequest: Read {
    /// The path and the headers.
    fn head(&mut self) -> Option<(String, Vec<(String, String)>)>;
}

impl<R: Read> ReadRequest for BufReader<R> {
    fn head(&mut self) -> Option<(String, Vec<(String, String)>)> {
        let mut line = String::new();
        self.read_line(&mut line).ok().filter(|length| *length > 0)?;
        let path = line.split(' ').nth(1)?.to_owned();
        let mut headers = Vec::new();
        loop {
            line.clear();
            self.read_line(&mut line).ok().filter(|length| *length > 0)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
        Some((path, headers))
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

fn decode(path: &str, headers: &[(String, String)], body: Vec<u8>) -> Request {
    let body = if header(headers, "content-encoding") == Some("gzip") {
        let mut plain = Vec::new();
        GzDecoder::new(&body[..]).read_to_end(&mut plain).expect("valid gzip");
        plain
    } else {
        body
    };
    let json = if header(headers, "content-type") == Some("application/json") {
        serde_json::from_slice(&body).expect("valid JSON")
    } else if path.ends_with("logs") {
        wire::read("ExportLogsServiceRequest", &body)
    } else {
        wire::read("ExportTraceServiceRequest", &body)
    };
    Request { path: path.to_owned(), headers: headers.to_vec(), body, json }
}

fn ids(request: &Json) -> Vec<String> {
    if let Json::Array(spans) = request {
        return spans.iter().map(|span| span["name"].as_str().unwrap().to_owned()).collect();
    }
    let list = |value: &Json| value.as_array().cloned().unwrap_or_default();
    let mut ids = Vec::new();
    for resource in list(&request["resourceLogs"]) {
        for scope in list(&resource["scopeLogs"]) {
            for record in list(&scope["logRecords"]) {
                ids.push(record["body"]["stringValue"].as_str().unwrap().to_owned());
            }
        }
    }
    for resource in list(&request["resourceSpans"]) {
        for scope in list(&resource["scopeSpans"]) {
            for span in list(&scope["spans"]) {
                ids.push(span["name"].as_str().unwrap().to_owned());
            }
        }
    }
    ids
}
