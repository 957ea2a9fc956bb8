//! Stands in for receivers over HTTP in programs that are built without them.

use super::super::{AlertmanagerReceiver, ReceiverHttp, SecretText, WebhookReceiver};
use super::{Built, Reveal, absent};

const FEATURE: &str = "notify-webhook";

pub(super) fn webhook(_: &WebhookReceiver, _: Reveal<'_>) -> Built {
    absent("webhook", FEATURE)
}

pub(super) fn slack(_: &SecretText, _: &ReceiverHttp, _: Reveal<'_>) -> Built {
    absent("slack", FEATURE)
}

pub(super) fn teams(_: &SecretText, _: &ReceiverHttp, _: Reveal<'_>) -> Built {
    absent("teams", FEATURE)
}

pub(super) fn alertmanager(_: &AlertmanagerReceiver, _: Reveal<'_>) -> Built {
    absent("alertmanager", FEATURE)
}
