//! Text by text.

/// Its name and the file.
pub(super) type Case = (&'static str, &'static str);

pub(super) const ADDRESSES: &[Case] = &[
    (
        "an address line may be bare",
        "static_ipaddress {\n192.0.2.1\n2001:db8::1\n2001:db8::2/64\n}\n",
    ),
    (
        "dev defaults to default_interface",
        "static_ipaddress {\n192.0.2.1/24\n192.0.2.2/24 dev eth0\n}\nglobal_defs {\ndefault_interface eth1\n}\n",
    ),
    (
        "a default_interface that is not there is an error at the address",
        "global_defs {\ndefault_interface eth7\n}\nstatic_ipaddress {\n192.0.2.1\n}\n",
    ),
    (
        "interfaces may be absent with dynamic_interfaces",
        "global_defs {\ndynamic_interfaces\n}\nstatic_ipaddress {\n192.0.2.1 dev eth9\n}\n",
    ),
    (
        "addresses are legal, and options known",
        "static_ipaddress {\n192.0.2.300\n192.0.2.1/33\n0.0.0.0\n192.0.2.2 lable x\n192.0.2.3 use_vmac\n}\n",
    ),
    (
        "options need their values",
        "static_ipaddress {\n192.0.2.1 brd\n192.0.2.2 dev\n192.0.2.3 preferred_lft\n192.0.2.4 track_group\n192.0.2.5 brd x\n192.0.2.6 preferred_lft soon\n192.0.2.7 label 1234567890123456\n}\n",
    ),
    (
        "broadcast is for IPv4, for networks, and not for peers",
        "static_ipaddress {\n192.0.2.1/31 brd +\n192.0.2.2 peer 192.0.2.3 brd 192.0.2.255\n2001:db8::1 brd -\n}\n",
    ),
    (
        "scope and label are for IPv4",
        "static_ipaddress {\n2001:db8::1 scope link label a\n}\n",
    ),
    (
        "a length does not go with a peer",
        "static_ipaddress {\n192.0.2.1/24 peer 192.0.2.2\n2001:db8::1 peer 2001:db8::2\n192.0.2.3 peer 192.0.2.4/24\n192.0.2.9 peer 2001:db8::3\n}\n",
    ),
    (
        "a block or a directive is no address line",
        "static_ipaddress {\n192.0.2.1 { dev eth0 }\n} \n",
    ),
    (
        "the same option twice",
        "static_ipaddress {\n192.0.2.1 dev eth0 dev eth1\n}\n",
    ),
    (
        "the same address twice",
        "static_ipaddress {\n192.0.2.1\n192.0.2.1/24\n192.0.2.1 dev eth1\n}\n",
    ),
    (
        "what would make the MASTER another one leaves the instance out",
        "vrrp_instance a {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n192.0.2.1 label x\n192.0.2.2 use_vmac\n}\nvirtual_ipaddress_excluded {\n192.0.2.3 dev eth5\n}\nvirtual_routes {\n10.0.0.0/8 via 192.0.2.9 dev eth0\n}\nvirtual_rules {\nfrom 10.0.0.0/8 table 5 preference 9\n}\n}\n",
    ),
    (
        "an excluded address is given once",
        "vrrp_instance a {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n192.0.2.1\n}\nvirtual_ipaddress_excluded {\n192.0.2.1/24\n192.0.2.2\n192.0.2.2\n}\n}\n",
    ),
    (
        "also where one line is repeated",
        "vrrp_instance a {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n192.0.2.1\n}\nvirtual_ipaddress_excluded {\n~SEQ(A, 1, 2) 192.0.2.2\n}\n}\n",
    ),
    (
        "a track_group is of static addresses",
        "vrrp_instance a {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n192.0.2.1 track_group g\n}\n}\n",
    ),
];

