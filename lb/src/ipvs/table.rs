//! Tables, what changes one, and the changes that make one another.

use std::{collections::BTreeMap, fmt};

use super::{Dest, DestKey, Service, ServiceKey};

/// A table of services, or a part of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// By what tells them apart.
    pub services: BTreeMap<ServiceKey, Entry>,
}

/// A service and its dests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The service.
    pub service: Service,
    /// Where its packets go.
    pub dests: BTreeMap<DestKey, Dest>,
}

/// One change of the kernel's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `IPVS_CMD_NEW_SERVICE`.
    AddService(ServiceKey, Service),
    /// `IPVS_CMD_SET_SERVICE`.
    EditService(ServiceKey, Service),
    /// `IPVS_CMD_DEL_SERVICE`, which takes its dests along.
    RemoveService(ServiceKey),
    /// `IPVS_CMD_NEW_DEST`.
    AddDest(ServiceKey, DestKey, Dest),
    /// `IPVS_CMD_SET_DEST`.
    EditDest(ServiceKey, DestKey, Dest),
    /// `IPVS_CMD_DEL_DEST`.
    RemoveDest(ServiceKey, DestKey),
    /// `IPVS_CMD_FLUSH`: everybody's services go.
    Flush,
}

/// Prints for people: `add 10.0.0.1:80 to 10.0.0.100:80 (tcp)`.
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddService(key, _) => write!(f, "add {key}"),
            Self::EditService(key, _) => write!(f, "edit {key}"),
            Self::RemoveService(key) => write!(f, "remove {key}"),
            Self::AddDest(key, dest, _) => write!(f, "add {dest} to {key}"),
            Self::EditDest(key, dest, _) => write!(f, "edit {dest} of {key}"),
            Self::RemoveDest(key, dest) => write!(f, "remove {dest} from {key}"),
            Self::Flush => f.write_str("empty the table"),
        }
    }
}

impl Table {
    /// The table after a change.
    pub fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::AddService(key, service) => {
                let (service, dests) = (service.clone(), BTreeMap::new());
                self.services.insert(*key, Entry { service, dests });
            }
            Operation::EditService(key, service) => {
                if let Some(entry) = self.services.get_mut(key) {
                    entry.service = service.clone();
                }
            }
            Operation::RemoveService(key) => {
                self.services.remove(key);
            }
            Operation::AddDest(key, dest, value) | Operation::EditDest(key, dest, value) => {
                if let Some(entry) = self.services.get_mut(key) {
                    entry.dests.insert(*dest, *value);
                }
            }
            Operation::RemoveDest(key, dest) => {
                if let Some(entry) = self.services.get_mut(key) {
                    entry.dests.remove(dest);
                }
            }
            Operation::Flush => self.services.clear(),
        }
    }
}

/// The changes that make `wanted` of `installed`, in an order in which a service that has dests before and after is never without.
pub(super) fn difference(installed: &Table, wanted: &Table) -> Vec<Operation> {
    let mut operations = Vec::new();
    for key in installed.services.keys() {
        if !wanted.services.contains_key(key) {
            operations.push(Operation::RemoveService(*key));
        }
    }
    for (key, wanted) in &wanted.services {
        let installed = installed.services.get(key);
        match installed {
            None => operations.push(Operation::AddService(*key, wanted.service.clone())),
            Some(entry) if entry.service != wanted.service => {
                operations.push(Operation::EditService(*key, wanted.service.clone()));
            }
            Some(_) => {}
        }
        let none = BTreeMap::new();
        let before = installed.map_or(&none, |entry| &entry.dests);
        // A dest that takes connections comes before one that takes them goes.
        for (dest, value) in &wanted.dests {
            match before.get(dest) {
                None => operations.push(Operation::AddDest(*key, *dest, *value)),
                Some(old) if old != value && value.weight > 0 => {
                    operations.push(Operation::EditDest(*key, *dest, *value));
                }
                Some(_) => {}
            }
        }
        for (dest, value) in &wanted.dests {
            if value.weight == 0 && before.get(dest).is_some_and(|old| old != value) {
                operations.push(Operation::EditDest(*key, *dest, *value));
            }
        }
        for dest in before.keys() {
            if !wanted.dests.contains_key(dest) {
                operations.push(Operation::RemoveDest(*key, *dest));
            }
        }
    }
    operations
}
