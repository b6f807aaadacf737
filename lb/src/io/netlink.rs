//! Netlink: links and addresses, read, changed and watched.

pub mod next_hop;
pub mod object;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use anyhow::Context;
use futures_util::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use lb_common::Mac;
use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use rtnetlink::{
    Handle, MulticastGroup, RouteMessageBuilder,
    packet_route::{
        RouteNetlinkMessage,
        address::{AddressAttribute, AddressFlags, AddressMessage},
        link::{
            InfoData, InfoIpVlan, InfoKind, InfoMacVlan, InfoVrf, IpVlanFlags, IpVlanMode,
            LinkAttribute, LinkFlags, LinkInfo, LinkMessage, LinkXdp, MacVlanMode,
        },
        route::RouteAttribute,
    },
};

use self::object::Entry;
use crate::config::model::{InterfaceName, vrrp::IpvlanMode};

/// A network interface as the kernel describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Interface index.
    pub index: u32,
    /// Name.
    pub name: InterfaceName,
    /// Administratively up and with carrier.
    pub up: bool,
    /// It has neighbours that ask for addresses: neither loopback nor `NOARP`.
    pub arp: bool,
    /// Hardware address; zero where the link has none.
    pub mac: Mac,
    /// Its routing table, where it is a VRF.
    pub vrf_table: Option<u32>,
    /// What it is on, where it is a macvlan or an ipvlan.
    pub stacked: Option<Stacked>,
    /// The number of its group.
    pub group: u32,
    /// It is one end of a virtual cable.
    pub is_veth: bool,
    /// Id of the XDP program that is attached to it.
    pub xdp_program: Option<u32>,
}

/// A macvlan or an ipvlan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stacked {
    /// Index of the interface below.
    pub lower: u32,
    /// Which of them.
    pub kind: StackedKind,
}

/// What a stacked link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StackedKind {
    /// A private macvlan.
    PrivateMacvlan,
    /// Another macvlan.
    Macvlan,
    /// An ipvlan of layer 2.
    Ipvlan(IpvlanMode),
    /// Another ipvlan.
    OtherIpvlan,
}

/// An address as the kernel describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkAddress {
    /// Interface index.
    pub index: u32,
    /// The address.
    pub address: IpAddr,
    /// Prefix length.
    pub prefix: u8,
    /// Usable as a source: not tentative, not a duplicate.
    pub usable: bool,
}

/// A change the kernel reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A link appeared or changed.
    Link(Link),
    /// A link is gone.
    LinkGone(u32),
    /// An address appeared or changed.
    Address(LinkAddress),
    /// An address is gone.
    AddressGone(LinkAddress),
    /// A route or a rule appeared or changed.
    Entry(Box<Entry>),
    /// A route or a rule is gone. The kernel is silent about IPv4 routes that go with a link or an address.
    EntryGone(Box<Entry>),
    /// The kernel dropped messages: what was learnt before may be stale, dump again.
    Overrun,
}

/// A connection to the kernel's routing sockets.
#[derive(Clone, Debug)]
pub struct Netlink {
    handle: Handle,
}

/// Questions to the kernel that are under way at a time: an answer waits less than a socket's buffer takes.
const AT_ONCE: usize = 64;

/// The stream of changes.
pub struct Monitor {
    messages: BoxStream<'static, NetlinkMessage<RouteNetlinkMessage>>,
    watches_entries: bool,
}

impl Netlink {
    /// Connects. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the kernel refuses the socket.
    pub fn connect() -> anyhow::Result<Self> {
        let (connection, handle, _) = rtnetlink::new_connection().context("netlink: open")?;
        tokio::spawn(connection);
        Ok(Self { handle })
    }

    /// Connects, and watches links and addresses from now on. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the kernel refuses the socket.
    pub fn open() -> anyhow::Result<(Self, Monitor)> {
        let groups = [
            MulticastGroup::Link,
            MulticastGroup::Ipv4Ifaddr,
            MulticastGroup::Ipv6Ifaddr,
        ];
        let (handle, messages) = subscribe(&groups)?;
        let monitor = Monitor {
            messages,
            watches_entries: false,
        };
        Ok((Self { handle }, monitor))
    }

