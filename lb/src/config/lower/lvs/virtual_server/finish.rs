//! Defaults of a `virtual_server`, and the rules within one. What keepalived adjusts with a message is adjusted with
//! a warning.

use super::{ServiceDraft, SorryDraft, VirtualServerDraft};
use crate::config::{
    diagnostic::{Finding, Kind, Report, quote},
    lower::{
        Own, Placed, ServerPlaces,
        check::Named,
        lvs::{
            DELAY_LOOP,
            real_server::{self, FromServer, RealServerDraft},
        },
    },
    model::{
        Family, ForwardMethod, PrefixLength, Protocol, RealServer, Scheduler, SorryServer,
        VirtualServer, VirtualService,
        lvs::{Persistence, Quorum, SchedulerFlags},
    },
    source::Span,
};

/// What is finished of the real servers.
#[derive(Default)]
struct Servers {
    values: Vec<RealServer>,
    places: Vec<crate::config::lower::RealServerPlaces>,
    own: Own,
    names: Vec<Named>,
}

impl VirtualServerDraft {
    /// Applies the defaults; `None` without a real server: keepalived drops it too.
    pub(super) fn finish(
        mut self,
        report: &mut Report,
    ) -> Option<Placed<VirtualServer, ServerPlaces>> {
        self.report_missing(report);
        if !self.seen.has("real_server") {
            return None;
        }
        let service = self.finish_service(report);
        let protocol = self.finish_protocol(&service, report);
        let scheduler = self.scheduler;
        let scheduler = scheduler.unwrap_or(Scheduler::WeightedLeastConnections);
        let method = self.method.unwrap_or(ForwardMethod::Nat);
        let flags = self.finish_flags(scheduler, report);
        let one_packet = self.finish_one_packet(&service, protocol, report);
        let ha_suspend = self.finish_ha_suspend(&service, report);
        let persistence = self.finish_persistence(&service, report);
        let sorry_server = self.finish_sorry(&service, method, report);
        let servers = self.finish_servers(&service, method, report);
        let quorum = self.finish_quorum(&servers.values, report);
        Some(Placed {
            at: ServerPlaces {
                server: self.span,
                real_servers: servers.places,
                own: servers.own,
                names: servers.names,
            },
            value: VirtualServer {
                service,
                protocol,
                scheduler,
                flags,
                one_packet,
                method,
                persistence,
                delay_loop: self.timing.delay_loop.unwrap_or(DELAY_LOOP),
                ha_suspend,
                inhibit_on_failure: self.inhibit_on_failure,
                alpha: self.alpha,
                omega: self.omega,
                quorum,
                smtp_alert: self.smtp_alert.unwrap_or(false),
                virtualhost: self.virtualhost,
                snmp_name: self.snmp_name,
                sorry_server,
                real_servers: servers.values,
            },
        })
    }

    /// As it reads in a sentence.
    fn name(&self) -> String {
        quote(&match &self.service {
            ServiceDraft::Address { address, port } => format!("virtual_server {address} {port}"),
            ServiceDraft::Fwmark(mark) => format!("virtual_server fwmark {mark}"),
            ServiceDraft::Group(name) => format!("virtual_server group {name}"),
        })
    }

    fn report_missing(&mut self, report: &mut Report) {
        let is_marked = matches!(self.service, ServiceDraft::Fwmark(_));
        let consequences = [
            ("real_server", "it is left out"),
            ("lb_algo", "wlc is used"),
            ("lb_kind", "NAT is used"),
            ("protocol", "UDP is used"),
        ];
        for (keyword, consequence) in consequences {
            if self.seen.has(keyword) || keyword == "protocol" && is_marked {
                continue;
            }
            if keyword != "real_server" && !self.seen.has("real_server") {
                return;
            }
            let (name, keyword) = (self.name(), quote(keyword));
            let help = match &*keyword {
                "`real_server`" => "write `real_server ADDRESS PORT { … }` in its block",
                "`lb_algo`" => "write `lb_algo rr` or `lb_algo mh`",
                "`lb_kind`" => "write `lb_kind NAT` or `lb_kind DR`",
                _ => "write `protocol TCP` or `protocol UDP`",
            };
            report
                .warning(
                    Kind::Missing,
                    self.span,
                    format!("{name} has no {keyword}: {consequence}, as in keepalived"),
                )
                .help(help);
        }
    }

