use std::{collections::BTreeMap, time::Duration};

use super::Counting;
use crate::vrrp::{output::InstanceId, snapshot::Counts};

fn counts(sent: u64, late: u64) -> Counts {
    Counts {
        adverts_sent: sent,
        refused: BTreeMap::from([("ip_ttl_err".to_owned(), late)]),
        ..Counts::default()
    }
}

#[test]
fn what_happens_between_the_look_and_the_clearing_is_counted() {
    let mut counting = Counting::new();
    let (ours, gone) = (InstanceId(1), InstanceId(2));
    let looked_at = vec![(ours, counts(5, 2)), (gone, counts(9, 9))];
    counting.clear(looked_at, |id| id == ours);
    let mut now = counts(7, 2);
    counting.take_off(ours, &mut now);
    assert_eq!((now.adverts_sent, now.refused("ip_ttl_err")), (2, 0));
    // The same look comes again: nothing is taken off twice.
    counting.clear(vec![(ours, counts(5, 2))], |_| true);
    let mut now = counts(8, 3);
    counting.take_off(ours, &mut now);
    assert_eq!((now.adverts_sent, now.refused("ip_ttl_err")), (3, 1));
    let mut other = counts(9, 9);
    counting.take_off(gone, &mut other);
    assert_eq!(other.adverts_sent, 9);
    counting.forget(ours);
    let mut anew = counts(1, 0);
    counting.take_off(ours, &mut anew);
    assert_eq!(anew.adverts_sent, 1);
}

#[test]
fn the_time_of_day_of_a_moment_never_changes() {
    let counting = Counting::new();
    let (began, time) = counting.began;
    let later = began + Duration::from_secs(90);
    assert_eq!(counting.time_of_day(later), time + Duration::from_secs(90));
}
