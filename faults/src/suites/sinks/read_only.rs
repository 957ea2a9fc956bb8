//! A disk that becomes read-only.

use std::fs;
use std::time::Duration;

use prisma_log_file::{Retention, Rotation};
use serde_json::Value;

use super::Row;
use super::disks::{self, Ext4};
use super::files;
use super::service::{self, Load};
use super::trouble::{self, Trial, tool};
use crate::kid::{Call, Run};
use crate::report::Section;
use crate::{needs, os};

pub(super) static ROW: Row = Row {
    name: "read-only",
    faults: "15",
    what: "a disk that makes itself read-only under load",
    about: "An ext4 file system, mounted with `sync`, finds an error and makes itself read-only with \
        the log open (`errors=remount-ro`); 200 ms after the sink has stopped it is mounted anew. All \
        that was logged must be in the files, once. The load pauses for the moment of the switch: of \
        what is written just then, the kernel itself does not know whether it is on the disk.",
    needs: read_only_needs,
    run: run_read_only,
    child: read_only,
};

const HOLD: Duration = Duration::from_millis(200);
const LOAD: Load = Load { threads: 1, burst: 10, pause: Duration::from_micros(900) };

fn read_only_needs() -> Result<(), String> {
    needs::root()?;
    needs::file("/dev/loop-control")?;
    needs::programs(&[("mkfs.ext4", "e2fsprogs"), ("losetup", "mount"), ("findmnt", "util-linux")])
}

fn run_read_only(run: &Run) -> Result<Section, String> {
    let mut section = Section::new();
    trouble::report(&mut section, run, (ROW.name, "error", ""), run.pick(4, 100))?;
    Ok(section)
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

fn read_only(call: &Call) -> Result<Value, String> {
    os::own_mounts()?;
    // While nothing is mounted, nothing must be written beneath.
    let base = call.place.dir.join("base");
    let disk = base.join("disk");
    fs::create_dir(&base).map_err(text)?;
    tool("mount -t tmpfs none", &[&base])?;
    fs::create_dir(&disk).map_err(text)?;
    tool("mount -o remount,ro", &[&base])?;
    let ext4 = Ext4::new(call, &disk, "errors=remount-ro,sync")?;
    let folder = disk.join("logs");
    fs::create_dir(&folder).map_err(text)?;
    let sink = files::builder(&folder)
        .rotation(Rotation::new().max_bytes(1 << 20))
        .retention(Retention::new().archives(usize::MAX));
    let rounds = call.number(0)?;
    Trial { call, sink, folder: folder.clone(), load: LOAD }.run(|logging| {
        let begin = || {
            if disks::is_read_only(&disk) {
                return Ok(());
            }
            service::in_a_pause(logging, "file", || disks::trigger(&disk))
        };
        trouble::rounds(logging, rounds, HOLD, begin, || ext4.again())
    })
}
