//! Tunnels without an interface (`RTA_ENCAP`).

use netlink_packet_core::DefaultNla;
use rtnetlink::packet_route::route::{
    MplsLabel, RouteAttribute, RouteIp6Tunnel, RouteIpTunnel, RouteLwEnCapType, RouteLwTunnelEncap,
    RouteMplsIpTunnel,
};

use super::{Here, ObjectError};
use crate::config::{
    NameList,
    model::route::{Encap, Ip6Encap, IpEncap},
};

/// `ILA_ATTR_LOCATOR` (linux/ila.h).
const ILA_LOCATOR: u16 = 1;
/// `LWTUNNEL_IP_FLAGS` and `LWTUNNEL_IP6_FLAGS` (linux/lwtunnel.h).
const FLAGS: u16 = 6;

/// The attributes of a tunnel.
pub(super) fn encode(
    encap: &Encap,
    here: &mut Here<'_>,
) -> Result<[RouteAttribute; 2], ObjectError> {
    let (kind, tunnel) = match encap {
        Encap::Ip(encap) => (RouteLwEnCapType::Ip, ip(encap, here)?),
        Encap::Ip6(encap) => (RouteLwEnCapType::Ip6, ip6(encap, here)?),
        Encap::Mpls(labels) => {
            let labels = labels.iter().map(|label| u32::from(*label));
            let tunnel = RouteMplsIpTunnel::Destination(stack(labels.collect()));
            (
                RouteLwEnCapType::Mpls,
                vec![RouteLwTunnelEncap::Mpls(tunnel)],
            )
        }
        Encap::Ila(locator) => {
            let locator = DefaultNla::new(ILA_LOCATOR, locator.to_be_bytes().to_vec());
            (
                RouteLwEnCapType::Ila,
                vec![RouteLwTunnelEncap::Other(locator)],
            )
        }
    };
    Ok([
        RouteAttribute::EncapType(kind),
        RouteAttribute::Encap(tunnel),
    ])
}

fn stack(labels: Vec<u32>) -> Vec<MplsLabel> {
    let last = labels.len().saturating_sub(1);
    let labels = labels.into_iter().enumerate();
    labels
        .map(|(place, label)| MplsLabel {
            label,
            traffic_class: 0,
            bottom_of_stack: place == last,
            ttl: 0,
        })
        .collect()
}

fn ip(encap: &IpEncap, here: &mut Here<'_>) -> Result<Vec<RouteLwTunnelEncap>, ObjectError> {
    let tos = encap.tos.as_ref();
    let tos = tos.map(|tos| here.number(NameList::DsField, tos));
    let attributes = [
        encap.id.map(RouteIpTunnel::Id),
        encap.destination.map(RouteIpTunnel::Destination),
        encap.source.map(RouteIpTunnel::Source),
        tos.transpose()?.map(RouteIpTunnel::Tos),
        encap.ttl.map(RouteIpTunnel::Ttl),
    ];
    let attributes = attributes.into_iter().flatten();
    let attributes = attributes.map(RouteLwTunnelEncap::Ip);
    Ok(attributes.chain(encap.flags.map(flags)).collect())
}

fn ip6(encap: &Ip6Encap, here: &mut Here<'_>) -> Result<Vec<RouteLwTunnelEncap>, ObjectError> {
    let class = encap.traffic_class.as_ref();
    let class = class.map(|class| here.number(NameList::DsField, class));
    let attributes = [
        encap.id.map(RouteIp6Tunnel::Id),
        encap.destination.map(RouteIp6Tunnel::Destination),
        encap.source.map(RouteIp6Tunnel::Source),
        class.transpose()?.map(RouteIp6Tunnel::Tc),
        encap.hop_limit.map(RouteIp6Tunnel::Hoplimit),
    ];
    let attributes = attributes.into_iter().flatten();
    let attributes = attributes.map(RouteLwTunnelEncap::Ip6);
    Ok(attributes.chain(encap.flags.map(flags)).collect())
}

/// In the byte order of this machine, as keepalived writes them, although the kernel has them in network order.
fn flags(flags: u16) -> RouteLwTunnelEncap {
    RouteLwTunnelEncap::Other(DefaultNla::new(FLAGS, flags.to_ne_bytes().to_vec()))
}
