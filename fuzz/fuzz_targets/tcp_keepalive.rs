//! Rules and values of TCP keepalive: no text makes a reader panic, and what is printed is read to the same rule.
#![no_main]

use lb::tcp_keepalive::{
    explain::{Connection, RTO},
    rule::{Rule, Treatment, list},
    sysctl,
    values::{Idle, Interval, Keepalive, Probes, Retries, UserTimeout, UserTimeoutChoice},
};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let otherwise = Treatment::default();
    for rule in list(text, &otherwise).unwrap_or_default() {
        let printed = rule.to_string();
        assert_eq!(Rule::parse(&printed, &otherwise), Ok(rule), "{printed}");
        let kernel = rule.kernel();
        assert_eq!(Rule::of_kernel(&kernel).kernel(), kernel, "{printed}");
    }
    let _ours = sysctl::is_ours(text);
    let _choice = text.parse::<UserTimeoutChoice>();
    let mut words = text.split_whitespace();
    let mut next = || words.next().unwrap_or_default();
    let (idle, interval, probes) = (next().parse(), next().parse(), next().parse());
    let (user_timeout, retries) = (next().parse::<UserTimeout>(), next().parse::<Retries>());
    let keepalive = |idle: Idle, interval: Interval, probes: Probes| Keepalive {
        idle,
        interval,
        probes,
    };
    if let (Ok(idle), Ok(interval), Ok(probes), Ok(retries)) = (idle, interval, probes, retries) {
        let connection = Connection {
            keepalive: Some(keepalive(idle, interval, probes)),
            user_timeout: user_timeout.ok(),
            retries,
            rto: RTO,
        };
        assert!(connection.when_idle().time().is_some());
        assert!(connection.when_unacknowledged().time().is_some());
    }
});
