//! IPVS in the kernel, as `ipvsadm` sees it: after `lb` what is there after Debian's keepalived with the same file; and traffic through it,
//! alone and beside XDP. Runs in the virtual machine of the tier `vm`, whose kernel has IPVS.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a panic is how a test fails, and it prints what it measured"
)]

mod cases;
mod elsewhere;
mod recorded;
mod slow_start;
mod sync;
mod traffic;
mod transitions;

use std::{
    fmt::Debug,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tests::daemon::lb;
use xtask::lab::{Daemon, Lab, Options, slowness};

use self::cases::{CASES, SERVICES};

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// How long a daemon may take to start and to make its table.
fn patience() -> Duration {
    Duration::from_secs(10) * slowness()
}

struct Director {
    lab: Lab,
    _alone: MutexGuard<'static, ()>,
}

impl Director {
    fn new(servers: bool) -> Self {
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let lab = Lab::start(Options { servers }).unwrap();
        let director = Self { lab, _alone: alone };
        assert_eq!(director.table(), Vec::<String>::new(), "an empty table");
        director
    }

    fn ipvsadm(&self, arguments: &[&str]) -> String {
        let namespace = self.lab.director(1).namespace();
        namespace.command("ipvsadm", arguments).unwrap()
    }

    /// The table, a line for each service and each dest, and the rules that mark packets for it, sorted.
    fn table(&self) -> Vec<String> {
        self.table_of(1)
    }

    /// The same of the first or the second director's namespace.
    fn table_of(&self, number: usize) -> Vec<String> {
        let namespace = self.lab.director(number).namespace();
        let rules = namespace.command("nft", &["list", "ruleset"]).unwrap();
        let text = namespace.command("ipvsadm", &["-Sn"]).unwrap() + &rules;
        let mut lines: Vec<String> = text.lines().map(|line| line.trim().to_owned()).collect();
        lines.sort();
        lines
    }

    /// Looks until there is something good; what there is instead is told in the end.
    fn poll<T, E: Debug>(&self, what: &str, look: impl Fn() -> Result<T, E>) -> T {
        let start = Instant::now();
        loop {
            match look() {
                Ok(found) => return found,
                Err(found) if start.elapsed() >= patience() => {
                    let patience = patience();
                    panic!(
                        "not within {patience:?}: {what}: {found:#?}\n{}",
                        self.everything()
                    )
                }
                Err(_) => thread::sleep(Duration::from_millis(100)),
            }
        }
    }

    /// Waits until the status is what `holds` wants.
    fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) {
        self.poll(what, || match self.lab.director(1).status() {
            Ok(status) if holds(&status) => Ok(()),
            status => Err(status),
        });
    }

    /// What there is to know when something goes wrong.
    fn everything(&self) -> String {
        let table = self.ipvsadm(&["-Ln"]);
        format!("{table}\n{}", self.lab.director(1).log())
    }

    /// Waits until the table is what `holds` wants, and stays so for a while.
    fn settled(&self, what: &str, holds: impl Fn(&[String]) -> bool) -> Vec<String> {
        let start = Instant::now();
        let mut last = self.table();
        let mut same = 0;
        while start.elapsed() < patience() {
            thread::sleep(Duration::from_millis(200));
            let table = self.table();
            same = if table == last { same + 1 } else { 0 };
            last = table;
            if same >= 5 && holds(&last) {
                return last;
            }
        }
        panic!("{what}: {last:#?}\n{}", self.lab.director(1).log());
    }
}

fn file(blocks: &str) -> String {
    format!("global_defs {{\nrouter_id ipvs\ndata_plane ipvs\ndata_plane_flows 1024\n}}\n{blocks}")
}

#[test]
fn every_table_is_the_one_that_keepalived_makes_and_each_reload_leads_to_it() {
    let director = Director::new(false);
    let mut expected = Vec::new();
    for (name, blocks) in CASES {
        let running = director.lab.director(1);
        running
            .start(&Daemon::KeepalivedCheckers, file(blocks))
            .unwrap();
        expected.push(director.settled(name, |table| !table.is_empty()));
        running.stop().unwrap();
        director.ipvsadm(&["-C"]);
    }
    let running = director.lab.director(1);
    for (number, ((name, blocks), expected)) in CASES.iter().zip(&expected).enumerate() {
        if number == 0 {
            running.start(&lb(), file(blocks)).unwrap();
        } else {
            running.reload(file(blocks)).unwrap();
        }
        let same = |table: &[String]| table == expected.as_slice();
        director.settled(&format!("{name}, keepalived has {expected:#?}, lb"), same);
    }
    running.stop().unwrap();
    assert_eq!(director.table(), Vec::<String>::new(), "nothing is left");
}

