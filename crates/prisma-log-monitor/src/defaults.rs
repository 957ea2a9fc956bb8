//! The rules that come with the monitor, as a table.
//!
//! `config/alerts.yaml` says the same in YAML; a test compares the two. Patterns are matched
//! anywhere in the message, whatever the case.

use std::time::Duration;

use prisma_log_core::Level;

use crate::{FieldCondition, Rule, RuleBuilder, Severity};

/// The rules that come with the monitor.
///
/// | rule | severity | fires at | groups by |
/// | --- | --- | --- | --- |
/// | `error-burst` | error | 10 records of level ERROR or above in a minute | file |
/// | `critical-record` | critical | 1 record of level CRITICAL | file |
/// | `database-refused` | critical | 3 refused or lost connections in a minute | file |
/// | `database-timeout` | error | 3 timeouts in a minute | file |
/// | `database-deadlock` | error | 1 deadlock | file |
/// | `database-pool-exhausted` | error | 1 exhausted pool or connection limit | file |
/// | `out-of-memory` | critical | 1 process killed for memory, or out of it | file |
/// | `allocation-failure` | error | 1 failed allocation | file |
/// | `memory-leak` | warning | 1 report of a leak | file |
/// | `disk-full` | critical | 1 full disk or quota | file |
/// | `authentication-failures` | warning | 5 failures in a minute | address |
/// | `http-authentication-failures` | warning | 10 answers 401 in a minute | client address |
/// | `crash` | critical | 1 panic, uncaught exception or fatal signal | file |
/// | `timeouts` | warning | 5 timeouts of any kind in a minute | file |
///
/// Files are told apart because each has its own time: old and new logs may be read together.
/// Every alert is resolved after five quiet minutes.
///
/// Rules on messages pass over lines that state the level INFO, DEBUG or TRACE; a line without a
/// level counts. `out-of-memory`, `crash` and `authentication-failures` take any level, because
/// the kernel, sshd and what systemd forwards say such things at INFO.
pub fn default_rules() -> Vec<Rule> {
    TABLE.iter().filter_map(|row| row.builder().build().ok()).collect()
}

struct Row {
    name: &'static str,
    description: &'static str,
    severity: Severity,
    what: What,
    /// Matches within a minute.
    count: u32,
    group_by: &'static [&'static str],
    except: Option<&'static str>,
}

