//! Who is told: mail, FIFOs, SNMP, D-Bus.

use super::{Global, boolean, flag, seconds, text};
use crate::config::{
    keyword::takes::{Field, Takes, field},
    lower::{command, words},
    show::text as text_of,
};

pub(super) const MAIL: &[Global] = &[
    Global::new(
        &["notification_email"],
        Takes::Block {
            usage: "",
            read: words::recipients,
            show: |global, page| {
                if !global.mail.to.is_empty() {
                    page.block("notification_email", |page| {
                        for recipient in &global.mail.to {
                            page.line(&text_of(recipient));
                        }
                    });
                }
            },
        },
    )
    .means("recipients of mail, one a line"),
    text(&["notification_email_from"], field!(some clone mail.from))
        .acted()
        .default("root@host")
        .means("sender of mail"),
    Global::new(
        &["smtp_server"],
        Takes::Words {
            usage: "HOST [PORT]",
            read: words::smtp_server,
            show: |global| words::show_smtp_server(global.mail.server.as_ref()),
        },
    )
    .default("port 25")
    .means("where mail is sent to"),
    Global::new(
        &["smtp_starttls"],
        Takes::Words {
            usage: "nothing, or a file with certificates of authorities",
            read: words::smtp_starttls,
            show: |global| words::show_smtp_starttls(global.mail.starttls.as_ref()),
        },
    )
    .default("no TLS; whom this system trusts for the bare word")
    .means("mail goes over TLS or not at all, and to a server that one of them vouches for (of lb, not of keepalived)"),
    Global::new(
        &["smtp_auth"],
        Takes::Words {
            usage: "USER FILE, with the password on the file's first line",
            read: words::smtp_auth,
            show: |global| words::show_smtp_auth(global.mail.auth.as_ref()),
        },
    )
    .means("how the mail server knows this node (of lb, not of keepalived)"),
    text(&["smtp_helo_name"], field!(some clone mail.helo_name))
        .acted()
        .default("the host name")
        .means("how this node introduces itself"),
    seconds(
        &["smtp_connect_timeout"],
        1_000_000,
        4_294_000_000,
        field!(copy mail.connect_timeout),
    )
    .acted()
    .default("30")
    .means("how long to wait for the mail server"),
    boolean(&["smtp_alert"], field!(some copy mail.alert))
        .acted()
        .default("per block")
        .means("mail about every change of state"),
    boolean(&["smtp_alert_vrrp"], field!(some copy mail.alert_vrrp))
        .acted()
        .default("smtp_alert")
        .means("mail about virtual routers"),
    boolean(
        &["smtp_alert_checker"],
        field!(some copy mail.alert_checker),
    )
    .acted()
    .default("smtp_alert")
    .means("mail about real servers"),
    flag(&["no_email_faults"], field!(not mail.faults))
        .acted()
        .means("no mail about FAULT"),
    boolean(&["no_checker_emails"], field!(copy mail.no_checker_emails))
        .acted()
        .default("false")
        .means("mail about a real server only when its state changes"),
];

macro_rules! fifo {
    ($name:literal, $field:ident, $means:literal) => {
        Global::new(
            &[$name],
            Takes::Words {
                usage: "FIFO [USER [GROUP]]",
                read: |global, line, report| words::fifo(&mut global.notify.$field, line, report),
                show: |global| words::show_fifo(&global.notify.$field),
            },
        )
        .means($means)
    };
}

macro_rules! fifo_script {
    ($name:literal, $field:ident, $means:literal) => {
        Global::new(
            &[$name],
            Takes::Words {
                usage: "COMMAND [USER [GROUP]]",
                read: |global, line, report| {
                    global.notify.$field.script = command::with_owner(line, report);
                },
                show: |global| {
                    global
                        .notify
                        .$field
                        .script
                        .iter()
                        .map(command::show)
                        .collect()
                },
            },
        )
        .means($means)
    };
}

pub(super) const EVENTS: &[Global] = &[
    fifo!("notify_fifo", all, "a pipe that gets all events"),
    fifo_script!(
        "notify_fifo_script",
        all,
        "the program that reads notify_fifo"
    ),
    fifo!(
        "vrrp_notify_fifo",
        vrrp,
        "a pipe that gets events of virtual routers"
    ),
    fifo_script!(
        "vrrp_notify_fifo_script",
        vrrp,
        "the program that reads vrrp_notify_fifo"
    ),
    fifo!(
        "lvs_notify_fifo",
        lvs,
        "a pipe that gets events of real servers"
    ),
    fifo_script!(
        "lvs_notify_fifo_script",
        lvs,
        "the program that reads lvs_notify_fifo"
    ),
    boolean(&["lvs_notify_fifo_nul"], field!(copy notify.ends_in_nul))
        .acted()
        .default("false")
        .means(
            "a NUL follows each line about servers, as from keepalived (of lb, not of keepalived)",
        ),
    boolean(
        &["vrrp_notify_priority_changes"],
        field!(copy notify.priority_changes),
    )
    .acted()
    .default("false")
    .means("changes of priority are events too"),
    flag(
        &["fifo_write_vrrp_states_on_reload"],
        field!(copy notify.repeats_states),
    )
    .acted()
    .means("states are told again after a reload"),
];

/// `enable_snmp_rfc` is both of the other two, so only those are written.
const BOTH_RFCS: Field<crate::config::model::GlobalDefs, crate::config::model::GlobalDefs, bool> =
    Field {
        set: |global, _| {
            global.snmp.rfc2787 = true;
            global.snmp.rfc6527 = true;
        },
        get: |_| None,
    };

pub(super) const SNMP: &[Global] = &[
    text(&["snmp_socket"], field!(some clone snmp.socket))
        .default("unix:/var/agentx/master")
        .means("the SNMP master agent"),
    flag(&["enable_traps"], field!(copy snmp.traps)).means("changes of state are SNMP traps"),
    flag(&["enable_snmp_vrrp"], field!(copy snmp.vrrp)).means("virtual routers by KEEPALIVED-MIB"),
    flag(&["enable_snmp_keepalived"], field!(copy snmp.vrrp))
        .deprecated("enable_snmp_vrrp")
        .means("virtual routers by KEEPALIVED-MIB"),
    flag(&["enable_snmp_checker"], field!(copy snmp.checker))
        .means("virtual servers by KEEPALIVED-MIB"),
    flag(&["enable_snmp_rfc"], BOTH_RFCS).means("both VRRP MIBs"),
    flag(&["enable_snmp_rfcv2"], field!(copy snmp.rfc2787)).means("the MIB of RFC 2787"),
    flag(&["enable_snmp_rfcv3"], field!(copy snmp.rfc6527)).means("the MIB of RFC 6527"),
    seconds(
        &["snmp_vs_stats_update_interval"],
        1_000,
        30_000_000,
        field!(copy snmp.virtual_server_stats),
    )
    .default("5")
    .means("how old counters of virtual servers may be"),
    seconds(
        &["snmp_rs_stats_update_interval"],
        1_000,
        30_000_000,
        field!(some copy snmp.real_server_stats),
    )
    .default("snmp_vs_stats_update_interval")
    .means("how old counters of real servers may be"),
    flag(&["enable_dbus"], field!(copy dbus.enabled)).means("state is told over D-Bus"),
    text(&["dbus_service_name"], field!(clone dbus.service))
        .default("org.keepalived.Vrrp1")
        .means("the service's name there"),
    text(&["dbus_no_interface_name"], field!(clone dbus.no_interface))
        .default("none")
        .means("path element of instances without an interface"),
];
