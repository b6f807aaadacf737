//! Next hops: routes and neighbours of the real servers, resolved and kept fresh through the kernel.
//!
//! The kernel routes and resolves as it would for its own packets; we only ask, listen, and make it look for
//! neighbours nobody else talks to. One task owns all of it and publishes the answers.

mod table;

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use anyhow::Context;
use futures_util::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use rtnetlink::{
    Handle, MulticastGroup, RouteMessageBuilder,
    packet_core::{NetlinkMessage, NetlinkPayload},
    packet_route::{
        RouteNetlinkMessage,
        neighbour::{NeighbourAttribute, NeighbourExtFlags, NeighbourFlags, NeighbourState},
        route::RouteMessage,
    },
};
use tokio::{sync::watch, task::JoinHandle, time::Instant};

use self::table::{Effect, Neighbour, Path, Route, Table};
use super::AT_ONCE;
use crate::pool::{Unreachable, desired::NextHops};

/// Routing changes come in bursts; they are looked at together.
const SETTLE: Duration = Duration::from_millis(50);
/// What a look-up takes, and so many times that until the next one: routes may change all the time, on a host with many real servers.
const SPARING: u32 = 10;
/// How often a neighbour that does not answer is asked for again.
const ASK_AGAIN: Duration = Duration::from_secs(2);
/// How often all routes are looked up without any sign of a change, and neighbours are asked for again where
/// the kernel does not keep them fresh by itself (before 5.16).
const REFRESH: Duration = Duration::from_secs(15);

/// Follows the next hops of a set of addresses.
#[derive(Debug)]
pub struct Follower {
    targets: watch::Sender<BTreeSet<IpAddr>>,
    answers: watch::Receiver<NextHops>,
    task: JoinHandle<()>,
}

impl Follower {
    /// Starts with no addresses. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the kernel gives no netlink socket.
    pub fn start() -> anyhow::Result<Self> {
        let (connection, handle, messages) = rtnetlink::new_multicast_connection(&[
            MulticastGroup::Link,
            MulticastGroup::Neigh,
            MulticastGroup::Ipv4Ifaddr,
            MulticastGroup::Ipv6Ifaddr,
            MulticastGroup::Ipv4Route,
            MulticastGroup::Ipv6Route,
            MulticastGroup::Ipv4Rule,
            MulticastGroup::Ipv6Rule,
        ])
        .context("netlink: routes and neighbours")?;
        tokio::spawn(connection);
        let (targets, wanted) = watch::channel(BTreeSet::new());
        let (publish, answers) = watch::channel(NextHops::new());
        let resolver = Resolver {
            handle,
            wanted,
            publish,
            table: Table::default(),
        };
        Ok(Self {
            targets,
            answers,
            task: tokio::spawn(resolver.run(messages.map(|(message, _)| message).boxed())),
        })
    }

    /// Follows these addresses from now on.
    pub fn follow(&self, targets: BTreeSet<IpAddr>) {
        self.targets.send_if_modified(|now| {
            let changed = *now != targets;
            *now = targets;
            changed
        });
    }

    /// Waits until an answer changes. Safe to cancel. Never returns once the kernel's line is gone.
    pub async fn changed(&mut self) {
        if self.answers.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// The answers now.
    #[must_use]
    pub fn next_hops(&self) -> NextHops {
        self.answers.borrow().clone()
    }

    /// Ends; the kernel no longer keeps the neighbours fresh for us.
    pub async fn stop(self) {
        drop(self.targets);
        // A kernel that does not answer must not keep the process from ending.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.task).await;
    }
}

struct Resolver {
    handle: Handle,
    wanted: watch::Receiver<BTreeSet<IpAddr>>,
    publish: watch::Sender<NextHops>,
    table: Table,
}

impl Resolver {
    async fn run(mut self, mut messages: BoxStream<'static, NetlinkMessage<RouteNetlinkMessage>>) {
        self.load().await;
        let (mut due, mut settle) = (Instant::now(), SETTLE);
        let mut again = None;
        loop {
            tokio::select! {
                biased;
                // 1. New targets: traffic may be waiting for them.
                changed = self.wanted.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    due = Instant::now();
                }
                // 2. The kernel's news, before a refresh makes old ones of them.
                message = messages.next() => match message {
                    Some(message) => match self.absorb(message) {
                        Effect::None => {}
                        Effect::Neighbours => self.tell(),
                        Effect::Routes => due = due.min(Instant::now() + settle),
                    },
                    None => break,
                },
                // 3. The refresh.
                () = tokio::time::sleep_until(due) => {
                    let begun = Instant::now();
                    self.look_up().await;
                    settle = SETTLE.max(begun.elapsed() * SPARING);
                    due = Instant::now() + REFRESH.max(settle);
                    again = self.asks_again();
                    self.tell();
                }
                // 4. Those who do not answer.
                () = tokio::time::sleep_until(again.unwrap_or(due)), if again.is_some() => {
                    for path in self.table.silent() {
                        self.ask(path, NeighbourExtFlags::Managed).await;
                    }
                    again = self.asks_again();
                }
            }
        }
        for path in self.table.paths() {
            self.ask(path, NeighbourExtFlags::empty()).await;
        }
    }

