//! An operator asks a virtual router to yield, and takes that back.

use std::{
    thread,
    time::{Duration, Instant},
};

use xtask::lab::{
    Node, Options, Template,
    probe::{ArpProbe, Mac, PingProbe},
};

use crate::arena::{Arena, VIRTUAL, lb};

/// From the word of the one that goes to the first of its successor: the skew of priority 100, and room for a busy
/// machine.
const HAND_OVER: Duration = Duration::from_millis(100);
/// Three master-down intervals: who has not come back by then does not.
const LONG: Duration = Duration::from_millis(1100);

/// Director 1's address, on IPv4, as the switch sees it.
const FIRST: Mac = Mac([2, 0, 0, 0, 0, 0x11]);
const SECOND: Mac = Mac([2, 0, 0, 0, 0, 0x12]);

fn is_front(snapshot: &serde_json::Value) -> bool {
    snapshot["name"] == "front4"
}

#[test]
fn a_master_yields_at_once_stays_away_and_comes_back_when_released() {
    let arena = Arena::new(Options { servers: false });
    arena.start([&lb(), &lb()], Template::director);
    arena.wait_for_master(1);
    let owners = ArpProbe::start(arena.switch(), VIRTUAL).unwrap();
    let pings = PingProbe::start(arena.client(), VIRTUAL).unwrap();
    thread::sleep(Duration::from_millis(300));

    let asked = Instant::now();
    let words = ["vrrp", "yield", "front4", "--for", "5m"];
    let answer = arena.director(1).lb(&words).unwrap();
    assert!(
        answer.contains("handing over; BACKUP for 5 min or until `lb vrrp release front4`"),
        "{answer}"
    );
    arena.wait_for_master(2);
    let adverts = arena.adverts.since(asked);
    let [from_1, from_2] = [1, 2].map(|number| Node::Director(number).front_v4());
    let farewell = adverts
        .iter()
        .find(|advert| advert.source == from_1 && advert.priority == 0);
    let successor = adverts.iter().find(|advert| advert.source == from_2);
    let (farewell, successor) = farewell.zip(successor).unwrap();
    let took = successor.at - farewell.at;
    assert!(took < HAND_OVER, "{took:?}\n{}", arena.logs());

    thread::sleep(LONG);
    let settled = Instant::now();
    assert!(
        arena
            .adverts
            .since(successor.at)
            .iter()
            .all(|advert| advert.source == from_2),
        "nobody comes back by itself"
    );
    arena.wait_for_status(1, "it says that it yields", |status| {
        let instances = status["instances"].as_array().unwrap().iter();
        instances.filter(|i| is_front(i)).all(|i| {
            i["state"] == "BACKUP"
                && i["yielding"] == true
                && i["yields_for"].as_f64().is_some_and(|s| s > 200.0)
        })
    });
    let table = arena.director(1).lb(&["status"]).unwrap();
    assert!(table.contains("yields by request, for 4m5"), "{table}");

    let answer = arena
        .director(1)
        .lb(&["vrrp", "release", "front4"])
        .unwrap();
    assert!(answer.contains("yields no longer"), "{answer}");
    arena.wait_for_master(1);
    thread::sleep(Duration::from_millis(300));

    let gap = pings.finish().unwrap().longest_gap(asked).unwrap();
    let owners = owners.finish().unwrap();
    println!("hand-over {took:?}, gap {:?}", gap.length());
    assert_eq!(owners.dual_owner(asked), Duration::ZERO, "{}", arena.logs());
    assert_eq!(owners.owners(asked), [FIRST, SECOND].into());
    assert!(owners.owners(settled).contains(&FIRST));
    assert!(
        gap.ended && gap.length() < HAND_OVER,
        "{gap:?}\n{}",
        arena.logs()
    );
    for line in [
        "(front4) Yielding by request for 5 min",
        "(front4) Entering BACKUP STATE (handed over)",
        "(front4) Yielding no longer (released)",
    ] {
        let log = arena.director(1).log();
        assert_eq!(log.matches(line).count(), 1, "{line}\n{log}");
    }
}

#[test]
fn who_does_not_exist_cannot_yield_and_the_last_one_stays() {
    let arena = Arena::new(Options { servers: false });
    let director = arena.director(1);
    director.start(&lb(), Template::director(1).text()).unwrap();
    arena.wait_for_master(1);
    for command in ["yield", "release"] {
        let error = director.lb(&["vrrp", command, "frond4"]).unwrap_err();
        let error = format!("{error:#}");
        assert!(
            error.contains("there is no vrrp_instance `frond4`; did you mean `front4`?"),
            "{error}"
        );
    }
    let asked = Instant::now();
    director.lb(&["vrrp", "yield", "front4"]).unwrap();
    arena.wait_for_master(1);
    let adverts = arena.adverts.since(asked);
    assert!(adverts.iter().any(|advert| advert.priority == 0));
    arena.wait_for_status(1, "it does not yield to nobody", |status| {
        let instances = status["instances"].as_array().unwrap().iter();
        instances
            .filter(|i| is_front(i))
            .all(|i| i["state"] == "MASTER" && i["yielding"] == false)
    });
    assert!(
        director
            .log()
            .contains("(front4) Yielding no longer (nobody took over)"),
        "{}",
        arena.logs()
    );
}
