use std::fmt::Write as _;

use super::*;
use crate::{
    config::model::vrrp::{OnDelete, StateNotify},
    vrrp::output::Happening,
};

fn command(name: &str) -> Command {
    Command {
        words: vec![name.to_owned()],
        owner: None,
    }
}

fn all() -> StateNotify {
    StateNotify {
        master: Some(command("master")),
        backup: Some(command("backup")),
        fault: Some(command("fault")),
        stop: Some(command("stop")),
        deleted: OnDelete::Fault,
        any: Some(Command {
            words: vec!["any".to_owned(), "own".to_owned()],
            owner: None,
        }),
        lower_priority: Some(command("lower")),
        priority_changes: true,
        mail: true,
    }
}

fn notice(party: Party, happening: Happening, notify: StateNotify) -> Notice {
    Notice {
        party,
        name: "V".to_owned(),
        happening,
        priority: 100,
        notify,
    }
}

fn notifier() -> Notifier {
    let mut notifier = Notifier::default();
    notifier.handle_config("node", &GlobalDefs::default());
    notifier
}

/// Everything that comes of the notices when each script ends at once.
fn told(notifier: &mut Notifier, notices: &[Notice]) -> String {
    let mut text = String::new();
    for notice in notices {
        notifier.handle_notice(notice);
        while let Some(effect) = notifier.poll_output() {
            match effect {
                Effect::Run(job) => {
                    writeln!(text, "run {}", job.command.words.join(" ")).unwrap();
                    notifier.handle_ended(&job.subject);
                }
                Effect::Tell(line) => write!(text, "fifo {line}").unwrap(),
                Effect::Mail(letter) => writeln!(text, "mail {}", letter.subject).unwrap(),
                Effect::Dropped(job) => writeln!(text, "dropped {}", job.state).unwrap(),
            }
        }
    }
    assert!(notifier.is_idle(), "{text}");
    text
}

#[test]
fn each_event_is_told_as_keepalived_tells_it() {
    use Happening::*;
    // What happened; what comes of it when each script ends at once.
    let cases = [
        (
            Master,
            "run master\n\
             fifo INSTANCE \"V\" MASTER 100\n\
             mail [node] VRRP Instance V - Entering MASTER state\n\
             run any own INSTANCE V MASTER 100\n",
        ),
        (
            Backup,
            "run backup\n\
             fifo INSTANCE \"V\" BACKUP 100\n\
             mail [node] VRRP Instance V - Entering BACKUP state\n\
             run any own INSTANCE V BACKUP 100\n",
        ),
        (
            Fault,
            "run fault\n\
             fifo INSTANCE \"V\" FAULT 100\n\
             mail [node] VRRP Instance V - Entering FAULT state\n\
             run any own INSTANCE V FAULT 100\n",
        ),
        (
            Stop,
            "run stop\nfifo INSTANCE \"V\" STOP 100\nrun any own INSTANCE V STOP 100\n",
        ),
        (
            Deleted,
            "run fault\n\
             fifo INSTANCE \"V\" FAULT 100\n\
             mail [node] VRRP Instance V - Entering FAULT state\n\
             run any own INSTANCE V FAULT 100\n",
        ),
        (
            MasterRxLowerPri,
            "run lower\nfifo INSTANCE \"V\" MASTER_RX_LOWER_PRI 100\n",
        ),
        (MasterPriority, "fifo INSTANCE \"V\" MASTER_PRIORITY 100\n"),
        (BackupPriority, "fifo INSTANCE \"V\" BACKUP_PRIORITY 100\n"),
        (
            Fenced,
            "run any own INSTANCE V FENCED 100\nfifo INSTANCE \"V\" FENCED 100\n",
        ),
    ];
    for (happening, expected) in cases {
        let notices = [notice(Party::Instance, happening, all())];
        assert_eq!(told(&mut notifier(), &notices), expected, "{happening:?}");
    }
}

#[test]
fn a_group_has_no_priority_and_words_of_its_own() {
    let notices = [notice(Party::Group, Happening::Master, all())];
    assert_eq!(
        told(&mut notifier(), &notices),
        "run master\n\
         fifo GROUP \"V\" MASTER 0\n\
         mail [node] VRRP Group V - Entering MASTER state\n\
         run any own GROUP V MASTER 0\n"
    );
    let letter = Letter::about(&notices[0], "node", true).unwrap();
    assert_eq!(
        letter.body,
        "=> All VRRP group instances are now in MASTER state <="
    );
}

#[test]
fn what_is_deleted_is_told_as_configured() {
    let cases = [
        (
            OnDelete::Fault,
            "run fault\nfifo INSTANCE \"V\" FAULT 100\n",
        ),
        (OnDelete::Deleted, "fifo INSTANCE \"V\" DELETED 100\n"),
        (
            OnDelete::Run(command("gone")),
            "run gone\nfifo INSTANCE \"V\" DELETED 100\n",
        ),
    ];
    for (deleted, expected) in cases {
        let notify = StateNotify {
            deleted,
            any: None,
            mail: false,
            ..all()
        };
        let notices = [notice(Party::Instance, Happening::Deleted, notify)];
        assert_eq!(told(&mut notifier(), &notices), expected);
    }
}

