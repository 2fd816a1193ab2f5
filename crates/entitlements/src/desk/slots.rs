//! Things kept by name, read by whoever asks first, and never older than the last change.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A bounded number of things. What is read while it changes is not kept: the reader holds a ticket, and a change takes
/// the ticket away.
pub(super) struct Slots<K, V> {
    held: Mutex<Inner<K, V>>,
    most: usize,
}

struct Inner<K, V> {
    slots: HashMap<K, Slot<V>>,
    tickets: u64,
}

enum Slot<V> {
    Coming(u64),
    There(V),
}

/// The right to put in what is being read.
pub(super) struct Ticket<K> {
    key: K,
    number: u64,
}

impl<K: Hash + Eq + Clone, V: Clone> Slots<K, V> {
    /// For at most so many.
    pub(super) fn of(most: usize) -> Self {
        Self { held: Mutex::new(Inner { slots: HashMap::new(), tickets: 0 }), most }
    }

    /// What is there, or the ticket to read it.
    pub(super) fn get<Q>(&self, key: &Q) -> Result<V, Ticket<K>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let mut held = self.held();
        if let Some(Slot::There(value)) = held.slots.get(key) {
            return Ok(value.clone());
        }
        // Rather everything anew now and then than a second order to keep.
        if held.slots.len() >= self.most {
            held.slots.clear();
        }
        held.tickets += 1;
        let (key, number) = (key.to_owned(), held.tickets);
        held.slots.insert(key.clone(), Slot::Coming(number));
        Err(Ticket { key, number })
    }

    /// Keep what was read, unless it changed meanwhile.
    pub(super) fn put(&self, ticket: Ticket<K>, value: V) {
        if let Some(slot) = self.held().slots.get_mut(&ticket.key)
            && matches!(slot, Slot::Coming(number) if *number == ticket.number)
        {
            *slot = Slot::There(value);
        }
    }

    /// It changed.
    pub(super) fn drop(&self, key: &K) {
        self.held().slots.remove(key);
    }

    /// All did.
    pub(super) fn clear(&self) {
        self.held().slots.clear();
    }

    /// Those for which this is so did.
    pub(super) fn drop_if(&self, changed: impl Fn(&V) -> bool) {
        // What is being read may be one of them.
        self.held().slots.retain(|_, slot| matches!(slot, Slot::There(value) if !changed(value)));
    }

    fn held(&self) -> MutexGuard<'_, Inner<K, V>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_while_it_was_read_is_not_kept() {
        let slots: Slots<String, i32> = Slots::of(3);
        let Err(first) = slots.get("a") else { panic!("nothing is there yet") };
        slots.drop(&"a".to_owned());
        slots.put(first, 1);
        let Err(second) = slots.get("a") else { panic!("it changed meanwhile") };
        let Err(third) = slots.get("a") else { panic!("it is still being read") };
        slots.put(second, 2);
        assert!(slots.get("a").is_err(), "another reader has the ticket");
        let Err(fourth) = slots.get("a") else { panic!() };
        slots.put(third, 3);
        slots.put(fourth, 4);
        assert_eq!(slots.get("a").ok(), Some(4));
    }

    #[test]
    fn there_are_never_more_than_agreed() {
        let slots: Slots<String, usize> = Slots::of(3);
        for number in 0..10 {
            if let Err(ticket) = slots.get(&number.to_string()) {
                slots.put(ticket, number);
            }
            assert!(slots.held().slots.len() <= 3);
        }
        slots.drop_if(|value| *value == 9);
        assert!(slots.get("9").is_err());
    }
}
