//! The VRRP sockets of every place that an instance hears at.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::poll_fn,
    io,
    task::Poll,
};

use crate::{
    io::{
        socket::vrrp::{Datagram, Inbox, Kind, Needs, Outgoing, Place, VrrpSocket},
        watch::Watch,
    },
    observe::log,
};

/// Open sockets. Datagrams read while looking for readiness wait in `early`.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    open: BTreeMap<Place, Port>,
    early: BTreeMap<Place, Vec<Datagram>>,
    inbox: Inbox,
}

#[derive(Debug)]
struct Port {
    index: u32,
    sockets: BTreeMap<Kind, (Needs, Watch<VrrpSocket>)>,
    /// Datagrams that found no room in the sockets, as last seen.
    lost: u64,
}

impl Sockets {
    /// Makes the sockets of a place exactly these, and tells whether all of them are open. Sockets of a link that was made
    /// anew, and those that need other groups or buffers, are opened again.
    pub(super) fn adjust(
        &mut self,
        place: &Place,
        index: Option<u32>,
        wanted: &BTreeMap<Kind, Needs>,
    ) -> bool {
        let Some(index) = index.filter(|_| !wanted.is_empty()) else {
            self.open.remove(place);
            return wanted.is_empty();
        };
        let port = self.open.entry(place.clone()).or_insert_with(|| Port {
            index,
            sockets: BTreeMap::new(),
            lost: 0,
        });
        let same_link = port.index == index;
        port.index = index;
        port.sockets
            .retain(|kind, (needs, _)| same_link && wanted.get(kind) == Some(needs));
        for (kind, needs) in wanted {
            if port.sockets.contains_key(kind) {
                continue;
            }
            match VrrpSocket::open(place, *kind, index, needs).and_then(Watch::new) {
                Ok(socket) => drop(port.sockets.insert(*kind, (needs.clone(), socket))),
                Err(error) => log::socket_failed(&spell(place), &error),
            }
        }
        port.sockets.len() == wanted.len()
    }

    /// Places with sockets.
    pub(super) fn places(&self) -> BTreeSet<Place> {
        self.open.keys().cloned().collect()
    }

    /// Waits for a datagram on any socket and says at which place. Safe to cancel: what was read is kept for
    /// [`Self::take`].
    pub(super) async fn readable(&mut self) -> Place {
        let Self { open, early, inbox } = self;
        poll_fn(|cx| {
            for (place, port) in &*open {
                for (_, socket) in port.sockets.values() {
                    let mut datagrams = Vec::new();
                    let read =
                        socket.poll_read(cx, |socket| socket.receive(inbox, 1, &mut datagrams));
                    if let Poll::Ready(result) = read {
                        note(place, result);
                        early.entry(place.clone()).or_default().extend(datagrams);
                        return Poll::Ready(place.clone());
                    }
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Takes at most `budget` datagrams that wait on each socket of a place.
    pub(super) fn take(&mut self, place: &Place, budget: usize) -> Vec<Datagram> {
        let mut datagrams = self.early.remove(place).unwrap_or_default();
        let Some(port) = self.open.get(place) else {
            return datagrams;
        };
        for (_, socket) in port.sockets.values() {
            let mut left = budget;
            while left > 0 {
                match socket.get().receive(&mut self.inbox, left, &mut datagrams) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    result => left -= note(place, result).clamp(1, left),
                }
            }
        }
        datagrams
    }

    /// Whether datagrams found no room in a socket of the place since the last call.
    pub(super) fn overflowed(&mut self, place: &Place) -> bool {
        let Some(port) = self.open.get_mut(place) else {
            return false;
        };
        let sockets = port.sockets.values();
        let lost = sockets.map(|(_, socket)| u64::from(socket.get().lost()));
        let before = std::mem::replace(&mut port.lost, lost.sum());
        port.lost > before
    }

    /// Sends from a place, and tells of each packet in order whether it left.
    pub(super) fn send(
        &self,
        place: &Place,
        kind: Kind,
        packets: &[Outgoing<'_>],
    ) -> Vec<io::Result<()>> {
        let port = self.open.get(place);
        match port.and_then(|port| port.sockets.get(&kind)) {
            Some((_, socket)) => socket.get().send(packets),
            None => {
                let closed = packets
                    .iter()
                    .map(|_| Err(io::ErrorKind::NotConnected.into()));
                closed.collect()
            }
        }
    }
}

/// A place for the log.
pub(super) fn spell(place: &Place) -> String {
    match place {
        Place::Interface(interface) => interface.to_string(),
        Place::Address { address, .. } => address.to_string(),
    }
}

/// A socket error (the link went down) is reported by netlink too; here it is one datagram less.
fn note(place: &Place, result: io::Result<usize>) -> usize {
    result.unwrap_or_else(|error| {
        log::receive_failed(&spell(place), &error);
        0
    })
}
