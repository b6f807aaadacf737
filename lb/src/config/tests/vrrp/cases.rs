//! What is read: a sentence, then a whole configuration, or lines that an instance has besides what it needs.

pub(super) type Case = (&'static str, &'static str);

pub(super) const ELECTION: &[Case] = &[
    (
        "words that say what is done anyway leave nothing out",
        "preempt_delay 0\nstrict_mode off\nlower_prio_no_advert no\ndown_timer_adverts 3\naccept\nowner_ignore_adverts off",
    ),
    ("a delay of preemption", "preempt_delay 4.25"),
    ("the delay is at most 1000 seconds", "preempt_delay 1000.5"),
    (
        "the delay does not go with nopreempt",
        "nopreempt\npreempt_delay 3",
    ),
    (
        "the delay does not go with MASTER",
        "state MASTER\npriority 200\npreempt_delay 3",
    ),
    (
        "nopreempt does not go with MASTER",
        "state MASTER\npriority 200\nnopreempt",
    ),
    (
        "the address owner accepts and ignores adverts",
        "priority 255\nno_accept\nowner_ignore_adverts off",
    ),
    ("others cannot ignore adverts", "owner_ignore_adverts"),
    ("no_accept", "no_accept"),
    (
        "accept and no_accept: the last one counts",
        "no_accept\naccept",
    ),
    (
        "strict mode resets",
        "strict_mode\nstate MASTER\npriority 9\naccept\npreempt_delay 1\nlower_prio_no_advert off\n\
      higher_prio_send_advert\ndown_timer_adverts 4\ngarp_lower_prio_delay 1\ngarp_lower_prio_repeat 1",
    ),
    (
        "strict mode of the address owner",
        "strict_mode\npriority 255\nstate BACKUP",
    ),
    (
        "strict mode of version 3",
        "strict_mode on\nversion 3\naccept",
    ),
    (
        "strict mode wants a link-local address first",
        "strict_mode\nvirtual_ipaddress {\n2001:db8::1\nfe80::1\n}",
    ),
    (
        "strict mode is inherited",
        "global_defs { vrrp_strict }\nvrrp_instance a {\ninterface eth0\nvirtual_router_id 1\n\
      virtual_ipaddress {\n192.0.2.1\n}\n}",
    ),
    (
        "strict mode that is inherited can be turned off",
        "global_defs { vrrp_strict }\nvrrp_instance a {\ninterface eth0\n\
      strict_mode off\nvirtual_router_id 1\nvirtual_ipaddress {\n192.0.2.1\n}\n}",
    ),
    (
        "values of global_defs withhold too",
        "global_defs {\nvrrp_down_timer_adverts 5\nvrrp_lower_prio_no_advert\n}\n\
      vrrp_instance a {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n192.0.2.1\n}\n}",
    ),
    (
        "a late timer matters with nopreempt",
        "nopreempt\ntimer_expired_backup 9",
    ),
    (
        "a late timer does not matter without",
        "thread_timer_expired",
    ),
    (
        "the priority of a late MASTER is never the owner's",
        "nopreempt\ntimer_expired_backup 255",
    ),
    ("debug has no effect", "debug 4\ndebug 5"),
    (
        "announcements are inherited and replaced",
        "global_defs {\nvrrp_garp_master_delay 9\nvrrp_garp_master_repeat 8\n\
      vrrp_garp_extra_if 60\n}\nvrrp_instance a {\ninterface eth0\nvirtual_router_id 1\ngarp_master_repeat 2\ngarp_extra_if 0\n\
      virtual_ipaddress {\n192.0.2.1\n}\n}",
    ),
    (
        "least announcements",
        "global_defs {\nvrrp_min_garp\n}\nvrrp_instance a {\ninterface eth0\nvirtual_router_id 1\n\
      virtual_ipaddress {\n192.0.2.1\n}\n}",
    ),
    (
        "announcements out of range",
        "garp_master_repeat 0\ngarp_master_delay -1\ngarp_extra_if 86401\ngarp_extra_if all",
    ),
];

