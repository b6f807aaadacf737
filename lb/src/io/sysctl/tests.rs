use super::*;
use crate::io::folder::Folder;

#[test]
fn a_setting_is_spelt_as_sysctl_does_and_belongs_to_an_interface() {
    let name: InterfaceName = "vrrp.51".to_owned().try_into().unwrap();
    let rows = [
        (
            Setting::of_v4(&name, "arp_ignore"),
            "net.ipv4.conf.vrrp/51.arp_ignore",
            Some("vrrp.51"),
        ),
        (
            Setting::of_v6(&name, "accept_ra"),
            "net.ipv6.conf.vrrp/51.accept_ra",
            Some("vrrp.51"),
        ),
        (
            Setting::of_all_v4("rp_filter"),
            "net.ipv4.conf.all.rp_filter",
            Some("all"),
        ),
        (
            Setting::of_node_v4("igmp_max_msf"),
            "net.ipv4.igmp_max_msf",
            None,
        ),
    ];
    for (setting, spelt, interface) in rows {
        assert_eq!(setting.to_string(), spelt);
        assert_eq!(setting.interface(), interface, "{spelt}");
    }
}

#[test]
fn what_was_before_is_kept_for_the_next_process_until_it_is_put_back() {
    let folder = Folder::new();
    let file = std::path::PathBuf::from(folder.path("settings.json"));
    assert_eq!(kept(&file).unwrap(), BTreeMap::new());
    let setting = Setting::of_all_v4("rp_filter");
    let before = BTreeMap::from([(setting, "1".to_owned())]);
    keep(&file, &before).unwrap();
    assert_eq!(kept(&file).unwrap(), before);
    keep(&file, &BTreeMap::new()).unwrap();
    keep(&file, &BTreeMap::new()).unwrap();
    assert!(!file.exists());
    for hostile in [
        "{\"../kernel/core_pattern\":\"x\"}",
        "{\"/etc/passwd\":\"\"}",
        "[]",
        "",
    ] {
        std::fs::write(&file, hostile).unwrap();
        assert!(kept(&file).is_err(), "{hostile}");
    }
}
