//! Lines of `static_ipaddress`, `virtual_ipaddress` and `virtual_ipaddress_excluded`.

use std::net::{IpAddr, Ipv4Addr};

use super::{
    iproute::{self, Uses},
    line,
    value::{self, report_illegal},
    vrrp::InstanceDraft,
};
use crate::config::{
    ast::{Statement, Word},
    diagnostic::{Kind, Report, quote},
    keyword::{
        Table,
        address::{STATIC, VIRTUAL},
        line::Words,
    },
    model::{
        Family, InterfaceName, PrefixLength, VirtualAddress,
        address::{AddressLine, AddressOptions, Broadcast, Lifetime},
        route::Named,
    },
    show::text,
    source::{Span, Spanned},
};

/// Longest label (`IFNAMSIZ` without the final NUL).
const LABEL: usize = 15;

/// An address line as written.
#[derive(Debug)]
pub(in crate::config) struct AddressDraft {
    pub(in crate::config) address: Spanned<IpAddr>,
    pub(in crate::config) prefix: PrefixLength,
    pub(in crate::config) interface: Option<Spanned<InterfaceName>>,
    pub(in crate::config) options: AddressOptions,
    has_length: bool,
    lifetime: Option<Lifetime>,
    broadcast: Option<Span>,
    scope: Option<Span>,
    label: Option<Span>,
    uses: Uses,
}

impl AddressDraft {
    /// Where the address is, and the interface if the line names one.
    pub(in crate::config) fn places(&self) -> (Span, Option<Span>) {
        let named = self.interface.as_ref().map(|named| named.span);
        (self.address.span, named)
    }

    /// The line, with the interface for lines that name none.
    pub(in crate::config) fn finish(&self, default: &InterfaceName) -> AddressLine {
        let named = self.interface.as_ref().map(|named| named.value.clone());
        AddressLine {
            address: VirtualAddress {
                address: self.address.value,
                prefix: self.prefix,
                interface: named.unwrap_or_else(|| default.clone()),
            },
            options: self.options.clone(),
        }
    }
}

pub(in crate::config) fn read_static(
    into: &mut Vec<AddressDraft>,
    uses: &mut Uses,
    statement: &Statement,
    report: &mut Report,
) {
    for written in line::lines(statement, "address", report) {
        let Some(mut address) = read(written, &STATIC, report) else {
            continue;
        };
        uses.append(std::mem::take(&mut address.uses));
        into.push(address);
    }
}

pub(in crate::config) fn read_virtual(
    draft: &mut InstanceDraft,
    statement: &Statement,
    report: &mut Report,
) {
    let lines = line::lines(statement, "address", report);
    let written = statement.statements().len();
    draft.has_refused_address |= lines.len() < written;
    for written in lines {
        match read(written, &VIRTUAL, report) {
            Some(address) => draft.addresses.push(address),
            None => draft.has_refused_address = true,
        }
    }
}

pub(in crate::config) fn read_excluded(
    draft: &mut InstanceDraft,
    statement: &Statement,
    report: &mut Report,
) {
    for written in line::lines(statement, "address", report) {
        if let Some(address) = read(written, &VIRTUAL, report) {
            draft.uses.interfaces.extend(address.interface.clone());
            draft.excluded.push(address);
        }
    }
}

/// The whole line.
pub(in crate::config) fn show(
    line: &AddressLine,
    table: &Table<AddressDraft, AddressLine>,
) -> String {
    let VirtualAddress {
        address, prefix, ..
    } = line.address;
    let options = table.show_words(line);
    match line.options.peer {
        // A length does not go with a peer.
        Some(_) => format!("{address}{options}"),
        None => format!("{address}/{prefix}{options}"),
    }
}

