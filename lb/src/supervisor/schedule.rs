//! `reload_time_file`: when the next reload is due, by the words in the file.
//!
//! | first line | when |
//! |---|---|
//! | `HH:MM:SS` | today, or tomorrow when that is over |
//! | `YY-MM-DD HH:MM:SS`, `YYYY-MM-DD HH:MM:SS` | then; never when that is over |
//!
//! With a `Z` behind it is UTC, else the time of this machine's zone.

use thiserror::Error;

use crate::observe::dump::{Civil, Zone};

/// A day.
const DAY: i64 = 86400;

/// What the calendar is here and in UTC.
#[derive(Clone, Copy, Debug)]
pub(super) struct Calendars {
    /// What the clocks here show.
    pub(super) local: Zone,
    /// When they show it, in seconds since 1970.
    pub(super) of_local: fn(Civil) -> i64,
    /// When the clocks in UTC show it.
    pub(super) of_utc: fn(Civil) -> i64,
    /// What the clocks in UTC show.
    pub(super) utc: Zone,
}

/// Why a line is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum ScheduleError {
    /// Other words.
    #[error(
        "it says no time; write HH:MM:SS, YY-MM-DD HH:MM:SS or YYYY-MM-DD HH:MM:SS, with Z behind for UTC"
    )]
    Words,
    /// No such day or time of day.
    #[error("there is no such day or time of day")]
    NotThere,
    /// It is over.
    #[error("that time is over")]
    Past,
}

/// When the reload is due, in seconds since 1970; later than `now`.
pub(super) fn next(text: &str, now: i64, calendars: &Calendars) -> Result<i64, ScheduleError> {
    let line = text.lines().next().unwrap_or_default();
    let (line, is_utc) = match line.strip_suffix('Z') {
        Some(line) => (line, true),
        None => (line, false),
    };
    let (shown, when) = if is_utc {
        (calendars.utc, calendars.of_utc)
    } else {
        (calendars.local, calendars.of_local)
    };
    let (date, time) = match line.split_once(' ') {
        Some((date, time)) => (Some(date), time),
        None => (None, line),
    };
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    if hour > 23 || minute > 59 || second > 59 {
        return Err(ScheduleError::NotThere);
    }
    let at = |day: Civil| Civil {
        hour: small(hour),
        minute: small(minute),
        second: small(second),
        ..day
    };
    let Some(date) = date else {
        let today = when(at(shown(now)));
        let due = if today > now {
            today
        } else {
            // By the calendar: days are not equally long where the clocks are changed.
            when(at(shown(today + DAY)))
        };
        return Ok(due);
    };
    let day = day(date)?;
    let due = when(at(day));
    let there = (calendars.utc)((calendars.of_utc)(day));
    if (there.year, there.month, there.day) != (day.year, day.month, day.day) {
        return Err(ScheduleError::NotThere);
    }
    if due > now {
        Ok(due)
    } else {
        Err(ScheduleError::Past)
    }
}

fn day(date: &str) -> Result<Civil, ScheduleError> {
    let long = numbers(date, '-', [4, 2, 2]);
    let short =
        || numbers(date, '-', [2, 2, 2]).map(|[year, month, day]| [2000 + year, month, day]);
    let [year, month, day] = long.or_else(|_| short())?;
    Ok(Civil {
        year: i32::from(year),
        month: small(month),
        day: small(day),
        weekday: 0,
        hour: 0,
        minute: 0,
        second: 0,
    })
}

/// Three numbers of so many digits each.
fn numbers(text: &str, between: char, digits: [usize; 3]) -> Result<[u16; 3], ScheduleError> {
    let mut parts = text.split(between);
    let mut numbers = [0; 3];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == digits);
        let part = part.filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
        let part = part.and_then(|part| part.parse().ok());
        *number = part.ok_or(ScheduleError::Words)?;
    }
    match parts.next() {
        None => Ok(numbers),
        Some(_) => Err(ScheduleError::Words),
    }
}

/// Two digits.
fn small(number: u16) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests;
