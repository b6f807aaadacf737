//! IPVS in another network namespace than the daemon's (`net_namespace_ipvs`): its table, the rules that mark packets for it, and its sync daemon.

use std::process::{Command, Output};

use tests::daemon::lb;
use xtask::lab::Daemon;

use super::{Director, cases::CASES, file, patience};

/// A network namespace that goes with the test.
struct Late(String);

impl Late {
    fn create(name: String) -> Self {
        assert!(ip(&["netns", "add", &name]).status.success());
        // Without a route IPVS takes no real server.
        assert!(
            ip(&["-n", &name, "link", "set", "lo", "up"])
                .status
                .success()
        );
        Self(name)
    }

    fn table(&self) -> String {
        let output = ip(&["netns", "exec", &self.0, "ipvsadm", "-Sn"]);
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Late {
    fn drop(&mut self) {
        ip(&["netns", "del", &self.0]);
    }
}

fn ip(arguments: &[&str]) -> Output {
    Command::new("ip").args(arguments).output().unwrap()
}

impl Director {
    /// A file whose IPVS is in the namespace of the second director, while the daemon is in that of the first.
    fn elsewhere(&self, blocks: &str) -> String {
        let name = self.lab.director(2).namespace().name();
        format!("net_namespace_ipvs {name}\n{}", file(blocks))
    }
}

#[test]
fn ipvs_in_another_namespace_has_there_what_keepalived_makes_here() {
    let director = Director::new(false);
    let running = director.lab.director(1);
    let mut here = Vec::new();
    let cases = CASES
        .iter()
        .filter(|(name, _)| name.contains("in turn by weight") || name.contains("mark"));
    let cases: Vec<_> = cases.collect();
    assert!(cases.len() > 1, "one with rules too");
    for (name, blocks) in &cases {
        running
            .start(&Daemon::KeepalivedCheckers, file(blocks))
            .unwrap();
        here.push(director.settled(name, |table| !table.is_empty()));
        running.stop().unwrap();
        director.ipvsadm(&["-C"]);
    }
    for (number, ((name, blocks), expected)) in cases.iter().zip(&here).enumerate() {
        if number == 0 {
            running.start(&lb(), director.elsewhere(blocks)).unwrap();
        } else {
            running.reload(director.elsewhere(blocks)).unwrap();
        }
        director.poll(name, || match director.table_of(2) {
            table if table == *expected => Ok(()),
            table => Err(table),
        });
        assert_eq!(
            director.table(),
            Vec::<String>::new(),
            "nothing is here: {name}"
        );
    }
    running.stop().unwrap();
    assert_eq!(
        director.table_of(2),
        Vec::<String>::new(),
        "nothing is left"
    );
}

#[test]
fn the_sync_daemon_runs_where_ipvs_is() {
    let director = Director::new(false);
    let running = director.lab.director(1);
    let threads = |number: usize| {
        let namespace = director.lab.director(number).namespace();
        namespace
            .command("ipvsadm", &["-L", "-n", "--daemon"])
            .unwrap()
    };
    let server = "virtual_server 192.0.2.100 80 {\nlb_algo rr\nlb_kind DR\nprotocol TCP\nreal_server 192.0.2.21 80 {\n}\n}\n";
    let global = "global_defs {\nlvs_sync_daemon eth0\n}\n";
    running
        .start(&lb(), director.elsewhere(&(global.to_owned() + server)))
        .unwrap();
    director.poll("both threads run there", || match threads(2) {
        text if text.contains("master") && text.contains("backup") => Ok(()),
        text => Err(text),
    });
    assert_eq!(threads(1), "", "none runs here");
    running.stop().unwrap();
    assert_eq!(threads(2), "", "none is left within {:?}", patience());
}

#[test]
fn a_namespace_for_ipvs_that_comes_later_is_taken_when_it_is_there() {
    let director = Director::new(false);
    let running = director.lab.director(1);
    let (_, blocks) = CASES[0];
    let late = director.lab.director(1).namespace().name().to_owned() + "-ipvs";
    running
        .start(
            &lb(),
            format!("net_namespace_ipvs {late}\n{}", file(blocks)),
        )
        .unwrap();
    let sentence = format!("there is no network namespace {late}");
    director.poll("it says so", || match running.log() {
        log if log.contains(&sentence) => Ok(()),
        log => Err(log),
    });
    let late = Late::create(late);
    director.poll("its table is there", || match late.table() {
        table if table.lines().count() == 3 => Ok(()),
        table => Err((table, running.log())),
    });
    running.stop().unwrap();
}
