//! A model as keepalived.conf again: every value in effect, in the order of the tables.

use std::time::Duration;

use super::{
    keyword::{Table, check, global, vrrp},
    model::{Config, RealServer, TcpCheck, VirtualServer, VrrpInstance},
};

/// The configuration as a file that [`load`](super::load) reads to the same model.
///
/// Values that were defaults are written too. A file of keepalived's differs only in what `lb` alone has.
#[must_use]
pub fn show(config: &Config) -> String {
    let mut page = Page::default();
    page.block("global_defs", |page| {
        page.values(&global::TABLE, &config.global)
    });
    for instance in &config.vrrp_instances {
        show_instance(&mut page, instance);
    }
    for server in &config.virtual_servers {
        show_virtual_server(&mut page, server);
    }
    page.text
}

fn show_instance(page: &mut Page, instance: &VrrpInstance) {
    page.block(&format!("vrrp_instance {}", text(&instance.name)), |page| {
        page.values(&vrrp::TABLE, instance);
        page.block("virtual_ipaddress", |page| {
            for line in &instance.addresses {
                page.line(&format!(
                    "{}/{} dev {}",
                    line.address, line.prefix, line.interface
                ));
            }
        });
    });
}

fn show_virtual_server(page: &mut Page, server: &VirtualServer) {
    let head = format!("virtual_server {} {}", server.address, server.port);
    page.block(&head, |page| {
        page.values(&check::VIRTUAL_SERVER, server);
        for real in &server.real_servers {
            show_real_server(page, real);
        }
    });
}

fn show_real_server(page: &mut Page, real: &RealServer) {
    let head = format!("real_server {} {}", real.address, real.port);
    page.block(&head, |page| {
        page.values(&check::REAL_SERVER, real);
        for check in &real.checks {
            show_tcp_check(page, check);
        }
    });
}

fn show_tcp_check(page: &mut Page, check: &TcpCheck) {
    page.block("TCP_CHECK", |page| page.values(&check::TCP_CHECK, check));
}

/// Text with indented blocks.
#[derive(Debug, Default)]
struct Page {
    text: String,
    depth: usize,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(&"    ".repeat(self.depth));
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn block(&mut self, head: &str, body: impl FnOnce(&mut Self)) {
        self.line(&format!("{head} {{"));
        self.depth += 1;
        body(self);
        self.depth -= 1;
        self.line("}");
    }

    fn values<D, M>(&mut self, table: &Table<D, M>, model: &M) {
        for line in table.show(model) {
            self.line(&line);
        }
    }
}

/// A word as the lexer reads it back: in quotes where it would not stay one word.
pub(super) fn text(word: &str) -> String {
    let plain = !word.is_empty()
        && !word
            .bytes()
            .any(|byte| byte.is_ascii_whitespace() || b"{}\"#!".contains(&byte));
    if plain {
        word.to_owned()
    } else {
        format!("\"{word}\"")
    }
}

/// Seconds with the decimals they have.
pub(super) fn seconds(time: Duration) -> String {
    let micros = time.subsec_micros();
    if micros == 0 {
        return time.as_secs().to_string();
    }
    let decimals = format!("{micros:06}");
    format!("{}.{}", time.as_secs(), decimals.trim_end_matches('0'))
}
