use super::*;

/// Runs a child that lives `lives` seconds each time and returns the waits in seconds.
fn waits(lives: &[u64]) -> Vec<u64> {
    let mut now = Instant::now();
    let mut backoff = Backoff::default();
    lives
        .iter()
        .map(|life| {
            backoff.started(now);
            now += Duration::from_secs(*life);
            let wait = backoff.ended(now);
            now += wait;
            wait.as_secs()
        })
        .collect()
}

#[test]
fn a_child_that_keeps_dying_early_waits_longer_each_time_up_to_a_minute() {
    assert_eq!(waits(&[0; 9]), [0, 1, 2, 4, 8, 16, 32, 60, 60]);
}

#[test]
fn a_child_that_ran_for_a_minute_is_started_at_once_and_begins_anew() {
    assert_eq!(waits(&[0, 0, 0, 60, 0, 0]), [0, 1, 2, 0, 1, 2]);
}
