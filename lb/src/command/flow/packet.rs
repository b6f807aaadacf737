//! The packet that is asked about.

use std::net::IpAddr;

use etherparse::{IpNumber, PacketBuilder};
use lb_common::Mac;

use super::Question;
use crate::config::model::Protocol;

const TTL: u8 = 64;
/// A chunk of data, and one that opens an association (RFC 9260 §3.2).
const SCTP_DATA: u8 = 0;
const SCTP_INIT: u8 = 1;

/// The frame to the interface with address `mac`.
pub(super) fn frame(question: &Question, mac: Mac) -> anyhow::Result<Vec<u8>> {
    let link = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 0], mac);
    let ip = match (question.source.ip(), question.destination.ip()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            link.ipv4(source.octets(), destination.octets(), TTL)
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            link.ipv6(source.octets(), destination.octets(), TTL)
        }
        _ => anyhow::bail!("addresses of two families"),
    };
    let (source, destination) = (question.source.port(), question.destination.port());
    let mut frame = Vec::new();
    match question.protocol {
        Protocol::Tcp => {
            let tcp = ip.tcp(source, destination, 1, 65535);
            let tcp = if question.opens {
                tcp.syn()
            } else {
                tcp.ack(1)
            };
            tcp.write(&mut frame, &[])?;
        }
        Protocol::Udp => ip.udp(source, destination).write(&mut frame, &[])?,
        Protocol::Sctp => {
            let chunk = if question.opens { SCTP_INIT } else { SCTP_DATA };
            let [ports, tag, sum] = [
                [source.to_be_bytes(), destination.to_be_bytes()].concat(),
                vec![0; 4],
                vec![0; 4],
            ];
            let chunk = vec![chunk, 0, 0, 4];
            let packet = [ports, tag, sum, chunk].concat();
            ip.write(&mut frame, IpNumber::SCTP, &packet)?;
        }
    }
    Ok(frame)
}
