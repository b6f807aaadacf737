//! TCP sockets that are there already: counted by the kernel, changed through the processes that have them.

use std::{
    collections::BTreeSet,
    fs, io,
    os::fd::{AsRawFd as _, OwnedFd},
    path::Path,
};

use lb_common::tcp_keepalive::{RULE_LEAVES, RULE_RESPECTS, RuleValue};
use nix::sys::{
    socket::{
        AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send,
        setsockopt, socket, sockopt,
    },
    time::{TimeVal, TimeValLike as _},
};
use serde::Serialize;
use socket2::{Protocol, Socket, TcpKeepalive, Type};

use super::{Attachment, KeepaliveError};
use crate::{
    io::process::{descriptor_of, pidfd_open},
    tcp_keepalive::rule::{Ends, fits},
};

/// Connections of a network namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// With a keepalive timer.
    pub with_keepalive: u64,
    /// Without any timer.
    pub without_keepalive: u64,
    /// That send something again, or probe a closed window: until they are done the kernel does not tell.
    pub busy: u64,
}

/// `SOCK_DIAG_BY_FAMILY`.
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST | NLM_F_DUMP`.
const DUMP: u16 = 0x301;
/// `NLMSG_ERROR`.
const ERROR: u16 = 2;
/// `NLMSG_DONE`.
const DONE: u16 = 3;
/// `ESTABLISHED` and `CLOSE_WAIT`, as bits.
const OPEN: u32 = 1 << 1 | 1 << 8;
/// Bytes of `struct nlmsghdr`.
const HEADER: usize = 16;
/// Bytes of `struct inet_diag_req_v2`.
const REQUEST: usize = 56;
/// Where `struct inet_diag_msg` has its timer.
const TIMER: usize = 2;
/// Seconds after which a kernel that says nothing is given up.
const PATIENCE: i64 = 5;

impl Counts {
    /// Asks the kernel about the connections of this network namespace.
    ///
    /// # Errors
    /// When it does not tell.
    pub fn read() -> Result<Self, KeepaliveError> {
        let mut counts = Self::default();
        for family in [libc::AF_INET, libc::AF_INET6] {
            counts.add(family).map_err(KeepaliveError::Diag)?;
        }
        Ok(counts)
    }

    fn add(&mut self, family: i32) -> io::Result<()> {
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkSockDiag,
        )?;
        let patience = TimeVal::seconds(PATIENCE);
        setsockopt(&socket, sockopt::ReceiveTimeout, &patience)?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
        send(socket.as_raw_fd(), &request(family), MsgFlags::empty())?;
        let mut bytes = vec![0; 64 << 10];
        loop {
            let length = recv(socket.as_raw_fd(), &mut bytes, MsgFlags::empty())?;
            if self.take(&bytes[..length])? {
                return Ok(());
            }
        }
    }

    /// Takes messages in; true after the last one.
    fn take(&mut self, mut bytes: &[u8]) -> io::Result<bool> {
        while let Some((header, _)) = bytes.split_first_chunk::<HEADER>() {
            let [a, b, c, d, e, f, ..] = *header;
            let length = u32::from_ne_bytes([a, b, c, d]) as usize;
            let body = bytes
                .get(HEADER..length)
                .ok_or(io::ErrorKind::InvalidData)?;
            match u16::from_ne_bytes([e, f]) {
                DONE => return Ok(true),
                ERROR => {
                    let code = body
                        .first_chunk()
                        .map_or(0, |code| i32::from_ne_bytes(*code));
                    return Err(io::Error::from_raw_os_error(code.saturating_neg()));
                }
                _ => match body.get(TIMER) {
                    Some(0) => self.without_keepalive += 1,
                    Some(2) => self.with_keepalive += 1,
                    _ => self.busy += 1,
                },
            }
            bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        Ok(false)
    }
}

/// A request for all open connections of a family.
fn request(family: i32) -> [u8; HEADER + REQUEST] {
    const LENGTH: u32 = (HEADER + REQUEST) as u32;
    let mut bytes = [0; HEADER + REQUEST];
    bytes[..4].copy_from_slice(&LENGTH.to_ne_bytes());
    bytes[4..6].copy_from_slice(&BY_FAMILY.to_ne_bytes());
    bytes[6..8].copy_from_slice(&DUMP.to_ne_bytes());
    bytes[HEADER] = family.to_ne_bytes()[0];
    bytes[HEADER + 1] = libc::IPPROTO_TCP.to_ne_bytes()[0];
    bytes[HEADER + 4..HEADER + 8].copy_from_slice(&OPEN.to_ne_bytes());
    bytes
}

/// What became of connections that were there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Existing {
    /// That have keepalive now.
    pub applied: u64,
    /// That were left alone, as a rule says.
    pub left: u64,
    /// That no rule fits.
    pub unmatched: u64,
    /// That could not be changed.
    pub failed: u64,
}

impl Existing {
    /// Gives the connections that processes of a group have what its rules say.
    #[must_use]
    pub fn apply(attachment: &Attachment) -> Self {
        let mut done = Self::default();
        let mut seen = BTreeSet::new();
        let processes = attachment.group.as_ref().map(super::Group::processes);
        for pid in processes.unwrap_or_default() {
            // A process that is gone has no connections.
            if let Ok(pidfd) = pidfd_open(pid) {
                for socket in sockets(pid, &pidfd, &mut seen) {
                    done.take(&socket, attachment);
                }
            }
        }
        done
    }

    fn take(&mut self, socket: &Socket, attachment: &Attachment) {
        let Some(ends) = ends(socket) else {
            return;
        };
        let mut rules = attachment.rules.iter().map(|(rule, _)| rule);
        let Some(rule) = rules.find(|rule| fits(rule, &ends)) else {
            self.unmatched += 1;
            return;
        };
        let respects = rule.flags & RULE_RESPECTS != 0;
        let is_left = rule.flags & RULE_LEAVES != 0;
        if is_left || (respects && socket.keepalive().unwrap_or(true)) {
            self.left += 1;
            return;
        }
        match give(socket, rule) {
            Ok(()) => self.applied += 1,
            Err(_) => self.failed += 1,
        }
    }
}

/// Copies of the sockets that a process has and nobody before it had.
fn sockets(pid: u32, pidfd: &OwnedFd, seen: &mut BTreeSet<String>) -> Vec<Socket> {
    let folder = format!("/proc/{pid}/fd");
    let Ok(entries) = fs::read_dir(Path::new(&folder)) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for entry in entries.filter_map(Result::ok) {
        let target = fs::read_link(entry.path()).unwrap_or_default();
        let target = target.to_string_lossy().into_owned();
        if !target.starts_with("socket:") || !seen.insert(target) {
            continue;
        }
        let number = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let socket = number.and_then(|number| descriptor_of(pidfd, number).ok());
        found.extend(socket.map(Socket::from));
    }
    found
}

/// The ends of a TCP connection; none of what is not one.
fn ends(socket: &Socket) -> Option<Ends> {
    let is_tcp =
        socket.r#type().ok()? == Type::STREAM && socket.protocol().ok()? == Some(Protocol::TCP);
    let end = |address: socket2::SockAddr| {
        let address = address.as_socket()?;
        Some((address.ip(), address.port()))
    };
    let ends = Ends {
        local: end(socket.local_addr().ok()?)?,
        remote: end(socket.peer_addr().ok()?)?,
    };
    is_tcp.then_some(ends)
}

fn give(socket: &Socket, rule: &RuleValue) -> io::Result<()> {
    let seconds = |seconds: u32| std::time::Duration::from_secs(seconds.into());
    if rule.user_timeout > 0 {
        let limit = std::time::Duration::from_millis(rule.user_timeout.into());
        socket.set_tcp_user_timeout(Some(limit))?;
    }
    let keepalive = TcpKeepalive::new()
        .with_time(seconds(rule.idle))
        .with_interval(seconds(rule.interval))
        .with_retries(rule.probes);
    socket.set_tcp_keepalive(&keepalive)
}
