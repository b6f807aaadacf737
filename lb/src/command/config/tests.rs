use std::fs;

use super::*;
use crate::io::folder::Folder;

#[test]
fn findings_are_appended_to_the_log_with_a_summary() {
    let folder = Folder::new();
    let (file, log) = (folder.join("a.conf"), folder.join("log"));
    fs::write(&file, "global_defs {\nunheard_of\n}\n").unwrap();
    let findings = Findings::Append(log.clone());
    for _ in 0..2 {
        assert_eq!(
            test(&file, &Options::default(), None, &findings).unwrap(),
            4
        );
    }
    let name = file.display();
    let once = format!(
        "{name}:2:1: error: unknown keyword `unheard_of` in global_defs\n\
         1 error, 0 warnings in {name}: lb refuses it\n"
    );
    assert_eq!(fs::read_to_string(&log).unwrap(), once.repeat(2));
}

#[test]
fn a_log_that_cannot_be_written_is_an_error() {
    let folder = Folder::new();
    let log = folder.join("missing/log");
    let error = test(
        &folder.join("a.conf"),
        &Options::default(),
        None,
        &Findings::Append(log),
    )
    .unwrap_err();
    assert!(
        format!("{error:#}").starts_with("cannot write to "),
        "{error:#}"
    );
}

/// `cargo xtask keywords` and `cargo xtask bless` write the page instead of comparing it.
#[test]
fn the_keywords_page_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/keywords.md");
    if std::env::var_os("INSTA_UPDATE").is_some_and(|update| update == "always") {
        fs::write(&path, explain::page()).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == explain::page(),
        "docs/keywords.md is not what the keyword tables say: run `cargo xtask keywords`"
    );
}