enum What {
    Level(Level),
    Message(&'static str),
    /// A message, unless the line states a level below WARNING.
    Trouble(&'static str),
    Status(&'static str),
}

const BELOW_WARNING: [Level; 3] = [Level::Info, Level::Debug, Level::Trace];

const TABLE: &[Row] = &[
    Row {
        name: "error-burst",
        description: "Many records of level ERROR or above within a minute.",
        severity: Severity::Error,
        what: What::Level(Level::Error),
        count: 10,
        group_by: &["source"],
        except: None,
    },
    Row {
        name: "critical-record",
        description: "A record of level CRITICAL.",
        severity: Severity::Critical,
        what: What::Level(Level::Critical),
        count: 1,
        group_by: &["source"],
        except: None,
    },
    Row {
        name: "database-refused",
        description: "A database can't be reached: connections are refused or lost.",
        severity: Severity::Critical,
        what: What::Trouble(concat!(
            r"(?i)(?:postgres|mysql|mariadb|redis|mongo|database|sqlstate|jdbc).*(?:connection refused|econnrefused|failed to connect|connection failed|connection lost|connection reset)",
            r"|(?:connection refused|econnrefused|failed to connect|cannot connect|connection lost|connection reset).*(?:postgres|mysql|mariadb|redis|mongo|database|sqlstate|jdbc|:5432|:3306|:6379|:27017)",
            r"|connection to server at .* failed: ",
            r"|could not connect to (?:server|redis|the database)",
            r"|the database system is (?:starting up|shutting down)",
            r"|can't connect to (?:local )?(?:mysql|mariadb|server)",
            r"|(?:mysql|mariadb) server has gone away",
            r"|lost connection to (?:mysql|mariadb|server|backend)",
            r"|server closed the connection unexpectedly",
            r"|mongonetworkerror|no primary server available|notwritableprimary",
            r"|redis is loading the dataset|masterdown link with master is down",
        )),
        count: 3,
        group_by: &["source"],
        except: None,
    },
    Row {
        name: "database-timeout",
        description: "A database does not answer in time.",
        severity: Severity::Error,
        what: What::Trouble(concat!(
            r"(?i)(?:postgres|mysql|mariadb|redis|mongo|database|sql|query|statement|jdbc).*(?:timed out|timeout (?:exceeded|expired|after)|etimedout)",
            r"|(?:timed out|etimedout).*(?:postgres|mysql|mariadb|redis|mongo|database|:5432|:3306|:6379|:27017)",
            r"|canceling statement due to (?:statement|lock) timeout",
            r"|terminating connection due to (?:idle|transaction)",
            r"|lock wait timeout exceeded",
            r"|maximum statement execution time exceeded",
            r"|redistimeoutexception|serverselectiontimeout|server selection timed out|maxtimemsexpired",
        )),
        count: 3,
        group_by: &["source"],
        except: None,
    },
    Row {
        name: "database-deadlock",
        description: "A database gave up a transaction because of a deadlock.",
        severity: Severity::Error,
        what: What::Trouble(concat!(
            r"(?i)deadlock (?:detected|found|victim)",
            r"|deadlocked on (?:lock|.* resources)",
            r"|transaction .*deadlock|deadlock.* transaction",
            r"|could not serialize access due to",
            r"|(?:mongo.*|transaction.*)writeconflict|writeconflict error",
            r"|database is locked|ora-00060",
        )),
        count: 1,
        group_by: &["source"],
        except: Some(r"(?i)\bno deadlocks?\b|deadlock detect(?:ion|or)"),
    },
    Row {
        name: "database-pool-exhausted",
        description: "No database connection is left: the pool or the server's limit is exhausted.",
        severity: Severity::Error,
        what: What::Trouble(concat!(
            r"(?i)pool (?:is |was )?(?:exhausted|depleted)|pool exhaust|exhausted (?:the )?(?:connection )?pool",
            r"|pool timed out while waiting|pooltimedout|timeout waiting for (?:a )?connection from (?:the )?pool",
            r"|queuepool limit of size|hikaripool.*connection is not available",
            r"|prior to obtaining a connection from the pool|timeout acquiring a connection",
            r"|too many (?:clients already|connections)|remaining connection slots are reserved",
            r"|max number of clients reached|(?:exceeded the|more than) 'max_user_connections'|waitqueuefull|waitqueuetimeout",
        )),
        count: 1,
        group_by: &["source"],
        except: Some(r"(?i)exhaust\w*(?:[ _]\w+)?\s*[=:]\s*0\b"),
    },
    Row {
        name: "out-of-memory",
        description: "A process was killed for memory, or has none left.",
        severity: Severity::Critical,
        what: What::Message(concat!(
            r"(?i)out of memory(?: error| exception)?(?:\s*$|[:.;,!)\]]| \(| (?:while|at|in|on|during|when|allocating|trying))|heap out of memory|\boutofmemory(?:error|exception)",
            r"|invoked oom[- ]killer|killed by (?:the )?oom[- ]?killer|\boom[- ]killer:? (?:killed|terminated)|\boom[- ]?killed\b|\boom-kill:|result 'oom-kill'|systemd-oomd killed",
            r"|gc overhead limit exceeded|: java heap space$|allowed memory size of \d+ bytes exhausted",
            r"|oom command not allowed",
        )),
        count: 1,
        group_by: &["source"],
        except: None,
    },
    Row {
        name: "allocation-failure",
        description: "Memory could not be allocated.",
        severity: Severity::Error,
        what: What::Trouble(concat!(
            r"(?i)memory allocation of \d+ bytes failed|(?:page )?allocation failure|failed to allocate (?:memory|\d+)",
            r"|(?:cannot|can't|could not|unable to) allocate (?:memory|\d+|region)",
            r"|bad_alloc|malloc(?:\(\))? ?(?:failed|returned null)|enomem|memoryerror",
        )),
        count: 1,
        group_by: &["source"],
        except: None,
    },
    Row {
        name: "memory-leak",
        description: "Something reports a memory leak.",
        severity: Severity::Warning,
        what: What::Trouble(concat!(
            r"(?i)(?:possible|potential|suspected|detected) (?:\S+ )?memory leak",
            r"|memory leaks? (?:detected|suspected|found)|create a memory leak",
            r"|detected memory leaks|leaksanitizer:|leak: \S+\.release\(\) was not called",
            r"|definitely lost: [1-9]",
        )),
        count: 1,
        group_by: &["source"],
        except: Some(r"(?i)\b(?:no|0) (?:\S+ )?(?:memory )?leaks?\b"),
    },
    Row {
        name: "disk-full",
        description: "A disk, file system or quota is full.",
        severity: Severity::Critical,
        what: What::Trouble(concat!(
            r"(?i)no space left on device|enospc|not enough (?:disk )?space|insufficient disk space",
            r"|(?:disk|filesystem|file system|volume|partition) (?:\S+ )?(?:is (?:100 ?% )?full(?:$|[^\w-])|(?:is )?out of space)|\bdisk full(?:\s*$|[.:;,!)\]])|low on disk space|low disk space",
            r"|disk quota exceeded|edquot|flood.stage.*watermark.*exceeded",
        )),
        count: 1,
        group_by: &["source"],
        except: None,
    },
    Row {
        name: "authentication-failures",
        description: "Many failed logins from one address within a minute.",
        severity: Severity::Warning,
        what: What::Message(concat!(
            r"(?i)(?:\[client (?<client>[0-9a-f.:]+?)(?::\d+)?\].*)?",
            r"(?:failed (?:password|login|publickey|keyboard-interactive)|(?:invalid|illegal) user|authentication (?:failed|failure|error)|auth(?:entication)? fail|password authentication failed",
            r"|login (?:attempt )?(?:failed|failure|incorrect)|logon failure|access denied for user|password mismatch|(?:invalid|bad|incorrect|wrong) (?:credentials|username or password|password)",
            r"|maximum authentication attempts exceeded|too many authentication failures|user .* was not found in|wrongpass)",
            r"(?:.*?(?:from|rhost|client|rip|ip|addr|address|host|@)[\s=:'\x22\[(]{1,3}(?<address>\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}|[a-z0-9-]+(?:\.[a-z0-9-]+)+))?",
        )),
        count: 5,
        group_by: &["address", "client", "client.address", "source.ip"],
        except: None,
    },
    Row {
        name: "http-authentication-failures",
        description: "Many requests from one address that were answered 401 within a minute.",
        severity: Severity::Warning,
        what: What::Status("401"),
        count: 10,
        group_by: &["client.address"],
        except: None,
    },
    Row {
        name: "crash",
        description: "A program panicked, died of an uncaught exception or of a fatal signal.",
        severity: Severity::Critical,
        what: What::Message(concat!(
            r"(?i)thread '.*' (?:\(\d+\) )?panicked at|^traceback \(most recent call last\)|exception in thread \x22",
            r"|^panic: |panic: runtime error|fatal error: all goroutines are asleep|goroutine \d+ \[running\]|kernel panic(?: - |:)",
            r"|uncaught (?:\S*error|\S*exception)(?:\s*$|[:.!]| (?:in|at|of|from|occurred|thrown|')|\s*\()|uncaught signal: \d|unhandled (?:\S+ )?(?:exception|rejection)(?:\s*$|[:.!]| (?:in|at|of|from|occurred|thrown|while)\b|\s*\()|unhandledpromiserejection",
            r"|terminate called after throwing|terminate called without an active exception",
            r"|segfault at [0-9a-f]|segmentation fault(?:\s*$|[.:;,!]|\s*\()|\(core dumped\)|stack smashing detected|double free or corruption",
            r"|\[signal sig(?:segv|abrt|bus|ill)|sig(?:segv|abrt|bus|ill)(?:: segmentation| \(0x[0-9a-f]+\) at| received)|(?:received|caught|got|killed by|terminated (?:by|with)|died (?:of|from|with|by)|crashed with|exited (?:on|with)|signal[:=]) ?(?:a )?(?:fatal )?(?:signal )?(?:\d+ )?\(?sig(?:segv|abrt|bus|ill)|terminated by signal (?:[46789]|11)\b",
            r"|has overflowed its stack|(?:error|fatal|exception): (?:\S+ )?stack overflow|stackoverflow(?:error|exception)\b|a fatal error has been detected by the java runtime|stopped because it panicked",
        )),
        count: 1,
        group_by: &["source"],
        except: None,
    },
    Row {
        name: "timeouts",
        description: "Many timeouts of any kind within a minute.",
        severity: Severity::Warning,
        what: What::Trouble(concat!(
            r"(?i)timed[ -]?out(?:\s*$|\s*[^\s=:\w]|\s+\w|: *[^\s\d]|: *\d+(?:\.\d+){3})|etimedout|deadline (?:has )?(?:exceeded|elapsed|expired)|gateway time-?out",
            r"|timeout (?:exceeded|expired|error|reached|occurred|while|waiting|after)|timeouterror|timeoutexception",
            r"|(?:i/o|read|write|connect|connection|request|response|socket|upstream|handshake|lock wait|statement|query) timeout(?:\s*$|[.,;!)\]]|: *[^\s\d]|: *\d+(?:\.\d+){3}| (?:on|to|from|for|in|at|with|connecting|reading|writing)\b| \()",
        )),
        count: 5,
        group_by: &["source"],
        except: None,
    },
];

impl Row {
    fn builder(&self) -> RuleBuilder {
        let rule = Rule::builder(self.name)
            .description(self.description)
            .severity(self.severity)
            .count(self.count)
            .window(Duration::from_secs(60))
            .group_by(self.group_by.iter().copied());
        let rule = match self.except {
            Some(pattern) => rule.except(pattern),
            None => rule,
        };
        match self.what {
            What::Level(level) => rule.level_at_least(level),
            What::Message(pattern) => rule.message(pattern),
            What::Trouble(pattern) => {
                BELOW_WARNING.iter().fold(rule.message(pattern), |rule, level| {
                    rule.field(FieldCondition::not_equals("level", level.as_str()))
                })
            }
            What::Status(status) => {
                rule.field(FieldCondition::equals("http.response.status_code", status))
            }
        }
    }
}

#[cfg(test)]
mod tests;
