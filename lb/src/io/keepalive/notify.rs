//! What processes say of themselves, in the way of sd_notify(3).

use std::{
    io::{self, IoSliceMut},
    os::fd::{AsRawFd, OwnedFd},
};

use nix::{
    cmsg_space,
    sys::socket::{
        AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockType, UnixAddr,
        UnixCredentials, bind, recvmsg, setsockopt, socket, sockopt::PassCred,
    },
};

use crate::{
    io::watch::Watch,
    keepalive::notice::{Notice, parse},
};

/// Longest message.
const LONGEST: usize = 4096;

/// The socket that processes are given in `NOTIFY_SOCKET`. It has an abstract name, so that every user may write to it; who
/// wrote, the kernel says.
#[derive(Debug)]
pub struct Notices {
    socket: Watch<OwnedFd>,
    name: String,
}

impl Notices {
    /// Listens under a name with this tag.
    ///
    /// # Errors
    /// When somebody else has the name.
    pub fn listen(tag: &str) -> io::Result<Self> {
        let name = format!("lb/{tag}/notify");
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Unix, SockType::Datagram, flags, None)?;
        setsockopt(&socket, PassCred, &true)?;
        bind(
            socket.as_raw_fd(),
            &UnixAddr::new_abstract(name.as_bytes())?,
        )?;
        Ok(Self {
            socket: Watch::new(socket)?,
            name,
        })
    }

    /// The value of `NOTIFY_SOCKET`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("@{}", self.name)
    }

    /// The next message: the pid of who sent it, and what it says. Safe to cancel.
    ///
    /// # Errors
    /// When the socket is broken.
    pub async fn next(&self) -> io::Result<(u32, Vec<Notice>)> {
        self.socket.read(receive).await
    }
}

fn receive(socket: &OwnedFd) -> io::Result<(u32, Vec<Notice>)> {
    let mut buffer = [0; LONGEST];
    // No room for descriptors: the kernel closes what is sent.
    let mut control = cmsg_space!(UnixCredentials);
    let mut parts = [IoSliceMut::new(&mut buffer)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<UnixAddr>(socket.as_raw_fd(), &mut parts, Some(&mut control), flags)?;
    let length = message.bytes;
    let sender = message.cmsgs()?.find_map(|of| match of {
        ControlMessageOwned::ScmCredentials(who) => u32::try_from(who.pid()).ok(),
        _ => None,
    });
    let notices = parse(buffer.get(..length).unwrap_or_default());
    Ok((sender.unwrap_or_default(), notices))
}
