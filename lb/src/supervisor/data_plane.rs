//! The data plane as the parent owns it: loaded once, attached where the configuration needs it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    path::PathBuf,
};

mod clients;

use self::clients::LocalClients;
use super::run_dir::RunDir;
use crate::{
    config::model::{
        Absorb, Config, DataPlane as Planes, ForwardMethod, InterfaceName, VrrpInstance,
        global::VmacMode, vrrp::Device,
    },
    io::{
        guard,
        netlink::Netlink,
        xdp::{self, LOOPBACK, Options, Pins, ReadMaps, VrrpMaps, XdpError},
    },
    mirror::room::{self, Room},
    observe::{log, status::DataPlaneStatus},
};

/// The loaded programs, or why there are none.
pub(super) struct DataPlane {
    pins: Pins,
    netlink: Netlink,
    loaded: Option<Loaded>,
    lacks: Vec<String>,
    interfaces: BTreeMap<InterfaceName, Attached>,
    /// Whether they are there for virtual servers, too.
    forwards: bool,
    /// Why others have none.
    refused: BTreeMap<InterfaceName, String>,
    clients: LocalClients,
}

/// An interface with programs. A link that is made anew under the same name has another index and none.
struct Attached {
    index: u32,
    is_generic: bool,
    mode: &'static str,
}

/// An interface that is to have the programs.
struct Wanted {
    index: u32,
    is_generic: bool,
    /// Id of the XDP program that is there, be it ours.
    program: Option<u32>,
    /// IPv4 real servers behind NAT are there.
    translates: bool,
}

struct Loaded {
    programs: xdp::DataPlane,
    maps: ReadMaps,
    kernel_heartbeat: bool,
}

impl DataPlane {
    /// Loads and pins the programs, or takes up those that an earlier daemon left. Without a data plane the daemon still
    /// elects and checks, and says what is lost.
    pub(super) fn load(run_dir: &RunDir, config: &Config) -> anyhow::Result<Self> {
        let netlink = Netlink::connect()?;
        let pins = run_dir.pins().clone();
        let mut lacks = Vec::new();
        let loaded = load(&pins, &options(config), &mut lacks).inspect_err(|error| {
            log::data_plane_missing(error);
            lacks.push(format!("{error:#}"));
        });
        Ok(Self {
            pins,
            netlink,
            loaded: loaded.ok(),
            lacks,
            interfaces: BTreeMap::new(),
            forwards: false,
            refused: BTreeMap::new(),
            clients: LocalClients::new(&run_dir.parent_settings()),
        })
    }

    /// Where the maps are pinned; `None` when nothing is loaded.
    pub(super) fn pins(&self) -> Option<PathBuf> {
        self.loaded
            .is_some()
            .then(|| self.pins.directory().to_owned())
    }

    /// Gates by address as an earlier daemon of this node gave them out; none where there was none.
    pub(super) fn gates_in_use(&self) -> BTreeMap<IpAddr, u32> {
        if self.loaded.is_none() {
            return BTreeMap::new();
        }
        let owned = VrrpMaps::open(&self.pins)
            .map_err(anyhow::Error::from)
            .and_then(|maps| guard::owned(&maps));
        owned.unwrap_or_else(|error| {
            log::data_plane_missing(&error);
            BTreeMap::new()
        })
    }

    /// Attaches the programs where `config` needs them and takes them away elsewhere. An interface that fails keeps the
    /// others working.
    pub(super) async fn attach(&mut self, config: &Config) {
        self.forwards = self.forwards_for(config);
        let wanted = match self.wanted(config).await {
            Ok(wanted) => wanted,
            Err(error) => return log::netlink_failed(&error),
        };
        let Some(loaded) = &mut self.loaded else {
            return;
        };
        for (name, wanted) in &wanted {
            let known = self.interfaces.get(name);
            if let Some(known) = known.filter(|known| known.index == wanted.index) {
                if known.is_generic == wanted.is_generic {
                    continue;
                }
                detach(&mut loaded.programs, name.as_str());
            }
            let attached = if wanted.is_generic {
                loaded.programs.attach_generic(name.as_str())
            } else {
                loaded.programs.attach(name.as_str())
            };
            match attached {
                Ok(mode) => {
                    let attached = Attached {
                        index: wanted.index,
                        is_generic: wanted.is_generic,
                        mode: mode.name(),
                    };
                    self.interfaces.insert(name.clone(), attached);
                    self.refused.remove(name);
                }
                Err(error) => {
                    self.interfaces.remove(name);
                    let why = refusal(name, wanted, error);
                    if self.refused.get(name) != Some(&why) {
                        tracing::error!("{why}");
                        self.refused.insert(name.clone(), why);
                    }
                }
            }
        }
        self.refused.retain(|name, _| wanted.contains_key(name));
        let unwanted = self
            .interfaces
            .extract_if(.., |name, _| !wanted.contains_key(name));
        for (name, _) in unwanted {
            detach(&mut loaded.programs, name.as_str());
        }
        let has_clients = self.forwards && config.global.data_plane_reach.local_clients;
        let towards = wanted.iter().filter(|(_, wanted)| wanted.translates);
        let towards = has_clients.then(|| towards.map(|(name, _)| name).collect());
        self.clients.adjust(&mut loaded.programs, towards);
    }

