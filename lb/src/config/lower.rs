//! AST to model. Reading a block fills a draft, in any order; finishing the draft applies defaults once the
//! whole configuration is read.

pub(super) mod address;
pub(super) mod bfd;
pub(super) mod check;
pub(super) mod command;
pub(super) mod data_plane;
pub(super) mod encap;
pub(super) mod global;
pub(super) mod iproute;
pub(super) mod line;
pub(super) mod lvs;
pub(super) mod network;
pub(super) mod node;
pub(super) mod route;
pub(super) mod rule;
pub(super) mod track;
pub(super) mod value;
pub(super) mod vrrp;
pub(super) mod words;

pub(super) use vrrp::authentication::KEY;

use super::{
    diagnostic::{Kind, Report},
    keyword::{Seen, root},
    model::{
        Config, DataPlane, GlobalDefs, SyncGroup, VirtualServer, VirtualServerGroup, VrrpInstance,
    },
    need::Need,
    parser::Parser,
    source::{Span, Spanned},
};

/// The configuration as written.
#[derive(Debug, Default)]
pub(super) struct Draft {
    global: GlobalDefs,
    /// Whether there is any block or word of the language.
    is_written: bool,
    pub(super) node: node::Node,
    statics: node::StaticDraft,
    instances: Vec<vrrp::InstanceDraft>,
    sync_groups: Vec<vrrp::group::GroupDraft>,
    server_groups: Vec<Placed<VirtualServerGroup, ServerGroupPlaces>>,
    /// Finished where they are read: nothing of them waits for the end but what [`lvs::apply_global`] does.
    servers: Vec<Placed<VirtualServer, ServerPlaces>>,
}

/// A value of the model with the places validation speaks about.
#[derive(Debug)]
pub(super) struct Placed<T, P> {
    pub(super) value: T,
    pub(super) at: P,
}

/// Where a `vrrp_instance` was written.
#[derive(Debug)]
pub(super) struct InstancePlaces {
    pub(super) name: Span,
    pub(super) interface: Span,
    pub(super) vrid: Span,
    /// Address and interface of each `virtual_ipaddress`; the interface only where the line names one.
    pub(super) addresses: Vec<(Span, Option<Span>)>,
    pub(super) vrf: Option<Span>,
    pub(super) tracks: vrrp::track::TrackPlaces,
    /// Each address of `virtual_ipaddress_excluded`.
    pub(super) excluded: Vec<Span>,
}

/// Where a `vrrp_sync_group` was written.
#[derive(Debug)]
pub(super) struct GroupPlaces {
    pub(super) name: Span,
    pub(super) members: Vec<Span>,
    pub(super) tracks: vrrp::track::TrackPlaces,
}

/// Where a `virtual_server` was written.
#[derive(Debug)]
pub(super) struct ServerPlaces {
    pub(super) server: Span,
    pub(super) real_servers: Vec<RealServerPlaces>,
    /// Who does not follow `global_defs`.
    pub(super) own: Own,
    /// What its checks refer to.
    pub(super) names: Vec<check::Named>,
}

/// What of a `virtual_server` does not follow `global_defs`, by place; nearly always nothing.
#[derive(Debug, Default)]
pub(super) struct Own {
    /// Whether it has `smtp_alert`.
    pub(super) alert: bool,
    /// The real servers that have.
    pub(super) alerts: Vec<usize>,
    /// The real servers and checks that have `log_all_failures`.
    pub(super) logs: Vec<(usize, usize)>,
}

/// Where a `virtual_server_group` was written.
#[derive(Debug)]
pub(super) struct ServerGroupPlaces {
    pub(super) name: Span,
    pub(super) members: Vec<Span>,
}

/// Where a `real_server` was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct RealServerPlaces {
    pub(super) server: Span,
    pub(super) port: Span,
}

