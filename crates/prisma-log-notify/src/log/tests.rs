use std::sync::{Arc, Mutex};

use prisma_log_core::{BatchError, Durability, Error, Level, Record, Sink, SinkDrain};
use prisma_log_monitor::Severity;
use slog::o;

use super::*;

type Kept = Arc<Mutex<Vec<(Level, String, String, String)>>>;

struct Keep(Kept);

impl Sink for Keep {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        for record in batch {
            let fields: Vec<String> =
                record.fields.iter().map(|(key, value)| format!("{key}={value:?}")).collect();
            let (message, tag) = (record.message.to_owned(), record.tag.to_owned());
            self.0.lock().unwrap().push((record.level, message, tag, fields.join(" ")));
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn durability(&self) -> Durability {
        Durability::Memory
    }
}

#[test]
fn a_record_for_each_alert_and_none_for_its_own() {
    let kept = Kept::default();
    let log = Logger::root(SinkDrain::new(Keep(Arc::clone(&kept))), o!());
    let mut notifier = LogNotifier::new(log);
    let mut message = Message::test("log", Timestamp::UNIX_EPOCH);
    message.news[0].alert.severity = Severity::Critical;
    message.news[0].alert.message = "x".repeat(2_000);
    notifier.notify(&message).unwrap();
    let (level, text, tag, fields) = kept.lock().unwrap()[0].clone();
    assert_eq!((level, &*tag), (Level::Critical, "prisma_log.alert"));
    assert!(text.starts_with("CRITICAL test: 1, open, A000000: xxx") && text.len() <= LONGEST);
    assert!(fields.starts_with("alert.origin="), "{fields}");
    assert!(fields.contains("alert.rule=") && fields.contains("alert.message_id="), "{fields}");

    // The monitor reads that record, and a rule matches it.
    let line = format!("{{\"message\":\"{text}\",{fields}}}");
    let mut looped = message.clone();
    looped.news[0].alert.samples = vec!["another".into(), line];
    notifier.notify(&looped).unwrap();
    assert_eq!(kept.lock().unwrap().len(), 1, "a loop");
    looped.news.push(message.news[0].clone());
    notifier.notify(&looped).unwrap();
    assert_eq!(kept.lock().unwrap().len(), 2, "only the alert that is due to us is left out");
}

#[test]
fn marks_differ() {
    assert_ne!(origin(), origin());
}
