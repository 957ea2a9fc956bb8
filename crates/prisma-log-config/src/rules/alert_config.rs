//! What a file of alert rules says as a whole.

use std::path::Path;

use prisma_log_core::{Error, Place};
use prisma_log_monitor::{Policy, Rule};

use super::ReceiverConfig;

/// What a file of alert rules says.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct AlertConfig {
    rules: Vec<Rule>,
    /// Where each rule's name stands; `None` for those of packs.
    places: Vec<Option<Place>>,
    policy: Policy,
    receivers: Vec<ReceiverConfig>,
}

impl AlertConfig {
    /// Reads a file.
    ///
    /// # Errors
    /// As [`load`](super::load).
    pub fn load(path: &Path) -> Result<AlertConfig, Error> {
        let (config, errors) = super::read(path);
        match errors.is_empty() {
            true => Ok(config),
            false => Err(crate::config::first_of(errors, Some(path))),
        }
    }

    pub(super) fn push_of_pack(&mut self, rule: Rule) {
        self.rules.push(rule);
        self.places.push(None);
    }

    /// Adds a rule, or puts it in the place of a pack's; `false` when the file has one of its name.
    pub(super) fn push(&mut self, rule: Rule, place: Option<Place>) -> bool {
        match self.rules.iter().position(|other| other.name() == rule.name()) {
            None => {
                self.rules.push(rule);
                self.places.push(place);
            }
            Some(index) => match (self.rules.get_mut(index), self.places.get_mut(index)) {
                (Some(other), Some(its_place)) if its_place.is_none() => {
                    (*other, *its_place) = (rule, place);
                }
                _ => return false,
            },
        }
        true
    }

    pub(super) fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    pub(super) fn set_receivers(&mut self, receivers: Vec<ReceiverConfig>) {
        self.receivers = receivers;
    }

    /// The rules, in the order of the file.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rules, to hand them to a monitor.
    pub fn into_rules(self) -> Vec<Rule> {
        self.rules
    }

    /// Who is told what and when: `routes`, `inhibit`, `maintenance` and `limits`.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Who may be told, in the order of the file.
    pub fn receivers(&self) -> &[ReceiverConfig] {
        &self.receivers
    }

    /// What is allowed in the file but hardly meant, at its rule: see [`Rule::doubts`].
    pub fn warnings(&self) -> Vec<Error> {
        let rules = self.rules.iter().zip(&self.places);
        let own = rules.filter_map(|(rule, place)| place.as_ref().map(|place| (rule, place)));
        let warnings = own.flat_map(|(rule, place)| {
            rule.doubts().into_iter().map(move |doubt| {
                Error::config(format!("rule `{}`: {doubt}", rule.name())).at(place.clone())
            })
        });
        warnings.collect()
    }
}