    /// The checker child says that a plane has left: XDP has no place any more where it was for virtual servers alone.
    pub(super) async fn handle_left(&mut self, config: &Config) {
        if self.forwards && !self.forwards_for(config) {
            self.attach(config).await;
        }
    }

    /// Whether the programs have virtual servers to serve: those of `config`, or flows of those that the maps have yet.
    fn forwards_for(&self, config: &Config) -> bool {
        let has_services = |loaded: &Loaded| loaded.maps.has_services();
        config.global.data_plane != Planes::Ipvs || self.loaded.as_ref().is_some_and(has_services)
    }

    /// Leaves out what only the data plane can do, where there is none, and says so.
    pub(super) fn supported(&self, mut config: Config) -> Config {
        if self.loaded.is_none() {
            let writes_macs = config.global.vrrp.vmac_mode == VmacMode::Bpf;
            config.vrrp_instances.retain(|instance| {
                if !accepts(instance) {
                    log::no_accept_unsupported(&instance.name);
                }
                let has_written_mac = writes_macs && wears_mac(instance);
                if has_written_mac {
                    log::vmac_mode_unsupported(&instance.name);
                }
                accepts(instance) && !has_written_mac
            });
        }
        config
    }

    /// Interfaces of virtual routers and addresses, and those towards real servers, with their indexes; those that exist.
    async fn wanted(&self, config: &Config) -> anyhow::Result<BTreeMap<InterfaceName, Wanted>> {
        let links = self.netlink.links().await?;
        let mut names = BTreeSet::new();
        let mut indexes = BTreeSet::new();
        let servers = if self.forwards {
            config.virtual_servers.as_slice()
        } else {
            &[]
        };
        for instance in config
            .vrrp_instances
            .iter()
            .filter(|_| !servers.is_empty() || guards_anything(config))
        {
            names.insert(&instance.interface);
            names.extend(instance.addresses.iter().map(|address| &address.interface));
            let unicast = instance.adverts.destination.unicast();
            for peer in unicast
                .filter(|_| instance.link.routed)
                .iter()
                .flat_map(|unicast| &unicast.peers)
            {
                indexes.extend(self.netlink.egress(peer.address).await?);
            }
        }
        if config.watches_bfd() {
            let neighbors = config.bfd_instances.iter().map(|it| it.neighbor);
            indexes.extend(self.netlink.egresses(neighbors.collect()).await?.values());
        }
        for address in self.netlink.addresses().await? {
            if servers
                .iter()
                .filter_map(|server| server.service.address())
                .any(|(virtual_address, _)| virtual_address == address.address)
            {
                // What comes for a macvlan or an ipvlan passes the interface below first.
                let link = links.iter().find(|link| link.index == address.index);
                let stacked = link.and_then(|link| link.stacked);
                indexes.insert(stacked.map_or(address.index, |stacked| stacked.lower));
            }
        }
        let real_servers = || servers.iter().flat_map(|server| &server.real_servers);
        let addresses = real_servers().map(|server| server.address).collect();
        let towards = self.netlink.egresses(addresses).await?;
        indexes.extend(towards.values());
        let translating: BTreeSet<_> = real_servers()
            .filter(|server| server.method == ForwardMethod::Nat && server.address.is_ipv4())
            .filter_map(|server| towards.get(&server.address))
            .collect();
        if self.forwards {
            names.extend(&config.global.data_plane_reach.interfaces);
        }
        let wanted = links
            .iter()
            .filter(|link| names.contains(&link.name) || indexes.contains(&link.index))
            .filter(|link| link.name.as_str() != LOOPBACK);
        // A veth says whom a packet is for before native XDP sees it, and does not take that back: virtual MACs are
        // turned back in generic mode there.
        let writes_macs = config.global.vrrp.vmac_mode == VmacMode::Bpf;
        let wanted = wanted.map(|link| {
            let wanted = Wanted {
                index: link.index,
                is_generic: link.is_veth && writes_macs,
                program: link.xdp_program,
                translates: translating.contains(&link.index),
            };
            (link.name.clone(), wanted)
        });
        Ok(wanted.collect())
    }

