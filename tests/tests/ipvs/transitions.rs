//! Every state of the kernel's table while real servers come and go, the quorum is lost and gained, and files change: no service that
//! has somebody to serve it is ever without.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use lb::{io::ipvs::Ipvs, ipvs::ServiceKey};
use tests::daemon;

use super::{Director, file};

/// Between two looks at the table.
const LOOK: Duration = Duration::from_millis(1);

/// A virtual server with a sorry server, whose three real servers have these weights.
fn service(weights: [u32; 3], inhibit: &str) -> String {
    let reals: String = (21..24)
        .zip(weights)
        .map(|(host, weight)| {
            format!(
                "real_server 192.0.2.{host} 80 {{\nweight {weight}\nTCP_CHECK {{\nconnect_timeout 2\n}}\n}}\n"
            )
        })
        .collect();
    file(&format!(
        "virtual_server 192.0.2.100 80 {{\ndelay_loop 1\nlb_algo rr\nlb_kind DR\nprotocol TCP\nquorum 2\n{inhibit}\n\
         sorry_server 192.0.2.99 80\n{reals}}}\n"
    ))
}

/// What serves at a moment: of each service, real servers and their weights.
type State = BTreeMap<ServiceKey, Vec<String>>;

/// What the poller saw: states of the table, one after the other and since when, and how often it looked.
pub(crate) struct Seen {
    pub(crate) states: Vec<State>,
    pub(crate) since: Vec<Instant>,
    looks: u64,
}

/// Looks at the table until it is told not to.
pub(crate) fn poll(
    director: &Director,
    over: &Arc<AtomicBool>,
) -> JoinHandle<anyhow::Result<Seen>> {
    let over = Arc::clone(over);
    let namespace = director.lab.director(1).namespace();
    let work = move || {
        let mut ipvs = Ipvs::open()?.expect("this kernel has IPVS");
        let mut seen = Seen {
            states: Vec::new(),
            since: Vec::new(),
            looks: 0,
        };
        while !over.load(Ordering::Relaxed) {
            let table = ipvs.table(|_| true)?;
            let services = table.services.into_iter();
            let state: State = services
                .map(|(key, entry)| {
                    let serving = entry.dests.iter().filter(|(_, dest)| dest.weight > 0);
                    let names = serving.map(|(key, dest)| format!("{key} {}", dest.weight));
                    (key, names.collect())
                })
                .collect();
            if seen.states.last() != Some(&state) {
                seen.states.push(state);
                seen.since.push(Instant::now());
            }
            seen.looks += 1;
            thread::sleep(LOOK);
        }
        Ok(seen)
    };
    namespace.thread("poll", work).unwrap()
}

#[test]
fn no_service_is_ever_without_whoever_serves_it() {
    let director = Director::new(true);
    let running = director.lab.director(1);
    running
        .start(&daemon::lb(), service([1, 1, 1], ""))
        .unwrap();
    let serves = |count: usize| {
        move |table: &[String]| {
            let serving = table
                .iter()
                .filter(|line| line.starts_with("-a") && !line.ends_with("-w 0"));
            serving.count() == count
        }
    };
    let has_sorry = |table: &[String]| table.iter().any(|line| line.contains("192.0.2.99"));
    director.settled("all three serve", serves(3));
    let over = Arc::new(AtomicBool::new(false));
    let poller = poll(&director, &over);
    director.lab.server(1).stop().unwrap();
    director.settled("two serve", serves(2));
    director.lab.server(2).stop().unwrap();
    director.settled("the sorry server serves", |table| {
        serves(1)(table) && has_sorry(table)
    });
    director.lab.server(1).start().unwrap();
    director.lab.server(2).start().unwrap();
    director.settled("all three again", serves(3));
    running.reload(service([1, 5, 2], "")).unwrap();
    director.settled("other weights", |table| {
        table.iter().any(|line| line.ends_with("-w 5"))
    });
    running
        .reload(service([1, 5, 2], "inhibit_on_failure"))
        .unwrap();
    director.lab.server(3).stop().unwrap();
    let inhibits = |table: &[String]| table.iter().any(|line| line.ends_with("-w 0"));
    director.settled("who fails keeps his place", |table| {
        serves(2)(table) && inhibits(table)
    });
    director.lab.server(3).start().unwrap();
    director.settled("all three in the end", serves(3));
    over.store(true, Ordering::Relaxed);
    let seen = poller.join().unwrap().unwrap();
    let [first, rest @ ..] = &seen.states[..] else {
        panic!("nothing was seen");
    };
    for state in rest {
        for key in first.keys() {
            assert!(
                state.get(key).is_some_and(|dests| !dests.is_empty()),
                "{:#?}",
                seen.states
            );
        }
    }
    println!("{} looks, states of the table:", seen.looks);
    for dests in seen.states.iter().flat_map(BTreeMap::values) {
        println!("  {}", dests.join(", "));
    }
    running.stop().unwrap();
}
