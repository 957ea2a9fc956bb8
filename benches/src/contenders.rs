//! The loggers, each set up for the same work.

/// The calls of a logger whose macros have slog's grammar.
macro_rules! slog_calls {
    ($caller:ty, $($module:ident)::+) => {
        #[inline(always)]
        fn log(log: &$caller, values: &$crate::logs::Values) {
            slog_calls!(@five info, log, values, $($module)::+);
        }

        #[inline(always)]
        fn log_disabled(log: &$caller, values: &$crate::logs::Values) {
            slog_calls!(@five debug, log, values, $($module)::+);
        }

        #[inline(always)]
        fn log_shape(log: &$caller, shape: $crate::logs::Shape, values: &$crate::logs::Values) {
            use $crate::logs::Shape;
            match shape {
                Shape::Bare => $($module)::+::info!(log, "request served"),
                Shape::One => {
                    $($module)::+::info!(log, "request served"; "number" => values.number);
                }
                Shape::Five => slog_calls!(@five info, log, values, $($module)::+),
                Shape::Text => $($module)::+::info!(
                    log, "request {} served to {}", values.number, values.route;
                    "number" => values.number,
                    "millis" => values.millis,
                    "method" => values.method,
                    "route" => values.route,
                    "bytes" => values.bytes,
                ),
                Shape::Display => $($module)::+::info!(log, "request served";
                    "number" => %values.number,
                    "millis" => %values.millis,
                    "method" => %values.method,
                    "route" => %values.route,
                    "bytes" => %values.bytes,
                ),
            }
        }
    };
    (@five $level:ident, $log:ident, $values:ident, $($module:ident)::+) => {
        $($module)::+::$level!($log, "request served";
            "number" => $values.number,
            "millis" => $values.millis,
            "method" => $values.method,
            "route" => $values.route,
            "bytes" => $values.bytes,
        )
    };
}

pub mod classic;
pub mod ours;
#[cfg(feature = "rivals")]
pub mod rivals;