    /// Every link.
    ///
    /// # Errors
    /// When the dump fails.
    pub async fn links(&self) -> anyhow::Result<Vec<Link>> {
        let links = self.handle.link().get().execute();
        let links: Vec<LinkMessage> = links.try_collect().await.context("netlink: dump links")?;
        Ok(links.iter().filter_map(link).collect())
    }

    /// Every address.
    ///
    /// # Errors
    /// When the dump fails.
    pub async fn addresses(&self) -> anyhow::Result<Vec<LinkAddress>> {
        let addresses = self.handle.address().get().execute();
        let addresses: Vec<AddressMessage> = addresses
            .try_collect()
            .await
            .context("netlink: dump addresses")?;
        Ok(addresses.iter().filter_map(link_address).collect())
    }

    /// The interface the kernel sends packets to `address` out of; `None` without a route.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub async fn egress(&self, address: IpAddr) -> anyhow::Result<Option<u32>> {
        let length = if address.is_ipv4() { 32 } else { 128 };
        let route = RouteMessageBuilder::<IpAddr>::new().destination_prefix(address, length);
        let route = route
            .with_context(|| format!("netlink: route to {address}"))?
            .build();
        let mut routes = Box::pin(self.handle.route().get(route).execute());
        match routes.try_next().await {
            Ok(route) => Ok(route.and_then(|route| {
                route
                    .attributes
                    .iter()
                    .find_map(|attribute| match attribute {
                        RouteAttribute::Oif(index) => Some(*index),
                        _ => None,
                    })
            })),
            // Unreachable is an answer.
            Err(rtnetlink::Error::NetlinkError(_)) => Ok(None),
            Err(error) => Err(error).with_context(|| format!("netlink: route to {address}")),
        }
    }

    /// [`Self::egress`] of each of many; those without a route are left out.
    ///
    /// # Errors
    /// As there.
    pub async fn egresses(
        &self,
        addresses: BTreeSet<IpAddr>,
    ) -> anyhow::Result<BTreeMap<IpAddr, u32>> {
        let asked = stream::iter(addresses)
            .map(async |address| anyhow::Ok((address, self.egress(address).await?)))
            .buffer_unordered(AT_ONCE);
        let found =
            asked.try_filter_map(async |(address, index)| Ok(index.map(|it| (address, it))));
        found.try_collect().await
    }
}

impl Monitor {
    /// Watches routes and rules too from now on: only who has some wants to hear of all of them.
    ///
    /// # Errors
    /// When the kernel refuses the socket.
    pub fn watch_entries(&mut self) -> anyhow::Result<()> {
        if self.watches_entries {
            return Ok(());
        }
        let groups = [
            MulticastGroup::Ipv4Route,
            MulticastGroup::Ipv6Route,
            MulticastGroup::Ipv4Rule,
            MulticastGroup::Ipv6Rule,
        ];
        let (_, entries) = subscribe(&groups)?;
        let messages = std::mem::replace(&mut self.messages, stream::empty().boxed());
        self.messages = stream::select(messages, entries).boxed();
        self.watches_entries = true;
        Ok(())
    }

    /// Waits for the next change; `None` when the connection is gone. Safe to cancel.
    pub async fn next(&mut self) -> Option<Change> {
        loop {
            let message = self.messages.next().await?;
            let change = match message.payload {
                NetlinkPayload::InnerMessage(message) => change(message),
                NetlinkPayload::Overrun(_) => Some(Change::Overrun),
                _ => None,
            };
            if change.is_some() {
                return change;
            }
        }
    }
}

/// Joins groups; the handle keeps the connection alive.
fn subscribe(
    groups: &[MulticastGroup],
) -> anyhow::Result<(
    Handle,
    BoxStream<'static, NetlinkMessage<RouteNetlinkMessage>>,
)> {
    let (connection, handle, messages) =
        rtnetlink::new_multicast_connection(groups).context("netlink: open")?;
    tokio::spawn(connection);
    let keep = handle.clone();
    let messages = messages.map(move |(message, _)| {
        let _ = &keep;
        message
    });
    Ok((handle, messages.boxed()))
}

