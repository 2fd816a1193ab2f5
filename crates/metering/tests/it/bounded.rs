//! Memory is a bounded cache of what is stored: whatever is let go of, answers stay the same.

use jiff::SignedDuration;
use kernel::ids::HoldId;
use metering::{Options, event::NewEvent};
use testkit::on_both;

use crate::parts::{CONTEXTS, Ground, event};

/// Numbers that look random, the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

enum Step {
    Send(NewEvent),
    Check(NewEvent),
    Consume(NewEvent),
    Reserve(NewEvent, i64),
    /// The hold that was made so long ago, and how much of it was used; none: nothing.
    End(usize, Option<String>),
    Void(NewEvent),
}

fn step(dice: &mut Dice, n: u64) -> Step {
    let customer = format!("customer-{}", dice.below(6));
    // Now and then a name comes a second time.
    let id = (n - dice.below(12).saturating_sub(9).min(n)).to_string();
    let amount = dice.below(4);
    let of = match dice.below(2) {
        0 => event("runs", &id, &customer, None, &format!(r#"{{"user": "u{}"}}"#, dice.below(3))),
        _ => event("credits", &id, &customer, None, &format!(r#"{{"value": {amount}}}"#)),
    };
    match dice.below(12) {
        0..2 => Step::Send(of),
        2..4 => Step::Check(of),
        4..7 => Step::Consume(of),
        7..9 => Step::Reserve(of, 30 + dice.below(4_000) as i64),
        9 => Step::End(dice.below(4) as usize, None),
        10 => Step::End(dice.below(4) as usize, Some(dice.below(4).to_string())),
        _ => Step::Void(of),
    }
}

impl Ground {
    /// Do it, and say in words what came of it; names of holds are their own in each environment.
    fn does(&self, step: &Step, holds: &mut Vec<HoldId>) -> String {
        let (metering, scope, now) = (&self.metering, &self.scope, self.now());
        match step {
            Step::Send(event) => {
                format!("{:?}", metering.ingest(scope, vec![event.clone()], false, now).wait())
            }
            Step::Check(event) => format!("{:?}", metering.check(scope, event.clone(), now).wait()),
            Step::Consume(event) => format!("{:?}", metering.consume(scope, event.clone(), now).wait()),
            Step::Reserve(event, seconds) => {
                let time = SignedDuration::from_secs(*seconds);
                match metering.reserve(scope, event.clone(), time, now).wait() {
                    Ok(reserved) => {
                        holds.extend(reserved.id);
                        format!("{:?} {:?} {}", reserved.id.is_some(), reserved.answer, reserved.expires)
                    }
                    Err(error) => format!("{error:?}"),
                }
            }
            Step::End(ago, used) => {
                let Some(hold) = holds.iter().rev().nth(*ago).copied() else { return String::new() };
                let ended = match used {
                    Some(used) => metering.commit(scope, hold, Some(used.clone()), now),
                    None => metering.release(scope, hold, now),
                };
                format!("{:?}", ended.wait())
            }
            Step::Void(event) => {
                let name = metering::event::EventName { source: event.source.clone(), id: event.id.clone() };
                format!("{:?}", metering.void(scope, &name, false, now).wait())
            }
        }
    }
}

#[test]
fn answers_do_not_depend_on_what_is_in_memory() {
    on_both(CONTEXTS, |test| {
        for seed in 1..4 {
            let of = |memory| (Ground::with(test, Options { memory, ..Options::default() }), Vec::new());
            let (mut roomy, mut others) = (of(512 << 20), [of(0), of(16_000)]);
            let mut dice = Dice(seed);
            for n in 0..150 {
                let step = step(&mut dice, n);
                let answer = roomy.0.does(&step, &mut roomy.1);
                for (ground, holds) in &mut others {
                    assert_eq!(ground.does(&step, holds), answer, "seed {seed}, step {n}");
                }
                if dice.below(3) == 0 {
                    roomy.0.pass(dice.below(2_000) as i64);
                }
            }
        }
    });
}
