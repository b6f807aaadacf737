//! Words to values.

use std::{fmt, net::IpAddr, ops::RangeInclusive, time::Duration};

use crate::config::{
    ast::{Statement, Word},
    diagnostic::{Finding, Kind, Report, quote},
    model::InterfaceName,
    show,
    source::Spanned,
};

/// What a time is written in. Microseconds count, as in keepalived.
pub(in crate::config) struct Unit {
    name: &'static str,
    symbol: &'static str,
    /// From here to microseconds.
    decimals: u32,
    show: fn(Duration) -> String,
}

pub(in crate::config) const SECONDS: Unit = Unit {
    name: "seconds",
    symbol: "s",
    decimals: 6,
    show: show::seconds,
};

pub(in crate::config) const MILLISECONDS: Unit = Unit {
    name: "milliseconds",
    symbol: "ms",
    decimals: 3,
    show: show::milliseconds,
};

/// Reports a word that is no legal value of `name`.
pub(in crate::config) fn report_illegal<'r>(
    word: &Word,
    name: &str,
    report: &'r mut Report,
) -> &'r mut Finding {
    report.error(
        Kind::Value,
        word.span,
        format!(
            "{} is not a legal value of {}",
            quote(&word.text),
            quote(name)
        ),
    )
}

/// The first argument, which must be there.
pub(in crate::config) fn required<'s>(
    statement: &'s Statement,
    expected: impl fmt::Display,
    report: &mut Report,
) -> Option<&'s Word> {
    let first = statement.arguments.first();
    if first.is_none() {
        report_missing(statement, expected, report);
    }
    first
}

/// Reports a keyword without its value, or without all of it.
pub(in crate::config) fn report_missing(
    statement: &Statement,
    expected: impl fmt::Display,
    report: &mut Report,
) {
    report
        .error(
            Kind::Missing,
            statement.span(),
            format!("{} needs a value", quote(&statement.keyword.text)),
        )
        .expected(expected);
}

/// Warns of words after the first `takes` arguments; keepalived ignores them in silence.
pub(in crate::config) fn warn_of_rest(statement: &Statement, takes: usize, report: &mut Report) {
    if let Some(extra) = statement.arguments.get(takes) {
        report.warning(
            Kind::Syntax,
            extra.span,
            format!(
                "{} is more than {} takes and is ignored, as in keepalived",
                quote(&extra.text),
                quote(&statement.keyword.text)
            ),
        );
    }
}

/// Reports the block of a line that may have none.
pub(in crate::config) fn refuse_block(line: &Statement, report: &mut Report) -> bool {
    if line.block.is_some() {
        report
            .error(
                Kind::Syntax,
                line.keyword.span,
                format!("{} takes no block", quote(&line.keyword.text)),
            )
            .help("remove the braces and what is between them");
    }
    line.block.is_some()
}

pub(in crate::config) fn number(
    word: &Word,
    name: &str,
    legal: RangeInclusive<i64>,
    report: &mut Report,
) -> Option<Spanned<i64>> {
    let unsigned = word.text.strip_prefix(['-', '+']).unwrap_or(&word.text);
    let digits = !unsigned.is_empty() && unsigned.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| word.text.parse().ok()).flatten();
    match number.filter(|number| legal.contains(number)) {
        Some(number) => Some(Spanned::new(number, word.span)),
        None => {
            let (min, max) = legal.into_inner();
            report_illegal(word, name, report)
                .expected(format_args!("a whole number from {min} to {max}"));
            None
        }
    }
}

/// `on off true false yes no`, lower case as in keepalived.
pub(in crate::config) fn boolean(
    word: &Word,
    name: &str,
    report: &mut Report,
) -> Option<Spanned<bool>> {
    let value = match &*word.text {
        "on" | "true" | "yes" => true,
        "off" | "false" | "no" => false,
        _ => {
            report_illegal(word, name, report).expected("one of on off true false yes no");
            return None;
        }
    };
    Some(Spanned::new(value, word.span))
}

/// A word of at most `max` bytes.
pub(in crate::config) fn text(
    word: &Word,
    name: &str,
    max: usize,
    report: &mut Report,
) -> Option<Spanned<String>> {
    if word.text.len() > max {
        report_illegal(word, name, report).expected(format_args!("at most {max} bytes"));
        return None;
    }
    Some(Spanned::new(word.text.to_string(), word.span))
}

/// A time in some unit, with as many decimals as count.
pub(in crate::config) fn time(
    word: &Word,
    name: &str,
    unit: &Unit,
    legal: RangeInclusive<Duration>,
    report: &mut Report,
) -> Option<Spanned<Duration>> {
    let parsed = parse_decimal(&word.text, unit.decimals);
    let parsed = parsed.map(|(micros, exact)| (Duration::from_micros(micros), exact));
    let Some((time, exact)) = parsed.filter(|(time, _)| legal.contains(time)) else {
        report_illegal(word, name, report).expected(format_args!(
            "{} from {} to {}",
            unit.name,
            (unit.show)(*legal.start()),
            (unit.show)(*legal.end())
        ));
        return None;
    };
    if !exact {
        report.warning(
            Kind::Value,
            word.span,
            format!(
                "{} is rounded to {} {}: microseconds count",
                quote(&word.text),
                (unit.show)(time),
                unit.symbol
            ),
        );
    }
    Some(Spanned::new(time, word.span))
}

/// Digits with an optional decimal part, in units of the last of so many decimals; whether it was exact.
fn parse_decimal(text: &str, decimals: u32) -> Option<(u64, bool)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let units: u64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let count = decimals as usize;
    let padded = fraction.bytes().chain(std::iter::repeat(b'0'));
    let kept = padded
        .take(count)
        .fold(0, |kept, digit| kept * 10 + u64::from(digit - b'0'));
    let rest = fraction.get(count..).unwrap_or_default();
    let last = kept + u64::from(rest.starts_with(|digit| digit >= '5'));
    let value = units.checked_mul(10_u64.pow(decimals))?.checked_add(last)?;
    Some((value, rest.bytes().all(|digit| digit == b'0')))
}

pub(in crate::config) fn address(
    word: &Word,
    name: &str,
    report: &mut Report,
) -> Option<Spanned<IpAddr>> {
    let address = host_or_group(word, name, report)?;
    if address.value.is_multicast() {
        report_illegal(word, name, report).expected("the address of one host");
        return None;
    }
    Some(address)
}

/// An address of one host, or of a multicast group.
pub(in crate::config) fn host_or_group(
    word: &Word,
    name: &str,
    report: &mut Report,
) -> Option<Spanned<IpAddr>> {
    let Ok(address) = word.text.parse::<IpAddr>() else {
        report_illegal(word, name, report).expected("an IPv4 or IPv6 address");
        return None;
    };
    if address.is_unspecified() {
        report_illegal(word, name, report).expected("the address of one host");
        return None;
    }
    Some(Spanned::new(address, word.span))
}

pub(in crate::config) fn interface(
    word: &Word,
    report: &mut Report,
) -> Option<Spanned<InterfaceName>> {
    match InterfaceName::try_from(word.text.to_string()) {
        Ok(name) => Some(Spanned::new(name, word.span)),
        Err(invalid) => {
            report
                .error(
                    Kind::Value,
                    word.span,
                    format!("{} is not a legal {}", quote(&word.text), invalid.what),
                )
                .expected(invalid.legal);
            None
        }
    }
}
