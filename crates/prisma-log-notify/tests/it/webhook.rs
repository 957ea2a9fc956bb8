//! Requests and answers.

use std::time::Duration;

use prisma_log_core::ManualClock;
use prisma_log_monitor::Notifier as _;
use prisma_log_notify::{
    HttpOptions, SlackNotifier, TeamsNotifier, WebhookNotifier, WebhookNotifierBuilder,
    verify_signature,
};

use crate::receiver::Receiver;
use crate::support::{LONG, NOW, message};

fn builder(receiver: &Receiver) -> WebhookNotifierBuilder {
    WebhookNotifier::builder(&*receiver.url).clock(ManualClock::new(NOW))
}

fn options() -> HttpOptions {
    HttpOptions::new().timeout(LONG).proxy_from_env(false)
}

#[test]
fn a_request_has_body_key_credentials_and_signature() {
    let receiver = Receiver::always("HTTP/1.1 204 No Content\r\n\r\n");
    let secret = "a secret of ours, long";
    let mut notifier = builder(&receiver)
        .http(options().bearer("tok-1234").header("X-Team", "shop"))
        .signing_secret(secret)
        .signing_secret("another secret of ours")
        .build()
        .unwrap();
    notifier.notify(&message(7)).unwrap();
    notifier.notify(&message(7)).unwrap();
    let requests = receiver.requests();
    let first = &requests[0];
    assert_eq!(first.line, "POST /hook/t0ken-in-path HTTP/1.1\r\n");
    assert_eq!(first.body, message(7).to_json());
    assert_eq!(first.headers["content-type"], "application/json");
    assert_eq!(first.headers["authorization"], "Bearer tok-1234");
    assert_eq!(first.headers["x-team"], "shop");
    assert_eq!(first.headers["idempotency-key"], format!("7-{:x}", NOW.unix_nanos()));
    assert_eq!(first.headers["idempotency-key"], requests[1].headers["idempotency-key"]);
    let signature = &first.headers["x-prisma-signature"];
    let minute = Duration::from_secs(60);
    for secret in [secret, "another secret of ours"] {
        verify_signature(&secret.into(), signature, first.body.as_bytes(), NOW, minute).unwrap();
    }
    let forged = first.body.replace("web1", "web2");
    assert!(verify_signature(&secret.into(), signature, forged.as_bytes(), NOW, minute).is_err());
}

