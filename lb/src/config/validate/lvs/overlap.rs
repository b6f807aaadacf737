//! Packets that two virtual servers ask for.

use std::net::IpAddr;

use super::{super::System, name_of_server};
use crate::config::{
    diagnostic::{Kind, Report},
    lower::Lowered,
    model::{Family, VirtualServer, VirtualService, lvs::GroupMember},
    source::Span,
};

/// What tells services apart beside the address: of firewall marks only their family.
type Sort = (Family, Option<(u8, u16)>);

/// A run of addresses, or a firewall mark, that a virtual server asks for.
struct Claim<'a> {
    sort: Sort,
    /// As numbers.
    first: u128,
    last: u128,
    /// Place of the virtual server in the file.
    order: usize,
    server: &'a VirtualServer,
    at: Span,
}

/// The first in the file has what several ask for, as IPVS refuses a service that is there already. keepalived tells nobody before.
pub(in crate::config::validate) fn nothing_is_served_twice(
    lowered: &mut Lowered,
    _: &dyn System,
    report: &mut Report,
) {
    let mut claims = claims(lowered);
    claims.sort_by_key(|claim| (claim.sort, claim.first, claim.order));
    let mut furthest: Option<&Claim<'_>> = None;
    for claim in &claims {
        let before = furthest.filter(|other| other.sort == claim.sort && other.last >= claim.first);
        match before {
            // Two of the same words are an error already.
            Some(other) if other.server.service != claim.server.service => {
                tell(other, claim, report);
            }
            _ => {}
        }
        if before.is_none_or(|other| other.last < claim.last) {
            furthest = Some(claim);
        }
    }
}

fn tell(one: &Claim<'_>, other: &Claim<'_>, report: &mut Report) {
    let (has, lacks) = if one.order < other.order {
        (one, other)
    } else {
        (other, one)
    };
    let (first, second) = (name_of_server(has.server), name_of_server(lacks.server));
    let message =
        format!("{second} asks for packets that are {first}'s, which is first in the file");
    report
        .note(Kind::Conflict, lacks.at, message)
        .related(has.at, "here too");
}

fn claims(lowered: &Lowered) -> Vec<Claim<'_>> {
    let mut claims = Vec::new();
    for (order, placed) in lowered.servers.iter().enumerate() {
        let server = &placed.value;
        let mut add = |(family, place, first, last), at| {
            let place: Option<u16> = place;
            claims.push(Claim {
                sort: (family, place.map(|port| (server.protocol.number(), port))),
                first,
                last,
                order,
                server,
                at,
            });
        };
        match &server.service {
            VirtualService::Address { address, port } => {
                let (first, at) = (bits(*address), placed.at.server);
                add((Family::of(*address), Some(*port), first, first), at);
            }
            VirtualService::Fwmark { mark, family } => {
                let mark = u128::from(*mark);
                add((*family, None, mark, mark), placed.at.server);
            }
            VirtualService::Group { name, family } => {
                let groups = lowered.server_groups.iter();
                for group in groups.filter(|group| group.value.name == *name) {
                    for (member, at) in group.value.members.iter().zip(&group.at.members) {
                        add(run(member, *family), *at);
                    }
                }
            }
        }
    }
    claims
}

/// Family, port, first and last of a line of a group.
fn run(member: &GroupMember, family: Family) -> (Family, Option<u16>, u128, u128) {
    let (first, port) = match *member {
        GroupMember::Fwmark { mark, family: own } => {
            let mark = u128::from(mark);
            return (own.unwrap_or(family), None, mark, mark);
        }
        GroupMember::Address { address, port }
        | GroupMember::Range {
            first: address,
            port,
            ..
        }
        | GroupMember::Prefix { address, port, .. } => (address, port),
    };
    let last = bits(first).saturating_add(member.count().saturating_sub(1));
    (Family::of(first), Some(port), bits(first), last)
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}
