//! The packet that is asked about.

use std::net::IpAddr;

use anyhow::bail;
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
        (source, destination) => bail!("{source} and {destination} are of two families"),
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
            let [source, destination] = [source, destination].map(u16::to_be_bytes);
            let tag_and_sum = [0; 8];
            let packet = [&source[..], &destination, &tag_and_sum, &[chunk, 0, 0, 4]].concat();
            ip.write(&mut frame, IpNumber::SCTP, &packet)?;
        }
    }
    Ok(frame)
}
