//! `plog config check` on files that are each broken in some way: it points at the line. The files
//! are the configuration crate's; `# expect: LINE:COLUMN MESSAGE` in them says what must be found.

use std::path::{Path, PathBuf};

use crate::support::run;

#[test]
fn config_check_points_at_the_line_of_every_mistake() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../prisma-log-config/tests/data/broken");
    let mut files: Vec<PathBuf> = [data.clone(), data.join("alerts")]
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap().flatten())
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    let (mut mistakes, mut wrong) = (0, Vec::new());
    for file in &files {
        let text = String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned();
        let said = run(&data, &["config", "check", file.to_str().unwrap()]);
        assert_eq!(said.code, 2, "{}: {}", file.display(), said.stderr);
        let said_json = run(&data, &["config", "check", "--json", file.to_str().unwrap()]);
        let json = said_json.json();
        for expect in text.lines().filter_map(|line| line.strip_prefix("# expect: ")) {
            mistakes += 1;
            let (place, message) = expect.split_once(' ').unwrap();
            let (line, column) = place.split_once(':').unwrap();
            let (line, column): (u32, u32) = (line.parse().unwrap(), column.parse().unwrap());
            let found = json.iter().any(|mistake| {
                mistake["line"] == line
                    && mistake["column"] == column
                    && mistake["message"].as_str().unwrap().contains(message)
            });
            let shown = format!("{}:{place}", file.file_name().unwrap().to_string_lossy());
            if !found || !said.stderr.contains(&shown) {
                wrong.push(format!("{shown} {message}\n{}", said.stderr));
            }
        }
    }
    println!("{} broken files, {mistakes} mistakes, {} misplaced", files.len(), wrong.len());
    assert!(files.len() >= 10 && mistakes >= files.len() - 1);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
