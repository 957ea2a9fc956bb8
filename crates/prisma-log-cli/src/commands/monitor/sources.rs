//! What the monitor reads: files, standard input, syslog messages, the journal.

use std::ffi::OsStr;

use prisma_log_core::Error;
use prisma_log_monitor::{Joiner, JournalSource, MonitorBuilder, StdinSource, SyslogListener};

use crate::args::{Listen, MonitorArgs};
use crate::exit::Failure;
use crate::files::is_pattern;
use crate::present::style::FAINT;

/// What stands for standard input among the files.
const STDIN: &str = "-";

pub(super) fn add(
    mut builder: MonitorBuilder,
    args: &MonitorArgs,
) -> Result<MonitorBuilder, Failure> {
    let joiner = args.join.then(Joiner::default);
    let (stdin, files): (Vec<_>, Vec<_>) =
        args.files.iter().partition(|file| file.as_os_str() == OsStr::new(STDIN));
    for file in files {
        builder = match file.to_str() {
            Some(pattern) if is_pattern(file) => builder.glob(pattern),
            _ => builder.file(file),
        };
    }
    if let Some(joiner) = &joiner {
        builder = builder.join(joiner.clone());
    }
    if !stdin.is_empty() {
        let mut stdin = StdinSource::builder();
        if let Some(joiner) = &joiner {
            stdin = stdin.join(joiner.clone());
        }
        builder = builder.source(stdin.build()?);
    }
    for listen in &args.syslog {
        builder = builder.source(listener(*listen, args.any_address, joiner.clone())?);
    }
    if let Some(fields) = &args.journal {
        let journal = JournalSource::builder().from_start(args.from_start);
        let fields = fields.iter().filter(|field| !field.is_empty());
        builder = builder.journal(fields.fold(journal, |journal, field| journal.only(field)));
    }
    Ok(builder)
}

/// Listens, and says where: the system may have chosen the port.
fn listener(
    listen: Listen,
    any_address: bool,
    joiner: Option<Joiner>,
) -> Result<SyslogListener, Error> {
    let (Listen::Udp(address) | Listen::Tcp(address)) = listen;
    if !any_address && !address.ip().is_loopback() {
        return Err(Error::config(format!("{address} is no loopback address"))
            .with_hint("whoever reaches it can write lines: say --any-address if that is meant"));
    }
    let builder = SyslogListener::builder().any_address(any_address);
    let builder = match joiner {
        Some(joiner) => builder.join(joiner),
        None => builder,
    };
    let listener = match listen {
        Listen::Udp(address) => builder.udp(address),
        Listen::Tcp(address) => builder.tcp(address),
    }
    .build()?;
    let bound = [("udp", listener.udp_address()), ("tcp", listener.tcp_address())];
    for (how, address) in bound {
        if let Some(address) = address {
            anstream::eprintln!("{FAINT}listening at {how}://{address}{FAINT:#}");
        }
    }
    Ok(listener)
}
