//! Interfaces, and when a change of them is believed (`interface_up_down_delays`).

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::LinkState;
use crate::config::model::{InterfaceName, network::InterfaceDelay};

#[derive(Clone, Copy, Debug)]
struct Link {
    told: Option<LinkState>,
    believed: Option<LinkState>,
    /// When what was told is believed.
    due: Option<Instant>,
}

/// Interfaces as told and as believed.
#[derive(Debug, Default)]
pub(super) struct Links {
    links: BTreeMap<InterfaceName, Link>,
    delays: BTreeMap<InterfaceName, (Duration, Duration)>,
}

impl Links {
    /// Adopts new delays; one that runs goes on.
    pub(super) fn configure(&mut self, delays: &[InterfaceDelay]) {
        let delays = delays.iter();
        self.delays = delays
            .map(|line| (line.interface.clone(), (line.down, line.up)))
            .collect();
    }

    /// Takes the state of an interface, `None` when it is gone. Coming up and going down wait for their delay; whatever
    /// else there is to know of an interface counts at once.
    pub(super) fn tell(&mut self, name: &InterfaceName, told: Option<LinkState>, now: Instant) {
        let (down, up) = self.delays.get(name).copied().unwrap_or_default();
        let link = self.links.entry(name.clone()).or_insert(Link {
            told,
            believed: told,
            due: None,
        });
        link.told = told;
        let (Some(news), Some(believed)) = (told, link.believed) else {
            (link.believed, link.due) = (told, None);
            return;
        };
        let delay = if news.up { up } else { down };
        if news.up == believed.up || delay.is_zero() {
            (link.believed, link.due) = (told, None);
        } else {
            let up = believed.up;
            link.believed = Some(LinkState { up, ..news });
            link.due.get_or_insert(now + delay);
        }
    }

    /// The state that is believed; `None` when nothing was told.
    pub(super) fn get(&self, name: &InterfaceName) -> Option<Option<LinkState>> {
        self.links.get(name).map(|link| link.believed)
    }

    /// When a change is believed next.
    pub(super) fn next(&self) -> Option<Instant> {
        self.links.values().filter_map(|link| link.due).min()
    }

    /// Believes one change that is due: of which interface.
    pub(super) fn due(&mut self, now: Instant) -> Option<InterfaceName> {
        let mut links = self.links.iter_mut();
        let (name, link) = links.find(|(_, link)| link.due.is_some_and(|due| due <= now))?;
        (link.believed, link.due) = (link.told, None);
        Some(name.clone())
    }
}
