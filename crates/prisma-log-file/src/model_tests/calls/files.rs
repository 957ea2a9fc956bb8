//! Folders and files as one process has them open.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use prisma_log_core::Timestamp;

use super::{Call, Os, Way};
use crate::fs::{Folder, Fs, Handle, Kind, Lock, Open, Stat};
use crate::model_tests::disk::{Disk, Ino, OWNER, errno};

impl Fs for Os {
    fn now(&self) -> Instant {
        let disk = &self.shared.lock().disk;
        disk.began + disk.elapsed
    }

    fn wall(&self) -> Timestamp {
        self.shared.lock().disk.wall
    }

    fn sleep(&self, time: Duration) {
        let disk = &mut self.shared.lock().disk;
        disk.elapsed += time;
        disk.wall = disk.wall.saturating_add(time);
    }

    fn user(&self) -> u32 {
        OWNER
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        self.call(Call::Resolve, || format!("{path:?}"), |disk, _| disk.resolve(path))
    }

    fn create_folders(&self, path: &Path) -> io::Result<()> {
        let what = || format!("{path:?}");
        self.call(Call::CreateFolders, what, |disk, _| disk.create_folders(path))
    }

    fn folder(&self, path: &Path) -> io::Result<Arc<dyn Folder>> {
        let ino = self.call(
            Call::OpenFolder,
            || format!("{path:?}"),
            |disk, _| {
                if disk.has_link_in(path) {
                    return Err(errno(libc::ELOOP));
                }
                let ino = disk.walk(path)?;
                match disk.stat(ino).kind {
                    Kind::Folder => Ok((ino, disk.open(self.pid, ino, false))),
                    _ => Err(errno(libc::ENOTDIR)),
                }
            },
        );
        let (ino, number) = ino?;
        Ok(Arc::new(OpenFolder { os: self.clone(), number, ino }))
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        let what = || format!("{path:?}");
        self.call(Call::StatPath, what, |disk, _| Ok(disk.stat(disk.walk(path)?)))
    }
}

struct OpenFolder {
    os: Os,
    number: u64,
    ino: Ino,
}

impl OpenFolder {
    fn call<R>(
        &self,
        call: Call,
        name: &OsStr,
        act: impl FnOnce(&mut Disk) -> io::Result<R>,
    ) -> io::Result<R> {
        self.os.call(call, || format!("{name:?}"), |disk, _| act(disk))
    }
}

impl Drop for OpenFolder {
    fn drop(&mut self) {
        self.os.shared.lock().disk.close(self.number);
    }
}

impl Folder for OpenFolder {
    fn stat_self(&self) -> io::Result<Stat> {
        self.call(Call::StatFolder, OsStr::new("."), |disk| Ok(disk.stat(self.ino)))
    }

    fn open(&self, name: &OsStr, how: Open) -> io::Result<Arc<dyn Handle>> {
        let call = if matches!(how, Open::Create { .. }) { Call::Create } else { Call::Open };
        let (number, ino) = self.call(call, name, |disk| {
            let ino = match how {
                Open::Create { mode } => disk.create(self.ino, name, mode)?,
                Open::Append | Open::Read => {
                    disk.lookup(self.ino, name).ok_or_else(|| errno(libc::ENOENT))?
                }
            };
            match disk.stat(ino).kind {
                Kind::Link => return Err(errno(libc::ELOOP)),
                Kind::Folder if how != Open::Read => return Err(errno(libc::EISDIR)),
                _ => {}
            }
            Ok((disk.open(self.os.pid, ino, how != Open::Read), ino))
        })?;
        Ok(Arc::new(OpenFile { os: self.os.clone(), number, ino }))
    }

    fn stat(&self, name: &OsStr) -> io::Result<Stat> {
        self.call(Call::StatName, name, |disk| {
            let ino = disk.lookup(self.ino, name).ok_or_else(|| errno(libc::ENOENT))?;
            Ok(disk.stat(ino))
        })
    }

    fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        let what = || format!("{from:?} {to:?}");
        self.os.call(Call::Rename, what, |disk, _| disk.rename(self.ino, from, to))
    }

    fn replace(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        let what = || format!("{from:?} {to:?}");
        self.os.call(Call::Replace, what, |disk, _| disk.replace(self.ino, from, to))
    }

    fn remove(&self, name: &OsStr) -> io::Result<()> {
        self.call(Call::Remove, name, |disk| disk.remove(self.os.pid, self.ino, name))
    }

    fn names(&self) -> io::Result<Vec<OsString>> {
        self.call(Call::Names, OsStr::new("."), |disk| {
            disk.looked = true;
            Ok(disk.entries(self.ino).keys().rev().cloned().collect())
        })
    }

    fn link(&self, target: &Path, name: &OsStr) -> io::Result<()> {
        self.call(Call::Link, name, |disk| disk.link(self.ino, name, target))
    }

    fn read_link(&self, name: &OsStr) -> io::Result<PathBuf> {
        self.call(Call::ReadLink, name, |disk| {
            let ino = disk.lookup(self.ino, name).ok_or_else(|| errno(libc::ENOENT))?;
            disk.link_target(ino).ok_or_else(|| errno(libc::EINVAL))
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.os.call(
            Call::SyncFolder,
            || ".".to_owned(),
            |disk, way| {
                if matches!(way, Way::Whole | Way::Last(128..)) {
                    disk.sync_folder(self.ino);
                }
                Ok(())
            },
        )
    }

    fn available(&self) -> io::Result<u64> {
        self.call(Call::Available, OsStr::new("."), |disk| Ok(disk.available()))
    }
}

struct OpenFile {
    os: Os,
    number: u64,
    ino: Ino,
}

impl OpenFile {
    fn call<R>(
        &self,
        call: Call,
        what: impl FnOnce() -> String,
        act: impl FnOnce(&mut Disk, &Way) -> io::Result<R>,
    ) -> io::Result<R> {
        self.os.call(call, || format!("#{} {}", self.ino, what()), act)
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.os.shared.lock().disk.close(self.number);
    }
}

impl Handle for OpenFile {
    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        let what = || format!("{} {:?}", bytes.len(), String::from_utf8_lossy(bytes));
        self.call(Call::Append, what, |disk, way| {
            let taken = match way {
                Way::Whole => bytes.len(),
                Way::Half => bytes.len().div_ceil(2),
                Way::Last(part) => bytes.len() * usize::from(*part) / 255,
            };
            disk.append(self.number, &bytes[..taken])
        })
    }

    fn written_to(&self) -> io::Result<u64> {
        self.call(Call::WrittenTo, String::new, |disk, _| Ok(disk.position(self.number)))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.call(
            Call::ReadAt,
            || offset.to_string(),
            |disk, way| {
                let bytes = disk.bytes(disk.file_of(self.number)?);
                let rest = &bytes[bytes.len().min(offset as usize)..];
                let all = rest.len().min(buffer.len());
                let taken = if matches!(way, Way::Half) { all.div_ceil(2) } else { all };
                buffer[..taken].copy_from_slice(&rest[..taken]);
                Ok(taken)
            },
        )
    }

    fn overwrite(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.call(
            Call::Overwrite,
            || format!("{offset} +{}", bytes.len()),
            |disk, way| {
                let taken = match way {
                    Way::Last(part) => bytes.len() * usize::from(*part) / 255,
                    _ => bytes.len(),
                };
                disk.put(self.ino, Some(offset), &bytes[..taken]);
                Ok(())
            },
        )
    }

    fn cut(&self, len: u64) -> io::Result<()> {
        self.call(
            Call::Cut,
            || len.to_string(),
            |disk, _| {
                disk.cut(self.ino, len);
                Ok(())
            },
        )
    }

    fn sync(&self) -> io::Result<()> {
        self.call(Call::Sync, String::new, |disk, way| match way {
            Way::Whole | Way::Last(128..) => disk.sync(self.number),
            Way::Half => {
                disk.lose(self.number);
                Ok(())
            }
            Way::Last(_) => Ok(()),
        })
    }

    fn stat(&self) -> io::Result<Stat> {
        let found =
            self.call(Call::Stat, String::new, |disk, _| Ok(disk.stat(disk.file_of(self.number)?)));
        let disk = &mut self.os.shared.lock().disk;
        disk.checked(self.os.pid, self.ino, found.is_ok());
        found
    }

    fn set_mode(&self, mode: u32) -> io::Result<()> {
        self.call(
            Call::SetMode,
            || format!("{mode:o}"),
            |disk, _| {
                disk.set_mode(self.ino, mode);
                Ok(())
            },
        )
    }

    fn set_modified(&self, time: Timestamp) -> io::Result<()> {
        self.call(
            Call::SetModified,
            || time.to_string(),
            |disk, _| {
                disk.set_modified(self.ino, time);
                Ok(())
            },
        )
    }

    fn try_lock(&self, lock: Lock) -> io::Result<()> {
        let what = || format!("{lock:?}");
        self.call(Call::Lock, what, |disk, _| disk.try_lock(self.number, lock))
    }

    fn unlock(&self) -> io::Result<()> {
        self.call(Call::Unlock, String::new, |disk, _| {
            disk.unlock(self.number);
            Ok(())
        })
    }
}
