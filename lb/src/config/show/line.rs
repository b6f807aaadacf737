//! Addresses, routes and rules as the lines of the configuration that they are.

use std::fmt;

use crate::config::{
    keyword::address::STATIC,
    lower::{address, route, rule},
    model::{address::AddressLine, route::Route, rule::Rule},
};

impl fmt::Display for AddressLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&address::show(self, &STATIC))
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&route::show(self))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&rule::show(self))
    }
}
