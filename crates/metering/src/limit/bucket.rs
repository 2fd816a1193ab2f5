//! Token buckets: how fast something may be done. Pure but for [`Buckets`], which keeps many behind a lock.
//!
//! A bucket is one number, the instant at which it is full again (the generic cell rate algorithm). Time is counted in
//! picoseconds, so that a billion requests a second still have a length; a length that does not come out even is
//! rounded up, so that a rate is never exceeded.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

use catalog::RateLimit;
use jiff::Timestamp;

const SECOND: u128 = 1_000_000_000_000;
/// Above so many buckets those that are full are dropped: nobody can tell them from new ones.
const MANY: usize = 100_000;

/// A token bucket. A new one is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// When it is full again, in picoseconds since 1970.
    full_at: i128,
}

/// What taking from a bucket came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Whether it was taken.
    pub allowed: bool,
    /// What the bucket holds when it is full.
    pub limit: u32,
    /// What is left in it.
    pub remaining: u32,
    /// Seconds in which an empty bucket is full, rounded up.
    pub window: u64,
    /// Seconds until it is full, rounded up.
    pub full_in: u64,
    /// Seconds until what was refused could be taken, rounded up; none when it was taken, or is more than fits.
    pub retry_in: Option<u64>,
}

impl Bucket {
    /// Take `cost` out of the bucket, wholly or not at all. A clock that is set back gives nothing back.
    pub fn take(&mut self, rate: RateLimit, cost: u32, now: Timestamp) -> Taken {
        let now = i128::from(now.as_microsecond()) * 1_000_000;
        let span = u128::from(rate.per.seconds()) * SECOND;
        // Less than 2^57.
        let each = span.div_ceil(u128::from(rate.requests.max(1))) as i128;
        let whole = each * i128::from(rate.burst);
        // After a clock was set far back the bucket is empty, and fills from there.
        let before = self.full_at.clamp(now, now + whole);
        let after = before + each * i128::from(cost);
        let allowed = after - now <= whole;
        let full_at = if allowed { after } else { before };
        self.full_at = full_at;
        let fits = cost <= rate.burst;
        Taken {
            allowed,
            limit: rate.burst,
            remaining: u32::try_from((whole - (full_at - now)) / each).unwrap_or(rate.burst),
            window: seconds(whole),
            full_in: seconds(full_at - now),
            retry_in: (!allowed && fits).then(|| seconds(after - now - whole).max(1)),
        }
    }

    /// Whether it is full.
    fn is_full(&self, now: Timestamp) -> bool {
        self.full_at <= i128::from(now.as_microsecond()) * 1_000_000
    }
}

fn seconds(picoseconds: i128) -> u64 {
    let picoseconds = u128::try_from(picoseconds).unwrap_or(0);
    u64::try_from(picoseconds.div_ceil(SECOND)).unwrap_or(u64::MAX)
}

impl Taken {
    /// The fields `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-10: `q` is what fits in the
    /// bucket, `w` the seconds in which it fills, `r` what is left and `t` the seconds until it is full.
    pub fn headers(&self, policy: &str) -> [(&'static str, String); 2] {
        let Self { limit, remaining, window, full_in, .. } = self;
        [
            ("ratelimit-policy", format!("\"{policy}\";q={limit};w={window}")),
            ("ratelimit", format!("\"{policy}\";r={remaining};t={full_in}")),
        ]
    }
}

/// Buckets by what they are of, in the memory of this process.
#[derive(Debug)]
pub struct Buckets<K>(Mutex<HashMap<K, Bucket>>);

impl<K> Default for Buckets<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq> Buckets<K> {
    /// Take from one bucket. There are at most so many: when none of them is full, all are forgotten, which lets
    /// everybody do a burst again and keeps memory bounded.
    pub fn take(&self, key: K, rate: RateLimit, cost: u32, now: Timestamp) -> Taken {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MANY && !buckets.contains_key(&key) {
            buckets.retain(|_, bucket| !bucket.is_full(now));
            if buckets.len() >= MANY - MANY / 10 {
                buckets.clear();
            }
        }
        buckets.entry(key).or_default().take(rate, cost, now)
    }
}

#[cfg(test)]
mod tests {
    use catalog::RateSpan;
    use proptest::prelude::*;

    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_microsecond(micros).unwrap()
    }

