//! A lab that nobody else measures in.

use std::{
    net::Ipv4Addr,
    ops::Deref,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::{Duration, Instant},
};

use serde_json::Value;
pub(crate) use tests::daemon::lb;
use xtask::lab::{
    Daemon, Lab, Node, Options, Template, probe::AdvertWatch, slowness, traffic::DatagramReport,
};

static MACHINE: RwLock<()> = RwLock::new(());

/// Who else may use the machine.
enum Share {
    Alone { _of: RwLockWriteGuard<'static, ()> },
    BesideOthers { _of: RwLockReadGuard<'static, ()> },
}

/// How long daemons may take to start and settle.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The same on a machine that is slow.
pub(crate) fn patience() -> Duration {
    PATIENCE * slowness()
}

/// Every datagram has come back as it was; a slow machine's sockets may have had no room for some.
pub(crate) fn expect_all(report: DatagramReport, to: impl std::fmt::Display) {
    let missing = report.sent - report.returned;
    let (enough, may_miss) = if slowness() > 1 {
        (20, report.sent / 5)
    } else {
        (100, 0)
    };
    assert_eq!(report.corrupted, 0, "{to}");
    assert!(missing <= may_miss, "{to}: {report:?}");
    assert!(report.sent > enough, "{to}: {report:?}");
}

/// Flow tables that a slow machine looks through quickly, for tests that run on such too.
pub(crate) const FEW_FLOWS: &str = "global_defs {\ndata_plane_flows 65536\n}\n";

/// The address that probes ask for.
pub(crate) const VIRTUAL: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 100);

/// A lab with an ear on the adverts.
pub(crate) struct Arena {
    lab: Lab,
    pub(crate) adverts: AdvertWatch,
    _share: Share,
}

impl Arena {
    /// One that has the machine to itself, for tests that measure how long something takes.
    pub(crate) fn new(options: Options) -> Self {
        let machine = MACHINE.write().unwrap_or_else(PoisonError::into_inner);
        Self::start_lab(options, Share::Alone { _of: machine })
    }

    /// One that others run beside, for tests that wait until something happens.
    pub(crate) fn beside_others(options: Options) -> Self {
        let machine = MACHINE.read().unwrap_or_else(PoisonError::into_inner);
        Self::start_lab(options, Share::BesideOthers { _of: machine })
    }

    fn start_lab(options: Options, share: Share) -> Self {
        let lab = Lab::start(options).unwrap();
        let adverts = AdvertWatch::start(lab.switch()).unwrap();
        Self {
            lab,
            adverts,
            _share: share,
        }
    }

    /// Both directors run `lb` on files made by `template`, director 1 is the only master, every real server is up.
    pub(crate) fn with_lb(template: impl Fn(u8) -> Template) -> Self {
        let arena = Self::new(Options::default());
        arena.start([&lb(), &lb()], template);
        arena.wait_for_master(1);
        for number in [1, 2] {
            arena.wait_for_status(number, "every real server is up", |status| {
                let up: Vec<_> = real_servers(status)
                    .map(|server| server["up"] == true)
                    .collect();
                !up.is_empty() && up.iter().all(|up| *up)
            });
        }
        arena
    }

    /// Starts both directors, the second first.
    pub(crate) fn start(&self, daemons: [&Daemon; 2], template: impl Fn(u8) -> Template) {
        for (number, daemon) in [(2, daemons[1]), (1, daemons[0])] {
            let config = template(number).text();
            self.director(usize::from(number))
                .start(daemon, &config)
                .unwrap();
        }
    }

    pub(crate) fn wait_for_master(&self, number: u8) {
        let master = Node::Director(number).front_v4();
        if let Err(error) = self.adverts.wait_for_master(master, patience()) {
            panic!("{error:#}\n{}", self.logs());
        }
    }

    pub(crate) fn wait_for_status(
        &self,
        director: usize,
        what: &str,
        holds: impl Fn(&Value) -> bool,
    ) {
        let start = Instant::now();
        let mut last = String::new();
        while start.elapsed() < patience() {
            match self.director(director).status() {
                Ok(status) if holds(&status) => return,
                Ok(status) => last = status.to_string(),
                Err(error) => last = format!("{error:#}"),
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!(
            "not within {:?}: {what}; status: {last}\n{}",
            patience(),
            self.logs()
        );
    }

    pub(crate) fn wait_for_real_servers(&self, director: usize) {
        self.wait_for_status(director, "every real server is up", |status| {
            let mut servers = real_servers(status).peekable();
            servers.peek().is_some() && servers.all(|server| server["up"] == true)
        });
    }

    /// What the daemons of both directors wrote, for messages.
    pub(crate) fn logs(&self) -> String {
        format!(
            "--- log of d1\n{}\n--- log of d2\n{}",
            self.director(1).log(),
            self.director(2).log()
        )
    }
}

impl Deref for Arena {
    type Target = Lab;

    fn deref(&self) -> &Lab {
        &self.lab
    }
}

/// Every real server of a status.
pub(crate) fn real_servers(status: &Value) -> impl Iterator<Item = &Value> {
    let services = status["services"].as_array().map_or(&[][..], Vec::as_slice);
    services
        .iter()
        .filter_map(|service| service["real_servers"].as_array())
        .flatten()
}

/// How often a failover happens.
pub(crate) fn repeat() -> usize {
    number("LB_NETNS_REPEAT", 1)
}

/// A number from the environment.
pub(crate) fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}
