//! The lab itself, with Debian's keepalived: what the other tests stand on.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use xtask::lab::{
    Daemon, Lab, Node, Options,
    probe::{ArpProbe, Mac, PingProbe},
};

use crate::arena::Arena;

const VIP: std::net::Ipv4Addr = std::net::Ipv4Addr::new(192, 0, 2, 100);

#[test]
fn keepalived_fails_over_within_its_master_down_interval() {
    let arena = Arena::settled(
        [&Daemon::Keepalived, &Daemon::Keepalived],
        Options { servers: false },
    );
    let pings = PingProbe::start(arena.client(), VIP).unwrap();
    let owners = ArpProbe::start(arena.switch(), VIP).unwrap();
    std::thread::sleep(Duration::from_millis(200));

    let advert = arena
        .adverts
        .next_from(Node::Director(1).front_v4(), Duration::from_secs(1))
        .unwrap();
    arena.director(1).power_off().unwrap();
    let off = Instant::now();
    arena.wait_for_master(2);

    let pings = pings.finish().unwrap();
    let owners = owners.finish().unwrap();
    let gap = pings.longest_gap(advert.at).unwrap().length().as_millis();
    println!(
        "gap {gap} ms, killed {:?} after an advert, {} of {} pings, owners after: {:?}",
        off - advert.at,
        pings.answered(),
        pings.sent(),
        owners.owners(off)
    );
    assert!((340..420).contains(&gap), "{gap} ms\n{}", arena.logs());
    assert_eq!(owners.dual_owner(off), Duration::ZERO);
    assert!(owners.owners(off).contains(&Mac([2, 0, 0, 0, 0, 0x12])));
}

#[test]
fn a_dropped_lab_leaves_nothing_behind() {
    let (name, work) = {
        let lab = Lab::start(Options { servers: true }).unwrap();
        (lab.name().to_owned(), lab.work().to_owned())
    };
    let left: Vec<_> = std::fs::read_dir("/run/netns")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|namespace| namespace.starts_with(&format!("{name}-")))
        .collect();
    assert_eq!(left, Vec::<String>::new());
    assert!(!work.exists(), "{}", work.display());
    assert!(!Path::new("/run/lb-lab").join(name).exists());
}
