use clap::{CommandFactory as _, Parser as _};

use super::*;
use crate::{
    cli::{Cli, Role, attach_optional, take_operands},
    io::signals::Asked,
};

/// Every option of keepalived(8) 2.4: short and long name, and whether an argument must (`=`) or may (`?`) follow.
const OPTIONS: [(&str, &str, &str); 45] = [
    ("f", "use-file", "="),
    ("P", "vrrp", ""),
    ("C", "check", ""),
    ("B", "no_bfd", ""),
    ("", "all", ""),
    ("l", "log-console", ""),
    ("D", "log-detail", ""),
    ("S", "log-facility", "="),
    ("g", "log-file", "?"),
    ("", "flush-log-file", ""),
    ("G", "no-syslog", ""),
    ("u", "umask", "="),
    ("X", "release-vips", ""),
    ("V", "dont-release-vrrp", ""),
    ("I", "dont-release-ipvs", ""),
    ("R", "dont-respawn", ""),
    ("n", "dont-fork", ""),
    ("d", "dump-conf", ""),
    ("p", "pid", "="),
    ("r", "vrrp_pid", "="),
    ("c", "checkers_pid", "="),
    ("b", "bfd_pid", "="),
    ("T", "genhash", ""),
    ("a", "address-monitoring", ""),
    ("s", "namespace", "="),
    ("e", "all-config", ""),
    ("i", "config-id", "="),
    ("x", "snmp", ""),
    ("A", "snmp-agent-socket", "="),
    ("m", "core-dump", ""),
    ("M", "core-dump-pattern", "?"),
    ("", "signum", "="),
    ("t", "config-test", "?"),
    ("", "config-fd", "="),
    ("", "perf", "?"),
    ("", "debug", "?"),
    ("", "no-mem-check", ""),
    ("L", "mem-check-log", ""),
    ("O", "openssl-mem-check", ""),
    ("", "ignore-sigint", ""),
    ("v", "version", ""),
    ("h", "help", ""),
    // keepalived's own, said another way.
    ("", "log-c", ""),
    ("", "config-t", "?"),
    ("", "no_b", ""),
];
/// How many of these are not abbreviations.
const LONG: usize = 42;

/// An argument that the option takes.
fn value(long: &str) -> &'static str {
    match long {
        "umask" => "027",
        "config-fd" => "3",
        "perf" => "end",
        "debug" => "DvEcvN",
        _ => "value",
    }
}

fn parse(words: &[&str]) -> Result<Cli, clap::error::Error> {
    let words = ["lb"].iter().chain(words).map(OsString::from);
    Cli::try_parse_from(attach_optional(words))
}

/// The same line parsed with and without an option differs, unless it ends with the option.
fn changes(words: &[&str]) -> bool {
    match parse(words) {
        Ok(cli) => cli.to_compare() != parse(&[]).unwrap().to_compare(),
        Err(error) => error.exit_code() == 0,
    }
}

impl Cli {
    fn to_compare(&self) -> String {
        format!("{self:?}")
    }
}

#[test]
fn every_option_is_taken_as_getopt_long_takes_it() {
    for (short, long, argument) in OPTIONS {
        let value = value(long);
        let bare = format!("--{long}");
        let equals = format!("--{long}={value}");
        let (letter, attached) = (format!("-{short}"), format!("-{short}{value}"));
        let mut taken: Vec<Vec<&str>> = Vec::new();
        let mut refused: Vec<Vec<&str>> = Vec::new();
        let empty = format!("--{long}=");
        match argument {
            "=" => {
                taken.extend([vec![&*equals], vec![&*bare, value]]);
                refused.extend([vec![&*bare], vec![&*empty]]);
                if !short.is_empty() {
                    taken.extend([vec![&*attached], vec![&*letter, value]]);
                    refused.push(vec![&*letter]);
                }
            }
            "?" => {
                taken.extend([vec![&*equals], vec![&*bare]]);
                // What is not attached is an operand.
                refused.extend([vec![&*bare, value], vec![&*empty]]);
                if !short.is_empty() {
                    taken.extend([vec![&*attached], vec![&*letter]]);
                    refused.push(vec![&*letter, value]);
                }
            }
            _ => {
                taken.push(vec![&*bare]);
                refused.push(vec![&*equals]);
                if !short.is_empty() {
                    taken.push(vec![&*letter]);
                }
            }
        }
        for words in taken {
            assert!(changes(&words), "{words:?}: {:?}", parse(&words).err());
        }
        for words in refused {
            let is_refused = parse(&words).is_err_and(|error| error.exit_code() != 0);
            assert!(is_refused, "{words:?}");
        }
    }
}

