//! A port of the switch, moved by one netlink message on a socket that is open already.

use std::{
    io::{Read as _, Write as _},
    sync::Mutex,
};

use anyhow::{Context as _, bail};
use nix::net::if_::if_nametoindex;
use socket2::{Domain, Protocol, Socket, Type};

use super::{
    namespace::Namespace,
    xdp::{Attached, Verdict},
};

const RTM_NEWLINK: u16 = 16;
const NLM_F_REQUEST_ACK: u16 = 1 | 4;
const IFF_UP: u32 = 1;
const IFLA_MASTER: u16 = 10;

/// The switch's end of a node's cable. Every change takes well under a millisecond.
#[derive(Debug)]
pub struct Port {
    netlink: Mutex<Socket>,
    index: u32,
    bridge: u32,
    _receiver: Attached,
}

impl Port {
    /// Opens the port of a director, and makes it take what the director's XDP sends.
    pub(super) fn open(switch: &Namespace, port: &str, bridge: &str) -> anyhow::Result<Self> {
        switch.run(|| {
            let netlink = Socket::new(
                Domain::from(libc::AF_NETLINK),
                Type::RAW,
                Some(Protocol::from(libc::NETLINK_ROUTE)),
            )
            .context("open a netlink socket")?;
            netlink.set_read_timeout(Some(std::time::Duration::from_secs(1)))?;
            let index = if_nametoindex(port).with_context(|| format!("port {port}"))?;
            Ok(Self {
                netlink: Mutex::new(netlink),
                index,
                _receiver: Attached::new(port, Verdict::Pass)?,
                bridge: if_nametoindex(bridge).with_context(|| format!("bridge {bridge}"))?,
            })
        })
    }

    /// Pulls the cable: the node loses its carrier.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn cut(&self) -> anyhow::Result<()> {
        self.change(0, IFF_UP, None).context("cut the link")
    }

    /// Plugs the cable in.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn restore(&self) -> anyhow::Result<()> {
        self.change(IFF_UP, IFF_UP, None)
            .context("restore the link")
    }

    /// Takes the port out of the bridge: the node keeps its carrier and reaches nobody.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn isolate(&self) -> anyhow::Result<()> {
        self.change(0, 0, Some(0)).context("isolate the port")
    }

    /// Puts the port back into the bridge.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn heal(&self) -> anyhow::Result<()> {
        self.change(0, 0, Some(self.bridge))
            .context("heal the port")
    }

    fn change(&self, flags: u32, mask: u32, master: Option<u32>) -> anyhow::Result<()> {
        let attribute_length = if master.is_some() { 8 } else { 0 };
        let mut message = Vec::with_capacity(40);
        message.extend((32 + attribute_length as u32).to_ne_bytes());
        message.extend(RTM_NEWLINK.to_ne_bytes());
        message.extend(NLM_F_REQUEST_ACK.to_ne_bytes());
        message.extend([0; 8]); // sequence, port id
        message.extend([0; 4]); // family, padding, device type
        message.extend(self.index.to_ne_bytes());
        message.extend(flags.to_ne_bytes());
        message.extend(mask.to_ne_bytes());
        if let Some(master) = master {
            message.extend(8u16.to_ne_bytes());
            message.extend(IFLA_MASTER.to_ne_bytes());
            message.extend(master.to_ne_bytes());
        }
        let netlink = self
            .netlink
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        (&*netlink).write_all(&message)?;
        acknowledged(&netlink)
    }
}

/// Reads the acknowledgement: `nlmsgerr` with the negative error number behind the 16-byte header.
fn acknowledged(mut netlink: &Socket) -> anyhow::Result<()> {
    let mut answer = [0; 256];
    let length = netlink.read(&mut answer)?;
    let Some(code) = answer[..length].get(16..20) else {
        bail!("the kernel's answer is short");
    };
    let code = i32::from_ne_bytes([code[0], code[1], code[2], code[3]]);
    if code != 0 {
        return Err(std::io::Error::from_raw_os_error(-code).into());
    }
    Ok(())
}
