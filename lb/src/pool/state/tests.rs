mod slow_start;

use proptest::prelude::*;

use super::*;
use crate::config::model::{
    Command, ForwardMethod, Protocol, RealServer, Scheduler, SorryServer, Weight,
};

fn script(name: &str) -> Option<Box<Command>> {
    Some(Box::new(Command {
        words: vec![name.to_owned()],
        owner: None,
    }))
}

fn server(weights: &[u32], quorum: u32, hysteresis: u32) -> VirtualServer {
    let real = |(n, weight): (u8, &u32)| RealServer {
        weight: Weight::try_from(i64::from(*weight)).unwrap(),
        notify: Notify {
            up: script("up"),
            down: script("down"),
        },
        ..RealServer::new([10, 0, 0, n].into(), 80)
    };
    let mut server = VirtualServer {
        real_servers: (1u8..).zip(weights).map(real).collect(),
        ..VirtualServer::new(
            [192, 0, 2, 1].into(),
            80,
            Protocol::Tcp,
            Scheduler::RoundRobin,
            ForwardMethod::Nat,
        )
    };
    (server.quorum.weight, server.quorum.hysteresis) = (quorum, hysteresis);
    server.quorum.notify = Notify {
        up: script("quorum_up"),
        down: script("quorum_down"),
    };
    server
}

#[expect(
    clippy::disallowed_methods,
    reason = "any instant is as good a start as another"
)]
fn start() -> Instant {
    Instant::now()
}

fn config(server: VirtualServer) -> Config {
    Config {
        virtual_servers: vec![server],
        ..Config::default()
    }
}

fn sorry() -> Option<Box<SorryServer>> {
    Some(Box::new(SorryServer {
        address: [10, 0, 0, 9].into(),
        port: 80,
        method: ForwardMethod::Nat,
        inhibit: true,
    }))
}

/// A pool of one virtual server.
struct Bench {
    pool: Pool,
    config: Config,
    now: Instant,
}

impl Bench {
    fn new(server: VirtualServer) -> Self {
        Self::with_health(server, true)
    }

    fn with_health(server: VirtualServer, is_up: bool) -> Self {
        let config = config(server);
        let mut pool = Pool::default();
        pool.handle_config(&config, |id| health(&config, id, is_up));
        let now = start();
        Self { pool, config, now }
    }

    /// What is told, a line each.
    fn told(&mut self) -> Vec<String> {
        let outputs = std::iter::from_fn(|| self.pool.poll_output());
        let lines = outputs.filter_map(|output| match output {
            Output::Notice(Notice {
                subject,
                is_up,
                command,
                ..
            }) => {
                let who = match subject {
                    Subject::VirtualServer(_) => "VS".to_owned(),
                    Subject::RealServer(real) => real.address.to_string(),
                };
                let script = command.map_or_else(String::new, |command| command.words.join(" "));
                Some(format!("{who} {is_up} {script}"))
            }
            _ => None,
        });
        lines.collect()
    }

    fn set(&mut self, n: usize, is_up: bool) -> Vec<String> {
        let server = &self.config.virtual_servers[0];
        let id = RealServerId::of(VirtualServerId::of(server), &server.real_servers[n]);
        let health = health(&self.config, &id, is_up);
        self.pool.handle_health(&id, health, self.now);
        self.told()
    }

    fn has_quorum(&self) -> bool {
        let server = &self.config.virtual_servers[0];
        self.pool.has_quorum(&VirtualServerId::of(server))
    }
}

fn health(config: &Config, id: &RealServerId, is_up: bool) -> Health {
    let mut reals = config.virtual_servers[0].real_servers.iter();
    let real = reals.find(|real| real.address == id.address).unwrap();
    Health {
        is_up,
        base: real.weight.get(),
        has_failed: !is_up,
        ..Health::default()
    }
}

#[test]
fn without_alpha_the_quorum_is_gained_at_once_and_with_it_only_later() {
    assert_eq!(Bench::new(server(&[1], 1, 0)).told(), ["VS true quorum_up"]);
    let mut alpha = server(&[1, 1], 2, 0);
    alpha.alpha = true;
    let mut with_sorry = alpha.clone();
    with_sorry.sorry_server = sorry();
    let told = Bench::with_health(with_sorry, false).told();
    assert_eq!(told, ["VS false quorum_down"]);
    let mut bench = Bench::with_health(alpha, false);
    assert_eq!(bench.told(), Vec::<String>::new());
    assert_eq!(bench.set(0, true), ["10.0.0.1 true up"]);
    let told = ["10.0.0.2 true up", "VS true quorum_up"];
    assert_eq!(bench.set(1, true), told);
}

