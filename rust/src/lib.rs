// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! MSI and MSI-X of a VMM's PCI functions, on Linux KVM hosts.
//!
//! On a host that has the kernel module `msi_route` the module does the work, and this crate
//! only makes its calls. On a host without it the crate does the same in user space, by
//! `KVM_SIGNAL_MSI`, `KVM_IRQFD` and `KVM_SET_GSI_ROUTING`. So a VMM needs no MSI or MSI-X code
//! of its own, and no `unsafe`.
//!
//! A [`Vm`] makes the functions of a virtual machine, on whichever backend there is, and the
//! trait [`Interrupts`] has what a VMM does with them. [`Device`] and [`Function`] are the
//! module's own descriptors, with all its requests.
//!
//! ```
//! use msi_route::{Backend, Interrupts, Kind, Outcome, Shape, Vm};
//!
//! // What the guest finds: 8 vectors of MSI-X; table and PBA are in BAR 0.
//! let mut config = [0u8; 256];
//! config[0x06] = 0x10;
//! config[0x34] = 0x40;
//! config[0x40..0x44].copy_from_slice(&[0x11, 0, 8 - 1, 0]);
//! config[0x49] = 0x08;
//!
//! // Any file stands in for the VM here; a VMM gives KVM's descriptor.
//! let file = std::fs::File::open("/dev/null")?;
//! let vm = Vm::builder(file).backend(Backend::User).build()?;
//! let function = vm.create(&Shape::from_config(&config)?.named("00:04.0"))?;
//!
//! // The guest enables MSI-X. The vector is masked: an event stays in its Pending bit.
//! function.config_write(0x42, &0x8000u16.to_le_bytes());
//! assert_eq!(function.trigger(Kind::Msix, 3)?, Outcome::Pending);
//! let mut pba = [0; 8];
//! assert!(function.bar_read(0, 0x800, &mut pba));
//! assert_eq!(pba[0], 1 << 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! * `serde`: [`State`] can be serialized. Without it there are [`State::to_bytes`] and
//!   [`State::from_bytes`], whose bytes are those of the helper in C.
//! * `vmm-sys-util`: `Events` takes and gives `EventFd`.
//! * `kvm-ioctls`: a `VmFd` is a [`VmDescriptor`], and routes of kvm-bindings are [`Route`]s.
//!
//! # Rules
//!
//! The texts cite the rules of msi_route's documentation by number. They say what MSI and
//! MSI-X do as a guest sees it, and both backends follow them.
#![deny(missing_docs, unsafe_op_in_unsafe_fn)]
#![warn(missing_debug_implementations)]

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
compile_error!("msi_route is for KVM on x86-64");

pub mod abi;
mod device;
mod error;
mod flags;
mod front;
mod function;
mod image;
mod interrupts;
mod kvm;
mod observe;
mod requests;
mod routes;
pub mod seccomp;
mod shape;
mod state;
mod sys;
mod types;
mod user;
mod vm;

#[cfg(feature = "vmm-sys-util")]
mod events;
#[cfg(feature = "vmm-sys-util")]
pub use events::Events;

pub use device::Device;
pub use error::{Error, ErrorKind, Result};
pub use flags::{Changes, Features, VectorState};
pub use function::Function;
pub use image::Image;
pub use interrupts::Interrupts;
pub use observe::{CapabilityInfo, FunctionInfo, FunctionInfos, VectorInfo, VectorInfos};
pub use requests::{ChangeIter, VectorChange};
pub use routes::{Route, Target};
pub use shape::{ImsShape, MsiShape, MsixShape, Shape};
pub use state::{GrantState, ImsState, MsiState, MsixState, State};
pub use types::{
    Counters, Entry, EventfdChange, ImsOp, Kind, MessageTranslation, Outcome, Place, Query, Reason,
    Space,
};
pub use user::UserFunction;
pub use vm::{Backend, Vm, VmBuilder, VmDescriptor};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
