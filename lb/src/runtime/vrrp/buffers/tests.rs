use super::*;
use crate::config::model::{Family, Version, VirtualAddress, vrrp::Hmac};

fn instance(family: Family, addresses: &[&str]) -> VrrpInstance {
    let eth0 = || "eth0".to_owned().try_into().unwrap();
    let addresses = addresses.iter().map(|address| VirtualAddress {
        address: address.parse().unwrap(),
        prefix: 32.try_into().unwrap(),
        interface: eth0(),
    });
    VrrpInstance {
        addresses: addresses.collect(),
        ..VrrpInstance::new("a", eth0(), 51.try_into().unwrap(), family)
    }
}

#[test]
fn the_buffer_of_an_instance_is_its_own_or_by_the_policy() {
    let v2 = instance(Family::V4, &["10.0.0.1", "10.0.0.2"]);
    let v6 = instance(Family::V6, &["fe80::1"]);
    let mut given = v2.clone();
    given.link.receive_buffer = Some(50_000);
    let signed = VrrpInstance {
        version: Version::V3,
        hmac: Some(Hmac {
            keys: Vec::new(),
            active_key: 1,
            time_window: std::time::Duration::from_secs(5),
            anti_replay: Default::default(),
            mode: Default::default(),
        }),
        ..v2.clone()
    };
    let rows = [
        (&v2, AdvertBuffer::System, None),
        (&given, AdvertBuffer::System, Some(50_000)),
        (&given, AdvertBuffer::Bytes(9), Some(50_000)),
        (&v2, AdvertBuffer::Bytes(9), Some(9)),
        (&v2, AdvertBuffer::Mtu, Some(3 * 1500)),
        // Headers, two addresses, authentication data.
        (&v2, AdvertBuffer::Advert, Some(3 * (20 + 8 + 8 + 8))),
        (&v6, AdvertBuffer::Advert, Some(3 * (40 + 8 + 16))),
        (&signed, AdvertBuffer::Advert, Some(3 * (20 + 8 + 8 + 28))),
    ];
    for (config, adverts, wanted) in rows {
        let buffers = Buffers {
            adverts,
            ..Buffers::default()
        };
        let found = receive_buffer(config, &buffers, Some(1500));
        assert_eq!(found, wanted, "{adverts:?}");
    }
    let twice = Buffers {
        adverts: AdvertBuffer::Mtu,
        advert_multiplier: Some(2),
        ..Buffers::default()
    };
    assert_eq!(receive_buffer(&v2, &twice, Some(9000)), Some(18_000));
    assert_eq!(receive_buffer(&v2, &twice, None), None);
}
