//! Things in the order in which they were last touched.

/// Stands for none.
const NONE: u32 = u32::MAX;

/// Things by number, and a list through all of them from the one touched longest ago on.
#[derive(Debug)]
pub(super) struct Recency<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    oldest: u32,
    newest: u32,
}

#[derive(Debug)]
struct Slot<T> {
    thing: Option<T>,
    older: u32,
    newer: u32,
}

impl<T> Default for Recency<T> {
    fn default() -> Self {
        Recency { slots: Vec::new(), free: Vec::new(), oldest: NONE, newest: NONE }
    }
}

impl<T> Recency<T> {
    /// Adds a thing as the one touched last; returns its number, which stays until it is removed.
    pub(super) fn insert(&mut self, thing: T) -> u32 {
        let slot = Slot { thing: Some(thing), older: NONE, newer: NONE };
        let number = match self.free.pop() {
            Some(number) => {
                self.slots[number as usize] = slot;
                number
            }
            None => {
                self.slots.push(slot);
                (self.slots.len() - 1) as u32
            }
        };
        self.link(number);
        number
    }

    pub(super) fn remove(&mut self, number: u32) -> Option<T> {
        let thing = self.slots.get_mut(number as usize)?.thing.take()?;
        self.unlink(number);
        self.free.push(number);
        Some(thing)
    }

    pub(super) fn touch(&mut self, number: u32) {
        if self.newest != number && self.get(number).is_some() {
            self.unlink(number);
            self.link(number);
        }
    }

    pub(super) fn get(&self, number: u32) -> Option<&T> {
        self.slots.get(number as usize)?.thing.as_ref()
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.slots.get_mut(number as usize)?.thing.as_mut()
    }

    /// Numbers and things, the one touched longest ago first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        let newer = |&number: &u32| self.slots.get(number as usize).map(|slot| slot.newer);
        std::iter::successors(Some(self.oldest), newer)
            .map_while(|number| Some((number, self.get(number)?)))
    }

    fn link(&mut self, number: u32) {
        let newest = std::mem::replace(&mut self.newest, number);
        match self.slots.get_mut(newest as usize) {
            Some(before) => before.newer = number,
            None => self.oldest = number,
        }
        let slot = &mut self.slots[number as usize];
        (slot.older, slot.newer) = (newest, NONE);
    }

    fn unlink(&mut self, number: u32) {
        let Slot { older, newer, .. } = self.slots[number as usize];
        match self.slots.get_mut(older as usize) {
            Some(before) => before.newer = newer,
            None => self.oldest = newer,
        }
        match self.slots.get_mut(newer as usize) {
            Some(after) => after.older = older,
            None => self.newest = older,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_a_list() {
        let mut seed = 1u64;
        let mut next = move |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize % below
        };
        let (mut recency, mut list) = (Recency::default(), Vec::new());
        for thing in 0..20_000 {
            match next(5) {
                0 | 1 => list.push((recency.insert(thing), thing)),
                2 | 3 if !list.is_empty() => {
                    let entry = list.remove(next(list.len()));
                    recency.touch(entry.0);
                    list.push(entry);
                }
                _ if !list.is_empty() => {
                    let (number, thing) = list.remove(next(list.len()));
                    assert_eq!(recency.remove(number), Some(thing));
                    assert_eq!(recency.remove(number), None);
                    recency.touch(number);
                }
                _ => {}
            }
            if thing % 50 == 0 {
                assert!(recency.iter().map(|(n, t)| (n, *t)).eq(list.iter().copied()));
            }
        }
        assert!(!list.is_empty());
    }
}