pub(super) const INTERFACES: &[Case] = &[
    (
        "no interface",
        "vrrp_instance a {\nvirtual_router_id 1\nvirtual_ipaddress {\n192.0.2.1\n}\n}",
    ),
    (
        "unicast with a source needs none",
        "vrrp_instance a {\nvirtual_router_id 1\nunicast_src_ip 192.0.2.9\nunicast_peer {\n\
      192.0.2.8\n}\nvirtual_ipaddress {\n192.0.2.1\n}\n}",
    ),
    (
        "unicast without a source needs one",
        "vrrp_instance a {\nvirtual_router_id 1\nunicast_peer {\n192.0.2.8\n}\n\
      virtual_ipaddress {\n192.0.2.1\n}\n}",
    ),
    (
        "a link-local source needs one",
        "vrrp_instance a {\nvirtual_router_id 1\nunicast_src_ip fe80::9\nunicast_peer {\nfe80::8\n}\n\
      virtual_ipaddress {\nfe80::1\n}\n}",
    ),
    ("a VRF goes without interface", "vrf eth1"),
    (
        "a VRF that is not there",
        "vrrp_instance a {\nvirtual_router_id 1\nvrf red\nunicast_src_ip 192.0.2.9\nunicast_peer {\n\
      192.0.2.8\n}\nvirtual_ipaddress {\n192.0.2.1\n}\n}",
    ),
    ("the loopback interface is refused", "interface lo"),
    ("an interface that is not there", "interface eth9"),
    ("a bare virtual MAC", "use_vmac"),
    (
        "a virtual MAC with all it may have",
        "use_vmac vr 02:1:02:03:04:05 group 3 netlink_notify_msg",
    ),
    ("five octets and the VRID", "use_vmac 02:00:00:00:00"),
    ("not a MAC", "use_vmac vr 02:00"),
    ("not a group's MAC", "use_vmac vr 01:00:00:00:00:01"),
    (
        "not a virtual router's MAC",
        "use_vmac vr 00:00:5e:00:01:07",
    ),
    ("too many names", "use_vmac vr1 vr2"),
    ("a group without a name", "use_vmac group"),
    (
        "two virtual interfaces of one name",
        "vrrp_instance a {\ninterface eth0\nvirtual_router_id 1\nuse_vmac vr\nvirtual_ipaddress {\n192.0.2.1\n}\n}\n\
         vrrp_instance b {\ninterface eth0\nvirtual_router_id 2\nuse_vmac vr\nvirtual_ipaddress {\n192.0.2.2\n}\n}",
    ),
    (
        "strict mode has its own MAC and no base",
        "use_vmac vr 02:00:00:00:00:01\nvmac_xmit_base\nstrict_mode",
    ),
    ("the base goes with a virtual MAC", "vmac_xmit_base"),
    (
        "unicast with a virtual MAC needs the base",
        "use_vmac\nunicast_peer {\n192.0.2.8\n}",
    ),
    (
        "no virtual MAC without interface",
        "vrrp_instance a {\nvirtual_router_id 1\nuse_vmac\nunicast_src_ip 192.0.2.9\nunicast_peer {\n\
      192.0.2.8\n}\nvirtual_ipaddress {\n192.0.2.1\n}\n}",
    ),
    (
        "virtual MACs promote anyway",
        "use_vmac\npromote_secondaries",
    ),
    ("an ipvlan", "use_ipvlan 192.0.2.7"),
    (
        "an ipvlan with all it may have",
        "use_ipvlan iv 192.0.2.7/24 vepa group edge",
    ),
    ("an ipvlan of IPv4 needs an address", "use_ipvlan iv"),
    ("an ipvlan of the other family", "use_ipvlan iv 2001:db8::7"),
    ("one virtual interface", "use_vmac\nuse_ipvlan 192.0.2.7"),
    (
        "deprecated words",
        "linkbeat_use_polling\nlvs_sync_daemon_interface eth1\nnative_ipv6\nvmac_garp_intvl 4",
    ),
    (
        "no address is needed, and there is one",
        "no_virtual_ipaddress\nvirtual_ipaddress {\n192.0.2.1/24\n}",
    ),
    (
        "no address is needed",
        "vrrp_instance a {\ninterface eth0\nvirtual_router_id 1\nno_virtual_ipaddress\n}",
    ),
    (
        "no address of IPv6",
        "vrrp_instance a {\ninterface eth0\nvirtual_router_id 1\nno_virtual_ipaddress\nnative_ipv6\n}",
    ),
    (
        "strict mode needs an address",
        "vrrp_instance a {\ninterface eth0\nvirtual_router_id 1\nno_virtual_ipaddress\nstrict_mode\n}",
    ),
    (
        "no address",
        "vrrp_instance a {\ninterface eth0\nvirtual_router_id 1\n}",
    ),
    (
        "an advert fits into a packet",
        "vrrp_instance a {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n\
      ~SEQ(N, 1, 91) fe80::${N}\n}\n}",
    ),
    ("a socket buffer", "kernel_rx_buf_size 0"),
];

