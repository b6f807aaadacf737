//! A host in miniature: a director's network namespace with its own `/run`, `/tmp`, `/dev`, `/etc/keepalived` and BPF file system, and
//! `lb` where the package has keepalived. Units are run as systemd runs them.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use xtask::lab::{Daemon, Director, process};

use crate::arena::{lb, patience};

/// What the package brings.
const UNIT: &str = "/lib/systemd/system/keepalived.service";
/// What `dist/` has for it.
pub(crate) const DROP_IN: &str = include_str!("../../../dist/keepalived.service.d/lb.conf");

/// Makes the mounts and keeps them until its standard input ends.
const SCRIPT: &str = "
set -e
mount --bind \"$1\" /usr/sbin/keepalived
mount --bind \"$2\" /etc/default/keepalived
mount -t tmpfs tmpfs /etc/keepalived
mount -t bpf bpf /sys/fs/bpf
mount -t tmpfs tmpfs /run
mkdir /run/devices
mount --rbind /dev /run/devices
mount -t tmpfs tmpfs /dev
for name in null zero full random urandom tty; do
    : > /dev/$name
    mount --bind /run/devices/$name /dev/$name
done
umount -l /run/devices
mount -t tmpfs -o mode=1777 tmpfs /tmp
echo mounted
read -r _
";

/// The host; its mounts go with it, its processes with the director.
pub(crate) struct Host<'a> {
    director: &'a Director,
    shell: Child,
    notices: UnixDatagram,
    syslog: Syslog,
}

/// Reads `/dev/log`, which takes no more than a handful of lines that nobody reads.
struct Syslog {
    lines: Arc<Mutex<Vec<String>>>,
    reads: Arc<AtomicBool>,
    ends: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

impl Syslog {
    fn start(socket: UnixDatagram) -> Self {
        socket
            .set_read_timeout(Some(Duration::from_millis(20)))
            .unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let [reads, ends] = [true, false].map(|is| Arc::new(AtomicBool::new(is)));
        let (heard, may, must) = (Arc::clone(&lines), Arc::clone(&reads), Arc::clone(&ends));
        let reader = thread::spawn(move || {
            let mut buffer = [0; 4096];
            while !must.load(Ordering::Relaxed) {
                if !may.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(20));
                } else if let Ok(length) = socket.recv(&mut buffer) {
                    let line = String::from_utf8_lossy(&buffer[..length]).into_owned();
                    heard.lock().unwrap().push(line);
                }
            }
        });
        Self {
            lines,
            reads,
            ends,
            reader: Some(reader),
        }
    }
}

impl Drop for Syslog {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        self.reader.take().map(JoinHandle::join);
    }
}

impl<'a> Host<'a> {
    /// With these words in `/etc/default/keepalived`.
    pub(crate) fn new(director: &'a Director, arguments: &str) -> Self {
        let Daemon::Lb { binary } = lb() else {
            unreachable!("the daemon under test is lb");
        };
        let defaults = director.directory().join("defaults");
        fs::write(
            &defaults,
            format!("# Options to pass to keepalived\nDAEMON_ARGS=\"{arguments}\"\n"),
        )
        .unwrap();
        let mut shell = Command::new("unshare");
        shell
            .args(["-m", "--propagation", "private", "sh", "-c", SCRIPT, "host"])
            .args([&binary, &defaults])
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut shell = director.namespace().spawn(&mut shell).unwrap();
        let mut said = String::new();
        let mut out = BufReader::new(shell.stdout.take().unwrap());
        out.read_line(&mut said).unwrap();
        assert_eq!(said, "mounted\n");
        let root = root(&shell);
        let bind = |path: &str| {
            let socket = UnixDatagram::bind(root.join(path)).unwrap();
            socket.set_read_timeout(Some(patience())).unwrap();
            socket
        };
        Self {
            director,
            notices: bind("run/notify"),
            syslog: Syslog::start(bind("dev/log")),
            shell,
        }
    }