pub(super) const ROUTES: &[Case] = &[
    (
        "the numbers of names have any base, others are decimal",
        "static_routes {\n10.0.0.0/8 dev eth0 table 0x10 tos 010 metric 010\n10.1.0.0/16 dev eth0 metric 0x10\n}\n",
    ),
    (
        "names that the kernel fixes are numbers",
        "static_routes {\n10.0.0.0/8 dev eth0 table main scope link no_track protocol static\n}\n",
    ),
    (
        "the family comes from any word",
        "static_routes {\ndefault via 192.0.2.1 dev eth0\nall via fe80::1 dev eth0\ndefault dev eth0 inet6\nany dev eth0\ndefault dev eth0 expires 5\n}\n",
    ),
    (
        "families do not mix, but for a gateway that says so",
        "static_routes {\n10.0.0.0/8 via fe80::1 dev eth0\n10.0.0.0/8 via inet6 fe80::1 dev eth0\n10.0.0.0/8 via inet fe80::1 dev eth0\n2001:db8::/32 dev eth0 realms 5\n10.0.0.0/8 dev eth0 pref low\n10.0.0.0/8 from 10.1.0.0/16 dev eth0\n}\n",
    ),
    (
        "a route has one destination",
        "static_routes {\nvia 192.0.2.1 dev eth0\n10.0.0.0/8 10.1.0.0/16 dev eth0\nblackhole no_track\nto\n}\n",
    ),
    (
        "an address within a network is no IPv4 destination",
        "static_routes {\n10.0.0.1/8 dev eth0\n2001:db8::1/32 dev eth0\n0.0.0.0/0 dev eth0\n}\n",
    ),
    (
        "the last numbers may be left out",
        "static_routes {\n10/8 dev eth0\n10.1/16 dev eth0\n10.1.2/24 dev eth0\n10.1 dev eth0\n10.0.0.0.0/8 dev eth0\n10.0.0.0/33 dev eth0\n}\n",
    ),
    (
        "names are words",
        "static_routes {\n10.0.0.0/8 dev eth0 table a\\#b\n10.0.0.0/8 dev eth0 table my_table.2\n}\n",
    ),
    (
        "an unknown word gets a suggestion",
        "static_routes {\n10.0.0.0/8 dve eth0\n10.0.0.0/8 dev eth0 mtuu 5\n}\n",
    ),
    (
        "values are legal",
        "static_routes {\n10.0.0.0/8 dev eth0 table 0\n10.0.0.0/8 dev eth0 mtu lock\n10.0.0.0/8 dev eth0 hoplimit 256\n10.0.0.0/8 dev eth0 rtt 5x\n10.0.0.0/8 dev eth0 features mptcp\n10.0.0.0/8 dev eth0 quickack 2\n2001:db8::/32 dev eth0 pref 2\n10.0.0.0/8 dev eth0 ttl-propagate on\n10.0.0.0/8 dev eth0 tos 256\n10.0.0.0/8 dev eth0 scope 1x\n}\n",
    ),
    (
        "times have units or not",
        "static_routes {\n10.0.0.0/8 dev eth0 rtt 8 rttvar 1.5ms rto_min lock 0.2s\n10.0.0.0/8 dev eth0 rtt 0.0005s\n}\n",
    ),
    (
        "what cannot be tracked is not",
        "track_group g { group { a } }\nvrrp_instance a {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n192.0.2.1\n}\n}\nstatic_routes {\n10.0.0.0/8 via 192.0.2.1\n10.1.0.0/16 via 192.0.2.1 track_group g\n10.2.0.0/16 dev eth0 protocol bird\n10.3.0.0/16 dev eth0 protocol keepalived\n}\n",
    ),
    (
        "interfaces and groups are there",
        "track_group group1 { group { a } }\nvrrp_instance a {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n192.0.2.1\n}\nvirtual_routes {\n10.4.0.0/16 dev eth8\n10.5.0.0/16 dev eth0 track_group group1\n}\n}\nstatic_routes {\n10.0.0.0/8 dev eth9\n10.1.0.0/16 dev eth0 vrf red\n10.2.0.0/16 nexthop dev eth7\n10.3.0.0/16 dev eth0 track_group gruop1\n}\n",
    ),
    (
        "encapsulations",
        "static_routes {\n10.0.0.0/8 dev eth0 encap ip dst 192.0.2.1 mtu 1400\n10.1.0.0/16 dev eth0 encap ip tos 4\n10.2.0.0/16 dev eth0 encap ip dst fe80::1\n10.3.0.0/16 dev eth0 encap gre\n10.4.0.0/16 dev eth0 encap\n10.5.0.0/16 dev eth0 encap mpls 1048576\n10.6.0.0/16 dev eth0 encap ila 1:2:3\n2001:db8::/32 dev eth0 encap ip6 id 7 tc 3\n}\n",
    ),
    (
        "next hops",
        "static_routes {\n10.0.0.0/8 dev eth0 nexthop via 192.0.2.1 weight 256 nexthop via 192.0.2.2 weight 257\n10.1.0.0/16 dev eth0 nexthop\n10.2.0.0/16 dev eth0 nexthop via 192.0.2.1 metric 5\n10.3.0.0/16 dev eth0 nexthop via fe80::1\n10.4.0.0/16 dev eth0 nexthop via 192.0.2.1 realms 5 dev eth1\n}\n",
    ),
    (
        "what is deprecated or without effect",
        "static_routes {\n10.0.0.0/8 gw 192.0.2.1 or 192.0.2.2 dev eth0\n10.1.0.0/16 dev eth0 as to 192.0.2.7\n}\n",
    ),
];

