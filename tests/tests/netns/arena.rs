//! A lab that nobody else measures in.

use std::{
    ops::Deref,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use xtask::lab::{Daemon, Lab, Node, Options, Template, probe::AdvertWatch};

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// How long daemons may take to start and settle.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A lab with an ear on the adverts.
pub(crate) struct Arena {
    lab: Lab,
    pub(crate) adverts: AdvertWatch,
    _alone: MutexGuard<'static, ()>,
}

impl Arena {
    pub(crate) fn new(options: Options) -> Self {
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let lab = Lab::start(options).unwrap();
        let adverts = AdvertWatch::start(lab.switch()).unwrap();
        Self {
            lab,
            adverts,
            _alone: alone,
        }
    }

    /// Both directors run, and director 1 is the only master.
    pub(crate) fn settled(daemons: [&Daemon; 2], options: Options) -> Self {
        let arena = Self::new(options);
        for number in [1, 2] {
            let config = Template::director(number).text();
            arena
                .director(usize::from(number))
                .start(daemons[usize::from(number) - 1], &config)
                .unwrap();
        }
        arena.wait_for_master(1);
        arena
    }

    pub(crate) fn wait_for_master(&self, number: u8) {
        let master = Node::Director(number).front_v4();
        if let Err(error) = self.adverts.wait_for_master(master, PATIENCE) {
            panic!("{error:#}\n{}", self.logs());
        }
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

/// The daemon under test.
pub(crate) fn lb() -> Daemon {
    let binary = std::env::var_os("LB_BINARY").map_or_else(beside_this_test, PathBuf::from);
    assert!(
        binary.is_file(),
        "{} is missing: build it with `cargo build --package lb`, or name it in LB_BINARY",
        binary.display()
    );
    Daemon::Lb { binary }
}

/// `target/<profile>/lb` from `target/<profile>/deps/netns-<hash>`.
fn beside_this_test() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().join("lb")
}
