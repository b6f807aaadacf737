//! Sockets that come from where `bindto`, `bind_port`, `bind_if` and `fwmark` say.

use std::{io, net::SocketAddr, time::Duration};

use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};
use tokio::net::{TcpSocket, TcpStream};

use super::{in_time, target};
use crate::{
    checker::ProbeError,
    config::model::{Connection, check::Origin},
    tcp_keepalive::values::{Guarded, UserTimeout},
};

/// Connects, within `connect_timeout`.
///
/// # Errors
/// When the connection does not complete in time.
pub(super) async fn connect(connection: &Connection) -> Result<TcpStream, ProbeError> {
    connect_by(connection, |_| Ok(())).await
}

/// Sees whether a connection completes within `connect_timeout`: `TCP_CHECK`. The server's SYN-ACK is answered with a RST, as by
/// HAProxy: that says as much as a connection that is closed again, costs half, and no server has to accept it.
///
/// # Errors
/// When it does not complete in time.
pub(super) async fn knock(connection: &Connection) -> Result<(), ProbeError> {
    let quietly = |socket: &Socket| {
        // The ACK waits for data that does not come.
        socket.set_tcp_quickack(false)?;
        socket.set_linger(Some(Duration::ZERO))
    };
    connect_by(connection, quietly).await.map(drop)
}

/// Connects within `connect_timeout`, with keepalive and a user timeout.
///
/// # Errors
/// When the connection does not complete in time.
pub(super) async fn connect_guarded(
    connection: &Connection,
    settings: &Guarded,
) -> Result<TcpStream, ProbeError> {
    let keepalive = &settings.keepalive;
    let guard = |socket: &Socket| {
        let values = TcpKeepalive::new()
            .with_time(keepalive.idle.time())
            .with_interval(keepalive.interval.time())
            .with_retries(keepalive.probes.get());
        socket.set_tcp_keepalive(&values)?;
        let limit = settings.user_timeout.of(keepalive);
        socket.set_tcp_user_timeout(limit.map(UserTimeout::time))
    };
    connect_by(connection, guard).await
}

async fn connect_by(
    connection: &Connection,
    prepare: impl FnOnce(&Socket) -> io::Result<()>,
) -> Result<TcpStream, ProbeError> {
    let target = target(connection);
    in_time(connection.timeout, async {
        let origin = connection.origin.as_deref();
        let socket = socket(origin, target, Type::STREAM, Some(Protocol::TCP))?;
        prepare(&socket)?;
        let socket = TcpSocket::from_std_stream(socket.into());
        Ok(socket.connect(target).await?)
    })
    .await
}

/// A socket that does not block and is bound to the origin, for traffic to `target`.
pub(super) fn socket(
    origin: Option<&Origin>,
    target: SocketAddr,
    kind: Type,
    protocol: Option<Protocol>,
) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(target), kind.nonblocking(), protocol)?;
    let Some(origin) = origin else {
        return Ok(socket);
    };
    if origin.fwmark != 0 {
        socket.set_mark(origin.fwmark)?;
    }
    if let Some(interface) = &origin.interface {
        socket.bind_device(Some(interface.as_str().as_bytes()))?;
    }
    if origin.address.is_some() || origin.port.is_some() {
        let any: SocketAddr = match target {
            SocketAddr::V4(_) => ([0; 4], 0).into(),
            SocketAddr::V6(_) => ([0; 16], 0).into(),
        };
        let address = origin.address.unwrap_or(any.ip());
        socket.set_reuse_address(origin.port.is_some())?;
        socket.bind(&SocketAddr::new(address, origin.port.unwrap_or(0)).into())?;
    }
    Ok(socket)
}
