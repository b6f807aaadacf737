//! What `cargo xtask run` shows: the lab at work, live, until Ctrl-C.

mod screen;
mod trickle;
mod view;

use std::{
    io::IsTerminal as _,
    os::fd::AsFd as _,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{SigSet, Signal},
        signalfd::SignalFd,
    },
};

use self::{screen::Screen, trickle::Trickle};
use super::{Daemon, Lab, Options, Template};

const REFRESH: Duration = Duration::from_millis(500);
/// What was killed stays dead for so long.
const REVIVAL: Duration = Duration::from_secs(15);
const START: Duration = Duration::from_secs(15);

/// Runs the lab with the `lb` binary at `lb` until it is interrupted, or for as many seconds as `LB_LAB_SECONDS` says.
///
/// # Errors
/// Says what could not start.
pub fn run(lb: &Path) -> anyhow::Result<()> {
    let bound = match std::env::var("LB_LAB_SECONDS") {
        Ok(text) => Some(Duration::from_secs(
            text.parse().context("LB_LAB_SECONDS is no number")?,
        )),
        Err(_) => None,
    };
    run_for(lb, bound)
}

/// Runs the lab until it is interrupted, or for `bound`.
///
/// # Errors
/// Says what could not start.
pub fn run_for(lb: &Path, bound: Option<Duration>) -> anyhow::Result<()> {
    let daemon = Daemon::Lb {
        binary: lb
            .canonicalize()
            .with_context(|| format!("find {}", lb.display()))?,
    };
    let interrupts = Interrupts::take()?;
    let mut screen = Screen::new(std::io::stdout().is_terminal());
    screen.say("starting a client, two directors and three servers in network namespaces")?;
    let lab = Lab::start(Options::default())?;
    for number in [1, 2] {
        start(&lab, number, &daemon)?;
    }
    let started = Instant::now();
    while !view::has_master(&lab) {
        if interrupts.wait(Duration::from_millis(100))? {
            return Ok(());
        }
        trouble(&lab, started)?;
    }
    for line in view::commands(&lab, lb) {
        screen.say(&line)?;
    }
    let trickle = Trickle::start(lab.client())?;
    let begin = Instant::now();
    let mut revival = Revival::default();
    while !interrupts.wait(REFRESH)? && bound.is_none_or(|bound| begin.elapsed() < bound) {
        revival.step(&lab, &daemon)?;
        screen.show(&view::lines(&lab, &trickle.counts()))?;
    }
    screen.finish(&view::summary(&trickle.counts()))?;
    screen.say("removing the lab")
}

fn start(lab: &Lab, number: u8, daemon: &Daemon) -> anyhow::Result<()> {
    lab.director(usize::from(number))
        .start(daemon, Template::director(number).text())
        .with_context(|| format!("start director {number}"))
}

/// Says why the directors do not come up.
fn trouble(lab: &Lab, started: Instant) -> anyhow::Result<()> {
    for number in [1, 2] {
        let director = lab.director(number);
        if !director.is_running() {
            bail!("lb on director {number} ended:\n{}", director.log());
        }
    }
    if started.elapsed() > START {
        bail!(
            "no director is MASTER after {START:?}; director 1 says:\n{}",
            lab.director(1).log()
        );
    }
    Ok(())
}

/// SIGINT, SIGTERM and SIGHUP as something to wait for. Threads started later leave them alone, too.
struct Interrupts(SignalFd);

impl Interrupts {
    fn take() -> anyhow::Result<Self> {
        let mut signals = SigSet::empty();
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
            signals.add(signal);
        }
        signals.thread_block().context("block signals")?;
        SignalFd::new(&signals).map(Self).context("signalfd")
    }

    /// Whether one came within `patience`.
    fn wait(&self, patience: Duration) -> anyhow::Result<bool> {
        let timeout = PollTimeout::try_from(patience).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        Ok(poll(&mut fds, timeout).context("wait for signals")? > 0)
    }
}

/// Starts again what was killed, a while later.
#[derive(Default)]
struct Revival {
    directors: [Option<Instant>; 2],
    servers: [Option<Instant>; 3],
}

impl Revival {
    fn step(&mut self, lab: &Lab, daemon: &Daemon) -> anyhow::Result<()> {
        for (number, dead) in (1..).zip(&mut self.directors) {
            let director = lab.director(usize::from(number));
            if due(dead, director.is_running()) {
                director.forget();
                start(lab, number, daemon)?;
            }
        }
        for (server, dead) in lab.servers().iter().zip(&mut self.servers) {
            if due(dead, server.is_running()) {
                server.start()?;
            }
        }
        Ok(())
    }
}

fn due(dead: &mut Option<Instant>, is_running: bool) -> bool {
    if is_running {
        *dead = None;
        return false;
    }
    let since = dead.get_or_insert_with(Instant::now);
    let due = since.elapsed() >= REVIVAL;
    if due {
        *dead = None;
    }
    due
}
