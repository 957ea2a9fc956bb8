//! The log macros: slog's grammar, with the level tested before any argument is evaluated.

/// Tests the level, then takes the call apart.
///
/// A call whose fields all have literal keys gets a static description of its site, and its values
/// write themselves into the queue; one with other key-values, a tag, or named arguments (which slog
/// makes key-values of) goes through slog's own macro.
#[doc(hidden)]
#[macro_export]
macro_rules! __log {
    // Limits.
    ($level:ident, $log:expr, every = $value:literal, $($args:tt)+) => {
        $crate::__log!(@limits $level, $log, [.every($value)], $($args)+)
    };
    ($level:ident, $log:expr, first = $value:literal, $($args:tt)+) => {
        $crate::__log!(@limits $level, $log, [.first($value)], $($args)+)
    };
    ($level:ident, $log:expr, sample = $value:literal, $($args:tt)+) => {
        $crate::__log!(@limits $level, $log, [.sample($value)], $($args)+)
    };
    ($level:ident, $log:expr, repeats = $value:literal, $($args:tt)+) => {
        $crate::__log!(@limits $level, $log, [.repeats($value)], $($args)+)
    };
    (@limits $level:ident, $log:expr, [$($limits:tt)*], every = $value:literal, $($args:tt)+) => {
        $crate::__log!(@limits $level, $log, [$($limits)* .every($value)], $($args)+)
    };
    (@limits $level:ident, $log:expr, [$($limits:tt)*], first = $value:literal, $($args:tt)+) => {
        $crate::__log!(@limits $level, $log, [$($limits)* .first($value)], $($args)+)
    };
    (@limits $level:ident, $log:expr, [$($limits:tt)*], sample = $value:literal, $($args:tt)+) => {
        $crate::__log!(@limits $level, $log, [$($limits)* .sample($value)], $($args)+)
    };
    (@limits $level:ident, $log:expr, [$($limits:tt)*], repeats = $value:literal, $($args:tt)+) => {
        $crate::__log!(@limits $level, $log, [$($limits)* .repeats($value)], $($args)+)
    };
    (@limits $level:ident, $log:expr, [$($limits:tt)*], $($args:tt)+) => {{
        static LIMIT: $crate::Limit = $crate::Limit::new(
            file!(),
            line!(),
            module_path!(),
            $crate::Level::$level,
        )$($limits)*;
        match &$log {
            logger => {
                let enabled = {
                    use $crate::slog::Drain as _;
                    logger.is_enabled($crate::slog::Level::$level)
                };
                if enabled {
                    $crate::__args!(
                        { $level, logger, $crate::__private::Limited::new(&LIMIT), { $($args)+ } }
                        [] $($args)+
                    )
                }
            }
        }
    }};

    ($level:ident, $log:expr, $($args:tt)+) => {
        match &$log {
            logger => {
                let enabled = {
                    use $crate::slog::Drain as _;
                    // As a method, so that a `LazyLock<Logger>` serves as well.
                    logger.is_enabled($crate::slog::Level::$level)
                };
                if enabled {
                    $crate::__args!(
                        { $level, logger, $crate::__private::Unlimited, { $($args)+ } }
                        [] $($args)+
                    )
                }
            }
        }
    };
}

/// Finds where the message's arguments end: `{ call } [message and arguments so far] rest`.
#[doc(hidden)]
#[macro_export]
macro_rules! __args {
    ($call:tt [] # $tag:expr, $($rest:tt)+) => {
        $crate::__stock!($call)
    };
    ($call:tt [$($fmt:tt)*] ; $($fields:tt)*) => {
        $crate::__fields!($call [$($fmt)*] [] [] $($fields)*)
    };
    ($call:tt [$($fmt:tt)*] $name:ident = $($rest:tt)*) => {
        $crate::__stock!($call)
    };
    ($call:tt [$($fmt:tt)*] $next:tt $($rest:tt)*) => {
        $crate::__args!($call [$($fmt)* $next] $($rest)*)
    };
    ($call:tt [$($fmt:tt)*]) => {
        $crate::__fields!($call [$($fmt)*] [] [])
    };
}

