//! Files as blocks of whole lines.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Bytes that are read at once: they stay in the processor's second cache.
const BLOCK: usize = 256 << 10;
/// The system's copies to memory at a multiple of this take two thirds of the time.
const ALIGNMENT: usize = 64;

/// Calls `each` with the file's lines, many at a time.
pub(super) fn blocks(path: &Path, mut each: impl FnMut(&[u8])) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; BLOCK + ALIGNMENT];
    // Where bytes stand of a line whose end has not been read.
    let mut kept = 0..0;
    loop {
        // They end where the next ones are read to.
        let end = buffer.as_ptr().addr() + kept.len();
        let start = end.next_multiple_of(ALIGNMENT) - end;
        buffer.copy_within(kept.clone(), start);
        kept = start..start + kept.len();
        if kept.end + BLOCK / 2 > buffer.len() {
            buffer.resize(2 * buffer.len(), 0);
            continue;
        }
        let read = file.read(&mut buffer[kept.end..])?;
        let filled = kept.end + read;
        if read == 0 {
            each(&buffer[kept.start..filled]);
            return Ok(());
        }
        if let Some(end) = memchr::memrchr(b'\n', &buffer[kept.end..filled]) {
            let end = kept.end + end + 1;
            each(&buffer[kept.start..end]);
            kept = end..filled;
        } else {
            kept.end = filled;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_whole_lines_and_all_of_the_file() {
        let path = std::env::temp_dir().join(format!("blocks-{}", std::process::id()));
        let line = |number: usize| format!("{}\n", "x".repeat(number * number % 1000));
        let mut text: String = (0..3000).map(line).collect();
        text += &"y".repeat(3 * BLOCK);
        std::fs::write(&path, &text).expect("written");
        let mut all = Vec::new();
        let read = blocks(&path, |block| {
            assert!(block.ends_with(b"\n") || all.len() + block.len() == text.len());
            all.extend_from_slice(block);
        });
        std::fs::remove_file(&path).expect("removed");
        read.expect("read");
        assert!(all == text.as_bytes());
    }
}
