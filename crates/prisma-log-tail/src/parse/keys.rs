//! The keys that mean something in a JSON line, by role, and a quick look-up of them.

/// Keys by role, the best first. Nested objects are flattened before.
const TIME: [&str; 32] = [
    "timestamp",
    "@timestamp",
    "time",
    "ts",
    "t",
    "t.$date",
    "datetime",
    "date",
    "asctime",
    "eventTime",
    "event_time",
    "@t",
    "Timestamp",
    "Time",
    "timeStamp",
    "timestamp_ms",
    "time_local",
    "time_iso8601",
    "log_time",
    "logtime",
    "timeUnixNano",
    "observedTimeUnixNano",
    "requestReceivedTimestamp",
    "created",
    "created_at",
    "started_at",
    "start_time",
    "EdgeStartTimestamp",
    "startTime",
    "published",
    "__REALTIME_TIMESTAMP",
    "_SOURCE_REALTIME_TIMESTAMP",
];
const LEVEL: [&str; 27] = [
    "level",
    "log.level",
    "severity",
    "lvl",
    "levelname",
    "level_name",
    "loglevel",
    "log_level",
    "logLevel",
    "severity_text",
    "severityText",
    "severity_number",
    "severityNumber",
    "SeverityText",
    "SeverityNumber",
    "PRIORITY",
    "@level",
    "@l",
    "Level",
    "LEVEL",
    "Severity",
    "s",
    "level.name",
    "@fields.lvl",
    "@fields.level",
    "fields.level",
    "syslog.severity",
];
const MESSAGE: [&str; 18] = [
    "message",
    "msg",
    "MESSAGE",
    "short_message",
    "body",
    "@message",
    "@m",
    "Message",
    "Msg",
    "fields.message",
    "@fields.msg",
    "@fields.message",
    "body.stringValue",
    "RenderedMessage",
    "log",
    "text",
    "event",
    "event_name",
];
const LOGGER: [&str; 14] = [
    "logger",
    "log.logger",
    "logger_name",
    "loggerName",
    "target",
    "@module",
    "SYSLOG_IDENTIFIER",
    "SourceContext",
    "scope.name",
    "channel",
    "module",
    "component",
    "name",
    "c",
];
const TRACE_ID: [&str; 6] =
    ["trace_id", "trace.id", "traceId", "traceID", "TraceId", "dd.trace_id"];
const SPAN_ID: [&str; 6] = ["span_id", "span.id", "spanId", "spanID", "SpanId", "dd.span_id"];
/// Log4j's time in two parts, and keys that tell whose line it is.
const OTHERS: [&str; 5] =
    ["instant.epochSecond", "instant.nanoOfSecond", "hostname", "pid", "stream"];

const ALL: [&[&str]; 7] = [&TIME, &LEVEL, &MESSAGE, &LOGGER, &TRACE_ID, &SPAN_ID, &OTHERS];
const COUNT: usize = {
    let (mut count, mut group) = (0, 0);
    while group < ALL.len() {
        count += ALL[group].len();
        group += 1;
    }
    count
};
const NAMES: [&str; COUNT] = {
    let mut names = [""; COUNT];
    let (mut at, mut group) = (0, 0);
    while group < ALL.len() {
        let mut rank = 0;
        while rank < ALL[group].len() {
            names[at] = ALL[group][rank];
            at += 1;
            rank += 1;
        }
        group += 1;
    }
    names
};
/// Length of the longest.
const LONGEST: usize = {
    let (mut longest, mut at) = (0, 0);
    while at < COUNT {
        if NAMES[at].len() > longest {
            longest = NAMES[at].len();
        }
        at += 1;
    }
    longest
};

/// A key's number in the list of all; within a role the lower one is the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Code(u8);

impl Code {
    /// Of a key that means nothing.
    pub(super) const NONE: Code = Code(COUNT as u8);
    pub(super) const TIMESTAMP: Code = Code::named("timestamp");
    pub(super) const MONGODB_TIME: Code = Code::named("t.$date");
    pub(super) const LEVEL: Code = Code::named("level");
    pub(super) const SEVERITY: Code = Code::named("severity");
    pub(super) const MONGODB_LEVEL: Code = Code::named("s");
    /// Keys whose numbers are syslog's.
    pub(super) const SYSLOG_LEVELS: [Code; 2] =
        [Code::named("PRIORITY"), Code::named("syslog.severity")];
    /// Keys whose numbers are OpenTelemetry's.
    pub(super) const OTEL_LEVELS: [Code; 3] = [
        Code::named("severity_number"),
        Code::named("severityNumber"),
        Code::named("SeverityNumber"),
    ];
    pub(super) const MESSAGE: Code = Code::named("message");
    pub(super) const GELF_MESSAGE: Code = Code::named("short_message");
    pub(super) const LOGGER: Code = Code::named("logger");
    pub(super) const NAME: Code = Code::named("name");
    pub(super) const MONGODB_LOGGER: Code = Code::named("c");
    pub(super) const TRACE_ID: Code = Code::named("trace_id");
    pub(super) const SPAN_ID: Code = Code::named("span_id");
    pub(super) const EPOCH_SECOND: Code = Code::named("instant.epochSecond");
    pub(super) const NANO_OF_SECOND: Code = Code::named("instant.nanoOfSecond");
    pub(super) const HOSTNAME: Code = Code::named("hostname");
    pub(super) const PID: Code = Code::named("pid");
    pub(super) const STREAM: Code = Code::named("stream");

