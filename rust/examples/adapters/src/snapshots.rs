// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! Snapshots of versions of a VMM that do not have the crate yet.
//!
//! Both VMMs keep the same registers: the table, the Pending bits, Enable and Function Mask.

use msi_route::{Entry, MsixState, State};

const ENABLE: u16 = 1 << 15;
const MASK_ALL: u16 = 1 << 14;
const COMMAND_BITS: u16 = 0x0404;

/// Stands in for `MsixTableEntry`, whose names it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MsixTableEntry {
    pub msg_addr_lo: u32,
    pub msg_addr_hi: u32,
    pub msg_data: u32,
    pub vector_ctl: u32,
}

/// Stands in for what `MsixConfigState` has of the registers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MsixConfigState {
    pub table_entries: Vec<MsixTableEntry>,
    pub pba_entries: Vec<u64>,
    pub masked: bool,
    pub enabled: bool,
}

fn flag(set: bool, bit: u16) -> u16 {
    if set {
        bit
    } else {
        0
    }
}

/// A state to restore from such a snapshot. Command is in the state of configuration space.
pub fn from_snapshot(old: &MsixConfigState, command: u16) -> State {
    let entry = |e: &MsixTableEntry| Entry {
        address: u64::from(e.msg_addr_hi) << 32 | u64::from(e.msg_addr_lo & !3),
        data: e.msg_data,
        control: e.vector_ctl,
    };
    let qwords = old.table_entries.len().div_ceil(64);
    let mut pending = old.pba_entries.clone();
    // They call a function masked whose Message Control was never written.
    let masked = old.enabled && old.masked;

    pending.resize(qwords, 0);
    let mut state = State::default();
    state.command = command & COMMAND_BITS;
    state.msix = Some(MsixState {
        control: flag(old.enabled, ENABLE) | flag(masked, MASK_ALL),
        entries: old.table_entries.iter().map(entry).collect(),
        pending,
        held: vec![0; qwords],
    });
    state
}

/// For a peer that does not have the crate; `None` if the function has no MSI-X.
pub fn to_snapshot(state: &State) -> Option<MsixConfigState> {
    let msix = state.msix.as_ref()?;
    let entry = |e: &Entry| MsixTableEntry {
        msg_addr_lo: e.address as u32,
        msg_addr_hi: (e.address >> 32) as u32,
        msg_data: e.data,
        vector_ctl: e.control,
    };
    Some(MsixConfigState {
        table_entries: msix.entries.iter().map(entry).collect(),
        pba_entries: msix.pending.clone(),
        masked: msix.control & MASK_ALL != 0,
        enabled: msix.control & ENABLE != 0,
    })
}
