//! Packets: whatever proof an instance asks for, opening never panics, and nothing is opened twice where replays are refused.
#![no_main]

use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::LazyLock,
    time::Duration,
};

use lb::{
    config::{
        Interface, Options, load,
        model::{VrrpInstance, vrrp::AuthenticationType},
    },
    vrrp::wire::{Carrier, Incoming, Key, WallClock, Wire},
};
use libfuzzer_sys::fuzz_target;

const PROOFS: [&str; 5] = [
    "",
    "authentication {\nauth_type PASS\nauth_pass secret\n}",
    "authentication {\nauth_type AH\nauth_pass secret\n}",
    "version 3\nauth_hmac {\nkey 1 0123456789abcdef0123456789abcdef\nactive_key 1\n}",
    "version 3\nunicast_peer {\n192.0.2.9\n}\nauth_hmac {\nkey 1 0123456789abcdef0123456789abcdef\nactive_key 1\n\
     anti_replay monotonic\nmode permissive\n}",
];

static INSTANCES: LazyLock<Vec<VrrpInstance>> =
    LazyLock::new(|| PROOFS.iter().map(|proof| instance(proof)).collect());

fn instance(proof: &str) -> VrrpInstance {
    let text = format!(
        "vrrp_instance a {{\ninterface eth0\nvirtual_router_id 51\n{proof}\nvirtual_ipaddress {{\n192.0.2.1\n}}\n}}\n"
    );
    let mut files = BTreeMap::from([(PathBuf::from("f"), text.into_bytes())]);
    let machine = BTreeMap::from([("eth0".to_owned(), Interface::default())]);
    let loaded = load(Path::new("f"), &mut files, &machine, &Options::default());
    loaded.config.vrrp_instances[0].clone()
}

fuzz_target!(|input: (u8, IpAddr, IpAddr, u64, [u8; 20], &[u8])| {
    let (which, source, destination, time, header, payload) = input;
    let config = &INSTANCES[usize::from(which) % INSTANCES.len()];
    let keys = config.hmac.iter().flat_map(|hmac| &hmac.keys);
    let keys = keys.filter_map(|key| Some((key.id, Key::of(&key.source)?.ok()?)));
    let mut wire = Wire::new(config, keys.collect());
    let packet = Incoming {
        source,
        destination,
        ttl: 255,
        carrier: Carrier::of(config),
        header: &header,
        payload,
    };
    let clock = WallClock::since_epoch(Duration::from_secs(time));
    if wire.open(config, &packet, clock).is_ok() {
        let by_header = |given: &lb::config::model::vrrp::Authentication| {
            given.kind == AuthenticationType::Header
        };
        if config.authentication.as_ref().is_some_and(by_header) {
            assert!(wire.open(config, &packet, clock).is_err());
        }
    }
    let _ = packet.vrid();
});