#[test]
fn a_template_gives_the_body_its_form() {
    let receiver = Receiver::always("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let template =
        r#"{"summary":"{{title}}","severity":{{severity}},"n":{{count}},"host":{{group.host}}}"#;
    let mut notifier = builder(&receiver).template(template).http(options()).build().unwrap();
    let mut sent = message(1);
    sent.group = [("host", "\"},{\"x\":\"")].into_iter().collect();
    notifier.notify(&sent).unwrap();
    assert_eq!(
        receiver.requests()[0].body,
        r#"{"summary":"[FIRING:1] CRITICAL disk-full [host=web1]","severity":"critical","n":1,"host":"\"},{\"x\":\""}"#
    );
}

#[test]
fn a_body_that_is_too_large_has_fewer_alerts() {
    let receiver = Receiver::always("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let mut notifier = builder(&receiver).max_body_bytes(8 << 10).http(options()).build().unwrap();
    let mut sent = message(1);
    sent.news = vec![sent.news[0].clone(); 100];
    notifier.notify(&sent).unwrap();
    let body: serde_json::Value = serde_json::from_str(&receiver.requests()[0].body).unwrap();
    let shown = body["alerts"].as_array().unwrap().len() as u64;
    assert!(shown > 0 && shown + body["omitted"].as_u64().unwrap() == 100, "{shown}");
    sent.news[0].alert.samples = vec!["x".repeat(9_000)];
    let error = notifier.notify(&sent).unwrap_err();
    assert!(!error.is_temporary && error.to_string().contains("above the limit"), "{error}");
}

#[test]
fn answers_become_errors_without_secrets() {
    let check = |answer: &'static str, is_temporary: bool, wait: Option<u64>, shown: &str| {
        let receiver = Receiver::always(answer);
        let options = options().basic("me", "pass-1234").header("X-Key", "key-1234");
        let mut notifier = builder(&receiver).http(options).build().unwrap();
        let error = notifier.notify(&message(1)).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(shown), "{text}");
        assert_eq!(
            (error.is_temporary, error.retry_after.map(|wait| wait.as_secs())),
            (is_temporary, wait),
            "{text}"
        );
        for text in [text, format!("{notifier:?}"), format!("{error:?}")] {
            for secret in ["1234", "t0ken-in-path", "bWU6cGFzcy0xMjM0"] {
                assert!(!text.contains(secret), "{text}");
            }
        }
    };
    check(
        "HTTP/1.1 503 Busy\r\nretry-after: 12\r\ncontent-length: 0\r\n\r\n",
        true,
        Some(12),
        "503",
    );
    let date = "HTTP/1.1 429 Slow\r\nretry-after: Tue, 24 Nov 2026 08:01:30 GMT\r\ncontent-length: 0\r\n\r\n";
    check(date, true, Some(90), "429");
    check("HTTP/1.1 408 Late\r\ncontent-length: 0\r\n\r\n", true, None, "408");
    check(
        "HTTP/1.1 500 No\r\ncontent-length: 17\r\n\r\nauth bWU6cGFzcy0xMjM0 1",
        true,
        None,
        "500",
    );
    let echo =
        "HTTP/1.1 400 No\r\n\r\nBasic bWU6cGFzcy0xMjM0 pass-1234 key-1234 /hook/t0ken-in-path";
    check(echo, false, None, "400 Bad Request: *** *** *** ***");
    check(
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
        false,
        None,
        "redirects are not followed",
    );
    check("HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n", false, None, "is the address right?");
    check("garbage\r\n\r\n", true, None, "no answer from http://127.0.0.1");
    check("", true, None, "no answer from http://127.0.0.1");
}

#[test]
fn an_endless_answer_is_not_read() {
    let receiver = Receiver::new(|_, stream| {
        use std::io::Write as _;
        let _ = stream.write_all(b"HTTP/1.1 500 No\r\n\r\n");
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
        crate::receiver::Then::Close
    });
    let mut notifier = builder(&receiver).http(options()).build().unwrap();
    let error = notifier.notify(&message(1)).unwrap_err();
    assert!(error.is_temporary && error.to_string().len() < 500, "{error}");
}

#[test]
fn chats_get_their_form() {
    let receiver = Receiver::always("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let url = &*receiver.url;
    SlackNotifier::builder(url).http(options()).build().unwrap().notify(&message(1)).unwrap();
    TeamsNotifier::builder(url).http(options()).build().unwrap().notify(&message(1)).unwrap();
    let requests = receiver.requests();
    assert!(requests[0].body.starts_with(r#"{"text":"🔴 [FIRING:1] CRITICAL disk-full"#));
    assert!(requests[1].body.contains(r#""type":"AdaptiveCard","version":"1.4""#));
}

#[test]
fn settings_are_checked() {
    let check = |builder: WebhookNotifierBuilder, shown: &str| {
        let error = builder.build().unwrap_err();
        assert!(error.is_config() && error.to_string().contains(shown), "{error}");
    };
    let hook = || WebhookNotifier::builder("https://h.example/secret");
    check(WebhookNotifier::builder("h.example/secret"), "address of the web hook is no address");
    check(hook().template("{"), "template of the body is not JSON");
    check(hook().signing_secret("short"), "invalid signing secret");
    check(hook().max_body_bytes(1), "invalid limit of 1 bytes");
    check(hook().http(HttpOptions::new().timeout(Duration::ZERO)), "invalid timeout");
    check(hook().http(HttpOptions::new().header("a b", "c")), "a name that HTTP does not allow");
    check(hook().http(HttpOptions::new().header("a", "c\r\nd: e")), "a value that HTTP does not");
    check(hook().http(HttpOptions::new().header("host", "c")), "is set by the notifier itself");
    check(hook().http(HttpOptions::new().header("idempotency-key", "c")), "is set by the notifier");
    let plain = WebhookNotifier::builder("http://h.example/");
    check(plain.http(HttpOptions::new().ca_file("x.pem")), "certificates are set");
}
