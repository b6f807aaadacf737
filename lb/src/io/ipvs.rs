//! The kernel's IPVS table, over generic netlink.
//!
//! The kernel carries a message out while it is being sent, so nothing here waits for anything but the kernel itself.

use std::{
    collections::BTreeMap,
    fs, io,
    os::fd::{AsRawFd as _, OwnedFd},
    process::{Command as Process, Stdio},
};

use nix::{
    errno::Errno,
    sys::{
        socket::{
            AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, connect,
            recv, send, setsockopt, socket, sockopt,
        },
        time::{TimeVal, TimeValLike as _},
    },
};

use crate::ipvs::{
    Entry, Operation, ServiceKey, Table,
    message::{self, Message},
};

/// Operations sent at once: their answers have to fit into the socket's buffer.
const WINDOW: usize = 64;
/// Bytes of the socket's buffer.
const BUFFER: usize = 1 << 20;
/// Seconds after which a kernel that says nothing is given up.
const PATIENCE: i64 = 5;

/// Bytes of `struct nlmsghdr`.
const HEADER: usize = 16;
/// Bytes of `struct genlmsghdr`.
const GENERIC: usize = 4;
/// `NLMSG_ERROR`.
const ERROR: u16 = 2;
/// `NLMSG_DONE`.
const DONE: u16 = 3;
/// `NLM_F_REQUEST`.
const REQUEST: u16 = 0x1;
/// `NLM_F_ACK`.
const ACKNOWLEDGE: u16 = 0x4;
/// `NLM_F_DUMP`.
const DUMP: u16 = 0x300;

/// `GENL_ID_CTRL`.
const CONTROL: u16 = 0x10;
/// `CTRL_CMD_GETFAMILY`.
const GET_FAMILY: u8 = 3;

/// A connection to IPVS.
#[derive(Debug)]
pub struct Ipvs {
    socket: OwnedFd,
    family: u16,
    sequence: u32,
}

/// A message of the kernel.
struct Answer<'a> {
    kind: u16,
    sequence: u32,
    payload: &'a [u8],
}

impl Ipvs {
    /// Connects; loads the kernel's module where it is missing. `None` when this kernel has no IPVS.
    ///
    /// # Errors
    /// When there is no netlink socket to be had.
    pub fn open() -> io::Result<Option<Self>> {
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkGeneric,
        )?;
        setsockopt(&socket, sockopt::RcvBuf, &BUFFER)?;
        setsockopt(
            &socket,
            sockopt::ReceiveTimeout,
            &TimeVal::seconds(PATIENCE),
        )?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
        connect(socket.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
        let mut ipvs = Self {
            socket,
            family: 0,
            sequence: 0,
        };
        if !ipvs.find_family()? {
            load_module();
            if !ipvs.find_family()? {
                return Ok(None);
            }
        }
        Ok(Some(ipvs))
    }

