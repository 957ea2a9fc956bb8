//! What stands for CrowdSec's parsers: what a raw line says, under the names that scenarios use.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use prisma_log_core::{Fields, Timestamp};
use prisma_log_tail::{LineParser, LogLine};
use regex::Regex;
use serde_json::Value;

use super::auth::{self, Auth};
use super::rows::{self, Row};
use super::web::{Web, named};

pub(super) const LOG_TYPE: &str = "evt.Meta.log_type";
pub(super) const SOURCE_IP: &str = "evt.Meta.source_ip";
/// What stands before the keys of JSON lines.
pub(super) const JSON: &str = "json.";
/// The type of failed authentications of services that no table knows.
const FAILED_AUTH: &str = "failed_auth";

/// An address; a time of day is none.
const IP: &str = r"(?<ip>\d{1,3}(?:\.\d{1,3}){3}|(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|(?:[0-9A-Fa-f]{1,4}:){0,6}[0-9A-Fa-f]{0,4}::(?:[0-9A-Fa-f]{1,4}:){0,6}(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{1,4})?)";
/// What scenarios call a user.
const USERS: [&str; 4] = ["username", "target_user", "user", "source_user"];
/// Fields of web servers' lines.
const WEB: &[&str] = &[
    "log_type",
    "service",
    "sub_type",
    "source_ip",
    "target_fqdn",
    "verb",
    "request",
    "status",
    "http_user_agent",
    "http_path",
    "http_args",
    "http_args_len",
    "http_status",
    "http_verb",
    "file_name",
    "static_ressource",
    "message",
    "program",
    "remote_addr",
    "datasource_type",
    "auth_status",
];
/// Types of web servers' logs.
const SERVERS: [&str; 4] = ["nginx", "apache", "httpd", "npmplus"];
type Shape = (&'static str, &'static str, &'static [(&'static str, &'static str)]);
/// Types of JSON lines with fields of their own, and how to tell: a key that they have, and what
/// other fields are called there.
const SHAPES: &[Shape] = &[
    (
        "aws-cloudtrail",
        "eventName",
        &[
            ("ip", "sourceIPAddress"),
            ("event_name", "eventName"),
            ("error_code", "errorCode"),
            ("user_arn", "userIdentity.arn"),
            ("time", "eventTime"),
        ],
    ),
    ("k8s-audit", "auditID", &[("ip", "sourceIPs.0"), ("time", "requestReceivedTimestamp")]),
    (
        "suricata_alert",
        "alert.signature_id",
        &[
            ("ip", "src_ip"),
            ("proto", "proto"),
            ("suricata_rule_severity", "alert.severity"),
            ("suricata_alert_signature_id", "alert.signature_id"),
            ("time", "timestamp"),
        ],
    ),
];

/// What lines of this type are called here; `None` when no table makes them.
pub(super) fn log_type(name: &str) -> Option<&str> {
    let known = rows::all().any(|row| row.log_type == name)
        || SHAPES.iter().any(|(shape, ..)| *shape == name)
        || matches!(name, "http_access-log" | "http_error-log");
    if known { Some(name) } else { auth::is_failed_auth(name).then_some(FAILED_AUTH) }
}

/// Whether a table makes this field.
pub(super) fn is_known(key: &str) -> bool {
    let Some(name) = key.strip_prefix("evt.Meta.").or_else(|| key.strip_prefix("evt.Parsed."))
    else {
        return key.starts_with(JSON) || key.starts_with("evt.Time.");
    };
    let in_rows = |row: &Row| {
        row.pattern.contains(&format!("(?<{name}>")) || row.more.contains(&format!("{name}="))
    };
    let in_shapes =
        || SHAPES.iter().any(|(.., names)| names.iter().any(|(field, _)| *field == name));
    WEB.contains(&name) || USERS.contains(&name) || rows::all().any(in_rows) || in_shapes()
}

fn compile(pattern: &str) -> Regex {
    let pattern = pattern.replace("{ip}", IP);
    Regex::new(&pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"))
}

static SYSLOG: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        r"^<\d+>1 \S+ \S+ (?<program>\S+) \S+ \S+ (?:-|(?:\[(?:[^\]\\]|\\.)*\])+) ?(?<message>.*)$",
        r"^(?:<\d+>)?(?:[A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+) [\w.:-]+ (?<program>[\w./-]+?)(?:\[(?<pid>\d+)\])?: (?<message>.*)$",
    ]
    .map(compile)
    .into()
});
static PREFIX: LazyLock<Regex> = LazyLock::new(|| compile(r"^\S+ std(?:out|err) [FP] "));
static TABLE: LazyLock<Vec<(&Row, Regex)>> =
    LazyLock::new(|| rows::all().map(|row| (row, compile(row.pattern))).collect());
