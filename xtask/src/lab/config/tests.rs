use super::*;

#[test]
fn the_first_director_runs_the_example_as_it_is() {
    let example = include_str!("../../../../examples/quickstart.conf");
    assert_eq!(Template::director(1).text(), example);
}

#[test]
fn the_second_director_differs_in_the_priorities_only() {
    let first = Template::director(1).text();
    let second = Template::director(2).text();
    let different: Vec<_> = first
        .lines()
        .zip(second.lines())
        .filter(|(first, second)| first != second)
        .collect();
    assert_eq!(
        different,
        [("    priority 150", "    priority 100"); 2],
        "one line in each instance"
    );
}

#[test]
fn version_2_has_no_ipv6_instance() {
    let template = Template {
        version: 2,
        advert_interval: 1.0,
        ..Template::director(1)
    };
    let text = template.text();
    assert!(
        text.contains("version 2") && text.contains("advert_int 1\n"),
        "{text}"
    );
    assert!(
        !text.contains("front6") && text.contains("virtual_server 2001:db8::101 80"),
        "{text}"
    );
}
