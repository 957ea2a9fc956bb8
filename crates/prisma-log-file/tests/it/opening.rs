//! What is opened, with which permissions, and what is refused with which words.

use std::fs::{self, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};

use prisma_log_core::{Durability, Error, Sink as _};
use prisma_log_file::FileSink;
use tempfile::TempDir;

use crate::support::{files, lines, quiet, sized, write};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn refusal(path: &Path) -> Error {
    quiet(path).build().expect_err("should be refused")
}

#[test]
fn only_regular_files_are_opened() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let check = |path: &Path, what: &str| {
        let error = refusal(path);
        assert!(error.is_config(), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(what) && text.contains(path.to_str().unwrap()), "{text}");
    };
    fs::create_dir(path("folder")).unwrap();
    check(&path("folder"), "a directory");
    assert!(Command::new("mkfifo").arg(path("fifo")).status().unwrap().success());
    check(&path("fifo"), "a FIFO");
    fs::write(path("target"), "untouched").unwrap();
    symlink(path("target"), path("link")).unwrap();
    check(&path("link"), "a symbolic link");
    symlink(path("nowhere"), path("dangling")).unwrap();
    check(&path("dangling"), "a symbolic link");
    assert!(!path("nowhere").exists());
    let _listener = UnixListener::bind(path("socket")).unwrap();
    check(&path("socket"), "a socket");
    check(Path::new("/dev/full"), "a device");
    assert_eq!(fs::read_to_string(path("target")).unwrap(), "untouched");
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let check = |built: Result<FileSink, Error>, words: [&str; 2]| {
        let error = built.expect_err(words[0]);
        assert!(error.is_config(), "{error:?}");
        let text = error.to_string();
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    };
    check(sized(&path, 1023, 5).build(), ["max_bytes", "1024"]);
    check(sized(&path, 0, 5).build(), ["max_bytes", "any size"]);
    check(quiet(&path).mode(0o440).build(), ["mode", "0o440"]);
    check(quiet(&path).mode(0o4755).build(), ["mode", "0o4755"]);
    check(quiet(Path::new("")).build(), ["names no file", "app.log"]);
    check(quiet(&folder.path().join("x/")).build(), ["names no file", "app.log"]);
    check(quiet(&folder.path().join("..")).build(), ["names no file", "app.log"]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was made");
    sized(&path, 1024, 5).build().unwrap();
}

#[test]
fn folders_are_created_unless_told_otherwise() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a/b/app.log");
    let error = quiet(&path).create_dirs(false).build().unwrap_err();
    assert_eq!(error.io_kind(), Some(std::io::ErrorKind::NotFound));
    assert!(!folder.path().join("a").exists());
    let mut sink = quiet(&path).build().unwrap();

    // And again when they vanish.
    write(&mut sink, &["one"]).unwrap();
    fs::remove_dir_all(folder.path().join("a")).unwrap();
    write(&mut sink, &["two"]).unwrap();
    assert_eq!(lines(&[path]), ["two"]);
}

#[test]
fn a_file_in_the_way_of_a_folder_is_named() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let error = refusal(&folder.path().join("file/app.log"));
    assert!(error.is_io() && error.to_string().contains("/file: Not a directory"), "{error}");
}

#[test]
fn permissions_are_as_asked_whatever_the_umask() {
    let folder = TempDir::new().unwrap();
    let run = |umask: &str| {
        let program = std::env::current_exe().unwrap();
        let path = folder.path().join(umask);
        let status = Command::new("sh")
            .args(["-c", r#"umask "$0" && exec "$@""#, umask])
            .arg(program)
            .args(["--exact", "opening::child_creates_files"])
            .env("PRISMA_LOG_TEST_FOLDER", &path)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
        let mut made = files(&path);
        assert_eq!(made.len(), 3);
        made.push(path.join(".app.log.lock"));
        for path in made {
            assert_eq!(mode(&path), 0o640, "{} under umask {umask}", path.display());
        }
        assert_eq!(mode(&path.join("new/open.log")), 0o666, "under umask {umask}");
        assert_eq!(mode(&path.join("new")) & 0o022, 0, "under umask {umask}");
    };
    run("0000");
    run("0077");
    run("0022");
}

#[test]
fn child_creates_files() {
    let Some(folder) = std::env::var_os("PRISMA_LOG_TEST_FOLDER") else { return };
    let folder = Path::new(&folder);
    fs::DirBuilder::new().mode(0o755).create(folder).unwrap();
    std::env::set_current_dir(folder).unwrap();
    let mut sink = sized(Path::new("app.log"), 1024, 5).build().unwrap();
    // As daemons do; the log stays where it was opened.
    std::env::set_current_dir("/").unwrap();
    assert_eq!(sink.path(), folder.join("app.log"));
    for _ in 0..3 {
        write(&mut sink, &["x".repeat(1000)]).unwrap();
    }
    quiet(&folder.join("new/open.log")).mode(0o666).build().unwrap();
}

#[test]
fn a_file_that_exists_keeps_its_permissions_and_content() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    fs::write(&path, "there\n").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o604)).unwrap();
    let mut sink = quiet(&path).build().unwrap();
    write(&mut sink, &["new"]).unwrap();
    assert_eq!((mode(&path), lines(&[path])), (0o604, vec!["there".into(), "new".into()]));
    assert_eq!(sink.durability(), Durability::PageCache);
}

