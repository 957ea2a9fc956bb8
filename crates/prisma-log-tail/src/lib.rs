//! Follows log files across rotation and truncation, and turns lines back into records.
#![forbid(unsafe_code)]

mod line;

pub use line::{Line, LineFormat, LogLine};
