//! The log that is searched: JSON lines as services write them, the same at each run.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use super::patterns;
use crate::report;

/// Lines of a thousand that are errors.
const ERRORS: u64 = 20;

/// The path of a log of that size, which is made unless it is there.
pub(super) fn file(mebibytes: u64, seed: u64) -> Result<PathBuf, String> {
    let folder = report::folder().join("monitor");
    let path = folder.join(format!("lines-1-{mebibytes}-{seed}.jsonl"));
    if path.exists() {
        return Ok(path);
    }
    let cannot = |error| format!("cannot write {}: {error}", path.display());
    fs::create_dir_all(&folder).map_err(cannot)?;
    let unfinished = path.with_extension("unfinished");
    let file = File::create(&unfinished).map_err(cannot)?;
    let mut file = BufWriter::with_capacity(1 << 20, file);
    let mut numbers = Numbers(seed);
    let mut left = mebibytes << 20;
    let mut line = String::new();
    let mut millis = 1_795_507_200_000;
    while left > 0 {
        millis += numbers.below(3);
        line.clear();
        write(&mut line, &mut numbers, millis);
        file.write_all(line.as_bytes()).map_err(cannot)?;
        left = left.saturating_sub(line.len() as u64);
    }
    file.flush().and_then(|()| fs::rename(&unfinished, &path)).map_err(cannot)?;
    Ok(path)
}

/// Numbers without pattern, always the same (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn one_of<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }
}

const SERVICES: [&str; 8] = [
    "checkout",
    "payment-gateway",
    "inventory",
    "auth",
    "search-indexer",
    "notification-worker",
    "user-profile",
    "edge-proxy",
];
const MODULES: [&str; 8] = [
    "http::server",
    "db::pool",
    "cache::redis",
    "kafka::consumer",
    "jobs::scheduler",
    "auth::session",
    "orders::handler",
    "storage::s3",
];
const PATHS: [&str; 7] = [
    "/api/v1/orders",
    "/api/v1/orders/items",
    "/api/v2/users/profile",
    "/healthz",
    "/api/v1/payments/authorize",
    "/login",
    "/static/js/app.min.js",
];
const METHODS: [&str; 5] = ["GET", "GET", "POST", "PUT", "DELETE"];
const AGENTS: [&str; 3] =
    ["Mozilla/5.0 (X11; Linux x86_64)", "okhttp/4.12.0", "python-requests/2.32"];

/// What goes well, some of it in words that trouble has too.
const USUAL: [&str; 16] = [
    "request completed",
    "connection established to upstream",
    "connection closed by peer after idle timeout",
    "authentication succeeded for user",
    "order processed and handed to fulfilment",
    "cache miss, value loaded from database",
    "pool size is 16, 4 connections idle",
    "message consumed from partition 7",
    "transaction committed",
    "session refreshed, token valid for 3600 seconds",
    "job finished without errors in time",
    "retrying request after a short pause",
    "memory usage is within its limits",
    "disk usage of device sda1 is at 61 percent, 39 percent left",
    "größere Lieferung für Kundin bestätigt – “gepackt”",
    "user said \\\"it works\\\", see C:\\\\logs\\\\app.log",
];

/// Trouble, as libraries and servers word it.
const TROUBLE: [&str; 16] = [
    "connect to 10.2.0.17:5432 failed: Connection refused (os error 111)",
    "connect ECONNREFUSED 10.2.0.17:6379",
    "ERROR: deadlock detected while updating table orders",
    "Deadlock found when trying to get lock; try restarting transaction",
    "java.lang.OutOfMemoryError: Java heap space",
    "Out of memory: Killed process 4711 (checkout)",
    "operation timed out after 30000 ms",
    "Timeout waiting for a connection from the pool",
    "write failed: No space left on device (os error 28)",
    "thread 'worker-3' panicked at src/orders.rs:128:17",
    "FATAL: password authentication failed for user app",
    "pam_unix(sshd:auth): authentication failure; rhost=203.0.113.9",
    "connection pool exhausted: 64 of 64 in use",
    "upstream returned 502 Bad Gateway",
    "unexpected end of file while reading response",
    "constraint orders_pkey violated by duplicate key",
];

fn write(out: &mut String, numbers: &mut Numbers, millis: u64) {
    let is_error = numbers.below(1000) < ERRORS;
    let level = match (is_error, numbers.below(10)) {
        (true, _) => "ERROR",
        (false, 0) => "WARN",
        (false, 1..=2) => "DEBUG",
        (false, _) => "INFO",
    };
    let message = match (is_error, numbers.below(3)) {
        (false, _) => numbers.one_of(&USUAL).to_owned(),
        (true, 0) => fault(numbers),
        (true, _) => numbers.one_of(&TROUBLE).to_owned(),
    };
    let (service, module) = (numbers.one_of(&SERVICES), numbers.one_of(&MODULES));
    let (method, path) = (numbers.one_of(&METHODS), numbers.one_of(&PATHS));
    let status = if is_error { 500 + numbers.below(4) } else { 200 + numbers.below(2) * 4 };
    let (seconds, millis) = (millis / 1000 % 86_400, millis % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    *out += &format!(
        "{{\"timestamp\":\"2026-11-24T{hour:02}:{minute:02}:{second:02}.{millis:03}Z\",\
         \"level\":\"{level}\",\"service\":\"{service}\",\"logger\":\"{module}\",\
         \"message\":\"{message}\",\"trace_id\":\"{:016x}{:016x}\",\"span_id\":\"{:016x}\",\
         \"method\":\"{method}\",\"path\":\"{path}\",\"status\":{status},\
         \"duration_ms\":{}.{:03},\"user_id\":{},\"agent\":\"{}\",\"host\":\"node-{:02}\"}}\n",
        numbers.next(),
        numbers.next(),
        numbers.next(),
        numbers.below(900),
        numbers.below(1000),
        numbers.below(1_000_000),
        numbers.one_of(&AGENTS),
        numbers.below(40),
    );
}

/// One of the thousand patterns' texts, at times with a capital letter or in capitals.
fn fault(numbers: &mut Numbers) -> String {
    let fault = patterns::fault(numbers.below(patterns::ALL_FAULTS as u64) as usize);
    match numbers.below(4) {
        0 => fault.to_uppercase(),
        1 => format!("{}{}", fault[..1].to_uppercase(), &fault[1..]),
        _ => fault,
    }
}
