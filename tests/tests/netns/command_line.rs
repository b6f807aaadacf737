//! keepalived's options, and what each of them does to a daemon that runs; exit codes; several daemons side by side.

mod genhash;
mod options;
mod several;
mod status;

use std::{
    fs,
    os::unix::process::ExitStatusExt as _,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use xtask::lab::{Daemon, Namespace, process};

use crate::arena::{Arena, lb, patience};

/// The binary under test.
fn binary() -> PathBuf {
    match lb() {
        Daemon::Lb { binary } => binary,
        other => panic!("lb is {other:?}"),
    }
}

/// A virtual router that is MASTER at once.
fn router(name: &str, vrid: u8, address: &str) -> String {
    format!(
        "vrrp_instance {name} {{\ninterface eth0\nvirtual_router_id {vrid}\nversion 3\npriority 200\nadvert_int 0.1\nvirtual_ipaddress {{\n{address}\n}}\n}}\n"
    )
}

/// A daemon in the first director's namespace, with a file and a log of its own.
struct Running {
    child: Child,
    config: PathBuf,
    log: PathBuf,
}

impl Running {
    fn start(arena: &Arena, name: &str, config: &str, options: &[&str]) -> Self {
        Self::start_by(arena, Command::new(binary()), name, config, options)
    }

    /// The same by another command, which is given lb's options.
    fn start_by(
        arena: &Arena,
        mut command: Command,
        name: &str,
        config: &str,
        options: &[&str],
    ) -> Self {
        let path = |extension: &str| arena.work().join(name).with_extension(extension);
        let (config_file, log) = (path("conf"), path("out"));
        fs::write(&config_file, config).unwrap();
        let out = fs::File::create(&log).unwrap();
        command
            .args(["-s", namespace(arena).name(), "-n", "-l", "-D", "-f"])
            .arg(&config_file)
            .args(options)
            .stdin(Stdio::null())
            .stdout(out.try_clone().unwrap())
            .stderr(out);
        Self {
            child: namespace(arena).spawn(&mut command).unwrap(),
            config: config_file,
            log,
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap())
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until it has said so.
    fn wait_for(&self, words: &str) {
        wait_until(
            || self.said().contains(words),
            || format!("`{words}` in:\n{}", self.said()),
        );
    }

    fn child(&self, comm: &str) -> Option<Pid> {
        let mut children = process::children(self.pid()).into_iter();
        children.find(|pid| process::command_name(*pid).as_deref() == Some(comm))
    }

    fn wait_for_child(&self, comm: &str) -> Pid {
        wait_until(
            || self.child(comm).is_some(),
            || {
                let names = process::children(self.pid()).into_iter();
                let names: Vec<_> = names.map(process::command_name).collect();
                format!("a child {comm} among {names:?}:\n{}", self.said())
            },
        );
        self.child(comm).unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Waits for its end.
    fn wait(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < patience(), "it runs on:\n{}", self.said());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends it as a service manager does.
    fn stop(mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The children end with the namespace.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn namespace(arena: &Arena) -> &Namespace {
    arena.director(1).namespace()
}

/// Waits for something that is there soon.
fn wait_until(holds: impl Fn() -> bool, what: impl Fn() -> String) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < patience(), "not in time: {}", what());
        thread::sleep(Duration::from_millis(20));
    }
}

/// Runs a command in the namespace to its end: its code (a signal is negative), and all it wrote.
fn run(arena: &Arena, command: &mut Command) -> (i32, String) {
    let path = arena.work().join("written");
    let out = fs::File::create(&path).unwrap();
    command
        .stdin(Stdio::null())
        .stdout(out.try_clone().unwrap())
        .stderr(out);
    let status = namespace(arena).spawn(command).unwrap().wait().unwrap();
    let code = status.code().or(status.signal().map(|signal| -signal));
    (code.unwrap(), fs::read_to_string(path).unwrap())
}

fn addresses(arena: &Arena) -> String {
    let namespace = namespace(arena);
    namespace
        .command("ip", &["-o", "address", "show", "dev", "eth0"])
        .unwrap()
}
