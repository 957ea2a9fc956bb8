//! Who sends: what stands in the header of every message.

use prisma_log_core::Error;

use crate::Protocol;

/// What a program calls itself; `None`: what the system knows.
pub(crate) struct Names<'a> {
    pub(crate) app_name: Option<&'a str>,
    pub(crate) host_name: Option<&'a str>,
    pub(crate) proc_id: Option<&'a str>,
}

/// Who sends.
pub(crate) struct Origin {
    protocol: Protocol,
    /// `None`: not told.
    host_name: Option<String>,
    app_name: String,
    /// `None`: the process's number, which changes with a fork.
    proc_id: Option<String>,
}

impl Origin {
    /// # Errors
    /// When a name can't stand in a header.
    pub(crate) fn new(protocol: Protocol, local: bool, names: Names<'_>) -> Result<Self, Error> {
        let old = protocol == Protocol::Rfc3164;
        let in_tag = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
        let app_name = match names.app_name {
            Some(name) if old && !(name.len() <= 32 && name.chars().all(in_tag)) => {
                return Err(Error::config(format!("app_name {name:?} is no tag of RFC 3164"))
                    .with_hint("1 to 32 letters, digits, `-`, `_`, `.` and `/`"));
            }
            Some(name) => name.to_owned(),
            None => executable(if old { 32 } else { 48 }),
        };
        // The C library sends none to the local daemon.
        let host_name =
            (!(old && local)).then(|| names.host_name.map_or_else(machine, str::to_owned));
        check("app_name", &app_name, 48)?;
        if let Some(host_name) = &host_name {
            check("host_name", host_name, 255)?;
        }
        if let Some(id) = names.proc_id {
            check("proc_id", id, 128)?;
            if old && id.contains([']', '[', ':']) {
                return Err(Error::config(format!("proc_id {id:?} has a bracket or colon in it")));
            }
        }
        let proc_id = names.proc_id.map(str::to_owned);
        Ok(Origin { protocol, host_name, app_name, proc_id })
    }

    /// The part of a header that is the same in every message.
    pub(crate) fn render(&self) -> Vec<u8> {
        let id = self.proc_id.clone().unwrap_or_else(|| std::process::id().to_string());
        let name = &self.app_name;
        let host = self.host_name.as_ref().map(|host| format!("{host} ")).unwrap_or_default();
        match self.protocol {
            Protocol::Rfc5424 => format!("{host}{name} {id} "),
            Protocol::Rfc3164 => format!("{host}{name}[{id}]: "),
        }
        .into_bytes()
    }
}

/// # Errors
/// When the value can't stand in a header.
pub(crate) fn check(setting: &str, value: &str, most: usize) -> Result<(), Error> {
    let printable = value.bytes().all(|byte| byte.is_ascii_graphic());
    if value.is_empty() || value.len() > most || !printable {
        return Err(Error::config(format!("{setting} {value:?} can't stand in a syslog header"))
            .with_hint(format!("1 to {most} printable ASCII characters without spaces")));
    }
    Ok(())
}

/// The name of the executable file, as far as it may stand in a header.
fn executable(most: usize) -> String {
    let path = std::env::current_exe().unwrap_or_default();
    let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = name.chars().take(most).map(|c| if allowed(c) { c } else { '_' }).collect();
    if name.is_empty() { "-".to_owned() } else { name }
}

/// What the system is called.
fn machine() -> String {
    let system = rustix::system::uname();
    let name = system.nodename().to_string_lossy();
    let graphic = |c: char| if c.is_ascii_graphic() { c } else { '_' };
    let name: String = name.chars().take(255).map(graphic).collect();
    if name.is_empty() { "-".to_owned() } else { name }
}
