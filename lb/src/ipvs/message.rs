//! Messages of the generic netlink family `IPVS` (`include/uapi/linux/ip_vs.h`), without the headers of netlink.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{
    About, Dest, DestKey, Figures, Method, Operation, Service, ServiceKey,
    attribute::{self, Attributes},
    sync::{SyncChange, SyncDaemon, SyncState},
};

/// Name of the family.
const FAMILY: &str = "IPVS";
/// `IPVS_GENL_VERSION`.
const VERSION: u8 = 1;

/// `IPVS_CMD_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Command {
    /// `IPVS_CMD_NEW_SERVICE`.
    NewService = 1,
    /// `IPVS_CMD_SET_SERVICE`.
    SetService = 2,
    /// `IPVS_CMD_DEL_SERVICE`.
    DelService = 3,
    /// `IPVS_CMD_GET_SERVICE`.
    GetService = 4,
    /// `IPVS_CMD_NEW_DEST`.
    NewDest = 5,
    /// `IPVS_CMD_SET_DEST`.
    SetDest = 6,
    /// `IPVS_CMD_DEL_DEST`.
    DelDest = 7,
    /// `IPVS_CMD_GET_DEST`.
    GetDest = 8,
    /// `IPVS_CMD_NEW_DAEMON`.
    NewDaemon = 9,
    /// `IPVS_CMD_DEL_DAEMON`.
    DelDaemon = 10,
    /// `IPVS_CMD_GET_DAEMON`.
    GetDaemon = 11,
    /// `IPVS_CMD_SET_CONFIG`.
    SetConfig = 12,
    /// `IPVS_CMD_GET_CONFIG`.
    GetConfig = 13,
    /// `IPVS_CMD_GET_INFO`.
    GetInfo = 15,
    /// `IPVS_CMD_FLUSH`.
    Flush = 17,
}

/// A command and its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The command.
    pub command: Command,
    /// What follows the header of generic netlink.
    pub attributes: Vec<u8>,
}

impl Message {
    /// Command and version, for the header of generic netlink.
    #[must_use]
    pub const fn head(&self) -> [u8; 2] {
        [self.command as u8, VERSION]
    }
}

// `IPVS_CMD_ATTR_*`.
const SERVICE: u16 = 1;
const DEST: u16 = 2;
const DAEMON: u16 = 3;
const TIMEOUT_TCP: u16 = 4;
const TIMEOUT_TCP_FIN: u16 = 5;
const TIMEOUT_UDP: u16 = 6;

// `IPVS_SVC_ATTR_*`.
const SERVICE_FAMILY: u16 = 1;
const SERVICE_PROTOCOL: u16 = 2;
const SERVICE_ADDRESS: u16 = 3;
const SERVICE_PORT: u16 = 4;
const SERVICE_MARK: u16 = 5;
const SERVICE_SCHEDULER: u16 = 6;
const SERVICE_FLAGS: u16 = 7;
const SERVICE_TIMEOUT: u16 = 8;
const SERVICE_NETMASK: u16 = 9;
const SERVICE_ENGINE: u16 = 11;

/// `IPVS_SVC_ATTR_STATS64`.
const SERVICE_FIGURES: u16 = 12;

// `IPVS_DEST_ATTR_*`.
const DEST_ADDRESS: u16 = 1;
const DEST_PORT: u16 = 2;
const DEST_METHOD: u16 = 3;
const DEST_WEIGHT: u16 = 4;
const DEST_UPPER: u16 = 5;
const DEST_LOWER: u16 = 6;
const DEST_ACTIVE: u16 = 7;
const DEST_INACTIVE: u16 = 8;
const DEST_FAMILY: u16 = 11;
/// `IPVS_DEST_ATTR_STATS64`.
const DEST_FIGURES: u16 = 12;
const DEST_TUNNEL_TYPE: u16 = 13;
const DEST_TUNNEL_PORT: u16 = 14;
const DEST_TUNNEL_FLAGS: u16 = 15;

