//! Objects of the configuration as the kernel's messages: made, applied, dumped, and recognised.

mod address;
mod encap;
mod metrics;
mod route;
mod rule;
mod same;
#[cfg(test)]
mod tests;
mod virtual_interface;

use std::{future::Future, time::Duration};

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt};
use netlink_packet_core::{
    NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST,
    NetlinkMessage, NetlinkPayload,
};
use rtnetlink::{
    Handle,
    packet_route::{
        AddressFamily, RouteNetlinkMessage,
        address::AddressMessage,
        route::{RouteMessage, RouteProtocol},
        rule::RuleMessage,
    },
    sys::AsyncSocket,
};

pub use self::{
    same::{same_route, same_rule},
    virtual_interface::Making,
};
use crate::{
    config::{
        NameList,
        model::{
            InterfaceName,
            route::{AddMode, Named, RTPROT_KEEPALIVED},
        },
    },
    io::names::{Names, UnknownName},
    vrrp::object::{Object, Operation},
};

/// Longest wait for the kernel's acknowledgement of one change.
const ACKNOWLEDGE: Duration = Duration::from_millis(500);

/// Why an object cannot be said to the kernel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// It names an interface that is not there.
    #[error("no interface {0}")]
    NoInterface(InterfaceName),
    /// It names a VRF that is none.
    #[error("{0} is no VRF")]
    NoVrf(InterfaceName),
    /// It names a table, protocol, scope, realm or group that is not there.
    #[error(transparent)]
    UnknownName(#[from] UnknownName),
    /// It says a number that does not fit.
    #[error("{0} stands for a number that is too large")]
    TooLarge(String),
}

/// The interfaces of this node.
pub trait Interfaces {
    /// Index of an interface.
    fn index(&self, name: &InterfaceName) -> Option<u32>;
    /// Routing table of a VRF.
    fn vrf_table(&self, name: &InterfaceName) -> Option<u32>;
}

/// What an object's names stand for here and now.
pub struct Here<'a> {
    /// The interfaces.
    pub interfaces: &'a dyn Interfaces,
    /// iproute2's names.
    pub names: &'a mut Names,
}

/// An object as the kernel has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectMessage {
    /// An address.
    Address(AddressMessage),
    /// A route, and where it goes among its equals.
    Route(RouteMessage, AddMode),
    /// A rule.
    Rule(RuleMessage),
}

/// An entry of the routing policy, as the kernel tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A route.
    Route(RouteMessage),
    /// A rule.
    Rule(RuleMessage),
}

impl Here<'_> {
    /// The object as a message.
    ///
    /// # Errors
    /// When it names what is not there.
    pub fn encode(&mut self, object: &Object) -> Result<ObjectMessage, ObjectError> {
        match object {
            Object::Address(line) => address::encode(line, self).map(ObjectMessage::Address),
            Object::Route(line) => {
                route::encode(line, self).map(|route| ObjectMessage::Route(route, line.mode))
            }
            Object::Rule(line) => rule::encode(line, self).map(ObjectMessage::Rule),
        }
    }

    fn index(&self, name: &InterfaceName) -> Result<u32, ObjectError> {
        let index = self.interfaces.index(name);
        index.ok_or_else(|| ObjectError::NoInterface(name.clone()))
    }

    fn number<N: TryFrom<u32> + Copy>(
        &mut self,
        list: NameList,
        named: &Named<N>,
    ) -> Result<N, ObjectError> {
        match named {
            Named::Number(number) => Ok(*number),
            Named::Name(name) => {
                let number = self.names.number(list, name)?;
                let number = number.try_into();
                number.map_err(|_| ObjectError::TooLarge(name.clone()))
            }
        }
    }
}

/// Changes objects, and dumps those of keepalived's protocol. A connection of its own, because its dumps are
/// checked strictly: only then the kernel sorts out what others made.
#[derive(Clone, Debug)]
pub struct ObjectHandle {
    handle: Handle,
}

impl ObjectHandle {
    /// Connects. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the kernel refuses the socket.
    pub fn connect() -> anyhow::Result<Self> {
        let (mut connection, handle, _) = rtnetlink::new_connection().context("netlink: open")?;
        // Before 4.20 the kernel dumps everything: what others made is left out here.
        let _ = connection
            .socket_mut()
            .socket_ref()
            .set_netlink_get_strict_chk(true);
        tokio::spawn(connection);
        Ok(Self { handle })
    }

    /// Carries one change out and waits for the kernel's word. Installing what is there and removing what is not there
    /// is a success.
    ///
    /// # Errors
    /// The kernel's refusal in words, or none within half a second.
    pub async fn apply(
        &self,
        message: ObjectMessage,
        operation: Operation,
        replace: bool,
    ) -> Result<(), String> {
        let mut code = self.change(message.clone(), operation, replace).await?;
        if code == libc::EEXIST && operation == Operation::Install && message.may_be_maimed() {
            code = self.change(message, operation, true).await?;
        }
        if code == 0 || is_so_already(operation, code) {
            return Ok(());
        }
        Err(std::io::Error::from_raw_os_error(code).to_string())
    }

    async fn change(
        &self,
        message: ObjectMessage,
        operation: Operation,
        replace: bool,
    ) -> Result<i32, String> {
        let (payload, flags) = match operation {
            Operation::Install => {
                let place = message.place(replace);
                (install(message), NLM_F_CREATE | place)
            }
            Operation::Remove => (remove(message), 0),
        };
        let mut request = NetlinkMessage::from(payload);
        request.header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
        acknowledged(self.request(request)).await
    }

