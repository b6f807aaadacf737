use clap::CommandFactory;

use super::*;

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn keepalived_options_mean_what_they_mean_there() {
    let cli = Cli::try_parse_from(["lb", "-n", "-l", "-D", "-D", "-f", "a.conf"]).unwrap();
    assert!(cli.dont_fork && cli.log_console);
    assert_eq!((cli.log_detail, cli.use_file), (2, PathBuf::from("a.conf")));
    assert_eq!(cli.command, None);

    let cli = Cli::try_parse_from(["lb", "-nlD", "--use-file=b.conf"]).unwrap();
    assert!(cli.dont_fork && cli.log_console);
    assert_eq!((cli.log_detail, cli.use_file), (1, PathBuf::from("b.conf")));
}

#[test]
fn an_unknown_option_is_refused() {
    assert!(Cli::try_parse_from(["lb", "--no-such-option"]).is_err());
}

fn parse(line: &[&str]) -> Cli {
    Cli::try_parse_from(attach_optional(line.iter().map(Into::into))).unwrap()
}

#[test]
fn the_file_of_a_config_test_is_attached_as_getopt_has_it() {
    let to = |file: &str| Some(Some(PathBuf::from(file)));
    for (line, config_test, dont_fork) in [
        (&["lb", "-n"][..], None, true),
        (&["lb", "-t"], Some(None), false),
        (&["lb", "-nt"], Some(None), true),
        (&["lb", "-t", "-n"], Some(None), true),
        (&["lb", "--config-test"], Some(None), false),
        (&["lb", "-tlog"], to("log"), false),
        (&["lb", "-tn"], to("n"), false),
        (&["lb", "-nltlog"], to("log"), true),
        (&["lb", "-t=log"], to("=log"), false),
        (&["lb", "-t/run/x y"], to("/run/x y"), false),
        (&["lb", "--config-test=log"], to("log"), false),
    ] {
        let cli = parse(line);
        assert_eq!(
            (cli.config_test, cli.dont_fork),
            (config_test, dont_fork),
            "{line:?}"
        );
    }
}

#[test]
fn the_value_of_another_option_is_no_cluster() {
    let cli = parse(&["lb", "-fstart.conf", "-t"]);
    assert_eq!(cli.use_file, PathBuf::from("start.conf"));
    assert_eq!(cli.config_test, Some(None));
}

#[test]
fn an_empty_file_of_a_config_test_is_refused() {
    assert!(Cli::try_parse_from(["lb", "--config-test="]).is_err());
}

#[test]
fn configurations_have_commands() {
    let config = |line: &[&str]| match parse(line).command {
        Some(Command::Config(command)) => command,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        config(&["lb", "config", "test", "a.conf", "--json"]),
        ConfigCommand::Test {
            file: Some(PathBuf::from("a.conf")),
            json: true
        }
    );
    assert_eq!(
        config(&["lb", "config", "explain"]),
        ConfigCommand::Explain { keyword: None }
    );
}

#[test]
fn a_time_is_a_number_with_a_unit_or_seconds() {
    let line = |time: &str| {
        let words = ["lb", "vrrp", "yield", "VI_1", "--for", time];
        Cli::try_parse_from(words).map(|cli| cli.command)
    };
    for (time, seconds) in [("90", 90), ("90s", 90), ("5m", 300), ("1h", 3600)] {
        let expected = VrrpCommand::Yield {
            instance: "VI_1".to_owned(),
            time: Some(Duration::from_secs(seconds)),
        };
        assert_eq!(line(time).unwrap(), Some(Command::Vrrp(expected)), "{time}");
    }
    let wrong = [
        "",
        "m",
        "0",
        "0h",
        "-5",
        "+5",
        "1.5h",
        "5 m",
        "5min",
        "5M",
        "18446744073709551616",
        "5124095576030432h",
    ];
    for time in wrong {
        assert!(line(time).is_err(), "{time}");
    }
}

