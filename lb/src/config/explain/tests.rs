use super::*;

#[test]
fn a_keyword_is_told_for_each_block_it_stands_in() {
    insta::assert_snapshot!("explain", explain("delay_loop").unwrap());
}

#[test]
fn a_block_is_told_with_its_keywords() {
    let text = explain("TCP_CHECK").unwrap();
    assert!(
        text.starts_with("TCP_CHECK\n  in        real_server\n"),
        "{text}"
    );
    assert!(text.contains("\nTCP_CHECK\n  connect_ip"), "{text}");
    for block in ["static_routes", "virtual_routes"] {
        let text = explain(block).unwrap();
        assert!(
            text.contains("\nstatic_routes and virtual_routes\n  unicast"),
            "{text}"
        );
    }
}

#[test]
fn another_name_tells_the_same() {
    assert_eq!(explain("lvs_sched"), explain("lb_algo"));
    assert!(
        explain("lvs_sched")
            .unwrap()
            .contains("\n  also      lvs_sched\n")
    );
}

#[test]
fn an_unknown_keyword_gets_the_nearest_one() {
    for (word, sentence) in [
        (
            "prioritty",
            "unknown keyword `prioritty`; did you mean `priority`?",
        ),
        (
            "completely_else",
            "unknown keyword `completely_else`; `lb config explain` lists what there is",
        ),
    ] {
        assert_eq!(explain(word).unwrap_err().to_string(), sentence);
    }
}

#[test]
fn the_list_has_every_keyword() {
    let text = list();
    for entry in reference() {
        for name in entry.names {
            assert!(text.contains(name), "{name}");
        }
    }
}
