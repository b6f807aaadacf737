//! Where adverts come from and go to.

use std::net::IpAddr;

use super::{InstanceDraft, election::Facts};
use crate::config::{
    ast::Statement,
    diagnostic::{Kind, Report, quote},
    keyword::vrrp::adverts::PEER,
    lower::{line, value},
    model::{
        Family, GlobalDefs, Version,
        vrrp::{Adverts, Destination, OldChecksum, Peer, Unicast},
    },
    source::{Span, Spanned},
};

/// Sources and destinations as written.
#[derive(Debug, Default)]
pub(in crate::config) struct AdvertsDraft {
    pub(in crate::config) multicast_source: Option<Spanned<IpAddr>>,
    pub(in crate::config) unicast_source: Option<Spanned<IpAddr>>,
    group: Option<Spanned<IpAddr>>,
    peers: Vec<PeerDraft>,
    /// `unicast_peer` itself, also when it is empty.
    peers_at: Option<Span>,
    has_refused_peer: bool,
    pub(in crate::config) fault_no_peer: Option<Spanned<bool>>,
    pub(in crate::config) ttl: Option<Spanned<u8>>,
    pub(in crate::config) check_source: Option<Spanned<bool>>,
    old_checksum: Option<Spanned<OldChecksum>>,
    pub(in crate::config) track_source: Option<Spanned<bool>>,
    pub(in crate::config) v3_checksum_as_v2: Option<Spanned<bool>>,
    pub(in crate::config) native_ipv6: Option<Spanned<bool>>,
}

/// A line of `unicast_peer` as written.
#[derive(Debug)]
pub(in crate::config) struct PeerDraft {
    address: Spanned<IpAddr>,
    pub(in crate::config) min_ttl: Option<Spanned<u8>>,
    pub(in crate::config) max_ttl: Option<Spanned<u8>>,
}

impl AdvertsDraft {
    /// Whether adverts go to peers, and where it says so.
    fn unicast(&self) -> Option<Span> {
        let has_peers = !self.peers.is_empty() || self.has_refused_peer;
        let fault = self.fault_no_peer.map(|given| given.span);
        self.peers_at
            .filter(|_| has_peers)
            .or(fault.filter(|_| self.says_unicast()))
    }

    /// Whether there is a word that means unicast, also without peers.
    fn says_unicast(&self) -> bool {
        self.unicast_source.is_some() || self.peers_at.is_some() || self.fault_no_peer.is_some()
    }

    pub(super) fn is_unicast(&self) -> bool {
        self.unicast().is_some()
    }

    /// The last of the two: keepalived keeps them in one place.
    pub(super) fn source(&self) -> Option<Spanned<IpAddr>> {
        match (self.multicast_source, self.unicast_source) {
            (Some(multicast), Some(unicast)) if multicast.span > unicast.span => Some(multicast),
            (multicast, unicast) => unicast.or(multicast),
        }
    }

    /// The family where no virtual address tells it.
    pub(super) fn family(&self) -> Option<Family> {
        let source = self.source().map(|source| source.value);
        let group = self.group.map(|group| group.value);
        let peer = self.peers.first().map(|peer| peer.address.value);
        let native = self.native_ipv6.map(|_| Family::V6);
        source.or(group).or(peer).map(Family::of).or(native)
    }
}

/// `mcast_dst_ip ADDRESS`.
pub(in crate::config) fn read_group(
    draft: &mut AdvertsDraft,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 1, report);
    let expected = "a multicast address, in IPv6 one of the link (ff02::/16)";
    let Some(word) = value::required(statement, expected, report) else {
        return;
    };
    let of_link = |group: &IpAddr| match group {
        IpAddr::V4(group) => group.is_multicast(),
        IpAddr::V6(group) => group.segments()[0] & 0xff0f == 0xff02,
    };
    match word.text.parse().ok().filter(of_link) {
        Some(group) => draft.group = Some(Spanned::new(group, word.span)),
        None => {
            value::report_illegal(word, &statement.keyword.text, report).expected(expected);
        }
    }
}