/// Whether permissions stop this process at all: they don't stop the superuser.
fn permissions_bind(folder: &Path) -> bool {
    let probe = folder.join("probe");
    fs::create_dir(&probe).unwrap();
    fs::set_permissions(&probe, Permissions::from_mode(0o500)).unwrap();
    let bound = fs::write(probe.join("x"), "").is_err();
    fs::remove_dir_all(&probe).unwrap();
    bound
}

#[test]
fn a_folder_without_write_permission() {
    let folder = TempDir::new().unwrap();
    let program = std::env::current_exe().unwrap();
    // As root, the check runs as nobody; a copy of the program is where nobody may read it.
    if permissions_bind(folder.path()) {
        return read_only_folder(folder.path());
    }
    let copy = folder.path().join("program");
    fs::copy(program, &copy).unwrap();
    fs::set_permissions(&copy, Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    let status = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&copy)
        .args(["--exact", "opening::child_in_a_read_only_folder"])
        .env("PRISMA_LOG_TEST_READ_ONLY", folder.path())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn child_in_a_read_only_folder() {
    if let Some(folder) = std::env::var_os("PRISMA_LOG_TEST_READ_ONLY") {
        read_only_folder(Path::new(&folder));
    }
}

fn read_only_folder(folder: &Path) {
    let folder = folder.join("logs");
    fs::create_dir(&folder).unwrap();
    let path = folder.join("app.log");
    let errors = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = std::sync::Arc::clone(&errors);
    let mut sink = sized(&path, 1024, 5)
        .on_error(move |error| heard.lock().unwrap().push(error.to_string()))
        .build()
        .unwrap();
    write(&mut sink, &["x".repeat(1000)]).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o500)).unwrap();

    // No rotation, but no record lost either.
    write(&mut sink, &["y".repeat(1000)]).unwrap();
    write(&mut sink, &["z".repeat(1000)]).unwrap();
    let told = errors.lock().unwrap().join("\n");
    assert!(told.contains("cannot rotate") && told.contains("ermission denied"), "{told}");
    assert_eq!(errors.lock().unwrap().len(), 1);
    let error = refusal(&folder.join("other.log"));
    assert_eq!(error.io_kind(), Some(std::io::ErrorKind::PermissionDenied), "{error}");
    assert!(error.to_string().contains("other.log"));
    drop(sink);

    // Names that can't be read are enough for a sink that doesn't rotate.
    let unreadable = folder.join("unreadable");
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    fs::create_dir(&unreadable).unwrap();
    fs::set_permissions(&unreadable, Permissions::from_mode(0o300)).unwrap();
    let mut sink = quiet(&unreadable.join("app.log")).build().unwrap();
    write(&mut sink, &["one"]).unwrap();
    assert_eq!(lines(&[unreadable.join("app.log")]), ["one"]);
    fs::set_permissions(&unreadable, Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o500)).unwrap();

    // A file that is there is enough for a sink that doesn't rotate.
    write(&mut quiet(&path).build().unwrap(), &["more"]).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    assert_eq!(lines(&[path]).len(), 4);
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_file_locked_exclusively_by_another_program_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let holder = fs::File::create(&path).unwrap();
    holder.lock().unwrap();
    assert!(refusal(&path).to_string().contains("locked"));
    holder.unlock().unwrap();
    quiet(&path).build().unwrap();
}
