//! File sink: whole records, rotation by size and calendar, several processes on one file.
//!
//! ```
//! use prisma_log_core::SinkDrain;
//! use prisma_log_file::{Every, FileSink, Rotation};
//! use slog::{info, o};
//! # let folder = tempfile::tempdir().unwrap();
//! # std::env::set_current_dir(&folder).unwrap();
//!
//! let rotation = Rotation::new().max_bytes(50_000_000).every(Every::Day).zone("local");
//! let sink = FileSink::builder("logs/app.log").rotation(rotation).build()?;
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
//! The current file always has the name that the sink was given. A rotation is one rename: of
//! `app.log` to `app.log.2026-11-23T23-59-58Z`, by the time at which its last record was written
//! (in another zone than UTC: `app.log.2026-11-23T18-59-58-0500`), with `.2`, `.3` and so on behind
//! where a second has more than one. So the order of the names' times and numbers is that of the
//! records, whatever the clock did meanwhile: a file is never named by an earlier time than the
//! newest archive is. Compressed archives have `.gz` or `.zst` behind that. No name is ever used
//! twice, nothing is ever renamed onto a name that is taken, and what is not a regular file of
//! exactly such a name (`app.log.1`, `app.log.bak`, a folder or link) is neither counted nor
//! deleted.
//!
//! | rotated | by |
//! | --- | --- |
//! | before the file gets too large | [`Rotation::max_bytes`] |
//! | by the calendar, also while nothing is written | [`Rotation::every`] |
//! | when a sink is built on a file with records | [`Rotation::on_start`] |
//! | now | [`SinkCommand::Rotate`](prisma_log_core::SinkCommand::Rotate) |
//! | when the file or its synchronisation fails | see below |
//!
//! [`Retention`] says which archives are kept. More files may appear: `.app.log.lock`, empty, which
//! keeps two processes from rotating at once and may be deleted when none runs; `app.log.torn`, to
//! which the parts of broken records are moved; and, while an archive is compressed,
//! `.app.log.2026-11-23T23-59-58Z.zst.tmp`, which the next start removes where a process died.
//!
//! # Durability
//!
//! When [`write`](prisma_log_core::Sink::write) returned `Ok`, the records are with the kernel, in
//! a file that has a name
//! ([`PageCache`](prisma_log_core::Durability::PageCache)): they survive the end of the process
//! however it comes, `kill -9` included, but not a power cut. That is so whatever else is set.
//!
//! - With [`Sync::PageCache`], the default, a flush adds nothing to that.
//! - With [`sync_on_flush`](FileSinkBuilder::sync_on_flush), records are on stable storage once a
//!   flush returned `Ok` ([`Synced`](prisma_log_core::Durability::Synced)), those in files rotated
//!   meanwhile and the names of the files included.
//! - With [`Sync::Every`] that holds as well, and a power cut without a flush costs no more than
//!   the records of one interval, or of one group: the sink synchronises when the first of the
//!   limits is reached, in the thread that drives it. For the interval to be kept while no record
//!   comes, that thread must call [`maintain`](prisma_log_core::Sink::maintain) when it is
//!   [`due`](prisma_log_core::Sink::due), as the pipeline does.
//!
//! After a failed synchronisation the kernel may have dropped the data, and would answer a second
//! attempt with success. So there is none: one flush fails, for all that was in doubt by then; the
//! file is closed and becomes an archive; what comes next goes to a new file. While that can't be
//! synchronised either, it is kept, and each flush fails; so does the first one that the disk would
//! let succeed, which begins another new file: what the file system could not write once, it may
//! leave out later on as well.
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
//! file open, and the error tells exactly how many records of the batch are in the file, and when
//! the rest may be tried again: after 50 ms, then twice as long each time, up to half a second.
//! There is nothing to reset once the fault is over. Only a record that is larger than this process
//! may make a file (`ulimit -f`) is refused for good.
//!
//! - **A full disk or quota** makes records wait. With
//!   [`delete_when_full`](FileSinkBuilder::delete_when_full), the sink first deletes its own
//!   archives, oldest first and one at a time, down to a number that stays.
//! - **An I/O error, or a file that may not grow**: the file becomes an archive, and what comes
//!   next goes to a new one; once for each fault, however long it lasts. Where it can't be renamed,
//!   and after a stale NFS handle, the same file is opened anew.
//! - **A killed writer** may leave half a record, a power cut NULs. When the file is opened and no
//!   other sink has it open, the half is moved to `app.log.torn` and the NULs are cut off; when
//!   others have, the first of them whose record follows does the same. Where one of them rotates the
//!   file just then, before a record followed, the half stays at the archive's end.
//! - **A rotation that fails** costs nothing: records go on into the current file, the error goes
//!   to the builder's `on_error` or else to stderr, and it is tried again after one second, then
//!   after two, up to a minute. On a file system without `flock` there is no rotation. An archive
//!   that can't be deleted is reported, and tried again in the same way.
//! - **A clock that is put back** begins the calendar anew, as if the file had been begun then; it
//!   never makes an archive look older than one that was there before. Times on the wall clock are
//!   looked at once a minute at least while one is to come.
//! - **A file moved, deleted or truncated from outside**, by logrotate or by hand, is noticed at
//!   the next batch, or when [`SinkCommand::Reopen`](prisma_log_core::SinkCommand::Reopen) says so;
//!   a folder that was moved or deleted is made again. What comes next goes to a new file at the
//!   path. After a truncation no hole is left. A batch that was being written into a file as it was
//!   deleted is written again. Programs that compress the moved file should wait a
//!   moment first (logrotate's `delaycompress`).
//! - **Records that can't be found again** after a process died, though they were written, are
//!   written twice, never lost: where the file was deleted, compressed, copied and truncated, or
//!   moved to another folder, and they are not in the last 4 MiB of the current file or of the
//!   newest archive, which is never compressed; and where the encoder's options changed between the
//!   processes, because that makes other lines (a service's version, say).
//! - **A forked child** must call [`after_fork`](prisma_log_core::Sink::after_fork) before it
//!   writes: it then opens the file for itself, and both keep each other's records whole. Where
//!   that fails, its later writes try again, and fail as long as it does.
//! - **Anything but a regular file** at the path (directory, FIFO, device, socket, symbolic link)
//!   is refused with an error, without blocking; so is a file with a second name, one that belongs
//!   to neither this user, root nor the folder's owner, and a folder where anybody may replace
//!   files. Links on the way to the folder are followed when the sink is built, and never again:
//!   all that is done later is done by name within the folder that was opened then.
//! - **Several sinks** on one file, in one process or several, keep whole lines and lose nothing,
//!   as long as all of them are sinks of this crate or programs that append whole lines with one
//!   `write`, on a local file system; NFS does not append atomically. Each writer's records are in
//!   order; limits of size may be exceeded by what others write at the same moment. If a process is
//!   stopped while it rotates, the others wait half a second and go on without rotation.
//!
//! # Cost
//!
//! Four system calls for each batch of up to 512 KiB: a `stat` of the path, the `write`, and two
//! cheap ones that make sure where it went. Larger batches are split between records. What a record
//! costs falls with the batch's size up to there: the kernel takes large writes in large pieces.
//! Two open files, the folder's being one; one buffer that is reused and holds up to 1 MiB; no
//! allocation once it has grown; no thread but the one that compresses archives, which runs with
//! the lowest priority and only while there is something to do. A rotation takes one rename, reads
//! the folder's names and takes a `stat` for each archive, under the lock; limits of size and age
//! are then kept without looking at the folder, one of free space with a call a second. Opening
//! reads the end of the file. A position takes no system call. Looking back reads each file once,
//! from the position on, and holds each record of the batch in memory in both of its forms.
#![forbid(unsafe_code)]

mod append;
mod archives;
mod builder;
mod compress;
mod compression;
mod cron;
mod failure;
#[cfg(test)]
mod fault_tests;
mod file;
mod fs;
mod home;
mod limits;
mod link;
mod lock;
mod lookback;
#[cfg(test)]
mod model_tests;
mod names;
mod open;
mod period;
mod plan;
mod real;
mod repair;
mod retention;
mod rotate;
mod rotation;
mod schedule;
mod sink;
mod sync;
mod trouble;
mod upkeep;
mod wanted;
mod zone;

pub use builder::FileSinkBuilder;
pub use compression::Compression;
pub use cron::CronSchedule;
pub use retention::Retention;
pub use rotation::{Every, Rotation};
pub use sink::FileSink;
pub use sync::Sync;
