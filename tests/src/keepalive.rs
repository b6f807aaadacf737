//! A keepalive daemon with a directory of its own, and what it is told.

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use xtask::lab::Daemon;

use crate::daemon::lb;

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// What a command said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Its exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// A daemon. Dropping it ends the daemon and all it ever started.
#[derive(Debug)]
pub struct Stage {
    folder: PathBuf,
    binary: PathBuf,
    daemon: Option<Child>,
}

impl Stage {
    /// Starts a daemon with nothing to do.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn new() -> Self {
        let mut stage = Self::without_daemon();
        stage.start(&[]);
        stage
    }

    /// A directory for a daemon.
    ///
    /// # Panics
    /// When there can be none.
    #[must_use]
    pub fn without_daemon() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("lb-keepalive-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a directory of our own");
        let Daemon::Lb { binary } = lb() else {
            panic!("no lb");
        };
        Self {
            folder,
            binary,
            daemon: None,
        }
    }

    /// Where everything is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The command that starts the daemon.
    #[must_use]
    pub fn daemon_command(&self, options: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args([
                "keepalive",
                "--log-console",
                "--no-syslog",
                "--node",
                "here",
            ])
            .arg("--run-dir")
            .arg(self.folder.join("run"))
            .arg("--log-dir")
            .arg(self.logs())
            .args(options);
        command
    }

    /// Starts the daemon and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    pub fn start(&mut self, options: &[&str]) {
        let command = self.daemon_command(options);
        self.start_as(command);
    }

    /// As [`Self::start`], with a command of one's own.
    ///
    /// # Panics
    /// When it does not.
    pub fn start_as(&mut self, mut command: Command) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("log"))
            .expect("the log");
        let daemon = command
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the daemon starts");
        self.daemon = Some(daemon);
        until("the daemon answers", || {
            let ended = self
                .daemon
                .as_mut()
                .and_then(|daemon| daemon.try_wait().ok());
            assert_eq!(ended, Some(None), "{}", self.log());
            self.spawndaemon(&["-q"]).code == 0
        });
    }

    /// What the daemons have logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Lines of the log with this in them.
    #[must_use]
    pub fn logged(&self, text: &str) -> usize {
        self.log()
            .lines()
            .filter(|line| line.contains(text))
            .count()
    }

    /// The directory of output files.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.folder.join("logs")
    }

    /// The names of the output files.
    #[must_use]
    pub fn outputs(&self) -> Vec<String> {
        let entries = fs::read_dir(self.logs()).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// The daemon's pid.
    ///
    /// # Panics
    /// When none runs.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.daemon.as_ref().expect("a daemon").id()
    }

    /// Ends the daemon with this signal.
    ///
    /// # Panics
    /// When none runs.
    pub fn end_daemon(&mut self, signal: Signal) {
        let mut daemon = self.daemon.take().expect("a daemon");
        kill(Pid::from_raw(daemon.id().cast_signed()), signal).expect("it lives");
        let status = daemon.wait().expect("it is ours");
        if signal == Signal::SIGTERM {
            assert!(status.success(), "{status:?} {:?}", status.signal());
        }
    }

    /// Waits for a daemon that was told to end.
    ///
    /// # Panics
    /// When none runs, or it fails.
    pub fn wait_for_end(&mut self) {
        let status = self.daemon.take().expect("a daemon").wait();
        let status = status.expect("it is ours");
        assert!(status.success(), "{status:?}");
    }

    /// Runs spawndaemon.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn spawndaemon(&self, arguments: &[&str]) -> Said {
        let output = Command::new(&self.binary)
            .args(["spawndaemon", "--run-dir"])
            .arg(self.folder.join("run"))
            .args(arguments)
            .current_dir(&self.folder)
            .output()
            .expect("spawndaemon starts");
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Writes a file below the directory and returns its path.
    ///
    /// # Panics
    /// When it cannot.
    pub fn write(&self, name: &str, text: &str) -> String {
        let path = self.folder.join(name);
        let mut file = File::create(&path).expect("a file of our own");
        file.write_all(text.as_bytes()).expect("room for it");
        path.display().to_string()
    }

    /// Registers what a file with this text has.
    ///
    /// # Panics
    /// When that is refused.
    pub fn register(&self, text: &str) {
        let file = self.write("registration", text);
        let said = self.spawndaemon(&["-r", &file]);
        assert_eq!(said.code, 0, "{said:?}");
    }

    /// The table, a record for each slot in use.
    ///
    /// # Panics
    /// When it is not JSON.
    #[must_use]
    pub fn list(&self) -> Vec<Value> {
        let said = self.spawndaemon(&["-L", "-v", "machine"]);
        let lines = said.out.lines();
        lines
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    }

    /// States by slot.
    #[must_use]
    pub fn states(&self) -> Vec<String> {
        let list = self.list();
        let states = list.iter();
        states
            .map(|of| of["state"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// Pids by slot, of slots that have a process.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        let list = self.list();
        let pids = list.iter().filter_map(|of| of["pid"].as_u64());
        pids.map(|pid| u32::try_from(pid).unwrap_or_default())
            .collect()
    }

    /// Waits until the states by slot are these.
    ///
    /// # Panics
    /// When they do not become so.
    pub fn wait_for(&self, states: &[&str]) {
        until(&format!("{states:?}\n{}", self.log()), || {
            self.states() == states
        });
    }

    /// Every living process that this stage's daemons have started, and those started by them.
    #[must_use]
    pub fn marked(&self) -> Vec<u32> {
        let mark = format!("KEEPALIVE_ID={}/", self.tag());
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mut marked: Vec<u32> = pids
            .filter(|pid| {
                let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
                environment
                    .split(|byte| *byte == 0)
                    .any(|variable| variable.starts_with(mark.as_bytes()))
            })
            .collect();
        marked.sort_unstable();
        marked
    }

    /// What the daemon makes of its directory's name for other names.
    fn tag(&self) -> String {
        let run = self.folder.join("run");
        run.to_string_lossy().trim_matches('/').replace('/', "-")
    }

    /// The daemon's control group.
    fn cgroup(&self) -> PathBuf {
        cgroup_root().join(format!("keepalive.{}", self.tag()))
    }

    /// The leaves of control groups that there are.
    #[must_use]
    pub fn leaves(&self) -> usize {
        let root = self.cgroup();
        let entries = fs::read_dir(root).into_iter().flatten().flatten();
        entries.filter(|entry| entry.path().is_dir()).count()
    }
}

impl Default for Stage {
    fn default() -> Self {
        Self::new()
    }
}

/// Where the daemon's control group is made: below ours.
fn cgroup_root() -> PathBuf {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mount = mounts.lines().find(|line| line.contains(" - cgroup2 "));
    let mount = mount
        .and_then(|line| line.split(' ').nth(4))
        .unwrap_or("/sys/fs/cgroup");
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = own
        .lines()
        .find_map(|line| line.strip_prefix("0::/"))
        .unwrap_or_default()
        .to_owned();
    Path::new(mount).join(own)
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            // Whatever fails here has failed before.
            daemon.kill().ok();
            daemon.wait().ok();
        }
        for pid in self.marked() {
            kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL).ok();
        }
        let ended = Instant::now();
        while !self.marked().is_empty() && ended.elapsed() < PATIENCE {
            thread::sleep(LOOK);
        }
        let root = self.cgroup();
        for entry in fs::read_dir(&root).into_iter().flatten().flatten() {
            fs::remove_dir(entry.path()).ok();
        }
        fs::remove_dir(root).ok();
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// Waits until something is so.
///
/// # Panics
/// When it does not become so.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "not so: {what}");
        thread::sleep(LOOK);
    }
}
