//! The smallest XDP programs: one verdict for everything.
//!
//! A veth that gets frames from its peer's XDP_TX takes them off its ring only when it is woken, and the kernel wakes it
//! only if it has an XDP program itself: NAPI turned on by GRO is not enough, the frames then wait for the next packet
//! of the network stack, and a ring that is full once is never emptied again.

use std::{
    io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
};

use anyhow::Context as _;
use nix::net::if_::if_nametoindex;

const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_LINK_CREATE: libc::c_int = 28;
const BPF_PROG_TYPE_XDP: u32 = 6;
const BPF_XDP: u32 = 37;
const XDP_FLAGS_DRV_MODE: u32 = 1 << 2;
/// `r0 = XDP_PASS; exit`
static PASS: [u64; 2] = [0x0000_0002_0000_00b7, 0x95];
/// `r0 = XDP_DROP; exit`
static DROP: [u64; 2] = [0x0000_0001_0000_00b7, 0x95];

/// What becomes of every frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The network stack gets it.
    Pass,
    /// Nobody gets it.
    Drop,
}

/// `union bpf_attr` as far as BPF_PROG_LOAD needs it.
#[repr(C)]
struct ProgLoad {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
}

/// `union bpf_attr` as far as BPF_LINK_CREATE needs it.
#[repr(C)]
struct LinkCreate {
    prog_fd: u32,
    target_ifindex: u32,
    attach_type: u32,
    flags: u32,
}

/// A program on an interface, until dropped.
#[derive(Debug)]
pub struct Attached {
    _link: OwnedFd,
}

impl Attached {
    /// Attaches a program to an interface of this thread's namespace, in native mode.
    ///
    /// # Errors
    /// When there is no such interface, or the kernel refuses.
    pub fn new(interface: &str, verdict: Verdict) -> anyhow::Result<Self> {
        let index = if_nametoindex(interface).with_context(|| format!("interface {interface}"))?;
        let _link = attach(index, verdict)?;
        Ok(Self { _link })
    }
}

fn attach(index: u32, verdict: Verdict) -> anyhow::Result<OwnedFd> {
    let program = match verdict {
        Verdict::Pass => &PASS,
        Verdict::Drop => &DROP,
    };
    let program = bpf(
        BPF_PROG_LOAD,
        &ProgLoad {
            prog_type: BPF_PROG_TYPE_XDP,
            insn_cnt: program.len() as u32,
            insns: program.as_ptr().addr() as u64,
            license: c"GPL".as_ptr().addr() as u64,
        },
    );
    let program = program.context("load an XDP program")?;
    let link = LinkCreate {
        prog_fd: program.as_raw_fd().cast_unsigned(),
        target_ifindex: index,
        attach_type: BPF_XDP,
        flags: XDP_FLAGS_DRV_MODE,
    };
    bpf(BPF_LINK_CREATE, &link).context("attach an XDP program")
}

/// Calls bpf(2) for a command that reads `attribute` and answers with a descriptor.
fn bpf<T>(command: libc::c_int, attribute: &T) -> io::Result<OwnedFd> {
    // SAFETY: `attribute` is a whole, initialised prefix of `union bpf_attr` for its command and `size_of::<T>()` its
    // size; the kernel takes the rest as zero. The addresses in it are of statics. Neither command writes to memory.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            std::ptr::from_ref(attribute),
            size_of::<T>(),
        )
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: on success both commands return a new descriptor, which is an int and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as libc::c_int) })
}
