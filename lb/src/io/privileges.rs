//! What a child gives up when it starts, before there are other threads: capabilities that it has no use for, and where it runs no programs,
//! everything that programs could get back.
//!
//! Programs that run as root get all capabilities again, as scripts of keepalived expect; those of other users get none.

use std::path::Path;

use caps::{CapSet, Capability, CapsHashSet, errors::CapsError};
use landlock::{
    ABI, AccessFs, PathBeneath, PathFd, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _,
    RulesetError,
};
use thiserror::Error;

use crate::cli::Role;

/// What a process cannot give up.
#[derive(Debug, Error)]
pub enum PrivilegesError {
    /// The kernel keeps capabilities.
    #[error("capabilities: {0}")]
    Capabilities(#[from] CapsError),
    /// The kernel keeps access to files.
    #[error("landlock: {0}")]
    Landlock(#[from] RulesetError),
    /// There is no such directory.
    #[error("landlock: {0}")]
    Directory(#[from] landlock::PathFdError),
}

/// Raw sockets, netlink, maps of BPF; the scheduling that a reload may ask for; files and secrets of any owner.
const COMMON: &[Capability] = &[
    Capability::CAP_NET_ADMIN,
    Capability::CAP_NET_RAW,
    Capability::CAP_NET_BIND_SERVICE,
    Capability::CAP_BPF,
    Capability::CAP_SYS_NICE,
    Capability::CAP_SYS_RESOURCE,
    Capability::CAP_IPC_LOCK,
    Capability::CAP_DAC_OVERRIDE,
];
/// Scripts of other users, their end, and FIFOs that belong to them.
const SCRIPTS: &[Capability] = &[
    Capability::CAP_SETUID,
    Capability::CAP_SETGID,
    Capability::CAP_KILL,
    Capability::CAP_CHOWN,
    Capability::CAP_FOWNER,
];

/// The capabilities of a child.
fn of(role: Role) -> CapsHashSet {
    let scripts = match role {
        Role::Vrrp | Role::Checkers => SCRIPTS,
        Role::Bfd => &[],
    };
    COMMON.iter().chain(scripts).copied().collect()
}

/// Keeps what a child needs. One that runs no programs may from now on write below `run_dir`, to its PID file, and to new files beside its
/// log file alone.
///
/// In the others only the effective set shrinks: the kernel forgets with whom a script is to end (`PR_SET_PDEATHSIG`) when an exec
/// permits it more than its parent.
///
/// # Errors
/// When the kernel refuses; what was given up until then stays so.
pub fn keep_only(
    role: Role,
    run_dir: &Path,
    pid_file: &Path,
    log_file: Option<&Path>,
) -> Result<(), PrivilegesError> {
    let before = caps::read(None, CapSet::Permitted)?;
    let kept = &before & &of(role);
    if role == Role::Bfd {
        // First, because it takes a capability that goes.
        for capability in caps::all().difference(&kept) {
            // What the kernel does not know it does not have.
            if caps::has_cap(None, CapSet::Bounding, *capability).unwrap_or(false) {
                caps::drop(None, CapSet::Bounding, *capability)?;
            }
        }
        write_to(run_dir, pid_file, log_file)?;
    }
    caps::set(None, CapSet::Effective, &kept)?;
    caps::clear(None, CapSet::Inheritable)?;
    if role == Role::Bfd {
        caps::set(None, CapSet::Permitted, &kept)?;
    }
    Ok(())
}

/// As far as the kernel knows how.
fn write_to(
    run_dir: &Path,
    pid_file: &Path,
    log_file: Option<&Path>,
) -> Result<(), PrivilegesError> {
    let all = AccessFs::from_write(ABI::V6);
    let contents = AccessFs::WriteFile | AccessFs::Truncate;
    let mut rules = Ruleset::default()
        .handle_access(all)?
        .create()?
        .add_rule(PathBeneath::new(PathFd::new(run_dir)?, all))?;
    // Its predecessor's, or its own.
    if let Ok(file) = PathFd::new(pid_file) {
        rules = rules.add_rule(PathBeneath::new(file, contents))?;
    }
    // logrotate(8) moves it away.
    if let Some(directory) = log_file.and_then(Path::parent) {
        let new = contents | AccessFs::MakeReg;
        rules = rules.add_rule(PathBeneath::new(PathFd::new(directory)?, new))?;
    }
    rules.restrict_self()?;
    Ok(())
}
