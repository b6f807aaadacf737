//! Recordings, and what becomes of them when they are replayed. That every scenario of these tests is replayed with the same
//! effects is looked after by the [`Bench`] itself.

use std::time::Duration;

use super::bench::{Bench, backup, epoch, eth0, ms, replay};
use crate::{
    config::model::{
        Version, VrrpInstance,
        vrrp::{
            AntiReplay, Authentication, AuthenticationType, Hmac, HmacKey, HmacMode, KeySource,
        },
    },
    vrrp::{
        Recorded,
        record::{Ended, LIMIT},
        replay::{Agreement, Event, Replay},
    },
};

/// A recording of the daemon: a BACKUP that takes over from a silent MASTER.
const SILENT_MASTER: &str = include_str!("../../../../tests/fixtures/replay/silent_master.jsonl");

/// What there is to tell of a recording, without what was fed.
fn transcript(recording: &str) -> String {
    let (events, differences) = replay(recording.as_bytes(), epoch());
    let decisions = events.iter().filter(|e| !matches!(e, Event::Input { .. }));
    let lines: Vec<String> = decisions.map(Event::to_string).collect();
    format!("{}\n{differences} differences", lines.join("\n"))
}

#[test]
fn a_bug_report_is_a_test() {
    insta::assert_snapshot!(transcript(SILENT_MASTER));
}

#[test]
fn a_report_written_by_hand_needs_no_outputs() {
    let begin = SILENT_MASTER.lines().next().unwrap();
    let inputs = SILENT_MASTER
        .lines()
        .filter(|l| l.starts_with(r#"{"input""#));
    let begin = begin.replace(r#","outputs":true"#, "");
    let by_hand: Vec<&str> = std::iter::once(begin.as_str()).chain(inputs).collect();
    let outputs = |text: &str| {
        let (events, _) = replay(text.as_bytes(), epoch());
        let outputs = events.iter().filter(|e| matches!(e, Event::Output { .. }));
        outputs.count()
    };
    assert_eq!(outputs(&by_hand.join("\n")), outputs(SILENT_MASTER));
}

#[test]
fn another_decision_is_told_as_then_and_as_now() {
    let otherwise = SILENT_MASTER.replace("master down", "boredom");
    let (events, differences) = replay(otherwise.as_bytes(), epoch());
    let told = events.iter().filter_map(|event| match event {
        Event::Output { how, .. } if *how != Agreement::Same => Some(event.to_string()),
        _ => None,
    });
    let told: Vec<String> = told.collect();
    assert_eq!(differences, 2, "{told:?}");
    let ends = |line: &str, mark: char, why: &str| line.starts_with(mark) && line.ends_with(why);
    assert!(
        ends(&told[0], '-', "boredom") && ends(&told[1], '+', "master down"),
        "{told:?}"
    );
}

/// An instance with a password, and a signed one.
fn secretive(password: &str) -> [VrrpInstance; 2] {
    let authentication = Authentication {
        kind: AuthenticationType::Password,
        password: password.to_owned().into(),
    };
    let key = |id, source| HmacKey { id, source };
    let hmac = Hmac {
        keys: vec![
            key(1, KeySource::Text("key of the lake".to_owned().into())),
            key(2, KeySource::Hex("c0ffee".to_owned().into())),
        ],
        active_key: 1,
        time_window: Duration::from_secs(5),
        anti_replay: AntiReplay::Time,
        mode: HmacMode::Enforce,
    };
    [
        VrrpInstance {
            version: Version::V2,
            authentication: Some(authentication),
            ..backup()
        },
        VrrpInstance {
            name: "VI_2".to_owned(),
            vrid: 52.try_into().unwrap(),
            addresses: Vec::new(),
            hmac: Some(hmac),
            ..backup()
        },
    ]
}

#[test]
fn secrets_are_not_recorded_but_their_change_is() {
    let mut bench = Bench::fresh();
    bench.config(&secretive("sesame"));
    bench.up();
    bench.run(ms(1000));
    let [peer, _] = secretive("sesame");
    bench.hear("10.0.0.9", &peer);
    bench.run(ms(8000));
    bench.config(&secretive("opensesm"));
    bench.run(ms(2000));

    let recorded = String::from_utf8(bench.router.take_recorded()).unwrap();
    for secret in ["sesame", "opensesm", "key of the lake", "c0ffee"] {
        assert!(!recorded.contains(secret), "{secret}");
        let bytes: Vec<String> = secret.bytes().map(|byte| byte.to_string()).collect();
        assert!(!recorded.contains(&bytes.join(",")), "{secret} as bytes");
    }
    assert!(recorded.contains(r##""password":"#1""##) && recorded.contains(r##""password":"#4""##));
    assert_eq!(replay(recorded.as_bytes(), epoch()).1, 0);
}

#[test]
fn a_recording_ends_before_the_line_that_has_no_room() {
    let (now, mut router) = (epoch(), Recorded::new());
    router.record(Duration::ZERO, 300, now);
    for seconds in 0..10 {
        router.handle_timeout(now + Duration::from_secs(seconds));
    }
    assert_eq!(router.recording_ended(), Some(Ended::Full));
    let lines = router.take_recorded();
    assert!(
        lines.len() <= 300 && lines.ends_with(b"\n"),
        "{}",
        lines.len()
    );
    let (events, _) = replay(&lines, now);
    assert!(events.len() > 2, "{events:?}");
    router.stop_recording();
    assert!(!router.is_recorded() && router.recording_ended().is_none());
}

#[test]
fn what_came_before_the_recording_keeps_its_time() {
    let (now, mut router) = (epoch() + ms(5000), Recorded::new());
    router.record(Duration::ZERO, LIMIT, now);
    router.handle_link(&eth0(), None, now - ms(1500));
    let (events, _) = replay(&router.take_recorded(), now);
    assert!(
        events[1].to_string().starts_with("> -1.500000 "),
        "{events:?}"
    );
}

#[test]
fn no_damage_makes_a_replay_panic() {
    let mut random = fastrand::Rng::with_seed(7);
    let lines: Vec<&[u8]> = SILENT_MASTER
        .as_bytes()
        .split_inclusive(|b| *b == b'\n')
        .collect();
    let tokens: [&[u8]; 6] = [
        b"0",
        b"255",
        b"-1",
        b"18446744073709551615",
        b"null",
        b"\"\"",
    ];
    for _ in 0..300 {
        let mut replay = Replay::new(epoch());
        for line in &lines {
            let mut line = line.to_vec();
            if random.u8(..8) == 0 {
                let at = random.usize(..line.len());
                match random.u8(..4) {
                    0 => line[at] = random.u8(..),
                    1 => line.truncate(at),
                    2 => drop(line.remove(at)),
                    _ => {
                        let digits = line[at..].iter().take_while(|b| b.is_ascii_digit());
                        let end = at + digits.count();
                        let token = tokens[random.usize(..tokens.len())];
                        line.splice(at..end, token.iter().copied());
                    }
                }
            }
            // Damage is told; what is none is played.
            let _ = replay.take(&line);
        }
        drop(replay.finish());
    }
}

#[test]
fn a_line_out_of_order_is_no_harm() {
    let mut random = fastrand::Rng::with_seed(11);
    let mut lines: Vec<&str> = SILENT_MASTER.lines().skip(1).collect();
    let begin = SILENT_MASTER.lines().next().unwrap();
    for _ in 0..100 {
        random.shuffle(&mut lines);
        let text = [&[begin], lines.as_slice()].concat().join("\n");
        let _ = replay(text.as_bytes(), epoch());
    }
}