/// `ADDRESS[/LENGTH] OPTION…`.
fn read(
    line: &Statement,
    table: &Table<AddressDraft, AddressLine>,
    report: &mut Report,
) -> Option<AddressDraft> {
    let (address, prefix) = group_and_prefix(&line.keyword, table.block, report)?;
    let length = prefix.unwrap_or_else(|| whole(address.value));
    let mut draft = AddressDraft {
        address,
        prefix: length,
        interface: None,
        options: options(address.value, length),
        has_length: prefix.is_some(),
        lifetime: None,
        broadcast: None,
        scope: None,
        label: None,
        uses: Uses::default(),
    };
    if !table.read_words(&line.arguments, &mut draft, report) {
        return None;
    }
    if draft.address.value.is_multicast() && !draft.options.flags.auto_join {
        report_illegal(&line.keyword, table.block, report)
            .expected("the address of one host; that of a group needs `autojoin`");
        return None;
    }
    finish_lifetime(&mut draft);
    finish_broadcast(&mut draft, report);
    finish_ipv4_only(&mut draft, report);
    Some(draft)
}

fn options(address: IpAddr, prefix: PrefixLength) -> AddressOptions {
    AddressOptions::of(Family::of(address), prefix)
}

/// The length of a single address.
pub(super) fn whole(address: IpAddr) -> PrefixLength {
    PrefixLength::whole(Family::of(address))
}

/// `ADDRESS[/LENGTH]`; `None` for a length that is not written.
pub(super) fn address_and_prefix(
    word: &Word,
    name: &str,
    report: &mut Report,
) -> Option<(Spanned<IpAddr>, Option<PrefixLength>)> {
    let found = group_and_prefix(word, name, report)?;
    if found.0.value.is_multicast() {
        report_illegal(word, name, report).expected("the address of one host");
        return None;
    }
    Some(found)
}

/// The same; the address may be that of a multicast group.
fn group_and_prefix(
    word: &Word,
    name: &str,
    report: &mut Report,
) -> Option<(Spanned<IpAddr>, Option<PrefixLength>)> {
    let part = |text: &str| Word {
        text: text.into(),
        span: word.span,
    };
    let (text, length) = match word.text.split_once('/') {
        Some((text, length)) => (text, Some(length)),
        None => (&*word.text, None),
    };
    let address = value::host_or_group(&part(text), name, report)?;
    let Some(length) = length else {
        return Some((address, None));
    };
    let legal = 0..=whole(address.value).into();
    let length = value::number(&part(length), "prefix length", legal, report)?.value;
    Some((address, Some(PrefixLength::try_from(length).ok()?)))
}

/// The default depends on the length, which `peer` changes.
fn finish_lifetime(draft: &mut AddressDraft) {
    let default = options(draft.address.value, draft.prefix).preferred_lifetime;
    draft.options.preferred_lifetime = draft.lifetime.unwrap_or(default);
}

fn finish_broadcast(draft: &mut AddressDraft, report: &mut Report) {
    let Some(span) = draft.broadcast else { return };
    let by_bits = matches!(
        draft.options.broadcast,
        Broadcast::HostBitsSet | Broadcast::HostBitsClear
    );
    if Family::of(draft.address.value) == Family::V6 {
        report
            .error(
                Kind::Conflict,
                span,
                "an IPv6 address has no broadcast address".to_owned(),
            )
            .help("remove `brd`; keepalived leaves such an address out");
    } else if draft.options.peer.is_some() {
        draft.options.broadcast = Broadcast::None;
        report.warning(
            Kind::Conflict,
            span,
            "`brd` does not go with `peer` and is ignored, as in keepalived".to_owned(),
        );
    } else if by_bits && draft.prefix.get() > 30 {
        draft.options.broadcast = Broadcast::None;
        report
            .warning(
                Kind::Conflict,
                span,
                format!(
                    "a network of length {} has no broadcast address: `brd` is ignored, as in keepalived",
                    draft.prefix
                ),
            )
            .help("write the length of the network after the address");
    }
}

fn finish_ipv4_only(draft: &mut AddressDraft, report: &mut Report) {
    if Family::of(draft.address.value) == Family::V4 {
        return;
    }
    for (word, span) in [("scope", draft.scope), ("label", draft.label)] {
        if let Some(span) = span {
            report.warning(
                Kind::Conflict,
                span,
                format!(
                    "{} is for IPv4 addresses and is ignored, as in keepalived",
                    quote(word)
                ),
            );
        }
    }
    draft.options.scope = Named::Number(0);
    draft.options.label = None;
}

type Reads<'r, 'w> = &'r mut Words<'w>;

