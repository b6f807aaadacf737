use super::{Calendars, ScheduleError, next};
use crate::io::civil;

/// 2026-11-23 12:00:00 UTC.
const NOW: i64 = 1_795_435_200;

/// Clocks here are an hour ahead of UTC.
const HERE: Calendars = Calendars {
    local: |seconds| civil::utc(seconds + 3600),
    of_local: |shown| civil::of_utc(shown) - 3600,
    of_utc: civil::of_utc,
    utc: civil::utc,
};

#[test]
fn the_time_in_the_file_is_when_the_reload_is_due() {
    let (hour, day) = (3600, 86400);
    let cases = [
        ("12:00:01Z", NOW + 1),
        ("12:00:00Z\n", NOW + day),
        ("11:59:59Z", NOW + day - 1),
        ("13:00:01", NOW + 1),
        ("12:59:59", NOW + day - 1),
        ("26-11-23 13:00:00Z", NOW + hour),
        ("2026-11-23 14:00:00", NOW + hour),
        ("2027-11-23 12:00:00Z\nmore", NOW + 365 * day),
        ("28-02-29 12:00:00Z", NOW + 463 * day),
    ];
    for (text, due) in cases {
        assert_eq!(next(text, NOW, &HERE), Ok(due), "{text:?}");
    }
}

#[test]
fn what_is_no_time_to_come_is_refused() {
    use ScheduleError::{NotThere, Past, Words};
    let cases = [
        ("", Words),
        ("soon", Words),
        ("1:00:00", Words),
        (" 12:00:01", Words),
        ("12:00:01 ", Words),
        ("12:00", Words),
        ("12:00:01:02", Words),
        ("12:00:01z", Words),
        ("2026-11-23  13:00:00", Words),
        ("226-11-23 13:00:00", Words),
        ("+1-11-23 13:00:00", Words),
        ("24:00:00", NotThere),
        ("23:60:00", NotThere),
        ("27-02-29 12:00:00Z", NotThere),
        ("27-13-01 12:00:00Z", NotThere),
        ("27-00-10 12:00:00Z", NotThere),
        ("26-11-23 12:00:00Z", Past),
        ("1999-01-01 00:00:00", Past),
    ];
    for (text, error) in cases {
        assert_eq!(next(text, NOW, &HERE), Err(error), "{text:?}");
    }
}
