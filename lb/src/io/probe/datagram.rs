//! `UDP_CHECK` and `DNS_CHECK`: a datagram there, and one back.

use std::io;

use socket2::{Protocol, Type};
use tokio::{net::UdpSocket, time::timeout};

use super::{in_time, origin, target};
use crate::{
    checker::{
        ProbeResult,
        dialogue::{dns, udp},
    },
    config::model::{
        Connection,
        check::{Dns, Reply, Udp},
    },
};

/// Bytes of a DNS answer that are looked at: its header.
const HEADER: usize = 12;

async fn open(connection: &Connection) -> io::Result<UdpSocket> {
    let target = target(connection);
    let origin = connection.origin.as_deref();
    let socket = origin::socket(origin, target, Type::DGRAM, Some(Protocol::UDP))?;
    let socket = UdpSocket::from_std(socket.into())?;
    // Only then an ICMP error comes back.
    socket.connect(target).await?;
    Ok(socket)
}

/// Asks once, and takes what comes until an answer counts.
pub(super) async fn ask_udp(connection: &Connection, udp: &Udp) -> ProbeResult {
    let socket = open(connection).await?;
    let question = udp::question(udp, || fastrand::u8(..));
    let asked = async {
        socket.send(&question).await?;
        // What is longer than it may be is cut, and longer still.
        let mut answer = vec![0; usize::from(udp.max_reply) + 1];
        loop {
            let length = socket.recv(&mut answer).await?;
            // Without a required reply silence is as good, and an ICMP error may still come.
            if udp.reply != Reply::NotRequired {
                return udp::answer(udp, &answer[..length]);
            }
        }
    };
    let asked = timeout(connection.timeout, asked).await;
    asked.unwrap_or_else(|_| udp::silence(udp))
}

/// Asks once, and takes what comes until it is an answer to that.
pub(super) async fn ask_dns(connection: &Connection, dns: &Dns) -> ProbeResult {
    let id = fastrand::u16(..);
    let question = dns::question(dns, id)?;
    in_time(connection.timeout, async {
        let socket = open(connection).await?;
        socket.send(&question).await?;
        let mut answer = [0; HEADER];
        loop {
            let length = socket.recv(&mut answer).await?;
            if let Some(result) = dns::answer(&answer[..length], id) {
                return result;
            }
        }
    })
    .await
}
