//! What stands for CrowdSec's parsers of web servers: access and error logs of any service.

use std::collections::BTreeMap;

use regex::{Captures, Regex};

/// A file with such an ending is static to CrowdSec.
const STATIC: [&str; 23] = [
    "jpg", "css", "js", "jpeg", "png", "svg", "map", "ico", "otf", "gif", "mp3", "mp4", "woff",
    "woff2", "ttf", "eot", "webp", "wav", "gz", "brotli", "bvr", "ts", "bmp",
];

const ACCESS: [&str; 5] = [
    // Common and combined, with the server's name before it or not.
    r#"(?:^|\s)(?:(?<target_fqdn>[\w.:-]+) )?{ip}(?::\d+)? \S+ [^\[]*\[(?<time>[^\]]+)\] "(?:(?<verb>[A-Z]+) )?(?<request>(?:[^"\\]|\\.)*?)(?: HTTP/(?<http_version>[\d.]+))?" (?<status>\d{3}) \S+(?: "(?:[^"\\]|\\.)*" "(?<http_user_agent>[^"]*)")?"#,
    // Load balancers: haproxy, AWS.
    r#"{ip}:\d+ \[(?<time>[^\]]+)\] \S+ \S+ \S+ (?<status>\d{3}) \d+ .*"(?<verb>[A-Z]+) (?<request>\S+)(?: HTTP/[\d.]+)?""#,
    r#"^(?:https?|h2|grpcs|wss?) (?<time>\S+) \S+ {ip}:\d+ \S+ \S+ \S+ \S+ (?<status>\d{3}) \S+ \d+ \d+ "(?<verb>[A-Z]+) \w+://(?<target_fqdn>[^:/]+)(?::\d+)?(?<request>\S*) HTTP/[\d.]+" "(?<http_user_agent>[^"]*)""#,
    // Nginx Proxy Manager.
    r#"\[(?<time>[^\]]+)\] (?:\S+ )?(?:\S+ )?(?<status>\d{3}) - (?<verb>[A-Z]+) https? (?<target_fqdn>\S+) "(?<request>[^"]*)" \[Client {ip}\].* "(?<http_user_agent>[^"]*)" "[^"]*"$"#,
    // Zoraxy.
    r#"^(?:\S+ \S+ )?\[(?<time>[^\]]+)\].*\[client: {ip}\] \[useragent: (?<http_user_agent>[^\]]*)\] (?<verb>[A-Z]+) (?<request>\S+) (?<status>\d{3})"#,
];
const ERROR: [&str; 2] = [
    r#"^(?<time>\d{4}/\d\d/\d\d [\d:]+) \[\w+\] \d+#\d+: (?<message>.*), client: {ip}, server: (?<target_fqdn>[^,]*)(?:, request: "(?<verb>[A-Z]+) (?<request>\S+)(?: HTTP/[\d.]+)?")?"#,
    r"^\[(?<time>\w{3} \w{3} \d+ [\d:.]+ \d{4})\] \[[^\]]*\] (?:\[[^\]]*\] )?\[client {ip}(?::\d+)?\] (?<message>.*)",
];

/// Where JSON lines say it, first one first.
const JSON: [(&str, &[&str]); 7] = [
    (
        "ip",
        &[
            "request.client_ip",
            "request.remote_ip",
            "ClientHost",
            "downstream_remote_address",
            "client_ip",
            "remote_addr",
        ],
    ),
    ("request", &["request.uri", "RequestPath", "x-envoy-origin-path", "url", "request_uri"]),
    ("verb", &["request.method", "RequestMethod", "method", "request_method"]),
    ("status", &["status", "DownstreamStatus", "response_code", "response_status"]),
    ("target_fqdn", &["request.host", "RequestHost", ":authority", "host"]),
    (
        "http_user_agent",
        &[
            "request.headers.User-Agent.0",
            "request_User-Agent",
            "user-agent",
            "request_user_agent",
            "user_agent",
        ],
    ),
    ("time", &["ts", "StartUTC", "start_time", "timestamp"]),
];

