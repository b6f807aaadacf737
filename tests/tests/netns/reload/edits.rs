//! The configuration that is begun with, and what random operators do to it.

use fastrand::Rng;

use super::model::{
    Address, INTERFACES, Model, Objects, Real, Router, Server, TRACKS_DOWN, TRACKS_SIDE, UNICAST,
};

const ROUTERS: usize = 36;
const SERVERS: usize = 24;
const REALS: usize = 6;
const STATICS: usize = 8;

const SCHEDULERS: [&str; 11] = [
    "rr", "wrr", "lc", "wlc", "sh", "mh", "dh", "fo", "ovf", "sed", "nq",
];
const METHODS: [&str; 7] = [
    "NAT",
    "DR",
    "TUN",
    "TUN type gre",
    "TUN type gre csum",
    "TUN type gue port 6080",
    "FULLNAT",
];
const ROUTER_OPTIONS: [&str; 18] = [
    "garp_lower_prio_delay 2",
    "skip_check_adv_addr",
    "garp_master_delay 1",
    "garp_master_refresh 30",
    "dont_track_primary",
    "no_accept",
    "promote_secondaries",
    "use_vmac",
    "use_vmac\nvmac_xmit_base",
    "lower_prio_no_advert",
    "higher_prio_send_advert",
    "down_timer_adverts 4",
    "track_script {\nsteady weight 5\n}",
    "auth_hmac {\nkey 1 0123456789abcdef0123456789abcdef\nactive_key 1\n}",
    "check_unicast_src",
    TRACKS_DOWN,
    TRACKS_SIDE,
    UNICAST,
];
const SERVER_OPTIONS: [&str; 9] = [
    "persistence_timeout 50",
    "persistence_timeout 30\npersistence_granularity 255.255.255.0",
    "quorum 2",
    "quorum 20",
    "inhibit_on_failure",
    "alpha",
    "omega",
    "sorry_server 192.0.2.23 80",
    "delay_before_retry 1",
];
const REAL_OPTIONS: [&str; 4] = [
    "uthreshold 100",
    "uthreshold 100\nlthreshold 50",
    "inhibit_on_failure",
    "connect_timeout 2",
];
/// The lab's servers, this host, and nobody's.
const HOSTS: [u8; 10] = [21, 22, 23, 11, 51, 52, 53, 54, 55, 56];
/// Up at once; up once asked; down once asked.
const CHECKS: [&str; 3] = [
    "",
    "TCP_CHECK {\nconnect_ip 192.0.2.21\nconnect_port 80\nconnect_timeout 1\nretry 0\n}\n",
    "TCP_CHECK {\nconnect_ip 192.0.2.21\nconnect_port 81\nconnect_timeout 1\nretry 0\n}\n",
];

impl Model {
    /// The large configuration that is begun with.
    pub(super) fn large(rng: &mut Rng) -> Self {
        let mut model = Self::default();
        for (word, value) in [
            ("router_id", "large"),
            ("data_plane", "xdp"),
            ("data_plane_services", "256"),
            ("data_plane_flows", "65536"),
            ("lvs_timeouts", "tcp 600"),
        ] {
            model.global.insert(word, value.to_owned());
        }
        for number in 0..STATICS {
            let address = model.address(number % 2 == 1);
            model.statics.addresses.push(Address {
                more: "dev eth0",
                ..address
            });
            let (route, rule) = (model.route(rng), model.rule(rng));
            model.statics.routes.push(route);
            model.statics.rules.push(rule);
        }
        for _ in 0..ROUTERS {
            model.add_router(rng);
        }
        for pair in 0..6 {
            let members = [2 * pair, 2 * pair + 1].map(|at| model.routers[at].name.clone());
            let group = format!("group{pair}");
            model.groups.insert(group, members.into_iter().collect());
        }
        for number in 0..SERVERS {
            model.add_server(rng);
            for _ in 0..REALS {
                let real = model.real(rng, number);
                model.servers[number].reals.extend(real);
            }
        }
        // The map of ports of full NAT gets its size at the start.
        model.servers[0].method = "FULLNAT";
        model
    }

