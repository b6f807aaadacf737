use bytemuck::Zeroable as _;
use lb_common::router::{
    ROUTER_FLAG_ANSWERS, ROUTER_FLAG_OTHER_CHECKSUMS, ROUTER_FLAG_PASS, ROUTER_FLAG_PEERS,
    RouterValue,
};

use super::Terms;
use crate::config::model::{
    Family, Version, VrrpInstance,
    vrrp::{Authentication, AuthenticationType, Destination, OldChecksum, Secret, Unicast},
};

fn instance(version: Version, family: Family) -> VrrpInstance {
    let interface = "eth0".to_owned().try_into().unwrap();
    VrrpInstance {
        version,
        ..VrrpInstance::new("a", interface, 1.try_into().unwrap(), family)
    }
}

fn entry(config: &VrrpInstance) -> RouterValue {
    let mut value = RouterValue::zeroed();
    Terms::of(config).write(&mut value);
    value
}

fn authenticated(kind: AuthenticationType) -> VrrpInstance {
    VrrpInstance {
        authentication: Some(Authentication {
            kind,
            password: Secret::from("secret".to_owned()),
        }),
        ..instance(Version::V2, Family::V4)
    }
}

fn unicast(check_source: bool, old_checksum: OldChecksum) -> VrrpInstance {
    let mut config = instance(Version::V3, Family::V4);
    config.adverts.destination = Destination::Unicast(Unicast {
        check_source,
        old_checksum,
        ttl: 255,
        peers: Vec::new(),
    });
    config
}

#[test]
fn multicast_adverts_must_come_with_the_highest_ttl() {
    for family in [Family::V4, Family::V6] {
        let value = entry(&instance(Version::V3, family));
        assert_eq!((value.min_ttl, value.max_ttl), (255, 255));
    }
    let value = entry(&unicast(false, OldChecksum::Never));
    assert_eq!((value.min_ttl, value.max_ttl), (0, 255));
}

#[test]
fn a_sender_has_four_times_the_rate_of_a_master() {
    let value = entry(&instance(Version::V2, Family::V4));
    assert_eq!((value.spacing, value.seconds), (250_000_000, 1));
}

#[test]
fn a_password_is_eight_bytes_and_nobody_sees_it() {
    let config = authenticated(AuthenticationType::Password);
    let value = entry(&config);
    assert_eq!((value.authentication, value.password), (1, *b"secret\0\0"));
    assert!(!format!("{:?}", Terms::of(&config)).contains("115"));
}

#[test]
fn what_the_kernel_cannot_judge_is_flagged() {
    let mut summed_otherwise = instance(Version::V3, Family::V4);
    summed_otherwise.adverts.v3_checksum_as_v2 = true;
    let mut over_v6 = instance(Version::V3, Family::V6);
    over_v6.adverts.v3_checksum_as_v2 = true;
    let cases = [
        (0, instance(Version::V3, Family::V4)),
        (0, authenticated(AuthenticationType::Password)),
        (ROUTER_FLAG_PASS, authenticated(AuthenticationType::Header)),
        (ROUTER_FLAG_OTHER_CHECKSUMS, summed_otherwise),
        (0, over_v6),
        (0, unicast(false, OldChecksum::Never)),
        (ROUTER_FLAG_PEERS, unicast(true, OldChecksum::Never)),
        (
            ROUTER_FLAG_OTHER_CHECKSUMS,
            unicast(false, OldChecksum::Detect),
        ),
    ];
    for (flags, config) in cases {
        assert_eq!(
            entry(&config).flags,
            flags | ROUTER_FLAG_ANSWERS,
            "{config:?}"
        );
    }
}

#[test]
fn one_that_answers_no_lower_advert_is_not_held_to_it() {
    let (mut mute, mut deaf) = (
        instance(Version::V3, Family::V4),
        instance(Version::V3, Family::V4),
    );
    mute.election.lower_prio_no_advert = true;
    deaf.election.owner_ignore_adverts = true;
    assert_eq!([mute, deaf].map(|config| entry(&config).flags), [0, 0]);
}
