// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! cloud-hypervisor's `InterruptManager` and `InterruptSourceGroup`.
//!
//! Its devices know a group by trait, and its transports keep the registers in an `MsixConfig`.
//! Here [`Function`] is both: the group of the devices, and the registers of the transport.

use std::io::{Error, ErrorKind, Result};
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use msi_route::{Events, Interrupts, Kind, Shape, State, Vm};
use vmm_sys_util::eventfd::{EventFd, EFD_NONBLOCK};

/// Stands in for `vm_device::interrupt`.
pub mod interrupt {
    use super::{Arc, Error, ErrorKind, EventFd, Mutex, Result};

    pub type InterruptIndex = u32;

    /// Address and data of a message, which nobody needs any more.
    #[derive(Clone, Copy, Debug, Default)]
    pub struct InterruptSourceConfig;

    pub trait InterruptManager: Send + Sync {
        type GroupConfig;

        fn create_group(&self, config: Self::GroupConfig) -> Result<Arc<dyn InterruptSourceGroup>>;
        fn create_group_mut(
            &self,
            config: Self::GroupConfig,
        ) -> Result<Arc<Mutex<dyn InterruptSourceGroup>>>;
        fn destroy_group(&self, group: Arc<dyn InterruptSourceGroup>) -> Result<()>;
    }

    pub trait InterruptSourceGroup: Send + Sync {
        fn enable(&self) -> Result<()> {
            Ok(())
        }
        fn disable(&self) -> Result<()> {
            Ok(())
        }
        fn trigger(&self, index: InterruptIndex) -> Result<()>;
        fn notifier(&self, index: InterruptIndex) -> Option<EventFd>;
        fn update(
            &self,
            index: InterruptIndex,
            config: InterruptSourceConfig,
            masked: bool,
            set_gsi: bool,
        ) -> Result<()>;
        fn set_gsi(&self) -> Result<()>;
        fn set_notifier(&mut self, _index: InterruptIndex, _fd: Option<EventFd>) -> Result<()> {
            Err(Error::from(ErrorKind::Unsupported))
        }
    }
}

use interrupt::{InterruptIndex, InterruptManager, InterruptSourceConfig, InterruptSourceGroup};

/// Instead of `MsiInterruptManager`: no allocator of GSIs, no table of routes.
#[derive(Debug)]
pub struct FunctionManager {
    vm: Vm,
}

impl FunctionManager {
    pub fn new(vm: Vm) -> Self {
        FunctionManager { vm }
    }

    /// For a transport, which needs the registers too.
    pub fn create(&self, shape: &Shape) -> Result<Function> {
        Function::new(self.vm.create(shape)?)
    }
}

impl InterruptManager for FunctionManager {
    /// Instead of the number of vectors: where the guest finds the capability and the table.
    type GroupConfig = Shape;

    fn create_group(&self, shape: Shape) -> Result<Arc<dyn InterruptSourceGroup>> {
        Ok(Arc::new(self.create(&shape)?))
    }

    fn create_group_mut(&self, shape: Shape) -> Result<Arc<Mutex<dyn InterruptSourceGroup>>> {
        Ok(Arc::new(Mutex::new(self.create(&shape)?)))
    }

    fn destroy_group(&self, _group: Arc<dyn InterruptSourceGroup>) -> Result<()> {
        Ok(())
    }
}

/// Instead of `MsiInterruptGroup` and of `MsixConfig`. Clones are one function.
///
/// A device's thread may do little more than write to an eventfd, by its seccomp filter. So each
/// vector has one, from the beginning on.
#[derive(Clone, Debug)]
pub struct Function {
    function: Arc<dyn Interrupts>,
    eventfds: Arc<[Mutex<Option<EventFd>>]>,
}

