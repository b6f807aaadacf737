use std::collections::BTreeMap;

use clap::ValueEnum as _;

use super::*;
use crate::io::folder::Folder;

/// Long options of a command and of those below it, by the name of the page.
fn options(command: &Command, all: &mut BTreeMap<String, Vec<String>>) {
    let shown = command
        .get_arguments()
        .filter(|option| !option.is_hide_set());
    let long = shown.filter_map(|option| option.get_long().map(str::to_owned));
    let name = command.get_display_name().unwrap_or(command.get_name());
    all.insert(format!("{name}.8"), long.collect());
    for command in super::shown(command) {
        options(command, all);
    }
}

fn all_options() -> BTreeMap<String, Vec<String>> {
    let mut command = Cli::command();
    command.build();
    let mut all = BTreeMap::new();
    options(&command, &mut all);
    all
}

#[test]
fn there_is_a_page_for_each_command_with_all_of_its_options() {
    let folder = Folder::new();
    write(&folder.join("man8")).unwrap();
    let all = all_options();
    assert!(all.len() > 15 && all["lb.8"].len() > 40, "{all:?}");
    assert_eq!(
        fs::read_dir(folder.join("man8")).unwrap().count(),
        all.len()
    );
    for (name, options) in all {
        let page = fs::read_to_string(folder.join("man8").join(&name)).unwrap();
        let page = page.replace('\\', "");
        for option in options {
            assert!(page.contains(&format!("--{option}")), "{name}: {option}");
        }
    }
}

#[test]
fn shells_complete_every_option_and_command() {
    for shell in Shell::value_variants() {
        let script = completions(*shell);
        for (page, options) in all_options() {
            let command = page
                .trim_end_matches(".8")
                .rsplit("lb-")
                .next()
                .unwrap_or_default();
            let last = command.rsplit('-').next().unwrap_or_default();
            assert!(script.contains(last), "{shell}: {command}");
            for option in options {
                // fish has the names without the dashes.
                assert!(script.contains(&option), "{shell}: {option}");
            }
        }
    }
}
