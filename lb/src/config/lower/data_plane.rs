//! Where the data plane is.

use super::value;
use crate::config::{
    ast::Statement,
    diagnostic::Report,
    model::{GlobalDefs, InterfaceName},
};

pub(in crate::config) fn interfaces(
    global: &mut GlobalDefs,
    statement: &Statement,
    report: &mut Report,
) {
    if value::required(statement, "names of interfaces", report).is_none() {
        return;
    }
    let given = statement.arguments.iter();
    let given = given.filter_map(|word| value::interface(word, report));
    let into = &mut global.data_plane_reach.interfaces;
    for name in given {
        if !into.contains(&name.value) {
            into.push(name.value);
        }
    }
}

pub(in crate::config) fn show_interfaces(names: &[InterfaceName]) -> Vec<String> {
    let words: Vec<&str> = names.iter().map(InterfaceName::as_str).collect();
    let line = (!words.is_empty()).then(|| words.join(" "));
    line.into_iter().collect()
}
