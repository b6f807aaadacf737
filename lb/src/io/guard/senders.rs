//! From whom adverts are expected: peers, and the VRIDs of this node.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv6Addr},
};

use anyhow::Context;
use lb_common::router::{PeerKey, PeerValue, RouterKey, VRIDS, VRIDS_KNOWN, vrid_index};

use super::Guards;
use crate::{
    config::model::{Family, Vrid},
    pool::mapped,
};

/// A router that unicast adverts count from, and for which virtual router.
pub type Sender = (RouterKey, IpAddr);

/// TTLs or hop limits that adverts may arrive with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ttls {
    /// The smallest.
    pub min: u8,
    /// The largest.
    pub max: u8,
}

impl Guards {
    /// Makes the peers of the virtual routers that take adverts from their peers alone (`check_unicast_src`) exactly these.
    ///
    /// # Errors
    /// When the kernel refuses a write.
    pub fn admit(&mut self, wanted: &BTreeMap<Sender, Ttls>) -> anyhow::Result<()> {
        // Forgotten on failure, so that the next call looks again.
        let installed = match self.peers.take() {
            Some(installed) => installed,
            None => self.admitted()?,
        };
        for (sender, ttls) in wanted {
            if installed.get(sender) != Some(ttls) {
                let value = PeerValue {
                    min_ttl: ttls.min,
                    max_ttl: ttls.max,
                    pad: [0; 2],
                };
                let peers = &mut self.maps.peers;
                peers.insert(peer_key(sender), value, 0).context("peers")?;
            }
        }
        let unwanted = installed.keys().filter(|key| !wanted.contains_key(*key));
        for sender in unwanted {
            self.maps.peers.remove(&peer_key(sender)).context("peers")?;
        }
        self.peers = Some(wanted.clone());
        Ok(())
    }

    fn admitted(&self) -> anyhow::Result<BTreeMap<Sender, Ttls>> {
        let entries = self.maps.peers.iter().map(|entry| {
            let (key, value) = entry.context("peers")?;
            let ttls = Ttls {
                min: value.min_ttl,
                max: value.max_ttl,
            };
            let address = Ipv6Addr::from(key.address).to_canonical();
            Ok(((key.router, address), ttls))
        });
        entries.collect()
    }

    /// Tells the kernel which virtual routers are configured on this node: adverts of all others are strangers'. Unless the
    /// kernel may judge adverts there are no strangers.
    ///
    /// # Errors
    /// When the kernel refuses a write.
    pub fn know(&mut self, wanted: &BTreeSet<(Family, Vrid)>) -> anyhow::Result<()> {
        let index = |(family, vrid): &(Family, Vrid)| vrid_index(vrid.get(), family.number());
        let mut wanted: BTreeSet<u32> = wanted.iter().map(index).collect();
        let installed = self.known.take();
        let mut change = |index: u32, known: bool| {
            let is_new = installed
                .as_ref()
                .is_none_or(|installed| installed.contains(&index) != known);
            if is_new {
                let map = &mut self.maps.known_vrids;
                map.set(index, u32::from(known), 0).context("known_vrids")?;
            }
            anyhow::Ok(())
        };
        // Whoever is new is known first, and what says that the map is complete comes last.
        for index in (VRIDS_KNOWN + 1)..VRIDS {
            if wanted.contains(&index) {
                change(index, true)?;
            }
        }
        for index in (VRIDS_KNOWN + 1)..VRIDS {
            if !wanted.contains(&index) {
                change(index, false)?;
            }
        }
        change(VRIDS_KNOWN, self.allowed.watch)?;
        if self.allowed.watch {
            wanted.insert(VRIDS_KNOWN);
        }
        self.known = Some(wanted);
        Ok(())
    }
}

fn peer_key((router, ip): &Sender) -> PeerKey {
    PeerKey {
        router: *router,
        address: mapped(*ip),
    }
}
