//! Every family, protocol, method and shape of packet: what becomes of it, and that nothing else in it changed.

use tests::prog::{DROP, PASS, REDIRECT, TX};

use crate::every::{Fate, cases, plane, show, world};

#[test]
fn each_packet_meets_its_fate_with_every_byte_accounted_for() {
    let world = world();
    let mut plane = plane();
    let cases = cases();
    assert!(cases.len() >= 200, "{}", cases.len());
    for case in &cases {
        let answer = plane.xdp(&case.frame);
        let fate = match answer.verdict {
            TX | REDIRECT => Fate::Sent,
            DROP => Fate::Dropped,
            PASS if answer.packet == case.frame => Fate::Passed,
            _ => Fate::Replied,
        };
        let shown = show(&case.frame, &answer);
        assert_eq!(fate, case.fate, "{}: {shown}", case.name);
        let judged = world.judge(&case.frame, &answer);
        assert_eq!(judged, Ok(()), "{}: {shown}", case.name);
    }
    println!("{} cases", cases.len());
}

#[test]
fn packets_cut_at_any_byte_are_dropped_or_passed_as_they_came() {
    let mut plane = plane();
    let mut cuts = 0;
    for case in cases() {
        let whole = plane.xdp(&case.frame);
        for len in 14..case.frame.len() {
            let cut = &case.frame[..len];
            let answer = plane.xdp(cut);
            let shown = show(cut, &answer);
            assert!(
                matches!(answer.verdict, PASS | DROP),
                "{}: {shown}",
                case.name
            );
            assert_eq!(answer.packet, cut, "{}: {shown}", case.name);
            cuts += 1;
        }
        let again = plane.xdp(&case.frame);
        assert_eq!(again.verdict, whole.verdict, "{}", case.name);
    }
    assert!(cuts > 10_000, "{cuts}");
}
