//! What nft(8) is told where IPVS has virtual server groups by firewall mark (`nftables_ipvs`): packets to the group's addresses get the mark of
//! its one service.
//!
//! Names and rules are keepalived's, except that port 0 is every port that no other service of the address has (with keepalived 2.2.7 it
//! is port 0).

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::RangeInclusive,
};

use crate::{
    config::model::{Protocol, global::Firewall},
    pool::{Front, desired::Desired},
};

/// What nft(8) is to do so that the packets of [`Desired::by_mark`] have their marks and no others do, in one step.
#[must_use]
pub fn rules(firewall: &Firewall, desired: &Desired) -> String {
    let table = firewall.nftables_ipvs.as_deref().unwrap_or_default();
    let mut text = no_rules(table);
    let elements = elements(desired);
    let families: BTreeSet<bool> = elements.keys().map(|(is_v6, _)| *is_v6).collect();
    for is_v6 in families {
        let family = if is_v6 { "ip6" } else { "ip" };
        let own = elements.range((is_v6, Protocol::Tcp)..);
        let own: Vec<_> = own
            .filter(|((own, _), _)| *own == is_v6)
            .map(|((_, protocol), elements)| (protocol.name(), elements))
            .collect();
        let counter = firewall.nftables_counters;
        // Nothing can fail that is written to a string.
        let _written = write_table(&mut text, (family, table), firewall, &own, counter);
    }
    text
}

/// What nft(8) is to do so that nothing is marked.
#[must_use]
pub fn no_rules(table: &str) -> String {
    // To delete what is not there would be an error.
    ["ip", "ip6"]
        .map(|family| format!("add table {family} {table}\ndelete table {family} {table}\n"))
        .concat()
}

fn write_table(
    text: &mut String,
    (family, table): (&str, &str),
    firewall: &Firewall,
    maps: &[(&str, &Vec<String>)],
    counts: bool,
) -> std::fmt::Result {
    let (type_, address) = if family == "ip6" {
        ("ipv6_addr", "ip6 daddr")
    } else {
        ("ipv4_addr", "ip daddr")
    };
    writeln!(text, "table {family} {table} {{")?;
    for (protocol, elements) in maps {
        writeln!(text, "\tmap {protocol}_map {{")?;
        writeln!(text, "\t\ttype {type_} . inet_service : mark")?;
        writeln!(text, "\t\tflags interval")?;
        if counts {
            writeln!(text, "\t\tcounter")?;
        }
        writeln!(
            text,
            "\t\telements = {{ {} }}\n\t}}",
            elements.join(",\n\t\t\t")
        )?;
    }
    let priority = firewall.nftables_ipvs_priority;
    writeln!(text, "\tchain in {{")?;
    writeln!(
        text,
        "\t\ttype filter hook input priority {priority}; policy accept;"
    )?;
    let counter = if counts { "counter " } else { "" };
    for (protocol, _) in maps {
        writeln!(
            text,
            "\t\tmeta mark set {address} . {protocol} dport map @{protocol}_map {counter}return"
        )?;
    }
    writeln!(text, "\t}}\n}}")
}

/// The elements of each map, by family and protocol.
fn elements(desired: &Desired) -> BTreeMap<(bool, Protocol), Vec<String>> {
    let served: BTreeSet<Front> = desired.services.iter().map(|it| it.front).collect();
    let mut addresses: BTreeMap<_, BTreeSet<IpAddr>> = BTreeMap::new();
    for (front, mark) in &desired.by_mark {
        for ports in ports(*front, &served) {
            let map = (front.address.is_ipv6(), front.protocol);
            let of = (map, mark.mark, *ports.start(), *ports.end());
            addresses.entry(of).or_default().insert(front.address);
        }
    }
    let mut elements: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for ((map, mark, first, last), addresses) in addresses {
        let ports = span(first, last);
        let told =
            runs(addresses).map(|(from, to)| format!("{} . {ports} : {mark:#x}", span(from, to)));
        elements.entry(map).or_default().extend(told);
    }
    elements
}

/// The ports of a front: that of its own, or every one that no other service of its address has.
fn ports(front: Front, served: &BTreeSet<Front>) -> Vec<RangeInclusive<u16>> {
    if front.port != 0 {
        return vec![front.port..=front.port];
    }
    let others = served
        .range(Front { port: 1, ..front }..)
        .take_while(|other| other.address == front.address)
        .filter(|other| other.protocol == front.protocol)
        .map(|other| other.port);
    let mut ports = Vec::new();
    let mut from = Some(0);
    for other in others {
        if let Some(first) = from.filter(|first| *first < other) {
            ports.push(first..=other - 1);
        }
        from = other.checked_add(1);
    }
    ports.extend(from.map(|first| first..=u16::MAX));
    ports
}

/// First and last of each run of addresses that follow each other.
fn runs(addresses: BTreeSet<IpAddr>) -> impl Iterator<Item = (IpAddr, IpAddr)> {
    let mut addresses = addresses.into_iter().peekable();
    std::iter::from_fn(move || {
        let first = addresses.next()?;
        let mut last = first;
        while let Some(next) = addresses.next_if(|next| successor(last) == Some(*next)) {
            last = next;
        }
        Some((first, last))
    })
}

fn successor(address: IpAddr) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits().checked_add(1)?).into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits().checked_add(1)?).into(),
    })
}

fn span<T: Copy + PartialEq + std::fmt::Display>(first: T, last: T) -> String {
    if first == last {
        first.to_string()
    } else {
        format!("{first}-{last}")
    }
}

#[cfg(test)]
mod tests;
