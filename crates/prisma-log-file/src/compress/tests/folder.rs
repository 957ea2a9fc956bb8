//! A folder with archives in it, and what must be true of it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::time::{Duration, UNIX_EPOCH};

use prisma_log_core::{SystemClock, Timestamp};
use tempfile::TempDir;

use super::*;
use crate::compression::Packing;
use crate::names::Stamp;
use crate::real::RealFs;
use crate::zone::Zone;

pub(super) const BASE: &str = "app.log";
/// When the first archive was written last; the others follow, a minute each.
pub(super) const FIRST: i64 = 1_795_478_398;
pub(super) const MODE: u32 = 0o640;
/// Many steps in little time.
pub(super) const SMALL_PIECE: usize = 4096;
/// How long archives are, more or less.
pub(super) const LEN: usize = 3 * SMALL_PIECE - 1000;

/// The formats that were built in.
pub(super) fn formats() -> impl Iterator<Item = Packing> {
    Packing::ALL.into_iter().filter(|packing| packing.is_built_in())
}

pub(super) fn names() -> Names {
    Names::new(OsStr::new(BASE), Zone::UTC)
}

pub(super) fn real_fs() -> RealFs {
    RealFs::new(Box::new(SystemClock))
}

/// The plain archive of this index.
pub(super) fn archive(index: usize) -> Archive {
    let stamp = Stamp { seconds: FIRST + 60 * index as i64, offset: 0 };
    Archive { stamp, number: 1, packed: None }
}

/// Lines that are compressed to about a tenth, different for each archive.
pub(super) fn lines(index: usize, len: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(len + 100);
    let mut random = fastrand::Rng::with_seed(index as u64);
    while text.len() < len {
        let line = format!(
            "{{\"level\":\"INFO\",\"msg\":\"order processed\",\"n\":{}}}\n",
            random.u32(..)
        );
        text.extend_from_slice(line.as_bytes());
    }
    text.truncate(len);
    text
}

/// A folder of its own for a test.
pub(super) struct Site {
    pub(super) dir: TempDir,
    contents: Vec<Vec<u8>>,
}

impl Site {
    /// Archives with these contents, the oldest first.
    pub(super) fn new(contents: Vec<Vec<u8>>) -> Site {
        let site = Site { dir: TempDir::new().unwrap(), contents };
        for (index, content) in site.contents.iter().enumerate() {
            site.put(&site.name(&archive(index)), content, index);
        }
        fs::write(site.dir.path().join(BASE), "the current one\n").unwrap();
        site
    }

    /// So many archives of some pieces each.
    pub(super) fn of(count: usize) -> Site {
        Site::new((0..count).map(|index| lines(index, LEN + 7 * index)).collect())
    }

    pub(super) fn name(&self, archive: &Archive) -> String {
        names().name(archive).into_string().unwrap()
    }

    pub(super) fn packed_name(&self, index: usize, packing: Packing) -> String {
        self.name(&archive(index).packed_as(Some(packing)))
    }

    pub(super) fn temporary(&self, index: usize, packing: Packing) -> String {
        let packed = archive(index).packed_as(Some(packing));
        names().temporary(&packed).into_string().unwrap()
    }

    /// A file as the rotation of an archive of this index leaves it.
    pub(super) fn put(&self, name: &str, content: &[u8], index: usize) {
        let path = self.dir.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(MODE)).unwrap();
        let modified = UNIX_EPOCH + Duration::from_secs((FIRST + 60 * index as i64) as u64);
        fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    }

    pub(super) fn folder(&self) -> Arc<dyn Folder> {
        real_fs().folder(self.dir.path()).unwrap()
    }

    /// One look over the folder, nothing in the way.
    pub(super) fn pass(&self, packing: Packing) -> bool {
        let heard = Heard::default();
        let all = pass(&*self.folder(), packing, &heard, &mut Vec::new());
        assert!(heard.errors().is_empty(), "{:?}", heard.errors());
        all
    }

    /// All files but the current one: name and content.
    pub(super) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(self.dir.path()).unwrap().map(|entry| entry.unwrap());
        let files = entries.filter(|entry| entry.file_name() != BASE);
        files
            .map(|entry| {
                let name = entry.file_name().into_string().unwrap();
                (name, fs::read(entry.path()).unwrap())
            })
            .collect()
    }

    /// Each archive can be read in one form at least, and whatever has an archive's name is whole.
    pub(super) fn check_readable(&self) {
        let files = self.files();
        for (index, expect) in self.contents.iter().enumerate() {
            let mut forms = 0;
            for packed in [None, Some(Packing::Gzip), Some(Packing::Zstd)] {
                let name = self.name(&archive(index).packed_as(packed));
                let Some(found) = files.get(&name) else { continue };
                let found = packed.map_or_else(|| found.clone(), |packing| unpack(packing, found));
                assert!(&found == expect, "{name} is damaged");
                forms += 1;
            }
            assert!(forms > 0, "archive {index} is gone: {:?}", files.keys());
        }
    }

    /// All but the newest are compressed, and nothing else is in the folder.
    pub(super) fn check_done(&self, packing: Packing) {
        self.check_readable();
        let last = self.contents.len() - 1;
        let mut expect: Vec<_> = (0..last).map(|index| self.packed_name(index, packing)).collect();
        expect.push(self.name(&archive(last)));
        assert_eq!(self.files().into_keys().collect::<Vec<_>>(), expect);
        for (index, name) in expect.iter().enumerate() {
            let found = fs::metadata(self.dir.path().join(name)).unwrap();
            assert_eq!(found.mode() & 0o7777, MODE, "{name}");
            assert_eq!(found.mtime(), FIRST + 60 * index as i64, "{name}");
        }
    }
}

pub(super) fn unpack(packing: Packing, packed: &[u8]) -> Vec<u8> {
    let mut found = Vec::new();
    encode::unpacker(packing, packed).unwrap().unwrap().read_to_end(&mut found).unwrap();
    found
}

pub(super) fn packed(packing: Packing, content: &[u8]) -> Vec<u8> {
    let mut packer = encode::packer(packing, Timestamp::UNIX_EPOCH).unwrap().unwrap();
    packer.feed(content).unwrap();
    packer.finish().unwrap();
    std::mem::take(packer.output())
}

/// The errors that were reported.
#[derive(Default)]
pub(super) struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    pub(super) fn failures(&self) -> Failures {
        let heard = Arc::clone(&self.0);
        Failures::new(Some(Box::new(move |error| heard.lock().unwrap().push(error.to_string()))))
    }

    pub(super) fn errors(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// One look over a folder, as the thread does it.
pub(super) fn pass(
    folder: &dyn Folder,
    packing: Packing,
    heard: &Heard,
    left_alone: &mut Vec<Archive>,
) -> bool {
    counted_pass(folder, packing, heard, left_alone).0
}

/// With how often the archives there are have changed.
pub(super) fn counted_pass(
    folder: &dyn Folder,
    packing: Packing,
    heard: &Heard,
    left_alone: &mut Vec<Archive>,
) -> (bool, u64) {
    let progress = Progress::default();
    let task = pass::Task {
        folder,
        path: Path::new("/logs"),
        names: &names(),
        packing,
        user: real_fs().user(),
        piece: SMALL_PIECE,
        progress: &progress,
        failures: &heard.failures(),
    };
    let all = task.run(left_alone);
    assert_eq!(progress.temporary.load(Ordering::Relaxed), 0);
    (all, progress.generation.load(Ordering::Relaxed))
}
