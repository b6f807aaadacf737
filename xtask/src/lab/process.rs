//! Processes as `/proc` shows them.

use std::{
    fs,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// A command for a program that may be where Debian keeps root's programs, on `PATH` or not.
pub(super) fn tool(program: &str) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(program);
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
    command
}

/// Every process of this PID namespace.
pub(super) fn all() -> impl Iterator<Item = Pid> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .map(Pid::from_raw)
}

/// The children of a process.
#[must_use]
pub fn children(parent: Pid) -> Vec<Pid> {
    all()
        .filter(|pid| parent_of(*pid) == Some(parent))
        .collect()
}

/// The process's command name, at most 15 bytes.
#[must_use]
pub fn command_name(pid: Pid) -> Option<String> {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(name.trim_end().to_owned())
}

/// The process's command line.
#[must_use]
pub fn command_line(pid: Pid) -> Vec<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0)
        .filter(|word| !word.is_empty())
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect()
}

/// Context switches of all threads since the process started, voluntary and not.
///
/// # Errors
/// When the process is gone.
pub fn context_switches(pid: Pid) -> anyhow::Result<u64> {
    let tasks = format!("/proc/{pid}/task");
    let mut sum = 0;
    for task in fs::read_dir(&tasks).with_context(|| format!("read {tasks}"))? {
        let status = fs::read_to_string(task?.path().join("status"))?;
        sum += status
            .lines()
            .filter_map(|line| line.split_once("voluntary_ctxt_switches:"))
            .filter_map(|(_, count)| count.trim().parse::<u64>().ok())
            .sum::<u64>();
    }
    Ok(sum)
}

/// Multicast packets of IPv4 sent from the network namespace of a process since it was made.
///
/// # Errors
/// When the process is gone.
pub fn multicast_sent(pid: Pid) -> anyhow::Result<u64> {
    counter(pid, "netstat", ["IpExt: ", "OutMcastPkts"])
}

/// TCP connections begun from the network namespace of a process since it was made.
///
/// # Errors
/// When the process is gone.
pub fn connections_begun(pid: Pid) -> anyhow::Result<u64> {
    counter(pid, "snmp", ["Tcp: ", "ActiveOpens"])
}

/// A counter of a process's network namespace, in a file of two lines for each protocol: names and values.
fn counter(pid: Pid, file: &str, [protocol, name]: [&str; 2]) -> anyhow::Result<u64> {
    let path = format!("/proc/{pid}/net/{file}");
    let text = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(protocol));
    let (names, values) = (lines.next(), lines.next());
    let names = names.into_iter().flat_map(str::split_ascii_whitespace);
    let values = values.into_iter().flat_map(str::split_ascii_whitespace);
    let (_, value) = names
        .zip(values)
        .find(|(known, _)| *known == name)
        .with_context(|| format!("{path} has no {name}"))?;
    value.parse().with_context(|| format!("{path}: {value}"))
}

/// Time on a CPU of all threads since the process started, exact to the nanosecond.
///
/// # Errors
/// When the process is gone.
pub fn cpu_time(pid: Pid) -> anyhow::Result<Duration> {
    let tasks = format!("/proc/{pid}/task");
    let mut sum = Duration::ZERO;
    for task in fs::read_dir(&tasks).with_context(|| format!("read {tasks}"))? {
        let times = fs::read_to_string(task?.path().join("schedstat"))?;
        let running = times.split(' ').next().context("schedstat is empty")?;
        sum += Duration::from_nanos(running.parse()?);
    }
    Ok(sum)
}

/// Resident memory in bytes.
///
/// # Errors
/// When the process is gone.
pub fn resident(pid: Pid) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kibibytes: u64 = kibibytes.context("no VmRSS")?.parse()?;
    Ok(kibibytes * 1024)
}

/// Waits for a child process to end.
///
/// # Errors
/// When it has not ended after `patience`.
pub(super) fn wait(child: &mut Child, patience: Duration) -> anyhow::Result<()> {
    let deadline = Instant::now() + patience;
    while child.try_wait().context("wait for a process")?.is_none() {
        if Instant::now() > deadline {
            bail!("process {} has not ended after {patience:?}", child.id());
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Ends a child process: SIGTERM, then after `patience` SIGKILL.
///
/// # Errors
/// When it had to be killed.
pub fn end(child: &mut Child, patience: Duration) -> anyhow::Result<()> {
    signal(pid(child), Signal::SIGTERM);
    let outcome = wait(child, patience);
    if outcome.is_err() {
        signal(pid(child), Signal::SIGKILL);
        wait(child, Duration::from_secs(1))?;
    }
    outcome
}

/// Sends a signal; a process that is gone already is as good.
pub fn signal(pid: Pid, signal: Signal) {
    let _gone = kill(pid, signal);
}

/// A child's process id.
pub(super) fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}

fn parent_of(pid: Pid) -> Option<Pid> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold spaces and parentheses itself.
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(1)?.parse().ok().map(Pid::from_raw)
}
