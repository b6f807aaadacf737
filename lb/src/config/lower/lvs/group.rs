//! `virtual_server_group`, whose lines have no keywords.

use std::net::IpAddr;

use super::super::{Draft, Placed, ServerGroupPlaces, line, value};
use crate::config::{
    ast::{Statement, Word},
    diagnostic::{Kind, Report, quote},
    keyword::refuse_directive,
    model::{Family, PrefixLength, VirtualServerGroup, Word as _, lvs::GroupMember},
};

/// How a line may look.
const LINE: &str =
    "ADDRESS [PORT], FIRST-LAST [PORT], ADDRESS/LENGTH [PORT] or fwmark MARK [inet|inet6]";
const NAME: &str = "virtual_server_group";

pub(in crate::config) fn read(draft: &mut Draft, statement: &Statement, report: &mut Report) {
    let Some(name) = line::name(statement, report) else {
        return;
    };
    let mut members = Vec::new();
    let mut places = Vec::new();
    for line in statement.statements() {
        if report.is_full() {
            break;
        }
        if let Some(member) = read_member(line, report) {
            members.push(member);
            places.push(line.span());
        }
    }
    if statement.statements().is_empty() {
        report
            .warning(
                Kind::Missing,
                name.span,
                format!("virtual_server_group {} has no line", quote(&name.value)),
            )
            .expected(LINE);
    }
    draft.server_groups.push(Placed {
        value: VirtualServerGroup {
            name: name.value,
            members,
        },
        at: ServerGroupPlaces {
            name: name.span,
            members: places,
        },
    });
}

fn read_member(line: &Statement, report: &mut Report) -> Option<GroupMember> {
    if line.block.is_some() {
        report
            .error(
                Kind::Syntax,
                line.keyword.span,
                format!("{} takes no block here", quote(&line.keyword.text)),
            )
            .expected(LINE);
        return None;
    }
    if refuse_directive(line, report) {
        return None;
    }
    if &*line.keyword.text == "fwmark" {
        return read_fwmark(line, report);
    }
    value::warn_of_rest(line, 1, report);
    let port = match line.arguments.first() {
        None => 0,
        Some(word) => {
            let port = value::number(word, "port", 0..=65_535, report)?;
            port.value.try_into().ok()?
        }
    };
    let word = &line.keyword;
    let part = |text: &str| Word {
        text: text.into(),
        span: word.span,
    };
    if let Some((first, last)) = word.text.split_once('-') {
        let first = value::address(&part(first), NAME, report)?.value;
        let last = last_address(first, &part(last), report)?;
        return Some(GroupMember::Range { first, last, port });
    }
    if let Some((address, length)) = word.text.split_once('/') {
        let address = value::address(&part(address), NAME, report)?.value;
        let length = prefix(address, word, &part(length), report)?;
        return Some(GroupMember::Prefix {
            address,
            length,
            port,
        });
    }
    if word.text.parse::<IpAddr>().is_err() {
        value::report_illegal(word, NAME, report).expected(LINE);
        return None;
    }
    let address = value::address(word, NAME, report)?.value;
    Some(GroupMember::Address { address, port })
}

fn read_fwmark(line: &Statement, report: &mut Report) -> Option<GroupMember> {
    value::warn_of_rest(line, 2, report);
    let Some(mark) = line.arguments.first() else {
        report
            .error(
                Kind::Missing,
                line.keyword.span,
                "`fwmark` needs a mark".to_owned(),
            )
            .expected(LINE);
        return None;
    };
    let mark = value::number(mark, "fwmark", 1..=0xffff_ffff, report)?;
    let family = match line.arguments.get(1) {
        None => None,
        Some(word) => {
            let place = Family::WORDS.iter().position(|known| *known == &*word.text);
            if place.is_none() {
                value::report_illegal(word, "fwmark", report).expected("inet or inet6");
                return None;
            }
            place.and_then(Family::at)
        }
    };
    Some(GroupMember::Fwmark {
        mark: mark.value.try_into().ok()?,
        family,
    })
}

/// The end of a range: an address, or its last part, decimal in IPv4 and hexadecimal in IPv6.
fn last_address(first: IpAddr, word: &Word, report: &mut Report) -> Option<IpAddr> {
    let last = match (first, word.text.parse::<IpAddr>()) {
        (_, Ok(last)) => Some(last),
        (IpAddr::V4(first), _) => {
            let [a, b, c, _] = first.octets();
            word.text.parse().ok().map(|d: u8| [a, b, c, d].into())
        }
        (IpAddr::V6(first), _) => {
            let mut segments = first.segments();
            u16::from_str_radix(&word.text, 16).ok().map(|last| {
                segments[7] = last;
                segments.into()
            })
        }
    };
    let is_above = |last: &IpAddr| Family::of(*last) == Family::of(first) && *last > first;
    let last = last.filter(is_above);
    if last.is_none() {
        value::report_illegal(word, "the end of a range", report)
            .expected("an address above the first, or its last part alone");
    }
    last
}

fn prefix(
    address: IpAddr,
    word: &Word,
    length: &Word,
    report: &mut Report,
) -> Option<PrefixLength> {
    let bits = u32::from(PrefixLength::whole(Family::of(address)).get());
    let length = value::number(length, "prefix length", 1..=bits.into(), report)?.value;
    let host_bits = bits - u32::try_from(length).ok()?;
    let trailing = match address {
        IpAddr::V4(address) => address.to_bits().trailing_zeros(),
        IpAddr::V6(address) => address.to_bits().trailing_zeros(),
    };
    if trailing < host_bits {
        value::report_illegal(word, NAME, report).expected(format_args!(
            "the last {host_bits} bits of the address to be 0"
        ));
        return None;
    }
    PrefixLength::try_from(length).ok()
}
