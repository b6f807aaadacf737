//! Asking a link's driver whether it has a carrier, for drivers that do not tell the kernel (`linkbeat_interfaces`).

use std::{
    io, mem,
    os::fd::{AsRawFd, RawFd},
};

use socket2::{Domain, Socket, Type};

use crate::config::model::{InterfaceName, network::LinkbeatMethod};

/// linux/sockios.h.
const SIOCGIFFLAGS: libc::Ioctl = 0x8913;
const SIOCETHTOOL: libc::Ioctl = 0x8946;
const SIOCGMIIPHY: libc::Ioctl = 0x8947;
const SIOCGMIIREG: libc::Ioctl = 0x8948;
/// linux/ethtool.h.
const ETHTOOL_GLINK: u32 = 0x0a;
/// linux/mii.h: the basic mode status register, and its bit of the link.
const MII_BMSR: u16 = 1;
const BMSR_LSTATUS: u16 = 4;

/// The kernel's `struct ifreq`. 40 bytes where pointers have eight.
#[repr(C, align(8))]
struct Request {
    name: [u8; libc::IFNAMSIZ],
    payload: [u8; 24],
}

const _: () = assert!(
    mem::size_of::<Request>() == mem::size_of::<libc::ifreq>() || cfg!(target_pointer_width = "32")
);

/// The kernel's `struct ethtool_value`. 8 bytes.
#[repr(C)]
struct EthtoolValue {
    command: u32,
    data: u32,
}

/// Asks drivers.
#[derive(Debug)]
pub struct LinkProbe(Socket);

impl LinkProbe {
    /// Opens a socket to ask by.
    ///
    /// # Errors
    /// When the kernel gives none.
    pub fn open() -> io::Result<Self> {
        Socket::new(Domain::IPV4, Type::DGRAM, None).map(Self)
    }

    /// Whether the link has a carrier; without a method by the first that the driver knows: MII, ETHTOOL, IOCTL.
    ///
    /// # Errors
    /// When there is no such interface, or its driver does not know the method.
    pub fn has_carrier(
        &self,
        interface: &InterfaceName,
        method: LinkbeatMethod,
    ) -> io::Result<bool> {
        match method {
            LinkbeatMethod::Mii => self.mii(interface),
            LinkbeatMethod::Ethtool => self.ethtool(interface),
            LinkbeatMethod::Ioctl => self.flags(interface),
            LinkbeatMethod::Any => self
                .mii(interface)
                .or_else(|_| self.ethtool(interface))
                .or_else(|_| self.flags(interface)),
        }
    }

    /// The first two halves of the payload are the numbers of transceiver and register, the last is the answer
    /// (`struct mii_ioctl_data`).
    fn mii(&self, interface: &InterfaceName) -> io::Result<bool> {
        let mut request = request(interface);
        self.ask(SIOCGMIIPHY, &mut request)?;
        request.payload[2..4].copy_from_slice(&MII_BMSR.to_ne_bytes());
        // The bit is latched: it tells of a past loss once, and only then of now.
        self.ask(SIOCGMIIREG, &mut request)?;
        self.ask(SIOCGMIIREG, &mut request)?;
        let value = u16::from_ne_bytes([request.payload[6], request.payload[7]]);
        Ok(value & BMSR_LSTATUS != 0)
    }

    fn ethtool(&self, interface: &InterfaceName) -> io::Result<bool> {
        let mut value = EthtoolValue {
            command: ETHTOOL_GLINK,
            data: 0,
        };
        let mut request = request(interface);
        let address = (&raw mut value).expose_provenance().to_ne_bytes();
        request.payload[..address.len()].copy_from_slice(&address);
        self.ask(SIOCETHTOOL, &mut request)?;
        // The kernel wrote it behind the compiler's back.
        let data = std::hint::black_box(&mut value).data;
        Ok(data != 0)
    }

    fn flags(&self, interface: &InterfaceName) -> io::Result<bool> {
        let mut request = request(interface);
        self.ask(SIOCGIFFLAGS, &mut request)?;
        let flags = i16::from_ne_bytes([request.payload[0], request.payload[1]]);
        Ok(i32::from(flags) & libc::IFF_RUNNING != 0)
    }

    fn ask(&self, number: libc::Ioctl, request: &mut Request) -> io::Result<()> {
        ioctl(self.0.as_raw_fd(), number, request)
    }
}

fn request(interface: &InterfaceName) -> Request {
    let mut name = [0; libc::IFNAMSIZ];
    // Fifteen bytes at most, so that a NUL follows.
    let bytes = interface.as_str().as_bytes();
    let length = bytes.len().min(libc::IFNAMSIZ - 1);
    name[..length].copy_from_slice(&bytes[..length]);
    Request {
        name,
        payload: [0; 24],
    }
}

fn ioctl(socket: RawFd, number: libc::Ioctl, request: &mut Request) -> io::Result<()> {
    // SAFETY: the request is as large as the kernel's and lives through the call; those who put a pointer into it keep
    // what that points to alive, and as large as the number says.
    match unsafe { libc::ioctl(socket, number, request) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_is_asked_by_every_method_it_knows() {
        let probe = LinkProbe::open().unwrap();
        let lo: InterfaceName = "lo".to_owned().try_into().unwrap();
        // It has no transceiver.
        assert!(probe.has_carrier(&lo, LinkbeatMethod::Mii).is_err());
        for method in [
            LinkbeatMethod::Ethtool,
            LinkbeatMethod::Ioctl,
            LinkbeatMethod::Any,
        ] {
            assert!(probe.has_carrier(&lo, method).unwrap(), "{method:?}");
        }
        let none: InterfaceName = "none-such".to_owned().try_into().unwrap();
        assert!(probe.has_carrier(&none, LinkbeatMethod::Any).is_err());
    }
}
