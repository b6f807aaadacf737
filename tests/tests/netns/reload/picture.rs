//! What the kernel has of a daemon, in lines that say the same however it came about.
//!
//! Numbers that only history explains (of services, real servers, gates, chunks of rings) are replaced by what they stand for.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::Ipv6Addr,
    path::Path,
};

use anyhow::Context as _;
use lb::{
    io::{
        mirror,
        xdp::{CheckerMaps, Pins, VrrpMaps},
    },
    mirror::image::{Image, is_live},
};
use lb_common::{
    dest::DestValue,
    gate::{GATE_PASS, GATES},
    hint::HINT_VIRTUAL_MAC,
    router::{RouterKey, RouterValue, VRIDS},
    service::ServiceValue,
};
use serde_json::Value;
use xtask::lab::{Director, Namespace};

/// Lines, in order.
pub(super) type Picture = BTreeSet<String>;

/// Of an address or a link only history tells these, and seconds go by.
const FLEETING: [&str; 14] = [
    "ifindex",
    "link_index",
    "link_netnsid",
    "valid_life_time",
    "preferred_life_time",
    "expires",
    "stats",
    "stats64",
    "prog",
    // Which of two addresses in one network came first.
    "secondary",
    "inet6_addr_gen_mode",
    "linkinfo",
    "nhid",
    "tentative",
];

/// What the programs and `ip` know.
pub(super) fn of(director: &Director) -> anyhow::Result<Picture> {
    let mut lines = of_kernel(director.namespace())?;
    let names = interfaces(director.namespace())?;
    let pins = Pins::new(director.pins());
    let image = mirror::load(&CheckerMaps::open(&pins)?)?;
    let vrrp = VrrpMaps::open(&pins)?;
    let gates = Gates::read(&vrrp)?;
    of_services(&image, &gates, &names, &mut lines)?;
    of_routers(&vrrp, &gates, &names, &mut lines)?;
    files(pins.directory(), &mut lines)?;
    Ok(lines)
}

/// Every bit of the maps, but for the clocks in them, and what `ip` says: it does not change by itself.
pub(super) fn bits(director: &Director) -> anyhow::Result<Picture> {
    let mut lines = of_kernel(director.namespace())?;
    let pins = Pins::new(director.pins());
    let maps = CheckerMaps::open(&pins)?;
    lines.insert(format!("{:?}", mirror::load(&maps)?));
    let vrrp = VrrpMaps::open(&pins)?;
    for router in vrrp.routers.iter() {
        let (key, value) = router?;
        lines.insert(format!("router {key:?} {:?}", without_clock(value)));
    }
    for owned in vrrp.owned.iter() {
        lines.insert(format!("owned {:?}", owned?));
    }
    for gate in 0..GATES {
        lines.insert(format!("gate {gate} {:?}", vrrp.gates.get(&gate, 0)?));
    }
    let mut pids = director.children();
    pids.extend(director.pid());
    lines.insert(format!("processes {pids:?}"));
    Ok(lines)
}

/// What is in the one and not in the other.
pub(super) fn difference(reloaded: &Picture, fresh: &Picture) -> String {
    let only = |one: &Picture, other: &Picture| -> String {
        let lines: Vec<&str> = one.difference(other).map(String::as_str).collect();
        lines.join("\n  ")
    };
    format!(
        "after the reload alone:\n  {}\nafter a fresh start alone:\n  {}",
        only(reloaded, fresh),
        only(fresh, reloaded)
    )
}

/// Addresses, links, routes, rules, settings, and the IPVS table where there is one.
pub(super) fn of_kernel(namespace: &Namespace) -> anyhow::Result<Picture> {
    let mut lines = Picture::new();
    for words in [
        &["-d", "-j", "address", "show"][..],
        &["-d", "-j", "-4", "route", "show", "table", "all"],
        &["-d", "-j", "-6", "route", "show", "table", "all"],
        &["-d", "-j", "-4", "rule"],
        &["-d", "-j", "-6", "rule"],
    ] {
        let text = namespace.command("ip", words)?;
        let all: Vec<Value> =
            serde_json::from_str(&text).with_context(|| format!("ip {words:?}: {text}"))?;
        for mut value in all {
            forget_fleeting(&mut value);
            let addresses = value.as_object_mut().and_then(|it| it.remove("addr_info"));
            let name = value["ifname"].clone();
            for address in addresses.iter().filter_map(Value::as_array).flatten() {
                lines.insert(format!("address on {name}: {address}"));
            }
            lines.insert(format!("{}: {value}", words[words.len() - 1]));
        }
    }
    settings(namespace, &mut lines)?;
    if Path::new("/proc/net/ip_vs").exists() {
        let table = namespace.command("ipvsadm", &["-Sn"])?;
        lines.extend(table.lines().map(|line| format!("ipvs {line}")));
    }
    Ok(lines)
}