static WEBS: LazyLock<Web> = LazyLock::new(|| Web::new(compile));
static AUTH: LazyLock<Auth> = LazyLock::new(|| Auth::new(compile));

static TUNNEL: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^(?<thread>\d+)\[\w+\] (?<id><[^>]*\|\d+>) (?:(?<failed>.*(?:verification|authentication).*failed)|sending packet: from \S+ to {ip}\[)",
    )
});

/// Reads a log's lines.
pub(super) struct Reader<'a> {
    /// The log's type.
    kind: &'a str,
    parser: LineParser,
    /// Tunnels that someone could not enter, by thread: the answer that follows has the address.
    refused: BTreeMap<String, String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(kind: &'a str, parser: LineParser) -> Self {
        Reader { kind, parser, refused: BTreeMap::new() }
    }

    /// Who could not enter a tunnel.
    fn tunnel(&mut self, message: &str) -> Option<BTreeMap<String, String>> {
        let found = TUNNEL.captures(message)?;
        if found.name("failed").is_some() {
            self.refused.insert(found["thread"].to_owned(), found["id"].to_owned());
            return None;
        }
        (self.refused.get(&found["thread"]).map(String::as_str) == Some(&found["id"])).then(|| {
            let pairs = [("log_type", FAILED_AUTH), ("ip", &found["ip"])];
            pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
        })
    }

    /// Reads a line and returns it with scenarios' fields.
    pub(super) fn read(&mut self, raw: &str) -> LogLine {
        let mut line = self.parser.parse(raw.as_bytes());
        let text = PREFIX.replace(raw, "");
        let header = SYSLOG.iter().find_map(|regex| Some(named(regex, regex.captures(&text)?)));
        let mut header = header.unwrap_or_default();
        let program = header.get("program").cloned().unwrap_or_default();
        let message = header.get("message").cloned().unwrap_or_else(|| text.trim().to_owned());
        let json = json_of(&message);
        let mut says = says(self.kind, &program, &message, &json);
        says.extend(self.tunnel(&message).unwrap_or_default());
        header.retain(|key, _| key == "program");
        header.insert("message".into(), message);
        for (key, value) in header {
            says.entry(key).or_insert(value);
        }
        line.timestamp = match says.remove("untimed") {
            Some(_) => None,
            None => time_of(&says, &mut self.parser).or(line.timestamp),
        };
        line.fields = Fields::default();
        for (key, value) in &json {
            line.fields.push(&format!("{JSON}{key}"), value.as_str());
        }
        for (key, value) in &says {
            let names: &[&str] = match key.as_str() {
                "ip" => &["source_ip", "remote_addr"],
                "user" | "user2" => &USERS,
                key => &[key],
            };
            let value = if key == "service" { value.to_lowercase() } else { value.clone() };
            for name in names {
                line.fields.push(&format!("evt.Meta.{name}"), value.as_str());
                line.fields.push(&format!("evt.Parsed.{name}"), value.as_str());
            }
        }
        if let Some(time) = line.timestamp {
            let days = time.unix_nanos() / 86_400_000_000_000;
            let hour = time.unix_nanos() / 3_600_000_000_000 % 24;
            const WEEK: [&str; 7] =
                ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
            line.fields.push("evt.Time.Hour()", hour as u64);
            line.fields.push("evt.Time.Weekday().String()", WEEK[(days % 7) as usize]);
        }
        line
    }
}

