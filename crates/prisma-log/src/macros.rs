//! The log macros: slog's grammar, with the level tested before any argument is evaluated.

/// Whether the logger takes this level; what the macros test first.
#[doc(hidden)]
#[macro_export]
macro_rules! __log {
    ($level:ident, $log:expr, # $tag:expr, $($args:tt)+) => {
        match &$log {
            logger => {
                let enabled = {
                    use $crate::slog::Drain as _;
                    // As a method, so that a `LazyLock<Logger>` serves as well.
                    logger.is_enabled($crate::slog::Level::$level)
                };
                if enabled {
                    $crate::slog::log!(*logger, $crate::slog::Level::$level, $tag, $($args)+)
                }
            }
        }
    };
    ($level:ident, $log:expr, $($args:tt)+) => {
        $crate::__log!($level, $log, # "", $($args)+)
    };
}

macro_rules! level_macro {
    ($d:tt $name:ident, $level:ident, $what:literal) => {
        #[doc = concat!("Logs a record at level ", $what, ".")]
        ///
        #[doc = concat!("`", stringify!($name), "!(log, \"message {}\", argument; \"key\" => value)`: format")]
        /// arguments after the message, key-values after the semicolon, as in slog (`%` for
        /// `Display`, `?` for `Debug`, `#error` for errors, `=> FnValue(…)` for lazy ones). Without a
        /// logger in front the [global](crate::global) one is used. A tag stands before the message,
        #[doc = concat!("with a space after its mark: `", stringify!($name), "!(log, # \"tag\", \"message\")`.")]
        ///
        /// No argument is evaluated unless a sink takes this level from this logger; from a logger
        /// without a name of its own, unless a sink takes it from any logger.
        #[macro_export]
        macro_rules! $name {
            ($d message:literal $d($d rest:tt)*) => {
                $crate::__log!($level, *$crate::global(), $d message $d($d rest)*)
            };
            (# $d tag:expr, $d($d args:tt)+) => {
                $crate::__log!($level, *$crate::global(), # $d tag, $d($d args)+)
            };
            ($d log:expr, $d($d args:tt)+) => {
                $crate::__log!($level, $d log, $d($d args)+)
            };
            ($d only:expr) => {
                compile_error!(concat!(
                    "expected a string literal as message: `",
                    stringify!($name),
                    "!(log, \"text {}\", value)`, or without a logger `",
                    stringify!($name),
                    "!(\"text\")`"
                ))
            };
        }
    };
}

level_macro!($ trace, Trace, "TRACE");
level_macro!($ debug, Debug, "DEBUG");
level_macro!($ info, Info, "INFO");
level_macro!($ warn, Warning, "WARNING");
level_macro!($ error, Error, "ERROR");
level_macro!($ crit, Critical, "CRITICAL");
