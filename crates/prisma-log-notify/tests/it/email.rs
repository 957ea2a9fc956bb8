//! A mail server that checks the dialogue.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use prisma_log_core::ManualClock;
use prisma_log_monitor::Notifier as _;
use prisma_log_notify::{EmailNotifier, EmailNotifierBuilder, EmailSecurity};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::authority::authority;
use crate::support::{LONG, NOW, message};

/// What a client said, line by line; the text of a mail in one.
type Said = Arc<Mutex<Vec<String>>>;

struct Server {
    port: u16,
    said: Said,
}

impl Server {
    /// Answers commands as SMTP has it, but those that begin with `odd.0`, which get `odd.1`.
    fn new(tls: Option<Arc<ServerConfig>>, odd: (&'static str, &'static str)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let said = Said::default();
        let kept = Arc::clone(&said);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                match &tls {
                    None => talk(stream, odd, &kept),
                    Some(config) => {
                        let connection = ServerConnection::new(Arc::clone(config)).unwrap();
                        talk(StreamOwned::new(connection, stream), odd, &kept);
                    }
                }
            }
        });
        Server { port, said }
    }

    fn notifier(&self) -> EmailNotifierBuilder {
        EmailNotifier::builder("localhost", "Alerts <alerts@example.com>")
            .to("ops@example.com")
            .cc("Boss <boss@example.com>")
            .port(self.port)
            .security(EmailSecurity::None)
            .clock(ManualClock::new(NOW))
            .timeout(LONG)
    }

    fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }
}

/// Talks to one client; whatever it does that SMTP does not allow ends the talk.
fn talk<S: Read + Write>(stream: S, odd: (&str, &str), said: &Said) {
    let mut stream = BufReader::new(stream);
    let answer =
        |stream: &mut BufReader<S>, text: &str| write_all(stream.get_mut(), &format!("{text}\r\n"));
    if !answer(&mut stream, "220 mail.example.com ready") {
        return;
    }
    let mut recipients = 0;
    loop {
        let mut line = String::new();
        if !stream.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
            return;
        }
        let line = line.trim_end().to_owned();
        said.lock().unwrap().push(line.clone());
        let verb = line.split(' ').next().unwrap_or_default().to_owned();
        let text = match &*verb {
            _ if !odd.0.is_empty() && line.starts_with(odd.0) => odd.1,
            "EHLO" => "250-mail.example.com\r\n250-8BITMIME\r\n250 AUTH PLAIN",
            "AUTH" => "235 welcome",
            "MAIL" => "250 ok",
            "RCPT" => {
                recipients += 1;
                "250 ok"
            }
            "DATA" if recipients == 0 => "503 no recipients",
            "DATA" => {
                answer(&mut stream, "354 go on");
                let mut mail = String::new();
                while !mail.ends_with("\r\n.\r\n") {
                    if !stream.read_line(&mut mail).is_ok_and(|bytes| bytes > 0) {
                        return;
                    }
                }
                said.lock().unwrap().push(mail);
                "250 taken"
            }
            "QUIT" => "221 bye",
            _ => "500 what?",
        };
        if !answer(&mut stream, text) || verb == "QUIT" {
            return;
        }
    }
}

fn write_all(stream: &mut impl Write, text: &str) -> bool {
    stream.write_all(text.as_bytes()).and_then(|()| stream.flush()).is_ok()
}

