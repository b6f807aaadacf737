//! The kernel's messages about processes: the proc connector (`linux/cn_proc.h`).

use std::{
    io::{self, ErrorKind},
    os::fd::{AsFd, AsRawFd, BorrowedFd},
};

use nix::sys::socket::{
    MsgFlags, NetlinkAddr, bind, getsockname, getsockopt, recvfrom, send, setsockopt, sockopt,
};
use socket2::{Domain, Protocol, Socket, Type};

use crate::config::model::global::Buffer;

/// `NETLINK_CONNECTOR`.
const CONNECTOR: i32 = libc::NETLINK_CONNECTOR;
/// `CN_IDX_PROC` and `CN_VAL_PROC`: the connector's address, and its multicast group.
const PROC: u32 = 1;
/// `PROC_CN_MCAST_LISTEN`.
const LISTEN: u32 = 1;
/// Size of `struct nlmsghdr`.
const NETLINK: usize = 16;
/// Size of `struct cn_msg` without data.
const MESSAGE: usize = 20;
/// Where `struct proc_event` has what differs by event.
const DATA: usize = 16;
/// The largest receive buffer that messages lost lead to, as getsockopt(2) tells it.
const MOST: usize = 32 << 20;
/// Longest message that is read; the kernel's are 76 bytes.
const LIMIT: usize = 4096;

/// News of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessEvent {
    /// The kernel answers somebody's wish to listen.
    Answered {
        /// Which one, by the port of the socket it came from: all who listen hear all answers.
        wish: u32,
        /// An error number; 0 is none.
        error: i32,
    },
    /// It was started, runs another program, or has another name.
    Changed(u32),
    /// It ended.
    Ended(u32),
}

/// A socket that hears of every process.
#[derive(Debug)]
pub(super) struct Connector {
    socket: Socket,
    wish: u32,
}

impl Connector {
    /// Asks the kernel for its messages. It answers with [`ProcessEvent::Answered`], or in namespaces that are not the
    /// initial ones not at all.
    ///
    /// # Errors
    /// When there is no connector, or permission is missing.
    pub(super) fn open(buffer: Buffer) -> io::Result<Self> {
        let family = Domain::from(libc::AF_NETLINK);
        let socket = Socket::new(family, Type::DGRAM, Some(Protocol::from(CONNECTOR)))?;
        socket.set_nonblocking(true)?;
        if let Some(bytes) = buffer.size {
            let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
            if buffer.force {
                setsockopt(&socket, sockopt::RcvBufForce, &bytes)?;
            } else {
                socket.set_recv_buffer_size(bytes)?;
            }
        }
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, PROC))?;
        // The port is this socket's alone.
        let wish = getsockname::<NetlinkAddr>(socket.as_raw_fd())?.pid();
        send(socket.as_raw_fd(), &request(wish), MsgFlags::empty())?;
        Ok(Self { socket, wish })
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// What the answer to this socket names.
    pub(super) const fn wish(&self) -> u32 {
        self.wish
    }

    /// Doubles the receive buffer, after messages were lost; returns its size in bytes, or `None` where it is as large as it may
    /// be.
    pub(super) fn grow(&self) -> Option<usize> {
        let size = getsockopt(&self.socket, sockopt::RcvBuf).ok()?;
        // The kernel doubles what it is given (socket(7)).
        let grows = size < MOST && setsockopt(&self.socket, sockopt::RcvBufForce, &size).is_ok();
        grows.then_some(size * 2)
    }

    /// The events of the next message; `None` when none waits.
    ///
    /// # Errors
    /// When the kernel lost messages.
    pub(super) fn receive(&self) -> io::Result<Option<Vec<ProcessEvent>>> {
        let mut bytes = [0; LIMIT];
        let received = recvfrom::<NetlinkAddr>(self.socket.as_raw_fd(), &mut bytes);
        match received.map_err(io::Error::from) {
            // Only the kernel has port 0.
            Ok((size, Some(from))) if from.pid() == 0 => Ok(Some(events(&bytes[..size]))),
            Ok(_) => Ok(Some(Vec::new())),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// `struct nlmsghdr`, `struct cn_msg`, and what is asked for. The kernel answers `ack` with the next number.
fn request(wish: u32) -> Vec<u8> {
    let data = LISTEN.to_ne_bytes();
    let size = NETLINK + MESSAGE + data.len();
    let mut bytes = Vec::with_capacity(size);
    bytes.extend(u32::try_from(size).unwrap_or(0).to_ne_bytes());
    bytes.extend((libc::NLMSG_DONE as u16).to_ne_bytes());
    bytes.extend([0; 10]);
    bytes.extend(PROC.to_ne_bytes());
    bytes.extend(PROC.to_ne_bytes());
    bytes.extend([0; 4]);
    bytes.extend(wish.to_ne_bytes());
    bytes.extend(u16::try_from(data.len()).unwrap_or(0).to_ne_bytes());
    bytes.extend([0; 2]);
    bytes.extend(data);
    bytes
}

/// The events of a datagram. What is cut off or unknown is none.
#[must_use]
pub fn events(mut bytes: &[u8]) -> Vec<ProcessEvent> {
    let mut events = Vec::new();
    while let Some(size) = word(bytes, 0).and_then(|size| usize::try_from(size).ok()) {
        let Some(message) = bytes.get(NETLINK..size) else {
            break;
        };
        let is_proc = word(message, 0) == Some(PROC) && word(message, 4) == Some(PROC);
        if let Some(event) = message.get(MESSAGE..).filter(|_| is_proc) {
            let wish = word(message, 12).unwrap_or(0).wrapping_sub(1);
            events.extend(self::event(event, wish));
        }
        bytes = bytes.get(size.next_multiple_of(4)..).unwrap_or_default();
    }
    events
}

/// `struct proc_event`. Threads other than the first of a process are passed over.
fn event(event: &[u8], wish: u32) -> Option<ProcessEvent> {
    const NONE: u32 = 0;
    const FORK: u32 = 1;
    const EXEC: u32 = 2;
    const COMM: u32 = 0x200;
    const EXIT: u32 = 0x8000_0000;
    let field = |number: usize| word(event, DATA + 4 * number);
    let first_thread = |at: usize| field(at).filter(|pid| field(at + 1) == Some(*pid));
    match word(event, 0)? {
        NONE => Some(ProcessEvent::Answered {
            wish,
            error: i32::from_ne_bytes(field(0)?.to_ne_bytes()),
        }),
        FORK => first_thread(2).map(ProcessEvent::Changed),
        // Whichever thread does it is the first one from then on.
        EXEC => field(1).map(ProcessEvent::Changed),
        COMM => first_thread(0).map(ProcessEvent::Changed),
        EXIT => first_thread(0).map(ProcessEvent::Ended),
        _ => None,
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    bytes.try_into().ok().map(u32::from_ne_bytes)
}
