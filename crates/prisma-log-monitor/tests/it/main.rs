//! Integration tests of the monitor.

mod end_to_end;
mod kill;
mod receivers;
