//! Messages to send, and time to wait.

use std::time::{Duration, Instant};

use prisma_log_core::Timestamp;
use prisma_log_monitor::{Message, Severity};

/// Long enough for a machine under load.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// 2026-11-24T08:00:00Z
pub(crate) const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_507_200);

/// A message with a number, about one alert.
pub(crate) fn message(id: u64) -> Message {
    let mut message = Message::test("ops", NOW);
    message.id = id;
    let alert = &mut message.news[0].alert;
    alert.rule = "disk-full".into();
    alert.severity = Severity::Critical;
    alert.group = [("host", "web1")].into_iter().collect();
    alert.message = "no space left on /var".into();
    message
}

/// Waits until something holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + LONG;
    while !holds() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
