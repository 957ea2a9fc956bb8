//! Whatever a checkpoint's bytes are, they are read or refused, and reading on from there is safe.
#![no_main]

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use prisma_log_tail::{Checkpoint, Tail};

const LINES: u64 = 500;

/// A log, which this process leaves behind.
static LOG: LazyLock<PathBuf> = LazyLock::new(|| {
    let dir = std::env::temp_dir().join(format!("prisma-log-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("the folder for temporary files can be written to");
    let text: String = (0..LINES).map(|n| format!("line {n}\n")).collect();
    let path = dir.join("a.log");
    std::fs::write(&path, text).expect("a file can be written there");
    path
});

/// CRC-32 as in zlib.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

fn sealed(mut body: Vec<u8>) -> Vec<u8> {
    body.extend(crc32(&body).to_le_bytes());
    body
}

/// The version, the path and then anything.
fn body_for(path: &Path, data: &[u8]) -> Vec<u8> {
    let (version, rest) = data.split_first().unwrap_or((&1, data));
    let path = path.as_os_str().as_bytes();
    let mut body = vec![version % 4];
    body.extend((path.len() as u32).to_le_bytes());
    body.extend(path);
    body.extend(rest);
    body
}

fuzz_target!(|data: &[u8]| {
    if let Err(error) = Checkpoint::from_bytes(data) {
        assert!(error.is_data());
    }
    for bytes in [sealed(data.to_vec()), sealed(body_for(&LOG, data))] {
        let Ok(checkpoint) = Checkpoint::from_bytes(&bytes) else { continue };
        assert_eq!(checkpoint.to_bytes(), bytes);
        if checkpoint.source() != *LOG {
            continue;
        }
        let tail = Tail::builder().file(&*LOG).poll_interval(Duration::ZERO);
        let mut tail = tail.checkpoints([checkpoint]).build().expect("the settings are right");
        let mut lines = 0;
        for _ in 0..3 {
            lines += tail.poll_blocks(usize::MAX, &mut |_| {}).lines;
        }
        lines += tail.finish(&mut |_| {}).lines;
        assert!(lines <= LINES);
        for checkpoint in tail.checkpoints() {
            assert_eq!(Checkpoint::from_bytes(&checkpoint.to_bytes()).ok(), Some(checkpoint));
        }
    }
});
