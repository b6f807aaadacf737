use super::*;

fn line(state: &str, figures: &str) -> Line {
    Line {
        about: "d1".to_owned(),
        state: state.to_owned(),
        figures: figures.to_owned(),
    }
}

#[test]
fn without_a_terminal_only_changes_of_state_are_printed() {
    let mut screen = Screen::new(false);
    for (shown, printed) in [
        (line("BACKUP", "1"), vec!["d1: BACKUP"]),
        (line("BACKUP", "2"), vec![]),
        (line("MASTER", "2"), vec!["d1: MASTER"]),
        (line("MASTER", "3"), vec![]),
    ] {
        assert_eq!(screen.changes(&[shown]), printed);
    }
}
