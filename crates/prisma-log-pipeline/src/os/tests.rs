#![cfg(unix)]
#![expect(unsafe_code, reason = "mapped memory, forks and signals are what is tested")]

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering, compiler_fence};
use std::{env, fs, thread};

use super::*;

mod in_their_own_process;

fn bytes(mapping: &Mapping) -> &[u8] {
    // SAFETY: the mapping is that long, and nobody writes to it meanwhile.
    unsafe { std::slice::from_raw_parts(mapping.ptr(), mapping.len()) }
}

fn file() -> fs::File {
    tempfile::tempfile().unwrap()
}

#[test]
fn mapped_files_share_their_bytes() {
    let file = file();
    reserve(&file, 10_000).unwrap();
    let [one, two] = [(); 2].map(|()| map_file(&file, 9_999).unwrap());
    assert_eq!((one.len(), one.ptr() as usize % 4096), (9_999, 0));
    // SAFETY: within the mapping, of which nobody holds a reference yet.
    unsafe { one.ptr().add(9_998).write(7) };
    assert_eq!(bytes(&two)[9_997..], [0, 7]);
    drop((one, two));
    let mut content = Vec::new();
    std::io::Read::read_to_end(&mut &file, &mut content).unwrap();
    assert_eq!((content.len(), content[9_998]), (10_000, 7));
}

#[test]
fn mappings_that_would_kill_are_refused() {
    let file = file();
    reserve(&file, 4_096).unwrap();
    let check = |len: usize| assert!(map_file(&file, len).is_err(), "{len}");
    check(0);
    check(4_097);
    check(usize::MAX);
    assert!(map_anonymous(0).is_err());
    assert!(map_anonymous(usize::MAX).is_err());
}

#[test]
fn anonymous_memory_is_zero_and_can_be_populated() {
    let mapping = map_anonymous(100_000).unwrap();
    assert!(bytes(&mapping).iter().all(|&byte| byte == 0));
    // SAFETY: within the mapping, of which nobody holds a reference.
    unsafe { mapping.ptr().add(50_000).write(9) };
    let populated = mapping.populate(4_097..99_999);
    assert!(populated || !cfg!(target_os = "linux"));
    assert!(!mapping.populate(0..100_001));
    assert!(!mapping.populate(5..5));
    assert_eq!(bytes(&mapping)[50_000], 9);
}

#[test]
fn room_is_reserved_or_refused() {
    use std::os::unix::fs::MetadataExt as _;
    let file = file();
    std::io::Write::write_all(&mut &file, b"kept").unwrap();
    reserve(&file, 1 << 20).unwrap();
    let metadata = file.metadata().unwrap();
    assert_eq!(metadata.len(), 1 << 20);
    if cfg!(target_os = "linux") {
        assert!(metadata.blocks() * 512 >= 1 << 20);
    }
    reserve(&file, 10).unwrap();
    assert_eq!(file.metadata().unwrap().len(), 1 << 20);
    assert!(reserve(&file, 1 << 62).is_err());
    assert!(reserve(&file, u64::MAX).is_err());
}

/// Dekker's handshake: of two that raise their flag and then look at the other's, at least one sees
/// the other. The frequent side does without a fence of the processor's.
#[test]
fn the_heavy_fence_spares_the_other_side_its_own() {
    if !heavy_fence() {
        return; // this kernel has none, and says so
    }
    const ROUNDS: u32 = 5_000;
    let flags = [const { AtomicU32::new(0) }; 2];
    let saw = [const { AtomicU32::new(0) }; 2];
    let barrier = AtomicU32::new(0);
    let mut both_blind = 0;
    let meet = |goal: u32| {
        barrier.fetch_add(1, Ordering::SeqCst);
        while barrier.load(Ordering::SeqCst) < goal {
            std::hint::spin_loop();
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..ROUNDS {
                meet(round * 6 + 2);
                flags[0].store(1, Ordering::Relaxed);
                compiler_fence(Ordering::SeqCst);
                saw[0].store(flags[1].load(Ordering::Relaxed), Ordering::Relaxed);
                meet(round * 6 + 4);
                meet(round * 6 + 6);
            }
        });
        for round in 0..ROUNDS {
            meet(round * 6 + 2);
            flags[1].store(1, Ordering::Relaxed);
            heavy_fence();
            saw[1].store(flags[0].load(Ordering::Relaxed), Ordering::Relaxed);
            meet(round * 6 + 4);
            both_blind += u32::from(saw.iter().all(|saw| saw.load(Ordering::Relaxed) == 0));
            flags.iter().for_each(|flag| flag.store(0, Ordering::Relaxed));
            meet(round * 6 + 6);
        }
    });
    assert_eq!(both_blind, 0, "of {ROUNDS}");
}

#[test]
fn the_user_owns_what_it_creates() {
    use std::os::unix::fs::MetadataExt as _;
    assert_eq!(file().metadata().unwrap().uid(), user_id());
}