    /// Something an operator does, in words.
    pub(super) fn edit(&mut self, rng: &mut Rng) -> String {
        let edits: [fn(&mut Self, &mut Rng) -> Option<String>; 12] = [
            Self::edit_addresses,
            Self::edit_addresses,
            Self::edit_routes,
            Self::edit_rules,
            Self::edit_statics,
            Self::edit_router,
            Self::edit_router,
            Self::edit_routers,
            Self::edit_groups,
            Self::edit_servers,
            Self::edit_server,
            Self::edit_reals,
        ];
        loop {
            let edit = edits[rng.usize(..edits.len())];
            if let Some(said) = edit(self, rng) {
                return said;
            }
        }
    }

    /// An address of a network of its own.
    fn address(&mut self, is_v6: bool) -> Address {
        let number = self.fresh();
        let (text, prefix) = if is_v6 {
            (format!("2001:db8:f:{number:x}::1"), 128)
        } else {
            (format!("10.{}.{}.1", 16 + number / 250, number % 250), 32)
        };
        Address {
            text,
            prefix,
            more: "",
        }
    }

    fn route(&mut self, rng: &mut Rng) -> String {
        let number = self.fresh();
        let to = format!("172.{}.{}.0/24", 16 + number / 250, number % 250);
        match rng.u8(..6) {
            0 => format!("{to} via 192.0.2.254 dev eth0"),
            1 => format!("{to} via 192.0.2.254 dev eth0 table 100 metric 10"),
            2 => format!("{to} dev eth0 scope link mtu 1400"),
            3 => format!("blackhole {to}"),
            4 => format!("2001:db8:e:{number:x}::/64 via 2001:db8::fe dev eth0 metric 77"),
            _ => format!(
                "{to} nexthop via 192.0.2.253 dev eth0 weight 2 nexthop via 192.0.2.252 dev eth0 weight 1"
            ),
        }
    }

    fn rule(&mut self, rng: &mut Rng) -> String {
        let number = self.fresh();
        let priority = 1000 + number;
        match rng.u8(..4) {
            0 => format!(
                "from 10.200.{}.0/24 table 100 priority {priority}",
                number % 250
            ),
            1 => format!(
                "to 10.201.{}.0/24 table 77 priority {priority}",
                number % 250
            ),
            2 => format!("fwmark {number} table 77 priority {priority}"),
            _ => format!("from 2001:db8:d:{number:x}::/64 table 100 priority {priority}"),
        }
    }

    /// A VRID that nobody has on the interface.
    fn vrid(&self, interface: &str, is_v6: bool, rng: &mut Rng) -> u8 {
        loop {
            let vrid = rng.u8(1..=250);
            // A macvlan is named by its VRID alone.
            let is_taken =
                |it: &Router| it.vrid == vrid && (it.interface == interface || it.is_v6 == is_v6);
            if !self.routers.iter().any(is_taken) {
                return vrid;
            }
        }
    }

    fn add_router(&mut self, rng: &mut Rng) {
        let number = self.fresh();
        let interface = INTERFACES[rng.usize(..INTERFACES.len())];
        let is_v6 = number.is_multiple_of(3);
        let mut objects = Objects::default();
        if is_v6 {
            objects.addresses.push(Address {
                text: format!("fe80::5e:{number:x}"),
                prefix: 128,
                more: "",
            });
        }
        for _ in 0..rng.u8(1..=3) {
            let address = self.address(is_v6);
            objects.addresses.push(address);
        }
        let (route, rule) = (self.route(rng), self.rule(rng));
        objects.routes.push(route);
        objects.rules.push(rule);
        let excluded = vec![self.address(!is_v6)];
        let vrid = self.vrid(interface, is_v6, rng);
        self.routers.push(Router {
            name: format!("VI_{number}"),
            interface,
            vrid,
            is_v6,
            priority: rng.u8(100..=200),
            interval: 1000,
            objects,
            excluded,
            options: std::iter::once("garp_master_delay 1").collect(),
        });
    }

    fn add_server(&mut self, rng: &mut Rng) {
        let number = self.fresh();
        // Behind a gate, mostly.
        let fronts = self.routers.iter().flat_map(|it| &it.objects.addresses);
        let fronts = fronts.filter(|it| !it.text.starts_with("fe80"));
        let mut fronts: Vec<String> = fronts.map(|it| it.text.clone()).collect();
        fronts.push(format!("10.9.0.{}", number % 250));
        self.servers.push(Server {
            address: fronts.swap_remove(rng.usize(..fronts.len())),
            port: number,
            protocol: ["TCP", "UDP"][rng.usize(..2)],
            scheduler: SCHEDULERS[rng.usize(..SCHEDULERS.len())],
            method: METHODS[rng.usize(..METHODS.len())],
            options: std::iter::once("quorum 1").collect(),
            reals: Vec::new(),
        });
    }

