//! A director: `lb` or Debian's keepalived in a namespace of its own, and what can happen to it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use nix::{sys::signal::Signal, unistd::Pid};

use super::{
    bird, frr,
    link::Port,
    namespace::{self, Namespace},
    no_ipvs,
    plan::{Node, VIRTUAL_ADDRESSES, VIRTUAL_INTERFACES},
    process,
};

/// What runs on a director.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Daemon {
    /// Our daemon.
    Lb {
        /// The binary.
        binary: PathBuf,
    },
    /// Debian's keepalived, VRRP only.
    Keepalived,
    /// Debian's keepalived, checkers only; without IPVS in the kernel they write into the void.
    KeepalivedCheckers,
    /// FRR's vrrpd. Its configuration is its own, and its macvlan is the starter's to make.
    Frr,
    /// FRR's bfdd, with a configuration of its own.
    FrrBfd,
    /// BIRD, with a configuration of its own.
    Bird,
}

/// One of the two directors.
#[derive(Debug)]
pub struct Director {
    node: Node,
    namespace: Namespace,
    port: Port,
    directory: PathBuf,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    daemon: Daemon,
    parent: Child,
}

impl Director {
    pub(super) fn new(
        node: Node,
        namespace: Namespace,
        port: Port,
        work: &Path,
    ) -> anyhow::Result<Self> {
        let directory = work.join(node.to_string());
        fs::create_dir_all(&directory)
            .with_context(|| format!("create {}", directory.display()))?;
        Ok(Self {
            node,
            namespace,
            port,
            directory,
            running: Mutex::new(None),
        })
    }

    /// Which one.
    #[must_use]
    pub const fn node(&self) -> Node {
        self.node
    }

    /// Where it runs.
    #[must_use]
    pub const fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The switch's end of its cable.
    #[must_use]
    pub const fn port(&self) -> &Port {
        &self.port
    }

