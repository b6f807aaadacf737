//! `lb flow`: where a packet would go, by the program in the kernel itself, and why; and all the flows there are.

mod list;
mod packet;
mod place;

use std::{
    io::Write as _,
    net::{IpAddr, SocketAddr},
};

use anyhow::Context as _;
use lb_common::{
    dest::{DEST_KEEPS_PORT, DestValue},
    flow::{FLOW_CLOSING, FLOW_DATAGRAM, FLOW_ESTABLISHED, FLOW_SYN},
};
use serde::Serialize;

pub use self::list::list;
use self::{packet::frame, place::Place};
use crate::{
    config::model::{Protocol, vrrp::MacAddress},
    io::{
        netlink::{Link, Netlink},
        xdp::{Pins, Trial},
    },
    pool::unmapped,
};

/// A packet to ask about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Transport protocol.
    pub protocol: Protocol,
    /// The client.
    pub source: SocketAddr,
    /// The virtual address and port.
    pub destination: SocketAddr,
    /// Interface it comes by; the one towards the client where nothing is said.
    pub interface: Option<String>,
    /// It opens a connection, which the kernel will remember.
    pub opens: bool,
}

/// What is known of the packet, and what the program makes of it.
#[derive(Debug, Serialize)]
struct Answer {
    protocol: &'static str,
    source: SocketAddr,
    destination: SocketAddr,
    interface: String,
    #[serde(flatten)]
    place: Place,
    /// Not asked where asking would begin a flow, or bring one on.
    outcome: Option<Outcome>,
}

/// What the program does.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// It leaves.
    Forwarded {
        /// Ethernet destination.
        next_hop: String,
        /// The real server.
        real_server: Option<Real>,
    },
    /// It is for a real server on this host, and the kernel goes on with it.
    Delivered {
        /// The real server.
        real_server: Real,
    },
    /// The kernel goes on with it.
    Passed,
    /// It is dropped.
    Dropped,
    /// Something that XDP programs should not answer.
    Unknown(u32),
}

/// A real server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Real {
    address: IpAddr,
    port: u16,
    method: &'static str,
}

/// The verdicts of XDP (`enum xdp_action`).
const DROP: u32 = 1;
const PASS: u32 = 2;
const TX: u32 = 3;
const REDIRECT: u32 = 4;

/// The packet is not forwarded, or nobody knows.
const NOT_FORWARDED: u8 = 3;

/// Prints where the packet would go. Returns 0 when it is forwarded, 3 when it is not.
///
/// # Errors
/// When there is no data plane or no such interface, or stdout is closed.
pub async fn explain(pins: &Pins, question: &Question, json: bool) -> anyhow::Result<u8> {
    let link = ingress(question).await?;
    let frame = frame(question, link.mac)?;
    let trial = Trial::open(pins).context("no data plane answers here (is lb running?)")?;
    let place = Place::find(pins, question)?;
    let outcome = if question.opens || !place.would_change() {
        let tried = trial.run(&frame, link.index)?;
        // What is passed is told by the flow entry that it may have now.
        let after = match tried.verdict {
            PASS => Some(Place::find(pins, question)?),
            _ => None,
        };
        let place = after.as_ref().unwrap_or(&place);
        let port = question.destination.port();
        Some(outcome(tried.verdict, &tried.packet, place, port))
    } else {
        None
    };
    let answer = Answer {
        protocol: question.protocol.name(),
        source: question.source,
        destination: question.destination,
        interface: link.name.to_string(),
        place,
        outcome,
    };
    let text = if json {
        serde_json::to_string_pretty(&answer)? + "\n"
    } else {
        answer.text()
    };
    let mut stdout = std::io::stdout();
    stdout.write_all(text.as_bytes()).context("stdout")?;
    let is_forwarded = matches!(
        answer.outcome,
        Some(Outcome::Forwarded { .. } | Outcome::Delivered { .. })
    );
    Ok(if is_forwarded { 0 } else { NOT_FORWARDED })
}