fn change(message: RouteNetlinkMessage) -> Option<Change> {
    match message {
        RouteNetlinkMessage::NewLink(message) => link(&message).map(Change::Link),
        RouteNetlinkMessage::DelLink(message) => Some(Change::LinkGone(message.header.index)),
        RouteNetlinkMessage::NewAddress(message) => link_address(&message).map(Change::Address),
        RouteNetlinkMessage::DelAddress(message) => link_address(&message).map(Change::AddressGone),
        message => {
            let (entry, is_there) = Entry::told(message)?;
            let entry = Box::new(entry);
            Some(match is_there {
                true => Change::Entry(entry),
                false => Change::EntryGone(entry),
            })
        }
    }
}

/// The one id there is; with several, one for each mode.
const fn program_id(fact: &LinkXdp) -> Option<u32> {
    match fact {
        LinkXdp::ProgId(id) | LinkXdp::DrvProgId(id) | LinkXdp::SkbProgId(id) => Some(*id),
        _ => None,
    }
}

fn link(message: &LinkMessage) -> Option<Link> {
    let mut name = None;
    let mut mac = Mac::default();
    let (mut vrf_table, mut lower, mut kind, mut group) = (None, None, None, 0);
    let (mut is_veth, mut xdp_program) = (false, None);
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(text) => name = InterfaceName::try_from(text.clone()).ok(),
            LinkAttribute::Address(bytes) => mac = Mac::try_from(bytes.as_slice()).unwrap_or(mac),
            LinkAttribute::LinkInfo(infos) => {
                vrf_table = infos.iter().find_map(table_of_vrf);
                kind = infos.iter().find_map(stacked);
                is_veth = infos.contains(&LinkInfo::Kind(InfoKind::Veth));
            }
            LinkAttribute::Link(index) => lower = Some(*index),
            LinkAttribute::Group(number) => group = *number,
            LinkAttribute::Xdp(facts) => xdp_program = facts.iter().find_map(program_id),
            _ => {}
        }
    }
    let flags = message.header.flags;
    let up = flags.contains(LinkFlags::Up | LinkFlags::LowerUp);
    let arp = !flags.intersects(LinkFlags::Loopback | LinkFlags::Noarp);
    let stacked = lower.zip(kind);
    Some(Link {
        index: message.header.index,
        name: name?,
        up,
        arp,
        mac,
        vrf_table,
        stacked: stacked.map(|(lower, kind)| Stacked { lower, kind }),
        group,
        is_veth,
        xdp_program,
    })
}

fn stacked(info: &LinkInfo) -> Option<StackedKind> {
    match info {
        LinkInfo::Data(InfoData::MacVlan(infos)) => {
            let is_private = infos.contains(&InfoMacVlan::Mode(MacVlanMode::Private));
            Some(match is_private {
                true => StackedKind::PrivateMacvlan,
                false => StackedKind::Macvlan,
            })
        }
        LinkInfo::Data(InfoData::IpVlan(infos)) => {
            if !infos.contains(&InfoIpVlan::Mode(IpVlanMode::L2)) {
                return Some(StackedKind::OtherIpvlan);
            }
            let flags = infos.iter().find_map(|info| match info {
                InfoIpVlan::Flags(flags) => Some(*flags),
                _ => None,
            });
            let flags = flags.unwrap_or_default();
            Some(StackedKind::Ipvlan(
                if flags.contains(IpVlanFlags::Private) {
                    IpvlanMode::Private
                } else if flags.contains(IpVlanFlags::Vepa) {
                    IpvlanMode::Vepa
                } else {
                    IpvlanMode::Bridge
                },
            ))
        }
        _ => None,
    }
}

fn table_of_vrf(info: &LinkInfo) -> Option<u32> {
    let LinkInfo::Data(InfoData::Vrf(data)) = info else {
        return None;
    };
    data.iter().find_map(|vrf| match vrf {
        InfoVrf::TableId(table) => Some(*table),
        _ => None,
    })
}

fn link_address(message: &AddressMessage) -> Option<LinkAddress> {
    let mut local = None;
    let mut peer = None;
    let mut flags = AddressFlags::empty();
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(address) => local = Some(*address),
            AddressAttribute::Address(address) => peer = Some(*address),
            AddressAttribute::Flags(all) => flags = *all,
            _ => {}
        }
    }
    Some(LinkAddress {
        index: message.header.index,
        // IPv6 has no IFA_LOCAL without a peer.
        address: local.or(peer)?,
        prefix: message.header.prefix_len,
        usable: !flags.intersects(AddressFlags::Tentative | AddressFlags::Dadfailed),
    })
}
