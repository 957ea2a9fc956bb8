//! Kinds that look at what a field or message is, and was before.

use std::time::Duration;

use prisma_log_monitor::Kind;

use super::KindSection;

/// How long is only learnt, where the file does not say.
const LEARN: Duration = Duration::from_secs(3600);

impl KindSection<'_> {
    pub(super) fn change(&mut self) -> Option<Kind> {
        let field = self.required_field(|field| Kind::Change { field });
        Some(Kind::Change { field: field? })
    }

    pub(super) fn new_value(&mut self) -> Option<Kind> {
        let field = self.required_field(|field| Kind::Change { field });
        let learn = self.learn();
        Some(Kind::NewValue { field: field?, learn })
    }

    pub(super) fn learn(&mut self) -> Duration {
        let template = |learn| Kind::NewTemplate { learn };
        self.tried::<Duration, _>("learn", |time| time, template).unwrap_or(LEARN)
    }
}
