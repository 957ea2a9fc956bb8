//! Who sends: the attributes that all records of a process share.

use prisma_log_core::Value;

use crate::form::{Form, Key, key};

const RESOURCE: Key = key(1, "resource");
const ATTRIBUTES: Key = key(1, "attributes");

/// Attributes in the order they were first named; the first of a name wins.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Resource {
    attributes: Vec<(String, String)>,
    /// Whether the process's number and the instance's id are our own, to be made anew in a fork.
    own_process: bool,
    own_instance: bool,
}

const PROCESS: &str = "process.pid";
const INSTANCE: &str = "service.instance.id";

impl Resource {
    /// Sets an attribute unless it is set.
    pub(crate) fn add(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let name = name.into();
        if self.get(&name).is_none() {
            self.attributes.push((name, value.into()));
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Adds what everybody expects, where nobody has set it.
    pub(crate) fn complete(&mut self) {
        if self.get("service.name").is_none() {
            let program = std::env::current_exe().ok();
            let program = program.as_deref().and_then(std::path::Path::file_stem);
            let name = match program {
                Some(program) => format!("unknown_service:{}", program.to_string_lossy()),
                None => "unknown_service".to_owned(),
            };
            // What it is called goes first.
            self.attributes.insert(0, ("service.name".to_owned(), name));
        }
        self.own_instance = self.get(INSTANCE).is_none();
        self.add(INSTANCE, new_instance());
        if let Some(host) = host_name() {
            self.add("host.name", host);
        }
        self.own_process = self.get(PROCESS).is_none();
        self.add(PROCESS, std::process::id().to_string());
        self.add("telemetry.sdk.name", "prisma-log");
        self.add("telemetry.sdk.language", "rust");
        self.add("telemetry.sdk.version", env!("CARGO_PKG_VERSION"));
    }

    /// In a forked child: another process, another instance.
    pub(crate) fn part_from_parent(&mut self) {
        for (name, value) in &mut self.attributes {
            if name == PROCESS && self.own_process {
                *value = std::process::id().to_string();
            } else if name == INSTANCE && self.own_instance {
                *value = new_instance();
            }
        }
    }

    pub(crate) fn write<F: Form>(&self, form: &mut F) {
        form.message(RESOURCE, |form| {
            form.list(ATTRIBUTES, |form| {
                for (name, value) in &self.attributes {
                    // The conventions have it as a number.
                    let number = value.parse::<i64>().ok().filter(|_| name == PROCESS);
                    let value = number.map_or(Value::Str(value), Value::I64);
                    crate::encode::write_attribute(form, ATTRIBUTES, name, value, None);
                }
            });
        });
    }
}

/// A random UUID (version 4).
fn new_instance() -> String {
    // The generator's state is the parent's in a forked child.
    let mut random =
        fastrand::Rng::with_seed(fastrand::u64(..) ^ u64::from(std::process::id()) << 32);
    let bits = random.u128(..) & !(0xF << 76 | 0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    let (a, b, c, d, e) = (&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
    format!("{a}-{b}-{c}-{d}-{e}")
}

fn host_name() -> Option<String> {
    let system = rustix::system::uname();
    let name = system.nodename().to_string_lossy();
    (!name.is_empty()).then(|| name.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_first_stays_and_the_rest_is_filled_in() {
        let mut resource = Resource::default();
        resource.add("service.name", "shop");
        resource.add("service.name", "other");
        resource.add("host.name", "web1");
        resource.complete();
        let value = |name| resource.get(name).unwrap_or_default();
        assert_eq!((value("service.name"), value("host.name")), ("shop", "web1"));
        assert_eq!(value(PROCESS), std::process::id().to_string());
        let id = value(INSTANCE).as_bytes();
        assert_eq!((id.len(), id[14]), (36, b'4'));
        assert!(b"89ab".contains(&id[19]), "{}", value(INSTANCE));
        let mut child = resource.clone();
        child.part_from_parent();
        assert_ne!(child.get(INSTANCE), resource.get(INSTANCE));
        assert_eq!(child.get("host.name"), Some("web1"));

        let mut resource = Resource::default();
        resource.complete();
        let name = resource.get("service.name").unwrap_or_default();
        assert!(name.starts_with("unknown_service:prisma"), "{name}");
    }
}
