//! The sockets of all sessions.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::poll_fn,
    io,
    task::Poll,
};

use crate::{
    bfd::{
        Bfd,
        output::{Incoming, SessionId},
        sentence,
    },
    config::model::bfd::BfdInstance,
    io::{
        socket::bfd::{BfdReceiver, BfdSender, Datagram, Inlet, source_port},
        watch::Watch,
    },
};

/// Batches taken from one socket in one go, so that a flood cannot keep the timers waiting.
const BATCHES: usize = 32;

/// Open sockets, and what was said of those that are not. Datagrams read while waiting for some are `early`.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    inlets: BTreeMap<Inlet, Watch<BfdReceiver>>,
    senders: BTreeMap<SessionId, Sender>,
    early: Vec<(Inlet, Vec<Datagram>)>,
    /// Complaints about sockets to receive, so that each is in the log once.
    deaf: BTreeMap<Inlet, String>,
}

#[derive(Debug)]
struct Sender {
    /// What it was opened for.
    config: BfdInstance,
    socket: Option<BfdSender>,
    /// The last complaint, until something is sent.
    told: Option<String>,
}

impl Sockets {
    /// Opens what sessions need; whether all of it is open now. Sockets that nobody needs stay until [`Self::retain`].
    pub(super) fn adjust(&mut self, bfd: &Bfd, rng: &mut fastrand::Rng) -> bool {
        let mut is_complete = true;
        for (id, config) in bfd.configs() {
            is_complete &= self.listen(Inlet::of(config));
            let sender = self.senders.entry(id).or_insert_with(|| Sender {
                config: config.clone(),
                socket: None,
                told: None,
            });
            is_complete &= sender.open(config, rng);
        }
        is_complete
    }

    fn listen(&mut self, inlet: Inlet) -> bool {
        if self.inlets.contains_key(&inlet) {
            return true;
        }
        match BfdReceiver::open(inlet).and_then(Watch::new) {
            Ok(socket) => {
                self.inlets.insert(inlet, socket);
                self.deaf.remove(&inlet);
                true
            }
            Err(error) => {
                let what = format!("{:?} UDP port {}", inlet.family, inlet.port());
                let text = sentence::deaf(&what, &error);
                if self.deaf.get(&inlet) != Some(&text) {
                    tracing::error!("{text}");
                    self.deaf.insert(inlet, text);
                }
                false
            }
        }
    }

    /// Closes what no session needs.
    pub(super) fn retain(&mut self, bfd: &Bfd) {
        let needed: BTreeSet<Inlet> = bfd.configs().map(|(_, it)| Inlet::of(it)).collect();
        let sessions: BTreeSet<SessionId> = bfd.configs().map(|(id, _)| id).collect();
        self.inlets.retain(|inlet, _| needed.contains(inlet));
        self.deaf.retain(|inlet, _| needed.contains(inlet));
        self.senders.retain(|id, _| sessions.contains(id));
    }

    /// Sends a packet of a session. One that the kernel refuses is lost like one on the wire.
    pub(super) fn send(&mut self, session: SessionId, payload: &[u8]) {
        if let Some(sender) = self.senders.get_mut(&session) {
            sender.send(payload);
        }
    }

    /// Waits for datagrams, for [`Self::take`]. Safe to cancel: what was read is kept.
    pub(super) async fn readable(&mut self) {
        let Self { inlets, early, .. } = self;
        poll_fn(|cx| {
            for (inlet, socket) in &*inlets {
                let mut datagrams = Vec::new();
                let read = socket.poll_read(cx, |socket| socket.receive(&mut datagrams));
                if let Poll::Ready(result) = read {
                    note(result);
                    early.push((*inlet, datagrams));
                    return Poll::Ready(());
                }
            }
            Poll::Pending
        })
        .await;
    }

    /// Reads what waits on every socket, for [`Self::take`].
    pub(super) fn receive(&mut self) {
        for (inlet, socket) in &self.inlets {
            for _ in 0..BATCHES {
                let mut datagrams = Vec::new();
                match socket.get().receive(&mut datagrams) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    result => note(result),
                }
                self.early.push((*inlet, datagrams));
            }
        }
    }

    /// Takes what was read.
    pub(super) fn take(&mut self, mut take: impl FnMut(Incoming<'_>)) {
        for (inlet, datagrams) in self.early.drain(..) {
            for datagram in &datagrams {
                take(Incoming {
                    source: datagram.source,
                    destination: datagram.destination,
                    ttl: datagram.ttl,
                    is_multihop: inlet.is_multihop,
                    payload: &datagram.payload,
                });
            }
        }
    }
}

impl Sender {
    /// Whether it is open for this session as it is configured now.
    fn open(&mut self, config: &BfdInstance, rng: &mut fastrand::Rng) -> bool {
        if self.socket.is_some() && self.config.ttl == config.ttl {
            return true;
        }
        self.config = config.clone();
        match BfdSender::open(config, || source_port(rng)) {
            Ok(socket) => {
                self.socket = Some(socket);
                self.told = None;
                true
            }
            Err(error) => {
                let text = sentence::no_socket(&config.name, &error);
                self.complain(text);
                false
            }
        }
    }

    fn send(&mut self, payload: &[u8]) {
        let Some(socket) = &self.socket else {
            return;
        };
        match socket.send(payload) {
            Ok(()) => self.told = None,
            Err(error) => {
                let text = sentence::not_sent(&self.config.name, &error);
                self.complain(text);
            }
        }
    }

    fn complain(&mut self, text: String) {
        if self.told.as_ref() != Some(&text) {
            tracing::warn!(session = self.config.name, "{text}");
            self.told = Some(text);
        }
    }
}

/// A socket error is one datagram less.
fn note(result: io::Result<usize>) {
    if let Err(error) = result {
        tracing::debug!("BFD: receiving: {error}");
    }
}
