//! The cost of a connection: a process that connects to itself.

use std::{
    fs,
    io::Write as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, ensure};
use socket2::SockRef;

use super::BENCH;
use crate::{
    figure::{Figure, Report, Values},
    peer,
    selection::Selection,
};

/// Debian's library.
const LIBRARY: &str = "/usr/lib/libkeepalive.so.0";

/// Connects to itself so often, and prints microseconds per connection.
///
/// # Errors
/// When it cannot.
pub(crate) fn connect(family: u8, count: u32) -> anyhow::Result<()> {
    let own = match family {
        6 => IpAddr::V6(Ipv6Addr::LOCALHOST),
        _ => IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    let listener = TcpListener::bind((own, 0))?;
    let address = listener.local_addr()?;
    let mut begun = Instant::now();
    // The first quarter warms up.
    let warm = count / 4;
    let mut keepalive = false;
    for number in 0..count + warm {
        if number == warm {
            begun = Instant::now();
        }
        let stream = TcpStream::connect(address)?;
        let (accepted, _) = listener.accept()?;
        if number == 0 {
            keepalive = SockRef::from(&stream).keepalive()?;
        }
        // Without a state of waiting, of which there would be too many.
        SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO))?;
        drop(stream);
        drop(accepted);
    }
    let micros = begun.elapsed().as_secs_f64() * 1e6 / f64::from(count);
    writeln!(std::io::stdout(), "{micros} {keepalive}")?;
    Ok(())
}

/// What gives connections keepalive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Nothing,
    Group,
    Library,
}

pub(super) fn run(out: &mut Report, selection: &Selection) -> anyhow::Result<()> {
    let (runs, count) = if selection.quick {
        (5, 10_000)
    } else {
        (15, 30_000)
    };
    for family in [4, 6] {
        let case = format!("connect/v{family}");
        if !selection.has(&case) {
            continue;
        }
        let group = Group::new()?;
        let mut values = [const { Vec::new() }; 3];
        for _ in 0..runs {
            for (by, values) in [By::Nothing, By::Group, By::Library]
                .into_iter()
                .zip(&mut values)
            {
                values.push(measure(by, &group, family, count)?);
            }
        }
        let [plain, ours, library] = &values;
        let beside = [
            (case.clone(), "plain", plain),
            (format!("{case}/preload"), "libkeepalive-0.3", library),
        ];
        for (case, name, theirs) in beside {
            out.add(&Figure {
                bench: BENCH,
                case,
                metric: "connection_us",
                values: Values::new(ours),
                against: Some((name, Values::new(theirs).median)),
            })?;
        }
    }
    Ok(())
}

fn measure(by: By, group: &Group, family: u8, count: u32) -> anyhow::Result<f64> {
    let own = std::env::current_exe()?;
    let mut command = match by {
        By::Group => group.command(&own),
        By::Nothing | By::Library => Command::new(&own),
    };
    command.args(["connect", &family.to_string(), &count.to_string()]);
    if by == By::Library {
        command.env("LD_PRELOAD", LIBRARY);
    }
    let output = command.stderr(Stdio::inherit()).output()?;
    let text = String::from_utf8(output.stdout)?;
    let (micros, keepalive) = text.trim().split_once(' ').context("no figure")?;
    let expected = if by == By::Nothing { "false" } else { "true" };
    ensure!(keepalive == expected, "{by:?}: keepalive is {keepalive}");
    Ok(micros.parse()?)
}

/// A control group with keepalive, until it is dropped.
struct Group(PathBuf);

impl Group {
    fn new() -> anyhow::Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        let mount = mounts.lines().find(|line| line.contains(" - cgroup2 "));
        let mount = mount.and_then(|line| line.split(' ').nth(4));
        let mount = mount.context("no cgroup v2 is mounted")?;
        let path = Path::new(mount).join(format!("lb-bench-{}", std::process::id()));
        fs::create_dir(&path)?;
        let group = Self(path);
        group.lb("attach")?;
        Ok(group)
    }

    fn lb(&self, verb: &str) -> anyhow::Result<()> {
        let mut command = Command::new(peer::lb_binary()?);
        command
            .args(["tcp-keepalive", verb, "--cgroup"])
            .arg(&self.0);
        let status = command.stdout(Stdio::null()).status()?;
        ensure!(status.success(), "{verb}: {status}");
        Ok(())
    }

    /// A program in it.
    fn command(&self, program: &Path) -> Command {
        let enter = format!("echo $$ > {}/cgroup.procs; exec \"$@\"", self.0.display());
        let mut command = Command::new("sh");
        command.args(["-c", &enter, "sh"]).arg(program);
        command
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Nothing is left to be done about either.
        let _detached = self.lb("detach");
        let _removed = fs::remove_dir(&self.0);
    }
}
