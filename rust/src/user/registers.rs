// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! Registers of the fallback, as the guest sees them, and what they say of a vector.

use crate::routes::Message;
use crate::shape::MSIX_SIZE;
use crate::state::{
    COMMAND_MASTER, MSI_ENABLE, MSI_EXT_ENABLE, MSI_MME, MSIX_ENABLE, MSIX_MASK_ALL,
    msi_control_rw, msi_data_rw,
};
use crate::{Entry, Kind, MsiState, MsixState, Shape, State};

// Intel SDM, "Message Address Register Format" and "Data Register Format".
const ADDRESS_BASE: u32 = 0xfee;
const ADDRESS_LOGICAL: u32 = 0x04;
const ADDRESS_REDIRECT: u32 = 0x08;
const ADDRESS_REMAPPABLE: u32 = 0x10;
const ADDRESS_EXT_DEST: u32 = 0xfe0;
const DATA_MODE: u32 = 0x700;
const DATA_LOWEST: u32 = 0x100;

const ENTRY_MASKED: u32 = 1;

/// A dword of configuration space.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Register {
    None,
    MsixControl,
    MsixTable,
    MsixPba,
    MsiControl,
    MsiAddress,
    MsiUpper,
    MsiData,
    MsiMask,
    MsiPending,
}

/// All registers but the Pending bits, which are the vectors'.
#[derive(Debug)]
pub(super) struct Registers {
    pub(super) run: bool,
    pub(super) bus_master: bool,
    msix_control: u16,
    msi_control: u16,
    msi_address: u64,
    msi_data: u32,
    msi_mask: u32,
    table: Vec<Entry>,
}

/// Puts `value` into `register`, as far as the bytes of `lanes` and the writable bits go.
fn put(register: &mut u32, lanes: u32, writable: u32, value: u32) {
    *register = (*register & !(lanes & writable)) | (value & lanes & writable);
}

/// Message Control is the upper half of its dword.
fn put_control(register: &mut u16, lanes: u32, writable: u16, value: u32) {
    let mut control = u32::from(*register);
    put(&mut control, lanes >> 16, writable.into(), value >> 16);
    *register = control as u16;
}

impl Registers {
    pub(super) fn new(shape: &Shape) -> Self {
        let mut registers = Self {
            run: true,
            bus_master: false,
            msix_control: 0,
            msi_control: 0,
            msi_address: 0,
            msi_data: 0,
            msi_mask: 0,
            table: vec![Entry::default(); shape.vectors(Kind::Msix) as usize],
        };
        registers.clear();
        registers
    }

    /// As after reset (rule 29), but for Bus Master Enable.
    pub(super) fn clear(&mut self) {
        self.msix_control = 0;
        self.msi_control = 0;
        self.msi_address = 0;
        self.msi_data = 0;
        self.msi_mask = 0;
        self.table.fill(Entry { control: ENTRY_MASKED, ..Entry::default() });
    }

    // ---- what they say of a vector ----

    pub(super) fn msi_enabled(&self) -> bool {
        self.msi_control & MSI_ENABLE != 0
    }

    /// Vectors of MSI that are enabled, less one (rule 5).
    fn msi_low(&self, shape: &Shape) -> u32 {
        let enabled = 1 << ((self.msi_control & MSI_MME) >> 4);
        shape.vectors(Kind::Msi).min(enabled) - 1
    }

    fn msi_data(&self) -> u32 {
        if self.msi_control & MSI_EXT_ENABLE != 0 { self.msi_data } else { self.msi_data & 0xffff }
    }

    fn is_masked(&self, shape: &Shape, kind: Kind, i: usize) -> bool {
        match kind {
            Kind::Msix => self.table[i].is_masked(),
            _ => self.msi_mask >> (i as u32 & self.msi_low(shape)) & 1 != 0,
        }
    }

    /// May the capability send at all? If both are enabled, MSI-X wins (rule 1).
    fn is_open(&self, kind: Kind) -> bool {
        let msix = self.msix_control & (MSIX_ENABLE | MSIX_MASK_ALL);
        self.run
            && self.bus_master
            && match kind {
                Kind::Msix => msix == MSIX_ENABLE,
                _ => self.msi_enabled() && msix & MSIX_ENABLE == 0,
            }
    }

