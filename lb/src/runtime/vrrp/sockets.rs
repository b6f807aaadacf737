//! The VRRP sockets of every interface that has an instance.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::poll_fn,
    io,
    net::IpAddr,
    task::Poll,
};

use crate::{
    config::model::{Family, InterfaceName},
    io::{
        socket::vrrp::{Datagram, VrrpSocket},
        watch::Watch,
    },
    observe::log,
};

/// Open sockets. A datagram read while looking for readiness waits in `early`.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    open: BTreeMap<InterfaceName, Port>,
    early: BTreeMap<InterfaceName, Vec<Datagram>>,
}

#[derive(Debug)]
struct Port {
    index: u32,
    sockets: BTreeMap<Family, Watch<VrrpSocket>>,
}

impl Sockets {
    /// Makes the sockets of an interface exactly these, and tells whether all of them are open. Sockets of a link that was
    /// made anew are opened again.
    pub(super) fn adjust(
        &mut self,
        interface: &InterfaceName,
        index: Option<u32>,
        families: &BTreeSet<Family>,
    ) -> bool {
        let Some(index) = index.filter(|_| !families.is_empty()) else {
            self.open.remove(interface);
            return families.is_empty();
        };
        let port = self
            .open
            .entry(interface.clone())
            .and_modify(|port| {
                if port.index != index {
                    port.sockets.clear();
                    port.index = index;
                }
            })
            .or_insert_with(|| Port {
                index,
                sockets: BTreeMap::new(),
            });
        port.sockets.retain(|family, _| families.contains(family));
        for family in families {
            if port.sockets.contains_key(family) {
                continue;
            }
            match VrrpSocket::open(*family, interface, index).and_then(Watch::new) {
                Ok(socket) => drop(port.sockets.insert(*family, socket)),
                Err(error) => log::socket_failed(interface.as_str(), &error),
            }
        }
        port.sockets.len() == families.len()
    }

    /// Interfaces with sockets.
    pub(super) fn interfaces(&self) -> Vec<InterfaceName> {
        self.open.keys().cloned().collect()
    }

    /// Waits for a datagram on any socket and says on which interface. Safe to cancel: what was read is kept for
    /// [`Self::take`].
    pub(super) async fn readable(&mut self) -> InterfaceName {
        poll_fn(|cx| {
            for (interface, port) in &self.open {
                for socket in port.sockets.values() {
                    if let Poll::Ready(result) = socket.poll_read(cx, VrrpSocket::receive) {
                        let datagrams = self.early.entry(interface.clone()).or_default();
                        datagrams.extend(received(interface, result));
                        return Poll::Ready(interface.clone());
                    }
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Takes at most `budget` datagrams that wait on each socket of an interface.
    pub(super) fn take(&mut self, interface: &InterfaceName, budget: usize) -> Vec<Datagram> {
        let mut datagrams = self.early.remove(interface).unwrap_or_default();
        let Some(port) = self.open.get(interface) else {
            return datagrams;
        };
        for socket in port.sockets.values() {
            for _ in 0..budget {
                match socket.get().receive() {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    result => datagrams.extend(received(interface, result)),
                }
            }
        }
        datagrams
    }

    /// Sends from an interface.
    ///
    /// # Errors
    /// When there is no such socket, or the kernel refuses.
    pub(super) fn send(
        &self,
        interface: &InterfaceName,
        source: IpAddr,
        payload: &[u8],
    ) -> io::Result<()> {
        let port = self.open.get(interface);
        let socket = port.and_then(|port| port.sockets.get(&Family::of(source)));
        let socket = socket.ok_or(io::ErrorKind::NotConnected)?;
        socket.get().send(source, payload)
    }
}

/// A socket error (the link went down) is reported by netlink too; here it is one datagram less.
fn received(interface: &InterfaceName, result: io::Result<Option<Datagram>>) -> Option<Datagram> {
    result.unwrap_or_else(|error| {
        log::receive_failed(interface.as_str(), &error);
        None
    })
}