fn forget_fleeting(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !FLEETING.contains(&name.as_str()));
            fields.values_mut().for_each(forget_fleeting);
        }
        Value::Array(all) => all.iter_mut().for_each(forget_fleeting),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// `/proc/sys/net/*/conf`.
fn settings(namespace: &Namespace, lines: &mut Picture) -> anyhow::Result<()> {
    let found = namespace.run(|| {
        let mut found = Vec::new();
        for family in ["ipv4", "ipv6"] {
            for interface in fs::read_dir(format!("/proc/sys/net/{family}/conf"))? {
                let interface = interface?.path();
                // One that goes meanwhile has none.
                for setting in fs::read_dir(&interface).into_iter().flatten() {
                    let path = setting?.path();
                    // One that is a secret cannot be read.
                    if let Ok(value) = fs::read_to_string(&path) {
                        found.push(format!("{}={}", path.display(), value.trim_end()));
                    }
                }
            }
        }
        Ok(found)
    })?;
    lines.extend(found);
    Ok(())
}

/// Names of interfaces by their index.
fn interfaces(namespace: &Namespace) -> anyhow::Result<BTreeMap<u32, String>> {
    let text = namespace.command("ip", &["-j", "link"])?;
    let links: Vec<Value> = serde_json::from_str(&text)?;
    let links = links.iter().filter_map(|link| {
        let index = u32::try_from(link["ifindex"].as_u64()?).ok()?;
        Some((index, link["ifname"].as_str()?.to_owned()))
    });
    Ok(links.collect())
}

/// A gate is what has it: the lowest of its addresses.
struct Gates(BTreeMap<u32, String>);

impl Gates {
    fn read(maps: &VrrpMaps) -> anyhow::Result<Self> {
        let mut owners: BTreeMap<u32, Ipv6Addr> = BTreeMap::new();
        for owned in maps.owned.iter() {
            let (key, value) = owned?;
            let address = Ipv6Addr::from(key.address);
            let lowest = owners.entry(value.gate).or_insert(address);
            *lowest = address.min(*lowest);
        }
        let mut names = BTreeMap::new();
        for gate in 0..GATES {
            let state = maps.gates.get(&gate, 0)?.state;
            if state != GATE_PASS || owners.contains_key(&gate) {
                let owner = owners.get(&gate);
                let owner = owner.map_or("nobody".to_owned(), ToString::to_string);
                names.insert(gate, format!("gate of {owner} in state {state}"));
            }
        }
        Ok(Self(names))
    }

    fn name(&self, gate: u32) -> &str {
        self.0.get(&gate).map_or("gate of nobody", String::as_str)
    }
}

fn of_services(
    image: &Image,
    gates: &Gates,
    names: &BTreeMap<u32, String>,
    lines: &mut Picture,
) -> anyhow::Result<()> {
    let fronts: BTreeMap<u32, String> = image
        .services
        .iter()
        .map(|(key, value)| {
            let (address, port) = (Ipv6Addr::from(key.address), u16::from_be_bytes(key.port));
            (value.id, format!("{address} {port} {}", key.protocol))
        })
        .collect();
    let front = |id: u32| fronts.get(&id).map_or("no service", String::as_str);
    let dest = |id: u16| {
        let dest = image.dests.get(&id).filter(|dest| is_live(dest));
        dest.map_or("no dest".to_owned(), |dest| {
            format!("{} of {}", of_dest(dest, names), front(dest.service))
        })
    };
    let live: BTreeMap<_, _> = image.live().collect();
    for (key, value) in &image.services {
        let twin = live
            .get(key)
            .context("a service that packets do not find")?;
        anyhow::ensure!(*twin == value, "{}: the twin is another", front(value.id));
        let ring: Vec<String> = image.ring(value.ring).map(dest).collect();
        lines.insert(format!(
            "service {}: {} {} ring of {}",
            front(value.id),
            of_service(value),
            gates.name(value.gate),
            ring.len()
        ));
        for (at, dest) in ring.iter().enumerate() {
            lines.insert(format!("ring of {} at {at}: {dest}", front(value.id)));
        }
        let known = image
            .fronts
            .get(&value.id)
            .context("a service has a front")?;
        anyhow::ensure!(known.address == key.address && known.gate == value.gate);
    }
    anyhow::ensure!(live.len() == image.services.len(), "a service nobody sees");
    anyhow::ensure!(
        image.fronts.len() == image.services.len(),
        "{} fronts of {} services",
        image.fronts.len(),
        image.services.len()
    );
    for (id, value) in image.dests.iter().filter(|(_, it)| is_live(it)) {
        let limits = image.limits.get(id).copied().unwrap_or_default();
        lines.insert(format!(
            "dest {}: usable and the like {:#x}, {limits:?}",
            dest(*id),
            value.flags
        ));
    }
    for (key, value) in &image.nat_sources {
        let mut dests: Vec<String> = value.dests.iter().map(|id| dest(*id)).collect();
        dests.sort();
        lines.insert(format!(
            "NAT {} {} {}: {dests:?}",
            Ipv6Addr::from(key.address),
            u16::from_be_bytes(key.port),
            key.protocol
        ));
    }
    lines.insert(format!("NAT filter {:?}", image.nat_filter));
    lines.insert(format!(
        "table: {} services, {} NAT sources, flags {:#x}",
        image.header.services, image.header.nat_sources, image.header.flags
    ));
    for (key, id) in &image.quic_servers {
        let id = u16::try_from(*id).unwrap_or_default();
        lines.insert(format!(
            "QUIC {:#x} of {}: {}",
            key.server,
            front(key.service),
            dest(id)
        ));
    }
    lines.insert(format!("timeouts {:?}", image.timeouts));
    Ok(())
}

