//! How the kernel schedules this process, on the configuration's request: nice value, SCHED_RR, processors, locked
//! memory. What the kernel refuses costs one line in the log and nothing else.

#[cfg(test)]
mod tests;

use std::{
    ffi::CString,
    io,
    sync::OnceLock,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    libc,
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    sys::{
        prctl,
        resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit},
        stat::{Mode, umask},
    },
    unistd::Pid,
};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    cli::Role,
    config::model::{
        GlobalDefs,
        global::{AutoPriority, ProcessNames, Scheduling},
    },
    observe::log,
};

/// Times the limit of `*_rlimit_rttime` after which the kernel ends the process: by then it does not come back to its
/// loop, and its successor will.
const HARD_LIMIT: u32 = 100;
/// The least of that.
const HARD_LIMIT_LEAST: Duration = Duration::from_secs(1);
/// How often one log line about the same thing is enough.
const QUIET: Duration = Duration::from_secs(60);

/// What the process had before anything was set.
static BEFORE: OnceLock<Before> = OnceLock::new();

/// The name that this process was started with.
static NAME: OnceLock<CString> = OnceLock::new();

/// How many files the process might have open before that was raised, and the most that it may.
static FILES: OnceLock<(u64, u64)> = OnceLock::new();

struct Before {
    nice: libc::c_int,
    cpus: Option<CpuSet>,
}

/// The scheduling of this thread, which a process may have several of, and what of it is in force.
#[derive(Debug)]
pub struct Priorities {
    role: Role,
    given: Scheduling,
    auto: AutoPriority,
    /// The SCHED_RR priority that lateness led to; 0 is none.
    raised: u8,
    /// SIGXCPU: the soft limit of real time was reached. Without a listener the signal would end the process.
    over_limit: Option<Signal>,
    told: Option<Instant>,
    longest_delay: Duration,
    /// Whether what the kernel refuses is told here.
    tells: bool,
}

impl Priorities {
    /// Those that a process starts with.
    #[must_use]
    pub fn new(role: Role) -> Self {
        Self {
            role,
            given: Scheduling::default(),
            auto: AutoPriority::default(),
            raised: 0,
            over_limit: None,
            told: None,
            longest_delay: Duration::ZERO,
            tells: true,
        }
    }

    /// Those of another thread of a process, whose first thread tells what the kernel refuses.
    #[must_use]
    pub fn of_another_thread(role: Role) -> Self {
        Self {
            tells: false,
            ..Self::new(role)
        }
    }

    /// A configuration comes: what counts is how late timers run from now on.
    pub const fn forget_delays(&mut self) {
        self.longest_delay = Duration::ZERO;
    }

    /// By how much a timer has run too late at most, since the configuration came.
    #[must_use]
    pub const fn longest_delay(&self) -> Duration {
        self.longest_delay
    }

    /// Makes `wanted` the ones in force; what is not configured is as it was before.
    pub fn apply(&mut self, wanted: &Scheduling, auto: AutoPriority) {
        let before = BEFORE.get_or_init(Before::look);
        let given = std::mem::replace(&mut self.given, wanted.clone());
        if given.nice != wanted.nice {
            let nice = match wanted.nice {
                0 => before.nice,
                nice => nice.into(),
            };
            self.tell("nice value", set_nice(nice));
        }
        if given.cpus != wanted.cpus {
            self.tell("CPU affinity", set_cpus(&wanted.cpus, before));
        }
        if given.no_swap != wanted.no_swap {
            self.tell("locked memory", lock_memory(wanted.no_swap));
        }
        let same_limit = given.real_time_limit == wanted.real_time_limit;
        if (given.real_time, self.auto) != (wanted.real_time, auto) || !same_limit {
            let was_real_time = given.real_time.is_some() || self.raised > 0;
            self.auto = auto;
            self.raised = 0;
            match wanted.real_time {
                Some(priority) => self.set_real_time(priority),
                None if was_real_time => self.tell("normal scheduling", set_normal()),
                None => {}
            }
        }
    }

    /// A timer ran `by` too late: raises the priority by one if `max_auto_priority` allows it.
    pub fn late(&mut self, by: Duration) {
        self.longest_delay = self.longest_delay.max(by);
        let now = self.given.real_time.unwrap_or(0).max(self.raised);
        let max = u8::try_from(self.auto.max).unwrap_or(0);
        if by < self.auto.min_delay || now >= max {
            return;
        }
        self.raised = now + 1;
        log::priority_raised(self.role, self.raised, by);
        self.set_real_time(self.raised);
    }

    /// Waits until the process has run in real time longer than its limit, and says so. Safe to cancel; waits for ever
    /// where there is no limit.
    pub async fn over_limit(&mut self) {
        let Some(signals) = &mut self.over_limit else {
            return std::future::pending().await;
        };
        signals.recv().await;
        // The kernel has moved the limit by a second.
        let limit = self.given.real_time_limit;
        let limited = limit_real_time(limit);
        if self.told.is_none_or(|told| told.elapsed() >= QUIET) {
            self.told = Some(Instant::now());
            log::real_time_exceeded(self.role, limit);
        }
        self.tell("limit of real time", limited);
    }

