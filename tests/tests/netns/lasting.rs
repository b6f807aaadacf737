//! What goes on while the daemon's processes come and go, and what it costs at rest.

use std::{net::SocketAddr, thread, time::Duration};

use tests::echo::{ECHO, Echo, serve};
use xtask::lab::{
    Template,
    plan::{DR_V4, NAT_V4},
    process,
    traffic::ConnectionPool,
};

use crate::arena::{Arena, lb};

/// The quick-start file with an echo service by direct routing (mh) and one by NAT (rr).
fn with_echo(director: u8) -> Template {
    let services = [Echo::DIRECT_V4, Echo::NAT_V4];
    Template {
        more: services.map(|echo| echo.text(&[1, 1, 1])).concat(),
        ..Template::director(director)
    }
}

#[test]
fn no_connection_breaks_when_the_children_and_then_the_parent_are_killed() {
    let arena = Arena::new(xtask::lab::Options::default());
    let _echo = serve(&arena, ECHO);
    arena.start([&lb(), &lb()], with_echo);
    arena.wait_for_master(1);
    arena.wait_for_real_servers(1);
    let pools = [DR_V4, NAT_V4].map(|address| {
        ConnectionPool::open(arena.client(), SocketAddr::new(address, ECHO), 100).unwrap()
    });
    thread::sleep(Duration::from_secs(1));
    for pool in &pools {
        assert_eq!(
            pool.broken(),
            0,
            "before anything is killed\n{}",
            arena.logs()
        );
    }

    let killed = arena.director(1).kill9_children().unwrap();
    assert!(killed.len() >= 2, "vrrp and checkers ran: {killed:?}");
    thread::sleep(Duration::from_secs(3));
    let respawned = arena.director(1).children();
    assert!(
        respawned.len() == killed.len() && respawned.iter().all(|pid| !killed.contains(pid)),
        "{killed:?} are replaced by {respawned:?}\n{}",
        arena.logs()
    );
    for pool in &pools {
        assert_eq!(
            pool.broken(),
            0,
            "after the children were killed\n{}",
            arena.logs()
        );
    }
    arena.director(1).kill9_parent().unwrap();
    thread::sleep(Duration::from_secs(3));

    for pool in pools {
        let report = pool.finish().unwrap();
        println!(
            "{} bytes exchanged, longest wait {:?}",
            report.exchanged, report.longest_wait
        );
        assert_eq!(report.broken, Vec::<String>::new(), "{}", arena.logs());
        assert!(report.exchanged > 5000, "{report:?}");
    }
}

#[test]
fn a_backup_at_ten_milliseconds_sleeps() {
    let arena = Arena::with_lb(|director| Template {
        advert_interval: 0.01,
        ..Template::director(director)
    });
    let vrrp = arena
        .director(2)
        .children()
        .into_iter()
        .find(|pid| {
            process::command_name(*pid).is_some_and(|name| name.contains("vrrp"))
                || process::command_line(*pid)
                    .iter()
                    .any(|word| word.contains("vrrp"))
        })
        .expect("the backup has a vrrp child");
    thread::sleep(Duration::from_secs(2));
    let seconds = 10;
    let before = process::context_switches(vrrp).unwrap();
    thread::sleep(Duration::from_secs(seconds));
    let switches = process::context_switches(vrrp).unwrap() - before;
    println!("{switches} context switches in {seconds} s");
    assert!(
        switches < 5 * seconds,
        "{switches} in {seconds} s\n{}",
        arena.logs()
    );
    arena.wait_for_master(1);
}

#[test]
fn bpftool_prints_the_services_with_names() {
    let arena = Arena::with_lb(Template::director);
    let services = arena.director(1).pins().join("services");
    let dump = arena
        .switch()
        .command(
            "bpftool",
            &["map", "dump", "pinned", &services.to_string_lossy()],
        )
        .unwrap();
    for field in ["\"key\"", "\"port\"", "\"value\""] {
        assert!(dump.contains(field), "{field} is missing in {dump}");
    }
}