pub(super) const SOURCES: &[Case] = &[
    ("a source", "mcast_src_ip 192.0.2.9"),
    ("a source of the other family", "mcast_src_ip fe80::9"),
    (
        "the last source counts",
        "unicast_src_ip 192.0.2.9\nmcast_src_ip 192.0.2.8",
    ),
    ("a tracked source", "mcast_src_ip 192.0.2.9\ntrack_src_ip"),
    ("nothing to track", "track_src_ip"),
    ("a group", "mcast_dst_ip 224.0.0.77"),
    ("not a group", "mcast_dst_ip 192.0.2.9"),
    (
        "not a group of the link",
        "virtual_ipaddress {\nfe80::1\n}\nmcast_dst_ip ff05::12",
    ),
    ("a group of the other family", "mcast_dst_ip ff02::99"),
    (
        "a group of global_defs",
        "global_defs { vrrp_mcast_group4 224.0.0.77\n}\nvrrp_instance a {\ninterface eth0\n\
      virtual_router_id 1\nvirtual_ipaddress {\n192.0.2.1\n}\n}",
    ),
    (
        "the default group leaves nothing out",
        "mcast_dst_ip 224.0.0.18",
    ),
    (
        "peers",
        "unicast_peer {\n192.0.2.8\n192.0.2.9 min_ttl 250 max_ttl 255\n}",
    ),
    (
        "peers cannot be the source",
        "unicast_src_ip 192.0.2.8\nunicast_peer {\n192.0.2.8\n192.0.2.9\n}",
    ),
    ("a peer twice", "unicast_peer {\n192.0.2.8\n192.0.2.8\n}"),
    ("a peer of the other family", "unicast_peer {\nfe80::8\n}"),
    (
        "not a peer",
        "unicast_peer {\n192.0.2\n224.0.0.18\n192.0.2.8 ttl 3\n192.0.2.9 min_ttl\n192.0.2.7 max_ttl 256\n}",
    ),
    (
        "a range of TTLs that is empty",
        "unicast_peer {\n192.0.2.8 max_ttl 3 min_ttl 4\n}",
    ),
    (
        "words of unicast without peers",
        "unicast_ttl 9\ncheck_unicast_src\nold_unicast_checksum",
    ),
    (
        "unicast without peers is multicast",
        "unicast_src_ip 192.0.2.9",
    ),
    (
        "unicast without peers can be a fault",
        "unicast_src_ip 192.0.2.9\nunicast_fault_no_peer",
    ),
    (
        "unicast without a TTL check",
        "unicast_peer {\n192.0.2.8\n}\nunicast_ttl 0\nold_unicast_checksum\nmcast_dst_ip 224.0.0.19",
    ),
    ("an old checksum", "old_unicast_checksum always"),
    (
        "strict mode has no peers",
        "strict_mode\nunicast_peer {\n192.0.2.8\n}",
    ),
    ("a checksum of version 2", "v3_checksum_as_v2"),
    ("a checksum of version 3", "version 3\nv3_checksum_as_v2"),
    (
        "one VRID with other peers",
        "vrrp_instance a {\ninterface eth0\nvirtual_router_id 1\nunicast_peer {\n192.0.2.8\n}\n\
      virtual_ipaddress {\n192.0.2.1\n}\n}\nvrrp_instance b {\ninterface eth0\nvirtual_router_id 1\nunicast_peer {\n192.0.2.9\n}\n\
      virtual_ipaddress {\n192.0.2.2\n}\n}",
    ),
    (
        "one VRID with the same peer",
        "vrrp_instance a {\ninterface eth0\nvirtual_router_id 1\nunicast_peer {\n192.0.2.8\n}\n\
      virtual_ipaddress {\n192.0.2.1\n}\n}\nvrrp_instance b {\ninterface eth0\nvirtual_router_id 1\nunicast_peer {\n192.0.2.9\n192.0.2.8\n\
      }\nvirtual_ipaddress {\n192.0.2.2\n}\n}",
    ),
];

