//! One sink crate alone, under plain slog: no facade, no configuration.

use prisma_log_core::SinkDrain;
use prisma_log_file::{FileSink, Retention, Rotation};
use prisma_log_format::LogfmtEncoder;
use slog::{Logger, info, o};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scratch = tempfile::tempdir()?;
    let path = scratch.path().join("app.log");
    let file = FileSink::builder(&path)
        .encoder(LogfmtEncoder::new())
        .rotation(Rotation::new().max_bytes(1 << 20))
        .retention(Retention::new().archives(3))
        .build()?;
    let log = Logger::root(SinkDrain::new(file), o!("version" => env!("CARGO_PKG_VERSION")));

    info!(log, "order processed"; "amount" => 99.9);
    log.flush()?;

    let written = std::fs::read_to_string(&path)?;
    assert!(written.contains("amount=99.9"), "{written}");
    Ok(())
}