/// `old_unicast_checksum [never]`.
pub(in crate::config) fn read_old_checksum(
    draft: &mut AdvertsDraft,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 1, report);
    let checksum = match statement.arguments.first() {
        None => OldChecksum::Always,
        Some(word) if &*word.text == "never" => OldChecksum::Never,
        Some(word) => {
            value::report_illegal(word, &statement.keyword.text, report)
                .expected("`never` or nothing");
            return;
        }
    };
    draft.old_checksum = Some(Spanned::new(checksum, statement.keyword.span));
}

pub(in crate::config) fn show_old_checksum(adverts: &Adverts) -> Vec<String> {
    let given = adverts.destination.unicast();
    match given.map(|unicast| unicast.old_checksum) {
        None | Some(OldChecksum::Detect) => Vec::new(),
        Some(OldChecksum::Always) => vec![String::new()],
        Some(OldChecksum::Never) => vec!["never".to_owned()],
    }
}

/// Lines of `ADDRESS [min_ttl N] [max_ttl N]`.
pub(in crate::config) fn read_peers(
    draft: &mut AdvertsDraft,
    statement: &Statement,
    report: &mut Report,
) {
    draft.peers_at = Some(statement.keyword.span);
    let all = line::read_each(statement, report, |line, report| {
        match read_peer(line, report) {
            Some(peer) => draft.peers.push(peer),
            None => draft.has_refused_peer = true,
        }
    });
    draft.has_refused_peer |= !all;
}

fn read_peer(line: &Statement, report: &mut Report) -> Option<PeerDraft> {
    let address = value::address(&line.keyword, "unicast_peer", report)?;
    let mut peer = PeerDraft {
        address,
        min_ttl: None,
        max_ttl: None,
    };
    if !PEER.read_words(&line.arguments, &mut peer, report) {
        return None;
    }
    if let (Some(min), Some(max)) = (peer.min_ttl, peer.max_ttl)
        && min.value > max.value
    {
        report
            .error(
                Kind::Conflict,
                max.span,
                format!(
                    "no TTL is from {} to {}: every advert of the peer would be dropped",
                    min.value, max.value
                ),
            )
            .related(min.span, "min_ttl")
            .help("write the smaller one as `min_ttl`");
        return None;
    }
    Some(peer)
}

pub(super) fn finish(
    instance: &InstanceDraft,
    family: Family,
    facts: Facts,
    global: &GlobalDefs,
    report: &mut Report,
) -> Adverts {
    let draft = &instance.adverts;
    let source = draft
        .source()
        .filter(|source| agrees(*source, "the source", family, report));
    if let (Some(multicast), Some(unicast)) = (draft.multicast_source, draft.unicast_source) {
        report
            .warning(
                Kind::Conflict,
                multicast.span.max(unicast.span),
                "`mcast_src_ip` and `unicast_src_ip` are both given; the last one counts, as in keepalived"
                    .to_owned(),
            )
            .related(multicast.span.min(unicast.span), "first given");
    }
    let destination = match draft.unicast() {
        Some(at) => {
            if facts.strict {
                refuse_strict(at, report);
            }
            Destination::Unicast(finish_unicast(draft, source, family, global, report))
        }
        None => Destination::Multicast(finish_group(instance, family, global, report)),
    };
    let track_source = draft.track_source.is_some_and(|track| track.value);
    if let Some(track) = draft.track_source
        && source.is_none()
    {
        report.warning(
            Kind::Conflict,
            track.span,
            "`track_src_ip` has no effect without a source".to_owned(),
        );
    }
    Adverts {
        track_source: track_source && source.is_some(),
        source: source.map(|source| source.value),
        destination,
        v3_checksum_as_v2: finish_checksum(draft, family, facts.version, global, report),
    }
}

fn refuse_strict(at: Span, report: &mut Report) {
    report
        .error(
            Kind::Conflict,
            at,
            "`strict_mode` does not allow unicast".to_owned(),
        )
        .help("write `strict_mode off`, or remove the peers");
}

fn agrees(address: Spanned<IpAddr>, what: &str, family: Family, report: &mut Report) -> bool {
    let agrees = Family::of(address.value) == family;
    if !agrees {
        let address_text = quote(&address.value.to_string());
        report
            .error(
                Kind::Conflict,
                address.span,
                format!("{what} {address_text} is of another address family than the instance"),
            )
            .help("the first virtual address decides the family");
    }
    agrees
}

