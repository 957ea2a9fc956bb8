//! The shortest start: a profile, a logger, a request's context, and a monitor on the log.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use prisma_log::{Context, Logging, Monitor, error, info};

fn main() -> Result<(), prisma_log::Error> {
    // The built-in development profile writes logs/app.log; keep it out of the reader's folder.
    let scratch = tempfile::tempdir().expect("a temporary folder");
    std::env::set_current_dir(scratch.path()).expect("to work in it");

    let logging = Logging::from_env()?; // config + profile; flushes when dropped
    let log = logging.logger("my.service");

    let monitor =
        Monitor::with_default_rules("logs/app.log").on_alert(|a| println!("ALERT: {a}")).start()?;

    info!(log, "application started");
    error!(log, "an error occurred"; "error_code" => "E001");
    {
        let _scope =
            Context::new().user_id("user123").session_id("session456").request_id("req789").enter();
        info!(log, "in a request"); // carries trace_id, span_id, user, session, request
    }
    drop(logging);

    let report = monitor.stop()?;
    println!("the monitor read {} lines", report.lines);
    Ok(())
}
