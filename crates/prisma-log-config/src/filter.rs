//! Level and directives, from the file and from the environment.

use std::collections::BTreeMap;

use prisma_log_core::{Error, Filter, Level};

use crate::environment::{DIRECTIVES_VARIABLE, Environment};
use crate::hint;
use crate::origin::{Entry, Origin};
use crate::scalars::{Scalar, Threshold};
use crate::section::Section;
use crate::tree::{Node, error_at};

/// `level` and `directives` of a section, before the environment has its say.
pub(crate) struct Levels {
    level: (Threshold, Origin),
    directives: BTreeMap<String, (Threshold, Origin)>,
    /// Where the list of directives was set, be it empty.
    list: Origin,
}

impl Levels {
    /// Reads `level`, which is `default` when missing, and `directives`.
    pub(crate) fn read(section: &mut Section<'_>, default: Level) -> Self {
        let mut levels = Levels {
            level: (Threshold(Some(default)), Origin::Default),
            directives: BTreeMap::new(),
            list: Origin::Default,
        };
        if let Some(node) = section.node("level") {
            match crate::section::read(node, &section.path_of("level")) {
                Ok(level) => levels.level = (level, node.origin.clone()),
                Err(error) => section.report().error(error),
            }
        }
        if let Some(node) = section.node("directives") {
            levels.list = node.origin.clone();
        }
        for node in section.list("directives").unwrap_or_default() {
            levels.read_directives(node, section);
        }
        levels
    }

    /// One element of the list; a variable writes all directives into one text.
    fn read_directives(&mut self, node: &Node, section: &Section<'_>) {
        let path = section.path_of("directives");
        let report = section.report();
        let text = match crate::section::read::<Directives>(node, &path) {
            Ok(Directives(text)) => text,
            Err(error) => return report.error(error),
        };
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match strict(part) {
                Ok((logger, _)) if self.directives.contains_key(&logger) => {
                    report.error(node.error(format!("there is another directive for `{logger}`")));
                }
                Ok((logger, level)) => {
                    self.directives.insert(logger, (level, node.origin.clone()));
                }
                Err(error) => report.error(match node.origin.place() {
                    Some(place) => error.at(place),
                    None => error,
                }),
            }
        }
    }

    /// Lays `RUST_LOG` between what the file says and what `PRISMA_LOG__…` variables say, and
    /// gives back what could not be read.
    pub(crate) fn with_environment(&mut self, environment: &Environment) -> Vec<Error> {
        let origin = Origin::Variable(DIRECTIVES_VARIABLE.into());
        let text = match environment.variable(DIRECTIVES_VARIABLE) {
            Ok(text) => text.unwrap_or_default(),
            Err(error) => return vec![error],
        };
        let mut warnings = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (filter, errors) = Filter::off().with_directives(part);
            if let Some(error) = errors.into_iter().next() {
                warnings.push(error_at(origin.place(), error.message()));
                continue;
            }
            match part.split_once('=').map_or(part, |(logger, _)| logger.trim()) {
                level if level == part && Threshold::read(part).is_ok() => {
                    let level = Threshold(filter.level_for(""));
                    if !from_our_variable(&self.level.1) {
                        self.level = (level, origin.clone());
                    }
                }
                logger => {
                    if logger == part
                        && let Some(level) = hint::closest(part, LEVEL_NAMES)
                    {
                        let message = format!("`{part}` is read as the name of a logger");
                        let warning = error_at(origin.place(), message);
                        warnings.push(warning.with_hint(format!("did you mean `{level}`?")));
                    }
                    let ours = self.directives.get(logger).map(|(_, origin)| origin);
                    if !ours.is_some_and(from_our_variable) {
                        let level = Threshold(filter.level_for(logger));
                        self.directives.insert(logger.to_owned(), (level, origin.clone()));
                    }
                }
            }
        }
        warnings
    }

    /// One entry for the level, one for each directive; `path_of` gives a key's dotted path.
    pub(crate) fn entries(&self, path_of: impl Fn(&str) -> String) -> Vec<Entry> {
        let (level, origin) = &self.level;
        let mut entries = vec![Entry::new(path_of("level"), level.show(), origin.clone())];
        if self.directives.is_empty() {
            entries.push(Entry::new(path_of("directives"), "(none)", self.list.clone()));
        }
        for (logger, (level, origin)) in &self.directives {
            let path = path_of(&format!("directives.{logger}"));
            entries.push(Entry::new(path, level.show(), origin.clone()));
        }
        entries
    }

    pub(crate) fn filter(&self) -> Filter {
        let base = self.level.0.0.map_or_else(Filter::off, Filter::at_least);
        self.directives
            .iter()
            .fold(base, |filter, (logger, (level, _))| filter.directive(logger.clone(), level.0))
    }
}