    /// Removes a route or a rule just as the kernel told of it.
    ///
    /// # Errors
    /// The kernel's refusal in words, or none within half a second.
    pub async fn remove_entry(&self, entry: Entry) -> Result<(), String> {
        let message = match entry {
            Entry::Route(route) => ObjectMessage::Route(route, AddMode::Prepend),
            Entry::Rule(rule) => ObjectMessage::Rule(rule),
        };
        self.apply(message, Operation::Remove, false).await
    }

    /// Every route and rule of keepalived's protocol.
    ///
    /// # Errors
    /// When a dump fails.
    pub async fn entries(&self) -> anyhow::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut message = RouteMessage::default();
            message.header.address_family = family;
            message.header.protocol = RouteProtocol::from(RTPROT_KEEPALIVED);
            entries.extend(self.dump(RouteNetlinkMessage::GetRoute(message)).await?);
            let mut message = RuleMessage::default();
            message.header.family = family;
            entries.extend(self.dump(RouteNetlinkMessage::GetRule(message)).await?);
        }
        entries.retain(same::is_keepalived);
        Ok(entries)
    }

    async fn dump(&self, message: RouteNetlinkMessage) -> anyhow::Result<Vec<Entry>> {
        let mut request = NetlinkMessage::from(message);
        request.header.flags = NLM_F_REQUEST | NLM_F_DUMP;
        let replies = self.handle.clone().request(request);
        let replies = replies.context("netlink: dump routes and rules")?;
        let entries = replies.map(|reply| match reply.payload {
            NetlinkPayload::InnerMessage(message) => {
                Ok(Entry::told(message).map(|(entry, _)| entry))
            }
            NetlinkPayload::Error(error) => Err(anyhow::Error::from(error.to_io())),
            _ => Ok(None),
        });
        let entries: Vec<Option<Entry>> = entries
            .try_collect()
            .await
            .context("netlink: dump routes and rules")?;
        Ok(entries.into_iter().flatten().collect())
    }

    /// The kernel's error code; 0 is none.
    async fn request(
        &self,
        request: NetlinkMessage<RouteNetlinkMessage>,
    ) -> Result<i32, rtnetlink::Error> {
        let mut replies = self.handle.clone().request(request)?;
        while let Some(reply) = replies.next().await {
            if let NetlinkPayload::Error(error) = reply.payload {
                return Ok(-error.raw_code());
            }
        }
        Ok(0)
    }
}

impl ObjectMessage {
    /// How it goes in among its equals.
    const fn place(&self, replace: bool) -> u16 {
        match self {
            Self::Address(_) => NLM_F_REPLACE,
            _ if replace => NLM_F_REPLACE,
            Self::Route(_, AddMode::Prepend) => 0,
            Self::Route(_, AddMode::Append) => NLM_F_APPEND,
            Self::Route(_, AddMode::Add) | Self::Rule(_) => NLM_F_EXCL,
        }
    }

    /// Whether the kernel takes its like for the same though it lacks something: an IPv6 route loses its source when the
    /// address goes, without a word.
    fn may_be_maimed(&self) -> bool {
        match self {
            Self::Route(_, AddMode::Add) | Self::Address(_) | Self::Rule(_) => false,
            Self::Route(route, AddMode::Prepend | AddMode::Append) => {
                route.header.address_family == AddressFamily::Inet6 && same::source(route).is_some()
            }
        }
    }
}

impl Entry {
    /// What a message says: an entry, and whether it is there.
    pub(super) fn told(message: RouteNetlinkMessage) -> Option<(Self, bool)> {
        match message {
            RouteNetlinkMessage::NewRoute(route) => Some((Self::Route(route), true)),
            RouteNetlinkMessage::DelRoute(route) => Some((Self::Route(route), false)),
            RouteNetlinkMessage::NewRule(rule) => Some((Self::Rule(rule), true)),
            RouteNetlinkMessage::DelRule(rule) => Some((Self::Rule(rule), false)),
            _ => None,
        }
    }
}

fn install(message: ObjectMessage) -> RouteNetlinkMessage {
    match message {
        ObjectMessage::Address(address) => RouteNetlinkMessage::NewAddress(address),
        ObjectMessage::Route(route, _) => RouteNetlinkMessage::NewRoute(route),
        ObjectMessage::Rule(rule) => RouteNetlinkMessage::NewRule(rule),
    }
}

fn remove(message: ObjectMessage) -> RouteNetlinkMessage {
    match message {
        ObjectMessage::Address(address) => {
            RouteNetlinkMessage::DelAddress(address::identity(address))
        }
        ObjectMessage::Route(route, _) => RouteNetlinkMessage::DelRoute(route::identity(route)),
        ObjectMessage::Rule(rule) => RouteNetlinkMessage::DelRule(rule::identity(rule)),
    }
}

/// Whether a refusal means that what was asked for is so.
const fn is_so_already(operation: Operation, code: i32) -> bool {
    match operation {
        Operation::Install => code == libc::EEXIST,
        Operation::Remove => matches!(
            code,
            libc::ESRCH | libc::ENOENT | libc::ENODEV | libc::EADDRNOTAVAIL
        ),
    }
}

async fn acknowledged(
    request: impl Future<Output = Result<i32, rtnetlink::Error>>,
) -> Result<i32, String> {
    match tokio::time::timeout(ACKNOWLEDGE, request).await {
        Err(_) => Err("no answer from the kernel within 500 ms".to_owned()),
        Ok(result) => result.map_err(|error| error.to_string()),
    }
}