#[test]
fn a_mail_is_sent_by_the_rules() {
    let server = Server::new(None, ("", ""));
    let mut notifier = server
        .notifier()
        .credentials("me", "pass-1234")
        .hello_name("web1.example.com")
        .html(true)
        .build()
        .unwrap();
    assert!(!format!("{notifier:?}").contains("1234"));
    let mut sent = message(7);
    sent.news[0].alert.samples = vec![".".into(), "a\r\n.\r\nMAIL FROM:<evil@example.com>".into()];
    notifier.notify(&sent).unwrap();
    let said = server.said();
    let commands: Vec<&str> = said.iter().map(|line| line.split('\r').next().unwrap()).collect();
    assert_eq!(commands[0], "EHLO web1.example.com");
    // The base64 of "\0me\0pass-1234".
    assert_eq!(commands[1], "AUTH PLAIN AG1lAHBhc3MtMTIzNA==");
    assert!(commands[2].starts_with("MAIL FROM:<alerts@example.com>"), "{commands:?}");
    assert_eq!(commands[3..6], ["RCPT TO:<ops@example.com>", "RCPT TO:<boss@example.com>", "DATA"]);
    let mail = &said[6];
    for line in [
        "From: Alerts <alerts@example.com>",
        "To: ops@example.com",
        "Cc: Boss <boss@example.com>",
        "Subject: [FIRING:1] CRITICAL disk-full [host=web1]",
        "Date: Tue, 24 Nov 2026 08:00:00 +0000",
        "Auto-Submitted: auto-generated",
    ] {
        assert!(mail.split("\r\n").any(|known| known == line), "{line}: {mail}");
    }
    assert!(mail.contains("multipart/alternative") && mail.contains("text/html"), "{mail}");
    assert_eq!(said.iter().filter(|line| line.starts_with("MAIL")).count(), 1, "{said:?}");
}

#[test]
fn answers_become_errors() {
    let check = |command: &'static str, text: &'static str, is_temporary: bool, shown: &str| {
        let server = Server::new(None, (command, text));
        let mut notifier = server.notifier().credentials("me", "pass-1234").build().unwrap();
        let error = notifier.notify(&message(1)).unwrap_err();
        let text = error.to_string();
        assert_eq!(error.is_temporary, is_temporary, "{text}");
        assert!(text.contains(shown) && !text.contains("1234") && text.len() < 400, "{text}");
        assert!(!server.said().iter().any(|line| line.contains("Subject")), "the mail was sent");
    };
    check("EHLO", "421 later", true, "later");
    check("MAIL", "451 busy", true, "busy");
    check("MAIL", "550 not you", false, "not you");
    check("RCPT", "550 nobody here", false, "nobody here");
    check("DATA", "452 full", true, "full");
    check("AUTH", "535 wrong pass-1234", true, "wrong *** (are the name and the password right?)");
}

#[test]
fn tls_is_not_optional() {
    let folder = tempfile::tempdir().unwrap();
    let (trusted, config) = authority(&folder, "trusted");
    let (other, _) = authority(&folder, "other");
    let server = Server::new(Some(config), ("", ""));
    let tls = || server.notifier().security(EmailSecurity::Tls);
    tls().ca_file(&trusted).build().unwrap().notify(&message(1)).unwrap();
    let said = server.said().len();
    let error = tls().ca_file(&other).build().unwrap().notify(&message(1)).unwrap_err();
    assert!(error.is_temporary, "{error}");
    assert_eq!(server.said().len(), said, "a server that is not verified was told something");

    // A server without STARTTLS gets nothing but a greeting.
    let plain = Server::new(None, ("", ""));
    let builder = plain.notifier().security(EmailSecurity::StartTls).ca_file(&trusted);
    let error = builder.build().unwrap().notify(&message(1)).unwrap_err();
    assert!(error.is_temporary, "{error}");
    let said = plain.said();
    assert!(!said.iter().any(|line| line.starts_with("MAIL")), "{said:?}");
}

#[test]
fn settings_are_checked() {
    let check = |builder: EmailNotifierBuilder, shown: &str| {
        let error = builder.build().unwrap_err();
        assert!(error.is_config() && error.to_string().contains(shown), "{error}");
    };
    let mail = || EmailNotifier::builder("mail.example.com", "a@example.com");
    check(mail(), "0 recipients");
    check(mail().to("nobody"), "\"nobody\" is no mailbox");
    check(mail().to("a@b.c\r\nBcc: x@y.z"), "is no mailbox");
    check(EmailNotifier::builder("a b", "a@example.com").to("b@c.d"), "invalid mail server");
    let plain = || mail().to("b@c.d").security(EmailSecurity::None);
    check(plain().credentials("a", "b"), "a password would go to the mail server unencrypted");
    check(mail().to("b@c.d").hello_name("x\r\ny"), "invalid name for EHLO");
    assert!(mail().to("b@c.d").ca_file("/no/such.pem").build().unwrap_err().is_io());
}
