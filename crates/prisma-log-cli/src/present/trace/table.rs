//! The slowest traces as a table.

use std::io::{self, Write};

use super::time;
use crate::present::style::{BAD, FAINT, STRONG};
use crate::present::terminal::{columns, fit, padding};
use crate::trace::Slowest;

const ID: usize = 32;
const TOOK: usize = 8;
const LEAST_ROOT: usize = 16;

/// Prints the traces, the slowest first.
pub(crate) fn print(
    out: &mut impl Write,
    slowest: &Slowest,
    top: usize,
    width: usize,
) -> io::Result<()> {
    let rows: Vec<_> = slowest
        .top(top)
        .into_iter()
        .map(|(id, root, summary)| {
            let services: Vec<_> = slowest.services(root, summary).collect();
            (id, time::shown(root.duration), summary, &root.name, services)
        })
        .collect();
    let numbers = " spans  records  errors".len();
    let room = width.saturating_sub(ID + 2 + TOOK + 2 + numbers + 2 + 2).max(LEAST_ROOT);
    // Services have their half, and what the names leave of theirs.
    let names = rows.iter().map(|(.., name, _)| columns(name)).max().unwrap_or(0);
    let services =
        rows.iter().map(|(.., services)| columns(&services.join(", "))).max().unwrap_or(0);
    let root = names.min(room - services.min(room / 2)).max("root".len());
    let services = room.saturating_sub(root);
    write!(out, "{FAINT}{:ID$}  {:>TOOK$}   spans  records  errors  ", "trace", "took")?;
    writeln!(out, "{:root$}  services{FAINT:#}", "root")?;
    for (id, took, summary, name, names) in rows {
        let name = fit(name, root);
        let fill = padding(&name, root);
        let mut listed = names.join(", ");
        if columns(&listed) > services && names.len() > 1 {
            listed = format!("{} +{}", names[0], names.len() - 1);
        }
        let names = fit(&listed, services);
        let (spans, records, errors) = (summary.spans, summary.records, summary.errors);
        let style = if errors > 0 { BAD } else { FAINT };
        writeln!(
            out,
            "{id}  {STRONG}{took:>TOOK$}{STRONG:#}  {spans:>6}  {records:>7}  \
             {style}{errors:>6}{style:#}  {name}{fill}  {FAINT}{names}{FAINT:#}"
        )?;
    }
    Ok(())
}
