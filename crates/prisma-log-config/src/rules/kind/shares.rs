//! Kinds that look at how many of the matches are of one sort, or how large most of them are.

use prisma_log_core::Level;
use prisma_log_monitor::{Bound, Condition, Kind};

use super::{Decimal, HARMLESS, KindSection, Share, WINDOW};
use crate::scalars::Scalar;

impl KindSection<'_> {
    pub(super) fn rate(&mut self, of: Option<Condition>) -> Option<Kind> {
        let error = Condition::Level(Level::Error);
        let ratio = self.tried::<Share, _>(
            "ratio",
            |Share(share)| share,
            |ratio| Kind::Rate { of: error, ratio, min_volume: 1, window: HARMLESS },
        );
        let ratio = self.require("ratio", Share::EXPECTED, ratio);
        let min_volume = self.min_volume();
        let window = self.window().unwrap_or(WINDOW);
        Some(Kind::Rate { of: of?, ratio: ratio?, min_volume, window })
    }

    pub(super) fn percentile(&mut self) -> Option<Kind> {
        let percentile = |field: String, percentile| Kind::Percentile {
            field,
            percentile,
            bound: Bound::Above(0.0),
            min_volume: 1,
            window: HARMLESS,
        };
        let field = self.required_field(|field| percentile(field, 50.0));
        let percent = self.tried::<Decimal, _>(
            "percent",
            |Decimal(percent)| percent,
            |percent| percentile("x".into(), percent),
        );
        let percent = self.require("percent", "a number such as 99", percent);
        let above = self.section.optional::<Decimal>("above");
        let below = self.section.optional::<Decimal>("below");
        let bound = match (above, below) {
            (Some(Decimal(bound)), None) => Some(Bound::Above(bound)),
            (None, Some(Decimal(bound))) => Some(Bound::Below(bound)),
            (Some(_), Some(_)) => {
                let message = "a percentile has either `above` or `below`";
                let error = self.section.error_at_one_of(&["below"], message);
                self.section.report().error(error.with_hint("make two rules of it"));
                None
            }
            (None, None) => {
                let both = self.section.is_missing("above") && self.section.is_missing("below");
                if both && self.section.is_readable() {
                    let error = self.section.error("neither `above` nor `below` is there");
                    let hint = "say what the percentile must not cross: `above: 500`";
                    self.section.report().error(error.with_hint(hint));
                }
                None
            }
        };
        let min_volume = self.min_volume();
        let window = self.window().unwrap_or(WINDOW);
        Some(Kind::Percentile {
            field: field?,
            percentile: percent?,
            bound: bound?,
            min_volume,
            window,
        })
    }
}
