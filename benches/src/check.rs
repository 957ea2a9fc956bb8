//! Whether a logger wrote what it was given: every record once, with all that belongs to it.

use std::fs;
use std::path::Path;

use memchr::memmem;

use crate::logs::{Ids, MESSAGE, Values};

/// Reads every file of `folder`; they must have the records `0..records`, in any order, each once.
/// Without ids, they must have that many lines.
pub(crate) fn files(folder: &Path, records: u64, ids: Option<&Ids>) -> Result<(), String> {
    let mut seen = vec![false; records as usize];
    let mut lines = 0;
    let mut paths: Vec<_> = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .map_err(|e| format!("cannot list {}: {e}", folder.display()))?;
    paths.sort();
    for path in paths {
        let text = fs::read(&path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
        let (whole, rest) = text.split_at(memchr::memrchr(b'\n', &text).map_or(0, |at| at + 1));
        if !rest.is_empty() {
            return Err(format!("the file ends inside a line: {}", shown(rest)));
        }
        for line in whole.split_inclusive(|byte| *byte == b'\n') {
            let number = match ids {
                Some(ids) => record(line, ids)?,
                None => lines,
            };
            lines += 1;
            match seen.get_mut(number as usize) {
                Some(seen) if !*seen => *seen = true,
                Some(_) => return Err(format!("record {number} is there twice")),
                None => return Err(format!("record {number} was never logged")),
            }
        }
    }
    match seen.iter().filter(|seen| !**seen).count() {
        0 => Ok(()),
        missing => Err(format!("{missing} of {records} records are missing from the file")),
    }
}

/// The number of the line's record, if the line has all of it.
fn record(line: &[u8], ids: &Ids) -> Result<u64, String> {
    let incomplete = |what: &str| format!("no {what} in the line {}", shown(line));
    let number = after(line, "number").ok_or_else(|| incomplete("number"))?;
    let values = Values::of(number);
    if after(line, "bytes") != Some(values.bytes) {
        return Err(incomplete("bytes"));
    }
    let millis = values.millis.to_string();
    let rest = [MESSAGE, values.method, values.route, &millis, &ids.trace, &ids.span];
    match rest.iter().find(|part| memmem::find(line, part.as_bytes()).is_none()) {
        Some(part) => Err(incomplete(part)),
        None => Ok(number),
    }
}

/// The number that follows a key, whatever stands between them.
fn after(line: &[u8], key: &str) -> Option<u64> {
    let rest = &line[memmem::find(line, key.as_bytes())? + key.len()..];
    let begin = rest.iter().position(u8::is_ascii_digit)?;
    let mut digits = rest[begin..].iter().take_while(|byte| byte.is_ascii_digit());
    digits.try_fold(0_u64, |number, digit| {
        number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })
}

fn shown(line: &[u8]) -> String {
    String::from_utf8_lossy(&line[..line.len().min(400)]).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, records: u64, expect: Result<(), &str>) {
        let folder = std::env::temp_dir().join(format!(
            "prisma-log-bench-check-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        ));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("a.log"), text).unwrap();
        let found = files(&folder, records, Some(&Ids::default()));
        fs::remove_dir_all(&folder).unwrap();
        match expect {
            Ok(()) => assert_eq!(found, Ok(())),
            Err(part) => {
                let message = found.unwrap_err();
                assert!(message.contains(part), "{message}");
            }
        }
    }

    fn line(number: u64) -> String {
        let Values { number, millis, method, route, bytes } = Values::of(number);
        let Ids { trace, span } = Ids::default();
        format!(
            "{MESSAGE} number={number} millis={millis} method={method} route={route} \
             bytes={bytes} {trace} {span}\n"
        )
    }

    #[test]
    fn only_a_complete_file_passes() {
        check(&(line(1) + &line(0)), 2, Ok(()));
        check(&line(1), 2, Err("1 of 2 records are missing"));
        check(&(line(0) + &line(0)), 2, Err("record 0 is there twice"));
        check(&(line(0) + &line(1)), 1, Err("record 1 was never logged"));
        check(line(0).trim_end(), 1, Err("ends inside a line"));
        check(&line(0).replace("bytes=1000", "bytes=1001"), 1, Err("no bytes"));
        check(&line(0).replace("0.125", "0.12"), 1, Err("no 0.125"));
        check(&line(0).replace("GET", ""), 1, Err("no GET"));
        check(&line(0).replace("b7ad6b7169203331", ""), 1, Err("no b7ad6b7169203331"));
        check("hello\n", 1, Err("no number"));
    }
}