/// What the line says.
fn says(
    kind: &str,
    program: &str,
    message: &str,
    json: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let (kind, program) = (kind.to_lowercase(), program.to_lowercase());
    for (name, has, names) in SHAPES {
        if json.contains_key(*has) {
            let found = names
                .iter()
                .filter_map(|(to, from)| Some((to.to_string(), json.get(*from)?.clone())));
            let mut says: BTreeMap<String, String> = found.collect();
            says.insert("log_type".into(), (*name).into());
            return says;
        }
    }
    for (row, regex) in TABLE.iter() {
        if (kind.contains(row.of) || program.contains(row.of))
            && let Some(captures) = regex.captures(message)
        {
            let mut says = named(regex, captures);
            says.insert("log_type".into(), row.log_type.into());
            for pair in row.more.split_whitespace() {
                let (key, value) = pair.split_once('=').unwrap();
                says.insert(key.into(), value.into());
            }
            return says;
        }
    }
    let failed = || {
        let mut says = AUTH.read(message)?;
        says.insert("log_type".into(), FAILED_AUTH.into());
        says.insert("service".into(), if program.is_empty() { &kind } else { &program }.clone());
        Some(says)
    };
    // What a JSON line's message quotes may be a line of a web server.
    let quoted = || WEBS.read(json.get("message")?, &BTreeMap::new());
    let web = WEBS.read(message, json).or_else(quoted);
    // An application behind a web server may speak through the server's error log.
    let errors = web.as_ref().is_some_and(|says| says["log_type"] == "http_error-log");
    let application = errors && !SERVERS.iter().any(|server| kind.contains(server));
    if application { failed().or(web) } else { web.or_else(failed) }.unwrap_or_default()
}

/// What a line of JSON holds, flat.
fn json_of(message: &str) -> BTreeMap<String, String> {
    let mut flat = BTreeMap::new();
    if let Some(at) = message.find('{')
        && (at == 0 || message[..at].ends_with("  "))
        && let Ok(value) = serde_json::from_str::<Value>(&message[at..])
    {
        flatten("", &value, &mut flat);
    }
    flat
}

fn flatten(key: &str, value: &Value, flat: &mut BTreeMap<String, String>) {
    let below = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
    match value {
        Value::Null => return,
        Value::Object(map) => {
            map.iter().for_each(|(name, value)| flatten(&below(name), value, flat))
        }
        Value::Array(list) => {
            list.iter()
                .enumerate()
                .for_each(|(i, value)| flatten(&below(&i.to_string()), value, flat));
        }
        _ => {}
    }
    if !key.is_empty() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        flat.insert(key.to_owned(), text);
    }
}

/// The time that a table found, which the line parser may not see.
fn time_of(says: &BTreeMap<String, String>, parser: &mut LineParser) -> Option<Timestamp> {
    if let Some(seconds) = says.get("unix").or_else(|| says.get("time"))
        && let Ok(seconds) = seconds.parse::<f64>()
    {
        return Some(Timestamp::from_unix_nanos((seconds * 1e9) as i64));
    }
    let text = match (says.get("time"), says.get("date"), says.get("clock")) {
        (Some(time), ..) => time.clone(),
        (_, Some(date), Some(clock)) => format!("{date} {clock}"),
        _ => return None,
    };
    let bracketed =
        parser.parse(format!("1.1.1.1 - - [{text}] \"GET / HTTP/1.1\" 200 1").as_bytes());
    bracketed.timestamp.or_else(|| parser.parse(format!("{text} INFO x").as_bytes()).timestamp)
}