fn finish_group(
    instance: &InstanceDraft,
    family: Family,
    global: &GlobalDefs,
    report: &mut Report,
) -> IpAddr {
    let draft = &instance.adverts;
    if draft.says_unicast() {
        let at = draft.unicast_source.map(|source| source.span);
        report
            .warning(
                Kind::Conflict,
                draft.peers_at.or(at).unwrap_or(instance.name.span),
                "there are no unicast peers: adverts go to the multicast group, as in keepalived"
                    .to_owned(),
            )
            .help("write `unicast_peer`, or `unicast_fault_no_peer` for FAULT instead");
    }
    let needs_peers = [
        ("unicast_ttl", draft.ttl.map(|ttl| ttl.span)),
        (
            "check_unicast_src",
            draft.check_source.map(|check| check.span),
        ),
        (
            "old_unicast_checksum",
            draft.old_checksum.map(|old| old.span),
        ),
    ];
    for (name, at) in needs_peers {
        if let Some(at) = at {
            let name = quote(name);
            let sentence = format!("{name} is ignored without unicast peers, as in keepalived");
            report.warning(Kind::Conflict, at, sentence);
        }
    }
    let default = match family {
        Family::V4 => global.vrrp.group4,
        Family::V6 => global.vrrp.group6,
    };
    let group = draft
        .group
        .filter(|group| agrees(*group, "the group", family, report));
    group.map_or(default, |group| group.value)
}

fn finish_unicast(
    draft: &AdvertsDraft,
    source: Option<Spanned<IpAddr>>,
    family: Family,
    global: &GlobalDefs,
    report: &mut Report,
) -> Unicast {
    if let Some(group) = draft.group {
        report.warning(
            Kind::Conflict,
            group.span,
            "`mcast_dst_ip` is ignored with unicast peers, as in keepalived".to_owned(),
        );
    }
    let mut peers: Vec<(Span, Peer)> = Vec::new();
    for line in &draft.peers {
        let at = line.address.span;
        if !agrees(line.address, "the peer", family, report) {
            continue;
        }
        let address = line.address.value;
        if let Some(own) = source.filter(|own| own.value == address) {
            leave_peer_out(line.address, "is the source itself", own.span, report);
        } else if let Some((first, _)) = peers.iter().find(|(_, peer)| peer.address == address) {
            leave_peer_out(line.address, "is given twice", *first, report);
        } else {
            let any = Peer::new(address);
            let peer = Peer {
                min_ttl: line.min_ttl.map_or(any.min_ttl, |ttl| ttl.value),
                max_ttl: line.max_ttl.map_or(any.max_ttl, |ttl| ttl.value),
                ..any
            };
            peers.push((at, peer));
        }
    }
    let checks_ttl = peers.iter().any(|(_, peer)| peer.checks_ttl());
    let check_source = draft.check_source.map(|check| check.value);
    Unicast {
        peers: peers.into_iter().map(|(_, peer)| peer).collect(),
        ttl: draft.ttl.map_or(u8::MAX, |ttl| ttl.value),
        // A TTL is checked where a peer has one, whatever else is said.
        check_source: checks_ttl || check_source.unwrap_or(global.vrrp.check_unicast_source),
        old_checksum: draft.old_checksum.map(|old| old.value).unwrap_or_default(),
    }
}

/// One list for all nodes is common, and keepalived takes it.
fn leave_peer_out(peer: Spanned<IpAddr>, why: &str, other: Span, report: &mut Report) {
    report
        .warning(
            Kind::Conflict,
            peer.span,
            format!(
                "the peer {} {why} and is left out",
                quote(&peer.value.to_string())
            ),
        )
        .related(other, "given here")
        .help("name each of the other routers once");
}

fn finish_checksum(
    draft: &AdvertsDraft,
    family: Family,
    version: Version,
    global: &GlobalDefs,
    report: &mut Report,
) -> bool {
    let matters = family == Family::V4 && version == Version::V3;
    if let Some(Spanned { value: true, span }) = draft.v3_checksum_as_v2
        && !matters
    {
        report.note(
            Kind::Conflict,
            span,
            "`v3_checksum_as_v2` has an effect only for IPv4 in VRRP version 3".to_owned(),
        );
    }
    let given = draft.v3_checksum_as_v2.map(|given| given.value);
    matters && given.unwrap_or(global.vrrp.v3_checksum_as_v2)
}
