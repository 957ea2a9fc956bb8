//! `floorplan`: the table in `ARCHITECTURE.md` against the manifests.

use std::collections::BTreeSet;

use crate::cli::Chore;
use crate::finding::{Finding, report};
use crate::manifest::dependency_line;
use crate::shell::Outcome;
use crate::workspace::{Member, Workspace};

pub(crate) static CHORE: Chore = Chore {
    name: "floorplan",
    summary: "compare the floor table of ARCHITECTURE.md with the manifests",
    arguments: "",
    details: "
Every crate under crates/ has a row `| floor | crate | what it is | may import |`, and its folder
has its name. A dependency (also optional, platform-dependent or for build scripts) points to a
lower floor and stands in the table. A dev-dependency needs no permission, but points to a lower
floor or to the yard, so that it never ties a crate's tests to what is built on it. The yard
stands beside the house: only tests import it. examples/ and xtask/ are outside; nothing imports
them. Permissions that nobody uses are reported and are no error.",
    run: |args| {
        args.end()?;
        run()
    },
};

const LAW: &str = "ARCHITECTURE.md";
const PREFIX: &str = "prisma-log-";

/// Runs the chore.
pub(crate) fn run() -> Outcome {
    let workspace = Workspace::load()?;
    let law = workspace.read_text(LAW)?;
    let house = workspace.members.iter().filter(|m| m.folder.starts_with("crates/")).count();
    println!("floorplan: {house} crates under crates/");
    report(check(&law, &workspace.members))
}

/// A row of the table.
#[derive(Debug, PartialEq, Eq)]
struct Room {
    name: String,
    /// `None` for the yard.
    floor: Option<u32>,
    may_import: Vec<String>,
    /// Line in the law.
    line: usize,
}

impl Room {
    fn floor_name(&self) -> String {
        self.floor.map_or_else(|| "the yard".to_owned(), |floor| format!("floor {floor}"))
    }

    /// Whether an arrow from here to there points down. Everything in the house is below the yard.
    fn is_above(&self, other: &Room) -> bool {
        match (self.floor, other.floor) {
            (Some(mine), Some(theirs)) => theirs < mine,
            (None, Some(_)) => true,
            (_, None) => false,
        }
    }
}

fn check(law: &str, members: &[Member]) -> Vec<Finding> {
    let (rooms, mut findings) = read_table(law);
    if !findings.is_empty() {
        return findings; // What follows would complain about rows that can't be read.
    }
    if rooms.is_empty() {
        let wanted = "no table `| floor | crate | what it is | may import |`";
        findings.push(Finding::error(LAW, 0, wanted));
        return findings;
    }
    let room_of = |name: &str| rooms.iter().find(|room| room.name == name);
    let in_house = |member: &&Member| member.folder.starts_with("crates/");

    for room in &rooms {
        if !members.iter().filter(in_house).any(|member| member.name == room.name) {
            let message = format!("`{}` has a row, but there is no crates/{0}", room.name);
            findings.push(Finding::error(LAW, room.line, message));
        }
        for name in &room.may_import {
            let message = match room_of(name) {
                None => format!("`{}` may import `{name}`, which has no row", room.name),
                Some(other) if !room.is_above(other) => {
                    let (mine, theirs) = (room.floor_name(), other.floor_name());
                    format!("`{}` ({mine}) may import `{name}` ({theirs}): not down", room.name)
                }
                Some(_) => continue,
            };
            findings.push(Finding::error(LAW, room.line, message));
        }
    }
    for member in members {
        let folder_name = member.folder.rsplit('/').next().unwrap_or_default();
        if in_house(&member) && folder_name != member.name {
            let message = format!("the crate in {} is called `{}`", member.folder, member.name);
            findings.push(Finding::error(&member.manifest_path(), 0, message));
        }
        match room_of(&member.name) {
            Some(room) => findings.extend(check_room(room, member, members, &room_of)),
            None if in_house(&member) => {
                let message = format!("`{}` has no row in {LAW}", member.name);
                findings.push(Finding::error(&member.manifest_path(), 0, message));
            }
            None => {}
        }
    }
    findings
}

