use std::os::unix::fs::symlink;
use std::process::Command;

use prisma_log_core::SystemClock;
use tempfile::TempDir;

use super::*;

struct Bench {
    temporary: TempDir,
    fs: RealFs,
    folder: Arc<dyn Folder>,
}

impl Bench {
    fn new() -> Self {
        let temporary = TempDir::new().unwrap();
        let fs = RealFs::new(Box::new(SystemClock));
        let folder = fs.folder(&fs.resolve(temporary.path()).unwrap()).unwrap();
        Bench { temporary, fs, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.temporary.path().join(name)
    }

    fn open(&self, name: &str, how: Open) -> io::Result<Arc<dyn Handle>> {
        self.folder.open(name.as_ref(), how)
    }
}

fn name(text: &str) -> &OsStr {
    OsStr::new(text)
}

#[test]
fn the_open_itself_follows_no_link_and_never_blocks() {
    // What is at the name may be swapped between the check and the open.
    let bench = Bench::new();
    fs::write(bench.path("target"), "").unwrap();
    symlink(bench.path("target"), bench.path("link")).unwrap();
    symlink(bench.path("nowhere"), bench.path("dangling")).unwrap();
    for how in [Open::Append, Open::Read] {
        let error = bench.open("link", how).err().unwrap();
        assert_eq!(error.raw_os_error(), Some(libc::ELOOP), "{how:?}");
    }
    for taken in ["link", "dangling", "target"] {
        let error = bench.open(taken, Open::Create { mode: 0o640 }).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{taken}");
    }
    assert!(!bench.path("nowhere").exists());
    assert!(Command::new("mkfifo").arg(bench.path("fifo")).status().unwrap().success());
    let fifo = bench.open("fifo", Open::Append).unwrap();
    assert_eq!(fifo.stat().unwrap().kind, crate::fs::Kind::Fifo);
}

#[test]
fn no_link_anywhere_on_the_way_to_a_folder() {
    let bench = Bench::new();
    let root = bench.fs.resolve(bench.temporary.path()).unwrap();
    fs::create_dir_all(root.join("a/b")).unwrap();
    symlink("a", root.join("link")).unwrap();
    assert!(bench.fs.folder(&root.join("a/b")).is_ok());
    for path in ["link", "link/b"] {
        let error = bench.fs.folder(&root.join(path)).err().unwrap();
        assert!(
            matches!(error.raw_os_error(), Some(libc::ELOOP | libc::ENOTDIR)),
            "{path}: {error}"
        );
    }
    fs::write(root.join("file"), "").unwrap();
    assert_eq!(bench.fs.folder(&root.join("file")).err().unwrap().kind(), ErrorKind::NotADirectory);
}

#[test]
fn a_rename_takes_no_name_from_anything() {
    let bench = Bench::new();
    fs::write(bench.path("from"), "from").unwrap();
    fs::write(bench.path("file"), "file").unwrap();
    fs::create_dir(bench.path("folder")).unwrap();
    symlink("nowhere", bench.path("dangling")).unwrap();
    for taken in ["file", "folder", "dangling"] {
        let error = bench.folder.rename(name("from"), name(taken)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{taken}");
    }
    bench.folder.rename(name("from"), name("free")).unwrap();
    assert_eq!(fs::read_to_string(bench.path("free")).unwrap(), "from");
    bench.folder.replace(name("free"), name("file")).unwrap();
    assert_eq!(fs::read_to_string(bench.path("file")).unwrap(), "from");
    let mut names = bench.folder.names().unwrap();
    names.sort();
    assert_eq!(names, ["dangling", "file", "folder"]);
    // Read anew each time.
    bench.folder.remove(name("dangling")).unwrap();
    assert_eq!(bench.folder.names().unwrap().len(), 2);
    assert!(bench.folder.remove(name("folder")).is_err());
}

#[test]
fn bytes_are_replaced_at_any_place_though_others_are_appended() {
    let bench = Bench::new();
    let file = bench.open("file", Open::Create { mode: 0o600 }).unwrap();
    assert_eq!(file.append(b"one two").unwrap(), 7);
    assert_eq!(file.written_to().unwrap(), 7);
    file.overwrite(b"ONE", 0).unwrap();
    fs::rename(bench.path("file"), bench.path("moved")).unwrap();
    file.overwrite(b"TWO", 4).unwrap();
    let text = fs::read_to_string(bench.path("moved")).unwrap();
    assert_eq!(text, "ONE TWO");
    fs::remove_file(bench.path("moved")).unwrap();
    file.overwrite(b"!", 3).unwrap();
    let mut there = [0; 9];
    assert_eq!(file.read_at(&mut there, 0).unwrap(), 7);
    assert_eq!(&there, b"ONE!TWO\0\0");
    assert_eq!(file.stat().unwrap().links, 0);
}

#[test]
fn both_calls_know_the_same_of_a_file() {
    let bench = Bench::new();
    let file = bench.open("file", Open::Create { mode: 0o604 }).unwrap();
    file.append(b"text").unwrap();
    for nanos in [1_795_507_200_123_456_789, -1_500_000_000, 0] {
        let time = Timestamp::from_unix_nanos(nanos);
        file.set_modified(time).unwrap();
        let told = bench.folder.stat(name("file")).unwrap();
        assert_eq!(told, file.stat().unwrap());
        assert_eq!((told.len, told.links, told.modified), (4, 1, time));
        assert_eq!(told.owner, bench.fs.user());
        assert_eq!(told, bench.fs.stat(&bench.path("file")).unwrap());
        let older_call = stat::from_stat(&rustix::fs::stat(bench.path("file")).unwrap());
        assert_eq!(older_call, Stat { born: 0, ..told });
    }
    file.set_mode(0o640).unwrap();
    assert_eq!(file.stat().unwrap().mode, 0o640);
    assert!(bench.folder.available().unwrap() > 0);
}
