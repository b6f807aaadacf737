//! `promote_secondaries`: set on the interfaces that ask for it, and put back as it was.

use std::collections::BTreeSet;

use crate::{config::model::InterfaceName, io::sysctl, observe::log};

/// Interfaces whose setting was changed here.
#[derive(Debug, Default)]
pub(super) struct Promoted(BTreeSet<InterfaceName>);

impl Promoted {
    /// Makes `wanted` the interfaces that promote; the others become as they were.
    pub(super) fn adjust(&mut self, wanted: &BTreeSet<InterfaceName>) {
        let over = self
            .0
            .extract_if(.., |interface| !wanted.contains(interface));
        for interface in over {
            if let Err(error) = sysctl::set_promotes_secondaries(&interface, false) {
                log::promote_failed(interface.as_str(), &error);
            }
        }
        for interface in wanted {
            match promote(interface) {
                Ok(true) => {
                    self.0.insert(interface.clone());
                }
                Ok(false) => {}
                Err(error) => log::promote_failed(interface.as_str(), &error),
            }
        }
    }

    /// The interface is gone, and the setting with it.
    pub(super) fn forget(&mut self, interface: &InterfaceName) {
        self.0.remove(interface);
    }
}

/// Says whether it was set only now.
fn promote(interface: &InterfaceName) -> std::io::Result<bool> {
    if sysctl::promotes_secondaries(interface)? {
        return Ok(false);
    }
    sysctl::set_promotes_secondaries(interface, true)?;
    Ok(true)
}