pub(super) const PROOFS: &[Case] = &[
    (
        "a password",
        "authentication {\nauth_type PASS\nauth_pass 1111\n}",
    ),
    (
        "a password with blanks",
        "authentication {\nauth_type PASS\nauth_pass \"a # b\"\n}",
    ),
    (
        "a header",
        "authentication {\nauth_type AH\nauth_pass 1111\n}",
    ),
    (
        "a password that is too long",
        "authentication {\nauth_type PASS\nauth_pass ninebytes\n}",
    ),
    ("no type", "authentication {\nauth_pass 1111\n}"),
    (
        "no password",
        "authentication {\nauth_type PASS\nauth_pass\n}",
    ),
    (
        "an unknown type",
        "authentication {\nauth_type pass\nauth_pass 1111\n}",
    ),
    (
        "not in version 3",
        "version 3\nauthentication {\nauth_type PASS\nauth_pass 1111\n}",
    ),
    (
        "not in strict mode",
        "strict_mode\nauthentication {\nauth_type PASS\nauth_pass 1111\n}",
    ),
    (
        "no header with MASTER",
        "state MASTER\npriority 9\nauthentication {\nauth_type AH\nauth_pass 1111\n}",
    ),
    (
        "keys",
        "advert_int 3\nauth_hmac {\nkey 1 0123456789abcdef0123456789abcdef\nkey 7 file:/etc/key\nactive_key 7\n}",
    ),
    (
        "no active key",
        "auth_hmac {\nkey 1 0123456789abcdef0123456789abcdef\n}",
    ),
    (
        "an active key that is not there",
        "auth_hmac {\nkey 1 0123456789abcdef0123456789abcdef\nactive_key 2\n}",
    ),
    (
        "a key twice",
        "auth_hmac {\nkey 1 0123456789abcdef0123456789abcdef\nkey 1 file:/x\nactive_key 1\n}",
    ),
    (
        "keys that are none",
        "auth_hmac {\nkey\nkey 1\nkey 0 file:/x\nkey 2 short\nkey 3 hex:0g\nkey 4 file:\nactive_key 1\n}",
    ),
    (
        "ranges",
        "auth_hmac {\nkey 1 file:/x\nactive_key 1\ntime_window 301\nanti_replay clock\nmode strict\n}",
    ),
    (
        "not with the other",
        "authentication {\nauth_type PASS\nauth_pass 1111\n}\nauth_hmac {\nkey 1 file:/x\nactive_key 1\n}",
    ),
    (
        "strict mode enforces",
        "strict_mode\nauth_hmac {\nkey 1 file:/x\nactive_key 1\nmode permissive\n}",
    ),
];

pub(super) const TRACKS: &[Case] = &[
    ("interfaces", "track_interface {\neth1 weight 9\n}"),
    ("its own interface", "track_interface {\neth0\n}"),
    (
        "its own interface where that does not count otherwise",
        "dont_track_primary\ntrack_interface {\neth0\n}",
    ),
    (
        "an interface that is not there",
        "track_interface {\neth7\n}",
    ),
    (
        "weights out of range",
        "track_interface {\neth1 weight 254\n}\ntrack_file {\na weight 254\nb weight -255\n}\ntrack_bfd {\n\
      c weight\n}",
    ),
    (
        "unknown words",
        "track_script {\na wieght 3\nb {\n}\ninclude x\n}",
    ),
    ("twice", "track_script {\na weight 3\na\n}"),
    (
        "a peer that would not be answered",
        "lower_prio_no_advert\ntrack_bfd {\nnone peer\n}",
    ),
    (
        "a peer is a neighbor of BFD only",
        "track_script {\na peer\n}",
    ),
    (
        "reversed or not",
        "track_process {\na reverse\nd weight 0 reverse\nb weight 3 noreverse\nc weight -3 no_reverse\n}",
    ),
    (
        "the address owner's priority never moves",
        "priority 255\ntrack_script {\na weight 3\nb\n}\ntrack_file {\na\n}\ntrack_interface {\neth1 weight 3\n}",
    ),
    ("an empty block leaves nothing out", "track_script {\n}"),
];

