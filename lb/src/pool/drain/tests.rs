use super::*;

fn real(host: u8, port: u16) -> (IpAddr, u16) {
    ([10, 0, 0, host].into(), port)
}

fn of(drains: &Drains, (address, port): (IpAddr, u16)) -> Draining {
    drains.of(address, port)
}

const fn target(host: u8, port: Option<u16>) -> Target {
    Target {
        address: IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, host)),
        port,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "any instant is as good a start as another"
)]
fn start() -> Instant {
    Instant::now()
}

#[test]
fn an_address_is_all_its_ports_and_a_port_is_one() {
    let mut drains = Drains::default();
    drains.handle_drain(target(1, None), None, start());
    drains.handle_drain(target(2, Some(80)), None, start());
    for (id, expected) in [
        (real(1, 80), Draining::Quiescent),
        (real(1, 81), Draining::Quiescent),
        (real(2, 80), Draining::Quiescent),
        (real(2, 81), Draining::No),
        (real(3, 80), Draining::No),
    ] {
        assert_eq!(of(&drains, id), expected, "{id:?}");
    }
}

#[test]
fn flows_end_at_the_deadline_and_not_before() {
    let now = start();
    let end = now + Duration::from_secs(60);
    let mut drains = Drains::default();
    drains.handle_drain(target(1, None), Some(Duration::from_secs(60)), now);
    assert_eq!(drains.poll_timeout(), Some((end, "drain")));
    assert!(!drains.handle_timeout(end - Duration::from_millis(1)));
    assert_eq!(of(&drains, real(1, 80)), Draining::Quiescent);
    assert!(drains.handle_timeout(end));
    assert_eq!(of(&drains, real(1, 80)), Draining::Ended);
    assert_eq!(drains.poll_timeout(), None);
    assert!(!drains.handle_timeout(end), "once");
}

#[test]
fn a_release_or_another_drain_takes_the_place_of_what_was_asked() {
    let now = start();
    let mut drains = Drains::default();
    drains.handle_drain(target(1, None), Some(Duration::ZERO), now);
    drains.handle_timeout(now);
    drains.handle_drain(target(1, None), None, now);
    assert_eq!(of(&drains, real(1, 80)), Draining::Quiescent);
    assert!(drains.handle_release(target(1, None)));
    assert_eq!(of(&drains, real(1, 80)), Draining::No);
    assert!(!drains.handle_release(target(1, None)));
}

#[test]
fn an_address_is_released_with_its_ports_and_a_port_not_without_it() {
    let mut drains = Drains::default();
    drains.handle_drain(target(1, Some(80)), None, start());
    drains.handle_drain(target(1, None), None, start());
    assert!(drains.handle_release(target(1, Some(80))));
    assert_eq!(drains.wider(target(1, Some(80))), Some(target(1, None)));
    assert_eq!(of(&drains, real(1, 80)), Draining::Quiescent);
    drains.handle_drain(target(1, Some(80)), None, start());
    assert!(drains.handle_release(target(1, None)));
    assert_eq!(of(&drains, real(1, 80)), Draining::No);
    assert_eq!(drains.wider(target(1, None)), None);
}
