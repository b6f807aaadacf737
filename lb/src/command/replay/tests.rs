use super::*;

const BEGIN: &str = r#"{"begin":{"format":1,"version":"0.1.0","time":0,"outputs":true}}"#;
const TIMEOUT: &str = r#"{"input":{"at":1000,"input":"timeout"}}"#;
const GATE: &str = r#"{"output":{"set_gate":{"instance":0,"gate":"open"}}}"#;

fn played(text: &str, inputs: bool) -> (End, String) {
    let mut out = Vec::new();
    let end = play(text.as_bytes(), inputs, &mut out).unwrap();
    (end, String::from_utf8(out).unwrap())
}

#[test]
fn what_it_is_fed_is_told_on_demand() {
    let text = format!("{BEGIN}\n{TIMEOUT}\n");
    let begin = "recorded by lb 0.1.0, 0 s after 1970\n";
    for (inputs, expected) in [
        (false, begin.to_owned()),
        (true, format!("{begin}> 0.000001 \"timeout\"\n")),
    ] {
        let (end, out) = played(&text, inputs);
        assert!(matches!(end, End::Same), "{end:?}");
        assert_eq!(out, expected);
    }
}

#[test]
fn what_is_no_longer_wanted_is_a_difference() {
    let (end, out) = played(&format!("{BEGIN}\n{TIMEOUT}\n{GATE}\n"), false);
    assert!(matches!(end, End::Different(1)), "{end:?}");
    assert!(
        out.ends_with("- 0.000001 (instance 0) gate open\n"),
        "{out}"
    );
}

#[test]
fn a_recording_may_end_anywhere_and_another_may_follow() {
    let cut = &TIMEOUT[..20];
    for text in [
        format!("{BEGIN}\n{cut}"),
        format!("{BEGIN}\n{cut}\n{BEGIN}\n{TIMEOUT}\n"),
        format!("{BEGIN}\n{TIMEOUT}\n\n{BEGIN}\n"),
        String::new(),
    ] {
        let (end, _) = played(&text, false);
        assert!(matches!(end, End::Same), "{text}: {end:?}");
    }
}

#[test]
fn damage_is_told_with_its_line() {
    let long =
        r#"{"input":{"at":0,"input":{"hold":{"time":{"secs":18446744073709551615,"nanos":0}}}}}"#;
    for (text, line, said) in [
        (format!("{TIMEOUT}\n"), 1, "a recording begins with"),
        (BEGIN.replace(":1,", ":2,"), 1, "format 2 is unknown"),
        (
            format!("{BEGIN}\n{TIMEOUT}\nx\n"),
            3,
            "not a line of a recording",
        ),
        (
            format!("{BEGIN}\n{{\n{TIMEOUT}\n"),
            2,
            "not a line of a recording",
        ),
        (format!("{BEGIN}\n{long}\n"), 2, "longer than 100 years"),
    ] {
        match played(&text, false).0 {
            End::Damaged(number, problem) => {
                assert_eq!(number, line, "{text}");
                assert!(problem.to_string().contains(said), "{problem}");
            }
            end => panic!("{text}: {end:?}"),
        }
    }
}

#[test]
fn text_of_a_recording_commands_no_terminal() {
    let begin = BEGIN.replace("0.1.0", r"\u001b[2J");
    let (_, out) = played(&begin, false);
    assert_eq!(out, "recorded by lb \u{fffd}[2J, 0 s after 1970\n");
}
