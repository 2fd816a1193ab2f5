//! The customers in memory, by their ids and by what they are called, and who goes first when there are too many.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use kernel::ids::{CustomerId, SubscriptionId};

use super::customer::Desk;
use crate::once::IntMap;

/// Desks reached for outside of groups before somebody has to look how large they have become.
const MANY: usize = 1_024;

/// Names of customers that changed that are kept to be looked up again, at most.
const AGAIN: usize = 64;

/// Bytes of a name beside its text: what counts who refers to it, and its place in the customer's list.
const NAME: usize = 64;

/// Whom a subject names.
type Whom = (CustomerId, Option<SubscriptionId>);

/// Customers in memory.
#[derive(Debug, Default)]
pub struct Room {
    /// By their ids, which nobody outside chooses.
    seats: IntMap<(u64, u64), Seat>,
    subjects: HashMap<Arc<str>, Whom>,
    /// When each came here, or had its turn last; the earliest is looked at first.
    turns: VecDeque<(u64, CustomerId)>,
    /// Those that were reached for and may have grown.
    reached: Vec<CustomerId>,
    /// Bytes of all desks, at most, without what came since they were measured.
    bytes: usize,
    /// Counts turns.
    next: u64,
    /// What some customers are called that were let go because they changed.
    changed: Vec<Arc<str>>,
}

#[derive(Debug)]
struct Seat {
    desk: Box<Desk>,
    /// What it is called.
    names: Vec<Arc<str>>,
    /// Its turn, and its last use when it got it.
    turn: u64,
    used: u64,
    /// Whether it is among those reached for.
    reached: bool,
    /// Its share of all bytes.
    bytes: usize,
}

fn key(customer: &CustomerId) -> (u64, u64) {
    customer.uuid().as_u64_pair()
}

impl Room {
    /// Whom a subject names, when that customer is here.
    pub fn whom(&self, subject: &str) -> Option<Whom> {
        self.subjects.get(subject).copied()
    }

    /// The customer, if it is here, to look at.
    pub fn get(&self, customer: &CustomerId) -> Option<&Desk> {
        self.seats.get(&key(customer)).map(|seat| &*seat.desk)
    }

    /// The customer, if it is here. It may grow.
    pub fn get_mut(&mut self, customer: &CustomerId) -> Option<&mut Desk> {
        let seat = self.seats.get_mut(&key(customer))?;
        if !seat.reached {
            seat.reached = true;
            self.reached.push(*customer);
        }
        Some(&mut seat.desk)
    }

    /// Whether somebody has to look how large everything has become.
    pub const fn is_restless(&self) -> bool {
        self.reached.len() > MANY
    }

    /// Put a customer here that is not.
    pub fn seat(&mut self, customer: CustomerId, desk: Desk) {
        let (turn, used) = (self.next, desk.tick);
        self.next += 1;
        self.turns.push_back((turn, customer));
        self.reached.push(customer);
        let seat = Seat { desk: Box::new(desk), names: Vec::new(), turn, used, reached: true, bytes: 0 };
        self.seats.insert(key(&customer), seat);
    }

    /// A customer that is here is called like this.
    pub fn call(&mut self, subject: &str, whom: Whom) {
        if self.subjects.contains_key(subject) || self.get_mut(&whom.0).is_none() {
            return;
        }
        let name: Arc<str> = subject.into();
        if let Some(seat) = self.seats.get_mut(&key(&whom.0)) {
            seat.names.push(Arc::clone(&name));
            self.subjects.insert(name, whom);
        }
    }

    /// Let a customer go that has changed. Whoever is looked up next may be looked up together with it.
    pub fn forget_changed(&mut self, customer: &CustomerId) {
        if let Some(seat) = self.seats.get(&key(customer)) {
            let left = AGAIN.saturating_sub(self.changed.len());
            self.changed.extend(seat.names.iter().take(left).cloned());
        }
        self.forget(customer);
    }

    /// What customers are called that were let go because they changed: some of them, once.
    pub fn changed(&mut self) -> Vec<Arc<str>> {
        std::mem::take(&mut self.changed)
    }

    /// Let a customer go.
    pub fn forget(&mut self, customer: &CustomerId) {
        let Some(seat) = self.seats.remove(&key(customer)) else { return };
        for name in &seat.names {
            self.subjects.remove(name);
        }
        self.bytes -= seat.bytes;
        // Its turn stays behind, and goes when it comes or when there are many such.
        if self.turns.len() > 64 + 2 * self.seats.len() {
            let seats = &self.seats;
            self.turns
                .retain(|(turn, customer)| seats.get(&key(customer)).is_some_and(|seat| seat.turn == *turn));
        }
    }

