//! Changes of a workflow's code that open runs live through (D2, "Patches"). A patch is Temporal's
//! marker `core_patch`.

use super::failure::{Misuse, Reason};
use super::replay::{Match, differs};
use super::run::Run;
use crate::command::CommandKind;
use crate::event::{Attributes, HistoryEvent, marker};
use crate::payload::{Payload, Payloads};
use alloc::{collections::BTreeMap, collections::BTreeSet, format, string::String, vec};
use serde::{Deserialize, Serialize};

const MARKER: &str = "core_patch";
const DETAILS_KEY: &str = "patch-data";

/// What stands in a marker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PatchData {
    id: String,
    #[serde(default)]
    deprecated: bool,
}

/// The patches of a run.
#[derive(Debug, Default)]
pub(super) struct Patches {
    /// What the guest was told; it holds for the run.
    told: BTreeMap<String, bool>,
    /// Those whose marker stands in an earlier task's commands.
    earlier: BTreeSet<String>,
    /// Those whose marker stands in the commands of the task that is replayed.
    present: BTreeSet<String>,
}

impl Patches {
    /// A task begins whose commands, as far as they are recorded, have these markers.
    pub(super) fn begin_task<'a>(&mut self, events: impl Iterator<Item = &'a HistoryEvent>) {
        self.earlier.append(&mut self.present);
        self.present.extend(events.filter_map(patch_of).map(|patch| patch.id));
    }
}

/// The patch that an event records, if it does.
pub(super) fn patch_of(event: &HistoryEvent) -> Option<PatchData> {
    match &event.attributes {
        Attributes::MarkerRecorded(recorded) => parse(&recorded.marker_name, &recorded.details),
        _ => None,
    }
}

/// Whether the event is a marker that replays also where the code does not write it any more.
pub(super) fn is_deprecated(event: &HistoryEvent) -> bool {
    patch_of(event).is_some_and(|patch| patch.deprecated)
}

/// Whether the event records that command: for patches, whether it is the same patch, deprecated or
/// not.
pub(super) fn records(
    event: &marker::Recorded,
    marker_name: &str,
    details: &BTreeMap<String, Payloads>,
) -> Match {
    let id = |patch: Option<PatchData>| patch.map_or_else(String::new, |patch| patch.id);
    let recorded = parse(&event.marker_name, &event.details);
    differs("marker name", &event.marker_name, marker_name)
        .and(|| differs("patch id", &id(recorded), &id(parse(marker_name, details))))
}

/// What people are told that a marker is.
pub(super) fn describe(
    marker_name: &str,
    details: &BTreeMap<String, Payloads>,
    kind: &str,
) -> String {
    match parse(marker_name, details) {
        Some(patch) => format!("{kind} (patch {:?})", patch.id),
        None => format!("{kind} (marker {marker_name:?})"),
    }
}

/// A text as a JSON payload.
pub(super) fn json_text(text: &str) -> Payload {
    Payload::json(serde_json::to_string(text).unwrap_or_default())
}

fn parse(marker_name: &str, details: &BTreeMap<String, Payloads>) -> Option<PatchData> {
    if marker_name != MARKER {
        return None;
    }
    let payload = details.get(DETAILS_KEY)?.payloads.first()?;
    serde_json::from_slice(&payload.data).ok()
}

fn marker(patch: &PatchData) -> CommandKind {
    let data = Payload::json(serde_json::to_string(patch).unwrap_or_default());
    CommandKind::RecordMarker {
        marker_name: MARKER.into(),
        details: BTreeMap::from([(DETAILS_KEY.into(), Payloads::from(vec![data]))]),
        header: None,
        failure: None,
    }
}

impl Run {
    /// Whether this run is on the new side of the change `id`. The first answer holds for the run.
    pub fn patched(&mut self, id: &str) -> Result<bool, Misuse> {
        if let Some(told) = self.patches.told.get(id) {
            return Ok(*told);
        }
        self.reach_patch(id, false)
    }

    /// In place of `patched` once no run on the old side is left.
    pub fn deprecate_patch(&mut self, id: &str) -> Result<(), Misuse> {
        if !self.patches.told.contains_key(id) {
            self.reach_patch(id, true)?;
            // The code has only the new side by now.
            self.patches.told.insert(id.into(), true);
        }
        Ok(())
    }

    fn reach_patch(&mut self, id: &str, deprecated: bool) -> Result<bool, Misuse> {
        let max = self.limits.patches_max;
        if self.patches.told.len() >= max {
            return Err(self.exceed(Reason::TooMany { what: "patches", max }));
        }
        let writes = !self.is_replaying() || self.patches.present.contains(id);
        let told = writes || self.patches.earlier.contains(id);
        if writes {
            self.issue(marker(&PatchData { id: id.into(), deprecated }), 0)?;
        }
        self.patches.told.insert(id.into(), told);
        Ok(told)
    }
}
