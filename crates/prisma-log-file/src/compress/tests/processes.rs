//! Several processes on one folder, killed or not.

use std::process::{Child, Command, Stdio};

use super::folder::{Heard, Site, counted_pass, formats};
use super::*;

/// Tells the test below that it is one of the processes, and where.
const FOLDER: &str = "PRISMA_LOG_FILE_TEST_PACK_IN";
const FORMAT: &str = "PRISMA_LOG_FILE_TEST_PACK_AS";

fn start(site: &Site, packing: Packing) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "compress::tests::processes::one_process", "--nocapture"])
        .env(FOLDER, site.dir.path())
        .env(FORMAT, packing.ending())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Does nothing unless it is started by another test.
#[test]
fn one_process() {
    let Some(path) = std::env::var_os(FOLDER) else { return };
    let format = std::env::var(FORMAT).unwrap();
    let packing = Packing::of_ending(&format).unwrap();
    let folder = super::folder::real_fs().folder(Path::new(&path)).unwrap();
    let mut changes = 0;
    let heard = Heard::default();
    loop {
        let (all, changed) = counted_pass(&*folder, packing, &heard, &mut Vec::new());
        changes += changed;
        if all {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(heard.errors().is_empty(), "{:?}", heard.errors());
    println!("changes={changes};");
}

#[test]
fn each_archive_is_compressed_by_one_of_them() {
    const ARCHIVES: usize = 40;
    for packing in formats() {
        let site = Site::of(ARCHIVES);
        let children: Vec<_> = (0..6).map(|_| start(&site, packing)).collect();
        let mut changes = 0;
        for child in children {
            let output = child.wait_with_output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout);
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{text}{told}");
            let (_, after) = text.split_once("changes=").unwrap();
            changes += after.split_once(';').unwrap().0.parse::<usize>().unwrap();
        }
        site.check_done(packing);
        // One when the compressed file appears, one when the plain one goes.
        assert_eq!(changes, 2 * (ARCHIVES - 1));
    }
}

#[test]
fn killed_at_any_moment() {
    let mut random = fastrand::Rng::with_seed(29);
    for packing in formats() {
        let site = Site::of(30);
        for _ in 0..12 {
            let mut children = [start(&site, packing), start(&site, packing)];
            std::thread::sleep(Duration::from_millis(random.u64(0..60)));
            for child in &mut children {
                child.kill().unwrap();
                child.wait().unwrap();
            }
            site.check_readable();
        }
        assert!(site.pass(packing));
        site.check_done(packing);
    }
}