    fn rate(requests: u32, burst: u32) -> RateLimit {
        RateLimit { requests, per: RateSpan::Second, burst }
    }

    #[test]
    fn a_burst_goes_through_and_then_the_rate() {
        let (mut bucket, rate) = (Bucket::default(), rate(2, 3));
        for left in [2, 1, 0] {
            let taken = bucket.take(rate, 1, at(0));
            assert_eq!((taken.allowed, taken.remaining, taken.retry_in), (true, left, None));
        }
        let refused = bucket.take(rate, 1, at(0));
        assert_eq!(
            (refused.allowed, refused.retry_in, refused.full_in, refused.window),
            (false, Some(1), 2, 2)
        );
        assert!(!bucket.take(rate, 1, at(499_999)).allowed);
        assert!(bucket.take(rate, 1, at(500_000)).allowed);
        assert!(!bucket.take(rate, 1, at(500_000)).allowed);
        // More than fits never goes through, and nothing always does.
        assert_eq!(bucket.take(rate, 4, at(9_000_000)).retry_in, None);
        assert!(!bucket.take(rate, 4, at(9_000_000)).allowed && bucket.take(rate, 0, at(500_000)).allowed);
        assert!(bucket.take(rate, 3, at(9_000_000)).allowed);
    }

    #[test]
    fn fields_are_those_of_the_draft() {
        let taken =
            Bucket::default().take(RateLimit { requests: 10, per: RateSpan::Minute, burst: 20 }, 1, at(0));
        let [(policy, about), (now, left)] = taken.headers("key");
        assert_eq!((policy, about.as_str()), ("ratelimit-policy", "\"key\";q=20;w=120"));
        assert_eq!((now, left.as_str()), ("ratelimit", "\"key\";r=19;t=6"));
    }

    #[test]
    fn many_buckets_take_bounded_memory() {
        let buckets = Buckets::default();
        for key in 0..MANY as u32 * 2 + 5 {
            assert!(buckets.take(key, rate(1, 1), 1, at(i64::from(key))).allowed);
        }
        assert!(buckets.0.lock().unwrap().len() <= MANY);
    }

    proptest! {
        /// In any stretch of time no more goes through than the burst and what the rate gives in it.
        #[test]
        fn a_rate_is_never_exceeded(
            requests in 1_u32..50, burst in 1_u32..20, waits in proptest::collection::vec(0_i64..400_000, 1..200),
        ) {
            let (mut bucket, rate) = (Bucket::default(), rate(requests, burst));
            let (mut now, mut through) = (0, Vec::new());
            for wait in waits {
                now += wait;
                if bucket.take(rate, 1, at(now)).allowed {
                    through.push(now);
                }
            }
            for (place, from) in through.iter().enumerate() {
                for (count, to) in (1_i64..).zip(&through[place..]) {
                    let most = i64::from(burst) * 1_000_000 + (to - from) * i64::from(requests);
                    prop_assert!(count * 1_000_000 <= most, "{} in {}", count, to - from);
                }
            }
        }

        /// Who waits as long as it is told gets through.
        #[test]
        fn waiting_helps(requests in 1_u32..1_000, burst in 1_u32..50, cost in 1_u32..50, before in 0_u32..50) {
            let (mut bucket, rate) = (Bucket::default(), rate(requests, burst));
            bucket.take(rate, before.min(burst), at(0));
            let taken = bucket.take(rate, cost, at(0));
            if let Some(wait) = taken.retry_in {
                prop_assert!(bucket.take(rate, cost, at(wait as i64 * 1_000_000)).allowed);
            } else {
                prop_assert_eq!(taken.allowed, cost <= burst);
            }
        }
    }
}
