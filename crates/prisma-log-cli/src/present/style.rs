//! Colours, and whether to use them.

use anstream::ColorChoice;
use anstyle::{AnsiColor, Color, Style};
use prisma_log_core::Level;
use prisma_log_monitor::{AlertState, Severity};

use crate::args::ColorArg;

const fn color(color: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(color)))
}

pub(crate) const STRONG: Style = Style::new().bold();
pub(crate) const FAINT: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = color(AnsiColor::Green);
pub(crate) const WARN: Style = color(AnsiColor::Yellow);
pub(crate) const BAD: Style = color(AnsiColor::Red);

/// Settles for the whole process whether colour is used: the flag, then FORCE_COLOR, then what
/// `anstream` looks at by itself (NO_COLOR, CLICOLOR_FORCE, TERM, whether it is a terminal).
pub(crate) fn choose(arg: ColorArg) {
    let forced = std::env::var_os("FORCE_COLOR")
        .is_some_and(|value| !["", "0", "false"].iter().any(|no| value == *no));
    match arg {
        ColorArg::Always => ColorChoice::Always.write_global(),
        ColorArg::Never => ColorChoice::Never.write_global(),
        ColorArg::Auto if forced => ColorChoice::Always.write_global(),
        ColorArg::Auto => {}
    }
}

pub(crate) const fn severity(severity: Severity) -> Style {
    match severity {
        Severity::Critical => color(AnsiColor::Red).bold(),
        Severity::Error => color(AnsiColor::Red),
        Severity::Warning => color(AnsiColor::Yellow),
        _ => color(AnsiColor::Cyan),
    }
}

pub(crate) const fn state(state: AlertState) -> Style {
    match state {
        AlertState::Open => color(AnsiColor::Red),
        AlertState::Acknowledged => color(AnsiColor::Yellow),
        AlertState::Resolved => color(AnsiColor::Green),
        _ => FAINT,
    }
}

pub(crate) const fn level(level: Level) -> Style {
    match level {
        Level::Critical => color(AnsiColor::Red).bold(),
        Level::Error => color(AnsiColor::Red),
        Level::Warning => color(AnsiColor::Yellow),
        Level::Info => color(AnsiColor::Green),
        _ => FAINT,
    }
}

/// Tells things apart that have numbers; red and yellow mean trouble and are left out.
pub(crate) const fn of_number(number: usize) -> Style {
    const COLORS: [AnsiColor; 8] = [
        AnsiColor::Cyan,
        AnsiColor::Green,
        AnsiColor::Magenta,
        AnsiColor::Blue,
        AnsiColor::BrightCyan,
        AnsiColor::BrightGreen,
        AnsiColor::BrightMagenta,
        AnsiColor::BrightBlue,
    ];
    color(COLORS[number % COLORS.len()])
}

/// Whether what goes to stdout is coloured.
pub(crate) fn stdout_is_coloured() -> bool {
    anstream::AutoStream::choice(&std::io::stdout()) != ColorChoice::Never
}
