use proptest::prelude::*;

use super::*;

const TIME: Duration = Duration::from_secs(10);

#[test]
fn the_first_lines_of_a_cause_are_said_and_the_others_counted() {
    let start = Instant::now();
    let mut pace = Pace::new(2, TIME);
    let turns: Vec<Said> = (0..5).map(|_| pace.turn("a", start)).collect();
    assert_eq!(
        turns,
        [
            Said::Say,
            Said::SayLast,
            Said::LeaveOut,
            Said::LeaveOut,
            Said::LeaveOut
        ]
    );
    assert_eq!(pace.turn("b", start), Said::Say);
    assert_eq!(pace.over(start + TIME - Duration::from_nanos(1)), None);
    assert_eq!(pace.over(start + TIME), Some(("a", 3)));
    assert_eq!(pace.over(start + TIME), None);
    assert_eq!(pace.turn("a", start + TIME), Said::Say);
}

#[test]
fn causes_that_are_silent_are_forgotten() {
    let start = Instant::now();
    let mut pace = Pace::new(2, TIME);
    for cause in 0..1000 {
        pace.turn(cause, start);
    }
    assert_eq!(pace.over(start + TIME), None);
    assert!(pace.causes.is_empty() && pace.order.is_empty());
}

proptest! {
    /// Whatever comes when, each line is said or counted, once.
    #[test]
    fn no_line_is_lost(lines in proptest::collection::vec((0_u8..4, 0_u64..4000), 0..300)) {
        let mut pace = Pace::new(3, TIME);
        let mut now = Instant::now();
        let (mut said, mut counted) = (0_u64, 0_u64);
        for (cause, wait) in &lines {
            now += Duration::from_millis(*wait);
            while let Some((_, left_out)) = pace.over(now) {
                counted += left_out;
            }
            if pace.turn(*cause, now) != Said::LeaveOut {
                said += 1;
            }
        }
        now += TIME;
        while let Some((_, left_out)) = pace.over(now) {
            counted += left_out;
        }
        prop_assert_eq!(said + counted, lines.len() as u64);
    }
}
