//! A large configuration as data, and its text.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

/// Interfaces of virtual routers: the lab's, and two of their own.
pub(super) const INTERFACES: [&str; 3] = ["eth0", "side0", "side1"];
/// Never up: who tracks it is in FAULT.
pub(super) const DOWN: &str = "down0";

/// Everything in the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    /// The last number given away: addresses, routes and the like are unlike by it, for ever.
    pub(super) last: u16,
    pub(super) global: BTreeMap<&'static str, String>,
    pub(super) statics: Objects,
    pub(super) routers: Vec<Router>,
    /// Names of members, by name.
    pub(super) groups: BTreeMap<String, BTreeSet<String>>,
    pub(super) servers: Vec<Server>,
}

/// Addresses, routes and rules, a line each.
#[derive(Clone, Debug, Default)]
pub(super) struct Objects {
    pub(super) addresses: Vec<Address>,
    pub(super) routes: Vec<String>,
    pub(super) rules: Vec<String>,
}

/// An address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) text: String,
    pub(super) prefix: u8,
    pub(super) more: &'static str,
}

impl Address {
    pub(super) fn is_v6(&self) -> bool {
        self.text.contains(':')
    }

    fn line(&self) -> String {
        format!("{}/{} {}", self.text, self.prefix, self.more)
    }
}

/// A `vrrp_instance`.
#[derive(Clone, Debug)]
pub(super) struct Router {
    pub(super) name: String,
    pub(super) interface: &'static str,
    pub(super) vrid: u8,
    pub(super) is_v6: bool,
    pub(super) priority: u8,
    /// Milliseconds.
    pub(super) interval: u16,
    pub(super) objects: Objects,
    pub(super) excluded: Vec<Address>,
    pub(super) options: BTreeSet<&'static str>,
}

/// A `virtual_server`.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) address: String,
    pub(super) port: u16,
    pub(super) protocol: &'static str,
    pub(super) scheduler: &'static str,
    pub(super) method: &'static str,
    pub(super) options: BTreeSet<&'static str>,
    pub(super) reals: Vec<Real>,
}

/// A `real_server`.
#[derive(Clone, Debug)]
pub(super) struct Real {
    pub(super) address: String,
    pub(super) port: u16,
    pub(super) weight: u8,
    pub(super) options: BTreeSet<&'static str>,
    pub(super) check: &'static str,
}

/// Says FAULT.
pub(super) const TRACKS_DOWN: &str = "track_interface {\ndown0\n}";
/// Two such blocks are one too many.
pub(super) const TRACKS_SIDE: &str = "track_interface {\nside0 weight 10\n}";
/// Only where there is IPv4 on `eth0`.
pub(super) const UNICAST: &str = "unicast_src_ip 192.0.2.11\nunicast_peer {\n192.0.2.77\n}";

impl Model {
    /// A number nobody had.
    pub(super) fn fresh(&mut self) -> u16 {
        self.last += 1;
        self.last
    }

    /// Whether the router can be MASTER, which each is that can: nobody else is there.
    pub(super) fn is_well(&self, router: &Router) -> bool {
        let group = self
            .groups
            .values()
            .find(|members| members.contains(&router.name));
        let is_faulty = |name: &String| {
            let mut all = self.routers.iter();
            all.any(|it| it.name == *name && it.options.contains(TRACKS_DOWN))
        };
        let all_well = group.is_none_or(|members| !members.iter().any(is_faulty));
        !router.options.contains(TRACKS_DOWN) && all_well
    }

    /// The text of the file.
    pub(super) fn text(&self) -> String {
        let mut text = String::from("global_defs {\n");
        for (word, value) in &self.global {
            line(&mut text, &format!("    {word} {value}"));
        }
        text.push_str(
            "}\nvrrp_script steady {\n    script /bin/true\n    interval 1\n    user root\n}\n",
        );
        self.statics.blocks(&mut text, "static", "");
        for (name, members) in &self.groups {
            let members: Vec<&str> = members.iter().map(String::as_str).collect();
            line(
                &mut text,
                &format!(
                    "vrrp_sync_group {name} {{\ngroup {{\n{}\n}}\n}}",
                    members.join("\n")
                ),
            );
        }
        for router in &self.routers {
            router.block(&mut text);
        }
        for server in &self.servers {
            server.block(&mut text);
        }
        text
    }
}

fn line(text: &mut String, line: &str) {
    let _infallible = writeln!(text, "{line}");
}

fn block(text: &mut String, head: &str, lines: &[String]) {
    if !lines.is_empty() {
        line(
            text,
            &format!("{head} {{\n    {}\n}}", lines.join("\n    ")),
        );
    }
}

impl Objects {
    fn blocks(&self, text: &mut String, prefix: &str, more: &str) {
        let addresses: Vec<String> = self.addresses.iter().map(Address::line).collect();
        block(text, &format!("{prefix}_ipaddress{more}"), &addresses);
        block(text, &format!("{prefix}_routes"), &self.routes);
        block(text, &format!("{prefix}_rules"), &self.rules);
    }
}

impl Router {
    fn block(&self, text: &mut String) {
        line(text, &format!("vrrp_instance {} {{", self.name));
        line(text, "state MASTER\nversion 3");
        line(text, &format!("interface {}", self.interface));
        line(text, &format!("virtual_router_id {}", self.vrid));
        line(text, &format!("priority {}", self.priority));
        line(
            text,
            &format!("advert_int {}", f32::from(self.interval) / 1e3),
        );
        for option in &self.options {
            line(text, option);
        }
        self.objects.blocks(text, "virtual", "");
        let excluded: Vec<String> = self.excluded.iter().map(Address::line).collect();
        block(text, "virtual_ipaddress_excluded", &excluded);
        line(text, "}");
    }
}

impl Server {
    fn block(&self, text: &mut String) {
        let Self {
            address,
            port,
            protocol,
            scheduler,
            method,
            ..
        } = self;
        line(
            text,
            &format!(
                "virtual_server {address} {port} {{\ndelay_loop 1\nlb_algo {scheduler}\nlb_kind {method}\nprotocol {protocol}"
            ),
        );
        for option in &self.options {
            line(text, option);
        }
        for real in &self.reals {
            let Real {
                address,
                port: own,
                weight,
                check,
                ..
            } = real;
            // Only NAT changes it.
            let port = if method.contains("NAT") { own } else { port };
            line(
                text,
                &format!("real_server {address} {port} {{\nweight {weight}"),
            );
            for option in &real.options {
                line(text, option);
            }
            line(text, &format!("{check}}}"));
        }
        line(text, "}");
    }
}
