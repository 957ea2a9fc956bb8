//! Rule packs: rules for what people run, by subject.
//!
//! | pack | what it is about |
//! | --- | --- |
//! | `default` | what a monitor looks for unless told otherwise: [`prisma_log_monitor::default_rules`] |
//! | `auth` | failed logins and web abuse, of about a hundred services; groups by the client's address |
//! | `databases` | PostgreSQL, MySQL, Redis, MongoDB, SQLite, and the pools of those that use them |
//! | `disk` | disks that are full, worn out or broken |
//! | `errors` | panics and uncaught exceptions, by language; crashes; services that systemd gives up |
//! | `http` | answers 5xx, services behind proxies, certificates, floods |
//! | `kernel` | what the Linux kernel says of trouble |
//! | `kubernetes` | containers, pods, nodes, volumes, control plane |
//! | `memory` | processes killed for memory, full heaps, refused allocations, leaks |
//!
//! All but `default` are files in the format of [`rules`] and stand in `config/rules` of
//! the repository, to copy and change. No two rules of all packs have the same name, so that packs can
//! be used together; `kernel` and `memory` both report a process that the kernel killed.
//!
//! ```
//! use prisma_log_config::packs;
//!
//! let rules = packs::load("auth")?;
//! assert!(rules.iter().any(|rule| rule.name() == "ssh-login-failure"));
//! assert!(packs::names().any(|name| name == "kernel"));
//! # Ok::<(), prisma_log_core::Error>(())
//! ```

use prisma_log_core::Error;
use prisma_log_monitor::{Rule, default_rules};

use crate::hint;
use crate::rules;

/// The pack whose rules are not a file.
const DEFAULT: &str = "default";

/// Name and text of each of the others, by name.
const FILES: [(&str, &str); 8] = [
    ("auth", include_str!("../packs/auth.yaml")),
    ("databases", include_str!("../packs/databases.yaml")),
    ("disk", include_str!("../packs/disk.yaml")),
    ("errors", include_str!("../packs/errors.yaml")),
    ("http", include_str!("../packs/http.yaml")),
    ("kernel", include_str!("../packs/kernel.yaml")),
    ("kubernetes", include_str!("../packs/kubernetes.yaml")),
    ("memory", include_str!("../packs/memory.yaml")),
];

/// The packs' names: `default`, then the others in the order of the alphabet.
pub fn names() -> impl Iterator<Item = &'static str> {
    std::iter::once(DEFAULT).chain(FILES.iter().map(|(name, _)| *name))
}

/// The YAML text of a pack; `None` for `default` and for a pack that there is not.
pub fn text(name: &str) -> Option<&'static str> {
    FILES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// The rules of a pack, in their order.
///
/// # Errors
/// When there is no pack of this name; the hint says which there are.
pub fn load(name: &str) -> Result<Vec<Rule>, Error> {
    match text(name) {
        Some(text) => rules::built_in(text),
        None if name == DEFAULT => Ok(default_rules()),
        None => {
            let known: Vec<&str> = names().collect();
            let error = Error::config(format!("there is no rule pack `{name}`"));
            Err(error.with_hint(hint::for_word(name, "packs", &known)))
        }
    }
}