pub(super) const RULES: &[Case] = &[
    (
        "rules without a preference are numbered in the order of the file, by family",
        "static_rules {\nfrom 10.0.0.0/8 table 1\n}\nvrrp_instance a {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n192.0.2.1\n}\nvirtual_rules {\nfrom 10.1.0.0/16 table 2\n}\n}\nstatic_rules {\nfrom 10.2.0.0/16 table 3\nfrom 2001:db8::/32 table 4\nfrom 10.3.0.0/16 table 5 preference 7\nfrom 10.4.0.0/16 table 6\n}\n",
    ),
    (
        "a rule does one thing",
        "static_rules {\nfrom 10.0.0.0/8 preference 1\nfrom 10.0.0.0/8 table 1 blackhole preference 1\nl3mdev table 1 preference 1\nfrom 10.0.0.0/8 type drop preference 1\nfrom 10.0.0.0/8 type preference 1\n}\n",
    ),
    (
        "goto leads on",
        "static_rules {\nfrom 10.0.0.0/8 goto 5 preference 4\nfrom 10.0.0.0/8 goto 5 preference 5\nfrom 10.0.0.0/8 goto 5\ngoto\n}\n",
    ),
    (
        "only a look into a table can be narrowed",
        "static_rules {\nfrom 10.0.0.0/8 nop realms 5 preference 1\nfrom 10.0.0.0/8 l3mdev sup_pl 5 preference 1\nfrom 10.0.0.0/8 blackhole sup_group 5 preference 1\n}\n",
    ),
    (
        "families do not mix",
        "static_rules {\nfrom 10.0.0.0/8 to 2001:db8::/32 table 1 preference 1\ninet6 from 10.0.0.0/8 table 1 preference 1\ninet6 realms 5 table 1 preference 1\ninet6 from all table 1 preference 1\n}\n",
    ),
    (
        "values are legal",
        "static_rules {\nfwmark x table 1 preference 1\nfwmark 1/0x1ffffffff table 1 preference 1\nipproto quic table 1 preference 1\nsport 20-10 table 1 preference 1\ndport 70000 table 1 preference 1\nuidrange a-b table 1 preference 1\ntable 0 preference 1\nfrom 10.0.0.0/8 table 1 preference -1\nprotocol 256 table 1 preference 1\n}\n",
    ),
    (
        "an unknown word gets a suggestion",
        "static_rules {\nfrom 10.0.0.0/8 tabel 1\nip_proto UDP table 1\n}\n",
    ),
    (
        "what cannot be tracked is not",
        "track_group g { group { a } }\nvrrp_instance a {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n192.0.2.1\n}\nvirtual_rules {\nfrom 10.0.0.0/8 table 1 iif eth0 track_group g preference 1\n}\n}\nstatic_rules {\nfrom 10.0.0.0/8 table 1 track_group g preference 1\nfrom 10.0.0.0/8 table 1 iif eth0 track_group g preference 2 protocol 4\nfrom 10.0.0.0/8 table 1 iif eth9 track_group h preference 3\n}\n",
    ),
];

