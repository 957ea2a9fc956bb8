//! CrowdSec's scenarios as rules of ours.
//!
//! `leakspeed` and `capacity` are `leaky_bucket`, `type: trigger` is a rule without a threshold,
//! `blackhole` is `cooldown`, `groupby` and `distinct` are what they say. What CrowdSec's parsers
//! call `evt.Meta.source_ip`, `http_path`, `verb` … are named groups of our patterns here.

use std::time::Duration;

use prisma_log_monitor::{FieldCondition, Rule, RuleBuilder};

/// A line of an access log, whether it stands alone or in a syslog line: client, verb, request as
/// it was sent, status, agent. Clients that don't speak HTTP have a request without a verb.
const ACCESS: &str = concat!(
    r#"(?:^|\s)(?<client>[0-9A-Fa-f.:]+) \S+ \S+ \[[^\]]+\] "#,
    r#""(?:(?<verb>[A-Z]+) )?(?<request>(?:[^"\\]|\\.)*?)(?: HTTP/[0-9.]+)?" (?<status>\d{3}) \S+"#,
    r#"(?: "[^"]*" "(?<agent>[^"]*)")?"#,
);

const MINUTE: Duration = Duration::from_secs(60);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn http(name: &str) -> RuleBuilder {
    Rule::builder(name).line(ACCESS).group_by(["client"])
}

/// A trigger on what is asked for, with CrowdSec's blackhole of two minutes.
fn request(name: &str, pattern: &str) -> RuleBuilder {
    http(name).field(FieldCondition::matches("request", pattern)).cooldown(2 * MINUTE)
}

/// A pattern for `text` in any case, each of its characters plain or percent-encoded.
fn unescaped(text: &str) -> String {
    let one = |c: char| {
        let plain =
            if c.is_alphanumeric() { c.to_string() } else { format!("\\x{:02x}", c as u32) };
        let (upper, lower) = (c.to_ascii_uppercase() as u32, c.to_ascii_lowercase() as u32);
        format!("(?:{plain}|%{upper:02x}|%{lower:02x})")
    };
    format!("(?i)^{}", text.chars().map(one).collect::<String>())
}

fn is(key: &str, value: &str) -> FieldCondition {
    FieldCondition::equals(key, value)
}

fn matches(key: &str, pattern: &str) -> FieldCondition {
    FieldCondition::matches(key, pattern)
}

/// The rule for a scenario; `None` for one that is not a simple threshold.
pub(super) fn rule(scenario: &str) -> Option<Rule> {
    let builder = by_pattern(scenario).or_else(|| by_list(scenario))?;
    Some(builder.build().unwrap_or_else(|error| panic!("{scenario}: {error}")))
}

