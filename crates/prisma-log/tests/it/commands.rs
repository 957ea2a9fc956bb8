//! What operators ask of running sinks.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use prisma_log::{
    BatchError, Durability, Error, FileSink, Filter, Logging, Memory, Record, Sink, SinkCommand,
    info,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Notes messages and commands in their order.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Sink for Notes {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        let messages = batch.iter().map(|record| record.message.to_owned());
        self.0.lock().unwrap().extend(messages);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn durability(&self) -> Durability {
        Durability::Memory
    }

    fn command(&mut self, command: SinkCommand) -> Result<(), Error> {
        self.0.lock().unwrap().push(format!("{command:?}"));
        if command == SinkCommand::Rotate { Err(Error::state("no room")) } else { Ok(()) }
    }
}

#[test]
fn commands_reach_every_sink_behind_what_was_logged_before() {
    let (notes, blocking) = (Notes::default(), Notes::default());
    let logging = Logging::builder()
        .memory(Memory::Anonymous)
        .sink("notes", Filter::default(), notes.clone())
        .blocking_sink("blocking", Filter::default(), blocking.clone())
        .fallback("blocking", "notes")
        .build()
        .unwrap();
    let log = logging.logger("shop");
    info!(log, "before");
    logging.reopen().unwrap();
    info!(log, "between");
    let error = logging.rotate().unwrap_err().to_string();
    assert_eq!(error, "cannot command sink notes: no room");
    for notes in [notes, blocking] {
        assert_eq!(*notes.0.lock().unwrap(), ["before", "Reopen", "between", "Rotate"]);
    }
}

#[test]
fn a_file_that_was_moved_away_is_opened_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (path, moved) = (dir.path().join("app.log"), dir.path().join("elsewhere"));
    let logging = Logging::builder()
        .memory(Memory::Anonymous)
        .sink("file", Filter::default(), FileSink::builder(&path).build().unwrap())
        .build()
        .unwrap();
    let log = logging.logger("shop");
    info!(log, "first");
    assert!(logging.flush(PATIENCE).is_ok());
    std::fs::rename(&path, &moved).unwrap();
    logging.reopen().unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "", "without waiting for a record");
    info!(log, "second");
    assert!(logging.flush(PATIENCE).is_ok());
    assert!(std::fs::read_to_string(moved).unwrap().contains("first"));
    assert!(std::fs::read_to_string(path).unwrap().contains("second"));
}
