//! File sink: whole records, size rotation, tail repair, several processes on one file.
//!
//! ```
//! use prisma_log_core::SinkDrain;
//! use prisma_log_file::FileSink;
//! use slog::{info, o};
//! # let folder = tempfile::tempdir().unwrap();
//! # std::env::set_current_dir(&folder).unwrap();
//!
//! let sink = FileSink::builder("logs/app.log").max_file_bytes(50_000_000).build()?;
//! let log = slog::Logger::root(SinkDrain::new(sink), o!());
//! info!(log, "order processed"; "amount" => 99.9);
//! # assert!(std::fs::read_to_string("logs/app.log").unwrap().contains("order processed"));
//! # Ok::<(), prisma_log_core::Error>(())
//! ```
//!
//! # Format
//!
//! One line a record, in the form that the builder's encoder gives it: by default a flat JSON
//! object ([`JsonEncoder`](prisma_log_format::JsonEncoder)). Every line is whole. A line of
//! blanks may stand where half a record was taken out while others wrote the file too; skip it.
//!
//! With a size limit, a file that is full is renamed: `app.log` to `app.log.1`, that to
//! `app.log.2`, and so on up to the first number that is free; then the oldest beyond
//! `max_backups` are deleted. Nothing is ever renamed onto a name that is taken, and what is not a
//! regular file of such a name (`app.log.2.gz`, `app.log.bak`, a folder or link `app.log.3`)
//! is passed over. Two more files may appear: `.app.log.lock`, empty, which keeps two processes
//! from rotating at once and may be deleted when none runs; and `app.log.torn`, to which the parts
//! of broken records are moved.
//!
//! # Durability
//!
//! When [`write`](prisma_log_core::Sink::write) returned `Ok`, the records are with the kernel, in
//! a file that has a name
//! ([`PageCache`](prisma_log_core::Durability::PageCache)): they survive the end of the process
//! however it comes, `kill -9` included, but not a power cut. A flush adds nothing to that, unless
//! `sync_on_flush` is set: then records are on stable storage once the flush returned `Ok`
//! ([`Synced`](prisma_log_core::Durability::Synced)), those in files rotated meanwhile and the
//! names of the files included. After a failed synchronisation, flushes go on failing until the
//! next file: the kernel may have dropped the data and would answer the second attempt with
//! success.
//!
//! A process that is killed after a `write` began can't tell how far it came. The sink that the
//! next process builds on the path can: asked for the records written since a
//! [position](prisma_log_core::Sink::position), it compares whole lines, byte for byte, in the file
//! that the position lies in, whatever name rotation has given it meanwhile, and in all newer ones.
//! A line stands for one record; a record that is marked as recovered counts as the same one; half
//! a record doesn't count. So what a queue that survived the process still holds is written
//! exactly once.
//!
//! # Failure
//!
//! A record is never half in the file. When a write fails in the middle (full disk, quota, I/O
//! error), the part of the record that went in is cut off, or blanked out if another sink has the
//! file open, and the error tells exactly how many records of the batch are in the file. The next
//! batch is tried anew: there is nothing to reset once space is free.
//!
//! - **A killed writer** may leave half a record, a power cut NULs. When the file is opened and no
//!   other sink has it open, the half is moved to `app.log.torn` and the NULs are cut off; when
//!   others have, the first of them whose record follows does the same.
//! - **A rotation that fails** costs nothing: records go on into the current file, the error goes
//!   to the builder's `on_error` or else to stderr, and it is tried again after one second, then
//!   after two, up to a minute. On a file system without `flock` there is no rotation.
//! - **A file moved, deleted or truncated from outside**, by logrotate or by hand, is noticed at
//!   the next batch, which goes to a new file at the path. A batch that was being written into a
//!   file as it was deleted is written again. Programs that compress the moved file should wait a
//!   moment first (logrotate's `delaycompress`).
//! - **Records that can't be found again** after a process died, though they were written, are
//!   written twice, never lost: where the file was deleted, compressed, copied and truncated, or
//!   moved to another folder, and they are not in the last 4 MiB of the current file or of the
//!   newest backup; and where the encoder's options changed between the processes, because that
//!   makes other lines (a service's version, say).
//! - **A forked child** must call [`after_fork`](prisma_log_core::Sink::after_fork) before it
//!   writes: it then opens the file for itself, and both keep each other's records whole. Where
//!   that fails, its later writes try again, and fail as long as it does.
//! - **Anything but a regular file** at the path (directory, FIFO, device, socket, symbolic link) is
//!   refused with an error, without blocking.
//! - **Several sinks** on one file, in one process or several, keep whole lines and lose nothing, as
//!   long as all of them are sinks of this crate or programs that append whole lines with one
//!   `write`, on a local file system; NFS does not append atomically. Each writer's records are in
//!   order; the limit may be exceeded by what others write at the same moment. If a process is
//!   stopped while it rotates, the others wait half a second and go on without rotation.
//!
//! # Cost
//!
//! Four system calls for each batch of up to 512 KiB: a `stat` of the path, the `write`, and two
//! cheap ones that make sure where it went. Larger batches are split between records. What a record
//! costs falls with the batch's size up to there: the kernel takes large writes in large pieces. One
//! open file, one buffer that is reused and holds up to 1 MiB, no allocation once it has grown, no
//! thread. A rotation takes a `stat` and a rename for each backup, under the lock; opening reads the
//! end of the file. A position takes no system call. Looking back reads each file once, from the
//! position on, and holds each record of the batch in memory in both of its forms.
#![forbid(unsafe_code)]

mod append;
mod builder;
mod failure;
#[cfg(test)]
mod fault_tests;
mod file;
mod lookback;
mod open;
mod os;
mod repair;
mod rotate;
mod sink;
mod wanted;

pub use builder::FileSinkBuilder;
pub use sink::FileSink;
