//! Live connections while everything around them changes each second: they break where their server dies, and nowhere else.

use std::{net::SocketAddr, thread, time::Duration};

use tests::echo::{ECHO, Echo, serve};
use xtask::lab::{Template, traffic::ConnectionPool};

use crate::arena::{Arena, lb, number};

/// Connections to each of the four services.
const CONNECTIONS: usize = 125;
/// Seconds, a change in each; `LB_NETNS_CHANGES` for more.
const CHANGES: usize = 10;
/// The server that is drained now and then.
const DRAINED: [&str; 2] = ["198.51.100.22", "192.0.2.22"];

fn text(weights: [u8; 3]) -> String {
    let template = Template {
        more: Echo::ALL.map(|echo| echo.text(&weights)).concat(),
        ..Template::director(1)
    };
    template.text()
}

/// The change of a second.
fn change(arena: &Arena, second: usize) {
    let director = arena.director(1);
    match second % 5 {
        0 => director.reload(text([3, 1, 2])).unwrap(),
        1 => {
            for server in DRAINED {
                director.lb(&["drain", server]).unwrap();
            }
        }
        2 => director.reload(text([1, 2, 1])).unwrap(),
        3 => drop(director.kill9_children().unwrap()),
        _ => {
            director.kill9_parent().unwrap();
            director.start(&lb(), text([1, 1, 1])).unwrap();
        }
    }
}

#[test]
fn connections_break_where_their_server_dies_and_nowhere_else() {
    let arena = Arena::new(xtask::lab::Options::default());
    let mut servers = serve(&arena, ECHO);
    arena.start([&lb(), &lb()], |director| Template {
        more: Echo::ALL.map(|echo| echo.text(&[1, 1, 1])).concat(),
        ..Template::director(director)
    });
    arena.wait_for_master(1);
    arena.wait_for_real_servers(1);
    let pools = Echo::ALL.map(|echo| {
        let to = SocketAddr::new(echo.address, ECHO);
        ConnectionPool::open(arena.client(), to, CONNECTIONS).unwrap()
    });
    let broken = || pools.iter().map(ConnectionPool::broken).sum::<usize>();
    let all = number("LB_NETNS_CHANGES", CHANGES);
    let mut expected = 0;
    for second in 0..all {
        thread::sleep(Duration::from_secs(1));
        assert_eq!(broken(), expected, "second {second}\n{}", arena.logs());
        if second == all / 2 {
            expected = servers.pop().map_or(0, |server| server.clients());
            println!("s3 dies with {expected} connections in second {second}");
            thread::sleep(Duration::from_secs(1));
        }
        change(&arena, second);
    }
    thread::sleep(Duration::from_secs(2));
    assert_eq!(broken(), expected, "{}", arena.logs());
    assert!(expected > 0, "s3 had none");
    let reports = pools.map(|pool| pool.finish().unwrap());
    for (echo, report) in Echo::ALL.iter().zip(reports) {
        println!(
            "{}: {} broken, {} bytes exchanged, longest wait {:?}",
            echo.address,
            report.broken.len(),
            report.exchanged,
            report.longest_wait
        );
        let other = report.broken.iter().find(|why| !is_death(why));
        assert_eq!(other, None, "{}", arena.logs());
    }
}

/// What a client sees when its server closes, or is no more.
fn is_death(why: &str) -> bool {
    why.contains("the other side closed")
        || why.contains("reset by peer")
        || why.contains("Broken pipe")
}