    /// Reads the services that `wants` wants, with their dests.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn table(&mut self, wants: impl Fn(&ServiceKey) -> bool) -> io::Result<Table> {
        let mut services = BTreeMap::new();
        let mut found = Vec::new();
        self.dump(&message::services(), |attributes| {
            let service = message::read_service(attributes);
            found.extend(service.filter(|(key, _)| wants(key)));
        })?;
        for (key, service) in found {
            let mut dests = BTreeMap::new();
            self.dump(&message::dests(&key), |attributes| {
                dests.extend(message::read_dest(attributes));
            })?;
            services.insert(key, Entry { service, dests });
        }
        Ok(Table { services })
    }

    /// Makes changes in their order; says of each whether the kernel made it.
    ///
    /// # Errors
    /// When the kernel cannot be spoken to.
    pub fn change(&mut self, operations: &[Operation]) -> io::Result<Vec<Result<(), Errno>>> {
        let mut results = Vec::with_capacity(operations.len());
        for window in operations.chunks(WINDOW) {
            let messages: Vec<Message> = window.iter().map(message::change).collect();
            results.extend(self.acknowledged(&messages)?);
        }
        Ok(results)
    }

    /// Sets how many seconds connections last: of TCP, of TCP after a FIN and of UDP; 0 leaves one as it is.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn set_timeouts(&mut self, seconds: [u32; 3]) -> io::Result<()> {
        for result in self.acknowledged(&[message::timeouts(seconds)])? {
            result?;
        }
        Ok(())
    }

    /// Sends messages and waits for what becomes of each.
    fn acknowledged(&mut self, messages: &[Message]) -> io::Result<Vec<Result<(), Errno>>> {
        let mut bytes = Vec::new();
        let first = self.sequence.wrapping_add(1);
        for message in messages {
            let (command, family) = (message.command as u8, self.family);
            let version = message::VERSION;
            self.write(
                &mut bytes,
                (family, REQUEST | ACKNOWLEDGE),
                [command, version],
                &message.attributes,
            );
        }
        send(self.socket.as_raw_fd(), &bytes, MsgFlags::empty())?;
        let mut results = vec![None; messages.len()];
        while results.contains(&None) {
            self.receive(|answer| {
                let place = answer.sequence.wrapping_sub(first) as usize;
                if let (ERROR, Some(result)) = (answer.kind, results.get_mut(place)) {
                    *result = Some(error_of(answer.payload));
                }
            })?;
        }
        Ok(results.into_iter().flatten().collect())
    }

    /// Sends a message and hands the attributes of every answer to `see`.
    fn dump(&mut self, message: &Message, mut see: impl FnMut(&[u8])) -> io::Result<()> {
        let mut bytes = Vec::new();
        let (command, family) = (message.command as u8, self.family);
        let version = message::VERSION;
        self.write(
            &mut bytes,
            (family, REQUEST | DUMP),
            [command, version],
            &message.attributes,
        );
        send(self.socket.as_raw_fd(), &bytes, MsgFlags::empty())?;
        let sequence = self.sequence;
        let mut end = None;
        while end.is_none() {
            self.receive(|answer| {
                if answer.sequence != sequence {
                    return;
                }
                match answer.kind {
                    DONE => end = Some(Ok(())),
                    ERROR => end = Some(error_of(answer.payload)),
                    _ => see(answer.payload.get(GENERIC..).unwrap_or_default()),
                }
            })?;
        }
        Ok(end.unwrap_or(Ok(()))?)
    }

    /// Asks for the number of the family; false when there is none.
    fn find_family(&mut self) -> io::Result<bool> {
        let mut bytes = Vec::new();
        let name = message::family_name();
        self.write(
            &mut bytes,
            (CONTROL, REQUEST | ACKNOWLEDGE),
            [GET_FAMILY, 1],
            &name,
        );
        send(self.socket.as_raw_fd(), &bytes, MsgFlags::empty())?;
        let (mut found, mut end) = (None, None);
        while end.is_none() {
            self.receive(|answer| match answer.kind {
                ERROR => end = Some(error_of(answer.payload)),
                _ => {
                    let attributes = answer.payload.get(GENERIC..).unwrap_or_default();
                    found = message::read_family(attributes).or(found);
                }
            })?;
        }
        match (end, found) {
            (Some(Ok(())), Some(family)) => {
                self.family = family;
                Ok(true)
            }
            (Some(Err(Errno::ENOENT)), _) => Ok(false),
            (Some(Err(error)), _) => Err(error.into()),
            _ => Ok(false),
        }
    }

    /// Adds a message with the next sequence number.
    fn write(
        &mut self,
        bytes: &mut Vec<u8>,
        (kind, flags): (u16, u16),
        [command, version]: [u8; 2],
        attributes: &[u8],
    ) {
        self.sequence = self.sequence.wrapping_add(1);
        let length = u32::try_from(HEADER + GENERIC + attributes.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&length.to_ne_bytes());
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(&flags.to_ne_bytes());
        bytes.extend_from_slice(&self.sequence.to_ne_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&[command, version, 0, 0]);
        bytes.extend_from_slice(attributes);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }

    /// Waits for a datagram of the kernel and hands on the messages in it.
    fn receive(&self, mut see: impl FnMut(&Answer<'_>)) -> io::Result<()> {
        let mut buffer = vec![0; 64 << 10];
        let length = recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
        let mut rest = &buffer[..length];
        while let Some((header, _)) = rest.split_at_checked(HEADER) {
            let word = |at: usize| header[at..].first_chunk().map(|b| u32::from_ne_bytes(*b));
            let kind = u16::from_ne_bytes([header[4], header[5]]);
            let (Some(length), Some(sequence)) = (word(0), word(8)) else {
                break;
            };
            let length = length as usize;
            let Some(payload) = rest.get(HEADER..length) else {
                return Err(io::ErrorKind::InvalidData.into());
            };
            see(&Answer {
                kind,
                sequence,
                payload,
            });
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        Ok(())
    }
}

/// Has the module loaded by the program that the kernel itself would ask.
fn load_module() {
    let told = fs::read_to_string("/proc/sys/kernel/modprobe").unwrap_or_default();
    // Empty: somebody has switched that off.
    let Some(program) = told.lines().next().filter(|program| !program.is_empty()) else {
        return;
    };
    // A kernel that has no such module says so when it is asked again.
    let _failed = Process::new(program)
        .args(["-q", "ip_vs"])
        .stdin(Stdio::null())
        .status();
}

/// What an answer of kind [`ERROR`] says: 0 is a success.
fn error_of(payload: &[u8]) -> Result<(), Errno> {
    let number = payload
        .first_chunk()
        .map_or(0, |bytes| i32::from_ne_bytes(*bytes));
    if number == 0 {
        Ok(())
    } else {
        Err(Errno::from_raw(-number))
    }
}
