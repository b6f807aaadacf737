//! Gates, and the addresses behind them.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
};

use anyhow::Context;
use lb_common::{
    Mac,
    gate::{
        GATE_FENCED, GATE_OPEN, GATE_PASS, GateValue, OWNED_FLAG_NO_ACCEPT, OwnedKey, OwnedValue,
    },
    hint::HINT_RESTRICTED,
};

use super::Guards;
use crate::{io::xdp::VrrpMaps, pool::mapped, vrrp::output::Gate};

/// [`OwnedValue::mac`] of an address that answers with the interface's own.
const OWN_MAC: Mac = [0; 6];

/// What the kernel knows of a virtual address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owned {
    /// The gate of its instance.
    pub gate: u32,
    /// False: behind an open gate it is forwarded for, but what is for this host itself is dropped (`no_accept`).
    pub accept: bool,
    /// The virtual MAC it answers with; `None` where that is the interface's own, or a link's.
    pub mac: Option<Mac>,
}

impl Guards {
    /// Sets a gate. Without fencing a gate that should be fenced passes, as everything does with keepalived.
    ///
    /// # Errors
    /// When the kernel refuses the write.
    pub fn set_gate(&mut self, gate: u32, state: Gate) -> anyhow::Result<()> {
        let state = match state {
            Gate::Open => GATE_OPEN,
            Gate::Fenced if self.allowed.fence => GATE_FENCED,
            Gate::Pass | Gate::Fenced => GATE_PASS,
        };
        if state == GATE_FENCED {
            self.hint(HINT_RESTRICTED, 0)?;
        }
        self.gates.insert(gate);
        self.maps
            .gates
            .set(gate, GateValue { state }, 0)
            .context("gates")
    }

    /// Clears the hint that something is restricted when no gate is fenced any more and every address is accepted. Until
    /// then packets pay one look-up more, so this is done now and then, not at each gate of a mass take-over.
    ///
    /// # Errors
    /// When the kernel refuses a read or a write.
    pub fn review_hint(&mut self) -> anyhow::Result<()> {
        let hinted = self.hints()? & HINT_RESTRICTED != 0;
        if hinted && !self.is_restricted()? {
            self.hint(0, HINT_RESTRICTED)?;
            // The programs may have fenced a gate between the look and the write.
            if self.is_restricted()? {
                self.hint(HINT_RESTRICTED, 0)?;
            }
        }
        Ok(())
    }

    fn is_restricted(&self) -> anyhow::Result<bool> {
        let owned = self.owned.as_ref();
        if owned.is_none_or(|owned| owned.values().any(|owned| !owned.accept)) {
            return Ok(true);
        }
        for gate in &self.gates {
            if self.maps.gates.get(gate, 0).context("gates")?.state == GATE_FENCED {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) fn hints(&self) -> anyhow::Result<u32> {
        self.maps.hints.get(&0, 0).context("hints")
    }

    /// Changes bits of `hints`. The programs may set [`HINT_RESTRICTED`] between the read and the write, which loses that:
    /// who does not set it looks at the gates again.
    pub(super) fn hint(&mut self, set: u32, clear: u32) -> anyhow::Result<()> {
        let hints = self.hints()? & !clear | set;
        self.maps.hints.set(0, hints, 0).context("hints")
    }

    /// Makes the owned addresses exactly these.
    ///
    /// # Errors
    /// When the kernel refuses a write.
    pub fn own(&mut self, wanted: &BTreeMap<IpAddr, Owned>) -> anyhow::Result<()> {
        // Forgotten on failure, so that the next call looks again.
        let installed = match self.owned.take() {
            Some(installed) => installed,
            None => entries(&self.maps)?,
        };
        let key = |ip: &IpAddr| OwnedKey {
            address: mapped(*ip),
        };
        if wanted.values().any(|owned| !owned.accept) {
            self.hint(HINT_RESTRICTED, 0)?;
        }
        for (ip, owned) in wanted {
            if installed.get(ip) != Some(owned) {
                let value = OwnedValue {
                    gate: owned.gate,
                    flags: if owned.accept {
                        0
                    } else {
                        OWNED_FLAG_NO_ACCEPT
                    },
                    mac: owned.mac.unwrap_or(OWN_MAC),
                    pad: [0; 2],
                };
                self.maps.owned.insert(key(ip), value, 0).context("owned")?;
            }
        }
        for ip in installed.keys().filter(|ip| !wanted.contains_key(*ip)) {
            self.maps.owned.remove(&key(ip)).context("owned")?;
        }
        self.owned = Some(wanted.clone());
        Ok(())
    }
}

/// Which address belongs to which gate, as an earlier process of this node left it.
///
/// # Errors
/// When the kernel refuses a read.
pub fn owned(maps: &VrrpMaps) -> anyhow::Result<BTreeMap<IpAddr, u32>> {
    let entries = entries(maps)?.into_iter();
    Ok(entries.map(|(ip, owned)| (ip, owned.gate)).collect())
}

fn entries(maps: &VrrpMaps) -> anyhow::Result<BTreeMap<IpAddr, Owned>> {
    let entries = maps.owned.iter().map(|entry| {
        let (key, value) = entry.context("owned")?;
        let owned = Owned {
            gate: value.gate,
            accept: value.flags & OWNED_FLAG_NO_ACCEPT == 0,
            mac: (value.mac != OWN_MAC).then_some(value.mac),
        };
        Ok((Ipv6Addr::from(key.address).to_canonical(), owned))
    });
    entries.collect()
}