impl Function {
    fn new(function: Box<dyn Interrupts>) -> Result<Self> {
        let mut eventfds = Vec::new();
        for vector in 0..function.shape().vectors(Kind::Msix) {
            let eventfd = EventFd::new(EFD_NONBLOCK)?;
            function.attach_event(Kind::Msix, vector, &eventfd)?;
            eventfds.push(Mutex::new(Some(eventfd)));
        }
        Ok(Function { function: function.into(), eventfds: eventfds.into() })
    }

    fn eventfd(&self, index: InterruptIndex) -> Result<MutexGuard<'_, Option<EventFd>>> {
        let eventfd = self.eventfds.get(index as usize).ok_or(ErrorKind::InvalidInput)?;
        Ok(eventfd.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl InterruptSourceGroup for Function {
    /// Masked or not: the function keeps the Pending bit.
    fn trigger(&self, index: InterruptIndex) -> Result<()> {
        match &*self.eventfd(index)? {
            Some(eventfd) => eventfd.write(1),
            None => Ok(()),
        }
    }

    fn notifier(&self, index: InterruptIndex) -> Option<EventFd> {
        self.eventfd(index).ok()?.as_ref()?.try_clone().ok()
    }

    /// The function has seen the guest's write itself.
    fn update(&self, _: InterruptIndex, _: InterruptSourceConfig, _: bool, _: bool) -> Result<()> {
        Ok(())
    }

    fn set_gsi(&self) -> Result<()> {
        Ok(())
    }

    fn set_notifier(&mut self, index: InterruptIndex, fd: Option<EventFd>) -> Result<()> {
        let mut eventfd = self.eventfd(index)?;
        match &fd {
            Some(fd) => self.function.replace_event(Kind::Msix, index, fd)?,
            None => self.function.detach_all(Kind::Msix, index)?,
        }
        *eventfd = fd;
        Ok(())
    }
}

/// What `PciConfiguration` and the transports ask of `MsixConfig`.
impl Function {
    /// `PciConfiguration::write_config_register()`, for every register.
    pub fn write_config_register(&self, register: usize, offset: u64, data: &[u8]) {
        let at = register as u64 * 4 + offset;
        self.function.config_write(at as u32, data);
    }

    /// `PciConfiguration::read_reg()`: `value` is what the VMM keeps there.
    pub fn read_config_register(&self, register: usize, value: u32) -> u32 {
        let mut data = value.to_le_bytes();
        self.function.config_read(register as u32 * 4, &mut data);
        u32::from_le_bytes(data)
    }

    /// `PciDevice::read_bar()`, first of all: false if the access is the transport's own.
    #[must_use]
    pub fn read_bar(&self, bar: u8, offset: u64, data: &mut [u8]) -> bool {
        self.function.bar_read(bar, offset, data)
    }

    /// `PciDevice::write_bar()`, first of all.
    #[must_use]
    pub fn write_bar(&self, bar: u8, offset: u64, data: &[u8]) -> bool {
        self.function.bar_write(bar, offset, data)
    }

    /// `PciDevice::move_bar()`, and when the BAR is allocated.
    pub fn move_bar(&self, bar: u8, address: u64) {
        // Where the kernel cannot keep the table, accesses come to read_bar() and write_bar().
        let _ = self.function.placed(bar, Some(address));
    }

    /// `Pausable`: nothing is sent between these two.
    pub fn pause(&self) -> Result<()> {
        Ok(self.function.stop()?)
    }

    pub fn resume(&self) -> Result<()> {
        Ok(self.function.run()?)
    }

    /// For the VMM's loop: call `poll()` where this is readable. Only hosts without the module
    /// have one.
    pub fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
        self.function.poll_fd()
    }

    pub fn poll(&self) {
        self.function.poll();
    }

    /// `Snapshottable`, of a paused machine; the feature `serde` makes this an own format.
    pub fn snapshot(&self) -> Result<Vec<u8>> {
        Ok(self.function.save()?.to_bytes()?)
    }

    pub fn restore(&self, snapshot: &[u8]) -> Result<()> {
        Ok(self.function.restore(&State::from_bytes(snapshot)?)?)
    }
}
