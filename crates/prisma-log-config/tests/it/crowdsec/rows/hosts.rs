//! Logins, kernel, firewalls, tunnels and mail.

use super::{Row, row};

const SSH: &str = "ssh_failed-auth";
const MAIL: &str = "sub_type=auth_fail service=mail";

pub(super) const ROWS: &[Row] = &[
    row(
        "ssh",
        SSH,
        "service=ssh",
        r"pam_\w+\(sshd:auth\): authentication failure; .*rhost={ip}(?:\s+user=(?<user>\S+))?",
    ),
    row("ssh", SSH, "service=ssh", r"[Ii]nvalid user\s*(?<user>\S+)? from {ip}"),
    row(
        "ssh",
        SSH,
        "service=ssh",
        r"banner exchange: Connection from {ip} port \d+: invalid format",
    ),
    row("ssh", SSH, "service=ssh", r"Failed \S+ for (?:invalid user )?(?<user>\S*) from {ip}"),
    row(
        "ssh",
        SSH,
        "service=ssh",
        r"^(?:Connection (?:closed|reset) by|Disconnected from) (?:authenticating|invalid) user (?<user>\S*) {ip} port \d+ \[preauth\]",
    ),
    row(
        "ssh",
        SSH,
        "service=ssh",
        r"Magic value check failed \(\d+\) on obfuscated handshake from {ip} port \d+",
    ),
    row("ssh", SSH, "service=ssh", r"User (?<user>\S+) from {ip} not allowed because"),
    row("ssh", "ssh_refused_conn", "service=ssh", r"refused connect from \S+ \({ip}\)"),
    row(
        "dropbear",
        SSH,
        "service=ssh",
        r"Bad (?:PAM )?password attempt for '(?<user>[^']*)' from {ip}",
    ),
    row("dropbear", SSH, "service=ssh", r"Login attempt for nonexistent user from {ip}"),
    row("cowrie", "telnet_new_session", "service=telnet", r"New connection: {ip}:\d+ "),
    row(
        "pkexec",
        "CVE-2021-4034-xpl",
        "",
        r"^(?<user>[^:]+): The value for the SHELL variable was not found the /etc/shells file",
    ),
    row("lfd", "lfd", "program=lfd", r" from {ip} "),
    // Kernel and firewalls.
    row("", "iptables_accept", "", r"\b(?:ACCEPT|ALLOW|AUDIT)\b.*\bIN=\S* .*SRC={ip} DST="),
    row(
        "",
        "iptables_drop",
        "",
        r"(?:^|\s)IN=\S* .*SRC={ip} DST=(?<dst_ip>\S+) .*PROTO=(?<service>\w+)(?: SPT=(?<src_port>\d+) DPT=(?<dst_port>\d+))?",
    ),
    row(
        "",
        "wireguard_failed_auth",
        "",
        r"wireguard: \w+: Invalid handshake initiation from {ip}:\d+",
    ),
    row(
        "",
        "wireguard_failed_auth",
        "",
        r"wireguard: \w+: Packet has unallowed src IP \(\S+\) from peer \d+ \({ip}:\d+\)",
    ),
    row(
        "filterlog",
        "pf_drop",
        "",
        r"^(?:[^,]*,){6}block,in,4,(?:[^,]*,){7}(?<service>\w+),\d+,{ip},(?<dst_ip>[^,]+)(?:,(?<src_port>\d+),(?<dst_port>\d+))?",
    ),
    row(
        "filterlog",
        "pf_drop",
        "",
        r"^(?:[^,]*,){6}block,in,6,(?:[^,]*,){3}(?<service>\w+),(?:[^,]*,){2}{ip},(?<dst_ip>[^,]+)(?:,(?<src_port>\d+),(?<dst_port>\d+))?",
    ),
    row(
        "",
        "pfsense-gui-failed-auth",
        "",
        r"webConfigurator authentication error for user '(?<user>[^']*)' from: {ip}",
    ),
    row(
        "audit",
        "execve",
        "",
        r#"type=SYSCALL msg=audit\((?<unix>[\d.]+):\d+\): .*syscall=59 success=yes .* ppid=(?<ppid>\d+) pid=(?<pid>\d+) auid=(?<auid>\d+) .*\beuid=(?<euid>\d+) .*exe="(?<exe>[^"]*)""#,
    ),
    row(
        "audit",
        "anom_abend",
        "",
        r#"type=ANOM_ABEND msg=audit\((?<unix>[\d.]+):\d+\): auid=(?<auid>\d+) .*\bpid=(?<pid>\d+) .*exe="(?<exe>[^"]*)" sig=(?<sig>\d+)"#,
    ),
    row("tcpudp", "traefik_tcpudp", "", r"Handling (?:TCP connection|UDP stream) from {ip}:\d+"),
    // Mail.
    row(
        "postfix",
        "postfix",
        "service=postfix",
        r"NOQUEUE: (?<action>reject): \S+ from [^\[\s]*\[{ip}\]: (?:\d{3} [\d.]+ )?(?:<[^>]*>: )?(?<reason>[^;]*)",
    ),
    row(
        "postfix",
        "postfix",
        "service=postfix log_type_enh=spam-attempt",
        r"(?:warning: [^\[\s]*|lost connection after .* from [^\[\s]*)\[{ip}\]",
    ),
    row("postfix", "postfix", "service=postfix", r"\[{ip}\]"),
    row(
        "dovecot",
        "dovecot_logs",
        "service=dovecot dovecot_login_result=auth_failed",
        r"(?:\(auth failed.*user=<(?<user>[^>]*)>.* rip=|pam\((?<user2>[^,]*),){ip}",
    ),
    row(
        "exim",
        "exim_failed_auth",
        "service=exim",
        r"authenticator failed for .*\[{ip}\].*(?:set_id=(?<user>[^)\s]+))",
    ),
    row(
        "exim",
        "exim_failed_auth",
        "service=exim",
        r"\[{ip}\].* F=<(?<user>[^>]*)> rejected RCPT .*: No Such User Here",
    ),
    row("exim", "spam-attempt", "service=exim", r"H=.*\[{ip}\].*(?:rejected|sender verify fail)"),
    row(
        "mailscanner",
        "mailscanner_blacklist",
        "",
        r"from {ip} .* is spam \((?<spam_reason>blacklisted)\)",
    ),
    row(
        "mailscanner",
        "mailscanner_spam",
        "",
        r"from {ip} .* is spam, .*score=(?<spam_score>[\d.]+)",
    ),
    row(
        "nginx",
        "mail_auth",
        MAIL,
        r#"client login failed: .*client: {ip}, server: [^,]*, login: "(?<user>[^"]*)""#,
    ),
    row("amavis", "amavis_blocked", "", r"Blocked (?<reason>\w+) .*\[{ip}\]"),
];
