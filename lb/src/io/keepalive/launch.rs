//! Making a process in two steps: first it exists and waits, then, when it is recorded, it runs its program.
//!
//! A daemon that is killed in between leaves nothing: the process sees the end of the socket to it and ends too. So no
//! program ever runs that no record knows.

use std::{
    fs::File,
    io::{self, Write as _},
    os::{
        fd::{AsRawFd as _, OwnedFd, RawFd},
        unix::{net::UnixStream as Pair, process::CommandExt as _},
    },
    process::{Command, Stdio},
};

use nix::{
    libc,
    sys::resource::{Resource, setrlimit},
    unistd::{Uid, User, setsid},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    sync::oneshot,
    task::{JoinHandle, spawn_blocking},
};

use super::{Places, cgroup::Cgroups, output};
use crate::{
    config::model::global::Owner,
    io::{
        process::{Process, become_user, settle},
        script::Identity,
    },
    keepalive::{
        output::Launch,
        registration::{Limit, Registration, Sink},
    },
    observe::keepalive as say,
};

/// Where programs look for others, as with cron and systemd.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// What the system says when it lacks something that may be there later.
const SHORTAGES: [i32; 4] = [libc::EAGAIN, libc::ENOMEM, libc::EMFILE, libc::ENFILE];

/// What a launch needs of the daemon.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Where output goes.
    pub places: Places,
    /// Where there are any.
    pub cgroups: Option<Cgroups>,
    /// The value of `NOTIFY_SOCKET`, where somebody listens.
    pub notify: Option<String>,
}

/// Why a process did not come to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The system lacks something; the program is not to blame.
    pub shortage: bool,
    /// The system's word.
    pub why: String,
}

impl Failure {
    fn of(what: &str, error: &io::Error, shortage: bool) -> Self {
        let lacks = error
            .raw_os_error()
            .is_some_and(|code| SHORTAGES.contains(&code));
        Self {
            shortage: shortage && lacks,
            why: format!("{what}: {error}"),
        }
    }
}

/// A process that waits before it runs its program. Dropping it ends the process.
#[derive(Debug)]
pub struct Waiting {
    /// The process.
    pub process: Process,
    line: UnixStream,
    started: JoinHandle<io::Result<()>>,
    path: String,
}

/// Makes a process.
///
/// # Errors
/// When it cannot be.
pub async fn prepare(launch: &Launch, around: &Surroundings) -> Result<Waiting, Failure> {
    let registration = &launch.registration;
    let failed = |what: &str| {
        let what = what.to_owned();
        move |error: io::Error| Failure::of(&what, &error, true)
    };
    let (ours, theirs) = Pair::pair().map_err(failed("socket"))?;
    ours.set_nonblocking(true).map_err(failed("socket"))?;
    let sink = Sinks::open(launch, &around.places);
    let command = command(launch, around, &sink, (ours.as_raw_fd(), theirs))
        .map_err(|error| Failure::of(&registration.path, &error, true))?;
    let mut line = UnixStream::from_std(ours).map_err(failed("socket"))?;
    let started = spawn_blocking(move || start(command));
    let mut pid = [0; 4];
    if line.read_exact(&mut pid).await.is_err() {
        sink.remove();
        let error = match started.await {
            Ok(Err(error)) => error,
            Ok(Ok(())) | Err(_) => io::ErrorKind::BrokenPipe.into(),
        };
        return Err(Failure::of(&registration.path, &error, true));
    }
    let pid = u32::from_ne_bytes(pid);
    // It waits for us, so the pid is its own.
    let process = Process::open(pid).map_err(failed("pidfd"))?;
    sink.name(&around.places, registration, pid);
    Ok(Waiting {
        process,
        line,
        started,
        path: registration.path.clone(),
    })
}

impl Waiting {
    /// Lets it run its program as soon as `release` says so. Without a word of that it ends.
    ///
    /// # Errors
    /// When the program cannot be executed.
    pub async fn run(mut self, release: oneshot::Receiver<()>) -> Result<Process, Option<Failure>> {
        if release.await.is_err() {
            return Err(None);
        }
        // A process that is gone by now is told of below.
        self.line.write_all(&[1]).await.ok();
        match self.started.await {
            Ok(Ok(())) => Ok(self.process),
            Ok(Err(error)) => Err(Some(Failure::of(&self.path, &error, false))),
            Err(error) => Err(Some(Failure {
                shortage: true,
                why: error.to_string(),
            })),
        }
    }
}

/// Returns when the program runs, or cannot.
fn start(mut command: Command) -> io::Result<()> {
    // It is waited for by its pidfd, not by this.
    command.spawn().map(drop)
}

/// User and group of a registration, if it names any.
pub(super) fn owner(registration: &Registration) -> Option<Owner> {
    let user = registration.user.clone();
    (user.is_some() || registration.group.is_some()).then(|| Owner {
        user: user.unwrap_or_else(|| Uid::effective().to_string()),
        group: registration.group.clone(),
    })
}

/// Where output goes; what cannot be opened is replaced by nothing, because a process that runs is worth more.
struct Sinks {
    descriptor: Option<OwnedFd>,
    unnamed: Option<output::Unnamed>,
}

