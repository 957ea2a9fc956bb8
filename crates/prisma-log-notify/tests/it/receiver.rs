//! A web server that answers as it is told.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A request, read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Request {
    /// Reads a request; `None` at the connection's end.
    pub(crate) fn read(stream: &mut impl Read) -> Option<Self> {
        let mut reader = BufReader::with_capacity(1 << 20, stream);
        let mut request = Request::default();
        reader.read_line(&mut request.line).ok().filter(|bytes| *bytes > 0)?;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            request.headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let length = request.headers.get("content-length").and_then(|text| text.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body).ok()?;
        request.body = String::from_utf8(body).ok()?;
        Some(request)
    }
}

/// What becomes of a connection after an answer.
pub(crate) enum Then {
    Keep,
    Close,
}

pub(crate) type Answer = dyn Fn(&Request, &mut TcpStream) -> Then + Send + Sync;

/// Listens on loopback until the process ends.
pub(crate) struct Receiver {
    pub(crate) url: String,
    pub(crate) requests: Arc<Mutex<Vec<Request>>>,
}

impl Receiver {
    pub(crate) fn new(
        answer: impl Fn(&Request, &mut TcpStream) -> Then + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook/t0ken-in-path", listener.local_addr().unwrap());
        let requests = Arc::default();
        let answer: Arc<Answer> = Arc::new(answer);
        let kept: Arc<Mutex<Vec<Request>>> = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (answer, kept) = (Arc::clone(&answer), Arc::clone(&kept));
                thread::spawn(move || serve(stream, &*answer, &kept));
            }
        });
        Receiver { url, requests }
    }

    /// Answers every request with the same text.
    pub(crate) fn always(text: &'static str) -> Self {
        Receiver::new(move |_, stream| {
            stream.write_all(text.as_bytes()).unwrap();
            Then::Close
        })
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, answer: &Answer, kept: &Mutex<Vec<Request>>) {
    while let Some(request) = Request::read(&mut stream) {
        kept.lock().unwrap().push(request.clone());
        if let Then::Close = answer(&request, &mut stream) {
            return;
        }
    }
}