#[test]
fn nothing_is_told_that_nobody_asked_for() {
    let quiet = notice(
        Party::Instance,
        Happening::MasterPriority,
        StateNotify::default(),
    );
    assert_eq!(told(&mut notifier(), &[quiet]), "");
    let mut notifier = notifier();
    let mut global = GlobalDefs::default();
    global.mail.faults = false;
    notifier.handle_config("node", &global);
    let notify = StateNotify {
        mail: true,
        ..StateNotify::default()
    };
    let fault = notice(Party::Instance, Happening::Fault, notify);
    let text = told(&mut notifier, &[fault]);
    assert_eq!(text, "fifo INSTANCE \"V\" FAULT 100\n", "no_email_faults");
}

fn effects(notifier: &mut Notifier) -> Vec<Effect> {
    std::iter::from_fn(|| notifier.poll_output()).collect()
}

fn jobs(effects: &[Effect]) -> Vec<String> {
    let run = effects.iter().filter_map(|effect| match effect {
        Effect::Run(job) => Some(format!("{} {}", job.subject, job.command.words[0])),
        Effect::Tell(_) | Effect::Mail(_) | Effect::Dropped(_) => None,
    });
    run.collect()
}

fn scripts_only() -> StateNotify {
    StateNotify {
        any: None,
        mail: false,
        ..all()
    }
}

#[test]
fn a_slow_script_delays_those_of_its_subject_and_no_others() {
    let mut notifier = notifier();
    for happening in [Happening::Backup, Happening::Master, Happening::Fault] {
        notifier.handle_notice(&notice(Party::Instance, happening, scripts_only()));
    }
    let other = Notice {
        name: "W".to_owned(),
        ..notice(Party::Instance, Happening::Master, scripts_only())
    };
    notifier.handle_notice(&other);
    // A group of the same name is somebody else.
    notifier.handle_notice(&notice(Party::Group, Happening::Stop, scripts_only()));
    assert_eq!(
        jobs(&effects(&mut notifier)),
        ["V backup", "W master", "V stop"]
    );
    assert_eq!(notifier.waiting(), 2);
    let slow = Subject::Router {
        party: Party::Instance,
        name: "V".to_owned(),
    };
    notifier.handle_ended(&slow);
    assert_eq!(jobs(&effects(&mut notifier)), ["V master"]);
    notifier.handle_ended(&slow);
    assert_eq!(jobs(&effects(&mut notifier)), ["V fault"]);
}

#[test]
fn only_so_many_scripts_run_at_a_time_and_the_others_in_their_turn() {
    let mut notifier = notifier();
    for number in 0..PARALLEL + 2 {
        let one = Notice {
            name: number.to_string(),
            ..notice(Party::Instance, Happening::Master, scripts_only())
        };
        notifier.handle_notice(&one);
    }
    assert_eq!(jobs(&effects(&mut notifier)).len(), PARALLEL);
    let ended = |name: usize| Subject::Router {
        party: Party::Instance,
        name: name.to_string(),
    };
    notifier.handle_ended(&ended(3));
    assert_eq!(
        jobs(&effects(&mut notifier)),
        [format!("{PARALLEL} master")]
    );
    for number in 0..PARALLEL + 2 {
        if number != 3 {
            notifier.handle_ended(&ended(number));
        }
    }
    assert_eq!(jobs(&effects(&mut notifier)).len(), 1);
    assert!(notifier.is_idle());
}

#[test]
fn a_full_queue_leaves_out_the_oldest_and_says_so() {
    let mut notifier = notifier();
    notifier.handle_notice(&notice(Party::Instance, Happening::Backup, scripts_only()));
    for _ in 0..WAITING {
        notifier.handle_notice(&notice(Party::Instance, Happening::Fault, scripts_only()));
    }
    let before = effects(&mut notifier);
    assert!(!before.iter().any(|e| matches!(e, Effect::Dropped(_))));
    notifier.handle_notice(&notice(Party::Instance, Happening::Master, scripts_only()));
    let dropped: Vec<Effect> = effects(&mut notifier);
    assert!(
        matches!(&dropped[0], Effect::Dropped(job) if job.state == "FAULT"),
        "{dropped:?}"
    );
    let mut last = String::new();
    for _ in 0..WAITING {
        notifier.handle_ended(&Subject::Router {
            party: Party::Instance,
            name: "V".to_owned(),
        });
        last = jobs(&effects(&mut notifier)).concat();
    }
    assert_eq!(last, "V master", "the latest state is told in any case");
}

#[test]
fn states_are_repeated_to_fifos_alone() {
    let mut notifier = notifier();
    notifier.handle_repeat(&notice(Party::Instance, Happening::Master, all()));
    assert_eq!(
        effects(&mut notifier),
        [Effect::Tell("INSTANCE \"V\" MASTER 100\n".to_owned())]
    );
}