pub(in crate::config) fn broadcast(
    draft: &mut AddressDraft,
    words: Reads<'_, '_>,
    report: &mut Report,
) {
    draft.broadcast = Some(words.place());
    let Some(word) = words.required("ADDRESS, + or -", report) else {
        return;
    };
    draft.options.broadcast = match &*word.text {
        "+" => Broadcast::HostBitsSet,
        "-" => Broadcast::HostBitsClear,
        text => match text.parse::<Ipv4Addr>() {
            Ok(address) => Broadcast::Address(address),
            Err(_) => {
                report_illegal(word, "brd", report).expected("an IPv4 address, + or -");
                Broadcast::None
            }
        },
    };
}

fn one(text: Option<String>) -> Vec<String> {
    text.into_iter().collect()
}

pub(in crate::config) fn show_broadcast(line: &AddressLine) -> Vec<String> {
    one(match line.options.broadcast {
        Broadcast::None => None,
        Broadcast::Address(address) => Some(address.to_string()),
        Broadcast::HostBitsSet => Some("+".to_owned()),
        Broadcast::HostBitsClear => Some("-".to_owned()),
    })
}

pub(in crate::config) fn scope(
    draft: &mut AddressDraft,
    words: Reads<'_, '_>,
    report: &mut Report,
) {
    draft.scope = Some(words.place());
    let word = words.required("NAME or NUMBER", report);
    if let Some(scope) = word.and_then(|word| iproute::scope(word, report)) {
        draft.options.scope = scope;
    }
}

pub(in crate::config) fn show_scope(line: &AddressLine) -> Vec<String> {
    let scope = &line.options.scope;
    one((*scope != Named::Number(0)).then(|| scope.to_string()))
}

pub(in crate::config) fn label(
    draft: &mut AddressDraft,
    words: Reads<'_, '_>,
    report: &mut Report,
) {
    draft.label = Some(words.place());
    let word = words.required("NAME", report);
    let label = word.and_then(|word| value::text(word, "label", LABEL, report));
    draft.options.label = label.map(|label| label.value);
}

pub(in crate::config) fn show_label(line: &AddressLine) -> Vec<String> {
    one(line.options.label.as_deref().map(text))
}

pub(in crate::config) fn peer(draft: &mut AddressDraft, words: Reads<'_, '_>, report: &mut Report) {
    let option = words.place();
    let word = words.required("ADDRESS", report);
    let Some(peer) = word.and_then(|word| value::address(word, "peer", report)) else {
        return;
    };
    if Family::of(peer.value) != Family::of(draft.address.value) {
        report
            .error(
                Kind::Conflict,
                peer.span,
                "the peer is of another address family than the address".to_owned(),
            )
            .related(draft.address.span, "address");
        return;
    }
    if draft.has_length {
        report.warning(
            Kind::Conflict,
            option,
            "the length after the address does not go with `peer` and is ignored, as in keepalived"
                .to_owned(),
        );
    }
    draft.options.peer = Some(peer.value);
    draft.prefix = whole(peer.value);
}

pub(in crate::config) fn show_peer(line: &AddressLine) -> Vec<String> {
    one(line.options.peer.map(|peer| peer.to_string()))
}

pub(in crate::config) fn preferred_lifetime(
    draft: &mut AddressDraft,
    words: Reads<'_, '_>,
    report: &mut Report,
) {
    let Some(word) = words.required("SECONDS or forever", report) else {
        return;
    };
    draft.lifetime = match &*word.text {
        "forever" => Some(Lifetime::Forever),
        _ => value::number(word, "preferred_lft", 0..=u32::MAX.into(), report)
            .and_then(|seconds| seconds.value.try_into().ok())
            .map(Lifetime::Seconds),
    };
}

pub(in crate::config) fn show_preferred_lifetime(line: &AddressLine) -> Vec<String> {
    let lifetime = line.options.preferred_lifetime;
    let address = &line.address;
    let default = options(address.address, address.prefix).preferred_lifetime;
    one((lifetime != default).then(|| lifetime.to_string()))
}

pub(in crate::config) fn track_group(
    draft: &mut AddressDraft,
    words: Reads<'_, '_>,
    report: &mut Report,
) {
    draft.options.track_group = draft.uses.next_track_group(words, report);
}