    /// Bytes of everything here, at most.
    pub fn measure(&mut self) -> usize {
        for customer in std::mem::take(&mut self.reached) {
            let Some(seat) = self.seats.get_mut(&key(&customer)) else { continue };
            let names: usize = seat.names.iter().map(|name| name.len() + NAME).sum();
            let bytes = names + seat.desk.bytes();
            self.bytes = self.bytes - seat.bytes + bytes;
            (seat.bytes, seat.reached) = (bytes, false);
        }
        self.bytes + self.tables()
    }

    /// Bytes of the tables, with the room they keep for more.
    fn tables(&self) -> usize {
        let seats = self.seats.capacity() * 8 / 7 * (size_of::<((u64, u64), Seat)>() + 1);
        let subjects = self.subjects.capacity() * 8 / 7 * (size_of::<(Arc<str>, Whom)>() + 1);
        seats + subjects + self.turns.capacity() * size_of::<(u64, CustomerId)>()
    }

    /// Let go of whoever was not used for long until the rest takes no more than `most` bytes. Who was used since its
    /// last turn gets another one.
    pub fn shrink(&mut self, most: usize) {
        self.measure();
        while self.bytes + self.tables() > most {
            let Some((turn, customer)) = self.turns.pop_front() else { return };
            let Some(seat) = self.seats.get_mut(&key(&customer)).filter(|seat| seat.turn == turn) else {
                continue;
            };
            if seat.desk.tick == seat.used {
                self.forget(&customer);
                continue;
            }
            (seat.turn, seat.used) = (self.next, seat.desk.tick);
            self.turns.push_back((self.next, customer));
            self.next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Id, Zone};
    use uuid::Uuid;

    use super::*;
    use crate::{Account, desk::customer::Series, usage::Span};

    fn customer(n: u64) -> CustomerId {
        Id::from_uuid(Uuid::from_u64_pair(n, n))
    }

    fn come(room: &mut Room, n: u64, tick: u64) {
        let account = Account {
            customer: customer(n),
            zone: Zone::utc(),
            agreements: Vec::new(),
            beside: Default::default(),
        };
        room.seat(customer(n), Desk::new(account.into(), tick));
        room.call(&format!("customer-{n}"), (customer(n), None));
    }

    #[test]
    fn who_was_used_stays_and_never_are_there_too_many() {
        let (mut room, most) = (Room::default(), 100_000);
        for n in 0..5_000 {
            come(&mut room, n, n);
            let first = room.get_mut(&customer(0)).unwrap();
            first.tick = n;
            for meter in 0..n % 7 {
                let counter = crate::limit::Counter::fixed(Span { start: 0, end: 1 }, 0);
                let desk = room.get_mut(&customer(n)).unwrap();
                desk.add_counter(&format!("meter-{meter}"), format!("user-{n}"), counter);
                desk.add_series("meter", format!("sum/0{{\"n\":\"{meter}\"}}"), Series { id: 1, shift: 0 });
            }
            room.shrink(most);
            assert!(
                room.measure() <= most
                    && room.bytes == room.seats.values().map(|seat| seat.bytes).sum::<usize>()
            );
            assert!(room.whom("customer-0").is_some());
        }
        assert!(room.seats.len() > 5 && room.subjects.len() == room.seats.len());
        assert!(room.whom("customer-4000").is_none() && room.whom("customer-4999").is_some());
    }

    #[test]
    fn some_of_those_who_changed_are_named_once() {
        let mut room = Room::default();
        for n in 0..100 {
            come(&mut room, n, n);
            room.forget_changed(&customer(n));
        }
        come(&mut room, 100, 100);
        room.forget(&customer(100));
        assert!(room.subjects.is_empty());
        let named: Vec<String> = room.changed().iter().map(|name| (**name).to_owned()).collect();
        assert_eq!(
            (named.len(), named[0].as_str(), named[63].as_str()),
            (AGAIN, "customer-0", "customer-63")
        );
        assert!(room.changed().is_empty());
    }

    #[test]
    fn who_comes_and_goes_leaves_nothing_behind() {
        let mut room = Room::default();
        for n in 0..10_000 {
            come(&mut room, 1, n);
            room.call("another name", (customer(1), None));
            room.measure();
            room.forget(&customer(1));
        }
        assert!(room.bytes == 0 && room.subjects.is_empty() && room.turns.len() < 200);
    }

    #[test]
    fn what_came_is_never_counted_for_less_than_it_takes() {
        let mut room = Room::default();
        come(&mut room, 1, 1);
        for n in 0..3_000 {
            let desk = room.get_mut(&customer(1)).unwrap();
            let counter = crate::limit::Counter::rolling(18_000, []);
            desk.add_counter("runs", format!("user-{}", n % 50), counter);
            for second in 0..n % 40 {
                desk.counter("runs", &format!("user-{}", n % 50)).unwrap().count(0, second * 1_000_000, 1);
            }
            let bytes = desk.bytes();
            assert!(bytes >= desk.size(), "{bytes} {}", desk.size());
        }
    }
}
