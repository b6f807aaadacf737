use super::*;

/// The waits in seconds of what lives this many seconds each time.
fn waits(lives: &[u64], longest: u64) -> Vec<u64> {
    let mut backoff = Backoff::default();
    let longest = Duration::from_secs(longest);
    lives
        .iter()
        .map(|life| backoff.ended(Duration::from_secs(*life), longest).as_secs())
        .collect()
}

#[test]
fn what_keeps_dying_early_waits_longer_each_time_up_to_a_limit() {
    assert_eq!(waits(&[0; 9], 60), [0, 1, 2, 4, 8, 16, 32, 60, 60]);
    assert_eq!(waits(&[0; 4], 1), [0, 1, 1, 1]);
    assert_eq!(waits(&[0; 4], 0), [0, 0, 0, 0]);
}

#[test]
fn what_ran_for_a_minute_is_started_at_once_and_begins_anew() {
    assert_eq!(waits(&[0, 0, 0, 60, 0, 0], 60), [0, 1, 2, 0, 1, 2]);
}
