//! Virtual interfaces: what the plan wants of them, and what the kernel has.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Instant,
};

use super::{Vrrp, changes::Word};
use crate::{
    config::model::InterfaceName,
    io::netlink::{
        Change,
        object::{Making, ObjectError},
    },
    observe::log,
    runtime::links::Links,
    vrrp::{
        virtual_interface::{self, VirtualInterface},
        virtual_interfaces::{Found, Step},
    },
};

impl Vrrp {
    /// Puts the instances of the plan on their virtual interfaces.
    pub(super) fn place_instances(&mut self) {
        let links = &self.links;
        let is_free = |wanted: &VirtualInterface| {
            let found = find(links, &BTreeSet::new(), wanted);
            !matches!(found, Found::Other)
        };
        let wanted = virtual_interface::place(&mut self.plan.config, is_free);
        self.virtuals.handle_config(wanted);
    }

    /// Makes the virtual interfaces before anything begins on them. What is refused is asked for again later.
    pub(super) async fn make_virtuals(&mut self) -> anyhow::Result<()> {
        loop {
            self.handle_virtual_links(Instant::now());
            if self.virtuals.is_idle() {
                return Ok(());
            }
            while !self.virtuals.is_idle() {
                match self.effects.changes.next().await? {
                    Word::Interface(step, result) => self.acknowledge_virtual(&step, result),
                    Word::Filter(mac, result) => self.acknowledge_filter(mac, &result),
                    Word::Done(acknowledgement) => self.acknowledge(acknowledgement),
                    Word::Entries(_) => {}
                }
            }
            self.links = self.effects.links().await?;
        }
    }

    /// Removes them: nothing is on them any more.
    pub(super) async fn remove_virtuals(&mut self) -> anyhow::Result<()> {
        self.virtuals.handle_stop();
        self.make_virtuals().await?;
        self.settings.adjust(&BTreeMap::new());
        Ok(())
    }

    /// Looks at the links, and asks for what is missing.
    pub(super) fn handle_virtual_links(&mut self, now: Instant) {
        let (links, virtuals) = (&self.links, &self.named.virtuals);
        self.virtuals
            .handle_links(|wanted| find(links, virtuals, wanted), now);
        while let Some(step) = self.virtuals.poll_output() {
            let making = self.making(&step);
            self.effects.changes.queue_interface(step, making);
        }
    }

    /// Looks at the links when they have changed, and at the instances that are on them.
    pub(super) fn handle_virtual_timeout(&mut self, now: Instant) {
        if self.virtuals.poll_timeout().is_some_and(|at| at <= now) {
            self.handle_virtual_links(now);
            self.review_faults();
            self.adjust_settings();
            self.owners_changed = true;
        }
    }

    /// Notes a change that may be one of theirs, or of the interfaces below.
    pub(super) fn note_virtual_change(&mut self, change: &Change, now: Instant) {
        let may_be = match change {
            Change::Link(_) | Change::LinkGone(_) | Change::Overrun => true,
            Change::Address(a) | Change::AddressGone(a) => match a.address {
                IpAddr::V6(v6) => v6.is_unicast_link_local(),
                IpAddr::V4(_) => false,
            },
            Change::Entry(_) | Change::EntryGone(_) => false,
        };
        if may_be {
            self.virtuals.handle_change(now);
        }
    }

    /// Takes the kernel's word.
    pub(super) fn acknowledge_virtual(&mut self, step: &Step, result: Result<(), String>) {
        match (step, &result) {
            (Step::Make(of), Ok(())) => log::virtual_made(&of.name, &of.base),
            (Step::Make(of), Err(error)) => {
                if self.virtuals.refusal(&of.name) != Some(error) {
                    log::virtual_refused(&of.name, &of.base, error);
                }
            }
            (Step::Remove(name), Ok(())) => log::virtual_removed(name),
            (Step::Remove(name), Err(error)) => log::virtual_not_removed(name, error),
        }
        let failed = result.is_err();
        self.virtuals.handle_done(step, result, Instant::now());
        if failed {
            self.review_faults();
        }
    }

    fn making(&mut self, step: &Step) -> Option<Result<Making, ObjectError>> {
        let Step::Make(wanted) = step else {
            return None;
        };
        let Some(base) = self.links.get(&wanted.base).cloned() else {
            return Some(Err(ObjectError::NoInterface(wanted.base.clone())));
        };
        let is_there = self.links.get(&wanted.name).is_some();
        let link_local = self.links.state(&wanted.base, &self.named.virtuals);
        let link_local = link_local.and_then(|state| state.v6);
        Some(Making::new(
            wanted,
            &base,
            is_there,
            link_local,
            &mut self.here(),
        ))
    }
}

fn find(links: &Links, virtuals: &BTreeSet<IpAddr>, wanted: &VirtualInterface) -> Found {
    let Some(base) = links.get(&wanted.base) else {
        return Found::NoBase;
    };
    let Some(link) = links.get(&wanted.name) else {
        return Found::Nothing;
    };
    if !wanted.is(link, base) {
        return Found::Other;
    }
    let link_local = links.state(&wanted.base, virtuals);
    let address = wanted.source.address(link_local.and_then(|state| state.v6));
    let has = |name: &InterfaceName, address| links.addresses(name).any(|a| a.address == address);
    match address {
        Some((address, _)) if !has(&wanted.name, address) => Found::Unfinished,
        _ => Found::Same,
    }
}
