//! The kernel's IPVS table, over generic netlink.
//!
//! The kernel carries a message out while it is being sent, so nothing here waits for anything but the kernel itself.

use std::{
    collections::BTreeMap,
    fs, io,
    os::fd::{AsRawFd as _, OwnedFd},
    process::{Command as Process, Stdio},
};

use netlink_packet_core::{
    Emitable as _, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer,
    NetlinkHeader,
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
    About, AllFigures, Dest, DestKey, Entry, Operation, Service, ServiceKey, Table,
    message::{self, Message},
    sync::{SyncChange, SyncState},
};

/// Operations sent at once: their answers have to fit into the socket's buffer.
const WINDOW: usize = 64;
/// Bytes of the socket's buffer.
const BUFFER: usize = 1 << 20;
/// Seconds after which a kernel that says nothing is given up.
const PATIENCE: i64 = 5;

/// Bytes of the longest datagram that the kernel sends.
const LONGEST: usize = 64 << 10;
/// Bytes of `struct genlmsghdr`.
const GENERIC: usize = 4;

/// `GENL_ID_CTRL`.
const CONTROL: u16 = 0x10;
/// `CTRL_CMD_GETFAMILY`.
const GET_FAMILY: u8 = 3;

/// What was read of services, and of the dests of each.
type Read<S, D> = BTreeMap<ServiceKey, (S, BTreeMap<DestKey, D>)>;

/// Type and flags of a message, command and version.
type Head = (u16, u16, [u8; 2]);

/// A connection to IPVS.
#[derive(Debug)]
pub struct Ipvs {
    socket: OwnedFd,
    family: u16,
    sequence: u32,
    received: Vec<u8>,
}

impl Ipvs {
    /// Connects; loads the kernel's module where it is missing. `None` when this kernel has no IPVS.
    ///
    /// # Errors
    /// When there is no netlink socket to be had.
    pub fn open() -> io::Result<Option<Self>> {
        if let Some(ipvs) = Self::open_loaded()? {
            return Ok(Some(ipvs));
        }
        load_module();
        Self::open_loaded()
    }