    fn set_real_time(&mut self, priority: u8) {
        if self.over_limit.is_none() {
            self.over_limit = signal(SignalKind::from_raw(libc::SIGXCPU)).ok();
        }
        if self.over_limit.is_some() {
            self.tell(
                "limit of real time",
                limit_real_time(self.given.real_time_limit),
            );
        }
        self.tell("real-time priority", set_round_robin(priority));
    }

    fn tell(&self, what: &str, result: io::Result<()>) {
        if let Err(error) = result
            && self.tells
        {
            log::scheduling_refused(self.role, what, &error);
        }
    }
}

impl Before {
    fn look() -> Self {
        Self {
            nice: nice(),
            cpus: sched_getaffinity(Pid::from_raw(0)).ok(),
        }
    }
}

/// Gives back in a new process what [`Priorities`] changed in this one. Makes system calls only, so it may be called
/// between fork and exec. What the kernel refuses stays.
pub(super) fn give_back() {
    let _kept = set_normal();
    if let Some(before) = BEFORE.get() {
        let _kept = set_nice(before.nice);
        if let Some(cpus) = &before.cpus {
            let _kept = sched_setaffinity(Pid::from_raw(0), cpus);
        }
    }
    if let Some((before, most)) = FILES.get() {
        let _kept = setrlimit(Resource::RLIMIT_NOFILE, *before, *most);
    }
}

/// Raises the number of files that this process may have open to what it may be; says what it is then.
///
/// # Errors
/// What the kernel says.
pub fn raise_files() -> io::Result<u64> {
    let (now, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let (before, _) = *FILES.get_or_init(|| (now, most));
    match setrlimit(Resource::RLIMIT_NOFILE, most, most) {
        Ok(()) => Ok(most),
        // It is as it was.
        Err(_) => Ok(before),
    }
}

/// Makes what `global_defs` says of every process true of this one, the parent without a role: the permissions that new
/// files lack (`umask`), if they are configured, and the name. Call on the first thread.
pub fn take_on(role: Option<Role>, global: &GlobalDefs) {
    if let Some(mask) = global.scripts.umask {
        umask(Mode::from_bits_truncate(mask.into()));
    }
    let own = NAME.get_or_init(|| prctl::get_name().unwrap_or_default());
    let name = name(role, &global.names).and_then(|name| CString::new(name).ok());
    // A name is cut to what the kernel has room for; it takes any.
    prctl::set_name(name.as_ref().unwrap_or(own)).ok();
}

/// What a process is to be called; `None` is as it was started.
fn name(role: Option<Role>, names: &ProcessNames) -> Option<String> {
    let Some(role) = role else {
        return names.parent.clone();
    };
    let (configured, distinct) = match role {
        Role::Vrrp => (&names.vrrp, "keepalived_vrrp"),
        Role::Checkers => (&names.checker, "keepalived_lvs"),
        Role::Bfd => (&names.bfd, "keepalived_bfd"),
    };
    let distinct = || names.distinct.then(|| distinct.to_owned());
    let own = || format!("lb-{}", role.name());
    Some(configured.clone().or_else(distinct).unwrap_or_else(own))
}

fn set_cpus(cpus: &[u16], before: &Before) -> io::Result<()> {
    let mut set = CpuSet::new();
    for cpu in cpus {
        set.set(usize::from(*cpu))?;
    }
    let set = match &before.cpus {
        Some(all) if cpus.is_empty() => *all,
        _ => set,
    };
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

fn limit_real_time(limit: Duration) -> io::Result<()> {
    let micros = |limit: Duration| u64::try_from(limit.as_micros()).unwrap_or(RLIM_INFINITY);
    let hard = limit.saturating_mul(HARD_LIMIT).max(HARD_LIMIT_LEAST);
    Ok(setrlimit(
        Resource::RLIMIT_RTTIME,
        micros(limit),
        micros(hard),
    )?)
}

/// SCHED_RR for this process, not for those it starts.
fn set_round_robin(priority: u8) -> io::Result<()> {
    set_scheduler(libc::SCHED_RR | libc::SCHED_RESET_ON_FORK, priority)
}

fn set_normal() -> io::Result<()> {
    set_scheduler(libc::SCHED_OTHER, 0)
}

fn set_scheduler(policy: libc::c_int, priority: u8) -> io::Result<()> {
    let parameters = libc::sched_param {
        sched_priority: priority.into(),
    };
    // SAFETY: `parameters` lives through the call, which only reads it.
    let result = unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) };
    Ok(Errno::result(result).map(drop)?)
}

fn nice() -> libc::c_int {
    // SAFETY: takes numbers only. An error would be -1, a legal value too; getting one's own cannot fail.
    unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) }
}

fn set_nice(nice: libc::c_int) -> io::Result<()> {
    // SAFETY: takes numbers only.
    let result = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) };
    Ok(Errno::result(result).map(drop)?)
}

fn lock_memory(lock: bool) -> io::Result<()> {
    // SAFETY: takes flags only, and moves no page.
    let result = unsafe {
        if lock {
            libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE)
        } else {
            libc::munlockall()
        }
    };
    Ok(Errno::result(result).map(drop)?)
}
