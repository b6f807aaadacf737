//! Which plane takes the flows that begin, and how one that no longer does leaves: it goes on with the flows it has, service by service,
//! until they have ended.

use anyhow::Context;

use super::{DataPlane, Forwarder, Ipvs};
use crate::{checker::sentence, config::model, mirror::Part, pool::Plane, runtime::channel::Plan};

impl Forwarder {
    /// Takes up what `plan` wants of IPVS, or lets it leave.
    pub(super) fn open_ipvs(&mut self, plan: &Plan) -> anyhow::Result<()> {
        let wanted = plan.config.global.data_plane;
        let is_wanted = wanted != model::DataPlane::Xdp;
        if self.ipvs.is_none() {
            let place = plan.config.process.net_namespace_ipvs.as_ref();
            self.ipvs = match (is_wanted, plan.ipvs_leaves) {
                (true, _) => Ipvs::open(place).context("IPVS")?,
                // A predecessor had it.
                (false, true) => Ipvs::open_loaded(place).context("IPVS")?,
                (false, false) => None,
            };
            if self.ipvs.is_none() && wanted == model::DataPlane::Ipvs {
                tracing::warn!("{}", sentence::NO_IPVS);
            }
        }
        if let Some(ipvs) = &mut self.ipvs {
            ipvs.set_leaving(!is_wanted);
        }
        Ok(())
    }

    /// Tells the maps what part they have from now on.
    pub(super) fn set_part(&mut self) {
        let part = match (&self.ipvs, self.plan.config.global.data_plane) {
            (_, model::DataPlane::Ipvs) => Part::Leaving,
            (None, _) => Part::Alone,
            (Some(ipvs), _) if ipvs.is_leaving() => Part::Successor,
            (Some(_), _) => Part::Shared,
        };
        if let Some(data_plane) = &mut self.data_plane {
            data_plane.set_part(part);
        }
    }

    /// Gives up a plane that has left; says what leaves and what has.
    pub(super) fn settle(&mut self) {
        if self.ipvs.as_ref().is_some_and(Ipvs::has_left) {
            self.ipvs = None;
            self.marking.begin_anew();
            self.set_part();
            // Rings of `mh` may decide alone again.
            self.update();
        }
        let unwanted = match self.plan.config.global.data_plane {
            model::DataPlane::Auto => None,
            model::DataPlane::Ipvs => Some(Plane::Xdp),
            model::DataPlane::Xdp => Some(Plane::Ipvs),
        };
        let services = match unwanted {
            Some(Plane::Xdp) => self.data_plane.as_ref().map_or(0, DataPlane::services),
            _ => self.ipvs.as_ref().map_or(0, Ipvs::services),
        };
        let leaving = unwanted.filter(|_| services > 0);
        let before = std::mem::replace(&mut self.leaving, leaving);
        if before == leaving {
            return;
        }
        if let Some(plane) = leaving {
            tracing::info!("{}", sentence::leaves(plane, services));
        } else if let Some(plane) = before.filter(|_| before == unwanted) {
            tracing::info!("{}", sentence::left(plane));
        }
    }

    /// Whether no plane has flows that should not.
    pub(super) fn has_left(&self) -> bool {
        self.plan.config.global.data_plane != model::DataPlane::Auto && self.leaving.is_none()
    }
}
