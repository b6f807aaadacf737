use std::collections::BTreeSet;

use lb_common::maps;

use super::*;

const SLOTS: u32 = maps::SERVICE_TABLE.max_entries;

fn services(count: u32) -> BTreeMap<ServiceKey, ServiceValue> {
    (0..count)
        .map(|n| {
            let [_, b, c, d] = n.to_be_bytes();
            let key = ServiceKey {
                address: lb_common::mapped([10, b, c, d]),
                port: 443u16.to_be_bytes(),
                protocol: 6,
                pad: 0,
            };
            let value = ServiceValue {
                id: n,
                ..ServiceValue::zeroed()
            };
            (key, value)
        })
        .collect()
}

#[test]
fn every_service_is_in_one_of_its_two_slots() {
    for count in [1, 100, 2000] {
        let mut image = Image {
            services: services(count),
            ..Image::default()
        };
        assert!(place(&mut image, SLOTS), "{count} services");
        assert_eq!(image.header.services, count);
        for (key, value) in &image.services {
            // Both may be one.
            let slots = service_slots(key, image.header.seed, image.header.mask);
            let found = BTreeSet::from(slots)
                .into_iter()
                .filter_map(|at| image.slots.get(&(image.header.base + at)));
            assert_eq!(
                found
                    .filter(|slot| slot.key == *key && slot.value == *value)
                    .count(),
                1
            );
        }
    }
}

#[test]
fn a_change_goes_to_the_idle_half_under_the_same_seed() {
    let mut image = Image {
        services: services(100),
        ..Image::default()
    };
    assert!(place(&mut image, SLOTS));
    let before = image.clone();
    image.services.values_mut().next().expect("a service").gate = 7;
    assert!(place(&mut image, SLOTS));
    assert_ne!(image.header.base, before.header.base);
    assert_eq!(image.header.seed, before.header.seed);
    let old_half = before.header.base..=before.header.base + SLOTS / 2 - 1;
    assert!(
        before
            .slots
            .range(old_half.clone())
            .eq(image.slots.range(old_half))
    );
}

#[test]
fn a_full_map_of_services_still_fits() {
    let mut image = Image {
        services: services(maps::SERVICES.max_entries),
        ..Image::default()
    };
    assert!(place(&mut image, SLOTS));
}
