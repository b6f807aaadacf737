//! A process, ours or another's, that cannot be mistaken for one that had its pid before or will have it.

mod settle;
mod threads;

use std::{
    io,
    mem::size_of,
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
    time::Duration,
};

use nix::{
    errno::Errno,
    libc,
    sys::{
        signal::Signal,
        stat::fstat,
        statfs::fstatfs,
        wait::{Id, WaitPidFlag, WaitStatus, waitid},
    },
};
use tokio::time::sleep;

pub(in crate::io) use self::settle::{become_user, settle};
pub use self::threads::threads;
use super::watch::Watch;
use crate::keepalive::record::{Ending, ProcessId};

/// `PIDFD_INFO_EXIT` of `linux/pidfd.h`.
const INFO_EXIT: u64 = 1 << 3;
/// `PIDFD_SIGNAL_PROCESS_GROUP`, since Linux 6.9.
const PROCESS_GROUP: libc::c_uint = 1 << 2;
/// `PID_FS_MAGIC` of `linux/magic.h`: there an inode is one process's.
const PIDFS: i64 = 0x5049_4446;
/// How often it is asked how a process ended that is not our child, while its parent is waiting for it.
const LOOKS: u32 = 10;
/// Time between two of these.
const LOOK: Duration = Duration::from_millis(2);

/// `struct pidfd_info` of `linux/pidfd.h`, as it was first.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct PidfdInfo {
    mask: u64,
    cgroupid: u64,
    pid: u32,
    tgid: u32,
    ppid: u32,
    ids: [u32; 8],
    exit_code: i32,
}

const _: () = assert!(size_of::<PidfdInfo>() == 64);

mod call {
    nix::ioctl_readwrite!(pidfd_get_info, 0xff, 11, super::PidfdInfo);
}

/// An open process.
#[derive(Debug)]
pub struct Process {
    id: ProcessId,
    pidfd: Watch<OwnedFd>,
}

impl Process {
    /// The process that has this pid now.
    ///
    /// # Errors
    /// When there is none, or it cannot be looked at.
    pub fn open(pid: u32) -> io::Result<Self> {
        let (id, pidfd) = look(pid)?;
        Ok(Self {
            id,
            pidfd: Watch::new(pidfd)?,
        })
    }

    /// The process that was recorded, if it still is there.
    ///
    /// # Errors
    /// When it is not.
    pub fn open_recorded(id: ProcessId) -> io::Result<Self> {
        let process = Self::open(id.pid)?;
        if process.id == id {
            Ok(process)
        } else {
            Err(Errno::ESRCH.into())
        }
    }

    /// Which it is.
    #[must_use]
    pub const fn id(&self) -> ProcessId {
        self.id
    }

    /// Waits until it runs no more. Safe to cancel.
    pub async fn gone(&self) {
        // Only the end makes it readable; an error would be one of the descriptor's.
        let _readable = self.pidfd.read(|_| Ok(())).await;
    }

    /// Waits for its end. Safe to cancel.
    pub async fn ended(&self) -> Ending {
        self.gone().await;
        for _ in 0..LOOKS {
            let id = Id::PIDFd(self.pidfd.get().as_fd());
            match waitid(id, WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG) {
                Ok(WaitStatus::Exited(_, code)) => return Ending::Exited(code),
                Ok(WaitStatus::Signaled(_, signal, _)) => return Ending::Signalled(signal as i32),
                Ok(_) => {}
                Err(_) => {
                    let ending = self.zombie_ending().or_else(|| self.foreign_ending());
                    if let Some(ending) = ending {
                        return ending;
                    }
                }
            }
            sleep(LOOK).await;
        }
        Ending::Unknown
    }

    /// How another's child ended that its parent has not waited for yet.
    fn zombie_ending(&self) -> Option<Ending> {
        let stat = Stat::read(self.id.pid).ok()?;
        let is_it = stat.field(3) == Some("Z") && stat.number(22) == Some(self.id.start_time);
        let status = stat.number(52).filter(|_| is_it)?;
        i32::try_from(status).ok().map(ending)
    }

