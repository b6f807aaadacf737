use nix::unistd::geteuid;

use super::*;
use crate::io::script::{self, Script};

/// What a program that this thread starts says of itself.
async fn said(line: &str) -> String {
    let script = Script {
        words: ["/bin/sh", "-c", line].map(str::to_owned).to_vec(),
        identity: None,
        environment: Vec::new(),
        timeout: Duration::from_secs(20),
    };
    script::report(&script).await.complaint.unwrap_or_default()
}

fn cpus() -> CpuSet {
    sched_getaffinity(Pid::from_raw(0)).unwrap()
}

fn first(set: &CpuSet) -> u16 {
    let mut cpus = (0..1024).filter(|cpu| set.is_set(usize::from(*cpu)).unwrap_or(false));
    cpus.next().unwrap()
}

/// All in one test, because it is about one thread and what that had before.
#[tokio::test]
async fn what_is_configured_is_ours_alone_and_taken_back() {
    let (nice_before, cpus_before) = (nice(), cpus());
    let wanted = Scheduling {
        nice: 7,
        cpus: vec![first(&cpus_before)],
        ..Scheduling::default()
    };
    let mut priorities = Priorities::new(Role::Vrrp);
    priorities.apply(&wanted, AutoPriority::default());
    assert_eq!(nice(), 7);
    assert!(cpus() != cpus_before || cpus_before == only(first(&cpus_before)));
    // Only root may lower a nice value.
    let expected = if geteuid().is_root() { nice_before } else { 7 };
    assert_eq!(said("nice >&2").await, expected.to_string());
    let all = said("grep Cpus_allowed: /proc/self/status >&2").await;
    priorities.apply(&Scheduling::default(), AutoPriority::default());
    assert_eq!(nice(), expected);
    assert!(cpus() == cpus_before);
    let again = said("grep Cpus_allowed: /proc/self/status >&2").await;
    assert_eq!(all, again, "a script has the processors there were before");
}

fn only(cpu: u16) -> CpuSet {
    let mut set = CpuSet::new();
    set.set(cpu.into()).unwrap();
    set
}

#[tokio::test]
async fn lateness_raises_the_priority_as_far_as_configured() {
    let second = Duration::from_secs(1);
    // max_auto_priority, how often late and by how much; where that leads.
    let cases = [
        (0, 5, second, 0),
        (-1, 5, second, 0),
        (3, 1, second, 1),
        (3, 5, second, 3),
        (3, 5, second / 2, 0),
    ];
    for (max, times, by, expected) in cases {
        let auto = AutoPriority {
            max,
            min_delay: second,
        };
        let mut priorities = Priorities::new(Role::Vrrp);
        priorities.apply(&Scheduling::default(), auto);
        for _ in 0..times {
            priorities.late(by);
        }
        assert_eq!(priorities.raised, expected, "{max} {times} {by:?}");
        set_normal().unwrap();
    }
}