    /// A file of the host.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        root(&self.shell).join(path.trim_start_matches('/'))
    }

    /// A text of the host.
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// Its configuration.
    pub(crate) fn configure(&self, text: &str) {
        fs::write(self.path("/etc/keepalived/keepalived.conf"), text).unwrap();
    }

    /// A command there.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["-m", "-t", &self.shell.id().to_string(), "--"])
            .args(words)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::null());
        command
    }

    /// A shell's words there, to their end.
    pub(crate) fn sh(&self, words: &str) -> String {
        let mut command = self.command(&["sh", "-ec", words]);
        let child = self
            .director
            .namespace()
            .spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        let output = child.unwrap().wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words}: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// All lines that syslog has got.
    pub(crate) fn logged(&self) -> Vec<String> {
        self.syslog.lines.lock().unwrap().clone()
    }

    /// Waits until syslog has a line with these words.
    pub(crate) fn wait_for_line(&self, words: &str) {
        let start = Instant::now();
        while !self.logged().iter().any(|line| line.contains(words)) {
            let logged = || self.logged().join("\n");
            assert!(
                start.elapsed() < patience(),
                "no {words:?} in\n{}",
                logged()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Nobody reads the log any more.
    pub(crate) fn stop_reading_log(&self) {
        self.syslog.reads.store(false, Ordering::Relaxed);
    }

    /// The processes of the host's namespace, but for the one that keeps the mounts.
    pub(crate) fn processes(&self) -> Vec<Pid> {
        let all = self.director.namespace().processes().into_iter();
        all.filter(|pid| pid.as_raw().cast_unsigned() != self.shell.id())
            .collect()
    }

    /// The next word to the service manager that is not about the watchdog.
    pub(crate) fn notice(&self) -> String {
        let mut buffer = [0; 1024];
        loop {
            let length = self.notices.recv(&mut buffer).unwrap();
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if text != "WATCHDOG=1\n" {
                return text;
            }
        }
    }
}

impl Drop for Host<'_> {
    fn drop(&mut self) {
        self.director.kill9_all();
        self.shell.kill().ok();
        self.shell.wait().ok();
    }
}

fn root(shell: &Child) -> PathBuf {
    // `sh` takes the place of `unshare`.
    Path::new("/proc").join(shell.id().to_string()).join("root")
}

/// What a unit says of its service.
pub(crate) struct Unit(Vec<(String, String)>);

impl Unit {
    /// The package's, with more behind it.
    pub(crate) fn packaged(more: &str) -> Self {
        let text = fs::read_to_string(UNIT).unwrap() + more;
        let mut section = "";
        let mut settings = Vec::new();
        for line in text.lines().map(str::trim) {
            if line.starts_with('[') {
                section = line;
            } else if let Some((name, value)) = line.split_once('=')
                && section == "[Service]"
                && !line.starts_with('#')
            {
                settings.push((name.to_owned(), value.to_owned()));
            }
        }
        Self(settings)
    }

    /// A setting; of several the last.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut found = self.0.iter().rev();
        let (_, value) = found.find(|(of, _)| of == name)?;
        Some(value)
    }

    fn signal(&self, name: &str) -> Signal {
        self.get(name).unwrap_or("SIGTERM").parse().unwrap()
    }
}

/// A service that runs.
pub(crate) struct Service<'h> {
    host: &'h Host<'h>,
    unit: Unit,
    main: Child,
}

impl<'h> Service<'h> {
    /// `systemctl start`: returns when the service says that it is ready.
    pub(crate) fn start(host: &'h Host<'h>, unit: Unit) -> Self {
        assert_eq!(
            unit.get("Type"),
            Some("notify"),
            "nothing else is known here"
        );
        let main = Self::execute(host, &unit);
        let service = Self { host, unit, main };
        service.wait_for_ready();
        service
    }

    fn execute(host: &Host<'_>, unit: &Unit) -> Child {
        let start = unit.get("ExecStart").unwrap();
        let words = substitute(start, &environment(host, unit));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut command = host.command(&words);
        let log = host.director.directory().join("log");
        let log = fs::File::options().create(true).append(true).open(log);
        let log = log.unwrap();
        command
            .env("NOTIFY_SOCKET", "/run/notify")
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        host.director.namespace().spawn(&mut command).unwrap()
    }

    fn wait_for_ready(&self) {
        let ready = self.host.notice();
        let expected = format!("READY=1\nMAINPID={}\n", self.pid());
        assert!(ready.starts_with(&expected), "{ready}");
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.main.id().cast_signed())
    }

    /// `systemctl reload`.
    pub(crate) fn reload(&self) {
        let main = ("MAINPID".to_owned(), self.pid().to_string());
        let words = substitute(self.unit.get("ExecReload").unwrap(), &[main]);
        self.host.sh(&words.join(" "));
        assert!(self.host.notice().starts_with("RELOADING=1\n"));
        self.wait_for_ready();
    }

    /// `systemctl stop`.
    pub(crate) fn stop(mut self) {
        self.end(self.unit.signal("KillSignal"));
        assert!(self.host.notice().starts_with("STOPPING=1\n"));
        assert_eq!(self.main.wait().unwrap().code(), Some(0));
        let start = Instant::now();
        while !self.host.processes().is_empty() {
            assert!(start.elapsed() < patience(), "{:?}", self.host.processes());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// `systemctl restart`.
    pub(crate) fn restart(&mut self) {
        let signal = match self.unit.get("RestartKillSignal") {
            Some(name) => name.parse().unwrap(),
            None => self.unit.signal("KillSignal"),
        };
        self.end(signal);
        assert_eq!(self.main.wait().unwrap().code(), Some(0));
        self.main = Self::execute(self.host, &self.unit);
        self.wait_for_ready();
    }

    /// systemd's default is to signal every process of the service at once.
    fn end(&self, signal: Signal) {
        let alone = self.unit.get("KillMode") == Some("process");
        let others = process::children(self.pid()).into_iter();
        let others = others.filter(|_| !alone);
        for pid in std::iter::once(self.pid()).chain(others) {
            kill(pid, signal).unwrap();
        }
    }
}

/// The variables of `EnvironmentFile`, which a `-` allows to be missing.
fn environment(host: &Host<'_>, unit: &Unit) -> Vec<(String, String)> {
    let Some(file) = unit.get("EnvironmentFile") else {
        return Vec::new();
    };
    let text = host.read(file.trim_start_matches('-'));
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()))
        .collect()
}

/// The words of a command line: a variable that is a word of its own becomes as many as it has.
fn substitute(line: &str, variables: &[(String, String)]) -> Vec<String> {
    let value = |word: &str| -> Vec<String> {
        let Some(name) = word.strip_prefix('$') else {
            return vec![word.to_owned()];
        };
        let found = variables.iter().find(|(of, _)| of == name);
        let value = found.map_or("", |(_, value)| value);
        value.split_whitespace().map(str::to_owned).collect()
    };
    line.split_whitespace().flat_map(value).collect()
}
