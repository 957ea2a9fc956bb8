//! The command line: finds the chore, prints help, turns failures into exit codes.

use std::process::ExitCode;

use crate::shell::{Failure, Outcome};

/// One chore.
pub(crate) struct Chore {
    pub(crate) name: &'static str,
    /// One line for the list of chores.
    pub(crate) summary: &'static str,
    /// The arguments, as the usage line shows them after the name.
    pub(crate) arguments: &'static str,
    /// What it does and what its arguments mean.
    pub(crate) details: &'static str,
    pub(crate) run: fn(&mut Args) -> Outcome,
}

/// What stands on the command line after the chore's name and has not been taken yet.
pub(crate) struct Args(Vec<String>);

impl Args {
    /// Takes `flag` if it is there.
    pub(crate) fn flag(&mut self, flag: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|arg| arg != flag);
        self.0.len() != before
    }

    /// Takes the first argument that is no flag.
    pub(crate) fn name(&mut self) -> Option<String> {
        let at = self.0.iter().position(|arg| !arg.starts_with('-'))?;
        Some(self.0.remove(at))
    }

    /// Takes all that is left.
    pub(crate) fn rest(&mut self) -> Vec<String> {
        std::mem::take(&mut self.0)
    }

    /// Refuses what is left.
    pub(crate) fn end(&self) -> Outcome {
        match self.0.first() {
            None => Ok(()),
            Some(arg) => Err(Failure::usage(format!("unexpected argument `{arg}`"))),
        }
    }
}

/// Runs the chore that `args` names. Exit code 0 for success, 1 for a red chore, 2 for usage.
pub(crate) fn main(chores: &[&Chore], mut args: Vec<String>) -> ExitCode {
    if args.is_empty() || is_help(&args[0]) {
        print!("{}", overview(chores));
        return if args.is_empty() { ExitCode::from(2) } else { ExitCode::SUCCESS };
    }
    let name = args.remove(0);
    let Some(chore) = chores.iter().find(|chore| chore.name == name) else {
        eprintln!("error: there is no chore `{name}`\n\n{}", overview(chores));
        return ExitCode::from(2);
    };
    if args.iter().any(|arg| is_help(arg)) {
        print!("{}", help(chore));
        return ExitCode::SUCCESS;
    }
    match (chore.run)(&mut Args(args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.is_usage() => {
            eprintln!("error: {failure}\n\n{}", help(chore));
            ExitCode::from(2)
        }
        Err(failure) => {
            eprintln!("error: {name}: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn is_help(arg: &str) -> bool {
    matches!(arg, "--help" | "-h" | "help")
}

fn overview(chores: &[&Chore]) -> String {
    let mut text = String::from(
        "The project's chores.\n\nUsage: cargo xtask CHORE [ARGUMENTS]\n       \
         cargo xtask CHORE --help\n\nChores:\n",
    );
    for chore in chores {
        text += &format!("  {:<13} {}\n", chore.name, chore.summary);
    }
    text
}

fn help(chore: &Chore) -> String {
    let usage = format!("cargo xtask {} {}", chore.name, chore.arguments);
    format!("{}\n\nUsage: {}\n\n{}\n", chore.summary, usage.trim_end(), chore.details.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_flags_and_names_in_any_order_and_refuses_the_rest() {
        let mut args = Args(["--quick", "encode", "--rows", "5"].map(str::to_owned).into());
        assert_eq!(args.name().as_deref(), Some("encode"));
        assert!(args.flag("--quick") && !args.flag("--quick"));
        assert!(args.end().is_err_and(|failure| failure.is_usage()));
        assert_eq!(args.rest(), ["--rows", "5"]);
        assert!(args.end().is_ok());
    }

    #[test]
    fn every_chore_has_help() {
        for chore in crate::CHORES {
            let text = help(chore);
            assert!(text.contains(&format!("cargo xtask {}", chore.name)), "{text}");
            assert!(chore.details.trim().len() > 80, "{}: say more", chore.name);
        }
    }
}
