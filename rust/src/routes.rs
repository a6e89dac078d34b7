// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! A VM's table of routes: the VMM's own, and one for each vector of the fallback that has an
//! eventfd.

use crate::kvm::{Kvm, MAX_GSI};
use crate::{Error, Result};

const SET_ROUTING: &str = "KVM_SET_GSI_ROUTING";

/// Where a [`Route`] leads.
///
/// ```
/// use msi_route::Target;
///
/// let ioapic_pin_4 = Target::Irqchip { chip: 2, pin: 4 };
/// # let _ = ioapic_pin_4;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Target {
    /// A pin of an interrupt controller in the kernel: 0 and 1 are the PICs, 2 is the I/O APIC.
    Irqchip {
        /// The controller.
        chip: u32,
        /// Its pin.
        pin: u32,
    },
    /// A message.
    Msi {
        /// Message Address, in KVM's format.
        address: u64,
        /// Message Data.
        data: u32,
    },
    /// A synthetic interrupt of Hyper-V's.
    HvSint {
        /// The vCPU.
        vcpu: u32,
        /// Its synthetic interrupt.
        sint: u32,
    },
    /// An event channel of Xen's.
    XenEvtchn {
        /// The port.
        port: u32,
        /// The vCPU.
        vcpu: u32,
        /// The priority.
        priority: u32,
    },
}

/// A route of the VMM's own, for [`Vm::set_routes`](crate::Vm::set_routes).
///
/// ```
/// use msi_route::{Route, Target};
///
/// let route = Route { gsi: 4, target: Target::Msi { address: 0xfee0_0000, data: 0x34 } };
/// assert_eq!(route.gsi, 4);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Route {
    /// KVM's number of the interrupt.
    pub gsi: u32,
    /// Where it leads.
    pub target: Target,
}

/// A message as KVM takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) address: u64,
    pub(crate) data: u32,
}

/// A vector's place in the table, with the GSI `first_gsi` + index.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    taken: bool,
    message: Option<Message>,
}

/// The table, as KVM is to have it.
#[derive(Debug)]
pub(crate) struct Routes {
    first_gsi: u32,
    max: usize,
    own: Vec<Route>,
    slots: Vec<Slot>,
    /// KVM has another table.
    stale: bool,
}

impl Routes {
    pub(crate) fn new(kvm: &dyn Kvm, first_gsi: u32) -> Self {
        let own = if kvm.has_ioapic() { pins() } else { Vec::new() };
        Self { first_gsi, max: kvm.max_routes(), own, slots: Vec::new(), stale: false }
    }

    pub(crate) fn gsi(&self, index: usize) -> u32 {
        self.first_gsi + index as u32
    }

    /// Gives KVM the whole table, with one more route if `extra`.
    pub(crate) fn commit(&mut self, kvm: &dyn Kvm, extra: bool) -> Result<()> {
        let mut table = self.own.clone();
        let msi = |gsi, m: Message| Route {
            gsi,
            target: Target::Msi { address: m.address, data: m.data },
        };
        let slots = self.slots.iter().enumerate();
        table.extend(slots.filter_map(|(i, slot)| Some(msi(self.gsi(i), slot.message?))));
        if extra {
            table.push(msi(self.gsi(self.slots.len()), Message { address: 0xfee0_0000, data: 0 }));
        }
        let ret = kvm.set_routes(&table);
        self.stale = ret.is_err();
        ret
    }

    /// Gives KVM what has changed, if anything has.
    pub(crate) fn refresh(&mut self, kvm: &dyn Kvm) -> Result<()> {
        if self.stale { self.commit(kvm, false) } else { Ok(()) }
    }

    pub(crate) fn set_own(&mut self, kvm: &dyn Kvm, routes: &[Route]) -> Result<()> {
        if routes.iter().any(|route| route.gsi >= self.first_gsi) {
            return Err(Error::new(SET_ROUTING, libc::EINVAL));
        }
        let old = std::mem::replace(&mut self.own, routes.to_vec());
        self.commit(kvm, false).inspect_err(|_| self.own = old)
    }

    /// A place for a vector; `None`: KVM's table is full.
    pub(crate) fn take(&mut self) -> Option<usize> {
        if let Some(index) = self.slots.iter().position(|slot| !slot.taken) {
            self.slots[index].taken = true;
            return Some(index);
        }
        let index = self.slots.len();
        if self.gsi(index) > MAX_GSI || self.own.len() + index + 1 > self.max {
            return None;
        }
        self.slots.push(Slot { taken: true, message: None });
        Some(index)
    }

    /// No irqfd uses it any more, so KVM's copy may stay until the next commit.
    pub(crate) fn put(&mut self, index: usize) {
        self.slots[index] = Slot::default();
    }

    pub(crate) fn set(&mut self, index: usize, message: Message) {
        self.stale |= self.slots[index].message.replace(message) != Some(message);
    }
}

/// The pins of the PICs and the I/O APIC, as `KVM_CREATE_IRQCHIP` connects them.
fn pins() -> Vec<Route> {
    let pin = |gsi, chip, pin| Route { gsi, target: Target::Irqchip { chip, pin } };
    (0..24).map(|i| pin(i, 2, i)).chain((0..16).map(|i| pin(i, i / 8, i % 8))).collect()
}
