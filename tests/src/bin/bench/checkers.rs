//! What health checks cost and how soon a death is seen: many real servers, checked by `lb` and by Debian's keepalived with the same
//! file, one after the other.
//!
//! All real servers are addresses of one namespace at the other end of a link, where few threads accept for all of them. Where the
//! kernel has no IPVS, keepalived is told that all it writes there is well, so that it is spared that work. CPU time is that of
//! parent and children; the kernel's part of a connection over the link is in it for both.

pub(crate) mod servers;

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use xtask::lab::{Daemon, Director, Lab, Options, process};

use self::servers::{Manner, Servers};
use crate::{
    duel::{Duel, Metrics, milliseconds},
    figure::Report,
    selection::Selection,
    usage::Usage,
};

/// Real servers of one virtual server.
const PER_VIRTUAL_SERVER: u32 = 10;
/// How long the first round may take beyond `warmup`.
const PATIENCE: Duration = Duration::from_secs(60);
/// Deaths in one run.
const DEATHS: u32 = 5;

/// Measures every case and prints the figures; progress goes to stderr.
///
/// # Errors
/// When a daemon cannot be started or does not check.
pub(crate) fn run(out: &mut Report, selection: &Selection) -> anyhow::Result<()> {
    let duel = Duel::against("checkers", Daemon::KeepalivedCheckers)?;
    let window = Duration::from_secs(if selection.quick { 5 } else { 15 });
    let cases = cases(selection.quick);
    duel.measure_selected(cases, Case::name, selection, out, |case, daemon| {
        case.measure(daemon, window)
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
    Tcp,
    Http,
}

impl Check {
    const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Http => "http",
        }
    }

    const fn manner(self) -> Manner {
        match self {
            Self::Tcp => Manner::Closes,
            Self::Http => Manner::Speaks,
        }
    }

    /// The block of a real server at this port.
    fn block(self, port: u16) -> String {
        match self {
            Self::Tcp => format!("TCP_CHECK {{\nconnect_port {port}\nconnect_timeout 2\n}}"),
            Self::Http => format!(
                "HTTP_GET {{\nurl {{\npath /\nstatus_code 200\n}}\nconnect_port {port}\nconnect_timeout 2\n}}"
            ),
        }
    }

    /// What either daemon says when the first check of a real server has passed.
    const fn success(self) -> &'static str {
        match self {
            Self::Tcp => "TCP connection to ",
            Self::Http => "Remote Web server ",
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Case {
    check: Check,
    count: u32,
    delay_loop: u32,
}

fn cases(quick: bool) -> Vec<Case> {
    let sizes: &[(u32, u32)] = if quick {
        &[(1000, 1)]
    } else {
        &[(100, 1), (1000, 1), (5000, 1), (5000, 5), (20_000, 5)]
    };
    let mut cases = Vec::new();
    for check in [Check::Tcp, Check::Http] {
        for &(count, delay_loop) in sizes {
            cases.push(Case {
                check,
                count,
                delay_loop,
            });
        }
    }
    cases
}

impl Case {
    fn name(self) -> String {
        let Self {
            check,
            count,
            delay_loop,
        } = self;
        format!("{}/rs={count}/loop={delay_loop}", check.name())
    }

    /// One daemon from its start to its end.
    fn measure(self, daemon: &Daemon, window: Duration) -> anyhow::Result<Metrics> {
        let lab = Lab::start(Options { servers: false })?;
        let ends = [1, 2].map(|number| lab.director(number).namespace());
        let mut servers = Servers::start(ends, self.check.manner())?;
        let director = lab.director(1);
        let began = Instant::now();
        director.start(daemon, self.configuration())?;
        let first_round = self.wait_for_first_round(director, began)?;
        thread::sleep(Duration::from_secs(2));
        let (before, begun) = (Usage::of(director)?, begun(director)?);
        thread::sleep(window);
        let after = Usage::of(director).context("the daemon did not go on")?;
        let checks = self::begun(director)? - begun;
        let mut metrics = BTreeMap::new();
        let used = after.since(&before, window);
        for metric in ["cpu_percent", "context_switches_per_s", "rss_mb"] {
            metrics.extend(used.get_key_value(metric));
        }
        let cpu = used.get("cpu_percent").copied().unwrap_or_default() / 100.0;
        let per_second = checks as f64 / window.as_secs_f64();
        metrics.insert("checks_per_s", per_second);
        metrics.insert("cpu_us_per_check", cpu / per_second * 1e6);
        metrics.insert("first_round_ms", milliseconds(first_round));
        metrics.insert(
            "detect_ms",
            milliseconds(detection(director, &mut servers)?),
        );
        Ok(metrics)
    }

    fn wait_for_first_round(self, director: &Director, began: Instant) -> anyhow::Result<Duration> {
        let all = usize::try_from(self.count)?;
        let limit = PATIENCE + Duration::from_secs(u64::from(self.delay_loop));
        loop {
            let passed = director.log().matches(self.check.success()).count();
            if passed >= all {
                return Ok(began.elapsed());
            }
            ensure!(
                began.elapsed() < limit,
                "{passed} of {all} were checked: {}",
                director.log().lines().last().unwrap_or_default()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn configuration(self) -> String {
        let lines = format!("delay_loop {}", self.delay_loop);
        let check = |number| self.check.block(Servers::port(number));
        let blocks = Servers::blocks(self.count, PER_VIRTUAL_SERVER, &lines, check);
        format!("global_defs {{\nrouter_id bench\n}}\n{blocks}")
    }
}

/// Connections that the daemon began.
fn begun(director: &Director) -> anyhow::Result<u64> {
    process::connections_begun(director.pid().context("no daemon runs")?)
}

/// From the death of a real server until the daemon says so: the mean of some.
fn detection(director: &Director, servers: &mut Servers<'_>) -> anyhow::Result<Duration> {
    let removed = || director.log().matches("Removing service").count();
    let added = || director.log().matches("Adding service").count();
    let mut sum = Duration::ZERO;
    for death in 0..DEATHS {
        // At any time of the interval.
        thread::sleep(Duration::from_millis(1170) + Duration::from_millis(210) * death);
        let (had, has) = (removed(), added());
        servers.kill();
        let died = Instant::now();
        while removed() == had {
            ensure!(died.elapsed() < PATIENCE, "nobody sees the death");
            thread::sleep(Duration::from_millis(2));
        }
        sum += died.elapsed();
        servers.revive()?;
        while added() == has {
            ensure!(died.elapsed() < PATIENCE, "nobody sees the return");
            thread::sleep(Duration::from_millis(20));
        }
    }
    Ok(sum / DEATHS)
}
