// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! A small VMM on rust-vmm's crates: boots a Linux kernel with one virtio block device over
//! PCI, whose MSI-X is that of the crate `msi-route`.
//!
//! It shows where a VMM makes the crate's calls: all of them are in [`transport`].

use std::sync::{Mutex, MutexGuard, PoisonError};

pub mod boot;
pub mod disk;
pub mod machine;
pub mod mptable;
pub mod pci;
pub mod serial;
pub mod transport;

pub type Memory = vm_memory::GuestMemoryMmap<()>;

/// What failed, for people.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
pub type Result<T> = std::result::Result<T, Error>;

/// A thread that ended badly leaves the others what it had.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
