//! Making virtual interfaces be there: what the configuration wants → the difference → steps → acknowledged.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use super::virtual_interface::VirtualInterface;
use crate::config::model::InterfaceName;

/// Time after which the kernel is asked again for what it refused.
const RETRY: Duration = Duration::from_secs(1);
/// Time in which changes of links are gathered: they come by the thousand, and a link that somebody removes is down before
/// it is gone.
const GATHER: Duration = Duration::from_millis(50);

/// What stands under the name of a virtual interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The interface below is missing: the kernel took what was on it along.
    NoBase,
    /// Nothing.
    Nothing,
    /// It, but it may lack addresses or settings.
    Unfinished,
    /// It.
    Same,
    /// Something else.
    Other,
}

/// One change of the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Make it, or finish what is there.
    Make(VirtualInterface),
    /// Remove it.
    Remove(InterfaceName),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Not made here yet.
    Missing,
    UnderWay,
    Made,
    /// The kernel, or what stands in its place, refuses it; asked for again at this time.
    Refused(String, Instant),
}

/// The virtual interfaces of a configuration.
///
/// After each `handle_*` drain [`poll_output`](Self::poll_output) and ask [`poll_timeout`](Self::poll_timeout).
#[derive(Debug, Default)]
pub struct VirtualInterfaces {
    wanted: BTreeMap<InterfaceName, (VirtualInterface, State)>,
    /// Made here, and not wanted any more; the kernel has the last word.
    leaving: BTreeSet<InterfaceName>,
    /// When to look at the links that have changed.
    look: Option<Instant>,
    outputs: VecDeque<Step>,
}

impl VirtualInterfaces {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes these the wanted ones. Follow with [`handle_links`](Self::handle_links).
    pub fn handle_config(&mut self, wanted: BTreeMap<InterfaceName, VirtualInterface>) {
        let mut before = std::mem::take(&mut self.wanted);
        for (name, new) in wanted {
            let state = match before.remove(&name) {
                Some((old, state)) if old == new => state,
                Some((old, State::Made | State::UnderWay)) if !old.is_same_link(&new) => {
                    self.leave(name.clone());
                    State::Missing
                }
                _ => State::Missing,
            };
            self.wanted.insert(name, (new, state));
        }
        for (name, (_, state)) in before {
            if !matches!(state, State::Missing | State::Refused(..)) {
                self.leave(name);
            }
        }
    }

    /// Removes all that were made here.
    pub fn handle_stop(&mut self) {
        self.handle_config(BTreeMap::new());
    }

    /// Links have changed: soon they are looked at.
    pub fn handle_change(&mut self, now: Instant) {
        self.look = self.look.or(Some(now + GATHER));
    }

    /// Takes what `find` says of each of them.
    pub fn handle_links(&mut self, find: impl Fn(&VirtualInterface) -> Found, now: Instant) {
        self.look = None;
        for (wanted, state) in self.wanted.values_mut() {
            if self.leaving.contains(&wanted.name) {
                continue;
            }
            let found = find(wanted);
            match (&*state, found) {
                (State::UnderWay, _) | (State::Made, Found::Same) => {}
                (State::Refused(_, again), _) if now < *again => {}
                (_, Found::NoBase) => *state = State::Missing,
                (_, Found::Nothing | Found::Unfinished | Found::Same) => {
                    *state = State::UnderWay;
                    self.outputs.push_back(Step::Make(wanted.clone()));
                }
                (_, Found::Other) => {
                    let why = format!("{} is there, and is something else", wanted.name);
                    *state = State::Refused(why, now + RETRY);
                }
            }
        }
    }

    /// Takes the answer to a [`Step`]. Removing what is not there counts as success.
    pub fn handle_done(&mut self, step: &Step, result: Result<(), String>, now: Instant) {
        match step {
            Step::Remove(name) => {
                self.leaving.remove(name);
            }
            Step::Make(made) => match self.wanted.get_mut(&made.name) {
                // Another one took its place meanwhile.
                Some((wanted, _)) if wanted != made => {}
                None => {}
                Some((_, state)) => {
                    *state = match result {
                        Ok(()) => State::Made,
                        Err(why) => State::Refused(why, now + RETRY),
                    };
                }
            },
        }
    }

    /// When [`handle_links`](Self::handle_links) is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let states = self.wanted.values();
        let refused = states.filter_map(|(_, state)| match state {
            State::Refused(_, again) => Some(*again),
            State::Missing | State::UnderWay | State::Made => None,
        });
        refused.chain(self.look).min()
    }

    /// The next effect.
    pub fn poll_output(&mut self) -> Option<Step> {
        self.outputs.pop_front()
    }

    /// Why one cannot be had, where it was refused.
    #[must_use]
    pub fn refusal(&self, name: &InterfaceName) -> Option<&str> {
        match self.wanted.get(name) {
            Some((_, State::Refused(why, _))) => Some(why),
            _ => None,
        }
    }

    /// Whether links have changed that are not looked at yet.
    #[must_use]
    pub const fn has_news(&self) -> bool {
        self.look.is_some()
    }

    /// Whether the kernel was asked for it and has not answered.
    #[must_use]
    pub fn is_under_way(&self, name: &InterfaceName) -> bool {
        let state = self.wanted.get(name).map(|(_, state)| state);
        state == Some(&State::UnderWay)
    }

    /// The wanted ones.
    pub fn wanted(&self) -> impl Iterator<Item = &VirtualInterface> {
        self.wanted.values().map(|(wanted, _)| wanted)
    }

    /// Whether nothing is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let mut states = self.wanted.values().map(|(_, state)| state);
        self.leaving.is_empty() && !states.any(|state| *state == State::UnderWay)
    }

    fn leave(&mut self, name: InterfaceName) {
        if self.leaving.insert(name.clone()) {
            self.outputs.push_back(Step::Remove(name));
        }
    }
}
