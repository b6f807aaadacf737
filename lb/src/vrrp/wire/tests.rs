//! Packets: as keepalived sends them, as we send them, and those that do not count.

mod golden;
mod header;
mod hmac;
mod unicast;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::*;
use crate::{
    config::{Interface, Options, load},
    vrrp::advert::tests::{bytes, ip},
};

/// Time in seconds and 1/65536 s.
fn at(seconds: u64, fraction: u64) -> WallClock {
    let nanos = (fraction * 1_000_000_000).div_ceil(65_536);
    WallClock::since_epoch(Duration::from_secs(seconds) + Duration::from_nanos(nanos))
}

/// The instance of these lines, with VRID 51 on eth0.
fn instance(lines: &str) -> VrrpInstance {
    let text = format!(
        "vrrp_instance a {{\ninterface eth0\nvirtual_router_id 51\n{}\n}}\n",
        lines.replace(';', "\n")
    );
    let mut files = BTreeMap::from([(PathBuf::from("f"), text.into_bytes())]);
    let machine = BTreeMap::from([("eth0".to_owned(), Interface::default())]);
    let loaded = load(Path::new("f"), &mut files, &machine, &Options::default());
    assert!(loaded.is_usable(), "{lines}: {:#?}", loaded.diagnostics);
    loaded.config.vrrp_instances[0].clone()
}

fn keys_of(config: &VrrpInstance) -> Keys {
    let keys = config.hmac.iter().flat_map(|hmac| &hmac.keys);
    keys.map(|key| (key.id, Key::of(&key.source).unwrap().unwrap()))
        .collect()
}

fn wire(config: &VrrpInstance) -> Wire {
    Wire::new(config, keys_of(config))
}

/// A plain packet.
fn plain<'a>(source: &str, destination: &str, payload: &'a [u8]) -> Incoming<'a> {
    Incoming {
        source: ip(source),
        destination: ip(destination),
        ttl: 255,
        carrier: Carrier::Plain,
        header: &[],
        payload,
    }
}

/// Writes the right checksum (with a pseudo header over IPv4 in version 3) into an advert with a trailer behind.
fn sum_again(message: &mut [u8], source: &str, destination: &str) {
    let (source, destination) = (ip(source), ip(destination));
    let length = Advertisement::length(message, Family::of(source)).unwrap_or(message.len());
    message[6..8].fill(0);
    let error = Advertisement::parse_before(
        message,
        message.len().saturating_sub(length),
        source,
        destination,
    );
    if let Err(crate::vrrp::advert::ParseError {
        reason: Malformed::Checksum { expected, .. },
        ..
    }) = error
    {
        message[6..8].copy_from_slice(&expected.to_be_bytes());
    }
}
