use super::*;

/// Length and end of the longest gap, of pings sent every millisecond.
fn gap(sent: u64, answered: impl IntoIterator<Item = u32>, since: u64) -> Option<(u128, bool)> {
    let start = Instant::now();
    let report = PingReport {
        sent: (0..sent)
            .map(|ms| start + Duration::from_millis(ms))
            .collect(),
        answered: answered.into_iter().collect(),
    };
    let gap = report.longest_gap(start + Duration::from_millis(since))?;
    Some((gap.length().as_millis(), gap.ended))
}

#[test]
fn the_gap_is_the_time_between_two_answered_pings() {
    for (sent, answered, expected) in [
        (100, (0..100).collect::<Vec<_>>(), Some((1, true))),
        (100, (0..10).chain(40..100).collect(), Some((31, true))),
        (100, (0..10).collect(), Some((90, false))),
        (100, vec![], Some((99, false))),
        (0, vec![], None),
    ] {
        assert_eq!(
            gap(sent, answered.clone(), 0),
            expected,
            "{sent} {answered:?}"
        );
    }
}

#[test]
fn a_gap_that_ended_before_the_event_does_not_count() {
    let answered = || (0..10).chain(40..60).chain(65..100);
    assert_eq!(gap(100, answered(), 40), Some((31, true)));
    assert_eq!(gap(100, answered(), 41), Some((6, true)));
}

#[test]
fn an_echo_reply_is_told_from_others() {
    let mut packet = vec![0x45; 20];
    packet.extend(request(7, 0x0102_0304));
    assert_eq!(reply(&packet, 7), None, "a request");
    packet[20] = ECHO_REPLY;
    assert_eq!(reply(&packet, 7), Some(0x0102_0304));
    assert_eq!(reply(&packet, 8), None, "another's");
    assert_eq!(reply(&packet[..24], 7), None, "cut short");
}
