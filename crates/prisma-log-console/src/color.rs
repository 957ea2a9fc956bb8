//! Whether to colour: one rule for everything that writes to a terminal.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::str::FromStr;

use prisma_log_core::Error;

use crate::Stream;

/// When text is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Color {
    /// As the environment says; see [`Color::decide`].
    #[default]
    Auto,
    /// Always, whatever the environment says.
    Always,
    /// Never, whatever the environment says.
    Never,
}

impl Color {
    /// Whether to colour what goes to `stream`, by the process's environment.
    pub fn applies_to(self, stream: Stream) -> bool {
        let terminal = match stream {
            Stream::Stdout => std::io::stdout().is_terminal(),
            Stream::Stderr => std::io::stderr().is_terminal(),
        };
        self.decide(terminal, |name| std::env::var_os(name))
    }

    /// Whether to colour, given whether the output is a terminal and a look-up of environment
    /// variables.
    ///
    /// The first that says anything decides: `Always` or `Never`; `FORCE_COLOR` (`0` and `false`
    /// mean no, as Node reads it; anything else not empty means yes, see <https://force-color.org>);
    /// `NO_COLOR`, not empty (<https://no-color.org>); `CLICOLOR_FORCE`, not empty and not `0`
    /// (<https://bixense.com/clicolors>); at last, whether the output is a terminal whose `TERM`
    /// is set and not `dumb`.
    pub fn decide(self, terminal: bool, variable: impl Fn(&str) -> Option<OsString>) -> bool {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        match self {
            Color::Always => return true,
            Color::Never => return false,
            Color::Auto => {}
        }
        if let Some(force) = set("FORCE_COLOR") {
            return force != "0" && force != "false";
        }
        if set("NO_COLOR").is_some() {
            return false;
        }
        if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
            return true;
        }
        terminal && set("TERM").is_some_and(|term| term != "dumb")
    }
}

impl FromStr for Color {
    type Err = Error;

    /// Reads `auto`, `always` or `never`.
    ///
    /// # Errors
    /// On anything else.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "auto" => Ok(Color::Auto),
            "always" => Ok(Color::Always),
            "never" => Ok(Color::Never),
            _ => Err(Error::config(format!("unknown color {text:?}"))
                .with_hint("expected auto, always or never")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_says_anything_decides() {
        let check = |color: Color, terminal: bool, variables: &[(&str, &str)], expect: bool| {
            let variable = |name: &str| {
                variables.iter().find(|(n, _)| *n == name).map(|(_, value)| value.into())
            };
            assert_eq!(
                color.decide(terminal, variable),
                expect,
                "{color:?} {terminal} {variables:?}"
            );
        };
        let xterm = ("TERM", "xterm-256color");
        check(Color::Auto, true, &[xterm], true);
        check(Color::Auto, true, &[], false);
        check(Color::Auto, true, &[("TERM", "dumb")], false);
        check(Color::Auto, false, &[xterm], false);
        check(Color::Never, true, &[xterm, ("FORCE_COLOR", "1")], false);
        check(Color::Always, false, &[("NO_COLOR", "1")], true);
        check(Color::Auto, false, &[("FORCE_COLOR", "1"), ("NO_COLOR", "1")], true);
        check(Color::Auto, true, &[xterm, ("FORCE_COLOR", "0"), ("CLICOLOR_FORCE", "1")], false);
        check(Color::Auto, true, &[xterm, ("FORCE_COLOR", ""), ("NO_COLOR", "1")], false);
        check(Color::Auto, true, &[xterm, ("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], false);
        check(Color::Auto, true, &[xterm, ("NO_COLOR", "")], true);
        check(Color::Auto, false, &[("CLICOLOR_FORCE", "1")], true);
        check(Color::Auto, false, &[("CLICOLOR_FORCE", "0"), xterm], false);
    }

    #[test]
    fn reads_the_three_words() {
        for (text, color) in
            [("auto", Color::Auto), ("always", Color::Always), ("never", Color::Never)]
        {
            assert_eq!(text.parse::<Color>().unwrap(), color);
        }
        assert!("on".parse::<Color>().unwrap_err().to_string().contains("always"));
    }
}
