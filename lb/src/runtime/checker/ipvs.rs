//! IPVS as the checker child has it: what the core wants is done at once, and answered before the next input.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    time::Instant,
};

use crate::{
    checker::sentence,
    config::model::{Config, global::Timeouts},
    io::ipvs::Ipvs as Kernel,
    ipvs::{self, AllFigures, DestKey, Operation, Output, Refusal, ServiceKey},
    pool::{
        RealServerId,
        desired::{Desired, Trace, remembered},
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
    pub(super) fn open() -> anyhow::Result<Option<Self>> {
        let kernel = Kernel::open()?;
        Ok(kernel.map(|kernel| Self {
            kernel,
            core: ipvs::Ipvs::new(),
            refused: BTreeMap::new(),
            failure: Failure::default(),
            operations: 0,
        }))
    }

    /// The real servers that the kernel's table lacks, or has with weight 0 because they inhibit, in services that it has.
    pub(super) fn failed(&mut self, config: &Config) -> io::Result<BTreeSet<RealServerId>> {
        let table = self.kernel.table(|_| true)?;
        Ok(remembered(config, |member, address, port| {
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

    /// Whether nothing of ours is in the kernel.
    pub(super) fn is_empty(&self) -> bool {
        self.core.installed().services.is_empty()
    }

    /// How many changes were asked of the kernel since that was last forgotten.
    pub(super) const fn operations(&self) -> u64 {
        self.operations
    }

    pub(super) const fn forget_operations(&mut self) {
        self.operations = 0;
    }

    /// What the kernel has of ours, and what it counts of that.
    pub(super) fn figures(&mut self) -> AllFigures {
        let core = &self.core;
        let read = self
            .kernel
            .figures(|key| core.installed().services.contains_key(key));
        read.unwrap_or_else(|error| {
            self.note(Some(error.to_string()));
            AllFigures::new()
        })
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
        self.core.handle_desired(table);
        self.drain();
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
            let (mut operations, mut observes) = (Vec::new(), false);
            while let Some(output) = self.core.poll_output() {
                match output {
                    Output::Change(operation) => operations.push(operation),
                    Output::Observe => observes = true,
                }
            }
            if operations.is_empty() && !observes {
                return;
            }
            self.change(&operations);
            if observes {
                self.observe();
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
