//! Block devices and file systems that can be made to fail.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::trouble::tool;
use crate::kid::Call;
use crate::{needs, os};

fn text(error: impl ToString) -> String {
    error.to_string()
}

fn image(path: &Path, bytes: u64) -> Result<(), String> {
    fs::File::create(path).and_then(|file| file.set_len(bytes)).map_err(text)
}

/// A file system that is mounted again and again.
pub(super) struct Ext4<'a> {
    image: PathBuf,
    disk: &'a Path,
    options: &'a str,
}

impl<'a> Ext4<'a> {
    pub(super) fn new(call: &Call, disk: &'a Path, options: &'a str) -> Result<Self, String> {
        let image = call.place.ring.join("image");
        let ext4 = Ext4 { image, disk, options };
        let first = Loop::new(&ext4.image, 256 << 20)?;
        tool("mkfs.ext4 -q -E lazy_itable_init=0", &[&first.device])?;
        ext4.mount(&first)?;
        Ok(ext4)
    }

    fn mount(&self, device: &Loop) -> Result<(), String> {
        tool(&format!("mount -t ext4 -o {}", self.options), &[&device.device, self.disk])
    }

    /// Mounts it on a device of its own: who has files open in the old mount keeps that.
    pub(super) fn again(&self) -> Result<(), String> {
        tool("umount -l", &[self.disk])?;
        self.mount(&Loop::attach(&self.image)?)
    }
}

/// Tells an ext4 file system that something is wrong with it.
pub(super) fn trigger(disk: &Path) -> Result<(), String> {
    let source = Command::new("findmnt").args(["-n", "-o", "SOURCE"]).arg(disk).output();
    let source = String::from_utf8_lossy(&source.map_err(text)?.stdout).trim().to_owned();
    let device = Path::new(&source).file_name().unwrap_or_default();
    let switch = Path::new("/sys/fs/ext4").join(device).join("trigger_fs_error");
    fs::write(&switch, "1").map_err(|error| format!("cannot write {}: {error}", switch.display()))
}

pub(super) fn is_read_only(folder: &Path) -> bool {
    let probe = folder.join(".probe");
    let refused = fs::write(&probe, "");
    // Gone again, if it could be made.
    let _ = fs::remove_file(probe);
    refused.is_err_and(|error| error.kind() == std::io::ErrorKind::ReadOnlyFilesystem)
}

/// A disk in memory whose writes fail while a file exists.
pub(super) struct BadDisk {
    servers: Vec<Child>,
    switch: PathBuf,
    pub(super) device: PathBuf,
}

impl BadDisk {
    pub(super) fn new(folder: &Path) -> Result<Self, String> {
        let (socket, switch) = (folder.join("nbd.sock"), folder.join("switch"));
        let device = folder.join("device");
        image(&device, 0)?;
        let mut kit = Command::new("nbdkit");
        kit.args(["--foreground", "--filter=error", "--unix"]).arg(&socket);
        kit.args(["memory", "64M", "error=EIO", "error-pwrite-rate=100%"]);
        kit.arg(format!("error-file={}", switch.display()));
        let mut disk = BadDisk { servers: Vec::new(), switch, device };
        disk.start(kit)?;
        wait_for("nbdkit", || socket.exists())?;
        let mut fuse = Command::new("nbdfuse");
        fuse.arg(&disk.device).arg(format!("nbd+unix:///?socket={}", socket.display()));
        disk.start(fuse)?;
        let size = || fs::metadata(&disk.device).map_or(0, |data| data.len());
        wait_for("nbdfuse", || size() > 0)?;
        Ok(disk)
    }

    fn start(&mut self, mut command: Command) -> Result<(), String> {
        os::die_with_parent(&mut command);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.servers.push(command.spawn().map_err(text)?);
        Ok(())
    }

    pub(super) fn fails(&self, fails: bool) -> Result<(), String> {
        let switched =
            if fails { fs::write(&self.switch, "") } else { fs::remove_file(&self.switch) };
        switched.map_err(text)
    }
}

impl Drop for BadDisk {
    fn drop(&mut self) {
        for mut server in self.servers.drain(..).rev() {
            // Fails only where it has ended.
            let _ = server.kill();
            let _status = server.wait();
        }
    }
}

fn wait_for(what: &str, mut there: impl FnMut() -> bool) -> Result<(), String> {
    let begin = Instant::now();
    while !there() {
        if begin.elapsed() > Duration::from_secs(20) {
            return Err(format!("{what} did not start within 20 s"));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// A file as a block device; let go of, it goes away with its last mount.
pub(super) struct Loop {
    pub(super) device: PathBuf,
}

impl Loop {
    pub(super) fn new(path: &Path, bytes: u64) -> Result<Self, String> {
        image(path, bytes)?;
        Loop::attach(path)
    }

    pub(super) fn attach(path: &Path) -> Result<Self, String> {
        let program = needs::find("losetup").unwrap_or_else(|| "losetup".into());
        let output = Command::new(program).args(["--find", "--show"]).arg(path).output();
        let output = output.map_err(text)?;
        if !output.status.success() {
            return Err(format!("losetup: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        Ok(Loop { device: String::from_utf8_lossy(&output.stdout).trim().into() })
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        // Where it fails, the machine has a loop device less until it is restarted.
        let _ = tool("losetup --detach", &[&self.device]);
    }
}
