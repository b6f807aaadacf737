//! The section of virtual servers.

use super::{Source, Text, yes_no};
use crate::{
    config::model::{ForwardMethod, VirtualServer, Word as _},
    observe::dump::data::enabled,
    pool::snapshot::{RealServerSnapshot, ServiceSnapshot},
};

pub(super) fn render(source: &Source<'_>, text: &mut Text) {
    let services = source.status.services.as_deref().unwrap_or_default();
    text.section("LVS Topology");
    // Both are in the order of the file, unless the child is still taking another one in.
    let servers = &source.config.virtual_servers;
    let is_same = servers.len() == services.len();
    for (index, server) in servers.iter().enumerate() {
        let service = services.get(index).filter(|_| is_same);
        virtual_server(server, service, text);
    }
}

fn virtual_server(server: &VirtualServer, service: Option<&ServiceSnapshot>, text: &mut Text) {
    text.item(1, "VIP", &server.service);
    text.item(3, "protocol", server.protocol.name());
    text.item(
        3,
        "delay_loop",
        format_args!("{:.6}", server.delay_loop.as_secs_f64()),
    );
    text.item(3, "lvs_sched", server.scheduler.word());
    text.item(3, "lb_kind", method(server.method));
    text.line(3, format_args!("alpha is {}", on_off(server.alpha)));
    text.line(3, format_args!("omega is {}", on_off(server.omega)));
    text.item(3, "Inhibit on failure", yes_no(server.inhibit_on_failure));
    text.item(3, "Using smtp notification", yes_no(server.smtp_alert));
    let Some(service) = service else {
        return;
    };
    text.item(
        3,
        "Quorum state",
        if service.has_quorum { "UP" } else { "DOWN" },
    );
    let planes = service.planes.join(" and ");
    text.item(
        3,
        "Forwarded by",
        if planes.is_empty() { "nobody" } else { &planes },
    );
    figures(
        (
            service.flows,
            service.connections,
            service.packets,
            service.bytes,
        ),
        text,
    );
    for real_server in &service.real_servers {
        real(real_server, text);
    }
}

fn real(server: &RealServerSnapshot, text: &mut Text) {
    text.item(3, "RIP", &server.real_server);
    text.item(5, "State", if server.up { "UP" } else { "DOWN" });
    text.item(5, "Why", &server.why);
    text.item(5, "Forwarding method", &server.method);
    text.item(5, "Weight", server.weight);
    text.item(5, "Draining", enabled(server.draining));
    text.item(5, "Next hop", &server.next_hop);
    text.item(5, "Active connections", server.active);
    text.item(5, "Inactive connections", server.inactive);
    figures(
        (
            server.flows,
            server.connections,
            server.packets,
            server.bytes,
        ),
        text,
    );
}

fn figures((flows, connections, packets, bytes): (u64, u64, u64, u64), text: &mut Text) {
    text.item(5, "Flows", flows);
    text.item(5, "Connections", connections);
    text.item(5, "Packets in", packets);
    text.item(5, "Bytes in", bytes);
}

const fn method(method: ForwardMethod) -> &'static str {
    match method {
        ForwardMethod::Nat => "NAT",
        ForwardMethod::DirectRoute => "DR",
        ForwardMethod::Tunnel(_) => "TUN",
        ForwardMethod::FullNat => "FULLNAT",
    }
}

const fn on_off(is: bool) -> &'static str {
    if is { "ON" } else { "OFF" }
}
