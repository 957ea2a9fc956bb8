//! A program with a time limit.

use std::fs::File;
use std::io::{self, PipeReader, Read as _, Seek as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, OFlags, fcntl_setfl, memfd_create};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// Of what a program writes, so many bytes are kept, the last ones.
const KEPT: usize = 4 << 10;
/// Longest wait before looking whether the program has ended.
const TICK: Duration = Duration::from_millis(20);

/// What became of a program.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) end: End,
    /// The end of what it wrote to stdout and stderr.
    pub(super) output: Vec<u8>,
}

#[derive(Debug)]
pub(super) enum End {
    Status(ExitStatus),
    Killed,
}

/// Runs a program in a process group of its own, with `input` to read.
///
/// The input is a file in memory: the program may read it or not, and nobody waits for that or gets
/// a SIGPIPE.
pub(super) fn run(mut command: Command, input: &[u8], limit: Duration) -> io::Result<Ran> {
    let until = Instant::now() + limit;
    let mut file = File::from(memfd_create("message", MemfdFlags::CLOEXEC)?);
    file.write_all(input)?;
    file.rewind()?;
    let (reader, writer) = io::pipe()?;
    fcntl_setfl(&reader, OFlags::NONBLOCK)?;
    command.stdin(file).stdout(writer.try_clone()?).stderr(writer).process_group(0);
    let mut group = Group { child: command.spawn()?, is_over: false };
    // What keeps the pipe's other end open is then only the program and what it started.
    drop(command);

    let mut output = Output { reader, kept: Vec::new(), is_open: true };
    let mut tick = Duration::from_millis(1);
    let is_late = loop {
        output.read_ready(tick)?;
        if group.has_ended()? {
            break false;
        }
        if Instant::now() >= until {
            break true;
        }
        tick = (tick * 2).min(TICK);
    };
    let status = group.finish()?;
    output.read_ready(Duration::ZERO)?;
    let end = if is_late { End::Killed } else { End::Status(status) };
    Ok(Ran { end, output: output.kept })
}

/// A process group, which is killed however this ends.
struct Group {
    child: Child,
    is_over: bool,
}

impl Group {
    /// Whether the program has ended. It stays a zombie, so that its number and its group's are not
    /// given to others before the group was killed.
    fn has_ended(&self) -> io::Result<bool> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        Ok(waitid(WaitId::Pid(Pid::from_child(&self.child)), options)?.is_some())
    }

    fn finish(&mut self) -> io::Result<ExitStatus> {
        self.is_over = true;
        // Nobody may be left in it.
        let _gone = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        self.child.wait()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.is_over {
            let _told_already = self.finish();
        }
    }
}

struct Output {
    reader: PipeReader,
    kept: Vec<u8>,
    is_open: bool,
}

impl Output {
    /// Waits so long at most for something to read, and reads what is there, a bounded number of
    /// times: a program that never stops writing must not keep us from looking at the clock.
    fn read_ready(&mut self, wait: Duration) -> io::Result<()> {
        const READS: usize = 64;
        if !self.is_open {
            thread::sleep(wait);
            return Ok(());
        }
        let timeout = Timespec::try_from(wait).unwrap_or_default();
        match poll(&mut [PollFd::new(&self.reader, PollFlags::IN)], Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut buffer = [0; KEPT];
        for _ in 0..READS {
            match self.reader.read(&mut buffer) {
                Ok(0) => {
                    self.is_open = false;
                    break;
                }
                Ok(bytes) => {
                    self.kept.extend_from_slice(buffer.get(..bytes).unwrap_or_default());
                    let surplus = self.kept.len().saturating_sub(KEPT);
                    self.kept.drain(..surplus);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