fn check_room<'a>(
    room: &Room,
    member: &Member,
    members: &[Member],
    room_of: &impl Fn(&str) -> Option<&'a Room>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut unused: BTreeSet<&str> = room.may_import.iter().map(String::as_str).collect();
    let mine = room.floor_name();
    for dependency in &member.dependencies {
        let name = dependency.name.as_str();
        if !members.iter().any(|other| other.name == name) {
            continue; // A third party's.
        }
        let permitted = unused.remove(name) || room.may_import.iter().any(|other| other == name);
        let complaint = match room_of(name) {
            None => format!("`{}` imports `{name}`, which is outside the house", room.name),
            Some(other) if dependency.dev && (other.floor.is_none() || room.is_above(other)) => {
                continue;
            }
            Some(other) if !room.is_above(other) => {
                let theirs = other.floor_name();
                let way = if room.floor == other.floor { "sideways" } else { "up" };
                let way = if other.floor.is_none() { "into the yard, for tests only" } else { way };
                format!("`{}` ({mine}) imports `{name}` ({theirs}): {way}", room.name)
            }
            Some(_) if permitted => continue,
            Some(_) => format!("`{}` imports `{name}`, which {LAW} does not permit", room.name),
        };
        let line = dependency_line(&member.manifest, name, dependency.dev);
        findings.push(Finding::error(&member.manifest_path(), line, complaint));
    }
    for name in unused {
        let message = format!("`{}` may import `{name}` and does not", room.name);
        findings.push(Finding::note(LAW, room.line, message));
    }
    findings
}

fn read_table(law: &str) -> (Vec<Room>, Vec<Finding>) {
    let mut rooms: Vec<Room> = Vec::new();
    let mut findings = Vec::new();
    let mut inside = false;
    for (index, text) in law.lines().enumerate() {
        let line = index + 1;
        let cells: Vec<&str> = text.trim().trim_matches('|').split('|').map(str::trim).collect();
        if cells.first() == Some(&"floor") && cells.get(1) == Some(&"crate") {
            inside = true;
        } else if inside && !text.trim_start().starts_with('|') {
            break;
        } else if inside && !cells[0].starts_with("---") {
            let floor = match cells[0] {
                "yard" => Some(None),
                number => number.parse().ok().map(Some),
            };
            let (Some(floor), &[_, names, _, imports]) = (floor, &cells[..]) else {
                let wanted =
                    "expected `| floor number or yard | crate | what it is | may import |`";
                findings.push(Finding::error(LAW, line, wanted));
                continue;
            };
            let may_import: Vec<String> = match imports.trim_matches(['–', '—', '-', ' ']) {
                "" => Vec::new(),
                list => list.split(',').map(full_name).collect(),
            };
            for name in names.split(',').map(full_name) {
                if let Some(first) = rooms.iter().find(|room| room.name == name) {
                    let message = format!("`{name}` has a row already, in line {}", first.line);
                    findings.push(Finding::error(LAW, line, message));
                }
                rooms.push(Room { name, floor, may_import: may_import.clone(), line });
            }
        }
    }
    (rooms, findings)
}

