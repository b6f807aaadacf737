//! Values as iproute2 writes them: numbers of any base, names of its tables, networks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::value::report_illegal;
use crate::config::{
    ast::Word,
    diagnostic::{Kind, Report},
    keyword::line::Words,
    model::{
        Family, InterfaceName, PrefixLength,
        route::{Named, Prefix, Realms},
        rule::Range,
    },
    need::Need,
    source::Spanned,
    system::NameList,
};

/// What has a place elsewhere: names that are checked once everything is read.
#[derive(Debug, Default)]
pub(in crate::config) struct Uses {
    pub(in crate::config) interfaces: Vec<Spanned<InterfaceName>>,
    /// `vrrp_instance`s.
    pub(in crate::config) instances: Vec<Spanned<String>>,
    pub(in crate::config) track_groups: Vec<Spanned<String>>,
}

impl Uses {
    pub(in crate::config) fn append(&mut self, mut other: Self) {
        self.interfaces.append(&mut other.interfaces);
        self.instances.append(&mut other.instances);
        self.track_groups.append(&mut other.track_groups);
    }

    /// The interface that a word names.
    pub(in crate::config) fn interface(
        &mut self,
        word: &Word,
        report: &mut Report,
    ) -> Option<InterfaceName> {
        let name = super::value::interface(word, report)?;
        self.interfaces.push(name.clone());
        Some(name.value)
    }

    /// The next word as an interface.
    pub(in crate::config) fn next_interface(
        &mut self,
        words: &mut Words<'_>,
        report: &mut Report,
    ) -> Option<InterfaceName> {
        let word = words.required("the name of an interface", report)?;
        self.interface(word, report)
    }

    /// The next word as a track_group.
    pub(in crate::config) fn next_track_group(
        &mut self,
        words: &mut Words<'_>,
        report: &mut Report,
    ) -> Option<String> {
        let word = words.required("the name of a track_group", report)?;
        let name = word.text.to_string();
        self.track_groups
            .push(Spanned::new(name.clone(), word.span));
        Some(name)
    }
}

/// A number as strtoul() reads it with base 0: `0x…` is hexadecimal, `0…` octal.
pub(in crate::config) fn parse_number(text: &str) -> Option<u64> {
    let (digits, radix) = match text.strip_prefix('0') {
        None | Some("") => (text, 10),
        Some(rest) => rest
            .strip_prefix(['x', 'X'])
            .map_or((rest, 8), |hex| (hex, 16)),
    };
    let is_plain = digits.chars().all(|digit| digit.is_digit(radix));
    is_plain
        .then(|| u64::from_str_radix(digits, radix).ok())
        .flatten()
}

/// A number up to `max`; decimal, as keepalived reads all but names' numbers, marks and preferences.
pub(in crate::config) fn unsigned<N: TryFrom<u64>>(
    word: &Word,
    name: &str,
    max: u64,
    report: &mut Report,
) -> Option<N> {
    let digits = word.text.bytes().all(|byte| byte.is_ascii_digit());
    let number: Option<u64> = digits.then(|| word.text.parse().ok()).flatten();
    let number = number.filter(|number| *number <= max);
    let number = number.and_then(|number| number.try_into().ok());
    if number.is_none() {
        report_illegal(word, name, report).expected(format_args!("a whole number from 0 to {max}"));
    }
    number
}

/// The next word as such a number.
pub(in crate::config) fn next_unsigned<N: TryFrom<u64>>(
    words: &mut Words<'_>,
    name: &str,
    max: u64,
    report: &mut Report,
) -> Option<N> {
    let word = words.required(&format!("a whole number from 0 to {max}"), report)?;
    unsigned(word, name, max, report)
}

