// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! Events as vmm-sys-util's `EventFd`.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd};

use vmm_sys_util::eventfd::EventFd;

use crate::{Interrupts, Kind, Result, sys};

/// [`Interrupts`] with vmm-sys-util's `EventFd` (feature `vmm-sys-util`).
///
/// ```no_run
/// use msi_route::{Events, Interrupts, Kind, MsixShape, Shape, Vm};
/// use vmm_sys_util::eventfd::EventFd;
///
/// let shape = Shape::default().with_msix(MsixShape::new(4, 0x40, (0, 0x1000), (0, 0x1800)));
/// # fn create_vm() -> std::os::fd::OwnedFd { unimplemented!() }
/// let function = Vm::new(create_vm())?.create(&shape)?;
///
/// // For a device in another thread: its signal is an event of vector 2.
/// let event: EventFd = function.event(Kind::Msix, 2)?;
/// event.write(1)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Events: Interrupts {
    /// The vector's own eventfd, as [`Interrupts::eventfd`].
    ///
    /// ```no_run
    /// use msi_route::{Events, Kind};
    ///
    /// # let function = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// let event = function.event(Kind::Msix, 0)?;
    /// event.write(1)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn event(&self, kind: Kind, vector: u32) -> Result<EventFd> {
        let fd = sys::duplicate(self.eventfd(kind, vector)?)?.into_raw_fd();
        // SAFETY: it is an eventfd, and nobody else has this descriptor of it.
        Ok(unsafe { EventFd::from_raw_fd(fd) })
    }

    /// As [`Interrupts::attach`].
    ///
    /// ```no_run
    /// use msi_route::{Events, Kind};
    /// use vmm_sys_util::eventfd::EventFd;
    ///
    /// # let function = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// let queue = EventFd::new(libc::EFD_NONBLOCK)?;
    /// function.attach_event(Kind::Msix, 1, &queue)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn attach_event(&self, kind: Kind, vector: u32, event: &EventFd) -> Result<()> {
        self.attach(kind, vector, borrow(event))
    }

    /// As [`Interrupts::replace`].
    ///
    /// ```no_run
    /// use msi_route::{Events, Kind};
    /// use vmm_sys_util::eventfd::EventFd;
    ///
    /// # let function = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// let (old, new) = (EventFd::new(libc::EFD_NONBLOCK)?, EventFd::new(libc::EFD_NONBLOCK)?);
    /// function.attach_event(Kind::Msix, 1, &old)?;
    /// function.replace_event(Kind::Msix, 1, &new)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn replace_event(&self, kind: Kind, vector: u32, event: &EventFd) -> Result<()> {
        self.replace(kind, vector, borrow(event))
    }

    /// As [`Interrupts::detach`].
    ///
    /// ```no_run
    /// use msi_route::{Events, Kind};
    /// use vmm_sys_util::eventfd::EventFd;
    ///
    /// # let function = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// let queue = EventFd::new(libc::EFD_NONBLOCK)?;
    /// function.attach_event(Kind::Msix, 1, &queue)?;
    /// function.detach_event(Kind::Msix, 1, &queue)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn detach_event(&self, kind: Kind, vector: u32, event: &EventFd) -> Result<()> {
        self.detach(kind, vector, borrow(event))
    }
}

impl<T: Interrupts + ?Sized> Events for T {}

fn borrow(event: &EventFd) -> BorrowedFd<'_> {
    // SAFETY: it is open as long as the EventFd is there.
    unsafe { BorrowedFd::borrow_raw(event.as_raw_fd()) }
}
