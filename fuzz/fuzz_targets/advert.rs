//! Adverts: parsing never panics, and what parses is made again byte for byte.
#![no_main]

use lb::{
    config::model::{Family, vrrp::Adverts},
    vrrp::advert::Advertisement,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (std::net::IpAddr, &[u8])| {
    let (source, bytes) = input;
    let destination = Adverts::group(Family::of(source));
    if let Ok(advert) = Advertisement::parse(bytes, source, destination) {
        assert!(bytes.starts_with(&advert.emit(source, destination)));
    }
});
