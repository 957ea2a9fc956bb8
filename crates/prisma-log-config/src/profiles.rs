//! A file's profiles: which one is chosen, and what it inherits.

use prisma_log_core::{Error, Place};

use crate::environment::Environment;
use crate::hint;
use crate::merge::merge;
use crate::origin::Origin;
use crate::section::{self, Report, Section};
use crate::tree::{Item, Kind, Map, Node, error_at};

/// The version of the file's format.
const VERSION: u64 = 1;

/// A whole file, its outer keys read.
pub(crate) struct Document<'a> {
    place: Option<Place>,
    service: Option<&'a Item>,
    default_profile: Option<&'a Node>,
    profiles: Option<&'a Map>,
}

impl<'a> Document<'a> {
    /// Reads the outer keys and reports what is wrong with them.
    pub(crate) fn open(root: &'a Node, report: &'a Report) -> Self {
        let mut document = Document {
            place: root.origin.place(),
            service: None,
            default_profile: None,
            profiles: None,
        };
        if root.is_null() {
            report.error(root.error("the file is empty").with_hint("it starts with `version: 1`"));
            return document;
        }
        let mut section = Section::new(report, "", Some(root));
        if root.map().is_none() {
            return document;
        }
        section.version(VERSION);
        section.node("service");
        document.service = root.map().and_then(|map| map.item("service"));
        document.default_profile = section.node("default_profile");
        document.profiles = section.map_under("profiles");
        if document.profiles.is_some_and(|profiles| profiles.items.is_empty())
            || section.is_missing("profiles")
        {
            report.error(section.error("the file has no profiles").with_hint("add `profiles:`"));
        }
        section.finish();
        document
    }

    /// Whether there are no profiles at all, which has been reported.
    pub(crate) fn is_empty(&self) -> bool {
        self.profiles.is_none_or(|profiles| profiles.items.is_empty())
    }

    /// The names of all profiles.
    pub(crate) fn names(&self) -> Vec<&'a str> {
        let items = self.profiles.map(|profiles| profiles.items.as_slice()).unwrap_or_default();
        items.iter().map(|item| item.key.as_str()).collect()
    }

    /// The names of all profiles, with their places.
    pub(crate) fn names_and_origins(&self) -> impl Iterator<Item = (&'a str, Origin)> {
        let items = self.profiles.map(|profiles| profiles.items.as_slice()).unwrap_or_default();
        items.iter().map(|item| (item.key.as_str(), item.key_origin.clone()))
    }

    /// The profile to use, and who chose it: the program, `PRISMA_ENV` or the file.
    ///
    /// # Errors
    /// When nobody chose one, or there is none of that name.
    pub(crate) fn choose(&self, environment: &Environment) -> Result<(String, Origin), Error> {
        let (name, origin) = match (environment.chosen_profile()?, self.default_profile) {
            (Some(chosen), _) => chosen,
            (None, Some(node)) => {
                (section::read::<String>(node, "default_profile")?, node.origin.clone())
            }
            (None, None) => {
                let error = error_at(self.place.clone(), "no profile is chosen");
                return Err(error.with_hint("set PRISMA_ENV, or `default_profile` in the file"));
            }
        };
        self.find(&name, &origin)?;
        Ok((name, origin))
    }

    /// Whether anybody chooses a profile.
    pub(crate) fn is_chosen(&self, environment: &Environment) -> bool {
        self.default_profile.is_some() || !matches!(environment.chosen_profile(), Ok(None))
    }

    /// Whether `default_profile`, if given, names a profile.
    pub(crate) fn check_default(&self, report: &Report) {
        if let Some(node) = self.default_profile.filter(|_| !self.is_empty()) {
            let found = section::read::<String>(node, "default_profile")
                .and_then(|name| self.find(&name, &node.origin).map(|_| ()));
            if let Err(error) = found {
                report.error(error);
            }
        }
    }

    /// Whether another profile extends this one.
    pub(crate) fn is_extended(&self, name: &str) -> bool {
        let items = self.profiles.map(|profiles| profiles.items.as_slice()).unwrap_or_default();
        items.iter().any(|item| {
            let extends = item.node.map().and_then(|map| map.get("extends"));
            extends.and_then(Node::scalar) == Some(name)
        })
    }

    /// The profile with everything it inherits, and the file's `service`.
    ///
    /// # Errors
    /// When a profile in the chain is missing, is no map, or extends itself by way of others.
    pub(crate) fn effective(&self, name: &str, origin: &Origin) -> Result<Node, Error> {
        let mut chain: Vec<&Item> = Vec::new();
        let mut next = Some((name.to_owned(), origin.clone()));
        while let Some((name, origin)) = next {
            if let Some(start) = chain.iter().position(|item| item.key == name) {
                return Err(self.circle(chain.split_off(start)));
            }
            let item = self.find(&name, &origin)?;
            chain.push(item);
            let extends = item.node.map().and_then(|map| map.get("extends"));
            next = match extends {
                Some(node) => {
                    let path = format!("profiles.{name}.extends");
                    Some((section::read::<String>(node, &path)?, node.origin.clone()))
                }
                None => None,
            };
        }
        let mut effective = Node { kind: Kind::Map(Map::default()), origin: Origin::Default };
        if let Some(service) = self.service {
            let map = Map { items: vec![service.clone()] };
            effective.kind = Kind::Map(map);
        }
        let origin = chain.first().map(|item| item.key_origin.clone());
        for item in chain.into_iter().rev() {
            let mut node = item.node.clone();
            match &mut node.kind {
                Kind::Map(map) => map.items.retain(|item| item.key != "extends"),
                Kind::Null => node.kind = Kind::Map(Map::default()),
                _ => {
                    let message =
                        format!("`profiles.{}`: expected a map, found {}", item.key, node.found());
                    return Err(node.error(message));
                }
            }
            effective = merge(effective, node);
        }
        effective.origin = origin.unwrap_or(Origin::Default);
        Ok(effective)
    }

    /// The error about profiles that extend each other. It is the same whichever of them one
    /// started from, so that it is reported once.
    fn circle(&self, mut circle: Vec<&Item>) -> Error {
        let names = self.names();
        let position = |item: &&Item| names.iter().position(|name| *name == item.key);
        let first = circle.iter().map(position).enumerate().min_by_key(|(_, position)| *position);
        circle.rotate_left(first.map_or(0, |(index, _)| index));
        let mut path: Vec<&str> = circle.iter().map(|item| item.key.as_str()).collect();
        path.extend(path.first().copied());
        let closing = circle.last().and_then(|item| item.node.map()?.get("extends"));
        let place = closing.and_then(|node| node.origin.place());
        error_at(place, format!("`extends` goes in a circle: {}", path.join(" -> ")))
    }

    fn find(&self, name: &str, asked_by: &Origin) -> Result<&'a Item, Error> {
        self.profiles.and_then(|profiles| profiles.item(name)).ok_or_else(|| {
            let error = error_at(asked_by.place(), format!("there is no profile `{name}`"));
            error.with_hint(hint::for_word(name, "profiles", &self.names()))
        })
    }
}