/// A name of one of iproute2's tables, or its number; `known` are the names that the kernel fixes, the others are in a `list`.
pub(in crate::config) fn named<N: TryFrom<u64> + Copy>(
    word: &Word,
    name: &str,
    max: u64,
    list: NameList,
    known: &[(&str, N)],
    report: &mut Report,
) -> Option<Named<N>> {
    if let Some((_, number)) = known.iter().find(|(known, _)| *known == &*word.text) {
        return Some(Named::Number(*number));
    }
    let is_name = word.text.starts_with(|c: char| c.is_ascii_alphabetic())
        && word
            .text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-.:+@".contains(c));
    if is_name {
        let name = word.text.to_string();
        report.needs(Need::Name(list, name.clone()), word.span);
        return Some(Named::Name(name));
    }
    let number = parse_number(&word.text).filter(|number| *number <= max);
    let number = number.and_then(|number| number.try_into().ok());
    if number.is_none() {
        report_illegal(word, name, report)
            .expected(format_args!("a name, or a whole number from 0 to {max}"));
    }
    number.map(Named::Number)
}

const TABLES: &[(&str, u32)] = &[("default", 253), ("main", 254), ("local", 255)];
const SCOPES: &[(&str, u8)] = &[
    ("global", 0),
    ("site", 200),
    ("link", 253),
    ("host", 254),
    ("nowhere", 255),
];
const PROTOCOLS: &[(&str, u8)] = &[
    ("redirect", 1),
    ("kernel", 2),
    ("boot", 3),
    ("static", 4),
    ("ra", 9),
    ("mrt", 10),
    ("zebra", 11),
    ("bird", 12),
    ("dhcp", 16),
    ("keepalived", 18),
    ("babel", 42),
    ("bgp", 186),
    ("isis", 187),
    ("ospf", 188),
    ("rip", 189),
    ("eigrp", 192),
];

pub(in crate::config) fn table(word: &Word, report: &mut Report) -> Option<Named<u32>> {
    let table = named(
        word,
        "table",
        u32::MAX.into(),
        NameList::Tables,
        TABLES,
        report,
    )?;
    if table == Named::Number(0) {
        report_illegal(word, "table", report).expected("a table: 0 stands for none");
        return None;
    }
    Some(table)
}

pub(in crate::config) fn scope(word: &Word, report: &mut Report) -> Option<Named<u8>> {
    named(word, "scope", 255, NameList::Scopes, SCOPES, report)
}

pub(in crate::config) fn protocol(word: &Word, report: &mut Report) -> Option<Named<u8>> {
    named(
        word,
        "protocol",
        255,
        NameList::Protocols,
        PROTOCOLS,
        report,
    )
}

pub(in crate::config) fn tos(word: &Word, name: &str, report: &mut Report) -> Option<Named<u8>> {
    named(word, name, 255, NameList::DsField, &[], report)
}

/// `[FROM/]TO`.
pub(in crate::config) fn realms(word: &Word, report: &mut Report) -> Option<Realms> {
    let mut one = |text: &str| {
        let part = Word {
            text: text.into(),
            span: word.span,
        };
        named(&part, "realms", 65_535, NameList::Realms, &[], report)
    };
    match word.text.split_once('/') {
        Some((from, to)) => {
            let from = one(from);
            Some(Realms {
                to: one(to)?,
                from: Some(from?),
            })
        }
        None => Some(Realms {
            from: None,
            to: one(&word.text)?,
        }),
    }
}

/// `FIRST-LAST`, or one number.
pub(in crate::config) fn range<N: TryFrom<u64> + Copy + PartialOrd>(
    word: &Word,
    name: &str,
    max: u64,
    report: &mut Report,
) -> Option<Range<N>> {
    let (first, last) = word
        .text
        .split_once('-')
        .unwrap_or((&word.text, &word.text));
    let one = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number: Option<u64> = digits.then(|| text.parse().ok()).flatten();
        number
            .filter(|number| *number <= max)
            .and_then(|number| number.try_into().ok())
    };
    let range = one(first)
        .zip(one(last))
        .filter(|(first, last)| first <= last);
    if range.is_none() {
        report_illegal(word, name, report)
            .expected(format_args!("`N` or `FIRST-LAST`, from 0 to {max}"));
    }
    range.map(|(first, last)| Range { first, last })
}

