//! An alert that nothing happened for.

use prisma_log_core::Timestamp;

use super::Alert;

impl Alert {
    /// An open alert of a rule `test`, raised at a time.
    pub(crate) fn sample(at: Timestamp) -> Self {
        let message = "a message that tries a receiver out".to_owned();
        Alert {
            description: "Nothing is wrong: somebody tries out whether messages arrive.".to_owned(),
            count: 1,
            samples: vec![message.clone()],
            message,
            ..Alert::new(0, "test", at)
        }
    }
}
