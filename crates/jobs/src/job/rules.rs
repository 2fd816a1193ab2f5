//! Times of the queue. Pure.

use jiff::{SignedDuration, Timestamp};

/// How long a lease holds unless it is renewed, in real time.
pub const LEASE: SignedDuration = SignedDuration::from_secs(30);

/// How long to wait after attempt number `attempt` failed: 5 s times its square, at most a day.
pub fn backoff(attempt: i64) -> SignedDuration {
    // 132² × 5 s is the first beyond a day, and nothing here can overflow.
    let attempt = attempt.clamp(1, 132);
    SignedDuration::from_secs(5 * attempt * attempt).min(SignedDuration::from_hours(24))
}

/// `now` and then some; the last instant there is when that is beyond it.
pub(crate) fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_grows_with_the_square() {
        for (attempt, seconds) in
            [(0, 5), (1, 5), (2, 20), (3, 45), (10, 500), (131, 85_805), (132, 86_400), (i64::MAX, 86_400)]
        {
            assert_eq!(backoff(attempt).as_secs(), seconds, "{attempt}");
        }
    }

    #[test]
    fn nothing_is_later_than_the_end_of_time() {
        assert_eq!(later(Timestamp::MAX, LEASE), Timestamp::MAX);
        assert_eq!(later(Timestamp::UNIX_EPOCH, LEASE).as_second(), 30);
    }
}