pub(super) const INTERFACES: &[Case] = &[
    (
        "links that are polled",
        "linkbeat_interfaces {\neth0\neth1 IOCTL\n}\n",
    ),
    (
        "unknown interfaces and methods are errors",
        "linkbeat_interfaces {\neth9\neth0 mii\neth1 MII fast\n}\n",
    ),
    (
        "a check's interface may be absent with dynamic_interfaces",
        "global_defs {\ndynamic_interfaces\n}\nvirtual_server 192.0.2.1 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nreal_server 192.0.2.2 80 {\nTCP_CHECK {\nbind_if eth9\n}\n}\n}\n",
    ),
    (
        "the same interface twice",
        "linkbeat_interfaces {\neth0\neth0 MII\n}\ninterface_up_down_delays {\neth0 1 1\neth0 2 2\n}\ngarp_group {\ngarp_interval 1\ninterfaces {\neth0 eth1\n}\n}\ngarp_group {\ngna_interval 1\ninterface eth1\n}\n",
    ),
    (
        "an up delay that is left out is 0",
        "interface_up_down_delays {\neth0 2\n}\n",
    ),
    (
        "delays are legal and the interface is there",
        "interface_up_down_delays {\neth0\neth9 1 2\neth1 256\nlo 1 x\nway/too 1 1\n}\n",
    ),
    (
        "a garp_group has an interface and an interval",
        "garp_group {\ninterface eth0\n}\ngarp_group {\ngarp_interval 1\n}\ngarp_group {\ngarp_interval 1\ninterface eth9\n}\n",
    ),
    ("SSL", "SSL {\nca /etc/ca.pem\npasswort x\n}\n"),
];

pub(super) const TRACKERS: &[Case] = &[
    (
        "a script with defaults",
        "vrrp_script a {\nscript /bin/true\n}\n",
    ),
    (
        "the timeout is the interval",
        "vrrp_script a {\ninterval 7\nscript /bin/true\n}\n",
    ),
    (
        "what is required is there",
        "vrrp_script a {\n}\nvrrp_track_process b {\n}\ntrack_file c {\n}\ntrack_group d {\n}\nvrrp_script {\nscript x\n}\n",
    ),
    (
        "the values of a script are legal",
        "vrrp_script a {\nscript /bin/true\nweight 254\ninterval 0\nrise 0\nuser\nfall x\ntimeout\n}\n",
    ),
    (
        "reverse is the only word behind a weight",
        "vrrp_script a {\nscript /bin/true\nweight 5 revers\n}\n",
    ),
    (
        "names are given once",
        "vrrp_script a {\nscript x\n}\nvrrp_script a {\nscript y\n}\ntrack_file a {\nfile x\n}\nvrrp_track_file a {\nfile y\n}\n",
    ),
    (
        "a process with parameters is found by its command line",
        "vrrp_track_process a {\nprocess /bin/sh -c\n}\nvrrp_track_process b {\nprocess sh\n}\nvrrp_track_process c {\nprocess sh\nparam_match\n}\n",
    ),
    (
        "a process that must not run",
        "vrrp_track_process a {\nprocess x\nquorum_max 0\n}\n",
    ),
    (
        "a quorum that cannot be",
        "vrrp_track_process a {\nprocess x\nquorum 5\nquorum_max 4\n}\nvrrp_track_process b {\nprocess y\nquorum 1\nquorum_max 0\n}\n",
    ),
    (
        "the values of a process are legal",
        "vrrp_track_process a {\nprocess x\nparam_match some\nweight 255\nquorum 0\ndelay 0\nfork_delay 3601\n}\n",
    ),
    (
        "a file is initialised",
        "track_file a {\nfile /run/a\ninit_file overwrite 7\n}\ntrack_file b {\nfile /run/b\ninit_file\nweight 0\n}\ntrack_file c {\nfile /run/c\ninit_file x\n}\ntrack_file d {\nfile /run/d\ninit_file 300\n}\n",
    ),
    (
        "the members of a track_group are instances",
        "track_group g {\ngroup {\nVI_1\nVI_2 WEB\n}\n}\nvrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n192.0.2.1\n}\n}\n",
    ),
    (
        "a group has members",
        "track_group g {\ngroup {\n}\n}\ngarp_group {\ngarp_interval 1\ninterfaces {\n}\n}\n",
    ),
    (
        "a path may hold quotes and blanks",
        "track_file a {\nfile \"/run/\\\"a b\\\"\"\n}\n",
    ),
    (
        "vrrp_track_file is track_file",
        "vrrp_track_file a {\nfile /run/a\n}\n",
    ),
    (
        "an unknown keyword gets a suggestion",
        "vrrp_script a {\nscript x\nintervall 5\n}\n",
    ),
];