#[test]
fn what_fails_goes_what_recovers_comes_and_what_is_removed_by_hand_is_put_back() {
    let director = Director::new(true);
    let foreign = "-A -t 203.0.113.9:9 -s lblc";
    director.ipvsadm(&foreign.split(' ').collect::<Vec<_>>());
    let running = director.lab.director(1);
    running.start(&lb(), file(SERVICES)).unwrap();
    let is_whole = |table: &[String]| table.len() == 1 + 2 * 4;
    director.settled("every real server is there", is_whole);
    director.lab.server(2).stop().unwrap();
    let lacks_one = |table: &[String]| {
        let is_second = |line: &String| line.contains("-r 192.0.2.22:");
        table.len() == 1 + 2 * 3 && !table.iter().any(is_second)
    };
    director.settled("the second server is gone", lacks_one);
    director.lab.server(2).start().unwrap();
    let whole = director.settled("it is back", is_whole);
    let has_foreign = |table: &[String]| table.iter().any(|line| line.starts_with(foreign));
    director.ipvsadm(&["-d", "-t", "192.0.2.100:80", "-r", "192.0.2.21:80"]);
    director.ipvsadm(&["-D", "-t", "192.0.2.101:80"]);
    thread::sleep(Duration::from_secs(30));
    let repaired = director.settled("it is put back", is_whole);
    assert_eq!(repaired, whole);
    assert!(has_foreign(&repaired), "{repaired:#?}");
    running.stop().unwrap();
    let left = director.table();
    assert!(left.len() == 1 && has_foreign(&left), "{left:#?}");

    running.start_with(&lb(), file(SERVICES), &["-I"]).unwrap();
    director.settled("every real server is there again", is_whole);
    running.stop().unwrap();
    assert_eq!(director.table(), whole, "-I leaves it as it is");
    running.start(&lb(), file(SERVICES)).unwrap();
    director.until("it is taken up", |status| {
        let services = status["services"].as_array();
        services.is_some_and(|services| services.len() == 2)
    });
    assert_eq!(director.table(), whole, "taken up as it is");
    running.stop().unwrap();
    assert!(director.table().len() == 1, "and removed in the end");
}

#[test]
fn a_stop_empties_the_table_where_the_file_says_so_and_leaves_what_others_made_where_it_does_not() {
    let director = Director::new(false);
    let foreign = "-A -t 203.0.113.9:9 -s lblc";
    let running = director.lab.director(1);
    for (keyword, left) in [("lvs_flush_on_stop VS", 1), ("lvs_flush_on_stop", 0)] {
        director.ipvsadm(&["-C"]);
        director.ipvsadm(&foreign.split(' ').collect::<Vec<_>>());
        let (_, blocks) = CASES[0];
        let text = file(&format!("global_defs {{\n{keyword}\n}}\n{blocks}"));
        running.start(&lb(), text).unwrap();
        director.settled(keyword, |table| table.len() == 1 + 3);
        running.stop().unwrap();
        let table = director.table();
        assert_eq!(table.len(), left, "{keyword}: {table:#?}");
    }
}

#[test]
fn the_status_says_what_ipvs_says_of_itself() {
    let director = Director::new(false);
    let running = director.lab.director(1);
    let (_, blocks) = CASES[0];
    let timeouts = "lvs_timeouts tcp 901 tcpfin 121 udp 301";
    let text = file(&format!("global_defs {{\n{timeouts}\n}}\n{blocks}"));
    running.start(&lb(), text).unwrap();
    director.until("the timeouts are those of the file", |status| {
        let ipvs = &status["ipvs"];
        let told =
            ["timeout_tcp", "timeout_tcp_fin", "timeout_udp"].map(|name| ipvs[name].as_u64());
        told == [Some(901), Some(121), Some(301)]
            && ipvs["version"] == "1.2.1"
            && ipvs["connection_buckets"]
                .as_u64()
                .is_some_and(u64::is_power_of_two)
    });
    let told = director.ipvsadm(&["-L", "--timeout"]);
    assert!(told.contains("901 121 301"), "{told}");
    println!("{}", running.status().unwrap()["ipvs"]);
    running.stop().unwrap();
}