    const fn named(name: &str) -> Code {
        let mut code = 0;
        while code < COUNT {
            if is(NAMES[code].as_bytes(), name.as_bytes()) {
                return Code(code as u8);
            }
            code += 1;
        }
        panic!("not in the list")
    }

    /// Of any key.
    #[inline]
    pub(super) fn of(key: &[u8]) -> Code {
        if key.is_empty() || key.len() > LONGEST {
            return Code::NONE;
        }
        let mut slot = slot(key);
        loop {
            match TABLE[slot] {
                0 => return Code::NONE,
                code if NAMES[usize::from(code) - 1].as_bytes() == key => return Code(code - 1),
                _ => slot = (slot + 1) % SLOTS,
            }
        }
    }
}

/// The codes of one role.
#[derive(Clone, Copy, Debug)]
pub(super) struct Role {
    from: u8,
    to: u8,
}

impl Role {
    pub(super) const TIME: Role = Role::group(0);
    pub(super) const LEVEL: Role = Role::group(1);
    pub(super) const MESSAGE: Role = Role::group(2);
    pub(super) const LOGGER: Role = Role::group(3);
    pub(super) const TRACE_ID: Role = Role::group(4);
    pub(super) const SPAN_ID: Role = Role::group(5);

    const fn group(group: usize) -> Role {
        let (mut from, mut before) = (0, 0);
        while before < group {
            from += ALL[before].len();
            before += 1;
        }
        Role { from: from as u8, to: (from + ALL[group].len()) as u8 }
    }

    /// The code that goes before all others of the role.
    pub(super) fn best(self) -> Code {
        Code(self.from)
    }

    #[inline]
    pub(super) fn has(self, code: Code) -> bool {
        (self.from..self.to).contains(&code.0)
    }
}

/// Which codes there are in a line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Codes(u128);

const _: () = assert!(COUNT < 128);

impl Codes {
    #[inline]
    pub(super) fn insert(&mut self, code: Code) {
        if code != Code::NONE {
            self.0 |= 1 << code.0;
        }
    }

    pub(super) fn contains(self, code: Code) -> bool {
        self.0 >> code.0 & 1 == 1
    }

    pub(super) fn any(self, role: Role) -> bool {
        self.0 >> role.from & ((1 << (role.to - role.from)) - 1) != 0
    }
}

/// A hash table with open addressing: 1 more than a code, or 0.
const SLOTS: usize = 512;
const TABLE: [u8; SLOTS] = {
    let mut table = [0; SLOTS];
    let mut code = 0;
    while code < COUNT {
        let mut slot = slot(NAMES[code].as_bytes());
        while table[slot] != 0 {
            slot = (slot + 1) % SLOTS;
        }
        table[slot] = code as u8 + 1;
        code += 1;
    }
    table
};

/// `key` is not empty.
#[inline]
const fn slot(key: &[u8]) -> usize {
    let (first, middle, last) = (key[0], key[key.len() / 2], key[key.len() - 1]);
    let bytes = u32::from_le_bytes([first, middle, last, key.len() as u8]);
    (bytes.wrapping_mul(0x9E37_79B1) >> 23) as usize
}

const fn is(name: &[u8], key: &[u8]) -> bool {
    if name.len() != key.len() {
        return false;
    }
    let mut at = 0;
    while at < name.len() {
        if name[at] != key[at] {
            return false;
        }
        at += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_its_own_code_and_role() {
        for (code, name) in NAMES.iter().enumerate() {
            assert_eq!(Code::of(name.as_bytes()), Code(code as u8), "{name}");
        }
        let check = |key: &str, expect: Code| assert_eq!(Code::of(key.as_bytes()), expect, "{key}");
        for key in ["", "x", "timestam", "timestampp", "duration_ms", "Level ", &"t".repeat(300)] {
            check(key, Code::NONE);
        }
        let roles = [
            (Role::TIME, &TIME[..]),
            (Role::LEVEL, &LEVEL),
            (Role::MESSAGE, &MESSAGE),
            (Role::LOGGER, &LOGGER),
            (Role::TRACE_ID, &TRACE_ID),
            (Role::SPAN_ID, &SPAN_ID),
        ];
        for (index, (role, names)) in roles.iter().enumerate() {
            for name in *names {
                let mut codes = Codes::default();
                codes.insert(Code::of(name.as_bytes()));
                assert!(codes.contains(Code::of(name.as_bytes())));
                for (other, (any, _)) in roles.iter().enumerate() {
                    assert_eq!(codes.any(*any), other == index, "{name}");
                    assert_eq!(any.has(Code::of(name.as_bytes())), other == index, "{name}");
                }
            }
            assert!(!role.has(Code::NONE) && !role.has(Code::STREAM));
        }
    }

    #[test]
    fn the_look_up_is_short() {
        for (code, name) in NAMES.iter().enumerate() {
            let found = TABLE.iter().position(|&entry| usize::from(entry) == code + 1).unwrap();
            let steps = (found + SLOTS - slot(name.as_bytes())) % SLOTS;
            assert!(steps < 8, "{name}: {steps}");
        }
    }
}