    /// How another's child ended that its parent has waited for: the kernel remembers since Linux 6.15.
    fn foreign_ending(&self) -> Option<Ending> {
        let mut info = PidfdInfo {
            mask: INFO_EXIT,
            ..PidfdInfo::default()
        };
        let pidfd = self.pidfd.get().as_raw_fd();
        // SAFETY: the structure has the size that the number of the call tells the kernel.
        unsafe { call::pidfd_get_info(pidfd, &raw mut info) }.ok()?;
        (info.mask & INFO_EXIT != 0).then(|| ending(info.exit_code))
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When it has ended.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        send_signal(self.pidfd.get(), signal as i32, 0)
    }

    /// Sends a signal to its process group, which it leads.
    ///
    /// # Errors
    /// When it has ended.
    pub fn signal_group(&self, signal: Signal) -> io::Result<()> {
        match send_signal(self.pidfd.get(), signal as i32, PROCESS_GROUP) {
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => self.signal(signal),
            sent => sent,
        }
    }
}

/// Ends processes: those of these pids that are meant still once they are held. What has the pid of one that is gone is not.
pub fn kill(pids: Vec<u32>, is_meant: impl Fn(u32) -> bool) {
    for pid in pids {
        if let Ok(process) = Process::open(pid)
            && is_meant(pid)
        {
            // It may be gone already.
            process.signal(Signal::SIGKILL).ok();
        }
    }
}

/// Which process has this pid now.
///
/// # Errors
/// When none has.
pub fn identify(pid: u32) -> io::Result<ProcessId> {
    look(pid).map(|(id, _)| id)
}

fn look(pid: u32) -> io::Result<(ProcessId, OwnedFd)> {
    let pidfd = pidfd_open(pid)?;
    let start_time = Stat::read(pid)?.number(22);
    let start_time = start_time.ok_or(io::ErrorKind::InvalidData)?;
    let pidfs = fstatfs(pidfd.as_fd()).is_ok_and(|of| of.filesystem_type().0 == PIDFS);
    let inode = pidfs.then(|| fstat(&pidfd)).transpose()?;
    let id = ProcessId {
        pid,
        start_time,
        inode: inode.map(|of| of.st_ino),
    };
    // It still has the pid, so what was read is its own.
    send_signal(&pidfd, 0, 0)?;
    Ok((id, pidfd))
}

/// A descriptor of a process.
///
/// # Errors
/// When there is none of this pid.
pub fn pidfd_open(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: takes two numbers.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let descriptor = Errno::result(descriptor)?;
    let descriptor = libc::c_int::try_from(descriptor).map_err(io::Error::other)?;
    // SAFETY: the kernel has just opened it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// A copy of a descriptor of another process (Linux 5.6).
///
/// # Errors
/// When it is not there any more, or we may not.
pub fn descriptor_of(pidfd: &OwnedFd, number: i32) -> io::Result<OwnedFd> {
    // SAFETY: the call takes no pointers.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_getfd, pidfd.as_raw_fd(), number, 0) };
    let descriptor = Errno::result(descriptor)?;
    let descriptor = i32::try_from(descriptor).map_err(io::Error::other)?;
    // SAFETY: the kernel made it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

fn send_signal(pidfd: &OwnedFd, signal: libc::c_int, flags: libc::c_uint) -> io::Result<()> {
    let none = std::ptr::null::<libc::siginfo_t>();
    let descriptor = pidfd.as_raw_fd();
    // SAFETY: without a siginfo the kernel makes its own.
    let sent =
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, descriptor, signal, none, flags) };
    Errno::result(sent)?;
    Ok(())
}

/// An ending as wait(2) gives it.
const fn ending(status: i32) -> Ending {
    if libc::WIFSIGNALED(status) {
        Ending::Signalled(libc::WTERMSIG(status))
    } else {
        Ending::Exited(libc::WEXITSTATUS(status))
    }
}

/// `/proc/PID/stat`; fields count from 1, as in proc_pid_stat(5).
struct Stat(String);

impl Stat {
    fn read(pid: u32) -> io::Result<Self> {
        std::fs::read_to_string(format!("/proc/{pid}/stat")).map(Self)
    }

    /// A field behind the name, which may have blanks and parentheses.
    fn field(&self, number: usize) -> Option<&str> {
        let (_, behind) = self.0.rsplit_once(')')?;
        behind.split_ascii_whitespace().nth(number.checked_sub(3)?)
    }

    fn number(&self, number: usize) -> Option<u64> {
        self.field(number)?.parse().ok()
    }
}

#[cfg(test)]
mod tests;
