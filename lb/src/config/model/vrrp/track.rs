//! What moves the priority, or ends in FAULT.

use serde::{Deserialize, Serialize};

use crate::config::model::InterfaceName;

/// What an instance or a group tracks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tracks {
    /// `track_interface`.
    pub interfaces: Vec<TrackedInterface>,
    /// `track_script`: of `vrrp_script` blocks.
    pub scripts: Vec<Track>,
    /// `track_file`: of `track_file` blocks at the top level.
    pub files: Vec<Track>,
    /// `track_process`: of `vrrp_track_process` blocks.
    pub processes: Vec<Track>,
    /// `track_bfd`: of `bfd_instance` blocks.
    pub bfds: Vec<Track>,
}

/// A line of `track_interface`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackedInterface {
    /// The interface.
    pub interface: InterfaceName,
    /// `weight`, -253 to 253: added to the priority while it is up, or taken from it while it is down; 0 is FAULT.
    pub weight: i16,
    /// `reverse`: the weight counts the other way; with 0 it is FAULT while the interface is up.
    pub reverse: bool,
}

/// A line that names an object with a block of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Track {
    /// The name of its block.
    pub name: String,
    /// `weight`; the object's own when not given.
    pub weight: Option<i16>,
    /// `reverse`, `noreverse`; the object's own when not given.
    pub reverse: Option<bool>,
    /// `peer`, an extension, of BFD sessions: the neighbor is another router of the virtual router. Where it is the MASTER, its
    /// silence ends the master-down timer; without a weight the session is no FAULT.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub peer: bool,
}