// `IPVS_DAEMON_ATTR_*`.
const DAEMON_STATE: u16 = 1;
const DAEMON_INTERFACE: u16 = 2;
const DAEMON_ID: u16 = 3;
const DAEMON_MAXLEN: u16 = 4;
const DAEMON_GROUP: u16 = 5;
const DAEMON_GROUP6: u16 = 6;
const DAEMON_PORT: u16 = 7;
const DAEMON_TTL: u16 = 8;

// `IPVS_INFO_ATTR_*`, which stand where `IPVS_CMD_ATTR_*` do.
const INFO_VERSION: u16 = 1;
const INFO_BUCKETS: u16 = 2;

/// `CTRL_ATTR_FAMILY_ID`.
const FAMILY_ID: u16 = 1;
/// `CTRL_ATTR_FAMILY_NAME`.
const FAMILY_NAME: u16 = 2;

/// `AF_INET`.
const AF_INET: u16 = 2;
/// `AF_INET6`.
const AF_INET6: u16 = 10;
/// `IP_VS_CONN_F_FWD_MASK`.
const METHOD_MASK: u32 = 7;
/// `IP_VS_CONN_F_MASQ`.
const MASQUERADE: u32 = 0;
/// `IP_VS_CONN_F_TUNNEL`.
const TUNNEL: u32 = 2;
/// `IP_VS_CONN_F_DROUTE`.
const DIRECT_ROUTE: u32 = 3;
/// `IP_VS_SVC_F_*` that are ours to set; the kernel has one more, for itself.
const FLAGS: u32 = 0x3d;

/// The message that makes a change.
#[must_use]
pub fn change(operation: &Operation) -> Message {
    let (command, key, service, dest) = match operation {
        Operation::Flush => return bare(Command::Flush),
        Operation::AddService(key, service) => (Command::NewService, key, Some(service), None),
        Operation::EditService(key, service) => (Command::SetService, key, Some(service), None),
        Operation::RemoveService(key) => (Command::DelService, key, None, None),
        Operation::AddDest(key, dest, value) => {
            (Command::NewDest, key, None, Some((dest, Some(value))))
        }
        Operation::EditDest(key, dest, value) => {
            (Command::SetDest, key, None, Some((dest, Some(value))))
        }
        Operation::RemoveDest(key, dest) => (Command::DelDest, key, None, Some((dest, None))),
    };
    let mut attributes = Attributes::default();
    attributes.nested(SERVICE, &service_attributes(key, service));
    if let Some((dest, value)) = dest {
        attributes.nested(DEST, &dest_attributes(dest, value));
    }
    Message {
        command,
        attributes: attributes.as_bytes().to_vec(),
    }
}

const fn bare(command: Command) -> Message {
    Message {
        command,
        attributes: Vec::new(),
    }
}

/// The message that asks for all services, as a dump.
#[must_use]
pub const fn services() -> Message {
    bare(Command::GetService)
}

/// The message that asks for the dests of a service, as a dump.
#[must_use]
pub fn dests(service: &ServiceKey) -> Message {
    let mut attributes = Attributes::default();
    attributes.nested(SERVICE, &service_attributes(service, None));
    Message {
        command: Command::GetDest,
        attributes: attributes.as_bytes().to_vec(),
    }
}

/// The message that sets timeouts in seconds: of TCP, of TCP after a FIN and of UDP; 0 leaves one as it is.
#[must_use]
pub fn timeouts([tcp, fin, udp]: [u32; 3]) -> Message {
    let mut attributes = Attributes::default();
    attributes
        .word(TIMEOUT_TCP, tcp)
        .word(TIMEOUT_TCP_FIN, fin)
        .word(TIMEOUT_UDP, udp);
    Message {
        command: Command::SetConfig,
        attributes: attributes.as_bytes().to_vec(),
    }
}

/// The message that asks for the timeouts.
#[must_use]
pub const fn ask_timeouts() -> Message {
    bare(Command::GetConfig)
}

