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
