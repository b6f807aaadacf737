//! The top level besides virtual routers and virtual servers.

use super::{
    Draft, Placed,
    address::AddressDraft,
    iproute::Uses,
    route::{self, Place},
    rule::{self, Numbers, RuleDraft},
};
use crate::config::{
    ast::{Statement, Word},
    diagnostic::Report,
    lower::{address, value},
    model::{
        Config, GlobalDefs, InterfaceName,
        address::AddressLine,
        bfd::BfdInstance,
        network::{GarpGroup, InterfaceDelay, Linkbeat},
        process::{IpvsNamespace, ProcessOptions},
        route::Route,
        rule::Rule,
        ssl::Ssl,
        track::{TrackFile, TrackGroup, TrackProcess, VrrpScript},
    },
    need::Need,
    source::Span,
};

/// Where static addresses go that name no interface, unless `default_interface` says otherwise.
const DEFAULT_INTERFACE: &str = "eth0";

/// Lines of the top level that wait for what may come later.
#[derive(Debug, Default)]
pub(in crate::config) struct StaticDraft {
    addresses: Vec<AddressDraft>,
    /// Each with how many virtual routers are before it: rules are numbered in the order of the file.
    rules: Vec<(usize, RuleDraft)>,
}

/// What is written outside `global_defs`, virtual routers and virtual servers.
#[derive(Debug, Default)]
pub(in crate::config) struct Node {
    pub(in crate::config) process: ProcessOptions,
    pub(in crate::config) linkbeat: Vec<Placed<Linkbeat, Span>>,
    pub(in crate::config) interface_delays: Vec<Placed<InterfaceDelay, Span>>,
    /// Each with the places of its interfaces.
    pub(in crate::config) garp_groups: Vec<Placed<GarpGroup, Vec<Span>>>,
    pub(in crate::config) track_groups: Vec<Placed<TrackGroup, Span>>,
    pub(in crate::config) static_addresses: Vec<Placed<AddressLine, StaticAddressPlaces>>,
    pub(in crate::config) static_routes: Vec<Route>,
    pub(in crate::config) static_rules: Vec<Rule>,
    pub(in crate::config) scripts: Vec<Placed<VrrpScript, Span>>,
    pub(in crate::config) track_processes: Vec<Placed<TrackProcess, Span>>,
    pub(in crate::config) track_files: Vec<Placed<TrackFile, Span>>,
    pub(in crate::config) bfd_instances: Vec<Placed<BfdInstance, Span>>,
    pub(in crate::config) ssl: Option<Ssl>,
    /// Every name that means something elsewhere.
    pub(in crate::config) uses: Uses,
}

/// Where a line of `static_ipaddress` was written.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct StaticAddressPlaces {
    pub(in crate::config) address: Span,
    /// The interface, or the address where it is the default.
    pub(in crate::config) interface: Span,
}

impl StaticDraft {
    /// Whether there are neither addresses nor rules.
    pub(in crate::config) fn is_empty(&self) -> bool {
        self.addresses.is_empty() && self.rules.is_empty()
    }

    /// The static rules that come before a virtual router.
    pub(in crate::config) fn rules_before(
        &mut self,
        instance: usize,
        numbers: &mut Numbers,
        report: &mut Report,
    ) -> Vec<Rule> {
        let before = self.rules.iter().take_while(|(at, _)| *at <= instance);
        let before = before.count();
        let rules = self.rules.drain(..before);
        rules
            .filter_map(|(_, draft)| rule::finish(draft, numbers, report))
            .collect()
    }

    /// The static addresses, with every default.
    pub(in crate::config) fn addresses(
        &self,
        global: &GlobalDefs,
    ) -> Vec<Placed<AddressLine, StaticAddressPlaces>> {
        let default = InterfaceName::try_from(DEFAULT_INTERFACE.to_owned()).ok();
        let default = global.network.default_interface.clone().or(default);
        let addresses = self.addresses.iter().filter_map(|line| {
            let named = line.interface.as_ref().map(|named| named.span);
            Some(Placed {
                at: StaticAddressPlaces {
                    address: line.address.span,
                    interface: named.unwrap_or(line.address.span),
                },
                value: line.finish(default.as_ref()?),
            })
        });
        addresses.collect()
    }
}

impl Node {
    /// Applies the defaults that depend on more than one line.
    pub(in crate::config) fn apply_defaults(&mut self) {
        let process = &mut self.process;
        // Several daemons cannot share their PID files.
        process.use_pid_dir |= process.net_namespace.is_some() || process.instance.is_some();
        if let (Some(IpvsNamespace::Named(name)), Some(own)) =
            (&process.net_namespace_ipvs, &process.net_namespace)
            && name == own
        {
            process.net_namespace_ipvs = None;
        }
    }

    /// A configuration without `global_defs`, virtual routers and virtual servers.
    pub(in crate::config) fn into_config(self) -> Config {
        fn values<T, P>(placed: Vec<Placed<T, P>>) -> Vec<T> {
            placed.into_iter().map(|placed| placed.value).collect()
        }
        Config {
            process: self.process,
            linkbeat: values(self.linkbeat),
            interface_delays: values(self.interface_delays),
            garp_groups: values(self.garp_groups),
            track_groups: values(self.track_groups),
            static_addresses: values(self.static_addresses),
            static_routes: self.static_routes,
            static_rules: self.static_rules,
            scripts: values(self.scripts),
            track_processes: values(self.track_processes),
            track_files: values(self.track_files),
            bfd_instances: values(self.bfd_instances),
            ssl: self.ssl,
            ..Config::default()
        }
    }
}

pub(in crate::config) fn read_addresses(
    draft: &mut Draft,
    statement: &Statement,
    report: &mut Report,
) {
    let addresses = &mut draft.statics.addresses;
    address::read_static(addresses, &mut draft.node.uses, statement, report);
}

pub(in crate::config) fn read_routes(
    draft: &mut Draft,
    statement: &Statement,
    report: &mut Report,
) {
    let node = &mut draft.node;
    route::read(
        &mut node.static_routes,
        &mut node.uses,
        Place::Static,
        statement,
        report,
    );
}

pub(in crate::config) fn read_rules(draft: &mut Draft, statement: &Statement, report: &mut Report) {
    let before = draft.instances.len();
    let uses = &mut draft.node.uses;
    let mut rules = Vec::new();
    rule::read(&mut rules, uses, Place::Static, statement, report);
    let statics = &mut draft.statics.rules;
    statics.extend(rules.into_iter().map(|rule| (before, rule)));
}

/// `net_namespace_ipvs [NAME]`.
pub(in crate::config) fn read_ipvs_namespace(
    draft: &mut Draft,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 1, report);
    let name = statement.arguments.first();
    let named = |word: &Word| IpvsNamespace::Named(word.text.to_string());
    report.needs(Need::IpvsNamespace, statement.keyword.span);
    draft.node.process.net_namespace_ipvs = Some(name.map_or(IpvsNamespace::Default, named));
}
