//! The sync daemon: threads as keepalived has them, and what they are for.

use std::{net::SocketAddr, thread, time::Duration};

use tests::daemon::lb;
use xtask::lab::{
    Daemon, Node, Template,
    plan::DR_V4,
    probe::AdvertWatch,
    traffic::{ConnectionPool, EchoServer},
};

use super::{Director, patience};

/// Options, the role of the instance and whether one is named.
const CASES: &[(&str, &str, bool)] = &[
    ("lvs_sync_daemon eth0 front4", "BACKUP", true),
    (
        "lvs_sync_daemon eth0 front4 id 7 maxlen 1200 port 9000 ttl 5 group ff02::82",
        "MASTER",
        true,
    ),
    ("lvs_sync_daemon eth0", "", false),
];

/// One that is MASTER soon has priority 255; one that is to be BACKUP hears of none, and waits long.
fn file(daemon: &str, role: &str) -> String {
    let priority = if role == "MASTER" {
        "priority 255\nadvert_int 1"
    } else {
        "priority 1\nadvert_int 40"
    };
    let instance = format!(
        "vrrp_instance front4 {{\nstate BACKUP\ninterface eth0\nvirtual_router_id 51\n{priority}\n\
         virtual_ipaddress {{\n192.0.2.100\n}}\n}}\n"
    );
    let server = "virtual_server 192.0.2.100 80 {\nlb_algo rr\nlb_kind DR\nprotocol TCP\nreal_server 192.0.2.21 80 {\n}\n}\n";
    let blocks = if role.is_empty() { server } else { &instance };
    super::file(&format!(
        "global_defs {{\nvrrp_version 3\n{daemon}\n}}\n{blocks}"
    ))
}

impl Director {
    /// What `ipvsadm` says of the threads, once that holds.
    fn threads(&self, what: &str, holds: impl Fn(&str) -> bool) -> String {
        self.poll(what, || {
            let threads = self.ipvsadm(&["-L", "-n", "--daemon"]);
            if holds(&threads) {
                Ok(threads)
            } else {
                Err(threads)
            }
        })
    }
}

#[test]
fn the_sync_daemon_is_the_one_that_keepalived_starts_and_follows_its_instance() {
    let director = Director::new(false);
    let running = director.lab.director(1);
    for (daemon, role, has_instance) in CASES {
        let keepalived = if *has_instance {
            Daemon::Keepalived
        } else {
            Daemon::KeepalivedCheckers
        };
        let is_there = |text: &str| match *role {
            "MASTER" => text.contains("master") && !text.contains("backup"),
            "BACKUP" => text.contains("backup") && !text.contains("master"),
            _ => text.contains("master") && text.contains("backup"),
        };
        running.start(&keepalived, file(daemon, role)).unwrap();
        let expected = director.threads(&format!("keepalived, {daemon}"), is_there);
        running.stop().unwrap();
        director.threads("keepalived ends", str::is_empty);
        running.start(&lb(), file(daemon, role)).unwrap();
        director.threads(&format!("{daemon}, keepalived has {expected}"), |text| {
            text == expected
        });
        if *role == "BACKUP" {
            director.ipvsadm(&["--stop-daemon", "backup"]);
            director.threads("what is stopped by hand runs again", |text| {
                text == expected
            });
        }
        running.stop().unwrap();
        director.threads("lb ends", str::is_empty);
    }
}

#[test]
fn the_other_director_knows_the_connections_and_goes_on_with_them() {
    let director = Director::new(true);
    let lab = &director.lab;
    let servers: Vec<EchoServer> = (1..4u8)
        .map(|number| {
            let namespace = lab.server(usize::from(number)).namespace();
            EchoServer::start(namespace, 7, &[DR_V4], number).unwrap()
        })
        .collect();
    let adverts = AdvertWatch::start(lab.switch()).unwrap();
    let reals: String = (21..24)
        .map(|host| format!("real_server 192.0.2.{host} 7 {{\nweight 1\n}}\n"))
        .collect();
    for number in [1, 2] {
        let template = Template {
            more: format!(
                "global_defs {{\ndata_plane ipvs\nlvs_sync_daemon eth0 front4\n}}\n\
                 virtual_server 192.0.2.100 7 {{\nlb_algo rr\nlb_kind DR\nprotocol TCP\n{reals}}}\n"
            ),
            ..Template::director(number)
        };
        lab.director(number.into())
            .start(&lb(), template.text())
            .unwrap();
    }
    let master = Node::Director(1).front_v4();
    adverts.wait_for_master(master, patience()).unwrap();
    director.settled("everybody serves", |table| {
        let serving = table
            .iter()
            .filter(|line| line.starts_with("-a -t 192.0.2.100:7 "));
        serving.count() == 3
    });
    director.threads("the master tells", |text| text.contains("master"));
    let pool = ConnectionPool::open(lab.client(), SocketAddr::new(DR_V4, 7), 30).unwrap();
    let second = lab.director(2).namespace();
    let known = || {
        let connections = second.command("ipvsadm", &["-L", "-n", "-c"]).unwrap();
        let known = connections
            .lines()
            .filter(|line| line.contains("192.0.2.100:7"));
        known.count()
    };
    director.poll("all thirty are known", || match known() {
        30.. => Ok(()),
        fewer => Err((fewer, lab.director(2).log())),
    });
    lab.director(1).power_off().unwrap();
    let successor = Node::Director(2).front_v4();
    adverts.wait_for_master(successor, patience()).unwrap();
    thread::sleep(Duration::from_secs(3));
    let report = pool.finish().unwrap();
    println!(
        "{} bytes exchanged, longest wait {:?}",
        report.exchanged, report.longest_wait
    );
    assert_eq!(
        report.broken,
        Vec::<String>::new(),
        "{}",
        lab.director(2).log()
    );
    assert_eq!(servers.len(), 3);
    lab.director(2).stop().unwrap();
}
