//! Tables of values, predictions, rules and advice.

use std::{net::IpAddr, time::Duration};

use lb_common::tcp_keepalive::{RULE_LEAVES, RULE_RESPECTS, RULE_USED};
use proptest::{prop_assert_eq, proptest};

use super::{
    advise::{Memory, Table, advise},
    explain::{Cause, Connection, Noticed, RTO, idle_sentence, words},
    rule::{Ends, Rule, Treatment, fits, list},
    sysctl,
    values::{Idle, Keepalive, Probes, UserTimeout},
};

fn keepalive(idle: u32, interval: u32, probes: u32) -> Keepalive {
    Keepalive {
        idle: idle.try_into().unwrap(),
        interval: interval.try_into().unwrap(),
        probes: probes.try_into().unwrap(),
    }
}

fn connection(keepalive: Option<Keepalive>, user_timeout: u32, retries: u32) -> Connection {
    Connection {
        keepalive,
        user_timeout: UserTimeout::try_from(user_timeout).ok(),
        retries: retries.try_into().unwrap(),
        rto: RTO,
    }
}

#[test]
fn values_are_within_the_kernels_bounds() {
    let idle = |word: &str| word.parse::<Idle>().map_err(|error| error.to_string());
    assert_eq!(idle("180").map(Idle::get), Ok(180));
    assert_eq!(idle("3m").map(Idle::get), Ok(180));
    assert_eq!(idle("32767").map(Idle::get), Ok(32_767));
    for (word, part) in [
        ("0", "takes 1 to 32767 whole seconds"),
        ("32768", "takes 1 to 32767 whole seconds"),
        ("1500ms", "takes 1 to 32767 whole seconds"),
        ("-1", "write seconds"),
        ("", "write seconds"),
        ("99999999999999999999h", "write seconds"),
    ] {
        let error = idle(word).unwrap_err();
        assert!(error.contains(part), "{word}: {error}");
    }
    assert!("128".parse::<Probes>().is_err());
    assert!("+1".parse::<Probes>().is_err());
    assert_eq!(
        "1500ms".parse::<UserTimeout>().map(UserTimeout::get),
        Ok(1500)
    );
    assert!("2147483648ms".parse::<UserTimeout>().is_err());
}

#[test]
fn an_idle_connection_notices_after_its_probes_or_its_user_timeout() {
    let probed = |seconds, sent| Noticed::After {
        time: Duration::from_secs(seconds),
        cause: Cause::Probes,
        sent,
    };
    let timed = |seconds, sent| Noticed::After {
        time: Duration::from_secs(seconds),
        cause: Cause::UserTimeout,
        sent,
    };
    let cases = [
        (None, 0, Noticed::Never),
        (None, 3000, Noticed::Never),
        (Some((7200, 75, 9)), 0, probed(7875, 9)),
        (Some((2, 1, 3)), 0, probed(5, 3)),
        // The user timeout counts in place of the number of probes, and is looked at with each probe.
        (Some((2, 1, 9)), 3000, timed(3, 1)),
        (Some((2, 1, 9)), 3001, timed(4, 2)),
        (Some((2, 1, 3)), 1000, timed(3, 1)),
        (Some((2, 3, 1)), 20_000, timed(20, 6)),
        (Some((180, 30, 3)), 270_000, timed(270, 3)),
    ];
    for (values, user_timeout, noticed) in cases {
        let values = values.map(|(idle, interval, probes)| keepalive(idle, interval, probes));
        let connection = connection(values, user_timeout, 15);
        assert_eq!(connection.when_idle(), noticed, "{connection:?}");
    }
}

