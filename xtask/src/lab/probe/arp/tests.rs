use super::*;

const D1: Mac = Mac([2, 0, 0, 0, 0, 0x11]);
const D2: Mac = Mac([2, 0, 0, 0, 0, 0x12]);

/// Questions every millisecond; `answers` are (millisecond of the answer, asker, who).
fn report(questions: u64, answers: &[(u64, usize, Mac)]) -> (Instant, ArpReport) {
    let start = Instant::now();
    let at = |ms| start + Duration::from_millis(ms);
    let asked: Vec<_> = (0..questions).map(at).collect();
    let answers: Vec<_> = answers
        .iter()
        .map(|&(ms, asker, mac)| Answer {
            at: at(ms),
            asker,
            mac,
        })
        .collect();
    (start, ArpReport::new(&asked, &answers))
}

#[test]
fn a_clean_handover_has_no_dual_owner() {
    let (start, report) = report(10, &[(0, 0, D1), (1, 1, D1), (2, 2, D2), (3, 3, D2)]);
    assert_eq!(report.dual_owner(start), Duration::ZERO);
    assert_eq!(report.owners(start), BTreeSet::from([D1, D2]));
}

#[test]
fn questions_answered_by_two_are_counted() {
    let (start, report) = report(10, &[(0, 0, D1), (1, 0, D2), (1, 1, D1), (1, 1, D2)]);
    assert_eq!(report.dual_owner(start), Duration::from_millis(2));
}

#[test]
fn a_late_answer_belongs_to_its_question() {
    let (start, report) = report(200, &[(70, 6, D1), (75, 6, D2)]);
    assert_eq!(report.dual_owner(start), Duration::from_millis(1));
    assert_eq!(report.questions[70].1, BTreeSet::from([D1, D2]));
}

#[test]
fn the_own_question_is_no_answer() {
    let address = Ipv4Addr::new(192, 0, 2, 100);
    assert!(answer(&question(3, address), address, Instant::now()).is_none());
}