    /// A real server in the family of the virtual one, which has it once: of the lab, this host itself, or nobody.
    fn real(&mut self, rng: &mut Rng, server: usize) -> Option<Real> {
        let number = self.fresh();
        let server = &self.servers[server];
        let network = if server.address.contains(':') {
            "2001:db8::"
        } else {
            "192.0.2."
        };
        let hosts = HOSTS.iter().map(|host| format!("{network}{host}"));
        let mut free: Vec<String> = hosts
            .filter(|host| !server.reals.iter().any(|it| it.address == *host))
            .collect();
        if free.is_empty() {
            return None;
        }
        Some(Real {
            address: free.swap_remove(rng.usize(..free.len())),
            port: number,
            weight: rng.u8(1..=9),
            options: std::iter::once("connect_timeout 1").collect(),
            check: CHECKS[rng.usize(..CHECKS.len())],
        })
    }

    fn edit_addresses(&mut self, rng: &mut Rng) -> Option<String> {
        let at = rng.usize(..self.routers.len());
        let is_v6 = self.routers[at].is_v6;
        let name = self.routers[at].name.clone();
        // The link-local one comes first and stays.
        let first = usize::from(is_v6);
        let count = self.routers[at].objects.addresses.len();
        match rng.u8(..5) {
            0 => {
                let address = self.address(is_v6);
                let said = format!("{name} gets {}", address.text);
                self.routers[at].objects.addresses.push(address);
                Some(said)
            }
            1 if count > first + 1 => {
                let address = self.routers[at].objects.addresses.remove(first);
                Some(format!("{name} loses {}", address.text))
            }
            2 if count > first + 1 => {
                let others = self.routers.iter().enumerate();
                let others = others.filter(|(other, it)| *other != at && it.is_v6 == is_v6);
                let others: Vec<usize> = others.map(|(other, _)| other).collect();
                let to = others[rng.usize(..others.len())];
                let address = self.routers[at].objects.addresses.remove(first);
                let said = format!(
                    "{} goes from {name} to {}",
                    address.text, self.routers[to].name
                );
                self.routers[to].objects.addresses.push(address);
                Some(said)
            }
            3 => {
                let address = &mut self.routers[at].objects.addresses[first];
                address.prefix = match (is_v6, address.prefix) {
                    (true, 128) => 64,
                    (true, _) => 128,
                    (false, 32) => 24,
                    (false, _) => 32,
                };
                Some(format!("{name}: {}/{}", address.text, address.prefix))
            }
            4 => {
                let router = &mut self.routers[at];
                let address = if router.excluded.is_empty() {
                    self.address(!is_v6)
                } else {
                    let address = router.excluded.remove(0);
                    return Some(format!("{name} loses {}", address.text));
                };
                let said = format!("{name} gets {} besides", address.text);
                self.routers[at].excluded.push(address);
                Some(said)
            }
            _ => None,
        }
    }

    fn edit_routes(&mut self, rng: &mut Rng) -> Option<String> {
        let [from, to] = [(); 2].map(|()| rng.usize(..self.routers.len()));
        let new = self.route(rng);
        let has_any = !self.routers[from].objects.routes.is_empty();
        match rng.u8(..4) {
            0 => {
                let said = format!("a route: {new}");
                self.routers[from].objects.routes.push(new);
                Some(said)
            }
            1 if has_any => {
                let old = self.routers[from].objects.routes.remove(0);
                Some(format!("no route: {old}"))
            }
            2 if has_any => {
                let route = self.routers[from].objects.routes.remove(0);
                let said = format!("a route goes to {}: {route}", self.routers[to].name);
                self.routers[to].objects.routes.push(route);
                Some(said)
            }
            3 if has_any => {
                let route = self.routers[from].objects.routes.first_mut()?;
                if route.starts_with("black") || route.contains("nexthop") || route.contains("mtu")
                {
                    return None;
                }
                route.push_str(" mtu 1300");
                Some(format!("another route: {route}"))
            }
            _ => None,
        }
    }

