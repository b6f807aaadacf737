//! Builds the segment: a bridge in `switch`, a cable to each node, addresses, and what veth needs for XDP.

use std::fmt::Write as _;

use anyhow::Context as _;

use super::{
    namespace::Namespace,
    plan::{DR_V4, DR_V6, Node},
};

/// The switch's bridge.
pub(super) const BRIDGE: &str = "lan";

pub(super) fn switch(lab: &str) -> anyhow::Result<Namespace> {
    let switch = Namespace::create(format!("{lab}-switch"))?;
    quiet_ipv6(&switch)?;
    switch.ip(&format!(
        "link set lo up\n\
         link add {BRIDGE} address 02:00:00:00:00:ff type bridge stp_state 0 mcast_snooping 0\n\
         link set {BRIDGE} up\n"
    ))?;
    Ok(switch)
}

/// Makes a node's namespace and plugs it into the switch.
pub(super) fn plug(lab: &str, switch: &Namespace, node: Node) -> anyhow::Result<Namespace> {
    let namespace = Namespace::create(format!("{lab}-{node}"))?;
    quiet_ipv6(&namespace)?;
    switch.ip(&format!(
        "link add {node} type veth peer name eth0 address {mac} netns {name}\n\
         link set {node} master {BRIDGE}\n",
        mac = node.mac(),
        name = namespace.name(),
    ))?;
    // XDP sees a checksum as the sender left it, so everybody computes them.
    let port = node.to_string();
    for (end, name) in [(switch, port.as_str()), (&namespace, "eth0")] {
        end.command("ethtool", &["-K", name, "tx", "off"])
            .context("set up a veth")?;
    }
    namespace.ip(&addresses(node))?;
    if let Node::Server(_) = node {
        back_through_the_master(&namespace, node.host())?;
        steer_by_flow(&namespace)?;
    }
    settings(node, &namespace)?;
    switch.ip(&format!("link set {node} up\n"))?;
    Ok(namespace)
}

/// No waiting for duplicate address detection, no routers to ask for.
fn quiet_ipv6(namespace: &Namespace) -> anyhow::Result<()> {
    namespace.sysctl(&[
        ("ipv6/conf/all/accept_dad", "0"),
        ("ipv6/conf/default/accept_dad", "0"),
        ("ipv6/conf/default/dad_transmits", "0"),
        ("ipv6/conf/default/accept_ra", "0"),
        ("ipv6/conf/default/router_solicitations", "0"),
    ])
}

fn addresses(node: Node) -> String {
    let mut batch = String::from("link set lo up\nlink set eth0 up\n");
    for address in node.addresses() {
        add(&mut batch, &address, "eth0");
    }
    if let Node::Server(_) = node {
        // Direct routing: the server takes packets for the virtual address and never claims it on the wire.
        add(&mut batch, &DR_V4.to_string(), "lo");
        add(&mut batch, &DR_V6.to_string(), "lo");
    }
    batch
}

/// NAT: replies from the back network leave through the master, which undoes the translation.
fn back_through_the_master(namespace: &Namespace, host: u8) -> anyhow::Result<()> {
    for (family, network, gateway, source) in [
        (
            "-4",
            "198.51.100.0/24",
            "198.51.100.1",
            format!("198.51.100.{host}"),
        ),
        (
            "-6",
            "2001:db8:1::/64",
            "2001:db8:1::1",
            format!("2001:db8:1::{host}"),
        ),
    ] {
        for words in [
            format!("route add {network} dev eth0 table 100"),
            format!("route add default via {gateway} dev eth0 table 100"),
            format!("rule add from {source} lookup 100"),
        ] {
            let args: Vec<_> = std::iter::once(family).chain(words.split(' ')).collect();
            namespace.command("ip", &args)?;
        }
    }
    Ok(())
}

/// One processor takes all packets of a flow, as a NIC sees to. A veth has each taken by the one that sent it, and a Linux server answers
/// the ACK that ends a handshake with a reset when the first data come at the same moment on another (seen with 6.18, once in 250,000).
fn steer_by_flow(namespace: &Namespace) -> anyhow::Result<()> {
    let processors = std::thread::available_parallelism()?.get().min(32);
    let mask = (1_u64 << processors) - 1;
    // `ip netns exec` shows the interfaces of the namespace below /sys.
    let write = format!("echo {mask:x} > /sys/class/net/eth0/queues/rx-0/rps_cpus");
    namespace
        .command(
            "ip",
            &["netns", "exec", namespace.name(), "sh", "-c", &write],
        )
        .context("steer by flow")?;
    Ok(())
}

fn add(batch: &mut String, address: &str, device: &str) {
    let nodad = if address.contains(':') { " nodad" } else { "" };
    let _infallible = writeln!(batch, "address add {address} dev {device}{nodad}");
}

fn settings(node: Node, namespace: &Namespace) -> anyhow::Result<()> {
    match node {
        Node::Client => namespace.sysctl(&[("ipv4/ip_local_port_range", "1024 65535")]),
        Node::Director(_) => namespace.sysctl(&[
            ("ipv4/ip_forward", "1"),
            ("ipv6/conf/all/forwarding", "1"),
            ("ipv4/conf/all/rp_filter", "0"),
            ("ipv4/conf/eth0/rp_filter", "0"),
            ("ipv4/conf/all/send_redirects", "0"),
            ("ipv4/conf/eth0/send_redirects", "0"),
        ]),
        Node::Server(_) => namespace.sysctl(&[
            ("ipv4/conf/all/arp_ignore", "1"),
            ("ipv4/conf/all/arp_announce", "2"),
            ("ipv4/conf/all/rp_filter", "0"),
            ("ipv4/conf/eth0/rp_filter", "0"),
            // A director whose kernel forwards replies tells of a shorter way to the client, past the translation.
            ("ipv6/conf/eth0/accept_redirects", "0"),
            // A veth holds 256 frames on their way to XDP; a larger burst of one connection would be cut.
            ("ipv4/tcp_wmem", "4096 65536 262144"),
        ]),
    }
}
