//! `keepalived.stats`: counters in keepalived's layout, which exporters parse.

use std::fmt::Write as _;

use super::instances;
use crate::{config::model::Config, vrrp::snapshot::InstanceSnapshot};

/// A line of the layout: a heading, or a figure.
enum Line {
    Heading(&'static str),
    Figure(&'static str, fn(&InstanceSnapshot) -> u64),
    Inner(&'static str, fn(&InstanceSnapshot) -> u64),
}
use Line::{Figure, Heading, Inner};

const LAYOUT: &[Line] = &[
    Heading("Advertisements"),
    Inner("Received", received),
    Inner("Sent", |it| it.counts.adverts_sent),
    Figure("Became master", |it| it.counts.became_master),
    Figure("Released master", |it| it.counts.released_master),
    Heading("Packet Errors"),
    Inner("Length", |it| it.counts.refused("packet_len_err")),
    Inner("TTL", |it| it.counts.refused("ip_ttl_err")),
    Inner("Invalid Type", |it| it.counts.refused("invalid_type_rcvd")),
    Inner("Advertisement Interval", |it| {
        it.counts.refused("advert_interval_err")
    }),
    Inner("Address List", |it| it.counts.refused("addr_list_err")),
    Heading("Authentication Errors"),
    Inner("Invalid Type", |it| it.counts.refused("invalid_authtype")),
    Inner("Type Mismatch", |it| it.counts.refused("authtype_mismatch")),
    Inner("Failure", |it| it.counts.refused("auth_failure")),
    Heading("Authentication Extension Errors"),
    Inner("Missing", |it| it.counts.refused("auth_ext_missing")),
    Inner("Malformed", |it| it.counts.refused("auth_ext_malformed")),
    Inner("Unknown Key", |it| {
        it.counts.refused("auth_ext_unknown_key")
    }),
    Inner("Invalid HMAC", |it| {
        it.counts.refused("auth_ext_invalid_hmac")
    }),
    Inner("Stale", |it| it.counts.refused("auth_ext_stale")),
    Inner("Replay", |it| it.counts.refused("auth_ext_replay")),
    Heading("Priority Zero"),
    Inner("Received", |it| it.counts.zero_received),
    Inner("Sent", |it| it.counts.zero_sent),
];

/// Adverts that counted, whoever took them: the daemon or the kernel.
pub(super) const fn received(instance: &InstanceSnapshot) -> u64 {
    instance.counts.adverts_received + instance.counts.adverts_absorbed
}

/// The counters of every instance.
#[must_use]
pub fn render(config: &Config, snapshots: &[InstanceSnapshot]) -> String {
    let mut text = String::new();
    for (config, instance) in instances(config, snapshots) {
        // Writing to a string cannot fail.
        let _written = writeln!(text, "VRRP Instance: {}", config.name);
        for line in LAYOUT {
            let _written = match line {
                Heading(name) => writeln!(text, "  {name}:"),
                Figure(name, figure) => writeln!(text, "  {name}: {}", figure(instance)),
                Inner(name, figure) => writeln!(text, "    {name}: {}", figure(instance)),
            };
        }
    }
    text
}
