//! What two routers of different makes are configured to do together.

/// One configuration of a pair.
pub(super) struct Case {
    pub(super) name: &'static str,
    /// Address that tells who is MASTER.
    pub(super) address: &'static str,
    /// The file of director 1 or 2.
    pub(super) file: fn(u8) -> String,
    /// Whether director 1 takes the addresses back when it returns.
    pub(super) preempts: bool,
    /// What tshark may complain of: lines that have this.
    pub(super) excused: Option<&'static str>,
}

const V4: &str = "192.0.2.100";
const V6: &str = "2001:db8::100";

pub(super) const CASES: &[Case] = &[
    Case::new("v2/none", V4, |d| {
        file(&instance(51, d, "version 2\nadvert_int 1", V4))
    }),
    Case::new("v2/PASS", V4, |d| {
        let authentication =
            "version 2\nadvert_int 1\nauthentication {\nauth_type PASS\nauth_pass s3cret\n}";
        file(&instance(51, d, authentication, V4))
    }),
    Case::new("v2/AH", V4, |d| {
        let authentication =
            "version 2\nadvert_int 1\nauthentication {\nauth_type AH\nauth_pass s3cret\n}";
        file(&instance(51, d, authentication, V4))
    }),
    Case::new("v3/IPv4", V4, |d| file(&instance(51, d, V3, V4))),
    Case::new("v3/IPv6", V6, |d| {
        file(&instance(51, d, V3, "fe80::5e:100\n2001:db8::100"))
    }),
    Case::new("v2/unicast", V4, |d| {
        let words = format!("version 2\nadvert_int 1\n{}", peers_v4(d));
        file(&instance(51, d, &words, V4))
    }),
    Case::new("v3/unicast/IPv4", V4, |d| {
        file(&instance(51, d, &format!("{V3}\n{}", peers_v4(d)), V4))
    }),
    Case::new("v3/unicast/IPv6", V6, |d| {
        let words = format!("{V3}\n{}", peers_v6(d));
        file(&instance(51, d, &words, V6))
    }),
    Case {
        // A TTL of 255 to a group of 224.0.0.0/24 that tshark does not know.
        excused: Some("→ 224.0.0.250"),
        ..Case::new("v3/group of its own", V4, |d| {
            let words = format!("{V3}\nmcast_dst_ip 224.0.0.250");
            file(&instance(51, d, &words, V4))
        })
    },
    Case {
        preempts: false,
        ..Case::new("v3/nopreempt", V4, |d| {
            file(&instance(51, d, &format!("{V3}\nnopreempt"), V4))
        })
    },
    Case::new("v3/preempt_delay", V4, |d| {
        file(&instance(51, d, &format!("{V3}\npreempt_delay 1"), V4))
    }),
    Case::new("v3/owner", V4, |d| {
        if d == 1 {
            file(&owner())
        } else {
            file(&instance(51, d, V3, V4))
        }
    }),
    Case::new("v3/sync group", V4, |d| {
        let instances = [
            instance(51, d, V3, V4),
            instance(52, d, V3, "192.0.2.101"),
            instance(53, d, V3, "fe80::5e:101\n2001:db8::101"),
        ];
        let group = "vrrp_sync_group all {\ngroup {\nr51\nr52\nr53\n}\n}\n";
        file(&format!("{group}{}", instances.concat()))
    }),
    Case::new("vmac/IPv4", V4, |d| {
        file(&instance(51, d, &format!("{V3}\nuse_vmac"), V4))
    }),
    Case::new("vmac/IPv6", V6, |d| {
        let words = format!("{V3}\nuse_vmac front");
        file(&instance(51, d, &words, "fe80::5e:100\n2001:db8::100"))
    }),
    Case::new("vmac/xmit_base", V4, |d| {
        let words = format!("{V3}\nuse_vmac\nvmac_xmit_base");
        file(&instance(51, d, &words, V4))
    }),
    Case::new("vmac/unicast", V4, |d| {
        let words = format!("{V3}\nuse_vmac\nvmac_xmit_base\n{}", peers_v4(d));
        file(&instance(51, d, &words, V4))
    }),
];

const V3: &str = "version 3\nadvert_int 0.1";

impl Case {
    const fn new(name: &'static str, address: &'static str, file: fn(u8) -> String) -> Self {
        Self {
            name,
            address,
            file,
            preempts: true,
            excused: None,
        }
    }
}

fn file(blocks: &str) -> String {
    format!("global_defs {{\nrouter_id interop\n}}\n{blocks}")
}

fn instance(vrid: u8, director: u8, words: &str, addresses: &str) -> String {
    let priority = if director == 1 { 150 } else { 100 };
    format!(
        "vrrp_instance r{vrid} {{\nstate BACKUP\ninterface eth0\nvirtual_router_id {vrid}\npriority {priority}\n{words}\n\
         virtual_ipaddress {{\n{addresses}\n}}\n}}\n"
    )
}

fn owner() -> String {
    format!(
        "vrrp_instance r51 {{\nstate MASTER\ninterface eth0\nvirtual_router_id 51\npriority 255\n{V3}\n\
         virtual_ipaddress {{\n{V4}\n}}\n}}\n"
    )
}

fn peers_v4(director: u8) -> String {
    let [own, other] = places(director);
    format!("unicast_src_ip 192.0.2.{own}\nunicast_peer {{\n192.0.2.{other}\n}}")
}

fn peers_v6(director: u8) -> String {
    let [own, other] = places(director);
    format!("unicast_src_ip 2001:db8::{own}\nunicast_peer {{\n2001:db8::{other}\n}}")
}

const fn places(director: u8) -> [u8; 2] {
    if director == 1 { [11, 12] } else { [12, 11] }
}