pub(super) const COMMANDS: &[Case] = &[
    (
        "one quoted word is a whole command line",
        "vrrp_script a {\nscript \"/bin/check 'two words' three\"\n}\n",
    ),
    (
        "quotes join as in a shell",
        "vrrp_script a {\nscript /bin/check 'two words' \"three and\"' more'\n}\n",
    ),
    (
        "a comment within a command is told",
        "vrrp_script a {\nscript /bin/check #1 -x\n}\nvrrp_script b {\nscript /bin/check a#b\n}\nvrrp_script c {\nscript /bin/check a # as usual\n}\nvrrp_script d {\nscript /bin/sh -c 'echo #1'\n}\nvrrp_script e {\nscript /bin/check \\#1 \"#2 !\"\n}\n",
    ),
    (
        "a comment within a process is told",
        "vrrp_track_process a {\nprocess /bin/check #1\n}\n",
    ),
    (
        "a command is needed",
        "vrrp_script a {\nscript\n}\nvrrp_script b {\nscript \"\"\n}\n",
    ),
];

pub(super) const BFD: &[Case] = &[
    (
        "sessions with defaults",
        "bfd_instance a {\nneighbor_ip 192.0.2.1\n}\nbfd_instance b {\nneighbor_ip 2001:db8::1\n}\n",
    ),
    (
        "a neighbor is needed",
        "bfd_instance a {\n}\nbfd_instance b {\nneighbor_ip x\n}\nbfd_instance {\nneighbor_ip 192.0.2.1\n}\n",
    ),
    (
        "values are legal",
        "bfd_instance a {\nneighbor_ip 192.0.2.1\nmin_rx 0.999\nmin_tx 5000000000\nidle_tx 999\nmultiplier 0\nttl 256\nmax_hops -2\nmultihop maybe\nweight 300\n}\n",
    ),
    (
        "milliseconds have three decimals",
        "bfd_instance a {\nneighbor_ip 192.0.2.1\nmin_rx 3.312\nmin_tx 3.3126\n}\n",
    ),
    (
        "both ends have a family",
        "bfd_instance a {\nneighbor_ip 192.0.2.1\nsource_ip 2001:db8::1\n}\n",
    ),
    (
        "no packet makes more hops than its TTL",
        "bfd_instance a {\nneighbor_ip 192.0.2.1\nttl 5\nmax_hops 9\n}\n",
    ),
    (
        "both processes are the default",
        "bfd_instance a {\nneighbor_ip 192.0.2.1\nvrrp\nchecker\n}\n",
    ),
    (
        "names and neighbors are given once",
        "bfd_instance a {\nneighbor_ip 192.0.2.1\n}\nbfd_instance a {\nneighbor_ip 192.0.2.2\n}\nbfd_instance b {\nneighbor_ip 192.0.2.1\n}\nbfd_instance a-name-that-is-longer-than-31-bytes {\nneighbor_ip 192.0.2.3\n}\n",
    ),
];

pub(super) const PROCESSES: &[Case] = &[
    (
        "a namespace or an instance has its own PID files",
        "net_namespace blue\n",
    ),
    ("the default namespace of IPVS", "net_namespace_ipvs\n"),
    (
        "the first namespace and the first instance count",
        "instance a\ninstance b\nnet_namespace x\nnet_namespace y\nnet_namespace_ipvs\nnet_namespace_ipvs z\n",
    ),
    (
        "values are legal",
        "child_wait_time x\nuse_pid_dir yes\nnet_namespace\n",
    ),
];
