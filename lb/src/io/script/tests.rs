use std::time::Instant;

use super::*;

fn script(line: &str, timeout: Duration) -> Script {
    Script {
        words: vec!["/bin/sh".to_owned(), "-c".to_owned(), line.to_owned()],
        identity: None,
        timeout,
    }
}

#[tokio::test]
async fn a_program_ends_in_one_of_four_ways() {
    let cases = [
        ("exit 0", Outcome::Exited(0)),
        ("exit 3", Outcome::Exited(3)),
        ("kill -9 $$", Outcome::Signalled(9)),
        ("sleep 60", Outcome::TimedOut),
    ];
    for (line, expected) in cases {
        let limit = match expected {
            Outcome::TimedOut => Duration::from_millis(50),
            _ => Duration::from_secs(20),
        };
        assert_eq!(run(&script(line, limit)).await, expected, "{line}");
    }
    let missing = Script {
        words: vec!["/nonexistent/program".to_owned()],
        identity: None,
        timeout: GRACE,
    };
    assert!(matches!(run(&missing).await, Outcome::NotStarted(_)));
}

#[tokio::test]
async fn what_a_program_started_ends_with_it() {
    let start = Instant::now();
    let outcome = run(&script("sleep 60 & wait", Duration::from_millis(50))).await;
    assert_eq!(outcome, Outcome::TimedOut);
    assert!(start.elapsed() < GRACE, "SIGTERM reaches the whole group");
}
