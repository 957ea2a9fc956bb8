//! `plog config check` on files that are broken in one way each points at the line.

use crate::support::run;
