//! The pipeline from the log call to the sink.

mod collect;
mod records;