    /// Connects; `None` when this kernel has no IPVS, or its module is not loaded.
    ///
    /// # Errors
    /// When there is no netlink socket to be had.
    pub fn open_loaded() -> io::Result<Option<Self>> {
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
            received: vec![0; LONGEST],
        };
        let is_there = ipvs.find_family()?;
        Ok(is_there.then_some(ipvs))
    }

    /// Reads the services that `wants` wants, with their dests.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn table(&mut self, wants: impl Fn(&ServiceKey) -> bool) -> io::Result<Table> {
        let read = self.read(wants, |service, _| service, |dest, _| dest)?;
        let services = read.into_iter();
        let services = services.map(|(key, (service, dests))| (key, Entry { service, dests }));
        Ok(Table {
            services: services.collect(),
        })
    }

    /// Reads what the kernel counts of these services and their dests.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn figures(&mut self, wants: impl Fn(&ServiceKey) -> bool) -> io::Result<AllFigures> {
        let figures = message::read_figures;
        self.read(wants, |_, all| figures(all), |_, all| figures(all))
    }

    /// Reads services and their dests; `service` and `dest` make of each, and of all its attributes, what is wanted.
    fn read<S, D>(
        &mut self,
        wants: impl Fn(&ServiceKey) -> bool,
        service: impl Fn(Service, &[u8]) -> S,
        dest: impl Fn(Dest, &[u8]) -> D,
    ) -> io::Result<Read<S, D>> {
        let mut all = BTreeMap::new();
        self.dump(&message::services(), |attributes| {
            let found = message::read_service(attributes).filter(|(key, _)| wants(key));
            all.extend(found.map(|(key, it)| (key, (service(it, attributes), BTreeMap::new()))));
        })?;
        for (key, (_, dests)) in &mut all {
            self.dump(&message::dests(key), |attributes| {
                let found = message::read_dest(attributes);
                dests.extend(found.map(|(key, it)| (key, dest(it, attributes))));
            })?;
        }
        Ok(all)
    }

    /// Makes changes in their order; says of each whether the kernel made it.
    ///
    /// # Errors
    /// When the kernel cannot be spoken to.
    pub fn change(&mut self, operations: &[Operation]) -> io::Result<Vec<Result<(), Errno>>> {
        let mut results = Vec::with_capacity(operations.len());
        for window in operations.chunks(WINDOW) {
            results.extend(self.change_window(window)?);
        }
        Ok(results)
    }

    /// Sets how many seconds connections last: of TCP, of TCP after a FIN and of UDP; 0 leaves one as it is.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn set_timeouts(&mut self, seconds: [u32; 3]) -> io::Result<()> {
        self.tell(&message::timeouts(seconds))
    }

    /// Says what IPVS says of itself.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn about(&mut self) -> io::Result<About> {
        let mut about = About::default();
        self.look_up(&message::ask_info(), |answer| {
            message::read_info(answer, &mut about);
        })?;
        self.look_up(&message::ask_timeouts(), |answer| {
            message::read_timeouts(answer, &mut about);
        })?;
        Ok(about)
    }

    /// Says which threads of the sync daemon run.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn sync_daemons(&mut self) -> io::Result<Vec<SyncState>> {
        let mut running = Vec::new();
        self.dump(&message::sync_daemons(), |attributes| {
            running.extend(message::read_sync_daemon(attributes));
        })?;
        Ok(running)
    }

    /// Starts or stops a thread of the sync daemon. The kernel waits for a thread that ends.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn change_sync_daemon(&mut self, change: &SyncChange) -> io::Result<()> {
        self.tell(&message::sync_change(change))
    }

    /// Sends a message that is answered by whether the kernel did it.
    fn tell(&mut self, message: &Message) -> io::Result<()> {
        self.look_up(message, |_| {})
    }

    /// Hands the attributes of the one answer to `message` to `see`.
    fn look_up(&mut self, message: &Message, see: impl FnMut(&[u8])) -> io::Result<()> {
        let head = (self.family, NLM_F_ACK, message.head());
        Ok(self.ask(head, &message.attributes, see)??)
    }

    /// Sends changes at once and waits for what becomes of each.
    fn change_window(&mut self, window: &[Operation]) -> io::Result<Vec<Result<(), Errno>>> {
        let mut bytes = Vec::new();
        let first = self.sequence.wrapping_add(1);
        for message in window.iter().map(message::change) {
            let head = (self.family, NLM_F_ACK, message.head());
            self.write(&mut bytes, head, &message.attributes);
        }
        send(self.socket.as_raw_fd(), &bytes, MsgFlags::empty())?;
        let mut results = vec![None; window.len()];
        while results.contains(&None) {
            self.receive(|answer| {
                let place = answer.sequence_number().wrapping_sub(first) as usize;
                if let (NLMSG_ERROR, Some(result)) = (answer.message_type(), results.get_mut(place))
                {
                    *result = Some(error_of(answer.payload()));
                }
            })?;
        }
        Ok(results.into_iter().flatten().collect())
    }

    /// Hands the attributes of everything that `message` asks for to `see`.
    fn dump(&mut self, message: &Message, see: impl FnMut(&[u8])) -> io::Result<()> {
        let head = (self.family, NLM_F_DUMP, message.head());
        Ok(self.ask(head, &message.attributes, see)??)
    }

    /// Asks for the number of the family; false when there is none.
    fn find_family(&mut self) -> io::Result<bool> {
        let mut found = None;
        let head = (CONTROL, NLM_F_ACK, [GET_FAMILY, 1]);
        let asked = self.ask(head, &message::family_name(), |attributes| {
            found = message::read_family(attributes).or(found);
        })?;
        match asked {
            Ok(()) => {
                self.family = found.unwrap_or_default();
                Ok(found.is_some())
            }
            Err(Errno::ENOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends a message, hands the attributes of every answer to `see`, and says how the kernel ends that.
    fn ask(
        &mut self,
        head: Head,
        attributes: &[u8],
        mut see: impl FnMut(&[u8]),
    ) -> io::Result<Result<(), Errno>> {
        let mut bytes = Vec::new();
        self.write(&mut bytes, head, attributes);
        send(self.socket.as_raw_fd(), &bytes, MsgFlags::empty())?;
        let sequence = self.sequence;
        let mut end = None;
        loop {
            self.receive(|answer| {
                if answer.sequence_number() != sequence {
                    return;
                }
                match answer.message_type() {
                    NLMSG_DONE => end = Some(Ok(())),
                    NLMSG_ERROR => end = Some(error_of(answer.payload())),
                    _ => see(answer.payload().get(GENERIC..).unwrap_or_default()),
                }
            })?;
            if let Some(end) = end {
                return Ok(end);
            }
        }
    }

    /// Adds a message with the next sequence number.
    fn write(&mut self, bytes: &mut Vec<u8>, (kind, flags, generic): Head, attributes: &[u8]) {
        self.sequence = self.sequence.wrapping_add(1);
        let [command, version] = generic;
        let mut header = NetlinkHeader::default();
        let length = header.buffer_len() + GENERIC + attributes.len();
        header.length = u32::try_from(length).unwrap_or(u32::MAX);
        header.message_type = kind;
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = self.sequence;
        let at = bytes.len();
        bytes.resize(at + header.buffer_len(), 0);
        header.emit(&mut bytes[at..]);
        bytes.extend_from_slice(&[command, version, 0, 0]);
        bytes.extend_from_slice(attributes);
    }

    /// Waits for a datagram of the kernel and hands on the messages in it.
    fn receive(&mut self, mut see: impl FnMut(&NetlinkBuffer<&[u8]>)) -> io::Result<()> {
        let length = recv(
            self.socket.as_raw_fd(),
            &mut self.received,
            MsgFlags::empty(),
        )?;
        let mut rest = &self.received[..length];
        while !rest.is_empty() {
            let answer = NetlinkBuffer::new_checked(rest).map_err(io::Error::other)?;
            see(&answer);
            let length = answer.length() as usize;
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

/// What an answer of kind [`NLMSG_ERROR`] says: 0 is a success.
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
