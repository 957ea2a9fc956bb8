//! Integration tests of the monitor.

mod crowdsec;
mod end_to_end;
mod kill;
