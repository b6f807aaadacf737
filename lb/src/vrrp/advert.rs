//! Adverts as values, and their wire form.
/// Placeholder until the codec lands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advertisement;
