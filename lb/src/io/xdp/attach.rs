//! Attaching to interfaces by pinned links.

use std::path::Path;

use aya::{
    programs::{
        LinkOrder, ProgramError, SchedClassifier, TcAttachType, Xdp, XdpMode,
        links::{FdLink, LinkError, PinnedLink},
        tc::{
            NlOptions, SchedClassifierLink, TcAttachOptions, TcHandle, qdisc_add_clsact,
            qdisc_detach_program,
        },
    },
    util::KernelVersion,
};
use lb_common::programs;
use nix::libc::{EBUSY, EEXIST, ENODEV, ENOLINK, EPERM};
use tracing::warn;

use super::{DataPlane, XdpError, error::error_number, loader::remove_file};

/// How the driver runs the XDP program of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XdpModeInUse {
    /// By the driver, before the packet becomes a socket buffer.
    Native,
    /// By the kernel, for drivers that cannot; several times slower.
    Generic,
    /// An earlier process attached it, and the link goes on as it was.
    Inherited,
}

impl XdpModeInUse {
    /// The mode in a word, for the status.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Generic => "generic",
            Self::Inherited => "inherited",
        }
    }
}

/// Name of the pin of the XDP link of an interface.
const HOOK_XDP: &str = "xdp";
/// By which packets leave that are for this host itself.
pub const LOOPBACK: &str = "lo";
/// Name of the pin of the tc link of an interface.
const HOOK_TC: &str = "tc";

impl DataPlane {
    /// Attaches to `interface`, or puts the newly loaded programs in place of those an earlier process attached:
    /// atomically, no packet sees the interface without a program.
    ///
    /// # Errors
    /// When the interface is not there, another XDP program occupies it, or the kernel refuses.
    pub fn attach(&mut self, interface: &str) -> Result<XdpModeInUse, XdpError> {
        self.attach_by(interface, XdpMode::Driver)
    }

    /// [`Self::attach`] in generic mode, also where the driver has native XDP. A link that an earlier process attached goes on
    /// in its mode.
    ///
    /// A veth needs it where virtual MACs are turned back: it says whom a packet is for before native XDP sees it, and does
    /// not take that back after.
    ///
    /// # Errors
    /// As [`Self::attach`].
    pub fn attach_generic(&mut self, interface: &str) -> Result<XdpModeInUse, XdpError> {
        self.attach_by(interface, XdpMode::Skb)
    }

    fn attach_by(&mut self, interface: &str, wanted: XdpMode) -> Result<XdpModeInUse, XdpError> {
        let (xdp, tc) = if self.capabilities.timers {
            (programs::XDP, programs::TC)
        } else {
            (programs::XDP_PLAIN, programs::TC_PLAIN)
        };
        let attached = self
            .attach_xdp(xdp, interface, wanted)
            .and_then(|mode| self.attach_tc(tc, interface).map(|()| mode));
        if attached.is_err() {
            // Half of it would take leases that nothing renews.
            self.detach(interface)?;
        }
        attached
    }

    /// Attaches the program for clients on this host, to egress of [`LOOPBACK`].
    ///
    /// # Errors
    /// As [`Self::attach`].
    pub fn attach_local(&mut self) -> Result<(), XdpError> {
        self.attach_tc(programs::LOCAL, LOOPBACK)
    }

    /// Whether that was attached by a link that is pinned.
    #[must_use]
    pub fn has_local(&self) -> bool {
        self.pins.link(LOOPBACK, HOOK_TC).exists()
    }

    /// Detaches from `interface`; nothing else changes.
    ///
    /// # Errors
    /// When a pin cannot be removed; one that is not there is no error.
    pub fn detach(&mut self, interface: &str) -> Result<(), XdpError> {
        remove_file(&self.pins.link(interface, HOOK_XDP))?;
        remove_file(&self.pins.link(interface, HOOK_TC))?;
        if !has_tcx() {
            for name in [programs::TC, programs::TC_PLAIN, programs::LOCAL] {
                // Whichever is not there.
                let _absent = qdisc_detach_program(interface, TcAttachType::Egress, name);
            }
        }
        Ok(())
    }

    fn attach_xdp(
        &mut self,
        name: &'static str,
        interface: &str,
        wanted: XdpMode,
    ) -> Result<XdpModeInUse, XdpError> {
        let pin = self.pins.link(interface, HOOK_XDP);
        let failed = XdpError::attach(name, interface);
        let program: &mut Xdp = self.program(name)?;
        let inherited = inherit(&pin, |link| {
            let link = link.try_into().map_err(|_| Refused::Stale)?;
            program
                .attach_to_link(link)
                .map(drop)
                .map_err(Refused::from)
        });
        match inherited {
            Ok(true) => return Ok(XdpModeInUse::Inherited),
            Ok(false) => {}
            Err(error) => return Err(failed(error)),
        }
        let (id, mode) = match program.attach(interface, wanted) {
            Ok(id) if wanted == XdpMode::Skb => (id, XdpModeInUse::Generic),
            Ok(id) => (id, XdpModeInUse::Native),
            Err(error) if wanted == XdpMode::Driver && !is_final(&error) => {
                warn!(
                    "{interface}: the driver has no native XDP; generic mode costs several times the CPU"
                );
                let id = program.attach(interface, XdpMode::Skb).map_err(failed)?;
                (id, XdpModeInUse::Generic)
            }
            Err(error) => return Err(failed(error)),
        };
        let link = program
            .take_link(id)
            .map_err(XdpError::attach(name, interface))?;
        pin_link(FdLink::try_from(link), &pin)?;
        Ok(mode)
    }