/// Takes the answer to [`ask_timeouts`] in; what the kernel was built without stays 0.
pub fn read_timeouts(attributes: &[u8], about: &mut About) {
    for (kind, value) in attribute::read(attributes) {
        let seconds = attribute::word(value).unwrap_or_default();
        match kind {
            TIMEOUT_TCP => about.timeouts[0] = seconds,
            TIMEOUT_TCP_FIN => about.timeouts[1] = seconds,
            TIMEOUT_UDP => about.timeouts[2] = seconds,
            _ => {}
        }
    }
}

/// The message that asks for the version and the size of the table of connections.
#[must_use]
pub const fn ask_info() -> Message {
    bare(Command::GetInfo)
}

/// Takes the answer to [`ask_info`] in.
pub fn read_info(attributes: &[u8], about: &mut About) {
    for (kind, value) in attribute::read(attributes) {
        let number = attribute::word(value).unwrap_or_default();
        match kind {
            INFO_VERSION => {
                let [_, version @ ..] = number.to_be_bytes();
                about.version = version;
            }
            INFO_BUCKETS => about.buckets = number,
            _ => {}
        }
    }
}

/// The message that starts or stops a thread of the sync daemon.
#[must_use]
pub fn sync_change(change: &SyncChange) -> Message {
    let (command, daemon) = match change {
        SyncChange::Start(daemon) => (Command::NewDaemon, daemon_attributes(daemon)),
        SyncChange::Stop(state) => {
            let mut attributes = Attributes::default();
            attributes.word(DAEMON_STATE, *state as u32);
            (Command::DelDaemon, attributes)
        }
    };
    let mut attributes = Attributes::default();
    attributes.nested(DAEMON, &daemon);
    Message {
        command,
        attributes: attributes.as_bytes().to_vec(),
    }
}

/// Port and group are in orders of bytes of their own: the kernel takes this port in the host's.
fn daemon_attributes(daemon: &SyncDaemon) -> Attributes {
    let mut attributes = Attributes::default();
    attributes
        .word(DAEMON_STATE, daemon.state as u32)
        .text(DAEMON_INTERFACE, &daemon.interface)
        .word(DAEMON_ID, daemon.id.into())
        .short(DAEMON_PORT, daemon.port)
        .byte(DAEMON_TTL, daemon.ttl);
    if let Some(maxlen) = daemon.maxlen {
        attributes.short(DAEMON_MAXLEN, maxlen);
    }
    match daemon.group {
        IpAddr::V4(group) => attributes.bytes(DAEMON_GROUP, &group.octets()),
        IpAddr::V6(group) => attributes.bytes(DAEMON_GROUP6, &group.octets()),
    };
    attributes
}

/// The message that asks for the threads of the sync daemon, as a dump.
#[must_use]
pub const fn sync_daemons() -> Message {
    bare(Command::GetDaemon)
}

/// What a thread in an answer to [`sync_daemons`] does; `None` for what is none.
#[must_use]
pub fn read_sync_daemon(attributes: &[u8]) -> Option<SyncState> {
    let (_, daemon) = attribute::read(attributes).find(|(kind, _)| *kind == DAEMON)?;
    let (_, state) = attribute::read(daemon).find(|(kind, _)| *kind == DAEMON_STATE)?;
    SyncState::of_number(attribute::word(state)?)
}

/// The attributes that ask the kernel for the family.
#[must_use]
pub fn family_name() -> Vec<u8> {
    let mut attributes = Attributes::default();
    attributes.text(FAMILY_NAME, FAMILY);
    attributes.as_bytes().to_vec()
}

/// The number of the family in the answer to that.
#[must_use]
pub fn read_family(attributes: &[u8]) -> Option<u16> {
    let (_, id) = attribute::read(attributes).find(|(kind, _)| *kind == FAMILY_ID)?;
    attribute::short(id)
}

/// Both for IPv4: 16 bytes, of which the last are zero.
fn address_bytes(address: IpAddr) -> [u8; 16] {
    let mut bytes = [0; 16];
    match address {
        IpAddr::V4(v4) => bytes[..4].copy_from_slice(&v4.octets()),
        IpAddr::V6(v6) => bytes = v6.octets(),
    }
    bytes
}