    /// Warns of a keyword that is dropped, as keepalived does.
    fn drop_keyword<'r>(
        &mut self,
        at: Span,
        name: &str,
        why: &str,
        report: &'r mut Report,
    ) -> &'r mut Finding {
        report.warning(
            Kind::Conflict,
            at,
            format!("{} is ignored, as in keepalived: {why}", quote(name)),
        )
    }

    fn finish_service(&mut self, report: &mut Report) -> VirtualService {
        let given = self.family;
        let first = self
            .real_servers
            .first()
            .map(|real| Family::of(real.address));
        let family = given
            .map(|family| family.value)
            .or(first)
            .unwrap_or(Family::V4);
        match &self.service {
            ServiceDraft::Address { address, port } => {
                let (address, port) = (*address, *port);
                if let Some(given) = given
                    && given.value != Family::of(address)
                {
                    self.drop_keyword(
                        given.span,
                        "ip_family",
                        "the address tells the family",
                        report,
                    );
                }
                VirtualService::Address { address, port }
            }
            ServiceDraft::Fwmark(mark) => VirtualService::Fwmark {
                mark: *mark,
                family,
            },
            ServiceDraft::Group(name) => VirtualService::Group {
                name: name.clone(),
                family,
            },
        }
    }

    fn finish_protocol(&mut self, service: &VirtualService, report: &mut Report) -> Protocol {
        match (self.protocol, service) {
            (Some(given), VirtualService::Fwmark { .. }) => {
                let why = "packets are told by their firewall mark alone";
                self.drop_keyword(given.span, "protocol", why, report);
                Protocol::Udp
            }
            (given, _) => given.map_or(Protocol::Udp, |given| given.value),
        }
    }

    /// Flags count wherever they stand. keepalived drops one that comes before `lb_algo`, and takes one of `sh` for
    /// one of `mh`.
    fn finish_flags(&mut self, scheduler: Scheduler, report: &mut Report) -> SchedulerFlags {
        let mut flags = SchedulerFlags::default();
        for flag in std::mem::take(&mut self.flags) {
            if (flag.is_of)(scheduler) {
                (flag.set)(&mut flags);
            } else {
                let (owner, _) = flag.name.split_once('-').unwrap_or((flag.name, ""));
                report
                    .warning(
                        Kind::Conflict,
                        flag.span,
                        format!(
                            "{} is ignored: it is of another scheduler",
                            quote(flag.name)
                        ),
                    )
                    .help(format!("write `lb_algo {owner}`, or remove it"));
            }
        }
        flags
    }

    fn finish_one_packet(
        &mut self,
        service: &VirtualService,
        protocol: Protocol,
        report: &mut Report,
    ) -> bool {
        let Some(span) = self.one_packet else {
            return false;
        };
        let is_marked = matches!(service, VirtualService::Fwmark { .. });
        if is_marked || protocol == Protocol::Udp {
            return true;
        }
        self.drop_keyword(span, "ops", "it is for UDP and firewall marks", report);
        false
    }

    fn finish_ha_suspend(&mut self, service: &VirtualService, report: &mut Report) -> bool {
        let Some(span) = self.ha_suspend else {
            return false;
        };
        if service.address().is_some() {
            return true;
        }
        let why = "only a virtual server with an address of its own can wait for it";
        self.drop_keyword(span, "ha_suspend", why, report);
        false
    }

    fn finish_persistence(
        &mut self,
        service: &VirtualService,
        report: &mut Report,
    ) -> Option<Box<Persistence>> {
        let family = service.family();
        let granularity = self.granularity;
        if let Some(given) = granularity
            && given.value.family != family
        {
            let expected = match family {
                Family::V4 => "a netmask such as 255.255.255.0: it is an IPv4 service",
                Family::V6 => "the length of a prefix, 1 to 128: it is an IPv6 service",
            };
            report
                .error(
                    Kind::Value,
                    given.span,
                    "this is no granularity for the family of the service".to_owned(),
                )
                .expected(expected);
        }
        let all_ports = service.address().is_some_and(|(_, port)| port == 0);
        let timeout = match self.persistence {
            None if all_ports && !self.seen.has("persistence_timeout") => {
                let name = self.name();
                report
                    .warning(
                        Kind::Missing,
                        self.span,
                        format!(
                            "{name} takes every port, which needs persistence: a timeout of 360 s is used, as in keepalived"
                        ),
                    )
                    .help("write a port, or `persistence_timeout`");
                super::PERSISTENCE
            }
            None => {
                self.tell_of_no_persistence(report);
                return None;
            }
            Some(timeout) => timeout,
        };
        let whole = PrefixLength::whole(family);
        Some(Box::new(Persistence {
            timeout,
            granularity: granularity.map_or(whole, |given| given.value.length),
            engine: self.engine.map(|engine| engine.value),
        }))
    }

    fn tell_of_no_persistence(&mut self, report: &mut Report) {
        let granularity = self.granularity.map(|given| given.span);
        let engine = self.engine.map(|given| given.span);
        let given = [
            (granularity, "persistence_granularity"),
            (engine, "persistence_engine"),
        ];
        for (span, name) in given {
            if let Some(span) = span {
                report.note(
                    Kind::Conflict,
                    span,
                    format!(
                        "{} has no effect without `persistence_timeout`",
                        quote(name)
                    ),
                );
            }
        }
    }

    fn finish_sorry(
        &mut self,
        service: &VirtualService,
        method: ForwardMethod,
        report: &mut Report,
    ) -> Option<Box<SorryServer>> {
        let SorryDraft {
            address,
            port,
            inhibit,
            method: own,
        } = std::mem::take(&mut self.sorry);
        let Some(address) = address else {
            let why = "there is no sorry_server";
            if let Some(span) = inhibit {
                self.drop_keyword(span, "sorry_server_inhibit", why, report);
            }
            if let Some(own) = own {
                self.drop_keyword(own.span, "sorry_server_lvs_method", why, report);
            }
            return None;
        };
        let method = own.map_or(method, |own| own.value);
        let family = service.family();
        if Family::of(address.value) != family && !matches!(method, ForwardMethod::Tunnel(_)) {
            report
                .error(
                    Kind::Conflict,
                    address.span,
                    format!(
                        "sorry_server {} is of another address family than the virtual server",
                        quote(&address.value.to_string())
                    ),
                )
                .related(self.span, "virtual server");
        }
        let front = service.address().map_or(0, |(_, port)| port);
        let is_marked = matches!(service, VirtualService::Fwmark { .. });
        let mut value = port.map_or(front, |port| port.value);
        if let (Some(port), true) = (port, is_marked && !method.is_nat()) {
            report.warning(
                Kind::Conflict,
                port.span,
                format!(
                    "port {value} is ignored, as in keepalived: packets with a firewall mark that are not translated keep theirs"
                ),
            );
            value = 0;
        }
        if let (Some(port), true) = (port, !method.is_nat())
            && service.address().is_some()
            && value != front
        {
            report.warning(
                Kind::Conflict,
                port.span,
                format!(
                    "port {value} is replaced by {front}, as in keepalived: packets that are not translated keep theirs"
                ),
            );
            value = front;
        }
        Some(Box::new(SorryServer {
            address: address.value,
            port: value,
            method,
            inhibit: inhibit.is_some(),
        }))
    }

    fn finish_servers(
        &mut self,
        service: &VirtualService,
        method: ForwardMethod,
        report: &mut Report,
    ) -> Servers {
        let drafts: Vec<RealServerDraft> = std::mem::take(&mut self.real_servers);
        let above = FromServer {
            port: service.address().map_or(0, |(_, port)| port),
            is_marked: matches!(service, VirtualService::Fwmark { .. }),
            method,
            weight: self.weight,
            slow_start: self.slow_start,
            inhibit_on_failure: self.inhibit_on_failure,
            alpha: self.alpha,
            timing: self.timing,
            virtualhost: self.virtualhost.as_deref(),
        };
        let mut servers = Servers {
            values: Vec::with_capacity(drafts.len()),
            places: Vec::with_capacity(drafts.len()),
            own: Own {
                alert: self.smtp_alert.is_some(),
                ..Own::default()
            },
            names: Vec::new(),
        };
        let mut logs = Vec::new();
        for (index, real) in drafts.into_iter().enumerate() {
            if real.smtp_alert.is_some() {
                servers.own.alerts.push(index);
            }
            let placed = real_server::finish(real, &above, &mut logs, &mut servers.names, report);
            servers
                .own
                .logs
                .extend(logs.drain(..).map(|check| (index, check)));
            servers.values.push(placed.value);
            servers.places.push(placed.at);
        }
        servers
    }

    /// What cannot be reached is lowered, as in keepalived.
    fn finish_quorum(&mut self, servers: &[RealServer], report: &mut Report) -> Quorum {
        let mut quorum = Quorum {
            notify: std::mem::take(&mut self.notify),
            ..Quorum::ONE
        };
        if let Some(given) = self.quorum {
            let weights = servers.iter().map(|real| u64::from(real.weight.get()));
            let total = u32::try_from(weights.sum::<u64>())
                .unwrap_or(u32::MAX)
                .max(1);
            quorum.weight = given.value;
            if given.value > total && !self.has_refused_server {
                report
                    .warning(
                        Kind::Conflict,
                        given.span,
                        format!(
                            "quorum {} is lowered to {total}, as in keepalived: that is the weight of all real servers",
                            given.value
                        ),
                    )
                    .help(format!("write `quorum {total}`, or give them more weight"));
                quorum.weight = total;
            }
        }
        if let Some(given) = self.hysteresis {
            quorum.hysteresis = given.value;
            if given.value >= quorum.weight {
                report
                    .warning(
                        Kind::Conflict,
                        given.span,
                        format!(
                            "hysteresis {} is lowered to 0, as in keepalived: it must be below the quorum, {}",
                            given.value, quorum.weight
                        ),
                    )
                    .help("write less, or a higher quorum");
                quorum.hysteresis = 0;
            }
        }
        quorum
    }
}
