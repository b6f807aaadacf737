//! What many virtual routers cost at rest: a backup that hears all of them, a master that speaks for all of them.
//!
//! `lb` and Debian's keepalived run the same file in the same kind of namespace, one after the other. As a backup either
//! hears a [`herald`] that speaks for every virtual router with priority 254, spread evenly over the interval, as
//! independent masters are; as a master either speaks into a link whose other end drops everything. CPU time and context
//! switches are those of parent and children, taken by the scheduler; what the kernel does in its interrupts is the
//! herald's, for either.

mod herald;
mod routers;

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use xtask::lab::{Daemon, Director, Lab, Options};

use self::{herald::Herald, routers::Routers};
use crate::{
    duel::{Duel, Metrics},
    figure::Report,
    selection::Selection,
    usage::Usage,
};

/// Until the second set of announcements is over.
const ANNOUNCEMENTS: Duration = Duration::from_secs(8);
/// How long elections may take beyond their time.
const PATIENCE: Duration = Duration::from_secs(30);
/// What one processor can send and deliver with some left for the daemon.
const MOST_ADVERTS: u32 = 120_000;

/// Measures every case and prints the figures; progress goes to stderr.
///
/// # Errors
/// When a daemon cannot be started or does not settle.
pub(crate) fn run(out: &mut Report, selection: &Selection) -> anyhow::Result<()> {
    let duel = Duel::new("vrrp")?;
    let window = Duration::from_secs(if selection.quick { 3 } else { 10 });
    let cases = cases(selection.quick);
    duel.measure_selected(cases, Case::name, selection, out, |case, daemon| {
        case.measure(daemon, window)
    })
}

/// What the daemon under test is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Backup,
    Master,
}

impl Role {
    const fn name(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Master => "master",
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Case {
    role: Role,
    routers: Routers,
}

fn cases(quick: bool) -> Vec<Case> {
    let counts: &[u32] = if quick { &[255] } else { &[1, 255, 1020, 4000] };
    let intervals: &[u16] = if quick { &[1] } else { &[100, 10, 1] };
    let mut cases = Vec::new();
    for role in [Role::Backup, Role::Master] {
        for &count in counts {
            for &centiseconds in intervals {
                let routers = Routers {
                    count,
                    centiseconds,
                };
                if routers.adverts_per_second() <= MOST_ADVERTS {
                    cases.push(Case { role, routers });
                }
            }
        }
    }
    cases
}

impl Case {
    fn name(self) -> String {
        let Routers { count, .. } = self.routers;
        let interval = self.routers.interval().as_secs_f64();
        format!("{}/n={count}/advert={interval}", self.role.name())
    }

    /// One daemon from its start to its end.
    fn measure(self, daemon: &Daemon, window: Duration) -> anyhow::Result<Metrics> {
        let lab = Lab::start(Options { servers: false })?;
        let ends = [1, 2].map(|number| lab.director(number).namespace());
        self.routers.connect(ends)?;
        let herald = match self.role {
            Role::Backup => Some(Herald::start(lab.director(2).namespace(), self.routers)?),
            Role::Master => None,
        };
        let _sinks = match self.role {
            Role::Backup => Vec::new(),
            Role::Master => self.routers.drain(lab.director(2).namespace())?,
        };
        let director = lab.director(1);
        director.start(daemon, self.routers.configuration())?;
        self.settle(director)?;
        let said = || herald.as_ref().map_or(0, Herald::sent);
        let (before, said_before) = (Usage::of(director)?, said());
        thread::sleep(window);
        let after = Usage::of(director).context("the daemon did not go on")?;
        let heard = said() - said_before;
        let masters = masters(director);
        if self.role == Role::Master && matches!(daemon, Daemon::Lb { .. }) {
            let count = usize::try_from(self.routers.count)?;
            ensure!(masters == count, "{masters} of {count} are MASTER");
        }
        if let Some(herald) = herald {
            herald.stop()?;
        }
        let mut metrics = after.since(&before, window);
        if self.role == Role::Backup {
            metrics.insert("false_takeovers", masters as f64);
            metrics.insert("heard_per_s", heard as f64 / window.as_secs_f64());
        }
        Ok(metrics)
    }

    /// Waits for elections, addresses and both sets of announcements. A peer that never gets there is measured as it is.
    fn settle(self, director: &Director) -> anyhow::Result<()> {
        let elections = self.routers.interval() * 4 + Duration::from_millis(1) * self.routers.count;
        thread::sleep(elections);
        if self.role == Role::Master {
            let count = usize::try_from(self.routers.count)?;
            let patience = Instant::now() + PATIENCE;
            while masters(director) < count && Instant::now() < patience {
                thread::sleep(Duration::from_millis(500));
            }
        }
        thread::sleep(ANNOUNCEMENTS);
        Ok(())
    }
}

/// Elections won so far.
fn masters(director: &Director) -> usize {
    director.log().matches("Entering MASTER STATE").count()
}