#[test]
fn unacknowledged_data_notices_whatever_keepalive_says() {
    let cases = [
        // The kernel's model of 3 retries is 3 s, which is over when the timer fires 6 s after the first time.
        (0, 3, 6400, Cause::Retries, 4),
        (0, 1, 1600, Cause::Retries, 2),
        // What the kernel does on its own: a quarter of an hour and more.
        (0, 15, 1_044_800, Cause::Retries, 16),
        (3000, 15, 3400, Cause::UserTimeout, 4),
        (45_000, 15, 45_400, Cause::UserTimeout, 7),
    ];
    for (user_timeout, retries, milliseconds, cause, sent) in cases {
        for values in [None, Some(keepalive(1, 1, 1))] {
            let connection = connection(values, user_timeout, retries);
            let noticed = Noticed::After {
                time: Duration::from_millis(milliseconds),
                cause,
                sent,
            };
            assert_eq!(connection.when_unacknowledged(), noticed, "{connection:?}");
        }
    }
}

#[test]
fn times_and_consequences_are_said_in_words() {
    let cases = [
        (7_875_000, "2 h 11 min 15 s"),
        (0, "0 s"),
        (3400, "3.4 s"),
        (60_000, "1 min"),
        (86_400_000, "1 d"),
        (90_061_500, "1 d 1 h 1 min 1.5 s"),
    ];
    for (milliseconds, said) in cases {
        assert_eq!(words(Duration::from_millis(milliseconds)), said);
    }
    let sentence = idle_sentence(&connection(Some(Keepalive::KERNEL), 0, 15));
    assert!(
        sentence.ends_with("7200 + 9 × 75 s = 2 h 11 min 15 s"),
        "{sentence}"
    );
}

#[test]
fn an_interval_longer_than_the_idle_time_is_told() {
    let sentence = idle_sentence(&connection(Some(keepalive(2, 75, 1)), 0, 15));
    assert!(sentence.contains("up to 1 min 13 s later"), "{sentence}");
}

#[test]
fn a_rule_says_whom_it_fits_and_what_those_get() {
    let otherwise = Treatment::default();
    let rule = Rule::parse(
        "remote 10.0.0.0/8 remote-port 5432 idle 60 probes 5 user-timeout none force",
        &otherwise,
    )
    .unwrap();
    let kernel = rule.kernel();
    assert_eq!(
        (kernel.idle, kernel.interval, kernel.probes),
        (60, otherwise.keepalive.interval.get(), 5)
    );
    assert_eq!((kernel.user_timeout, kernel.flags), (0, RULE_USED));
    assert_eq!((kernel.family, kernel.remote_port), (4, 5432));
    let leave = Rule::parse("local ::1 leave", &otherwise).unwrap().kernel();
    assert_eq!((leave.flags, leave.family), (RULE_USED | RULE_LEAVES, 6));
    for text in ["remote ::/0 leave", "remote 0.0.0.0/0 leave"] {
        let rule = Rule::parse(text, &otherwise).unwrap();
        assert_eq!(Rule::of_kernel(&rule.kernel()), rule, "{text}");
    }
    let mapped = Rule::parse("local ::ffff:10.0.0.0/104 leave", &otherwise);
    assert_eq!(mapped.unwrap().to_string(), "local 10.0.0.0/8 leave");
    let all = Rule::of_all(otherwise).kernel();
    assert_eq!(
        (all.flags, all.user_timeout),
        (RULE_USED | RULE_RESPECTS, 270_000)
    );
    let ends = |remote: &str, port| Ends {
        local: ("10.1.1.1".parse().unwrap(), 40_000),
        remote: (remote.parse::<IpAddr>().unwrap(), port),
    };
    let cases = [
        ("10.2.3.4", 5432, true),
        ("::ffff:10.2.3.4", 5432, true),
        ("10.2.3.4", 5433, false),
        ("11.2.3.4", 5432, false),
        ("fd00::1", 5432, false),
    ];
    for (remote, port, does) in cases {
        assert_eq!(fits(&kernel, &ends(remote, port)), does, "{remote} {port}");
    }
}