    fn attach_tc(&mut self, name: &'static str, interface: &str) -> Result<(), XdpError> {
        let pin = self.pins.link(interface, HOOK_TC);
        let failed = XdpError::attach(name, interface);
        let program: &mut SchedClassifier = self.program(name)?;
        if !has_tcx() {
            return attach_clsact(program, interface).map_err(failed);
        }
        let inherited = inherit(&pin, |link| {
            let link = link.try_into().map_err(|_| Refused::Stale)?;
            program
                .attach_to_link(link)
                .map(drop)
                .map_err(Refused::from)
        });
        match inherited {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) => return Err(failed(error)),
        }
        // Last: what others put on the packet is on it when we look.
        let order = TcAttachOptions::TcxOrder(LinkOrder::last());
        let link = program
            .attach_with_options(interface, TcAttachType::Egress, order)
            .and_then(|id| program.take_link(id))
            .map_err(failed)?;
        pin_link(FdLink::try_from(link), &pin)
    }

    fn program<'a, P>(&'a mut self, name: &'static str) -> Result<&'a mut P, XdpError>
    where
        &'a mut P: TryFrom<&'a mut aya::programs::Program>,
    {
        let program = self.object.program_mut(name);
        program
            .and_then(|program| program.try_into().ok())
            .ok_or(XdpError::NoProgram(name))
    }
}

/// Whether the driver's refusal means that generic mode is refused as well. Drivers say `EINVAL`, `ERANGE`, `E2BIG` or
/// `ENOMEM` where only their native mode cannot work: frames too large, queues too few.
fn is_final(error: &ProgramError) -> bool {
    matches!(
        error_number(error),
        None | Some(EBUSY | EEXIST | EPERM | ENODEV)
    )
}

/// Linux 6.6.
fn has_tcx() -> bool {
    KernelVersion::current().is_ok_and(|version| version >= KernelVersion::new(6, 6, 0))
}

/// Why a link did not take the program.
enum Refused {
    /// Its interface is gone, or it is not a link of this kind.
    Stale,
    /// The kernel said no.
    Failed(ProgramError),
}

impl From<ProgramError> for Refused {
    fn from(error: ProgramError) -> Self {
        if error_number(&error) == Some(ENOLINK) {
            Self::Stale
        } else {
            Self::Failed(error)
        }
    }
}

/// Hands the link pinned at `pin` to `replace`. False when there is none, or it leads nowhere any more: then
/// the pin is removed.
fn inherit(
    pin: &Path,
    replace: impl FnOnce(FdLink) -> Result<(), Refused>,
) -> Result<bool, ProgramError> {
    let Ok(link) = PinnedLink::from_pin(pin) else {
        return Ok(false);
    };
    match replace(link.into()) {
        Ok(()) => Ok(true),
        Err(Refused::Stale) => {
            std::fs::remove_file(pin).map_err(ProgramError::IOError)?;
            Ok(false)
        }
        Err(Refused::Failed(error)) => Err(error),
    }
}

fn pin_link(link: Result<FdLink, LinkError>, pin: &Path) -> Result<(), XdpError> {
    let link = link.map_err(|source| XdpError::Link {
        path: pin.to_owned(),
        source,
    })?;
    link.pin(pin).map(drop).map_err(|source| XdpError::Pin {
        path: pin.to_owned(),
        source,
    })
}

/// Before tcx: a filter of the clsact qdisc, always at the same place, so that the next process finds it.
fn attach_clsact(program: &mut SchedClassifier, interface: &str) -> Result<(), ProgramError> {
    const PRIORITY: u16 = 49_000;
    const HANDLE: TcHandle = TcHandle::new(0, 1);
    // Fails where the qdisc is there already, which is as well; the attachment tells anything else.
    let _present = qdisc_add_clsact(interface);
    let options = TcAttachOptions::Netlink(NlOptions {
        priority: PRIORITY,
        handle: HANDLE,
        classid: None,
    });
    let egress = TcAttachType::Egress;
    let id = match program.attach_with_options(interface, egress, options) {
        Err(error) if error_number(&error) == Some(EEXIST) => {
            let link = SchedClassifierLink::attached(interface, egress, PRIORITY, HANDLE, None);
            program.attach_to_link(link.map_err(ProgramError::IOError)?)?
        }
        attached => attached?,
    };
    // Dropping the link would remove the filter; it is to stay when this process goes.
    std::mem::forget(program.take_link(id)?);
    Ok(())
}