/// The interface that the packet comes by.
async fn ingress(question: &Question) -> anyhow::Result<Link> {
    let netlink = Netlink::connect()?;
    let links = netlink.links().await?;
    let found = match &question.interface {
        Some(name) => links.into_iter().find(|link| link.name.as_str() == name),
        None => {
            let index = netlink.egress(question.source.ip()).await?;
            links.into_iter().find(|link| Some(link.index) == index)
        }
    };
    found.with_context(|| match &question.interface {
        Some(name) => format!("no interface {name}"),
        None => format!(
            "no route to {}: name the interface with --interface",
            question.source.ip()
        ),
    })
}

/// What became of a packet to `port`.
fn outcome(verdict: u32, packet: &[u8], place: &Place, port: u16) -> Outcome {
    match verdict {
        DROP => Outcome::Dropped,
        PASS => place
            .here(packet)
            .map_or(Outcome::Passed, |dest| Outcome::Delivered {
                real_server: real(dest, port),
            }),
        TX | REDIRECT => {
            let mac = packet.first_chunk::<6>().copied().unwrap_or_default();
            Outcome::Forwarded {
                next_hop: MacAddress::from(mac).to_string(),
                real_server: place.dest_at(packet, mac).map(|dest| real(dest, port)),
            }
        }
        other => Outcome::Unknown(other),
    }
}

/// A real server, for a packet to `port` of its service.
fn real(dest: &DestValue, port: u16) -> Real {
    use lb_common::dest::{
        FORWARD_DIRECT_ROUTE, FORWARD_FULLNAT, FORWARD_GRE, FORWARD_GUE, FORWARD_IPIP, FORWARD_NAT,
    };
    Real {
        address: unmapped(dest.address),
        port: if dest.flags & DEST_KEEPS_PORT != 0 {
            port
        } else {
            u16::from_be_bytes(dest.port)
        },
        method: match dest.method {
            FORWARD_DIRECT_ROUTE => "DR",
            FORWARD_NAT => "NAT",
            FORWARD_FULLNAT => "FULLNAT",
            FORWARD_IPIP => "TUN ipip",
            FORWARD_GUE => "TUN gue",
            FORWARD_GRE => "TUN gre",
            _ => "unknown",
        },
    }
}

/// A flow's state in a word.
const fn state(state: u8) -> &'static str {
    match state {
        FLOW_SYN => "half open",
        FLOW_ESTABLISHED => "established",
        FLOW_CLOSING => "closing",
        FLOW_DATAGRAM => "datagrams",
        _ => "unknown",
    }
}

impl Answer {
    fn text(&self) -> String {
        let Self {
            protocol,
            source,
            destination,
            interface,
            place,
            outcome,
        } = self;
        let mut lines = vec![format!(
            "{protocol} {source} to {destination} by {interface}"
        )];
        lines.extend(place.lines());
        lines.push(match outcome {
            None => {
                "not tried: it would begin a flow, or bring one on; --open begins one".to_owned()
            }
            Some(Outcome::Forwarded {
                next_hop,
                real_server,
            }) => match real_server {
                Some(real) => format!(
                    "forwarded to {} by {}, next hop {next_hop}",
                    SocketAddr::new(real.address, real.port),
                    real.method
                ),
                None => format!("forwarded, next hop {next_hop}"),
            },
            Some(Outcome::Delivered { real_server }) => format!(
                "delivered to {}, which is this host",
                SocketAddr::new(real_server.address, real_server.port)
            ),
            Some(Outcome::Passed) => "passed to the kernel".to_owned(),
            Some(Outcome::Dropped) => "dropped".to_owned(),
            Some(Outcome::Unknown(verdict)) => format!("verdict {verdict}"),
        });
        lines.join("\n") + "\n"
    }
}

#[cfg(test)]
mod tests;