#[test]
fn what_is_no_rule_is_refused_with_what_to_write() {
    let cases = [
        ("idel 3", "\"idel\" is no word of a rule"),
        ("idle", "nothing follows idle"),
        ("idle 3 idle 4", "idle is given twice"),
        ("remote 10.0.0.1/8", "write 10.0.0.0/8"),
        ("remote 10.0.0.0/33", "no prefix"),
        ("remote 10.0.0.0/+8", "no prefix"),
        ("remote-port 0", "1 to 65535"),
        ("local 10.0.0.1 remote ::1", "different families"),
        ("idle 0", "takes 1 to 32767"),
        ("leave idle 3", "contradict"),
        ("leave force", "contradict"),
        ("respect force", "given twice"),
    ];
    for (text, part) in cases {
        let error = Rule::parse(text, &Treatment::default()).unwrap_err();
        assert!(error.to_string().contains(part), "{text}: {error}");
    }
    let error = list(
        "idle 3\n# nothing\n\nidle x # three\n",
        &Treatment::default(),
    )
    .unwrap_err();
    assert!(error.to_string().starts_with("line 4: "), "{error}");
    let many = "leave\n".repeat(65);
    assert!(list(&many, &Treatment::default()).is_err());
}

#[test]
fn the_file_sets_what_is_wanted_and_says_whose_it_is() {
    let wanted = sysctl::Wanted {
        time: Some(600_u32.try_into().unwrap()),
        probes: Some(5_u32.try_into().unwrap()),
        ..sysctl::Wanted::default()
    };
    let text = sysctl::file(wanted.settings());
    assert_eq!(
        text,
        "# Written by `lb tcp-keepalive persist`.\nnet.ipv4.tcp_keepalive_time = 600\nnet.ipv4.tcp_keepalive_probes = 5\n"
    );
    assert!(sysctl::is_ours(&text));
    assert!(!sysctl::is_ours("net.ipv4.tcp_keepalive_time = 600\n"));
}

#[test]
fn advice_names_the_values_and_the_line_to_change() {
    let memory = |table, seconds, is_configured| Memory {
        table,
        timeout: Duration::from_secs(seconds),
        is_configured,
    };
    let cases = [
        (
            memory(Table::Flows, 900, false),
            7200,
            false,
            "after 15 min, but keepalive speaks only after 2 h: set `tcp_keepalive_time 450` where the connections end, or add \
             `lvs_timeouts tcp` to 14400",
        ),
        (
            memory(Table::Flows, 60, true),
            60,
            false,
            "set `tcp_keepalive_time 30` and `tcp_keepalive_intvl 30` where the connections end, or change `lvs_timeouts tcp 60` to 150",
        ),
        (memory(Table::Flows, 900, false), 300, true, "in time"),
        // The interval is between probes that are answered, too.
        (
            memory(Table::Flows, 70, true),
            10,
            false,
            "only after 1 min 15 s",
        ),
        (
            memory(Table::Conntrack, 300, false),
            7200,
            false,
            "nf_conntrack_tcp_timeout_established",
        ),
    ];
    for (memory, idle, is_in_time, part) in cases {
        let advice = advise(memory, Duration::from_secs(idle), Duration::from_secs(75));
        assert_eq!(advice.is_in_time, is_in_time, "{advice:?}");
        assert!(advice.sentence.contains(part), "{advice:?}");
    }
}

proptest! {
    /// What is printed is read to the same rule.
    #[test]
    fn a_printed_rule_is_the_same_rule(text in "(local (10\\.0\\.0\\.0/8|1\\.2\\.3\\.4) )?(remote 0\\.0\\.0\\.0/0 )?(remote-port [1-9][0-9]{0,3} )?(leave|(idle [1-9][0-9]{0,3} )?(user-timeout (auto|none|[1-9][0-9]{0,5}ms) )?(respect|force))") {
        let rule = Rule::parse(&text, &Treatment::default()).unwrap();
        let again = Rule::parse(&rule.to_string(), &Treatment::default()).unwrap();
        prop_assert_eq!(rule, again);
        // And so is what the kernel's program is given, but that it says how long a user timeout is.
        prop_assert_eq!(Rule::of_kernel(&rule.kernel()).kernel(), rule.kernel());
    }
}
