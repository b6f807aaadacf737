//! Live connections while XDP comes and goes beside IPVS: each has one owner for life, and none breaks.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use lb::{
    io::xdp::{Pins, ReadMaps},
    mirror::{displaced::Flow, plan::front},
    pool::unmapped,
};
use serde_json::Value;
use tests::{
    daemon::lb,
    echo::{ECHO, Echo, TUNNELLED, decapsulate, serve},
};
use xtask::lab::{plan::VIRTUAL_ADDRESSES, traffic::ConnectionPool};

use super::{Director, patience};

/// Connections that one plane has to each service.
const CONNECTIONS: usize = 50;
/// The same of those that begin later.
const FEW: usize = 10;
/// From byte to byte on each.
const PERIOD: Duration = Duration::from_millis(100);

/// Every method in both families.
const SERVICES: [Echo; 6] = [
    Echo::DIRECT_V4,
    Echo::DIRECT_V6,
    Echo::NAT_V4,
    Echo::NAT_V6,
    Echo::TUNNEL_V4,
    Echo::TUNNEL_V6,
];

const XDP: &str = "XDP";
const IPVS: &str = "IPVS";

/// The file with this `data_plane` and as many servers as there are weights.
fn text(data_plane: &str, weights: &[u8]) -> String {
    let services = SERVICES.map(|echo| echo.text(weights)).concat();
    format!(
        "global_defs {{\nrouter_id ipvs\ndata_plane {data_plane}\ndata_plane_flows 16384\nlvs_timeouts tcpfin 2\n}}\n{services}"
    )
}

/// Connections by client and virtual server.
type Connections = BTreeSet<(SocketAddr, SocketAddr)>;

/// Connections that began at the same time, and so have the same owner.
struct Crowd {
    owner: &'static str,
    pools: [(Echo, ConnectionPool); SERVICES.len()],
}

impl Crowd {
    fn open(director: &Director, owner: &'static str, count: usize) -> Self {
        let open = |echo: Echo| {
            let to = SocketAddr::new(echo.address, echo.port);
            let pool = ConnectionPool::open_every(director.lab.client(), to, count, PERIOD);
            let pool = pool
                .unwrap_or_else(|error| panic!("{echo:?}: {error:#}\n{}", director.everything()));
            (echo, pool)
        };
        Self {
            owner,
            pools: SERVICES.map(open),
        }
    }

    fn connections(&self) -> Connections {
        let each = self.pools.iter().flat_map(|(echo, pool)| {
            let front = SocketAddr::new(echo.address, echo.port);
            pool.clients().iter().map(move |client| (*client, front))
        });
        each.collect()
    }

    /// Waits until every connection has had two answers more.
    fn goes_on(&self, director: &Director, when: &str) {
        let before = self.pools.each_ref().map(|(_, pool)| pool.rounds());
        let start = Instant::now();
        for ((echo, pool), before) in self.pools.iter().zip(before) {
            while pool.rounds() < before + 2 && pool.broken() == 0 && start.elapsed() < patience() {
                thread::sleep(Duration::from_millis(20));
            }
            assert!(
                pool.broken() == 0 && pool.rounds() >= before + 2,
                "{when}: {echo:?} of {}: broken {:?}, {} rounds after {before}\n{}",
                self.owner,
                pool.why_broken(),
                pool.rounds(),
                director.everything()
            );
        }
    }

    /// Ends the connections, of which none is broken.
    fn end(self, director: &Director) {
        for (echo, pool) in self.pools {
            let count = pool.clients().len();
            let report = pool.finish().unwrap();
            println!(
                "{} {:?}: {count} connections of {}, {} bytes exchanged, longest wait {:?}",
                echo.address, report.owners, self.owner, report.exchanged, report.longest_wait
            );
            let log = || director.everything();
            assert_eq!(report.broken, Vec::<String>::new(), "{echo:?}\n{}", log());
            assert_eq!(report.owners.values().sum::<usize>(), count);
        }
    }
}

impl Director {
    /// The connections that IPVS has.
    fn ipvs_connections(&self) -> Connections {
        let text = self.ipvsadm(&["-Lnc"]);
        let parse = |line: &str| {
            let mut words = line.split_whitespace().skip(3);
            let (client, front) = (words.next()?, words.next()?);
            Some((client.parse().ok()?, front.parse().ok()?))
        };
        text.lines().filter_map(parse).collect()
    }

    /// The connections that XDP has.
    fn xdp_connections(&self) -> Connections {
        let maps = ReadMaps::open(&Pins::new(self.lab.director(1).pins())).unwrap();
        let services = maps.services.iter().map(|found| {
            let (key, value) = found.unwrap();
            let front = front(&key).unwrap();
            (value.id, SocketAddr::new(front.address, front.port))
        });
        let services: BTreeMap<u32, SocketAddr> = services.collect();
        let mut connections = Connections::new();
        let see = |flow: Flow| {
            let client = SocketAddr::new(unmapped(flow.client), u16::from_be_bytes(flow.port));
            let front = services.get(&flow.service);
            connections.extend(front.map(|front| (client, *front)));
        };
        maps.each_flow(see).unwrap();
        connections
    }

