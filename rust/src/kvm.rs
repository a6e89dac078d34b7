// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! The calls of KVM's that the fallback makes.

use std::os::fd::{AsRawFd, BorrowedFd};

use crate::routes::Message;
use crate::{Result, Route, Target, VmDescriptor, sys};

pub(crate) const KVM_CHECK_EXTENSION: u64 = 0xae03;
pub(crate) const KVM_GET_IRQCHIP: u64 = 0xc208_ae62;
pub(crate) const KVM_SET_GSI_ROUTING: u64 = 0x4008_ae6a;
pub(crate) const KVM_IRQFD: u64 = 0x4020_ae76;
pub(crate) const KVM_SIGNAL_MSI: u64 = 0x4020_aea5;

const KVM_CAP_IRQ_ROUTING: libc::c_ulong = 25;
const KVM_IRQCHIP_IOAPIC: u32 = 2;
const KVM_IRQFD_FLAG_DEASSIGN: u32 = 1;

const KVM_IRQ_ROUTING_IRQCHIP: u32 = 1;
const KVM_IRQ_ROUTING_MSI: u32 = 2;
const KVM_IRQ_ROUTING_HV_SINT: u32 = 4;
const KVM_IRQ_ROUTING_XEN_EVTCHN: u32 = 5;

/// KVM's highest number of an interrupt.
pub(crate) const MAX_GSI: u32 = 4095;

/// What the fallback asks of KVM. The unit tests have one of their own.
pub(crate) trait Kvm: std::fmt::Debug + Send + Sync {
    fn max_routes(&self) -> usize;
    /// Only a full irqchip in the kernel has pins there.
    fn has_ioapic(&self) -> bool;
    fn set_routes(&self, routes: &[Route]) -> Result<()>;
    /// Gives KVM an eventfd for a GSI, or takes it back and waits for what is under way.
    fn irqfd(&self, gsi: u32, eventfd: BorrowedFd<'_>, assign: bool) -> Result<()>;
    /// Sends a message. Did a vCPU take it?
    fn signal_msi(&self, message: Message) -> bool;
}

#[repr(C)]
struct Irqchip {
    chip_id: u32,
    pad: u32,
    chip: [u64; 64],
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct RoutingEntry {
    gsi: u32,
    kind: u32,
    flags: u32,
    pad: u32,
    target: [u32; 8],
}

#[repr(C)]
#[derive(Default)]
struct Irqfd {
    fd: u32,
    gsi: u32,
    flags: u32,
    resamplefd: u32,
    pad: [u64; 2],
}

#[repr(C)]
#[derive(Default)]
struct Msi {
    address_lo: u32,
    address_hi: u32,
    data: u32,
    flags: u32,
    devid: u32,
    pad: [u8; 12],
}

// The requests carry these sizes.
const _: () = assert!(size_of::<Irqchip>() == 0x208 && size_of::<Irqfd>() == 0x20);
const _: () = assert!(size_of::<Msi>() == 0x20 && size_of::<RoutingEntry>() == 48);

impl From<&Route> for RoutingEntry {
    fn from(route: &Route) -> Self {
        let mut target = [0; 8];
        let (kind, words): (_, &[u32]) = match route.target {
            Target::Irqchip { chip, pin } => (KVM_IRQ_ROUTING_IRQCHIP, &[chip, pin]),
            Target::Msi { address, data } => {
                (KVM_IRQ_ROUTING_MSI, &[address as u32, (address >> 32) as u32, data])
            }
            Target::HvSint { vcpu, sint } => (KVM_IRQ_ROUTING_HV_SINT, &[vcpu, sint]),
            Target::XenEvtchn { port, vcpu, priority } => {
                (KVM_IRQ_ROUTING_XEN_EVTCHN, &[port, vcpu, priority])
            }
        };
        target[..words.len()].copy_from_slice(words);
        Self { gsi: route.gsi, kind, target, ..Self::default() }
    }
}

impl Kvm for Box<dyn VmDescriptor> {
    fn max_routes(&self) -> usize {
        // SAFETY: the argument is a number.
        let max = unsafe {
            libc::ioctl(self.vm_fd().as_raw_fd(), KVM_CHECK_EXTENSION as _, KVM_CAP_IRQ_ROUTING)
        };
        usize::try_from(max).ok().filter(|&max| max > 0).unwrap_or(MAX_GSI as usize + 1)
    }