    /// Links and neighbours as they are now; later changes come by themselves.
    async fn load(&mut self) {
        self.table.forget();
        let mut links = std::pin::pin!(self.handle.link().get().execute());
        while let Ok(Some(link)) = links.try_next().await {
            self.table.set_link(&link);
        }
        let mut neighbours = std::pin::pin!(self.handle.neighbours().get().execute());
        while let Ok(Some(neighbour)) = neighbours.try_next().await {
            self.table.set_neighbour(&neighbour);
        }
    }

    fn absorb(&mut self, message: NetlinkMessage<RouteNetlinkMessage>) -> Effect {
        use RouteNetlinkMessage as M;
        match message.payload {
            NetlinkPayload::InnerMessage(message) => match message {
                M::NewNeighbour(neighbour) => self.table.set_neighbour(&neighbour),
                M::DelNeighbour(neighbour) => self.table.remove_neighbour(&neighbour),
                M::NewLink(link) => self.table.set_link(&link),
                M::DelLink(link) => self.table.remove_link(&link),
                M::NewRoute(_) | M::DelRoute(_) | M::NewAddress(_) | M::DelAddress(_) => {
                    Effect::Routes
                }
                M::NewRule(_) | M::DelRule(_) => Effect::Routes,
                _ => Effect::None,
            },
            // News were lost: the next refresh starts from what the kernel has.
            NetlinkPayload::Overrun(_) => {
                self.table.forget();
                Effect::Routes
            }
            _ => Effect::None,
        }
    }

    async fn look_up(&mut self) {
        if self.table.is_empty() {
            self.load().await;
        }
        let before = self.table.paths();
        let wanted = self.wanted.borrow_and_update().clone();
        let asked = stream::iter(wanted)
            .map(async |address| (address, self.route(address).await))
            .buffer_unordered(AT_ONCE);
        let routes = asked.collect().await;
        self.table.routes = routes;
        let paths = self.table.paths();
        for path in before.difference(&paths) {
            self.ask(*path, NeighbourExtFlags::empty()).await;
        }
        for path in paths {
            self.ask(path, NeighbourExtFlags::Managed).await;
        }
    }

    /// When neighbours are asked again, where some do not answer.
    fn asks_again(&self) -> Option<Instant> {
        let is_due = !self.table.silent().is_empty();
        is_due.then(|| Instant::now() + ASK_AGAIN)
    }

    async fn route(&self, address: IpAddr) -> Result<Route, Unreachable> {
        let length = if address.is_ipv4() { 32 } else { 128 };
        let request = RouteMessageBuilder::<IpAddr>::new()
            .destination_prefix(address, length)
            .map_err(|_| Unreachable::NoRoute)?;
        let mut answers = std::pin::pin!(self.handle.route().get(request.build()).execute());
        let route: Option<RouteMessage> = answers.try_next().await.unwrap_or(None);
        route.map_or(Err(Unreachable::NoRoute), |route| {
            table::route(address, &route)
        })
    }

    /// Makes the kernel look for a neighbour and, with `Managed` (since 5.16), keep it fresh. Neither touches an
    /// entry that is fresh; entries an operator made must not be asked for, they would lose their permanence.
    async fn ask(&self, path: Path, flags: NeighbourExtFlags) {
        match self.table.neighbour(path) {
            Some(Neighbour {
                permanent: true, ..
            }) => return,
            Some(known) if known.mac.is_some() && known.managed && !flags.is_empty() => return,
            _ => {}
        }
        let mut request = self
            .handle
            .neighbours()
            .add(path.ifindex, path.neighbour)
            .state(NeighbourState::None)
            .flags(NeighbourFlags::Use)
            .replace();
        request
            .message_mut()
            .attributes
            .push(NeighbourAttribute::ExtFlags(flags));
        if let Err(error) = request.execute().await {
            tracing::debug!("neighbour {}: {error}", path.neighbour);
        }
    }

    fn tell(&self) {
        let found = self.table.next_hops();
        self.publish.send_if_modified(|told| {
            let changed = *told != found;
            *told = found;
            changed
        });
    }
}
