//! Queues that are damaged, or none: no panic, no hang, and damage is told.

use std::path::PathBuf;

use prisma_log_core::Filter;
use prisma_log_pipeline::{Pipeline, RecoveryReport};
use prisma_log_testkit::MemorySink;

use crate::support::{Place, killed_by, place};

const RECORDS: u64 = crate::recovery::SMALL;
/// Header, slots for signal handlers, table of definitions.
const CHUNKS_AT: usize = 4096 + 64 * 512 + (1 << 20);
/// A chunk's own header.
const FRAMES_AT: usize = CHUNKS_AT + 128;

/// A queue that a killed process left.
fn orphan() -> Vec<u8> {
    let (_dir, place) = place();
    assert_eq!(killed_by(place.play("recovery hang small")), Some(libc::SIGKILL));
    std::fs::read(&place.queues()[0]).unwrap()
}

/// Starts with this as the orphan: what was found, and how many records came.
fn start(place: &Place, bytes: &[u8]) -> (RecoveryReport, u64, PathBuf) {
    // Makes the folders.
    drop(builder(place, MemorySink::new()));
    let path = place.0.join(format!("prisma-log-{}", user())).join("svc").join("1-0.ring");
    std::fs::write(&path, bytes).unwrap();
    let sink = MemorySink::new();
    let handle = sink.handle();
    let pipeline = builder(place, sink);
    let report = pipeline.recovery().clone();
    drop(pipeline);
    (report, handle.len() as u64, path)
}

fn builder(place: &Place, sink: MemorySink) -> Pipeline {
    let builder = place.builder().queue_bytes(1 << 20).max_record_bytes(4096).inline(true);
    builder.sink("lines", Filter::default(), sink).build().unwrap()
}

fn user() -> u32 {
    // SAFETY: takes nothing, can't fail.
    unsafe { libc::geteuid() }
}

#[test]
fn other_versions_and_strangers_are_left_alone_and_told() {
    let whole = orphan();
    let check = |change: &dyn Fn(&mut Vec<u8>), told: &str| {
        let (_dir, place) = place();
        let mut bytes = whole.clone();
        change(&mut bytes);
        let (report, records, path) = start(&place, &bytes);
        assert_eq!((report.segments, records, report.left.len()), (0, 0, 1), "{report:?}");
        assert!(report.left[0].contains(told) && report.left[0].contains("1-0.ring"), "{report:?}");
        assert!(std::fs::read(path).unwrap() == bytes, "it is as it was");
    };
    check(&|bytes| bytes[8] ^= 0x40, "version");
    check(&|bytes| bytes[0] = b'x', "no ring");
    check(&|bytes| bytes.truncate(100_000), "short");
    check(&|bytes| bytes.truncate(CHUNKS_AT + 10), "damaged");
    let (_dir, place) = place();
    let (report, records, _) = start(&place, &whole);
    assert_eq!((report.segments, records, report.damaged_bytes), (1, RECORDS, 0));
}

#[test]
fn a_process_that_died_while_it_made_its_queue_leaves_nothing() {
    let whole = orphan();
    let check = |bytes: &[u8]| {
        let (_dir, place) = place();
        let (report, records, path) = start(&place, bytes);
        assert_eq!((records, report.left.len(), report.damaged_bytes), (0, 0, 0), "{report:?}");
        assert!(!path.exists());
    };
    check(&[]);
    check(&vec![0; whole.len()]);
    let mut unready = whole.clone();
    unready[12] = 0;
    unready[CHUNKS_AT..].fill(0);
    check(&unready);
}

#[test]
fn every_byte_of_the_header_may_be_damaged() {
    let whole = orphan();
    let (_dir, place) = place();
    // What stands there and then some; the texts by samples.
    let dense = (0..64).chain(4096..4096 + 40).chain(CHUNKS_AT..CHUNKS_AT + 128);
    for at in dense.chain((64..4096).step_by(101)) {
        for flip in [0x01, 0x80] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            let (_report, records, path) = start(&place, &bytes);
            // A slot for signal handlers may come to life.
            assert!(records <= RECORDS + 1, "byte {at}");
            let _left = std::fs::remove_file(path);
        }
    }
}

#[test]
fn damaged_frames_and_definitions_are_counted_and_the_rest_is_written() {
    let whole = orphan();
    let (_dir, place) = place();
    let check = |at: usize, flip: u8| {
        let mut bytes = whole.clone();
        bytes[at] ^= flip;
        let (report, records, _) = start(&place, &bytes);
        assert_eq!((report.segments, report.left.len()), (1, 0), "byte {at}: {report:?}");
        assert!(records <= RECORDS, "byte {at}");
        assert!(
            records == RECORDS || report.damaged_bytes > 0,
            "byte {at} flipped by {flip:#x}: {} records are gone, untold",
            RECORDS - records
        );
    };
    for at in (FRAMES_AT..FRAMES_AT + 130).chain((FRAMES_AT..FRAMES_AT + 16_000).step_by(509)) {
        check(at, 0x80);
        check(at, 0x04);
    }
    let table = 4096 + 64 * 512;
    for at in table..table + 120 {
        check(at, 0x10);
    }
}
