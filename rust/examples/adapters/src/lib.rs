// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! The crate `msi-route` in the shape of the interrupts of two VMMs.
//!
//! `Documentation/porting-cloud-hypervisor.rst` and `Documentation/porting-firecracker.rst` say
//! where each piece goes. What stands in for the VMMs' own types has their signatures, as far as
//! they matter here, and nothing else of theirs.

pub mod cloud_hypervisor;
pub mod firecracker;
pub mod snapshots;
