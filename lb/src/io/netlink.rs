//! Netlink: links and addresses, read, changed and watched.

pub mod next_hop;

use std::{net::IpAddr, time::Duration};

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt};
use lb_common::Mac;
use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use rtnetlink::{
    Handle, MulticastGroup, RouteMessageBuilder,
    packet_route::{
        AddressFamily, RouteNetlinkMessage,
        address::{AddressAttribute, AddressFlags, AddressMessage, CacheInfo},
        link::{LinkAttribute, LinkFlags, LinkMessage},
        route::RouteAttribute,
    },
};

use crate::config::model::{InterfaceName, VirtualAddress};

/// Longest wait for the kernel's acknowledgement of one change.
const ACKNOWLEDGE: Duration = Duration::from_millis(500);

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
    /// The kernel dropped messages: what was learnt before may be stale, dump again.
    Overrun,
}

/// A connection to the kernel's routing sockets.
#[derive(Clone, Debug)]
pub struct Netlink {
    handle: Handle,
}

/// The stream of changes.
pub struct Monitor {
    messages: futures_util::stream::BoxStream<'static, NetlinkMessage<RouteNetlinkMessage>>,
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
        let (connection, handle, messages) =
            rtnetlink::new_multicast_connection(&groups).context("netlink: open")?;
        tokio::spawn(connection);
        let messages = messages.map(|(message, _)| message).boxed();
        Ok((Self { handle }, Monitor { messages }))
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

    /// Adds a virtual address and waits for the kernel's word. An address that is there already is a success.
    /// IPv6 addresses skip duplicate address detection, as keepalived's do: the election has decided.
    ///
    /// # Errors
    /// The kernel's refusal in words, or none within half a second.
    pub async fn add_address(&self, ifindex: u32, address: &VirtualAddress) -> Result<(), String> {
        let prefix = address.prefix.get();
        let mut request = self
            .handle
            .address()
            .add(ifindex, address.address, prefix)
            .replace();
        let message = request.message_mut();
        message
            .attributes
            .retain(|a| !matches!(a, AddressAttribute::Broadcast(_)));
        if address.address.is_ipv6() {
            message
                .attributes
                .push(AddressAttribute::Flags(AddressFlags::Nodad));
            if prefix == 128 {
                message
                    .attributes
                    .push(AddressAttribute::CacheInfo(never_a_source()));
            }
        }
        acknowledged(request.execute()).await
    }

    /// Removes a virtual address and waits for the kernel's word. An address that is not there is a success.
    ///
    /// # Errors
    /// The kernel's refusal in words, or none within half a second.
    pub async fn remove_address(
        &self,
        ifindex: u32,
        address: &VirtualAddress,
    ) -> Result<(), String> {
        let mut message = AddressMessage::default();
        message.header.index = ifindex;
        message.header.prefix_len = address.prefix.get();
        message.header.family = match address.address {
            IpAddr::V4(_) => AddressFamily::Inet,
            IpAddr::V6(_) => AddressFamily::Inet6,
        };
        message
            .attributes
            .push(AddressAttribute::Local(address.address));
        acknowledged(self.handle.address().del(message).execute()).await
    }
}

impl Monitor {
    /// Waits for the next change; `None` when the connection is gone. Safe to cancel.
    pub async fn next(&mut self) -> Option<Change> {
        loop {
            let message = self.messages.next().await?;
            let change = match message.payload {
                NetlinkPayload::InnerMessage(message) => change(&message),
                NetlinkPayload::Overrun(_) => Some(Change::Overrun),
                _ => None,
            };
            if change.is_some() {
                return change;
            }
        }
    }
}

/// Valid for ever, preferred never: the kernel does not choose the address as a source (RFC 6724 §5 rule 3), so checks
/// do not come from an address that moves away. keepalived does the same with /128 virtual addresses.
fn never_a_source() -> CacheInfo {
    let mut times = CacheInfo::default();
    times.ifa_preferred = 0;
    times.ifa_valid = u32::MAX;
    times
}

/// `EEXIST` and `EADDRNOTAVAIL` mean that what was asked for is so already.
async fn acknowledged(
    request: impl Future<Output = Result<(), rtnetlink::Error>>,
) -> Result<(), String> {
    match tokio::time::timeout(ACKNOWLEDGE, request).await {
        Err(_) => Err("no answer from the kernel within 500 ms".to_owned()),
        Ok(Ok(())) => Ok(()),
        Ok(Err(rtnetlink::Error::NetlinkError(error)))
            if matches!(-error.raw_code(), libc::EEXIST | libc::EADDRNOTAVAIL) =>
        {
            Ok(())
        }
        Ok(Err(rtnetlink::Error::NetlinkError(error))) => Err(error.to_io().to_string()),
        Ok(Err(error)) => Err(error.to_string()),
    }
}

fn change(message: &RouteNetlinkMessage) -> Option<Change> {
    match message {
        RouteNetlinkMessage::NewLink(message) => link(message).map(Change::Link),
        RouteNetlinkMessage::DelLink(message) => Some(Change::LinkGone(message.header.index)),
        RouteNetlinkMessage::NewAddress(message) => link_address(message).map(Change::Address),
        RouteNetlinkMessage::DelAddress(message) => link_address(message).map(Change::AddressGone),
        _ => None,
    }
}

fn link(message: &LinkMessage) -> Option<Link> {
    let mut name = None;
    let mut mac = Mac::default();
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(text) => name = InterfaceName::try_from(text.clone()).ok(),
            LinkAttribute::Address(bytes) => mac = Mac::try_from(bytes.as_slice()).unwrap_or(mac),
            _ => {}
        }
    }
    let flags = message.header.flags;
    let up = flags.contains(LinkFlags::Up | LinkFlags::LowerUp);
    let arp = !flags.intersects(LinkFlags::Loopback | LinkFlags::Noarp);
    Some(Link {
        index: message.header.index,
        name: name?,
        up,
        arp,
        mac,
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