/// Without its number and its rings. What was the ring before tells of history.
fn of_service(value: &ServiceValue) -> String {
    format!(
        "scheduler {} flags {:#x} granularity {} QUIC {} persistence {}",
        value.scheduler, value.flags, value.granularity, value.quic_length, value.persistence
    )
}

fn of_dest(dest: &DestValue, names: &BTreeMap<u32, String>) -> String {
    format!(
        "{} {} method {} flags {:#x} by {} {:?} from {:?} {} mtu {} tunnel {:?}",
        Ipv6Addr::from(dest.address),
        u16::from_be_bytes(dest.port),
        dest.method,
        dest.flags,
        names.get(&dest.ifindex).map_or("none", String::as_str),
        dest.next_hop,
        dest.source,
        Ipv6Addr::from(dest.local),
        dest.mtu,
        dest.tunnel_port
    )
}

fn of_routers(
    maps: &VrrpMaps,
    gates: &Gates,
    names: &BTreeMap<u32, String>,
    lines: &mut Picture,
) -> anyhow::Result<()> {
    let name = |index: u32| names.get(&index).map_or("none", String::as_str);
    let router = |key: RouterKey| {
        format!(
            "{} {} {} {}",
            name(key.ifindex),
            key.vlan,
            key.vrid,
            key.family
        )
    };
    for gate in gates.0.values() {
        lines.insert(gate.clone());
    }
    for owned in maps.owned.iter() {
        let (key, value) = owned?;
        lines.insert(format!(
            "owned {}: {} flags {:#x} {:?}",
            Ipv6Addr::from(key.address),
            gates.name(value.gate),
            value.flags,
            value.mac
        ));
    }
    for entry in maps.routers.iter() {
        let (key, value) = entry?;
        let gate = gates.name(value.gate).to_owned();
        let value = RouterValue {
            gate: 0,
            epoch: 0,
            ..without_clock(value)
        };
        let advert = &value.advert[..value.advert_len as usize];
        lines.insert(format!(
            "router {}: {gate} role {} priority {} version {} flags {:#x} every {} spacing {} TTL {}-{} {} {} {:?} to {} own {} from {} {advert:?}",
            router(key),
            value.role,
            value.priority,
            value.version,
            value.flags,
            value.interval,
            value.spacing,
            value.min_ttl,
            value.max_ttl,
            value.authentication,
            value.seconds,
            value.password,
            Ipv6Addr::from(value.destination),
            Ipv6Addr::from(value.own),
            Ipv6Addr::from(value.source),
        ));
    }
    for peer in maps.peers.iter() {
        let (key, value) = peer?;
        let address = Ipv6Addr::from(key.address);
        lines.insert(format!(
            "peer {address} of {}: {value:?}",
            router(key.router)
        ));
    }
    for entry in maps.virtual_macs.iter() {
        let (key, value) = entry?;
        lines.insert(format!(
            "virtual MAC {:?} on {}: {} flags {:#x} {:?}",
            key.mac,
            name(key.ifindex),
            gates.name(value.gate),
            value.flags,
            value.mac
        ));
    }
    for entry in maps.router_macs.iter() {
        let (key, value) = entry?;
        lines.insert(format!("MAC of {}: {:?}", router(key), value.mac));
    }
    for vrid in 0..VRIDS {
        if maps.known_vrids.get(&vrid, 0)? != 0 {
            lines.insert(format!("known VRID {vrid}"));
        }
    }
    // The other bit is the programs' to set, for good.
    let hints = maps.hints.get(&0, 0)? & HINT_VIRTUAL_MAC;
    lines.insert(format!("hints {hints}"));
    Ok(())
}

fn without_clock(value: RouterValue) -> RouterValue {
    RouterValue {
        last_seen: 0,
        deadline: 0,
        heartbeats: 0,
        dropped: 0,
        ..value
    }
}

/// The names of what is pinned.
fn files(directory: &Path, lines: &mut Picture) -> anyhow::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            files(&entry.path(), lines)?;
        } else {
            let above = directory.file_name().unwrap_or_default();
            // The directory of a namespace is named after it.
            let above = above.display().to_string();
            let above = if above.starts_with("lab-") {
                ""
            } else {
                &above
            };
            lines.insert(format!("pinned {above}/{}", entry.file_name().display()));
        }
    }
    Ok(())
}