    /// Whether the kernel has leases, which tell a daemon that takes over who is MASTER.
    pub(super) fn has_leases(&self) -> bool {
        let loaded = self.loaded.as_ref();
        loaded.is_some_and(|loaded| loaded.kernel_heartbeat)
    }

    /// What the status shows.
    pub(super) fn status(&self) -> DataPlaneStatus {
        let counters = self
            .loaded
            .as_ref()
            .and_then(|loaded| loaded.maps.all_counters().ok());
        DataPlaneStatus {
            loaded: self.loaded.is_some(),
            kernel_heartbeat: self.has_leases(),
            pins: self.pins.directory().display().to_string(),
            lacks: self
                .lacks
                .iter()
                .chain(self.refused.values())
                .chain(self.clients.lacks())
                .cloned()
                .collect(),
            interfaces: self
                .interfaces
                .iter()
                .map(|(name, attached)| (name.to_string(), attached.mode.to_owned()))
                .chain(self.clients.status())
                .collect(),
            counters: counters
                .into_iter()
                .flatten()
                .map(|(counter, value)| (counter.name().to_owned(), value))
                .collect(),
        }
    }

    /// Takes the programs off every interface and unpins everything: the last act of an orderly stop.
    pub(super) fn remove(mut self) {
        self.clients.forget();
        let Some(loaded) = &mut self.loaded else {
            return;
        };
        self.clients.leave(&mut loaded.programs);
        // Before tcx a filter is there until somebody takes it off.
        for name in self.interfaces.keys() {
            detach(&mut loaded.programs, name.as_str());
        }
        if let Err(error) = xdp::DataPlane::remove(&self.pins) {
            log::detach_failed(&error.into());
        }
    }
}

fn detach(programs: &mut xdp::DataPlane, interface: &str) {
    if let Err(error) = programs.detach(interface) {
        log::detach_failed(&error.into());
    }
}

/// Why an interface has no programs.
fn refusal(name: &InterfaceName, wanted: &Wanted, error: XdpError) -> String {
    match wanted.program.filter(|_| error.is_occupied()) {
        Some(id) => {
            let program = xdp::DataPlane::name_of(id).unwrap_or_default();
            log::occupied(name.as_str(), &program, id)
        }
        None => log::attach_failed(name.as_str(), &error.into()),
    }
}

/// Whether the data plane has a part in virtual routers beside forwarding by their gates: absorbing, fencing or refusing.
fn guards_anything(config: &Config) -> bool {
    let vrrp = &config.global.vrrp;
    vrrp.xdp == Absorb::Auto || vrrp.fence || !config.vrrp_instances.iter().all(accepts)
}

/// Whether the MASTER takes packets to its addresses, as it always does when it owns them.
const fn accepts(instance: &VrrpInstance) -> bool {
    instance.election.accept || instance.priority.is_owner()
}

/// Whether an address of it has a virtual MAC.
fn wears_mac(instance: &VrrpInstance) -> bool {
    matches!(instance.link.device, Device::Vmac(_))
        || instance.link.vmac_for_addresses
        || instance.all_lines().any(|line| line.options.use_vmac)
}

/// Maps with room for `config`.
fn options(config: &Config) -> Options {
    Options::with_room(&Room::made(config), room::flows(config)).or_pinned(&Room::needed(config))
}

fn load(pins: &Pins, options: &Options, lacks: &mut Vec<String>) -> anyhow::Result<Loaded> {
    let (programs, capabilities) = xdp::DataPlane::load(pins, options)?;
    if !capabilities.timers {
        lacks.push("no BPF timers: heartbeat in userspace, no lease fencing".to_owned());
    }
    Ok(Loaded {
        programs,
        maps: ReadMaps::open(pins)?,
        kernel_heartbeat: capabilities.timers,
    })
}
