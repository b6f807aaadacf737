//! `lb` and Debian's keepalived side by side: each takes its turn at the same case, and what they show is told metric by
//! metric.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context as _;
use xtask::lab::{Daemon, Lab};

use crate::{
    figure::{Figure, Report, Values},
    peer,
    selection::Selection,
};

/// What one daemon shows in one run.
pub(crate) type Metrics = BTreeMap<&'static str, f64>;

/// Metrics of one daemon with a value per run.
type Samples = BTreeMap<&'static str, Vec<f64>>;

/// The two daemons, and the name of the benchmark they meet in.
#[derive(Debug)]
pub(crate) struct Duel {
    bench: &'static str,
    daemons: [Daemon; 2],
    peer: String,
}

impl Duel {
    /// Finds `lb`, and keepalived with its virtual routers.
    ///
    /// # Errors
    /// When one is not there.
    pub(crate) fn new(bench: &'static str) -> anyhow::Result<Self> {
        Self::against(bench, Daemon::Keepalived)
    }

    /// The same with another part of keepalived.
    ///
    /// # Errors
    /// When one is not there.
    pub(crate) fn against(bench: &'static str, keepalived: Daemon) -> anyhow::Result<Self> {
        let binary = peer::lb_binary()?;
        Ok(Self {
            bench,
            daemons: [Daemon::Lb { binary }, keepalived],
            peer: peer::keepalived_name()?,
        })
    }

    /// Lets each have one turn at every case that is selected by its name.
    ///
    /// # Errors
    /// Those of a turn.
    pub(crate) fn measure_selected<C: Copy>(
        &self,
        cases: Vec<C>,
        name: impl Fn(C) -> String,
        selection: &Selection,
        out: &mut Report,
        turn: impl Fn(C, &Daemon) -> anyhow::Result<Metrics>,
    ) -> anyhow::Result<()> {
        for case in cases {
            let name = name(case);
            if selection.has(&name) {
                self.measure(&name, 1, out, |daemon, _| turn(case, daemon))?;
            }
        }
        Ok(())
    }

    /// Lets each have `runs` turns, one after the other, and prints a figure for every metric that `lb` shows; progress
    /// goes to stderr. A turn gets the daemon and the number of its run.
    ///
    /// # Errors
    /// Those of a turn.
    pub(crate) fn measure(
        &self,
        case: &str,
        runs: u32,
        out: &mut Report,
        turn: impl Fn(&Daemon, u32) -> anyhow::Result<Metrics>,
    ) -> anyhow::Result<()> {
        let mut samples = [Samples::new(), Samples::new()];
        for run in 0..runs {
            for (daemon, samples) in self.daemons.iter().zip(&mut samples) {
                let metrics =
                    turn(daemon, run).with_context(|| format!("{case} with {daemon:?}"))?;
                progress(case, daemon, &metrics);
                for (metric, value) in metrics {
                    samples.entry(metric).or_default().push(value);
                }
            }
        }
        let [ours, theirs] = &samples;
        for (metric, values) in ours {
            let theirs = theirs.get(metric);
            out.add(&Figure {
                bench: self.bench,
                case: case.to_owned(),
                metric,
                values: Values::new(values),
                against: theirs.map(|values| (self.peer.as_str(), Values::new(values).median)),
            })?;
        }
        Ok(())
    }
}

/// Empties both directors and starts the daemon there, the backup first, with the configuration that `text` gives for the
/// number of each.
///
/// # Errors
/// When a director cannot be emptied, or the daemon not be started.
pub(crate) fn start_pair(
    lab: &Lab,
    daemon: &Daemon,
    text: impl Fn(u8) -> String,
) -> anyhow::Result<()> {
    for number in [1, 2] {
        lab.director(number).reset()?;
    }
    for number in [2, 1] {
        let director = lab.director(usize::from(number));
        director.start(daemon, text(number))?;
    }
    Ok(())
}

/// To a tenth.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

#[expect(clippy::cast_precision_loss, reason = "counts below a million")]
pub(crate) const fn count(number: usize) -> f64 {
    number as f64
}

#[expect(
    clippy::print_stderr,
    reason = "progress of a benchmark that takes minutes"
)]
fn progress(case: &str, daemon: &Daemon, metrics: &Metrics) {
    let figures: Vec<_> = metrics
        .iter()
        .map(|(metric, value)| format!("{metric} {value:.2}"))
        .collect();
    eprintln!("{case} {}: {}", peer::name(daemon), figures.join(", "));
}
