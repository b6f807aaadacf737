//! Rules that give packets of virtual server groups their marks (`nftables_ipvs`): written when they change, all or none.

use std::{collections::BTreeMap, mem};

use super::Forwarder;
use crate::{
    checker::sentence,
    config::model::process::IpvsNamespace,
    io::{namespace::with_ipvs, nft},
    ipvs::nftables,
    pool::{desired::Desired, marks::Marks},
};

static NO_MARKS: Marks = BTreeMap::new();

/// The rules that are in force.
#[derive(Debug, Default)]
pub(super) struct Marking {
    /// Name of the table, and what made it; `None` without rules.
    rules: Option<(String, String)>,
    /// They were refused, so IPVS has the groups by their addresses until the next configuration.
    is_refused: bool,
    /// There may be others now: they follow from the configuration and from whether there is IPVS, not from health.
    is_due: bool,
}

impl Marking {
    /// With a new configuration, or without IPVS, there may be other rules, and what was refused may be mended.
    pub(super) const fn begin_anew(&mut self) {
        self.is_refused = false;
        self.is_due = true;
    }

    /// Makes these rules, of a table of this name, the ones in force; returns whether the kernel takes them.
    pub(super) fn set(
        &mut self,
        wanted: Option<(String, String)>,
        place: Option<&IpvsNamespace>,
    ) -> bool {
        if self.rules == wanted {
            return true;
        }
        let before = mem::replace(&mut self.rules, wanted).map(|(table, _)| table);
        let end = before.map_or_else(String::new, |table| nftables::no_rules(&table));
        let now = self.rules.iter().map(|(_, rules)| rules.as_str());
        let all = now.fold(end.clone(), |text, rules| text + rules);
        let Err(error) = run(place, &all) else {
            return true;
        };
        tracing::error!("{}", sentence::marking_refused(&error));
        self.is_refused = true;
        // What was there before would mark for services that are not there.
        run(place, &end).ok();
        // With none that are wanted there is nothing to go back to.
        self.rules.take().is_none()
    }
}

/// Where IPVS is, marks are.
fn run(place: Option<&IpvsNamespace>, commands: &str) -> anyhow::Result<()> {
    Ok(with_ipvs(place, || nft::run(commands))??)
}

impl Forwarder {
    /// The marks that virtual servers of groups have.
    pub(super) fn marks(&self) -> &Marks {
        if self.ipvs.is_some() && !self.marking.is_refused {
            &self.plan.marks
        } else {
            &NO_MARKS
        }
    }

    /// The rules for that, and the name of their table; `None` where they are what they were.
    pub(super) fn new_rules(&mut self, wanted: &Desired) -> Option<Option<(String, String)>> {
        let firewall = &self.plan.config.global.firewall;
        mem::take(&mut self.marking.is_due).then(|| {
            let table = firewall.nftables_ipvs.as_ref()?;
            let rules = || (table.clone(), nftables::rules(firewall, wanted));
            (!wanted.by_mark.is_empty()).then(rules)
        })
    }
}