    /// Waits until every service is at these planes alone, of which one may be leaving, with all its real servers up, and XDP is on an
    /// interface or on none.
    fn wait_for(&self, planes: &[&str], leaving: Option<&str>) {
        let has_xdp = planes.contains(&XDP);
        self.until(&format!("{planes:?}, leaving {leaving:?}"), |status| {
            let services = status["services"].as_array();
            let is_so = |service: &Value| {
                let mut real_servers = service["real_servers"].as_array().unwrap().iter();
                service["planes"] == Value::from(planes)
                    && service["leaving"] == Value::from(leaving)
                    && real_servers.all(|server| server["up"] == true)
            };
            let interfaces = status["data_plane"]["interfaces"].as_object();
            services.is_some_and(|services| {
                services.len() == SERVICES.len() && services.iter().all(is_so)
            }) && interfaces.is_some_and(|interfaces| interfaces.is_empty() != has_xdp)
        });
    }

    /// Every connection goes on, and the plane that had it has it, alone.
    fn check(&self, crowds: &[&Crowd], when: &str) {
        for crowd in crowds {
            crowd.goes_on(self, when);
        }
        let (ipvs, xdp) = (self.ipvs_connections(), self.xdp_connections());
        for crowd in crowds {
            let (own, other) = match crowd.owner {
                XDP => (&xdp, &ipvs),
                _ => (&ipvs, &xdp),
            };
            for connection in crowd.connections() {
                assert!(
                    own.contains(&connection) && !other.contains(&connection),
                    "{when}: {connection:?} is {}'s alone\nIPVS: {ipvs:?}\nXDP: {xdp:?}\n{}",
                    crowd.owner,
                    self.everything()
                );
            }
        }
        println!(
            "{when}: {} connections in IPVS, {} in XDP",
            ipvs.len(),
            xdp.len()
        );
    }

    /// Kills the checker child and waits for the next.
    fn kill_child(&self) {
        let killed = self.lab.director(1).kill9_children().unwrap();
        self.poll("another child", || {
            let pids = self.lab.director(1).children();
            let is_new = pids.len() == killed.len() && pids != killed;
            if is_new { Ok(()) } else { Err(pids) }
        });
    }
}

#[test]
fn every_connection_has_one_owner_for_life_while_planes_come_and_go() {
    let director = Director::new(false);
    let _echo = [ECHO, TUNNELLED].map(|port| serve(&director.lab, port));
    decapsulate(&director.lab);
    let running = director.lab.director(1);
    let addresses = VIRTUAL_ADDRESSES.map(|address| {
        let nodad = if address.contains(':') { " nodad" } else { "" };
        format!("address add {address} dev eth0{nodad}\n")
    });
    running.namespace().ip(&addresses.concat()).unwrap();

    running.start(&lb(), text("ipvs", &[1, 1])).unwrap();
    director.wait_for(&[IPVS], None);
    let first = Crowd::open(&director, IPVS, CONNECTIONS);
    director.check(&[&first], "IPVS alone");

    running.reload(text("auto", &[1, 1])).unwrap();
    director.wait_for(&[XDP, IPVS], None);
    let second = Crowd::open(&director, XDP, CONNECTIONS);
    director.check(&[&first, &second], "XDP beside it");

    running.reload(text("auto", &[0, 5, 1])).unwrap();
    director.until("the third server is there", |status| {
        let mut services = status["services"].as_array().unwrap().iter();
        services.all(|service| service["real_servers"][2]["up"] == true)
    });
    let third = Crowd::open(&director, XDP, FEW);
    director.check(
        &[&first, &second, &third],
        "other weights and one more server",
    );

    running.reload(text("ipvs", &[1, 5, 1])).unwrap();
    director.wait_for(&[XDP, IPVS], Some(XDP));
    let fourth = Crowd::open(&director, IPVS, FEW);
    director.kill_child();
    director.wait_for(&[XDP, IPVS], Some(XDP));
    director.check(&[&first, &second, &third, &fourth], "XDP leaves");
    second.end(&director);
    third.end(&director);
    director.wait_for(&[IPVS], None);
    director.check(&[&first, &fourth], "XDP has left");

    running.reload(text("xdp", &[1, 5, 1])).unwrap();
    director.wait_for(&[XDP, IPVS], Some(IPVS));
    let fifth = Crowd::open(&director, XDP, FEW);
    director.kill_child();
    director.wait_for(&[XDP, IPVS], Some(IPVS));
    director.check(&[&first, &fourth, &fifth], "IPVS leaves");
    first.end(&director);
    fourth.end(&director);
    director.wait_for(&[XDP], None);
    assert_eq!(director.table(), Vec::<String>::new());
    director.check(&[&fifth], "IPVS has left");
    fifth.end(&director);
    let log = running.log();
    for (line, count) in [
        (
            "XDP leaves: it goes on with the flows that it has in 6 virtual servers",
            2,
        ),
        ("XDP has left: ", 1),
        (
            "IPVS leaves: it goes on with the flows that it has in 6 virtual servers",
            2,
        ),
        ("IPVS has left: ", 1),
    ] {
        assert_eq!(log.matches(line).count(), count, "{line}\n{log}");
    }
    running.stop().unwrap();
}
