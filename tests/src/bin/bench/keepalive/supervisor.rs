//! The supervisors, and services that they keep running.

use std::{
    fmt::Write as _,
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tests::keepalive::Stage;
use xtask::lab::process;

/// The longest until every service runs.
const PATIENCE: Duration = Duration::from_secs(600);

/// Who keeps services running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Supervisor {
    /// `lb keepalive`.
    Lb,
    /// Debian's monit, which polls.
    Monit,
    /// Debian's runit, a process for each service.
    Runit,
}

impl Supervisor {
    /// Ours first.
    pub(super) const ALL: [Self; 3] = [Self::Lb, Self::Monit, Self::Runit];

    /// Its name in figures.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Lb => "lb",
            Self::Monit => "monit",
            Self::Runit => "runit",
        }
    }
}

/// What a supervisor has used since its start.
pub(super) struct Used {
    pub(super) cpu: Duration,
    pub(super) switches: u64,
    pub(super) memory: u64,
}

/// Services and their supervisor. Dropping it ends both.
pub(super) struct Services {
    stage: Stage,
    supervisor: Supervisor,
    /// monit, or runsvdir.
    peer: Option<Child>,
}

impl Services {
    /// Starts so many services, and waits until all run.
    ///
    /// # Errors
    /// When they do not.
    pub(super) fn start(supervisor: Supervisor, count: usize) -> anyhow::Result<Self> {
        let mut services = Self {
            stage: Stage::without_daemon(),
            supervisor,
            peer: None,
        };
        let folder = services.stage.folder().to_owned();
        match supervisor {
            Supervisor::Lb => services.start_lb(count),
            Supervisor::Monit => services.peer = Some(start_monit(&folder, count)?),
            Supervisor::Runit => services.peer = Some(start_runit(&folder, count)?),
        }
        let began = Instant::now();
        while services.pids().len() < count {
            ensure!(
                began.elapsed() < PATIENCE,
                "{}: {} of {count} services run",
                supervisor.name(),
                services.pids().len()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(services)
    }

    fn start_lb(&mut self, count: usize) {
        self.stage.start(&[]);
        assert_eq!(self.stage.spawndaemon(&["-z", &count.to_string()]).code, 0);
        let line = service(self.stage.folder());
        self.stage.register(&format!(
            "path = '/bin/sh'\nargs = ['-c', '''{line}''']\ninstances = {count}\nerror_limit = 0\nback_off = 0\noutput = 'none'\n"
        ));
    }

    /// Every pid that a service ever had.
    pub(super) fn pids(&self) -> Vec<i32> {
        pids(self.stage.folder())
    }

    /// Kills the service that was started last.
    pub(super) fn kill_last(&self) {
        if let Some(pid) = self.pids().last() {
            // What is dead already is missed by the measurement.
            kill(Pid::from_raw(*pid), Signal::SIGKILL).ok();
        }
    }

    /// What its processes have used until now, without the services.
    ///
    /// # Errors
    /// When it has ended.
    pub(super) fn used(&self) -> anyhow::Result<Used> {
        let parent = match &self.peer {
            Some(child) => child.id(),
            None => self.stage.pid(),
        };
        let parent = Pid::from_raw(parent.cast_signed());
        let mut own = vec![parent];
        if self.supervisor == Supervisor::Runit {
            own.extend(process::children(parent));
        }
        let mut used = Used {
            cpu: Duration::ZERO,
            switches: 0,
            memory: 0,
        };
        for pid in own {
            used.cpu += process::cpu_time(pid)?;
            used.switches += process::context_switches(pid)?;
            used.memory += process::resident(pid)?;
        }
        Ok(used)
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        if let Some(mut peer) = self.peer.take() {
            let parent = Pid::from_raw(peer.id().cast_signed());
            let runsvs = process::children(parent);
            // Whatever fails here has failed before.
            peer.kill().ok();
            peer.wait().ok();
            if self.supervisor == Supervisor::Runit {
                for pid in runsvs {
                    kill(pid, Signal::SIGKILL).ok();
                }
            }
        }
        if self.supervisor != Supervisor::Lb {
            for pid in self.pids() {
                let is_ours = process::command_line(Pid::from_raw(pid)) == ["sleep", "100000"];
                if is_ours {
                    kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
                }
            }
        }
    }
}

/// The service: it tells its pid, and sleeps.
fn service(folder: &Path) -> String {
    format!(
        "echo $$ >> {}; exec sleep 100000",
        folder.join("pids").display()
    )
}

fn pids(folder: &Path) -> Vec<i32> {
    let text = fs::read_to_string(folder.join("pids")).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

fn program(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    Ok(())
}

fn start_monit(folder: &Path, count: usize) -> anyhow::Result<Child> {
    let at = folder.display();
    let start = folder.join("start");
    // What monit starts has to go to the background, and to write its pid.
    let line = service(folder);
    program(
        &start,
        &format!(
            "#!/bin/sh\nsetsid sh -c 'echo $$ > {at}/pid.'$1'; {line}' > /dev/null 2>&1 < /dev/null &\n"
        ),
        0o755,
    )?;
    let mut control = format!(
        "set daemon 1\nset idfile {at}/id\nset statefile {at}/state\nset pidfile {at}/monit.pid\n"
    );
    for number in 0..count {
        writeln!(
            control,
            "check process s{number} with pidfile {at}/pid.{number}\nstart program = \"{} {number}\"",
            start.display()
        )?;
    }
    let file = folder.join("monitrc");
    program(&file, &control, 0o600)?;
    quiet("monit")
        .args(["-I", "-c"])
        .arg(&file)
        .spawn()
        .context("start monit")
}

fn start_runit(folder: &Path, count: usize) -> anyhow::Result<Child> {
    let run = folder.join("run-script");
    program(&run, &format!("#!/bin/sh\n{}\n", service(folder)), 0o755)?;
    let services: PathBuf = folder.join("services");
    for number in 0..count {
        let service = services.join(format!("s{number}"));
        fs::create_dir_all(&service)?;
        symlink(&run, service.join("run"))?;
    }
    quiet("runsvdir")
        .arg(&services)
        .spawn()
        .context("start runsvdir")
}

fn quiet(program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}