/// What a route or rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum Target {
    /// `default`, `any` or `all`: everything of the family that the rest of the line has.
    Everything,
    /// A network or one address.
    Prefix(Prefix),
}

impl Target {
    /// Its family, where it has one by itself.
    pub(in crate::config) fn family(self) -> Option<Family> {
        match self {
            Self::Everything => None,
            Self::Prefix(prefix) => Some(Family::of(prefix.address)),
        }
    }

    pub(in crate::config) fn within(self, family: Family) -> Option<Prefix> {
        match self {
            Self::Prefix(prefix) => Some(prefix),
            Self::Everything => everything(family),
        }
    }
}

fn everything(family: Family) -> Option<Prefix> {
    let address = match family {
        Family::V4 => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        Family::V6 => IpAddr::from(Ipv6Addr::UNSPECIFIED),
    };
    let length = PrefixLength::try_from(0).ok()?;
    Some(Prefix { address, length })
}

/// Whether a word among options can only be a destination.
pub(in crate::config) fn is_target(text: &str) -> bool {
    matches!(text, "default" | "any" | "all" | "default6")
        || text.contains(['.', ':', '/'])
        || text.starts_with(|first: char| first.is_ascii_digit())
}

/// `ADDRESS[/LENGTH]`, `default`, `any`, `all` or `default6`; of an IPv4 address the last numbers may be left out.
pub(in crate::config) fn target(
    word: &Word,
    name: &str,
    report: &mut Report,
) -> Option<Spanned<Target>> {
    let target = match &*word.text {
        "default" | "any" | "all" => Some(Target::Everything),
        "default6" => everything(Family::V6).map(Target::Prefix),
        text => parse_prefix(text).map(Target::Prefix),
    };
    if target.is_none() {
        report_illegal(word, name, report).expected("ADDRESS[/LENGTH] or `default`");
    }
    target.map(|target| Spanned::new(target, word.span))
}

fn parse_prefix(text: &str) -> Option<Prefix> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let dots = address.matches('.').count();
    let padded = |missing: usize| format!("{address}{}", ".0".repeat(missing));
    let address: IpAddr = match address.parse() {
        Ok(address) => address,
        Err(_) if length.is_some() && dots < 3 => padded(3 - dots).parse().ok()?,
        Err(_) => return None,
    };
    let most = PrefixLength::whole(Family::of(address)).into();
    let length = match length {
        None => most,
        Some(length) if length.bytes().all(|byte| byte.is_ascii_digit()) => length.parse().ok()?,
        Some(_) => return None,
    };
    let length = Some(length).filter(|length: &i64| *length <= most)?;
    Some(Prefix {
        address,
        length: length.try_into().ok()?,
    })
}

/// An address of one host, of the family that `encap` or `src` wants.
pub(in crate::config) fn address<A: std::str::FromStr>(
    word: &Word,
    name: &str,
    expected: &str,
    report: &mut Report,
) -> Option<A> {
    let address = word.text.parse().ok();
    if address.is_none() {
        report_illegal(word, name, report).expected(expected);
    }
    address
}

/// Collects the families of a line and reports those that do not go together.
pub(in crate::config) fn one_family(
    families: &[Option<Spanned<Family>>],
    report: &mut Report,
) -> Option<Family> {
    let mut given = families.iter().flatten();
    let Some(first) = given.next() else {
        return Some(Family::V4);
    };
    let Some(other) = given.find(|family| family.value != first.value) else {
        return Some(first.value);
    };
    report
        .error(
            Kind::Conflict,
            other.span,
            format!(
                "this belongs to {}, but the line is {}",
                other.value.name(),
                first.value.name()
            ),
        )
        .related(first.span, "first given");
    None
}
