//! One network namespace: running code, processes and `ip` commands inside.

use std::{
    fs,
    io::Write as _,
    os::{linux::fs::MetadataExt as _, unix::process::CommandExt as _},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread::{self, JoinHandle},
};

use anyhow::{Context as _, bail};
use nix::{
    sched::{CloneFlags, setns},
    unistd::Pid,
};

use super::process;

/// A named network namespace, kept open. Removing it is the janitor's work.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    handle: fs::File,
}

impl Namespace {
    /// Makes the namespace.
    ///
    /// # Errors
    /// When `ip netns add` fails, as for lack of rights.
    pub(super) fn create(name: String) -> anyhow::Result<Self> {
        run(process::tool("ip").args(["netns", "add", &name]))?;
        let path = PathBuf::from("/run/netns").join(&name);
        let handle = fs::File::open(&path).with_context(|| format!("open {}", path.display()))?;
        Ok(Self { name, handle })
    }

    /// Name below `/run/netns`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `work` on a thread inside and waits for it. Sockets and threads it makes stay inside.
    ///
    /// # Errors
    /// When the namespace cannot be entered, or `work` fails.
    pub fn run<T: Send>(
        &self,
        work: impl FnOnce() -> anyhow::Result<T> + Send,
    ) -> anyhow::Result<T> {
        thread::scope(|scope| {
            let inside = scope.spawn(|| {
                self.enter()?;
                work()
            });
            match inside.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// Starts a thread inside.
    ///
    /// # Errors
    /// When the thread cannot be made; that the namespace cannot be entered is the thread's result.
    pub fn thread<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<JoinHandle<anyhow::Result<T>>> {
        let inside = Self {
            name: self.name.clone(),
            handle: self.handle.try_clone().context("namespace handle")?,
        };
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                inside.enter()?;
                work()
            })
            .context("start a thread")
    }

    /// Starts a process inside, in a process group of its own, so that Ctrl-C does not reach it.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn spawn(&self, command: &mut Command) -> anyhow::Result<Child> {
        let program = command.get_program().to_owned();
        command.process_group(0);
        self.run(move || {
            command
                .spawn()
                .with_context(|| format!("start {}", program.display()))
        })
    }

    /// Runs a program inside to its end.
    ///
    /// # Errors
    /// When it cannot be started or does not end with 0; the text it wrote to stderr is in the error.
    pub fn command(&self, program: &str, args: &[&str]) -> anyhow::Result<String> {
        self.run(|| run(process::tool(program).args(args)))
    }

    /// Runs `ip` commands inside, one a line.
    ///
    /// # Errors
    /// At the first line that fails.
    pub fn ip(&self, batch: &str) -> anyhow::Result<()> {
        self.run(|| {
            let mut child = process::tool("ip")
                .args(["-batch", "-"])
                .stdin(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .context("start ip")?;
            if let Some(mut stdin) = child.stdin.take() {
                stdin.write_all(batch.as_bytes()).context("write to ip")?;
            }
            let output = child.wait_with_output().context("wait for ip")?;
            if !output.status.success() {
                let stderr = String::from_utf8_lossy(&output.stderr);
                bail!(
                    "ip in namespace {}: {}\n{batch}",
                    self.name,
                    stderr.trim_end()
                );
            }
            Ok(())
        })
    }

    /// Writes sysctls below `net`, given as `path/with/slashes`.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn sysctl(&self, settings: &[(&str, &str)]) -> anyhow::Result<()> {
        self.run(|| {
            for (key, value) in settings {
                let path = format!("/proc/sys/net/{key}");
                fs::write(&path, value).with_context(|| format!("write {value} to {path}"))?;
            }
            Ok(())
        })
    }

    /// Processes inside.
    #[must_use]
    pub fn processes(&self) -> Vec<Pid> {
        let Ok(own) = self.handle.metadata() else {
            return Vec::new();
        };
        let inside = |pid: &Pid| {
            fs::metadata(format!("/proc/{pid}/ns/net"))
                .is_ok_and(|ns| ns.st_ino() == own.st_ino() && ns.st_dev() == own.st_dev())
        };
        process::all().filter(inside).collect()
    }

    fn enter(&self) -> anyhow::Result<()> {
        setns(&self.handle, CloneFlags::CLONE_NEWNET)
            .with_context(|| format!("enter namespace {}", self.name))
    }
}

/// Runs a program to its end and returns what it wrote.
pub(super) fn run(command: &mut Command) -> anyhow::Result<String> {
    let program = command.get_program().to_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("start {}", program.display()))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let args: Vec<_> = command.get_args().map(|a| a.to_string_lossy()).collect();
        bail!(
            "{} {}: {}: {}",
            program.display(),
            args.join(" "),
            output.status,
            stderr.trim_end()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
