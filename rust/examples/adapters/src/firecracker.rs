// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! Firecracker's `MsixVectorGroup`.
//!
//! Its transport has the group for events, and an `MsixConfig` for the registers. Here the group
//! is both; what it had for KVM's routes is gone.

use std::sync::OnceLock;

use msi_route::{Events, Interrupts, Kind, Shape, State, Vm};
use vmm_sys_util::eventfd::EventFd;

/// Stands in for `vstate::interrupts::InterruptError`.
#[derive(Debug)]
pub enum InterruptError {
    Io(std::io::Error),
    MsiRoute(msi_route::Error),
    InvalidVectorIndex(usize),
}

impl From<std::io::Error> for InterruptError {
    fn from(e: std::io::Error) -> Self {
        Self::Io(e)
    }
}

impl From<msi_route::Error> for InterruptError {
    fn from(e: msi_route::Error) -> Self {
        Self::MsiRoute(e)
    }
}

/// The vectors of one PCI function.
#[derive(Debug)]
pub struct MsixVectorGroup {
    function: Box<dyn Interrupts>,
    /// Made when they are first asked for
    eventfds: Vec<OnceLock<EventFd>>,
}

impl MsixVectorGroup {
    /// `KvmVm::create_msix_group()`, which learns where the guest finds the capability.
    pub fn new(vm: &Vm, shape: &Shape) -> Result<Self, InterruptError> {
        let function = vm.create(shape)?;
        let vectors = function.shape().vectors(Kind::Msix);
        Ok(MsixVectorGroup { function, eventfds: (0..vectors).map(|_| OnceLock::new()).collect() })
    }

    pub fn num_vectors(&self) -> u16 {
        self.eventfds.len() as u16
    }

    /// Raises an event: sent, or in the Pending bit if the vector is masked.
    pub fn trigger(&self, index: usize) -> Result<(), InterruptError> {
        let vector = self.vector(index)?;
        self.function.trigger(Kind::Msix, vector)?;
        Ok(())
    }

    /// For a device whose queue is in another process, such as vhost-user's.
    pub fn notifier(&self, index: usize) -> Option<&EventFd> {
        let eventfd = self.eventfds.get(index)?;
        if eventfd.get().is_none() {
            let event = self.function.event(Kind::Msix, index as u32).ok()?;
            // Another thread may have been first: both descriptors are of one eventfd.
            let _ = eventfd.set(event);
        }
        eventfd.get()
    }

    fn vector(&self, index: usize) -> Result<u32, InterruptError> {
        match self.eventfds.get(index) {
            Some(_) => Ok(index as u32),
            None => Err(InterruptError::InvalidVectorIndex(index)),
        }
    }

    // ---- what MsixConfig did ----

    /// `VirtioPciDevice::write_config_register()`, for every register.
    pub fn config_write(&self, register: u16, offset: u8, data: &[u8]) {
        let at = u32::from(register) * 4 + u32::from(offset);
        self.function.config_write(at, data);
    }

    /// `VirtioPciDevice::read_config_register()`: `value` is what the VMM keeps there.
    pub fn config_read(&self, register: u16, value: u32) -> u32 {
        let mut data = value.to_le_bytes();
        self.function.config_read(u32::from(register) * 4, &mut data);
        u32::from_le_bytes(data)
    }

    /// `VirtioPciDevice::read_bar()`, first of all: false if the access is the transport's own.
    #[must_use]
    pub fn read_bar(&self, offset: u64, data: &mut [u8]) -> bool {
        self.function.bar_read(0, offset, data)
    }

    #[must_use]
    pub fn write_bar(&self, offset: u64, data: &[u8]) -> bool {
        self.function.bar_write(0, offset, data)
    }

    /// `VirtioPciDevice::reset_msix()`: the same group goes on.
    pub fn reset(&self) -> Result<(), InterruptError> {
        Ok(self.function.reset_msi()?)
    }

    /// The vCPUs are paused: nothing is sent any more, and the state can be saved.
    pub fn stop(&self) -> Result<(), InterruptError> {
        Ok(self.function.stop()?)
    }

    /// Before the vCPUs run, also after a restore.
    pub fn run(&self) -> Result<(), InterruptError> {
        Ok(self.function.run()?)
    }

    /// `MsixConfig::state()`, of a stopped function: bytes for the snapshot, instead of
    /// `MsixConfigState` and the list of GSIs.
    pub fn save(&self) -> Result<Vec<u8>, InterruptError> {
        Ok(self.function.save()?.to_bytes()?)
    }

    /// `MsixConfig::from_state()`. Nothing is sent until `run()`.
    pub fn restore(vm: &Vm, shape: &Shape, state: &[u8]) -> Result<Self, InterruptError> {
        let group = Self::new(vm, shape)?;
        group.stop()?;
        group.function.restore(&State::from_bytes(state)?)?;
        Ok(group)
    }
}
