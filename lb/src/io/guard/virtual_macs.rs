//! Virtual MACs: which there are, and what adverts leave with.

use std::collections::BTreeMap;

use anyhow::Context;
use aya::{
    Pod,
    maps::{HashMap, MapData},
};
use lb_common::{
    Mac,
    hint::{HINT_RESTRICTED, HINT_VIRTUAL_MAC},
    maps::{MapSpec, ROUTER_MACS, VIRTUAL_MACS},
    router::RouterKey,
    virtual_mac::{RouterMacValue, VIRTUAL_MAC_FLAG_LINK, VirtualMacKey, VirtualMacValue},
};

use super::Guards;

/// A virtual MAC on an interface that has the programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VirtualMac {
    /// The interface: below the link, where one has the MAC.
    pub ifindex: u32,
    /// The MAC.
    pub mac: Mac,
}

/// What the kernel knows of a virtual MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// The gate of its instance.
    pub gate: u32,
    /// The interface's own MAC.
    pub own: Mac,
    /// A link (macvlan) has the virtual MAC; else the programs write it and turn it back.
    pub has_link: bool,
}

/// The virtual MACs in the maps as this process wrote them; `None` where it has yet to look.
#[derive(Default)]
pub(super) struct Installed {
    macs: Option<BTreeMap<VirtualMacKey, VirtualMacValue>>,
    routers: Option<BTreeMap<RouterKey, RouterMacValue>>,
}

impl Guards {
    /// Makes the virtual MACs exactly `macs`, and the virtual routers whose adverts leave with one that no link has exactly
    /// `routers`.
    ///
    /// # Errors
    /// When the kernel refuses a read or a write.
    pub fn set_virtual_macs(
        &mut self,
        macs: &BTreeMap<VirtualMac, Bearer>,
        routers: &BTreeMap<RouterKey, Mac>,
    ) -> anyhow::Result<()> {
        let unlinked = macs.values().any(|bearer| !bearer.has_link);
        // Before the first is written and after the last is gone.
        if unlinked {
            self.hint_virtual_macs(true)?;
        }
        let macs = macs.iter().map(entry).collect();
        settle(
            &mut self.maps.virtual_macs,
            &mut self.virtual_macs.macs,
            macs,
            &VIRTUAL_MACS,
        )?;
        let value = |mac: &Mac| RouterMacValue {
            mac: *mac,
            pad: [0; 2],
        };
        let routers = routers.iter().map(|(key, mac)| (*key, value(mac)));
        settle(
            &mut self.maps.router_macs,
            &mut self.virtual_macs.routers,
            routers.collect(),
            &ROUTER_MACS,
        )?;
        if !unlinked {
            self.hint_virtual_macs(false)?;
        }
        Ok(())
    }

    fn hint_virtual_macs(&mut self, unlinked: bool) -> anyhow::Result<()> {
        if (self.hints()? & HINT_VIRTUAL_MAC != 0) == unlinked {
            return Ok(());
        }
        // The programs may set the other bit between the read and the write; the next review clears it.
        if unlinked {
            self.hint(HINT_VIRTUAL_MAC | HINT_RESTRICTED, 0)
        } else {
            self.hint(HINT_RESTRICTED, HINT_VIRTUAL_MAC)
        }
    }
}

fn entry((key, bearer): (&VirtualMac, &Bearer)) -> (VirtualMacKey, VirtualMacValue) {
    let key = VirtualMacKey {
        ifindex: key.ifindex,
        mac: key.mac,
        pad: [0; 2],
    };
    let value = VirtualMacValue {
        gate: bearer.gate,
        flags: if bearer.has_link {
            VIRTUAL_MAC_FLAG_LINK
        } else {
            0
        },
        mac: bearer.own,
        pad: [0; 2],
    };
    (key, value)
}

/// Makes the entries of `map` exactly `wanted`. `installed` is forgotten on failure, so that the next call looks again.
fn settle<K: Pod + Ord, V: Pod + PartialEq>(
    map: &mut HashMap<MapData, K, V>,
    installed: &mut Option<BTreeMap<K, V>>,
    wanted: BTreeMap<K, V>,
    spec: &MapSpec,
) -> anyhow::Result<()> {
    let before = match installed.take() {
        Some(before) => before,
        None => map.iter().collect::<Result<_, _>>().context(spec.name)?,
    };
    for (key, value) in &wanted {
        if before.get(key) != Some(value) {
            map.insert(key, value, 0).context(spec.name)?;
        }
    }
    for key in before.keys().filter(|key| !wanted.contains_key(*key)) {
        map.remove(key).context(spec.name)?;
    }
    *installed = Some(wanted);
    Ok(())
}