#[test]
fn the_help_has_keepalived_s_names_and_one_of_our_own() {
    let mut command = Cli::command();
    command.build();
    let mut ours: Vec<(String, String)> = command
        .get_arguments()
        .filter(|option| !option.is_hide_set() && !option.is_positional())
        .map(|option| {
            let short = option.get_short().map(String::from).unwrap_or_default();
            (short, option.get_long().unwrap_or_default().to_owned())
        })
        .collect();
    let theirs = OPTIONS[..LONG].iter();
    let mut theirs: Vec<(String, String)> = theirs
        .map(|(short, long, _)| ((*short).to_owned(), (*long).to_owned()))
        .chain([(String::new(), "log-format".to_owned())])
        .collect();
    ours.sort();
    theirs.sort();
    assert_eq!(ours, theirs);
}

#[test]
fn options_may_be_repeated_and_the_last_one_counts() {
    let cli = parse(&["-n", "-n", "-fa", "-f", "b", "-DDD", "-D"]).unwrap();
    assert_eq!((cli.use_file, cli.log_detail), (PathBuf::from("b"), 4));
}

#[test]
fn keepalived_s_operands_are_taken_out() {
    let words = [
        "keepalived",
        "one",
        "-f",
        "a",
        "-n",
        "two",
        "--pid",
        "p",
        "-Slocal1",
        "--",
        "-x",
    ];
    let (kept, operands) = take_operands(words.iter().map(OsString::from).collect());
    assert_eq!(
        kept,
        ["keepalived", "-f", "a", "-n", "--pid", "p", "-Slocal1"]
    );
    assert_eq!(operands, ["one", "two", "-x"]);
}

#[test]
fn a_command_that_is_not_known_is_no_daemon() {
    assert!(parse(&["statsu"]).is_err());
}

#[test]
fn genhash_is_a_name_and_a_first_option() {
    for words in [
        &["/usr/bin/genhash", "-s", "192.0.2.1"][..],
        &["lb", "-T", "-s", "192.0.2.1"],
        &["keepalived", "--genhash", "-s", "192.0.2.1"],
    ] {
        let words = genhash_by_name(words.iter().map(OsString::from).collect());
        assert_eq!(words[1..], ["genhash", "-s", "192.0.2.1"], "{words:?}");
    }
    let later = ["lb", "-n", "-T"].iter().map(OsString::from).collect();
    assert_eq!(genhash_by_name(later), ["lb", "-n", "-T"]);
}

#[test]
fn a_umask_is_octal() {
    for (word, mask) in [("022", Some(0o22)), ("77", Some(0o77)), ("0", Some(0))] {
        assert_eq!(parse(&["-u", word]).unwrap().daemon.umask, mask);
    }
    for word in ["", "8", "1000", "+7", "-7", "0x7", "rwx"] {
        assert!(parse(&[&format!("--umask={word}")]).is_err(), "{word}");
    }
}

#[test]
fn debug_has_keepalived_s_grammar() {
    let targets = |spec: &str, role| spec.parse::<DebugLines>().unwrap().targets(role);
    assert_eq!(targets("D", None), ["lb"]);
    assert_eq!(targets("Dv", None), [""; 0]);
    assert_eq!(targets("DvMcv", Some(Role::Vrrp)), ["lb", "lb::mail"]);
    assert_eq!(targets("DvMcv", Some(Role::Checkers)), ["lb::mail"]);
    assert_eq!(targets("ZbOp", Some(Role::Bfd)), ["lb::scripts"]);
    for (spec, error) in [
        ("", NoDebug::Empty),
        ("v", NoDebug::NoSubject('v')),
        ("DvQ", NoDebug::Letter('Q')),
        ("Dx", NoDebug::Letter('x')),
    ] {
        assert_eq!(spec.parse::<DebugLines>(), Err(error), "{spec}");
    }
    for spec in ["Dp", "Dpbcv", "EvMc"] {
        assert_eq!(spec.parse::<DebugLines>().unwrap().to_string(), spec);
    }
    assert_eq!(
        parse(&["--debug"]).unwrap().daemon.debugged(),
        Some(DebugLines::everything())
    );
}

#[test]
fn options_without_effect_say_so() {
    let said = |words: &[&str]| parse(words).unwrap().daemon.without_effect();
    assert_eq!(said(&["-n", "-P", "-a", "--debug=D"]), [""; 0]);
    for words in [
        &["-x"][..],
        &["-Audp:localhost:705"],
        &["--no-mem-check"],
        &["-L"],
        &["-O"],
        &["--debug=E"],
    ] {
        let sentences = said(words);
        assert!(
            sentences.len() == 1 && sentences[0].contains("lb"),
            "{sentences:?}"
        );
    }
}

#[test]
fn signals_have_keepalived_s_names_and_numbers() {
    // The last three depend on the C library, which keeps the first two of their kind.
    for (name, number) in [
        ("STOP", 15),
        ("RELOAD", 1),
        ("DATA", 10),
        ("STATS", 12),
        ("STATS_CLEAR", 63),
        ("JSON", 36),
        ("TDUMP", 64),
    ] {
        let asked = Asked::named(name);
        assert_eq!(asked.map(Asked::number), Some(number), "{name}");
    }
    for name in ["", "stop", "TDATA", "HUP"] {
        assert_eq!(Asked::named(name), None, "{name}");
    }
}