    fn has_ioapic(&self) -> bool {
        let mut chip = Irqchip { chip_id: KVM_IRQCHIP_IOAPIC, pad: 0, chip: [0; 64] };
        // SAFETY: the request has a struct of this size.
        unsafe { sys::ioctl("KVM_GET_IRQCHIP", self.vm_fd(), KVM_GET_IRQCHIP, &mut chip) }.is_ok()
    }

    fn set_routes(&self, routes: &[Route]) -> Result<()> {
        // The number of routes and flags, then the routes.
        let mut table = vec![routes.len() as u32, 0];
        for e in routes.iter().map(RoutingEntry::from) {
            table.extend([e.gsi, e.kind, e.flags, e.pad]);
            table.extend(e.target);
        }
        let at = table.as_mut_ptr();
        // SAFETY: as many routes follow as it says.
        unsafe { sys::ioctl("KVM_SET_GSI_ROUTING", self.vm_fd(), KVM_SET_GSI_ROUTING, at) }
            .map(drop)
    }

    fn irqfd(&self, gsi: u32, eventfd: BorrowedFd<'_>, assign: bool) -> Result<()> {
        let flags = if assign { 0 } else { KVM_IRQFD_FLAG_DEASSIGN };
        let mut irqfd = Irqfd { fd: eventfd.as_raw_fd() as u32, gsi, flags, ..Irqfd::default() };
        // SAFETY: the request has a struct of this size.
        unsafe { sys::ioctl("KVM_IRQFD", self.vm_fd(), KVM_IRQFD, &mut irqfd) }.map(drop)
    }

    fn signal_msi(&self, message: Message) -> bool {
        let mut msi = Msi {
            address_lo: message.address as u32,
            address_hi: (message.address >> 32) as u32,
            data: message.data,
            ..Msi::default()
        };
        // SAFETY: the request has a struct of this size.
        let ret = unsafe { sys::ioctl("KVM_SIGNAL_MSI", self.vm_fd(), KVM_SIGNAL_MSI, &mut msi) };
        matches!(ret, Ok(taken) if taken > 0)
    }
}

#[cfg(feature = "kvm-ioctls")]
impl TryFrom<&kvm_bindings::kvm_irq_routing_entry> for Route {
    type Error = crate::Error;

    /// Routes of types that x86 does not have are [`Invalid`](crate::ErrorKind::Invalid).
    fn try_from(entry: &kvm_bindings::kvm_irq_routing_entry) -> Result<Self> {
        // SAFETY: each is the part of the union that belongs to the type, and any bits are one.
        let target = unsafe {
            match entry.type_ {
                KVM_IRQ_ROUTING_IRQCHIP => {
                    let pin = entry.u.irqchip;
                    Target::Irqchip { chip: pin.irqchip, pin: pin.pin }
                }
                KVM_IRQ_ROUTING_MSI => {
                    let msi = entry.u.msi;
                    let address = u64::from(msi.address_hi) << 32 | u64::from(msi.address_lo);
                    Target::Msi { address, data: msi.data }
                }
                KVM_IRQ_ROUTING_HV_SINT => {
                    let hv = entry.u.hv_sint;
                    Target::HvSint { vcpu: hv.vcpu, sint: hv.sint }
                }
                KVM_IRQ_ROUTING_XEN_EVTCHN => {
                    let xen = entry.u.xen_evtchn;
                    Target::XenEvtchn { port: xen.port, vcpu: xen.vcpu, priority: xen.priority }
                }
                _ => return Err(crate::Error::new("KVM_SET_GSI_ROUTING", libc::EINVAL)),
            }
        };
        Ok(Self { gsi: entry.gsi, target })
    }
}
