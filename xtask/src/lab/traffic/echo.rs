//! A server that returns every byte and every datagram.
//!
//! Bytes of connections come back changed by a mark, so that a client can tell who has it.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv6Addr, TcpListener, TcpStream, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::Context as _;

use crate::lab::{namespace::Namespace, slowness};

/// Listens until dropped.
#[derive(Debug)]
pub struct EchoServer {
    stop: Arc<AtomicBool>,
    clients: Arc<AtomicUsize>,
}

impl EchoServer {
    /// Starts it: TCP on all addresses of the namespace, UDP on `addresses`, because what answers a datagram has to be from where that
    /// was to. Bytes of connections come back with the bits of `mark` turned over.
    ///
    /// # Errors
    /// When the port is taken, or an address is not there.
    pub fn start(
        namespace: &Namespace,
        port: u16,
        addresses: &[IpAddr],
        mark: u8,
    ) -> anyhow::Result<Self> {
        let listener = namespace.run(|| {
            TcpListener::bind((Ipv6Addr::UNSPECIFIED, port))
                .with_context(|| format!("listen on port {port}"))
        })?;
        listener.set_nonblocking(true)?;
        let stop = Arc::new(AtomicBool::new(false));
        let clients = Arc::default();
        for address in addresses {
            let socket = namespace.run(|| {
                UdpSocket::bind((*address, port))
                    .with_context(|| format!("bind UDP port {port} of {address}"))
            })?;
            socket.set_read_timeout(Some(Duration::from_millis(200)))?;
            let ends = Arc::clone(&stop);
            thread::Builder::new()
                .name("echo-udp".to_owned())
                .spawn(move || reflect(&socket, &ends))?;
        }
        let (ends, count) = (Arc::clone(&stop), Arc::clone(&clients));
        thread::Builder::new()
            .name("echo".to_owned())
            .spawn(move || accept(&listener, &ends, &count, mark))?;
        Ok(Self { stop, clients })
    }

    /// Connections that have said something and go on.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.clients.load(Ordering::Relaxed)
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn accept(listener: &TcpListener, stop: &Arc<AtomicBool>, clients: &Arc<AtomicUsize>, mark: u8) {
    while !stop.load(Ordering::Relaxed) {
        let Ok((stream, _)) = listener.accept() else {
            thread::sleep(Duration::from_millis(2));
            continue;
        };
        let (ends, count) = (Arc::clone(stop), Arc::clone(clients));
        thread::spawn(move || {
            let mut has_spoken = false;
            echo(stream, &ends, mark, || {
                if !std::mem::replace(&mut has_spoken, true) {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
            if has_spoken {
                count.fetch_sub(1, Ordering::Relaxed);
            }
        });
    }
}

fn reflect(socket: &UdpSocket, stop: &AtomicBool) {
    let mut bytes = [0; 2048];
    while !stop.load(Ordering::Relaxed) {
        if let Ok((length, from)) = socket.recv_from(&mut bytes) {
            // One that cannot be sent is lost, as datagrams may be.
            socket.send_to(&bytes[..length], from).ok();
        }
    }
}

/// Serves one connection to its end; whatever goes wrong, the other side sees it.
fn echo(
    mut stream: TcpStream,
    stop: &AtomicBool,
    mark: u8,
    mut spoken: impl FnMut(),
) -> Option<()> {
    stream.set_nonblocking(false).ok()?;
    stream.set_nodelay(true).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_millis(500) * slowness()))
        .ok()?;
    let mut bytes = [0; 64];
    while !stop.load(Ordering::Relaxed) {
        match stream.read(&mut bytes) {
            Ok(0) => return None,
            Ok(length) => {
                spoken();
                bytes[..length].iter_mut().for_each(|byte| *byte ^= mark);
                stream.write_all(&bytes[..length]).ok()?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
    }
    Some(())
}
