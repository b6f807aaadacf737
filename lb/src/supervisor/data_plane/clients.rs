//! Clients on this host: the program at `lo` that sends what they send, and the setting that lets replies in, whose source is an
//! address of this host.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::detach;
use crate::{
    config::model::InterfaceName,
    io::{
        sysctl::Setting,
        xdp::{DataPlane, LOOPBACK},
    },
    observe::log,
    runtime::settings::Settings,
};

/// `rp_filter` where a source must be reached by the interface it comes by, which an address of this host is not.
const STRICT: &str = "1";

/// What there is for clients on this host.
pub(super) struct LocalClients {
    settings: Settings,
    is_attached: bool,
    /// Why they are not served, or not by all real servers.
    lacks: BTreeSet<String>,
}

impl LocalClients {
    /// Nothing yet; `kept` is the file for what settings were before.
    pub(super) fn new(kept: &Path) -> Self {
        let mut settings = Settings::default();
        settings.take_over(Some(kept));
        Self {
            settings,
            is_attached: false,
            lacks: BTreeSet::new(),
        }
    }

    /// Serves them through `interfaces`, those towards IPv4 real servers behind NAT; `None` serves nobody.
    pub(super) fn adjust(
        &mut self,
        programs: &mut DataPlane,
        interfaces: Option<Vec<&InterfaceName>>,
    ) {
        let mut lacks = BTreeSet::new();
        if interfaces.is_none() {
            // What an earlier process attached is ours by its pin; another daemon's is not.
            self.is_attached |= programs.has_local();
            self.leave(programs);
        } else if !self.is_attached {
            match programs.attach_local() {
                Ok(()) => self.is_attached = true,
                Err(error) => {
                    lacks.insert(log::attach_failed(LOOPBACK, &error.into()));
                }
            }
        }
        let interfaces = interfaces.unwrap_or_default();
        let strict = interfaces.iter().filter(|name| is_strict(name));
        lacks.extend(strict.map(|name| log::strict_source(name)));
        let accepting = interfaces.into_iter().map(|name| {
            let accepts = Setting::of_v4(name, "accept_local");
            (accepts, Cow::Borrowed("1"))
        });
        self.settings.adjust(&accepting.collect());
        for lack in lacks.difference(&self.lacks) {
            tracing::warn!("{lack}");
        }
        self.lacks = lacks;
    }

    /// Takes the program off where it is.
    pub(super) fn leave(&mut self, programs: &mut DataPlane) {
        if std::mem::take(&mut self.is_attached) {
            detach(programs, LOOPBACK);
        }
    }

    /// Puts the settings back.
    pub(super) fn forget(&mut self) {
        self.settings.adjust(&BTreeMap::new());
    }

    /// What is missing, for the status.
    pub(super) fn lacks(&self) -> impl Iterator<Item = &String> {
        self.lacks.iter()
    }

    /// Where they are served, for the status.
    pub(super) fn status(&self) -> Option<(String, String)> {
        self.is_attached
            .then(|| (LOOPBACK.to_owned(), "clients on this host".to_owned()))
    }
}

/// The stricter of an interface's own setting and that of all counts.
fn is_strict(interface: &InterfaceName) -> bool {
    const NAME: &str = "rp_filter";
    let both = [Setting::of_v4(interface, NAME), Setting::of_all_v4(NAME)];
    let values = both.map(|setting| setting.read().unwrap_or_default());
    values.iter().max().is_some_and(|value| value == STRICT)
}
