//! The section of links.

use std::net::IpAddr;

use super::{Source, Text};
use crate::observe::status::LinkSnapshot;

pub(super) fn render(source: &Source<'_>, text: &mut Text) {
    text.section("Interfaces");
    for link in source.links {
        render_link(source, link, text);
    }
}

fn render_link(source: &Source<'_>, link: &LinkSnapshot, text: &mut Text) {
    text.item(1, "Name", &link.name);
    text.item(3, "index", link.index);
    let first = |is_meant: fn(&IpAddr) -> bool| {
        let first = link.addresses.iter().find(|address| is_meant(address));
        first.map_or_else(|| "(none)".to_owned(), ToString::to_string)
    };
    text.item(3, "IPv4 address", first(IpAddr::is_ipv4));
    text.item(3, "IPv6 address", first(IpAddr::is_ipv6));
    if let Some(mac) = &link.mac {
        text.item(3, "MAC", mac);
    }
    text.item(3, "State", if link.up { "UP, RUNNING" } else { "DOWN" });
    let mut tracking = Vec::new();
    for instance in &source.config.vrrp_instances {
        if instance.interface.as_str() == link.name && instance.link.track_primary {
            tracking.push(format!("{}, weight 0", instance.name));
        }
        let tracked = instance.tracks.interfaces.iter();
        let tracked = tracked.filter(|track| track.interface.as_str() == link.name);
        tracking.extend(tracked.map(|track| format!("{}, weight {}", instance.name, track.weight)));
    }
    text.list("Tracking VRRP instances :", &tracking);
}