impl Sinks {
    fn open(launch: &Launch, places: &Places) -> Self {
        let registration = &launch.registration;
        let opened = match registration.output {
            Sink::None => return Self::none(),
            Sink::Journal => output::journal(&registration.name).map(|stream| (stream, None)),
            Sink::File => places
                .output(registration.basename(), &launch.mark)
                .map(|(file, unnamed)| (file.into(), Some(unnamed))),
        };
        match opened {
            Ok((descriptor, unnamed)) => Self {
                descriptor: Some(descriptor),
                unnamed,
            },
            Err(error) => {
                say::no_output(launch.slot, &registration.name, &error);
                Self::none()
            }
        }
    }

    const fn none() -> Self {
        Self {
            descriptor: None,
            unnamed: None,
        }
    }

    fn stdio(&self) -> io::Result<Stdio> {
        self.descriptor.as_ref().map_or_else(
            || Ok(Stdio::null()),
            |descriptor| descriptor.try_clone().map(Stdio::from),
        )
    }

    fn name(self, places: &Places, registration: &Registration, pid: u32) {
        if let Some(unnamed) = &self.unnamed
            && let Err(error) = places.name_output(unnamed, pid)
        {
            say::output_unnamed(&registration.name, &error);
        }
    }

    fn remove(self) {
        if let Some(unnamed) = self.unnamed {
            unnamed.remove();
        }
    }
}

/// The command, with what happens between fork and exec: it says its pid, waits, and becomes what it is registered as.
fn command(
    launch: &Launch,
    around: &Surroundings,
    sink: &Sinks,
    (ours, theirs): (RawFd, Pair),
) -> io::Result<Command> {
    let registration = &launch.registration;
    let identity = owner(registration).map(|owner| Identity::of(&owner).map_err(io::Error::other));
    let identity = identity.transpose()?.map(|identity| Identity {
        all_groups: true,
        ..identity
    });
    let cgroup = around
        .cgroups
        .as_ref()
        .map(|all| all.enter(launch.sequence));
    let mut cgroup = match cgroup {
        Some(Err(error)) => {
            say::no_cgroup(launch.slot, &registration.name, &error);
            None
        }
        entered => entered.and_then(Result::ok),
    };
    let limits = limits(registration);
    let become_whom = identity.map(|identity| (identity, identity.groups()));
    let mut command = Command::new(&registration.path);
    command
        .args(&registration.args)
        .env_clear()
        .envs(environment(launch, around, identity))
        .current_dir(
            registration
                .working_directory
                .as_deref()
                .unwrap_or("/".as_ref()),
        )
        // Attempts to read fail. The original gives `/` for that, where Python and others do not even begin.
        .stdin(File::options().write(true).open("/dev/null")?)
        .stdout(sink.stdio()?)
        .stderr(sink.stdio()?);
    let between = move || {
        setsid()?;
        wait_for_release(ours, &theirs)?;
        settle()?;
        if let Some(cgroup) = &mut cgroup {
            cgroup.write_all(b"0")?;
        }
        for (resource, limit) in &limits {
            setrlimit(*resource, *limit, *limit)?;
        }
        if let Some((identity, groups)) = &become_whom {
            become_user(*identity, groups)?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec the closure makes system calls only: no allocation, no lock, nothing that another
    // thread could have left half done.
    unsafe { command.pre_exec(between) };
    Ok(command)
}

/// Says the pid and waits for a byte; an end of the socket is the daemon's.
fn wait_for_release(ours: RawFd, mut line: &Pair) -> io::Result<()> {
    // SAFETY: closes this process's copy of the daemon's end, which nothing here uses; with it open the end of the daemon
    // would not be seen.
    unsafe { libc::close(ours) };
    line.write_all(&std::process::id().to_ne_bytes())?;
    io::Read::read_exact(&mut line, &mut [0])
}

fn environment(
    launch: &Launch,
    around: &Surroundings,
    identity: Option<Identity>,
) -> Vec<(String, String)> {
    let registration = &launch.registration;
    let mut variables = vec![("PATH".to_owned(), PATH.to_owned())];
    let mut set = |name: &str, value: String| variables.push((name.to_owned(), value));
    let uid = identity.map_or_else(Uid::effective, |identity| Uid::from_raw(identity.uid));
    if let Ok(Some(user)) = User::from_uid(uid) {
        set("HOME", user.dir.to_string_lossy().into_owned());
        set("USER", user.name.clone());
        set("LOGNAME", user.name);
        set("SHELL", user.shell.to_string_lossy().into_owned());
    }
    for (name, value) in &registration.environment {
        set(name, value.clone());
    }
    set("KEEPALIVE_ID", around.places.id_of(&launch.mark));
    set("KEEPALIVE_NAME", registration.name.clone());
    if let Some(address) = &around.notify {
        set("NOTIFY_SOCKET", address.clone());
        if let Some(limit) = registration.watchdog {
            set("WATCHDOG_USEC", limit.as_micros().to_string());
        }
    }
    variables
}

fn limits(registration: &Registration) -> Vec<(Resource, u64)> {
    let resource = |limit: Limit| match limit {
        Limit::As => Resource::RLIMIT_AS,
        Limit::Core => Resource::RLIMIT_CORE,
        Limit::Cpu => Resource::RLIMIT_CPU,
        Limit::Data => Resource::RLIMIT_DATA,
        Limit::Fsize => Resource::RLIMIT_FSIZE,
        Limit::Memlock => Resource::RLIMIT_MEMLOCK,
        Limit::Nofile => Resource::RLIMIT_NOFILE,
        Limit::Nproc => Resource::RLIMIT_NPROC,
        Limit::Stack => Resource::RLIMIT_STACK,
    };
    let limits = registration.limits.iter();
    limits
        .map(|(limit, most)| (resource(*limit), *most))
        .collect()
}
