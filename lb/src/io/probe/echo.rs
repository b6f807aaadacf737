//! `PING_CHECK` over a raw socket, so that no `ping_group_range` has to be changed for it. The kernel gives such a socket only what comes
//! from the target.

use std::{
    io::{self, Read as _},
    net::{IpAddr, SocketAddr},
    sync::atomic::{AtomicU16, Ordering},
};

use socket2::{Protocol, Socket, Type};

use super::{in_time, origin, target};
use crate::{
    checker::{Answer, ProbeResult, dialogue::echo},
    config::model::Connection,
    io::watch::Watch,
};

/// Of the last request.
static SEQUENCE: AtomicU16 = AtomicU16::new(0);

/// Sends a request and waits for its reply.
pub(super) async fn ask(connection: &Connection) -> ProbeResult {
    let identifier = fastrand::u16(..);
    let sequence = SEQUENCE.fetch_add(1, Ordering::Relaxed);
    in_time(connection.timeout, async {
        let socket = open(connection)?;
        let target = connection.address;
        let request = echo::request(target, identifier, sequence);
        socket.send(&request)?;
        let socket = Watch::new(socket)?;
        let mut bytes = [0; 256];
        loop {
            let length = socket.read(|mut socket| socket.read(&mut bytes)).await?;
            if echo::is_reply(&bytes[..length], target, identifier, sequence) {
                return Ok(Answer::Well);
            }
        }
    })
    .await
}

fn open(connection: &Connection) -> io::Result<Socket> {
    let target = target(connection);
    let protocol = match target.ip() {
        IpAddr::V4(_) => Protocol::ICMPV4,
        IpAddr::V6(_) => Protocol::ICMPV6,
    };
    let origin = connection.origin.as_deref();
    let socket = origin::socket(origin, target, Type::RAW, Some(protocol))?;
    let mut to = target;
    if let SocketAddr::V6(_) = target {
        // A port means a protocol there, and there is none.
        to.set_port(0);
    }
    socket.connect(&to.into())?;
    Ok(socket)
}