    fn edit_rules(&mut self, rng: &mut Rng) -> Option<String> {
        let at = rng.usize(..self.routers.len());
        let new = self.rule(rng);
        let rules = &mut self.routers[at].objects.rules;
        match rng.u8(..3) {
            0 => {
                rules.push(new.clone());
                Some(format!("a rule: {new}"))
            }
            1 if !rules.is_empty() => Some(format!("no rule: {}", rules.remove(0))),
            2 if rules.first().is_some_and(|rule| rule.contains("table 77")) => {
                rules[0] = rules[0].replace("table 77", "table 78");
                Some(format!("another rule: {}", rules[0]))
            }
            _ => None,
        }
    }

    fn edit_statics(&mut self, rng: &mut Rng) -> Option<String> {
        let is_v6 = rng.bool();
        let (route, rule, address) = (self.route(rng), self.rule(rng), self.address(is_v6));
        let statics = &mut self.statics;
        match rng.u8(..7) {
            0 => statics.routes.push(route),
            1 => statics.rules.push(rule),
            2 => statics.addresses.push(Address {
                more: "dev side0",
                ..address
            }),
            3 if statics.routes.len() > 1 => drop(statics.routes.remove(0)),
            4 if statics.rules.len() > 1 => drop(statics.rules.remove(0)),
            5 if statics.addresses.len() > 1 => drop(statics.addresses.remove(0)),
            // What was the node's is now a virtual router's.
            6 if statics.addresses.len() > 1 => {
                let address = statics.addresses.remove(0);
                let mut routers = self.routers.iter_mut();
                let router = routers.find(|it| it.is_v6 == address.is_v6())?;
                let said = format!("{} is not static, but of {}", address.text, router.name);
                router.objects.addresses.push(Address {
                    more: "",
                    ..address
                });
                return Some(said);
            }
            _ => return None,
        }
        Some("other static objects".to_owned())
    }

    fn edit_router(&mut self, rng: &mut Rng) -> Option<String> {
        let at = rng.usize(..self.routers.len());
        let interface = INTERFACES[rng.usize(..INTERFACES.len())];
        let is_v6 = self.routers[at].is_v6;
        let vrid = self.vrid(interface, is_v6, rng);
        let router = &mut self.routers[at];
        let name = router.name.clone();
        match rng.u8(..6) {
            0 => router.priority = rng.u8(100..=200),
            1 => router.interval = if router.interval == 1000 { 800 } else { 1000 },
            2 => {
                router.vrid = vrid;
                router.interface = interface;
                router.options.remove(UNICAST);
            }
            _ => return self.toggle(rng, at),
        }
        let router = &self.routers[at];
        Some(format!(
            "{name}: {} VRID {} priority {} every {} ms",
            router.interface, router.vrid, router.priority, router.interval
        ))
    }