    pub(super) fn may_send(&self, shape: &Shape, kind: Kind, i: usize) -> bool {
        self.is_open(kind) && !self.is_masked(shape, kind, i)
    }

    /// The message as it is sent; `None`: it is no interrupt (rule 32), or no legal one (rule
    /// 34).
    pub(super) fn message(
        &self,
        shape: &Shape,
        ids_32bit: bool,
        kind: Kind,
        i: usize,
    ) -> Option<Message> {
        let (address, data) = match kind {
            Kind::Msix => (self.table[i].address, self.table[i].data),
            // The vector's number replaces the low bits (rule 6).
            _ => {
                let low = self.msi_low(shape);
                (self.msi_address, (self.msi_data() & !low) | (i as u32 & low))
            }
        };
        let (mut lo, mut hi) = (address as u32, (address >> 32) as u32);
        if shape.ext_dest_id && hi == 0 && lo & ADDRESS_REMAPPABLE == 0 {
            hi = (lo & ADDRESS_EXT_DEST) << 3;
            lo &= !ADDRESS_EXT_DEST;
        }
        let mode = (data & DATA_MODE) >> 8;
        let illegal = match mode {
            3 | 6 | 7 => true,
            0 | 1 => data & 0xff < 16,
            _ => false,
        };
        let beyond = if ids_32bit { hi & 0xff } else { hi };
        if lo >> 20 != ADDRESS_BASE || beyond != 0 || illegal {
            return None;
        }
        Some(broadcast(lo, hi, data, ids_32bit))
    }

    // ---- configuration space, by dwords ----

    fn register(shape: &Shape, offset: u32) -> Register {
        let within = |cap: u8, size| offset.checked_sub(cap.into()).filter(|&at| at < size);
        if let Some(at) = shape.msix.and_then(|m| within(m.cap, MSIX_SIZE)) {
            return [Register::MsixControl, Register::MsixTable, Register::MsixPba]
                [at as usize / 4];
        }
        let Some((msi, at)) = shape.msi.and_then(|m| Some((m, within(m.cap, m.size())?))) else {
            return Register::None;
        };
        if let Some(at) = at.checked_sub(msi.data_at()) {
            return [Register::MsiData, Register::MsiMask, Register::MsiPending][at as usize / 4];
        }
        [Register::MsiControl, Register::MsiAddress, Register::MsiUpper][at as usize / 4]
    }

    /// A dword's value, and its bits that are the function's.
    pub(super) fn dword(&self, shape: &Shape, offset: u32, msi_pending: u32) -> (u32, u32) {
        let (msix, msi) = (shape.msix.unwrap_or_default(), shape.msi.unwrap_or_default());
        let all = u32::MAX;
        match Self::register(shape, offset) {
            Register::None => (0, 0),
            Register::MsixControl => {
                (u32::from(self.msix_control | (msix.vectors - 1)) << 16, 0xffff_0000)
            }
            Register::MsixTable => (msix.table_offset | u32::from(msix.table_bar), all),
            Register::MsixPba => (msix.pba_offset | u32::from(msix.pba_bar), all),
            Register::MsiControl => {
                let capable = msi.vectors.trailing_zeros() << 1 | u32::from(msi.flags()) << 7;
                ((u32::from(self.msi_control) | capable) << 16, 0xffff_0000)
            }
            Register::MsiAddress => (self.msi_address as u32, all),
            Register::MsiUpper => ((self.msi_address >> 32) as u32, all),
            Register::MsiData => (self.msi_data(), all),
            Register::MsiMask => (self.msi_mask, all),
            Register::MsiPending => (msi_pending, all),
        }
    }

    pub(super) fn is_msi_pending(shape: &Shape, offset: u32) -> bool {
        Self::register(shape, offset) == Register::MsiPending
    }

    /// Does a write of this dword change a register?
    pub(super) fn is_writable(shape: &Shape, offset: u32) -> bool {
        use Register as R;
        let register = Self::register(shape, offset);
        !matches!(register, R::None | R::MsixTable | R::MsixPba | R::MsiPending)
    }