#[test]
fn hysteresis_is_above_to_gain_and_below_to_lose() {
    let mut bench = Bench::new(server(&[1, 1, 1, 1], 3, 1));
    bench.told();
    let mut seen = Vec::new();
    for (n, is_up) in [
        (0, false),
        (1, false),
        (2, false),
        (2, true),
        (1, true),
        (0, true),
    ] {
        bench.set(n, is_up);
        seen.push(bench.has_quorum());
    }
    assert_eq!(seen, [true, true, false, false, false, true]);
}

#[test]
fn what_a_first_check_confirms_is_told_where_that_is_wanted() {
    let mut bench = Bench::new(server(&[1], 1, 0));
    bench.told();
    let server = &bench.config.virtual_servers[0];
    let id = RealServerId::of(VirtualServerId::of(server), &server.real_servers[0]);
    bench.pool.handle_confirmed(&id);
    assert_eq!(bench.told(), ["10.0.0.1 true up"]);
}

#[test]
fn with_omega_the_end_is_told() {
    for (omega, told) in [
        (false, &[][..]),
        (true, &["10.0.0.1 false down", "VS false quorum_down"]),
    ] {
        let mut server = server(&[1], 1, 0);
        server.omega = omega;
        let mut bench = Bench::new(server);
        bench.told();
        let none = Config::default();
        bench.pool.handle_config(&none, |_| Health::default());
        assert_eq!(bench.told(), told);
    }
}

#[test]
fn a_reload_tells_only_what_it_changes() {
    let mut bench = Bench::new(server(&[1, 1], 1, 0));
    bench.told();
    bench.set(0, false);
    let config = config(server(&[1, 1], 2, 0));
    bench.pool.handle_config(&config, |id| {
        health(
            &config,
            id,
            id.address != std::net::IpAddr::from([10, 0, 0, 1]),
        )
    });
    assert_eq!(bench.told(), ["VS false quorum_down"]);
}

#[test]
fn mail_about_a_quorum_is_written_where_it_is_wanted() {
    let mut server = server(&[2], 1, 0);
    server.smtp_alert = true;
    server.sorry_server = sorry();
    let mut bench = Bench::new(server);
    let outputs: Vec<_> = std::iter::from_fn(|| bench.pool.poll_output()).collect();
    let [Output::Quorum { sorry, .. }, Output::Notice(notice)] = &outputs[..] else {
        panic!("{outputs:?}");
    };
    assert_eq!(sorry, &Some(("[10.0.0.9]:tcp:80".to_owned(), true)));
    assert_eq!(
        notice.mail.as_deref(),
        Some("=> Gained quorum 1+0=1 <= 2 <=")
    );
}

/// What keepalived.conf(5) says, written down without looking at the code.
fn model(weights: &[u32], up: &[bool], quorum: u32, hysteresis: u32, had: bool) -> bool {
    let sum: u64 = weights
        .iter()
        .zip(up)
        .map(|(weight, up)| if *up { u64::from(*weight) } else { 0 })
        .sum();
    match had {
        _ if sum == 0 => false,
        true => sum + u64::from(hysteresis) >= u64::from(quorum),
        false => sum >= u64::from(quorum) + u64::from(hysteresis),
    }
}

proptest! {
    #[test]
    fn the_quorum_is_what_a_model_says(
        weights in prop::collection::vec(0u32..4, 1..6),
        quorum in 1u32..8,
        below in 0u32..8,
        changes in prop::collection::vec((0usize..6, any::<bool>()), 0..40),
    ) {
        let hysteresis = below % quorum;
        let mut bench = Bench::new(server(&weights, quorum, hysteresis));
        let mut up = vec![true; weights.len()];
        let mut expected = model(&weights, &up, quorum, hysteresis, false);
        prop_assert_eq!(bench.has_quorum(), expected);
        for (n, is_up) in changes {
            let n = n % weights.len();
            up[n] = is_up;
            bench.set(n, is_up);
            expected = model(&weights, &up, quorum, hysteresis, expected);
            prop_assert_eq!(bench.has_quorum(), expected);
        }
    }
}