    fn toggle(&mut self, rng: &mut Rng, at: usize) -> Option<String> {
        let option = ROUTER_OPTIONS[rng.usize(..ROUTER_OPTIONS.len())];
        let router = &mut self.routers[at];
        if router.options.remove(option) {
            return Some(format!("{} without {option:?}", router.name));
        }
        let word = |option: &str| {
            option
                .split([' ', '\n'])
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        let fits = match option {
            UNICAST => router.interface == "eth0" && !router.is_v6 && !has(router, "use_vmac"),
            "check_unicast_src" => router.options.contains(UNICAST),
            "use_vmac" | "use_vmac\nvmac_xmit_base" => !router.options.contains(UNICAST),
            _ => true,
        };
        let first = word(option);
        if !fits || (has(router, &first) && first != "garp_master_delay") {
            return None;
        }
        router.options.insert(option);
        Some(format!("{} with {option:?}", router.name))
    }

    fn edit_routers(&mut self, rng: &mut Rng) -> Option<String> {
        let [one, other] = [(); 2].map(|()| rng.usize(..self.routers.len()));
        match rng.u8(..4) {
            0 => {
                self.add_router(rng);
                let new = self.routers.last()?;
                Some(format!("a virtual router: {}", new.name))
            }
            1 if self.routers.len() > ROUTERS / 2 => {
                let gone = self.routers.remove(one);
                self.leave(&gone.name);
                Some(format!("no virtual router {}", gone.name))
            }
            2 => {
                let new = format!("VI_{}", self.fresh());
                let old = std::mem::replace(&mut self.routers[one].name, new.clone());
                for members in self.groups.values_mut() {
                    if members.remove(&old) {
                        members.insert(new.clone());
                    }
                }
                Some(format!("{old} is called {new}"))
            }
            3 => {
                self.routers.swap(one, other);
                Some("virtual routers in another order".to_owned())
            }
            _ => None,
        }
    }

    /// A group is two at least.
    fn leave(&mut self, name: &str) {
        for members in self.groups.values_mut() {
            members.remove(name);
        }
        self.groups.retain(|_, members| members.len() > 1);
    }

    fn edit_groups(&mut self, rng: &mut Rng) -> Option<String> {
        let [one, other] = [(); 2].map(|()| {
            let at = rng.usize(..self.routers.len());
            self.routers[at].name.clone()
        });
        match rng.u8(..3) {
            0 if one != other => {
                self.leave(&one);
                self.leave(&other);
                let group = format!("group{}", self.fresh());
                let said = format!("{group} is {one} and {other}");
                self.groups.insert(group, [one, other].into());
                Some(said)
            }
            1 if self.groups.values().any(|members| members.contains(&one)) => {
                self.leave(&one);
                Some(format!("{one} leaves its group"))
            }
            2 if !self.groups.values().any(|members| members.contains(&one)) => {
                let (group, members) = self.groups.iter_mut().next()?;
                let said = format!("{one} joins {group}");
                members.insert(one);
                Some(said)
            }
            _ => None,
        }
    }

    fn edit_servers(&mut self, rng: &mut Rng) -> Option<String> {
        match rng.u8(..3) {
            0 => {
                self.add_server(rng);
                let at = self.servers.len() - 1;
                for _ in 0..rng.u8(1..=4) {
                    let real = self.real(rng, at);
                    self.servers[at].reals.extend(real);
                }
                let new = &self.servers[at];
                Some(format!("a virtual server: {} {}", new.address, new.port))
            }
            1 if self.servers.len() > SERVERS / 2 => {
                let gone = self.servers.remove(rng.usize(1..self.servers.len()));
                Some(format!("no virtual server {} {}", gone.address, gone.port))
            }
            2 => {
                let seconds = [300, 600, 900][rng.usize(..3)];
                let value = format!("tcp {seconds} tcpfin 60 udp 120");
                self.global.insert("lvs_timeouts", value);
                Some(format!("flows idle for {seconds} s"))
            }
            _ => None,
        }
    }

    fn edit_server(&mut self, rng: &mut Rng) -> Option<String> {
        let at = rng.usize(1..self.servers.len());
        let server = &mut self.servers[at];
        let name = format!("{} {}", server.address, server.port);
        match rng.u8(..5) {
            0 => server.scheduler = SCHEDULERS[rng.usize(..SCHEDULERS.len())],
            1 => server.method = METHODS[rng.usize(..METHODS.len())],
            2 => {
                server.protocol = if server.protocol == "TCP" {
                    "UDP"
                } else {
                    "TCP"
                }
            }
            _ => {
                let option = SERVER_OPTIONS[rng.usize(..SERVER_OPTIONS.len())];
                let word = option.split(' ').next().unwrap_or_default();
                if !server.options.remove(option) {
                    server.options.retain(|it| !it.starts_with(word));
                    server.options.insert(option);
                }
                return Some(format!("{name}: {:?}", server.options));
            }
        }
        Some(format!(
            "{name}: {} by {} {}",
            server.protocol, server.scheduler, server.method
        ))
    }

    fn edit_reals(&mut self, rng: &mut Rng) -> Option<String> {
        let at = rng.usize(..self.servers.len());
        let new = self.real(rng, at)?;
        let server = &mut self.servers[at];
        let name = format!("{} {}", server.address, server.port);
        let (one, other) = (
            rng.usize(..server.reals.len()),
            rng.usize(..server.reals.len()),
        );
        match rng.u8(..7) {
            0 => server.reals.push(new),
            1 if server.reals.len() > 1 => drop(server.reals.remove(one)),
            2 => server.reals[one].weight = rng.u8(0..=9),
            3 => server.reals[one].check = CHECKS[rng.usize(..CHECKS.len())],
            4 => server.reals.swap(one, other),
            5 => server.reals[one].address = new.address,
            6 => {
                let option = REAL_OPTIONS[rng.usize(..REAL_OPTIONS.len())];
                let word = option.split(' ').next().unwrap_or_default();
                let options = &mut server.reals[one].options;
                if !options.remove(option) {
                    options.retain(|it| !it.starts_with(word));
                    options.insert(option);
                }
            }
            _ => return None,
        }
        Some(format!("other real servers of {name}"))
    }
}

/// Whether an option of the name is there.
fn has(router: &Router, word: &str) -> bool {
    router.options.iter().any(|it| it.starts_with(word))
}