/// Scenarios whose definition says everything.
fn by_pattern(scenario: &str) -> Option<RuleBuilder> {
    Some(match scenario {
        "crowdsecurity/CVE-2017-9841" => {
            request("cve-2017-9841", r"(?i)util/php/eval-stdin\.php$").cooldown(MINUTE)
        }
        "crowdsecurity/CVE-2019-18935" => request(
            "cve-2019-18935",
            &unescaped("/Telerik.Web.UI.WebResource.axd?type=rau"),
        ),
        "crowdsecurity/CVE-2022-35914" => {
            request("cve-2022-35914", r"(?i)/vendor/htmlawed/htmlawed/htmLawedTest\.php")
                .cooldown(MINUTE)
        }
        "crowdsecurity/CVE-2023-22518" => {
            request("cve-2023-22518", r"(?i)/json/setup-restore\.action")
                .field(is("verb", "POST"))
                .cooldown(MINUTE)
        }
        "crowdsecurity/http-cve-2021-42013" => request("cve-2021-42013", "/%%32%65%%32%65/"),
        "crowdsecurity/CVE-2023-49103" => request(
            "cve-2023-49103",
            r"(?i)/owncloud/apps/graphapi/vendor/microsoft/microsoft-graph/tests/getphpinfo\.php",
        ),
        "crowdsecurity/CVE-2022-37042" => request(
            "cve-2022-37042",
            r"(?i)/service/extension/backup/mboximport\?account-name=admin&(?:ow=2&no-switch=1&append=1|account-status=1&ow=cmd)",
        )
        .field(matches("status", "^40"))
        .field(is("verb", "POST")),
        "crowdsecurity/f5-big-ip-cve-2020-5902" => request(
            "cve-2020-5902",
            r"(?i)/tmui/login.jsp/(?:..|%2E%2E);/tmui/[^.]+.jsp\?(?:fileName|command|directoryPath|tabId)=",
        ),
        "crowdsecurity/grafana-cve-2021-43798" => {
            request("cve-2021-43798", r"(?i)/public/plugins/[^/]+/(?:../[./]+|%2E%2E/[%2E/]+)/")
        }
        "crowdsecurity/netgear_rce" => {
            request("netgear-rce", &unescaped("/setup.cgi?next_file=netgear.cfg&todo=syscmd&cmd="))
        }
        "crowdsecurity/spring4shell_cve-2022-22965" => {
            request("cve-2022-22965", r"(?i)class\.module\.classloader\.")
        }
        "crowdsecurity/vmware-cve-2022-22954" => request(
            "cve-2022-22954",
            &unescaped(
                "/catalog-portal/ui/oauth/verify?error=&deviceUdid=${\"freemarker.template.utility.Execute\"?new()(",
            ),
        ),
        "crowdsecurity/vmware-vcenter-vmsa-2021-0027" => request(
            "vmsa-2021-0027",
            r"/ui/vcav-bootstrap/rest/vcav-providers/provider-logo\?url=(?:file|http)",
        ),
        "baudneo/zoneminder_cve-2022-39290" => {
            request("cve-2022-39290", "(?i).*action=.*").field(is("verb", "GET"))
        }
        "crowdsecurity/http-open-proxy" => http("http-open-proxy")
            .line(r#""(?:CONNECT |[A-Z]+ https?://)"#)
            .field(matches("status", "^40[05]$"))
            .cooldown(2 * MINUTE),
        "crowdsecurity/http-probing" => http("http-probing")
            .field(matches("status", "^40[034]$"))
            .except(r#"\.(?:jpe?g|png|gif|ico|svg|webp|css|js|woff2?|ttf|eot)(?:\?[^ "]*)? HTTP/"#)
            .distinct("request")
            .leaky_bucket(10, seconds(10))
            .cooldown(5 * MINUTE),
        "crowdsecurity/http-apiscp-bf" => http("http-apiscp-bf")
            .field(matches("request", "^/apps/login"))
            .field(is("verb", "POST"))
            .field(is("status", "200"))
            .leaky_bucket(5, seconds(10))
            .cooldown(5 * MINUTE),
        "crowdsecurity/http-dos-bypass-cache" => http("http-dos-bypass-cache")
            .line(r#" [^ "?]*\?(?<arguments>[0-9]{7,12})(?: HTTP/[0-9.]+)?" "#)
            .distinct("arguments")
            .leaky_bucket(30, seconds(1))
            .cooldown(MINUTE),
        "crowdsecurity/http-dos-swithcing-ua" => http("http-dos-switching-ua")
            .distinct("agent")
            .leaky_bucket(10, seconds(8))
            .cooldown(2 * MINUTE),
        "crowdsecurity/http-wordpress_wpconfig" => http("http-wordpress-wpconfig")
            .line(r#" [^ "?]*/(?<file>[^ "/?]*wp-config\.php[^ "/?]*)(?:\?[^ "]*)? HTTP/"#)
            .distinct("file")
            .leaky_bucket(5, seconds(10))
            .cooldown(5 * MINUTE),
        "crowdsecurity/nginx-req-limit-exceeded" => Rule::builder("nginx-req-limit-exceeded")
            .message("^limiting requests, excess: ")
            .group_by(["client.address"])
            .leaky_bucket(5, seconds(60))
            .cooldown(5 * MINUTE),
        "hitech95/email-generic-bf" => mail("email-generic-bf").leaky_bucket(5, seconds(10)),
        "hitech95/email-user-bf" => {
            mail("email-user-bf").distinct("user").leaky_bucket(3, seconds(30))
        }
        "crowdsecurity/modsecurity" => Rule::builder("modsecurity")
            .line(r#"ModSecurity: .*\[severity "(?:CRITICAL|2)"\]"#)
            .line(r"\[client (?<client>[0-9A-Fa-f.:]+)\] ModSecurity|, client: (?<peer>[0-9A-Fa-f.:]+),")
            .group_by(["client", "peer"])
            .cooldown(2 * MINUTE),
        "crowdsecurity/mysql-bf" | "crowdsecurity/mariadb-bf" => Rule::builder("mysql-bf")
            .message(r"Access denied for user '(?<user>[^']*)'@'(?<client>[^']+)'")
            .group_by(["client"])
            .leaky_bucket(5, seconds(10))
            .cooldown(5 * MINUTE),
        "crowdsecurity/ssh-bf" => ssh("ssh-bf").leaky_bucket(5, seconds(10)),
        "crowdsecurity/ssh-bf_user-enum" => {
            ssh("ssh-bf-user-enum").distinct("user").leaky_bucket(5, seconds(10))
        }
        "crowdsecurity/ssh-refused-conn" => Rule::builder("ssh-refused-conn")
            .logger("sshd")
            .message(r"^refused connect from \S+ \((?<client>[0-9A-Fa-f.:]+)\)")
            .group_by(["client"])
            .cooldown(MINUTE),
        _ => return None,
    })
}

/// Failed logins as the ssh parser of CrowdSec knows them.
fn ssh(name: &str) -> RuleBuilder {
    Rule::builder(name)
        .logger("sshd")
        .message(concat!(
            r"(?:^Failed \S+ for (?:invalid user )?(?<user>\S*) from|^Invalid user (?<invalid>\S*) from",
            r"|^Connection (?:closed|reset) by (?:authenticating|invalid) user \S+|^banner exchange: Connection from",
            r"|^Unable to negotiate with|^Disconnected from (?:authenticating|invalid) user \S+)",
            r" (?<client>[0-9A-Fa-f.:]+) port \d+",
        ))
        .group_by(["client"])
        .cooldown(MINUTE)
}

/// Failed logins through nginx's mail proxy; the client's address is a field of the line.
fn mail(name: &str) -> RuleBuilder {
    Rule::builder(name)
        .message(r#"^client login failed: .*, login: "(?<user>[^"]*)""#)
        .group_by(["client.address"])
        .cooldown(MINUTE)
}

/// Scenarios that look words up in a list that is not part of the data. The words here are written
/// from what the scenario is about; they are not CrowdSec's lists.
fn by_list(scenario: &str) -> Option<RuleBuilder> {
    Some(match scenario {
        "crowdsecurity/http-bad-user-agent" => http("http-bad-user-agent")
            .field(matches("agent", "(?i)nikto|sqlmap|masscan|nmap|dirbuster|gobuster|wpscan|nessus|zgrab|acunetix"))
            .leaky_bucket(1, MINUTE)
            .cooldown(2 * MINUTE),
        "crowdsecurity/http-admin-interface-probing" => http("http-admin-interface-probing")
            .field(matches("status", "^40[34]$"))
            .field(matches("request", r"(?i)phpmyadmin|/administrator|/wp-admin|/adminer|/manager/html|cscoe"))
            .distinct("request")
            .leaky_bucket(2, seconds(10))
            .cooldown(MINUTE),
        "crowdsecurity/http-backdoors-attempts" => http("http-backdoors-attempts")
            .line(r#" [^ "?]*/(?<file>[^ "/?]*(?i:shell|c99|r57|backdoor)[^ "/?]*\.(?:php|asp|jsp))(?:\?[^ "]*)? HTTP/"#)
            .distinct("file")
            .leaky_bucket(1, seconds(5))
            .cooldown(5 * MINUTE),
        "crowdsecurity/http-path-traversal-probing" => http("http-path-traversal-probing")
            .field(matches(
                "request",
                r"(?i)\.\./|\.\.%2f|%2e%2e(?:%2f|/)|%252e%252e|(?:/|%2f)etc(?:/|%2f)|(?:win|boot)\.ini",
            ))
            .distinct("request")
            .leaky_bucket(3, seconds(10))
            .cooldown(2 * MINUTE),
        "crowdsecurity/http-sensitive-files" => http("http-sensitive-files")
            .field(matches(
                "request",
                r"/\.(?:\w+_history|\w+rc|cache|config|cvs|cvsignore|env|forward|git/\w+|ht\w+|ssh/\w+|svn/\w+)$|\.(?:log|db|sql|bak|pem|key)$",
            ))
            .distinct("request")
            .leaky_bucket(4, seconds(5))
            .cooldown(5 * MINUTE),
        "crowdsecurity/http-sqli-probbing-detection" => http("http-sqli-probing")
            .line(r#"\?(?<arguments>[^ "]*)(?: HTTP/[0-9.]+)?" "#)
            .field(matches(
                "arguments",
                r"(?i)information_schema|union(?:%20|\+)(?:all(?:%20|\+))?select|null(?:,|%2c)null|(?:benchmark|load_file|substr|substring|char|chr|distinct|sleep|upper|hex|md5)(?:\(|%28)",
            ))
            .distinct("arguments")
            .leaky_bucket(10, seconds(1))
            .cooldown(5 * MINUTE),
        "crowdsecurity/http-xss-probbing" => http("http-xss-probing")
            .line(r#"\?(?<arguments>[^ "]*)(?: HTTP/[0-9.]+)?" "#)
            .field(matches("arguments", r"(?i)(?:<|%3c)[a-z]|javascript(?::|%3a)|(?:alert|prompt|confirm)(?:\(|%28)"))
            .distinct("arguments")
            .leaky_bucket(5, seconds(1))
            .cooldown(5 * MINUTE),
        "crowdsecurity/jira_cve-2021-26086" => {
            request("cve-2021-26086", r"(?i)/_/;/(?:META|WEB)-INF/")
        }
        "crowdsecurity/thinkphp-cve-2018-20062" => {
            request(
                "cve-2018-20062",
                r"(?i)s=/?index/(?:\\+|\\x5c|%5c)think(?:\\+|\\x5c|%5c)[\w%\\]+/(?:invokefunction|display|input|write)",
            )
        }
        _ => return None,
    })
}
