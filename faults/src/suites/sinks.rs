//! The places that records are written to, and what happens to them.
//!
//! A row more is a module here with a `pub(super) static ROW: Row`, and its place in the list below.

mod attack;
mod crashes;
mod disks;
mod files;
mod full;
mod gone;
mod io_errors;
mod journald;
mod logrotate;
mod model;
mod processes;
mod read_only;
mod relief;
mod room;
mod service;
mod syslog;
mod trouble;

use super::{Row, Suite, got};

pub(super) static SUITE: Suite = Suite {
    name: "sinks",
    heading: "From the sink to the place",
    about: "Real file systems, real daemons and real trouble. A record is *acknowledged* when the \
        sink said that it took it, unless a row says otherwise.",
    // One a line; the page has them in this order.
    rows: &[
        &model::ROW,
        &processes::ROW,
        &crashes::ROW,
        &logrotate::CREATE,
        &logrotate::COPYTRUNCATE,
        &full::SPACE,
        &relief::ROW,
        &full::QUOTA,
        &read_only::ROW,
        &io_errors::ROW,
        &gone::ROW,
        &room::ROW,
        &attack::ROW,
        &journald::ROW,
        &syslog::RSYSLOG,
        &syslog::SYSLOG_NG,
        &syslog::RESTARTS,
        &syslog::RESETS,
        &syslog::TRUST,
        &syslog::SILENCE,
        &syslog::STORM,
    ],
};