#[test]
fn keepalive_and_spawndaemon_have_options_of_their_own() {
    let line = |line: &[&str]| parse(line).command;
    let Some(Command::Keepalive(daemon)) = line(&["lb", "-s", "keepalive", "keepalive", "-it5"])
    else {
        panic!("not keepalive");
    };
    assert!(daemon.empty);
    assert_eq!(daemon.interval, 5);
    let named = keepalive::by_name(["/usr/sbin/spawndaemon", "-k", "-s", "3"].map(Into::into));
    assert_eq!(named, ["lb", "spawndaemon", "-k", "-s", "3"]);
    let named = Cli::try_parse_from(named).unwrap();
    let Some(Command::Spawndaemon(asked)) = named.command else {
        panic!("not spawndaemon");
    };
    assert_eq!((asked.kill, asked.slot), (true, Some(3)));
    for refused in [
        &["lb", "spawndaemon"][..],
        &["lb", "spawndaemon", "-r", "f", "-s", "3"],
        &["lb", "spawndaemon", "-k", "-r", "f"],
        &["lb", "spawndaemon", "-L", "-n", "3"],
        &["lb", "spawndaemon", "-r", "f", "-Z", "anywhere"],
        &["lb", "spawndaemon", "-r", "f", "-c", "down=256"],
        &["lb", "spawndaemon", "-r", "f", "-U", "-F", "a"],
        &["lb", "spawndaemon", "-q", "-v", "human"],
        &["lb", "keepalive", "-t", "0"],
    ] {
        assert!(Cli::try_parse_from(refused).is_err(), "{refused:?}");
    }
}

#[test]
fn a_command_that_is_run_with_keepalive_keeps_its_own_options() {
    let line = [
        "lb",
        "-s",
        "blue",
        "tcp-keepalive",
        "run",
        "--idle",
        "1m",
        "--rule",
        "local-port 22 leave",
        "--",
        "cc",
        "-tx",
        "-n",
    ];
    let cli = parse(&line);
    let Some(Command::TcpKeepalive(tcp_keepalive::TcpKeepalive::Run { rules, command })) =
        cli.command
    else {
        panic!("{cli:?}");
    };
    assert_eq!(command, ["cc", "-tx", "-n"]);
    let made: Vec<String> = rules
        .rules("# nothing\n")
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(made, ["local-port 22 leave"]);
    let made = rules.rules("remote ::1 force").unwrap();
    assert_eq!(
        made[1].to_string(),
        "remote ::1/128 idle 60 interval 30 probes 3 user-timeout auto force"
    );
    for wrong in [
        &["lb", "tcp-keepalive", "attach"][..],
        &[
            "lb",
            "tcp-keepalive",
            "attach",
            "--cgroup",
            "x",
            "--force",
            "--respect-app",
        ],
        &["lb", "tcp-keepalive", "detach"],
        &["lb", "tcp-keepalive", "detach", "--all", "--cgroup", "x"],
        &["lb", "tcp-keepalive", "persist", "--remove", "--time", "3"],
        &["lb", "tcp-keepalive", "run"],
    ] {
        assert!(Cli::try_parse_from(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_status_is_watched_every_two_seconds_or_as_often_as_is_said() {
    let watched = |line: &[&str]| match parse(line).command {
        Some(Command::Status { json, watch }) => (json, watch.map(|every| every.as_secs())),
        other => panic!("{other:?}"),
    };
    assert_eq!(watched(&["lb", "status"]), (false, None));
    assert_eq!(watched(&["lb", "status", "--watch"]), (false, Some(2)));
    assert_eq!(watched(&["lb", "status", "--watch", "5"]), (false, Some(5)));
    assert_eq!(
        watched(&["lb", "status", "--watch", "--json"]),
        (true, Some(2))
    );
    assert!(Cli::try_parse_from(["lb", "status", "--watch", "0"]).is_err());
}

#[test]
fn the_level_of_the_log_is_one_of_four_words() {
    let level = |line: &[&str]| parse(line).command;
    assert_eq!(
        level(&["lb", "log-level"]),
        Some(Command::LogLevel { level: None })
    );
    for level in LogLevel::ALL {
        let line = ["lb", "log-level", level.name()];
        assert_eq!(
            parse(&line).command,
            Some(Command::LogLevel { level: Some(level) })
        );
    }
    assert!(Cli::try_parse_from(["lb", "log-level", "loud"]).is_err());
}