    /// Each byte goes to its register (rule 11), as far as it can be written.
    pub(super) fn write_dword(&mut self, shape: &Shape, offset: u32, lanes: u32, value: u32) {
        let msi = shape.msi.unwrap_or_default();
        let (mut lo, mut hi) = (self.msi_address as u32, (self.msi_address >> 32) as u32);
        match Self::register(shape, offset) {
            Register::MsixControl => {
                put_control(&mut self.msix_control, lanes, MSIX_ENABLE | MSIX_MASK_ALL, value);
            }
            Register::MsiControl => {
                put_control(&mut self.msi_control, lanes, msi_control_rw(&msi), value);
            }
            Register::MsiAddress => put(&mut lo, lanes, !3, value),
            Register::MsiUpper => put(&mut hi, lanes, u32::MAX, value),
            Register::MsiData => put(&mut self.msi_data, lanes, msi_data_rw(&msi), value),
            Register::MsiMask => put(&mut self.msi_mask, lanes, msi.vector_bits(), value),
            _ => {}
        }
        self.msi_address = u64::from(hi) << 32 | u64::from(lo);
    }

    // ---- the table ----

    /// An aligned dword or qword of the table.
    pub(super) fn read_table(&self, offset: u32, len: u32) -> u64 {
        let entry = &self.table[offset as usize / 16];
        let qword = match offset & 8 {
            0 => entry.address,
            _ => u64::from(entry.control) << 32 | u64::from(entry.data),
        };
        if len == 8 { qword } else { qword >> ((offset & 4) * 8) & u64::from(u32::MAX) }
    }

    /// A qword is one update (rule 16).
    pub(super) fn write_table(&mut self, offset: u32, len: u32, value: u64) {
        let mut qword = self.read_table(offset & !7, 8);
        let lanes = if len == 8 { u64::MAX } else { u64::from(u32::MAX) << ((offset & 4) * 8) };
        qword = (qword & !lanes) | (value << ((offset & 4) * 8) & lanes);
        let entry = &mut self.table[offset as usize / 16];
        if offset & 8 == 0 {
            entry.address = qword & !3;
        } else {
            entry.data = qword as u32;
            entry.control = (qword >> 32) as u32;
        }
    }

    // ---- state ----

    /// Registers alone; the Pending bits and the bound are the caller's.
    pub(super) fn save(&self, shape: &Shape) -> State {
        State {
            command: if self.bus_master { COMMAND_MASTER } else { 0 },
            msix: shape.msix.map(|m| MsixState {
                control: self.msix_control,
                entries: self.table.clone(),
                pending: vec![0; m.qwords()],
                held: vec![0; m.qwords()],
            }),
            msi: shape.msi.map(|m| MsiState {
                vectors: m.vectors,
                flags: m.flags(),
                control: self.msi_control,
                address: self.msi_address,
                data: self.msi_data,
                mask: self.msi_mask,
                pending: 0,
                held: 0,
            }),
            ..State::default()
        }
    }

    /// Of a state that was checked.
    pub(super) fn restore(&mut self, state: &State) {
        self.clear();
        self.bus_master = state.command & COMMAND_MASTER != 0;
        if let Some(msix) = &state.msix {
            self.msix_control = msix.control;
            self.table.copy_from_slice(&msix.entries);
        }
        if let Some(msi) = &state.msi {
            self.msi_control = msi.control;
            self.msi_address = msi.address;
            self.msi_data = msi.data;
            self.msi_mask = msi.mask;
        }
    }
}

/// A physical broadcast goes to all vCPUs; KVM would print a line for some (rule 34).
fn broadcast(mut lo: u32, hi: u32, mut data: u32, ids_32bit: bool) -> Message {
    let upper = if ids_32bit { hi >> 8 } else { 0 };
    if lo >> 12 & 0xff == 0xff && lo & ADDRESS_LOGICAL == 0 && (upper == 0 || upper == 0xff_ffff) {
        lo &= !ADDRESS_REDIRECT;
        if data & DATA_MODE == DATA_LOWEST {
            data &= !DATA_MODE;
        }
    }
    Message { address: u64::from(hi) << 32 | u64::from(lo), data }
}