const LEVEL_NAMES: [&str; 8] =
    ["trace", "debug", "info", "warn", "warning", "error", "critical", "off"];

fn from_our_variable(origin: &Origin) -> bool {
    matches!(origin, Origin::Variable(_)) && *origin != Origin::Variable(DIRECTIVES_VARIABLE.into())
}

struct Directives(String);

impl Scalar for Directives {
    const EXPECTED: &'static str = "a directive such as hyper=warn";

    fn read(text: &str) -> Result<Self, Option<String>> {
        if text.trim().is_empty() { Err(None) } else { Ok(Directives(text.to_owned())) }
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

/// In a file, every directive names its logger: a bare word would be a level or a name,
/// depending on its spelling.
fn strict(part: &str) -> Result<(String, Threshold), Error> {
    let Some((logger, level)) = part.split_once('=') else {
        let error = Error::config(format!("directive `{part}` has no `=`"));
        return Err(if Threshold::read(part).is_ok() {
            error.with_hint(format!("write `level: {part}` for all loggers"))
        } else {
            error.with_hint(format!("write `{part}=LEVEL`"))
        });
    };
    let (logger, level) = (logger.trim(), level.trim());
    if logger.is_empty() {
        return Err(Error::config(format!("directive `{part}` names no logger before `=`")));
    }
    match Threshold::read(level) {
        Ok(level) => Ok((logger.to_owned(), level)),
        Err(hint) => {
            let message = format!("directive `{part}`: expected {}", Threshold::EXPECTED);
            let error = Error::config(message);
            Err(match hint {
                Some(hint) => error.with_hint(hint),
                None => error,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::section::Report;
    use crate::yaml::{Origins, parse};

    /// The filter that a section and an environment give, and what is said about them.
    fn read(yaml: &str, rust_log: &str) -> (Levels, Vec<String>) {
        let root = parse(yaml, Origins::File(Path::new("f")), &mut Vec::new()).unwrap();
        let report = Report::default();
        let mut section = Section::new(&report, "", Some(&root));
        let mut levels = Levels::read(&mut section, Level::Info);
        let warnings = levels.with_environment(&Environment::new([("RUST_LOG", rust_log)]));
        let said = report.take().1.iter().chain(&warnings).map(Error::to_string).collect();
        (levels, said)
    }

    #[test]
    fn rust_log_goes_over_the_file() {
        let check = |yaml: &str, rust_log: &str, expect: &str| {
            let (levels, said) = read(yaml, rust_log);
            assert_eq!(levels.filter().to_string(), expect, "{yaml} {rust_log}");
            assert!(said.is_empty(), "{said:?}");
        };
        check("{}", "", "info");
        check("{level: off}", "", "off");
        check(
            "{level: warn, directives: ['a=debug', 'b.c=off,d=error']}",
            "",
            "warning,b.c=off,a=debug,d=error",
        );
        check("{directives: 'a=debug'}", "", "info,a=debug");
        check("{level: warn, directives: ['a=debug']}", "debug, a=off ,x", "debug,a=off,x=trace");
        check("{level: warn}", "off", "off");
    }

    #[test]
    fn a_bad_directive_is_an_error_in_the_file_and_a_warning_in_rust_log() {
        let check = |yaml: &str, rust_log: &str, expect: &str, filter: &str| {
            let (levels, said) = read(yaml, rust_log);
            assert_eq!(said, [expect], "{yaml} {rust_log}");
            assert_eq!(levels.filter().to_string(), filter);
        };
        check(
            "{directives: [debug]}",
            "",
            "f:1:15: directive `debug` has no `=` (write `level: debug` for all loggers)",
            "info",
        );
        check(
            "{directives: [shop, a=off]}",
            "",
            "f:1:15: directive `shop` has no `=` (write `shop=LEVEL`)",
            "info,a=off",
        );
        check(
            "{directives: [a=off, 'b=off,a=debug']}",
            "",
            "f:1:22: there is another directive for `a`",
            "info,a=off,b=off",
        );
        check(
            "{directives: ['=debug']}",
            "",
            "f:1:15: directive `=debug` names no logger before `=`",
            "info",
        );
        check(
            "{directives: {a: debug}}",
            "",
            "f:1:14: `directives`: expected a list, found a map",
            "info",
        );
        check(
            "{}",
            "a=loud,b=debug",
            "$RUST_LOG: unknown level \"loud\": expected trace, debug, info, warning, error or critical",
            "info,b=debug",
        );
        check(
            "{}",
            "inof",
            "$RUST_LOG: `inof` is read as the name of a logger (did you mean `info`?)",
            "info,inof=trace",
        );
    }
}
