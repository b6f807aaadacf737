//! A real server that comes back starts slowly, as IPVS has it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tests::daemon::lb;

use super::{Director, file, transitions::poll};

/// Weight of the real server that starts slowly.
const WHOLE: u32 = 8;
/// How long that takes.
const TIME: Duration = Duration::from_secs(14);

#[test]
fn weights_of_ipvs_go_up_in_equal_steps_when_a_real_server_comes_back() {
    let director = Director::new(true);
    let running = director.lab.director(1);
    let text = format!(
        "virtual_server 192.0.2.100 80 {{\ndelay_loop 1\nlb_algo wrr\nlb_kind DR\nprotocol TCP\nslow_start {}\n\
         real_server 192.0.2.21 80 {{\nweight {WHOLE}\nTCP_CHECK {{\nconnect_timeout 2\n}}\n}}\n\
         real_server 192.0.2.22 80 {{\nweight 5\n}}\n}}\n",
        TIME.as_secs()
    );
    running.start(&lb(), file(&text)).unwrap();
    let has = |line: &'static str| {
        move |table: &[String]| table.iter().any(|other| other.ends_with(line))
    };
    let at_rest = "-r 192.0.2.21:80 -g -w 8";
    director.settled("it begins with all of its weight", has(at_rest));
    director.lab.server(1).stop().unwrap();
    director.settled("it is gone", |table| table.len() == 2);
    let over = Arc::new(AtomicBool::new(false));
    let poller = poll(&director, &over);
    director.lab.server(1).start().unwrap();
    director.until("it grows", |status| {
        let real = &status["services"][0]["real_servers"][0];
        let weight = real["weight"].as_u64().unwrap_or_default();
        real["up"] == true && weight > 1 && real["grows_to"] == WHOLE
    });
    let whole = director.settled("it has all of its weight again", has(at_rest));
    over.store(true, Ordering::Relaxed);
    let seen = poller.join().unwrap().unwrap();
    running.stop().unwrap();

    assert!(has("-r 192.0.2.22:80 -g -w 5")(&whole), "{whole:#?}");
    let first = seen.since[0];
    let mut weights = Vec::new();
    let mut times = Vec::new();
    for (state, since) in seen.states.iter().zip(&seen.since) {
        let dests: Vec<&String> = state.values().flatten().collect();
        println!("{:6.2} s: {dests:?}", (*since - first).as_secs_f64());
        let (other, slow) = match &dests[..] {
            [other] => (other, None),
            [slow, other] => (other, Some(slow)),
            dests => panic!("{dests:?}"),
        };
        assert_eq!(*other, "192.0.2.22:80 5", "it is left as it is");
        if let Some(slow) = slow {
            let weight = slow.strip_prefix("192.0.2.21:80 ").unwrap();
            weights.push(weight.parse::<u32>().unwrap());
            times.push(*since);
        }
    }
    assert_eq!(weights, (1..=WHOLE).collect::<Vec<_>>());
    let took = times[times.len() - 1] - times[0];
    let slack = Duration::from_millis(1500);
    assert!(
        (TIME.saturating_sub(slack)..TIME + slack).contains(&took),
        "{took:?}"
    );
    let step = TIME / (WHOLE - 1);
    for pair in times.windows(2) {
        let took = pair[1] - pair[0];
        assert!(took.abs_diff(step) < slack, "{took:?}");
    }
}
