// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note

mod cloud_hypervisor;
mod common;
mod firecracker;
mod snapshots;
