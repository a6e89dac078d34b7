// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! What a seccomp filter must let through.
//!
//! A VMM that cannot open `/dev/msi_route` in its jail opens it before
//! ([`VmBuilder::device`](crate::VmBuilder::device)).
//!
//! ```
//! use msi_route::seccomp;
//!
//! // One filter for hosts with msi_route and for those without.
//! let ioctls = seccomp::MODULE_IOCTLS.iter().chain(seccomp::USER_IOCTLS);
//! let numbers: std::collections::BTreeSet<u64> = ioctls.map(|(_, number)| *number).collect();
//! assert!(numbers.contains(&u64::from(msi_route::abi::MSI_ROUTE_TRIGGER)));
//! ```

use crate::{abi, kvm};

macro_rules! ioctls {
    ($($name:ident)*) => { &[$((stringify!($name), abi::$name as u64),)*] };
}

/// Requests of [`Vm`](crate::Vm) and [`Interrupts`](crate::Interrupts) on a host that has
/// msi_route, by name and number.
///
/// ```
/// let names: Vec<_> = msi_route::seccomp::MODULE_IOCTLS.iter().map(|(name, _)| *name).collect();
/// assert!(names.contains(&"MSI_ROUTE_CREATE"));
/// ```
pub const MODULE_IOCTLS: &[(&str, u64)] = ioctls!(
    MSI_ROUTE_QUERY MSI_ROUTE_CREATE MSI_ROUTE_READ MSI_ROUTE_WRITE MSI_ROUTE_TRIGGER
    MSI_ROUTE_CLEAR_PENDING MSI_ROUTE_SET_EVENTFD MSI_ROUTE_SET_BUS_MASTER MSI_ROUTE_RESET
    MSI_ROUTE_MAP MSI_ROUTE_SET_RUN MSI_ROUTE_SAVE MSI_ROUTE_RESTORE
);

/// Likewise of the methods that [`Device`](crate::Device) and [`Function`](crate::Function) have
/// besides.
///
/// ```
/// use msi_route::seccomp::{MODULE_IOCTLS, OTHER_IOCTLS};
///
/// assert!(OTHER_IOCTLS.iter().all(|call| !MODULE_IOCTLS.contains(call)));
/// ```
pub const OTHER_IOCTLS: &[(&str, u64)] = ioctls!(
    MSI_ROUTE_GET_FUNCTIONS MSI_ROUTE_GET_VECTORS MSI_ROUTE_SET_HOLD MSI_ROUTE_GET_COUNTERS
    MSI_ROUTE_SET_EVENTFDS MSI_ROUTE_SET_ENTRIES MSI_ROUTE_SET_NOTIFY MSI_ROUTE_GET_CHANGES
    MSI_ROUTE_SET_TRANSLATION MSI_ROUTE_RESIZE MSI_ROUTE_SET_IMS MSI_ROUTE_RENEW
    MSI_ROUTE_SET_REMAPPING MSI_ROUTE_GET_MAP MSI_ROUTE_REBIND
);

/// Requests to KVM. On a host that has msi_route, [`Vm`](crate::Vm) makes the first three.
///
/// ```
/// assert!(msi_route::seccomp::USER_IOCTLS.iter().any(|(name, _)| *name == "KVM_IRQFD"));
/// ```
pub const USER_IOCTLS: &[(&str, u64)] = &[
    ("KVM_CHECK_EXTENSION", kvm::KVM_CHECK_EXTENSION),
    ("KVM_GET_IRQCHIP", kvm::KVM_GET_IRQCHIP),
    ("KVM_SET_GSI_ROUTING", kvm::KVM_SET_GSI_ROUTING),
    ("KVM_IRQFD", kvm::KVM_IRQFD),
    ("KVM_SIGNAL_MSI", kvm::KVM_SIGNAL_MSI),
];

/// System calls on either kind of host, by name and number.
///
/// ```
/// assert!(msi_route::seccomp::SYSCALLS.contains(&("ioctl", libc::SYS_ioctl)));
/// ```
pub const SYSCALLS: &[(&str, i64)] = &[
    ("ioctl", libc::SYS_ioctl),
    ("open", libc::SYS_open),
    ("openat", libc::SYS_openat),
    ("close", libc::SYS_close),
    ("read", libc::SYS_read),
    ("poll", libc::SYS_poll),
    ("eventfd2", libc::SYS_eventfd2),
    ("epoll_create1", libc::SYS_epoll_create1),
    ("epoll_ctl", libc::SYS_epoll_ctl),
    ("fcntl", libc::SYS_fcntl),
    ("getpid", libc::SYS_getpid),
    ("kcmp", libc::SYS_kcmp),
    // For memory and locks, and to drop an Image.
    ("futex", libc::SYS_futex),
    ("brk", libc::SYS_brk),
    ("mmap", libc::SYS_mmap),
    ("munmap", libc::SYS_munmap),
    ("mremap", libc::SYS_mremap),
    ("mprotect", libc::SYS_mprotect),
    ("madvise", libc::SYS_madvise),
    ("sched_getaffinity", libc::SYS_sched_getaffinity),
];
