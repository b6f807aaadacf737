use super::{Question, Request, parse};
use crate::observe::level::LogLevel;

#[test]
fn what_scripts_write_is_what_is_meant() {
    let cases = [
        (r#""status""#, Request::Status),
        (r#"{"stats":{}}"#, Request::Stats { clear: false }),
        (
            r#"{"stats":{"clear":true}}"#,
            Request::Stats { clear: true },
        ),
        (r#""reload""#, Request::Reload),
        (r#"{"log_level":{}}"#, Request::LogLevel { level: None }),
        (
            r#"{"log_level":{"level":"debug"}}"#,
            Request::LogLevel {
                level: Some(LogLevel::Debug),
            },
        ),
        (
            r#"{"follow":["VI_1"]}"#,
            Request::Follow(["VI_1".to_owned()].into()),
        ),
    ];
    for (text, request) in cases {
        let line = format!("{{\"protocol\":1,\"request\":{text}}}\n");
        assert_eq!(parse(&line), Ok(request.clone()), "{line}");
        let sent = serde_json::to_string(&Question::new(request.clone())).unwrap();
        assert_eq!(parse(&sent), Ok(request), "{sent}");
    }
}

#[test]
fn what_is_not_known_gets_a_sentence() {
    let cases = [
        ("", "this is no request (docs/control-socket.md)"),
        ("hello", "this is no request"),
        ("[1,2]", "this is no request"),
        ("\"status\"", "this is no request"),
        (
            r#"{"request":"status"}"#,
            "the request has no \"protocol\"; lb speaks 1",
        ),
        (
            r#"{"protocol":2,"request":"status"}"#,
            "protocol 2 is not known; lb ",
        ),
        (
            r#"{"protocol":-1,"request":"status"}"#,
            "this is no request",
        ),
        (r#"{"protocol":1}"#, "missing field `request`"),
        (
            r#"{"protocol":1,"request":"explode"}"#,
            "unknown variant `explode`, expected one of `status`",
        ),
        (
            r#"{"protocol":1,"request":{"stats":{"clean":true}}}"#,
            "unknown field `clean`",
        ),
        (
            r#"{"protocol":1,"request":"status","more":1}"#,
            "unknown field `more`",
        ),
        (
            r#"{"protocol":1,"request":{"log_level":{"level":"loud"}}}"#,
            "unknown variant `loud`",
        ),
    ];
    for (line, words) in cases {
        let error = parse(line).unwrap_err();
        assert!(error.contains(words), "{line}: {error}");
    }
}