    /// Its own directory, which is its daemons' `$TMPDIR` too.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Its configuration file.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.directory.join("lb.conf")
    }

    /// Where the daemon tells a service manager how it is, if somebody listens there.
    #[must_use]
    pub fn notify_socket(&self) -> PathBuf {
        self.directory.join("notify")
    }

    /// Process id of the daemon's parent, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<Pid> {
        self.lock()
            .as_ref()
            .map(|running| process::pid(&running.parent))
    }

    /// Writes the configuration and starts the daemon on it. Its output goes to [`log`](Self::log).
    ///
    /// # Errors
    /// When one runs already, or the program cannot be started.
    pub fn start(&self, daemon: &Daemon, config: impl AsRef<[u8]>) -> anyhow::Result<()> {
        self.start_with(daemon, config, &[])
    }

    /// The same with more options on the command line.
    ///
    /// # Errors
    /// When one runs already, or the program cannot be started.
    pub fn start_with(
        &self,
        daemon: &Daemon,
        config: impl AsRef<[u8]>,
        options: &[&str],
    ) -> anyhow::Result<()> {
        let mut running = self.lock();
        if running.is_some() {
            bail!("a daemon runs on {} already", self.node);
        }
        fs::write(self.config_file(), config).context("write the configuration")?;
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.directory.join("log"))?;
        let mut command = self.command_line(daemon)?;
        command
            .env("NOTIFY_SOCKET", self.notify_socket())
            .env("WATCHDOG_USEC", "2000000")
            .args(options)
            .env("TMPDIR", &self.directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let parent = self.namespace.spawn(&mut command)?;
        *running = Some(Running {
            daemon: daemon.clone(),
            parent,
        });
        Ok(())
    }

    /// Whether the daemon's parent lives.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.lock()
            .as_mut()
            .is_some_and(|running| matches!(running.parent.try_wait(), Ok(None)))
    }

    /// Takes note that the daemon ended by itself, so that another can start.
    pub(super) fn forget(&self) {
        self.lock().take();
    }

    /// Ends the daemon as systemd would, by SIGTERM.
    ///
    /// # Errors
    /// When it had to be killed.
    pub fn stop(&self) -> anyhow::Result<()> {
        match self.lock().take() {
            Some(mut running) => process::end(&mut running.parent, Duration::from_secs(5))
                .with_context(|| format!("stop the daemon of {}", self.node)),
            None => Ok(()),
        }
    }

    /// Replaces the configuration file and sends SIGHUP.
    ///
    /// # Errors
    /// When no daemon runs.
    pub fn reload(&self, config: impl AsRef<[u8]>) -> anyhow::Result<()> {
        let parent = self.pid().context("no daemon runs")?;
        fs::write(self.config_file(), config).context("write the configuration")?;
        process::signal(parent, Signal::SIGHUP);
        Ok(())
    }

    /// Kills every process of the daemon, parent first so that nothing comes back. Its addresses stay.
    pub fn kill9_all(&self) {
        let victims = self.victims();
        self.kill(&victims);
    }

    /// Kills every process and cuts the cable, within a millisecond.
    ///
    /// # Errors
    /// When the cable cannot be cut.
    pub fn power_off(&self) -> anyhow::Result<()> {
        let victims = self.victims();
        let cut = self.port.cut();
        self.kill(&victims);
        cut
    }

    /// Kills the daemon's children and leaves the parent; tells which were killed.
    ///
    /// # Errors
    /// When no daemon runs.
    pub fn kill9_children(&self) -> anyhow::Result<Vec<Pid>> {
        let parent = self.pid().context("no daemon runs")?;
        let children = process::children(parent);
        for child in &children {
            process::signal(*child, Signal::SIGKILL);
        }
        Ok(children)
    }

    /// Kills the daemon's parent and leaves the children.
    ///
    /// # Errors
    /// When no daemon runs.
    pub fn kill9_parent(&self) -> anyhow::Result<()> {
        let mut running = self.lock().take().context("no daemon runs")?;
        process::signal(process::pid(&running.parent), Signal::SIGKILL);
        process::wait(&mut running.parent, Duration::from_secs(2))
    }

    /// Ends the daemon's parent as `systemctl restart` does with our unit, by SIGQUIT: everything is left to the next daemon.
    ///
    /// # Errors
    /// When no daemon runs, or it does not end.
    pub fn leave(&self) -> anyhow::Result<()> {
        let mut running = self.lock().take().context("no daemon runs")?;
        process::signal(process::pid(&running.parent), Signal::SIGQUIT);
        process::wait(&mut running.parent, Duration::from_secs(5))
    }

    /// The daemon's children.
    #[must_use]
    pub fn children(&self) -> Vec<Pid> {
        self.pid().map(process::children).unwrap_or_default()
    }

    /// Makes the director as new: no process, no virtual address, no state, no maps, cable in place.
    ///
    /// # Errors
    /// When the cable cannot be put in place.
    pub fn reset(&self) -> anyhow::Result<()> {
        self.kill9_all();
        for state in [self.pins(), self.run_directory()] {
            // Absent unless lb ran.
            let _absent = fs::remove_dir_all(state);
        }
        for daemon in ["keepalived", "vrrp", "checkers", "bfd"] {
            // keepalived takes a process that nobody has reaped yet for a running one.
            let _absent = fs::remove_file(self.directory.join(daemon).with_extension("pid"));
        }
        for interface in VIRTUAL_INTERFACES {
            // Absent unless it was killed with one.
            let _absent = self.namespace.command("ip", &["link", "del", interface]);
        }
        for address in VIRTUAL_ADDRESSES {
            // Absent unless it was killed as the master.
            let _absent = self
                .namespace
                .command("ip", &["address", "del", address, "dev", "eth0"]);
        }
        self.port.heal()?;
        self.port.restore()
    }

    /// `lb status --json`.
    ///
    /// # Errors
    /// When no `lb` runs here or it does not answer.
    pub fn status(&self) -> anyhow::Result<serde_json::Value> {
        let text = self.lb(&["status", "--json"])?;
        serde_json::from_str(&text).context("read lb status")
    }

    /// Runs an `lb` command against the daemon of this director.
    ///
    /// # Errors
    /// When no `lb` runs here, or the command fails.
    pub fn lb(&self, args: &[&str]) -> anyhow::Result<String> {
        let binary = match self.lock().as_ref().map(|running| &running.daemon) {
            Some(Daemon::Lb { binary }) => binary.clone(),
            _ => bail!("no lb runs on {}", self.node),
        };
        namespace::run(
            process::tool("timeout")
                .arg((3 * super::slowness()).to_string())
                .arg(binary)
                .args(["-s", self.namespace.name()])
                .args(args),
        )
    }

    /// What FRR's daemons of this director answer to a line of `vtysh`.
    ///
    /// # Errors
    /// When none runs here.
    pub fn vtysh(&self, lines: &[&str]) -> anyhow::Result<String> {
        let mut command = process::tool("vtysh");
        command
            .arg("--vty_socket")
            .arg(frr::directory(self.namespace.name()));
        for line in lines {
            command.args(["-c", line]);
        }
        namespace::run(&mut command)
    }

    /// What the BIRD of this director answers to a line of `birdc`.
    ///
    /// # Errors
    /// When none runs here.
    pub fn birdc(&self, line: &str) -> anyhow::Result<String> {
        let mut command = process::tool("birdc");
        command
            .arg("-s")
            .arg(bird::socket(self.namespace.name()))
            .arg(line);
        namespace::run(&mut command)
    }

    /// Where `lb` pins its maps.
    #[must_use]
    pub fn pins(&self) -> PathBuf {
        Path::new("/sys/fs/bpf/lb").join(self.namespace.name())
    }

    /// Everything the daemons of this director wrote.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    /// Its addresses, without prefix lengths.
    ///
    /// # Errors
    /// When `ip` fails.
    pub fn addresses(&self) -> anyhow::Result<Vec<String>> {
        let text = self
            .namespace
            .command("ip", &["-json", "address", "show"])?;
        let devices: Vec<serde_json::Value> =
            serde_json::from_str(&text).context("read ip's JSON")?;
        let addresses = devices
            .iter()
            .filter_map(|device| device["addr_info"].as_array());
        let addresses = addresses.flatten();
        Ok(addresses
            .filter_map(|address| address["local"].as_str().map(str::to_owned))
            .collect())
    }

    fn command_line(&self, daemon: &Daemon) -> anyhow::Result<Command> {
        Ok(match daemon {
            Daemon::Frr => frr::command(self.namespace.name(), "vrrpd", &self.config_file())?,
            Daemon::FrrBfd => frr::command(self.namespace.name(), "bfdd", &self.config_file())?,
            Daemon::Bird => bird::command(self.namespace.name(), &self.config_file())?,
            Daemon::Lb { binary } => {
                let mut command = Command::new(binary);
                command
                    .args(["-s", self.namespace.name(), "-n", "-l", "-D", "-f"])
                    .arg(self.config_file());
                command
            }
            Daemon::Keepalived | Daemon::KeepalivedCheckers => {
                let part = if *daemon == Daemon::Keepalived {
                    "-P"
                } else {
                    "-C"
                };
                let mut command = process::tool("keepalived");
                command
                    .args([part, "-n", "-l", "-D", "-f"])
                    .arg(self.config_file())
                    .arg("-p")
                    .arg(self.directory.join("keepalived.pid"))
                    .arg("-r")
                    .arg(self.directory.join("vrrp.pid"))
                    .arg("-c")
                    .arg(self.directory.join("checkers.pid"))
                    .arg("-b")
                    .arg(self.directory.join("bfd.pid"));
                if *daemon == Daemon::KeepalivedCheckers
                    && let Some(library) = no_ipvs::library()?
                {
                    command.env("LD_PRELOAD", library);
                }
                command
            }
        })
    }

    fn run_directory(&self) -> PathBuf {
        Path::new("/run/lb").join(self.namespace.name())
    }

    /// The parent first.
    fn victims(&self) -> Vec<Pid> {
        let parent = self.pid();
        let others = self.namespace.processes();
        parent
            .into_iter()
            .chain(others.into_iter().filter(|pid| Some(*pid) != parent))
            .collect()
    }

    fn kill(&self, victims: &[Pid]) {
        for victim in victims {
            process::signal(*victim, Signal::SIGKILL);
        }
        if let Some(mut running) = self.lock().take() {
            // Killed: it ends as soon as the kernel gets to it.
            let _late = process::wait(&mut running.parent, Duration::from_secs(2));
        }
        let deadline = Instant::now() + Duration::from_secs(2);
        while !self.namespace.processes().is_empty() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Director {
    fn drop(&mut self) {
        self.kill9_all();
    }
}