fn read_address(bytes: &[u8], is_v6: bool) -> Option<IpAddr> {
    if is_v6 {
        let bytes: &[u8; 16] = bytes.first_chunk()?;
        Some(Ipv6Addr::from(*bytes).into())
    } else {
        let bytes: &[u8; 4] = bytes.first_chunk()?;
        Some(Ipv4Addr::from(*bytes).into())
    }
}

const fn family(is_v6: bool) -> u16 {
    if is_v6 { AF_INET6 } else { AF_INET }
}

fn service_attributes(key: &ServiceKey, service: Option<&Service>) -> Attributes {
    let mut attributes = Attributes::default();
    let is_v6 = match *key {
        ServiceKey::Address {
            protocol,
            address,
            port,
        } => {
            attributes
                .short(SERVICE_FAMILY, family(address.is_ipv6()))
                .short(SERVICE_PROTOCOL, protocol)
                .bytes(SERVICE_ADDRESS, &address_bytes(address))
                .port(SERVICE_PORT, port);
            address.is_ipv6()
        }
        ServiceKey::Mark { mark, is_v6 } => {
            attributes
                .short(SERVICE_FAMILY, family(is_v6))
                .word(SERVICE_MARK, mark);
            is_v6
        }
    };
    if let Some(service) = service {
        let flags = [service.flags.to_ne_bytes(), FLAGS.to_ne_bytes()].concat();
        attributes
            .text(SERVICE_SCHEDULER, &service.scheduler)
            .bytes(SERVICE_FLAGS, &flags)
            .word(SERVICE_TIMEOUT, service.timeout)
            .bytes(SERVICE_NETMASK, &netmask(service.granularity, is_v6));
        if let Some(engine) = &service.engine {
            attributes.text(SERVICE_ENGINE, engine);
        }
    }
    attributes
}

/// Of IPv4 a mask in network byte order, of IPv6 a number of bits in native byte order.
fn netmask(bits: u8, is_v6: bool) -> [u8; 4] {
    if is_v6 {
        u32::from(bits).to_ne_bytes()
    } else {
        let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32)));
        mask.unwrap_or(0).to_be_bytes()
    }
}

fn read_netmask(bytes: &[u8], is_v6: bool) -> Option<u8> {
    let bytes: &[u8; 4] = bytes.first_chunk()?;
    let bits = if is_v6 {
        u32::from_ne_bytes(*bytes)
    } else {
        u32::from_be_bytes(*bytes).leading_ones()
    };
    u8::try_from(bits).ok()
}

fn dest_attributes(key: &DestKey, dest: Option<&Dest>) -> Attributes {
    let mut attributes = Attributes::default();
    attributes
        .short(DEST_FAMILY, family(key.address.is_ipv6()))
        .bytes(DEST_ADDRESS, &address_bytes(key.address))
        .port(DEST_PORT, key.port);
    let Some(dest) = dest else {
        return attributes;
    };
    let method = match dest.method {
        Method::Nat => MASQUERADE,
        Method::DirectRoute => DIRECT_ROUTE,
        Method::Tunnel { .. } => TUNNEL,
        Method::Other(number) => number,
    };
    attributes
        .word(DEST_METHOD, method)
        .word(DEST_WEIGHT, dest.weight)
        .word(DEST_UPPER, dest.upper)
        .word(DEST_LOWER, dest.lower);
    if let Method::Tunnel { kind, port, flags } = dest.method {
        attributes
            .byte(DEST_TUNNEL_TYPE, kind)
            .port(DEST_TUNNEL_PORT, port)
            .short(DEST_TUNNEL_FLAGS, flags);
    }
    attributes
}