/// `core` stands for `prisma-log-core`.
fn full_name(cell: &str) -> String {
    let name = cell.trim().trim_matches('`');
    if name == PREFIX.trim_end_matches('-') || name.starts_with(PREFIX) {
        name.to_owned()
    } else {
        format!("{PREFIX}{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    const TABLE: &str = "\
text
| floor | crate | what it is | may import |
| --- | --- | --- | --- |
| 0 | `prisma-log-core` | x | – |
| 1 | `prisma-log-format` | x | core |
| 1 | `prisma-log-context` | x | core |
| 2 | `prisma-log-file` | x | core, format |
| yard | `prisma-log-testkit` | x | core |

| floor | crate | another table |
";

    /// A house that fits `TABLE`; a dependency that begins with `dev:` is one of tests.
    fn house() -> Vec<(&'static str, Vec<&'static str>)> {
        vec![
            ("crates/prisma-log-core", vec!["slog", "dev:prisma-log-testkit"]),
            ("crates/prisma-log-format", vec!["prisma-log-core"]),
            ("crates/prisma-log-context", vec!["prisma-log-core"]),
            ("crates/prisma-log-file", vec!["prisma-log-core", "prisma-log-format"]),
            ("crates/prisma-log-testkit", vec!["prisma-log-core"]),
            ("examples", vec!["prisma-log-file", "prisma-log-testkit"]),
        ]
    }

    fn members(house: &[(&'static str, Vec<&'static str>)]) -> Vec<Member> {
        let member = |(folder, dependencies): &(&'static str, Vec<&'static str>)| {
            let mut member = Member { folder: (*folder).to_owned(), ..Member::default() };
            member.name = folder.trim_start_matches("crates/").to_owned();
            for name in dependencies {
                let (dev, name) = match name.strip_prefix("dev:") {
                    Some(name) => (true, name),
                    None => (false, *name),
                };
                let table = if dev { "dev-dependencies" } else { "dependencies" };
                member.manifest += &format!("[{table}]\n{name}.workspace = true\n");
                member.dependencies.push(Dependency { name: name.to_owned(), dev });
            }
            member
        };
        house.iter().map(member).collect()
    }

    /// What is found when `edit` changed the house and the table.
    fn found(edit: impl Fn(&mut Vec<(&'static str, Vec<&'static str>)>, &mut String)) -> String {
        let (mut house, mut table) = (house(), TABLE.to_owned());
        edit(&mut house, &mut table);
        let findings = check(&table, &members(&house));
        findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_house_that_fits_its_table_is_green() {
        assert_eq!(found(|_, _| {}), "");
    }

    #[test]
    fn finds_what_breaks_the_law() {
        let import = |crate_index: usize, name: &'static str| {
            found(move |house, _| house[crate_index].1.push(name))
        };
        let check = |found: String, expect: &str| assert_eq!(found, expect);
        check(
            import(0, "prisma-log-file"),
            "error: crates/prisma-log-core/Cargo.toml:6: `prisma-log-core` (floor 0) imports \
             `prisma-log-file` (floor 2): up",
        );
        check(
            import(1, "prisma-log-context"),
            "error: crates/prisma-log-format/Cargo.toml:4: `prisma-log-format` (floor 1) imports \
             `prisma-log-context` (floor 1): sideways",
        );
        check(
            import(3, "prisma-log-context"),
            "error: crates/prisma-log-file/Cargo.toml:6: `prisma-log-file` imports \
             `prisma-log-context`, which ARCHITECTURE.md does not permit",
        );
        check(import(3, "dev:prisma-log-context"), "");
        check(
            import(1, "dev:prisma-log-file"),
            "error: crates/prisma-log-format/Cargo.toml:4: `prisma-log-format` (floor 1) imports \
             `prisma-log-file` (floor 2): up",
        );
        check(
            import(3, "prisma-log-testkit"),
            "error: crates/prisma-log-file/Cargo.toml:6: `prisma-log-file` (floor 2) imports \
             `prisma-log-testkit` (the yard): into the yard, for tests only",
        );
        check(
            import(3, "examples"),
            "error: crates/prisma-log-file/Cargo.toml:6: `prisma-log-file` imports `examples`, \
             which is outside the house",
        );
    }

    #[test]
    fn finds_where_table_and_folders_differ() {
        let check = |found: String, expect: &str| assert_eq!(found, expect);
        check(
            found(|house, _| house.push(("crates/prisma-log-new", vec![]))),
            "error: crates/prisma-log-new/Cargo.toml: `prisma-log-new` has no row in \
             ARCHITECTURE.md",
        );
        check(
            found(|house, _| drop(house.remove(2))),
            "error: ARCHITECTURE.md:6: `prisma-log-context` has a row, but there is no \
             crates/prisma-log-context",
        );
        check(
            found(|house, _| house[3].1.truncate(1)),
            "note: ARCHITECTURE.md:7: `prisma-log-file` may import `prisma-log-format` and does \
             not",
        );
        check(
            found(|_, table| *table = table.replace("| 0 |", "| ground |")),
            "error: ARCHITECTURE.md:4: expected `| floor number or yard | crate | what it is | \
             may import |`",
        )
    }

    #[test]
    fn the_table_itself_obeys() {
        let found = found(|_, table| {
            *table = table.replace("context` | x | core", "context` | x | core, file, loft")
        });
        let expect = "error: ARCHITECTURE.md:6: `prisma-log-context` (floor 1) may import \
                      `prisma-log-file` (floor 2): not down\nerror: ARCHITECTURE.md:6: \
                      `prisma-log-context` may import `prisma-log-loft`, which has no row\nnote: \
                      ARCHITECTURE.md:6: `prisma-log-context` may import `prisma-log-file` and \
                      does not\nnote: ARCHITECTURE.md:6: `prisma-log-context` may import \
                      `prisma-log-loft` and does not";
        assert_eq!(found, expect);
        assert!(check("# no table", &[])[0].to_string().contains("no table"));
    }
}
