//! Metrics of a route.

use std::time::Duration;

use super::{Reads, RouteDraft};
use crate::config::{
    diagnostic::Report,
    lower::{
        iproute::{next_unsigned, parse_number},
        value::report_illegal,
    },
    model::route::{CongestionControl, Metric, RouteTime},
    show,
};

/// `[lock] NUMBER`.
pub(in crate::config) fn number(
    name: &str,
    words: Reads<'_, '_>,
    report: &mut Report,
) -> Option<Metric> {
    let is_locked = words.skip("lock");
    let value = next_unsigned(words, name, u32::MAX.into(), report)?;
    Some(Metric { value, is_locked })
}

pub(in crate::config) fn show_locked(metric: Option<&Metric>) -> Vec<String> {
    let line = |metric: &Metric| format!("{}{}", lock(metric.is_locked), metric.value);
    metric.map(line).into_iter().collect()
}

const fn lock(is_locked: bool) -> &'static str {
    if is_locked { "lock " } else { "" }
}

/// `[lock] NUMBER[s|ms]`.
pub(in crate::config) fn time(
    name: &str,
    words: Reads<'_, '_>,
    report: &mut Report,
) -> Option<Metric<RouteTime>> {
    let is_locked = words.skip("lock");
    let word = words.required("NUMBER[s|ms]", report)?;
    let value = parse_time(&word.text);
    if value.is_none() {
        report_illegal(word, name, report)
            .expected("a whole number, or a number with s or ms behind it");
    }
    Some(Metric {
        value: value?,
        is_locked,
    })
}

fn parse_time(text: &str) -> Option<RouteTime> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let micros = match &text[digits.len()..] {
        "" => {
            let plain = parse_number(text)?.try_into().ok()?;
            return Some(RouteTime::Plain(plain));
        }
        "s" | "sec" | "secs" => 1_000_000,
        "ms" | "msec" | "msecs" => 1000,
        _ => return None,
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let short = fraction.len() <= 6 && is_number(whole) && is_number(fraction);
    let whole: u64 = whole.parse().ok().filter(|_| short)?;
    let scale = 10_u64.checked_pow(fraction.len().try_into().ok()?)?;
    let fraction = fraction.parse::<u64>().ok()? * micros / scale;
    let time = whole.checked_mul(micros)?.checked_add(fraction)?;
    // The kernel counts it in 32 bits of eighths of a millisecond.
    let limit = u64::from(u32::MAX / 8) * 1000;
    (time <= limit).then(|| RouteTime::Time(Duration::from_micros(time)))
}

pub(in crate::config) fn show_time(metric: Option<&Metric<RouteTime>>) -> Vec<String> {
    let line = |metric: &Metric<RouteTime>| {
        let time = match metric.value {
            RouteTime::Plain(number) => number.to_string(),
            RouteTime::Time(time) => format!("{}ms", show::milliseconds(time)),
        };
        format!("{}{time}", lock(metric.is_locked))
    };
    metric.map(line).into_iter().collect()
}

/// `0` or `1`.
pub(in crate::config) fn switch(
    name: &str,
    words: Reads<'_, '_>,
    report: &mut Report,
) -> Option<bool> {
    let value: u64 = next_unsigned(words, name, 1, report)?;
    Some(value == 1)
}

pub(in crate::config) fn show_flag(flag: Option<bool>) -> Vec<String> {
    let digit = flag.map(|flag| u8::from(flag).to_string());
    digit.into_iter().collect()
}

pub(in crate::config) fn features(
    draft: &mut RouteDraft,
    words: Reads<'_, '_>,
    report: &mut Report,
) {
    match words.required("ecn", report) {
        Some(word) if &*word.text == "ecn" => draft.route.metrics.ecn = true,
        Some(word) => {
            report_illegal(word, "features", report).expected("`ecn`");
        }
        None => {}
    }
}

pub(in crate::config) fn congestion_control(
    draft: &mut RouteDraft,
    words: Reads<'_, '_>,
    report: &mut Report,
) {
    let is_locked = words.skip("lock");
    if let Some(word) = words.required("[lock] NAME", report) {
        draft.route.metrics.congestion_control = Some(CongestionControl {
            name: word.text.to_string(),
            is_locked,
        });
    }
}

pub(in crate::config) fn show_congestion_control(
    control: Option<&CongestionControl>,
) -> Vec<String> {
    let line = |control: &CongestionControl| {
        format!("{}{}", lock(control.is_locked), show::text(&control.name))
    };
    control.map(line).into_iter().collect()
}