/// A service in an answer to [`services`]; `None` for what is none.
#[must_use]
pub fn read_service(attributes: &[u8]) -> Option<(ServiceKey, Service)> {
    let (_, service) = attribute::read(attributes).find(|(kind, _)| *kind == SERVICE)?;
    let (mut is_v6, mut protocol, mut address, mut port, mut mark) = (false, 0, None, 0, 0);
    let mut found = Service {
        scheduler: String::new(),
        flags: 0,
        timeout: 0,
        granularity: 0,
        engine: None,
    };
    for (kind, value) in attribute::read(service) {
        match kind {
            SERVICE_FAMILY => is_v6 = attribute::short(value)? == AF_INET6,
            SERVICE_PROTOCOL => protocol = attribute::short(value)?,
            SERVICE_ADDRESS => address = read_address(value, is_v6),
            SERVICE_PORT => port = attribute::port(value)?,
            SERVICE_MARK => mark = attribute::word(value)?,
            SERVICE_SCHEDULER => found.scheduler = attribute::text(value)?,
            SERVICE_FLAGS => found.flags = attribute::word(value)? & FLAGS,
            SERVICE_TIMEOUT => found.timeout = attribute::word(value)?,
            SERVICE_NETMASK => found.granularity = read_netmask(value, is_v6)?,
            SERVICE_ENGINE => found.engine = attribute::text(value).filter(|name| !name.is_empty()),
            _ => {}
        }
    }
    let key = match address {
        _ if mark != 0 => ServiceKey::Mark { mark, is_v6 },
        Some(address) => ServiceKey::Address {
            protocol,
            address,
            port,
        },
        None => return None,
    };
    Some((key, found))
}

/// A dest in an answer to [`dests`]; `None` for what is none.
#[must_use]
pub fn read_dest(attributes: &[u8]) -> Option<(DestKey, Dest)> {
    let (_, dest) = attribute::read(attributes).find(|(kind, _)| *kind == DEST)?;
    let (mut is_v6, mut address, mut port, mut method) = (false, None, 0, 0);
    let (mut kind_of_tunnel, mut tunnel_port, mut tunnel_flags) = (0, 0, 0);
    let (mut weight, mut upper, mut lower) = (0, 0, 0);
    for (kind, value) in attribute::read(dest) {
        match kind {
            DEST_FAMILY => is_v6 = attribute::short(value)? == AF_INET6,
            DEST_ADDRESS => address = Some(value),
            DEST_PORT => port = attribute::port(value)?,
            DEST_METHOD => method = attribute::word(value)? & METHOD_MASK,
            DEST_WEIGHT => weight = attribute::word(value)?,
            DEST_UPPER => upper = attribute::word(value)?,
            DEST_LOWER => lower = attribute::word(value)?,
            DEST_TUNNEL_TYPE => kind_of_tunnel = *value.first()?,
            DEST_TUNNEL_PORT => tunnel_port = attribute::port(value)?,
            DEST_TUNNEL_FLAGS => tunnel_flags = attribute::short(value)?,
            _ => {}
        }
    }
    // The family stands behind the address.
    let address = read_address(address?, is_v6)?;
    let method = match method {
        MASQUERADE => Method::Nat,
        DIRECT_ROUTE => Method::DirectRoute,
        TUNNEL => Method::Tunnel {
            kind: kind_of_tunnel,
            port: tunnel_port,
            flags: tunnel_flags,
        },
        other => Method::Other(other),
    };
    let dest = Dest {
        method,
        weight,
        upper,
        lower,
    };
    Some((DestKey { address, port }, dest))
}

/// The figures in an answer to [`services`] or [`dests`]; zero where it has none.
#[must_use]
pub fn read_figures(attributes: &[u8]) -> Figures {
    let mut figures = Figures::default();
    for (of, entry) in attribute::read(attributes) {
        for (kind, value) in attribute::read(entry) {
            match (of, kind) {
                (SERVICE, SERVICE_FIGURES) | (DEST, DEST_FIGURES) => figures.read_counters(value),
                (DEST, DEST_ACTIVE) => figures.active = attribute::word(value).unwrap_or_default(),
                (DEST, DEST_INACTIVE) => {
                    figures.inactive = attribute::word(value).unwrap_or_default();
                }
                _ => {}
            }
        }
    }
    figures
}
