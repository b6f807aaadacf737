use std::time::{Duration, Instant};

use super::tick_at_or_after;

#[test]
fn checks_begin_at_the_next_tick_and_never_before_they_are_due() {
    let origin = Instant::now();
    let year = 365 * 24 * 3600 * 1000;
    let cases = [
        (0, 0),
        (1, 10),
        (9, 10),
        (10, 10),
        (11, 20),
        (1_999, 2_000),
        (10 * year + 1, 10 * year + 10),
    ];
    for (due, tick) in cases {
        let [due, tick] = [due, tick].map(|it| origin + Duration::from_millis(it));
        assert_eq!(tick_at_or_after(due, origin), tick);
    }
}