pub(super) const NOTIFY: &[Case] = &[
    ("a program", "notify_master /bin/true"),
    ("a command with arguments", "notify \"/bin/true -a 'b c'\""),
    ("a user", "notify_stop /bin/true nobody"),
    (
        "a user and a group",
        "notify_fault \"/bin/true -a\" nobody nogroup",
    ),
    (
        "arguments without quotes are taken for users",
        "notify_master /bin/true --up\nnotify_backup /bin/true a b c",
    ),
    (
        "a command that is missing",
        "notify_master\nnotify_backup \"\"",
    ),
    (
        "the first one counts",
        "notify_master /bin/a\nnotify_master /bin/b",
    ),
    (
        "a comment sign in single quotes",
        "notify_master '/bin/echo # x'",
    ),
    ("a comment sign behind a word", "notify_master /bin/echo#x"),
    (
        "a comment sign in double quotes",
        "notify_master \"/bin/echo '#x'\"",
    ),
    (
        "a comment sign after a backslash",
        "notify_master /bin/echo\\#x",
    ),
    ("a comment", "notify_master /bin/echo # x"),
    (
        "a quote that is not closed within the command",
        "notify_master \"/bin/echo 'x\"",
    ),
    (
        "escapes",
        "notify \"/bin/echo a\\tb \\\\101 'x\\\\'y' {z}\"",
    ),
    ("deleted", "notify_deleted"),
    (
        "deleted with a command",
        "notify_deleted \"/bin/true x\" nobody",
    ),
    (
        "mail is inherited",
        "global_defs {\nsmtp_alert\nvrrp_notify_priority_changes\n}\nvrrp_instance a {\ninterface eth0\n\
      virtual_router_id 1\nvirtual_ipaddress {\n192.0.2.1\n}\n}",
    ),
    ("a bad bool", "smtp_alert maybe\nnotify_priority_changes 1"),
];

macro_rules! two_instances {
    ($rest:literal) => {
        concat!(
            "vrrp_instance one {\ninterface eth0\nvirtual_router_id 1\ntrack_script {\ns weight 4\n}\n",
            "virtual_ipaddress {\n192.0.2.1\n}\n}\nvrrp_instance two {\ninterface eth1\nvirtual_router_id 1\n",
            "virtual_ipaddress {\n192.0.2.2\n}\n}\n",
            $rest
        )
    };
}

pub(super) const GROUPS: &[Case] = &[
    (
        "members are left out",
        two_instances!("vrrp_sync_group g {\ngroup {\none\ntwo\n}\n}"),
    ),
    (
        "members keep weights where the group says so",
        two_instances!("vrrp_sync_group g {\ngroup {\none two\n}\nsync_group_tracking_weight\n}"),
    ),
    (
        "what the group tracks too",
        two_instances!("vrrp_sync_group g {\ngroup {\none\ntwo\n}\ntrack_script {\ns\n}\n}"),
    ),
    (
        "one member",
        two_instances!("vrrp_sync_group g {\ngroup {\ntwo\n}\n}"),
    ),
    (
        "no member",
        two_instances!("vrrp_sync_group g {\n}\nvrrp_sync_group h {\ngroup {\n}\n}"),
    ),
    (
        "a member that is not there",
        two_instances!("vrrp_sync_group g {\ngroup {\none\ntow\n}\n}"),
    ),
    (
        "a member twice",
        two_instances!("vrrp_sync_group g {\ngroup {\none\ntwo\none\n}\n}"),
    ),
    (
        "a member of two groups",
        two_instances!(
            "vrrp_sync_group g {\ngroup {\none\ntwo\n}\n}\nvrrp_sync_group h {\ngroup {\ntwo\none\n}\n}"
        ),
    ),
    (
        "a group twice",
        two_instances!(
            "vrrp_sync_group g {\ngroup {\none\n}\n}\nvrrp_sync_group g {\ngroup {\ntwo\n}\n}"
        ),
    ),
    ("a group without a name", "vrrp_sync_group {\n}"),
    (
        "words that are not of groups",
        two_instances!(
            "vrrp_sync_group g {\ngroup {\none\ntwo\n}\npriority 3\nnotify_master_rx_lower_pri /bin/true\nglobal_tracking\n}"
        ),
    ),
    (
        "interfaces of members",
        two_instances!(
            "vrrp_instance three {\ninterface eth0\nvirtual_router_id 3\ntrack_interface {\neth1 weight 3\n}\n\
             virtual_ipaddress {\n192.0.2.3\n}\n}\nvrrp_sync_group g {\ngroup {\nthree\ntwo\n}\n}\n\
             vrrp_sync_group h {\ngroup {\none\n}\ntrack_interface {\neth1\n}\n}"
        ),
    ),
    (
        "interfaces of groups",
        two_instances!("vrrp_sync_group g {\ngroup {\none\ntwo\n}\ntrack_interface {\neth5\n}\n}"),
    ),
    (
        "an instance that is refused is not missed",
        "vrrp_instance one {\n}\nvrrp_sync_group g {\ngroup {\none\n}\n}",
    ),
];
