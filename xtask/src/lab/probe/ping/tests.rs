use super::*;

fn gap_ms(sent: u64, answered: impl IntoIterator<Item = u32>) -> u128 {
    let start = Instant::now();
    let report = PingReport {
        sent: (0..sent)
            .map(|ms| start + Duration::from_millis(ms))
            .collect(),
        answered: answered.into_iter().collect(),
    };
    report.longest_gap().as_millis()
}

#[test]
fn the_gap_is_the_time_between_two_answered_pings() {
    for (sent, answered, gap) in [
        (100, (0..100).collect::<Vec<_>>(), 1),
        (100, (0..10).chain(40..100).collect(), 31),
        (100, (0..10).collect(), 90),
        (100, vec![], 99),
        (0, vec![], 0),
    ] {
        assert_eq!(gap_ms(sent, answered.clone()), gap, "{sent} {answered:?}");
    }
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