pub(super) struct Web {
    access: Vec<Regex>,
    error: Vec<Regex>,
    user: Regex,
}

impl Web {
    pub(super) fn new(compile: fn(&str) -> Regex) -> Self {
        Web {
            access: ACCESS.iter().map(|pattern| compile(pattern)).collect(),
            error: ERROR.iter().map(|pattern| compile(pattern)).collect(),
            user: compile(
                r#"user "?(?<user>[^" :]+)"?(?: was not found|: password mismatch|:? not found|: authentication failure)"#,
            ),
        }
    }

    /// What a line of a web server says; `json` is what it holds when it is JSON.
    pub(super) fn read(
        &self,
        text: &str,
        json: &BTreeMap<String, String>,
    ) -> Option<BTreeMap<String, String>> {
        let find =
            |all: &[Regex]| all.iter().find_map(|regex| Some(named(regex, regex.captures(text)?)));
        let mut fields = if !json.is_empty() {
            let fields = from_json(json);
            ["ip", "request", "status"]
                .iter()
                .all(|key| fields.contains_key(*key))
                .then_some(fields)
        } else {
            find(&self.access)
        };
        let kind = if fields.is_some() { "http_access-log" } else { "http_error-log" };
        if fields.is_none() && json.is_empty() {
            fields = find(&self.error);
        }
        let mut fields = fields?;
        if fields.get("status").is_some_and(|status| status == "401")
            && json.contains_key("request.uri")
        {
            fields.insert("sub_type".into(), "auth_fail".into());
        }
        if let Some(message) = fields.get("message").cloned() {
            if message.contains("limiting requests, excess") {
                fields.insert("sub_type".into(), "req_limit_exceeded".into());
            } else if let Some(found) = self.user.captures(&message) {
                fields.insert("user".into(), found["user"].to_owned());
                fields.insert("sub_type".into(), "auth_fail".into());
            }
        }
        fields.insert("log_type".into(), kind.into());
        fields.insert("service".into(), "http".into());
        split(&mut fields);
        Some(fields)
    }
}

/// The named groups that took part.
pub(super) fn named(regex: &Regex, captures: Captures<'_>) -> BTreeMap<String, String> {
    let names = regex.capture_names().flatten();
    names
        .filter_map(|name| Some((name.to_owned(), captures.name(name)?.as_str().to_owned())))
        .collect()
}

fn from_json(json: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let found = JSON.iter().filter_map(|(name, keys)| {
        let mut value = keys.iter().find_map(|key| json.get(*key))?.clone();
        if *name == "ip"
            && let Some((address, port)) = value.rsplit_once(':')
            && address.contains('.')
            && port.parse::<u16>().is_ok()
        {
            value = address.to_owned();
        }
        Some(((*name).to_owned(), value))
    });
    found.collect()
}

/// Path, arguments and file of the request, as CrowdSec splits it.
fn split(fields: &mut BTreeMap<String, String>) {
    let mut add = |key: &str, value: String| fields.insert(key.to_owned(), value);
    add("static_ressource", "false".into());
    let Some(request) = fields.get("request").cloned() else { return };
    let mut add = |key: &str, value: String| fields.insert(key.to_owned(), value);
    add("http_path", request.clone());
    let (path, arguments) = request.rsplit_once('?').unwrap_or((&request, ""));
    add("request", path.to_owned());
    if !arguments.is_empty() {
        add("http_args", arguments.to_owned());
    }
    add("http_args_len", arguments.len().to_string());
    if let Some((_, file)) = path.rsplit_once('/') {
        let ending = file.rsplit_once('.').map_or("", |(_, ending)| ending).to_lowercase();
        add("file_name", file.to_owned());
        add("static_ressource", STATIC.contains(&ending.as_str()).to_string());
    }
    for (from, to) in [("status", "http_status"), ("verb", "http_verb")] {
        if let Some(value) = fields.get(from).cloned() {
            fields.insert(to.to_owned(), value);
        }
    }
}