/// The model with its places.
#[derive(Debug)]
pub(super) struct Lowered {
    pub(super) node: node::Node,
    pub(super) global: GlobalDefs,
    pub(super) instances: Vec<Placed<VrrpInstance, InstancePlaces>>,
    /// Whether an instance lacks something, so that it is not there.
    pub(super) has_refused_instance: bool,
    pub(super) sync_groups: Vec<Placed<SyncGroup, GroupPlaces>>,
    pub(super) server_groups: Vec<Placed<VirtualServerGroup, ServerGroupPlaces>>,
    pub(super) servers: Vec<Placed<VirtualServer, ServerPlaces>>,
    /// What all of it names on the machine.
    pub(super) needs: Vec<Spanned<Need>>,
}

impl Lowered {
    pub(super) fn into_config(self) -> Config {
        Config {
            global: self.global,
            vrrp_instances: self
                .instances
                .into_iter()
                .map(|placed| placed.value)
                .collect(),
            sync_groups: self
                .sync_groups
                .into_iter()
                .map(|placed| placed.value)
                .collect(),
            virtual_server_groups: self
                .server_groups
                .into_iter()
                .map(|placed| placed.value)
                .collect(),
            virtual_servers: self
                .servers
                .into_iter()
                .map(|placed| placed.value)
                .collect(),
            ..self.node.into_config()
        }
    }
}

/// Reads all statements.
pub(super) fn read(parser: &mut Parser<'_>, report: &mut Report) -> Draft {
    let mut draft = Draft::default();
    let mut seen = Seen::default();
    while let Some(statement) = parser.next(report) {
        root::TABLE.read_statement(&statement, &mut draft, &mut seen, report);
    }
    draft.is_written = !seen.is_empty();
    draft
}

/// Applies defaults. `end` is where the text ends, for what is missing altogether.
pub(super) fn finish(mut draft: Draft, end: Span, report: &mut Report) -> Lowered {
    let is_idle = draft.instances.is_empty() && draft.servers.is_empty();
    let has_sessions = !draft.node.bfd_instances.is_empty();
    let has_statics = !draft.statics.is_empty() || !draft.node.static_routes.is_empty();
    if report.errors() == 0 && is_idle && !has_statics && !has_sessions {
        if draft.is_written {
            report.warning(
                Kind::Missing,
                end,
                "there is no vrrp_instance and no virtual_server: nothing to do".to_owned(),
            );
        } else {
            report
                .error(
                    Kind::File,
                    end,
                    "the file holds no configuration".to_owned(),
                )
                .help("write at least a vrrp_instance or a virtual_server");
        }
    }
    vrrp::take_sync_daemon(&draft.instances, &mut draft.global, report);
    let groups = draft.sync_groups;
    let written = draft.instances.len();
    let mut numbers = rule::Numbers::default();
    let mut instances = Vec::new();
    for (at, mut instance) in std::mem::take(&mut draft.instances).into_iter().enumerate() {
        let mut before = draft.statics.rules_before(at, &mut numbers, report);
        draft.node.static_rules.append(&mut before);
        let rules = std::mem::take(&mut instance.rules).into_iter();
        let rules = rules.filter_map(|rule| rule::finish(rule, &mut numbers, report));
        let rules = rules.collect();
        draft.node.uses.append(std::mem::take(&mut instance.uses));
        instances.extend(vrrp::finish(&instance, rules, &draft.global, report));
    }
    let mut rest = draft.statics.rules_before(usize::MAX, &mut numbers, report);
    let mut node = draft.node;
    node.static_rules.append(&mut rest);
    node.static_addresses = draft.statics.addresses(&draft.global);
    node.apply_defaults();
    if node.process.net_namespace_ipvs.is_some() && draft.global.data_plane == DataPlane::Auto {
        draft.global.data_plane = DataPlane::Ipvs;
    }
    let mut lowered = Lowered {
        has_refused_instance: instances.len() < written,
        instances,
        sync_groups: groups
            .into_iter()
            .map(|group| vrrp::group::finish(group, &draft.global, report))
            .collect(),
        server_groups: draft.server_groups,
        servers: draft.servers,
        node,
        global: draft.global,
        needs: report.take_needs(),
    };
    lvs::apply_global(&mut lowered);
    lowered
}