/// Takes the fields one by one and evaluates each once, in order:
/// `{ call } [message] [fields so far] [the same, last first] rest`. A field is `(key kind value)`.
#[doc(hidden)]
#[macro_export]
macro_rules! __fields {
    ($call:tt $fmt:tt [$($to:tt)*] [$($fro:tt)*] $key:literal => % $value:expr $(, $($rest:tt)*)?) => {
        match &$value {
            value => $crate::__fields!($call $fmt
                [$($to)* ($key "{}" value)] [($key "{}" value) $($fro)*] $($($rest)*)?),
        }
    };
    ($call:tt $fmt:tt [$($to:tt)*] [$($fro:tt)*] $key:literal => # % $value:expr $(, $($rest:tt)*)?) => {
        match &$value {
            value => $crate::__fields!($call $fmt
                [$($to)* ($key "{:#}" value)] [($key "{:#}" value) $($fro)*] $($($rest)*)?),
        }
    };
    ($call:tt $fmt:tt [$($to:tt)*] [$($fro:tt)*] $key:literal => ? $value:expr $(, $($rest:tt)*)?) => {
        match &$value {
            value => $crate::__fields!($call $fmt
                [$($to)* ($key "{:?}" value)] [($key "{:?}" value) $($fro)*] $($($rest)*)?),
        }
    };
    ($call:tt $fmt:tt [$($to:tt)*] [$($fro:tt)*] $key:literal => # ? $value:expr $(, $($rest:tt)*)?) => {
        match &$value {
            value => $crate::__fields!($call $fmt
                [$($to)* ($key "{:#?}" value)] [($key "{:#?}" value) $($fro)*] $($($rest)*)?),
        }
    };
    ($call:tt $fmt:tt [$($to:tt)*] [$($fro:tt)*] $key:literal => # $value:expr $(, $($rest:tt)*)?) => {
        match &$crate::slog::__builtin!(@wrap_error $value) {
            value => $crate::__fields!($call $fmt
                [$($to)* ($key = value)] [($key = value) $($fro)*] $($($rest)*)?),
        }
    };
    ($call:tt $fmt:tt [$($to:tt)*] [$($fro:tt)*] $key:literal => $value:expr $(, $($rest:tt)*)?) => {
        match &$value {
            value => $crate::__fields!($call $fmt
                [$($to)* ($key = value)] [($key = value) $($fro)*] $($($rest)*)?),
        }
    };
    ($call:tt $fmt:tt $to:tt $fro:tt) => {
        $crate::__emit!($call $fmt $to $fro)
    };
    ($call:tt $fmt:tt $to:tt $fro:tt $($other:tt)+) => {
        $crate::__stock!($call)
    };
}

/// Logs a call that was taken apart.
#[doc(hidden)]
#[macro_export]
macro_rules! __emit {
    (
        { $level:ident, $logger:ident, $limit:expr, $args:tt }
        [$($fmt:tt)*]
        [$(($key:literal $kind:tt $value:ident))*]
        [$(($last_key:literal $last_kind:tt $last_value:ident))*]
    ) => {{
        static SITE: $crate::__private::CallSite = $crate::__private::CallSite::new(
            $crate::slog::RecordLocation {
                file: file!(),
                line: line!(),
                column: column!(),
                function: "",
                module: module_path!(),
            },
            $crate::slog::Level::$level,
            &[$($key),*],
        );
        let fields = $crate::__private::SiteFields::new(
            &SITE,
            |quick: $crate::__private::Quick| {
                $(let quick = $crate::__quick!(quick, $kind, $value);)*
                quick
            },
            |_writer: &mut $crate::__private::FrameWriter<'_>, cursor| {
                $(let cursor = $crate::__write!(_writer, cursor, $key, $kind, $value);)*
                cursor
            },
            |_record, _serializer| {
                $($crate::__serialize!(_record, _serializer, $last_key, $last_kind, $last_value)?;)*
                Ok(())
            },
        );
        $limit.log($logger, &fields, &format_args!($($fmt)*))
    }};
}

/// Writes a field the quick way, or gives that up.
#[doc(hidden)]
#[macro_export]
macro_rules! __quick {
    ($quick:ident, =, $value:ident) => {{
        #[expect(
            unused_imports,
            reason = "which of the two is used depends on the value's type"
        )]
        use $crate::__private::{WritePlain as _, WriteValue as _};
        (&&$crate::__private::Field($value)).write_quick($quick)
    }};
    ($quick:ident, $format:literal, $value:ident) => {
        $quick.give_up()
    };
}

/// Writes a field into a frame.
#[doc(hidden)]
#[macro_export]
macro_rules! __write {
    ($writer:ident, $cursor:ident, $key:literal, =, $value:ident) => {{
        #[expect(
            unused_imports,
            reason = "which of the two is used depends on the value's type"
        )]
        use $crate::__private::{WritePlain as _, WriteValue as _};
        (&&$crate::__private::Field($value)).write($key, $writer, $cursor)
    }};
    ($writer:ident, $cursor:ident, $key:literal, $format:literal, $value:ident) => {
        $writer.args_at($cursor, format_args!($format, $value))
    };
}

/// Hands a field to any serializer.
#[doc(hidden)]
#[macro_export]
macro_rules! __serialize {
    ($record:ident, $serializer:ident, $key:literal, =, $value:ident) => {
        $crate::slog::Value::serialize($value, $record, $crate::slog::Key::from($key), $serializer)
    };
    ($record:ident, $serializer:ident, $key:literal, $format:literal, $value:ident) => {
        $crate::slog::Value::serialize(
            &format_args!($format, $value),
            $record,
            $crate::slog::Key::from($key),
            $serializer,
        )
    };
}

/// Logs a call through slog's macro.
#[doc(hidden)]
#[macro_export]
macro_rules! __stock {
    ({ $level:ident, $logger:ident, $limit:expr, { # $tag:expr, $($args:tt)+ } }) => {
        $limit.stock($logger, |logger| {
            $crate::slog::log!(logger, $crate::slog::Level::$level, $tag, $($args)+)
        })
    };
    ({ $level:ident, $logger:ident, $limit:expr, { $($args:tt)+ } }) => {
        $limit.stock($logger, |logger| {
            $crate::slog::log!(logger, $crate::slog::Level::$level, "", $($args)+)
        })
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
        ///
        /// Limits on how often the call logs stand after the logger, see [`Limit`](crate::Limit):
        #[doc = concat!("`", stringify!($name), "!(log, every = \"1s\", first = 10, \"message\")` logs ten records a")]
        /// second at most; `sample = 100` every hundredth; `repeats = "10s"` no two equal ones in a row
        /// within that time. What they keep back is counted and told in a record of its own.
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
