//! IPVS as the checker child has it: what the core wants is done at once, and answered before the next input.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    time::Instant,
};

use crate::{
    checker::sentence,
    config::model::{Config, global::Timeouts, process::IpvsNamespace},
    io::{ipvs::Ipvs as Kernel, namespace::with_ipvs},
    ipvs::{self, About, AllFigures, DestKey, Operation, Output, Refusal, ServiceKey},
    pool::{
        RealServerId,
        desired::{Desired, Trace, remembered},
        marks::Marks,
    },
    runtime::failure::Failure,
};

pub(super) struct Ipvs {
    kernel: Kernel,
    core: ipvs::Ipvs,
    refused: BTreeMap<ServiceKey, Refusal>,
    failure: Failure,
    operations: u64,
}

impl Ipvs {
    /// `None` where the kernel has no IPVS.
    pub(super) fn open(place: Option<&IpvsNamespace>) -> anyhow::Result<Option<Self>> {
        Ok(Self::of(with_ipvs(place, Kernel::open)??))
    }

    /// The same, but nothing is loaded that is not there already.
    pub(super) fn open_loaded(place: Option<&IpvsNamespace>) -> anyhow::Result<Option<Self>> {
        Ok(Self::of(with_ipvs(place, Kernel::open_loaded)??))
    }

    fn of(kernel: Option<Kernel>) -> Option<Self> {
        kernel.map(|kernel| Self {
            kernel,
            core: ipvs::Ipvs::new(),
            refused: BTreeMap::new(),
            failure: Failure::default(),
            operations: 0,
        })
    }

    /// Whether XDP takes what begins, heeded with the next services.
    pub(super) const fn set_leaving(&mut self, is_leaving: bool) {
        self.core.set_leaving(is_leaving);
    }

    /// Whether IPVS takes nothing that begins.
    pub(super) const fn is_leaving(&self) -> bool {
        self.core.is_leaving()
    }

    /// Whether nothing is left of what was to leave.
    pub(super) fn has_left(&self) -> bool {
        self.core.has_left()
    }

    /// The real servers that the kernel's table lacks, or has with weight 0 because they inhibit, in services that it has.
    pub(super) fn failed(
        &mut self,
        config: &Config,
        marks: &Marks,
    ) -> io::Result<BTreeSet<RealServerId>> {
        let table = self.kernel.table(|_| true)?;
        Ok(remembered(config, marks, |member, address, port| {
            let service = table.services.get(&member.into())?;
            let dest = service.dests.get(&DestKey { address, port });
            Some(match dest {
                None => Trace::Gone,
                Some(dest) if dest.weight == 0 => Trace::Quiescent,
                Some(_) => Trace::Serving,
            })
        }))
    }

    /// Takes over what others made: what is not wanted of it goes with the next services.
    pub(super) fn adopt_all(&mut self) {
        match self.kernel.table(|_| true) {
            Ok(table) => self.core.handle_adopted(table.services.into_keys()),
            Err(error) => self.note(Some(error.to_string())),
        }
    }

    /// How many services the kernel has of ours.
    pub(super) fn services(&self) -> usize {
        self.core.installed().services.len()
    }

    /// How many changes were asked of the kernel since that was last forgotten.
    pub(super) const fn operations(&self) -> u64 {
        self.operations
    }

    pub(super) const fn forget_operations(&mut self) {
        self.operations = 0;
    }

    /// What the kernel has of ours, and what it counts of that; `None` when it does not tell.
    pub(super) fn figures(&mut self) -> Option<AllFigures> {
        let core = &self.core;
        let read = self
            .kernel
            .figures(|key| core.installed().services.contains_key(key));
        if let Err(error) = &read {
            self.note(Some(error.to_string()));
        }
        read.ok()
    }

    /// Wants these services; `is_alone` without XDP, which may carry what IPVS cannot.
    pub(super) fn set_services(&mut self, desired: &Desired, is_alone: bool) {
        let (table, refused) = ipvs::table(desired);
        for (front, why) in &refused {
            if self.refused.get(front) == Some(why) {
                continue;
            }
            if is_alone {
                tracing::warn!("{}", sentence::refused(front, why));
            } else {
                tracing::debug!("{}", sentence::left_to_other(front, why));
            }
        }
        self.refused = refused;
        self.core.handle_desired(table, Instant::now());
        self.drain();
    }

    /// Empties the table, whoever made what is in it.
    pub(super) fn flush(&mut self) {
        self.core.handle_flush();
        self.drain();
    }

    /// What IPVS says of itself; `None` when it does not tell.
    pub(super) fn about(&mut self) -> Option<About> {
        let about = self.kernel.about();
        if let Err(error) = &about {
            self.note(Some(error.to_string()));
        }
        about.ok()
    }

    /// `lvs_timeouts`, where it says some.
    pub(super) fn set_timeouts(&mut self, timeouts: Timeouts) {
        let told = [timeouts.tcp, timeouts.tcpfin, timeouts.udp].map(Option::unwrap_or_default);
        if told != [0; 3]
            && let Err(error) = self.kernel.set_timeouts(told)
        {
            self.note(Some(error.to_string()));
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        self.core.poll_timeout()
    }

    pub(super) fn handle_timeout(&mut self) {
        self.core.handle_timeout(Instant::now());
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            let (mut operations, mut observes, mut counts) = (Vec::new(), false, false);
            while let Some(output) = self.core.poll_output() {
                match output {
                    Output::Change(operation) => operations.push(operation),
                    Output::Observe => observes = true,
                    Output::Count => counts = true,
                }
            }
            if operations.is_empty() && !observes && !counts {
                return;
            }
            self.change(&operations);
            if observes {
                self.observe();
            }
            if counts {
                let figures = self.figures();
                self.core.handle_figures(figures.as_ref(), Instant::now());
            }
        }
    }

    fn change(&mut self, operations: &[Operation]) {
        if operations.is_empty() {
            return;
        }
        self.operations += operations.len() as u64;
        let changed = self.kernel.change(operations);
        let now = Instant::now();
        match changed {
            Ok(results) => {
                let mut failure = None;
                for (operation, result) in operations.iter().zip(results) {
                    self.core.handle_done(operation, &result, now);
                    if let Err(error) = result {
                        // The first: what follows may fail for its sake.
                        failure.get_or_insert_with(|| format!("{operation}: {}", error.desc()));
                    }
                }
                self.note(failure);
            }
            Err(error) => {
                self.core.handle_unobserved(now);
                self.note(Some(error.to_string()));
            }
        }
    }

    fn observe(&mut self) {
        let observed = self.kernel.table(|key| self.core.is_ours(key));
        let now = Instant::now();
        match observed {
            Ok(table) => self.core.handle_observed(table, now),
            Err(error) => {
                self.core.handle_unobserved(now);
                self.note(Some(error.to_string()));
            }
        }
    }

    fn note(&mut self, failure: Option<String>) {
        self.failure.note(failure, |why| sentence::ipvs_failed(why));
    }
}
