// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! Requests with the struct that each takes, and system calls that the standard library lacks.

use std::marker::PhantomData;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::abi::{self, *};
use crate::{Error, Result};

/// A request of msi_route's that takes a `T`.
pub(crate) struct Call<T> {
    pub(crate) name: &'static str,
    number: u32,
    argument: PhantomData<fn(T)>,
}

/// A [`Call`] whose struct has addresses in it.
pub(crate) struct CallWithAddress<T>(Call<T>);

/// Every struct begins with its size.
pub(crate) trait Argument {
    fn set_size(&mut self);
}

impl<T: Argument> Call<T> {
    const fn new(name: &'static str, number: u32) -> Self {
        Self { name, number, argument: PhantomData }
    }

    pub(crate) fn on(&self, fd: BorrowedFd<'_>, argument: &mut T) -> Result<i32> {
        argument.set_size();
        // SAFETY: the table below names each request with the struct that it takes, whose size
        // is in it; the module neither reads nor writes more.
        unsafe { ioctl(self.name, fd, self.number.into(), argument) }
    }
}

impl<T: Argument> CallWithAddress<T> {
    pub(crate) fn name(&self) -> &'static str {
        self.0.name
    }

    /// # Safety
    ///
    /// The addresses in the struct are of memory that the request may read or write.
    pub(crate) unsafe fn on(&self, fd: BorrowedFd<'_>, argument: &mut T) -> Result<i32> {
        self.0.on(fd, argument)
    }
}

macro_rules! calls {
    ($($name:ident $struct:ident,)*) => {
        $(pub(crate) const $name: Call<$struct> = Call::new(stringify!($name), abi::$name);)*
    };
}

macro_rules! calls_with_address {
    ($($name:ident $struct:ident,)*) => {
        $(pub(crate) const $name: CallWithAddress<$struct> =
            CallWithAddress(Call::new(stringify!($name), abi::$name));)*
    };
}

macro_rules! arguments {
    ($($struct:ident)*) => {
        $(impl Argument for $struct {
            fn set_size(&mut self) {
                self.size = size_of::<Self>() as u32;
            }
        })*
    };
}

pub(crate) mod calls {
    use super::*;

    calls! {
        MSI_ROUTE_QUERY msi_route_query,
        MSI_ROUTE_CREATE msi_route_create,
        MSI_ROUTE_READ msi_route_access,
        MSI_ROUTE_WRITE msi_route_access,
        MSI_ROUTE_TRIGGER msi_route_trigger,
        MSI_ROUTE_CLEAR_PENDING msi_route_trigger,
        MSI_ROUTE_SET_EVENTFD msi_route_eventfd,
        MSI_ROUTE_SET_BUS_MASTER msi_route_bus_master,
        MSI_ROUTE_RESET msi_route_reset,
        MSI_ROUTE_SET_HOLD msi_route_set_hold,
        MSI_ROUTE_GET_COUNTERS msi_route_counters,
        MSI_ROUTE_MAP msi_route_map,
        MSI_ROUTE_GET_MAP msi_route_get_map,
        MSI_ROUTE_SET_NOTIFY msi_route_set_notify,
        MSI_ROUTE_SET_RUN msi_route_set_run,
        MSI_ROUTE_SET_TRANSLATION msi_route_translation,
        MSI_ROUTE_RESIZE msi_route_resize,
        MSI_ROUTE_RENEW msi_route_renew,
        MSI_ROUTE_SET_REMAPPING msi_route_remapping,
        MSI_ROUTE_REBIND msi_route_rebind,
    }

    calls_with_address! {
        MSI_ROUTE_GET_FUNCTIONS msi_route_get_functions,
        MSI_ROUTE_GET_VECTORS msi_route_get_vectors,
        MSI_ROUTE_SET_EVENTFDS msi_route_eventfds,
        MSI_ROUTE_SET_ENTRIES msi_route_entries,
        MSI_ROUTE_GET_CHANGES msi_route_get_changes,
        MSI_ROUTE_SAVE msi_route_state,
        MSI_ROUTE_RESTORE msi_route_state,
        MSI_ROUTE_SET_IMS msi_route_ims,
    }
}

arguments! {
    msi_route_query msi_route_create msi_route_access msi_route_trigger msi_route_eventfd
    msi_route_bus_master msi_route_reset msi_route_set_hold msi_route_counters msi_route_map
    msi_route_get_map msi_route_set_notify msi_route_set_run msi_route_translation
    msi_route_resize msi_route_renew msi_route_remapping msi_route_rebind
    msi_route_get_functions msi_route_get_vectors msi_route_eventfds msi_route_entries
    msi_route_get_changes msi_route_state msi_route_ims
}

/// The address of a slice, for a struct that has it as a number.
pub(crate) fn address<T>(slice: &mut [T]) -> u64 {
    slice.as_mut_ptr() as u64
}

/// # Safety
///
/// The request reads and writes no more than a `T`, or what the `T` has addresses of.
pub(crate) unsafe fn ioctl<T>(
    name: &'static str,
    fd: BorrowedFd<'_>,
    request: u64,
    argument: *mut T,
) -> Result<i32> {
    // SAFETY: the caller's.
    match unsafe { libc::ioctl(fd.as_raw_fd(), request as _, argument) } {
        ret if ret < 0 => Err(Error::last(name)),
        ret => Ok(ret),
    }
}

/// Takes a descriptor that a system call has just returned.
pub(crate) fn own(name: &'static str, fd: i32) -> Result<OwnedFd> {
    if fd < 0 {
        return Err(Error::last(name));
    }
    // SAFETY: it is open, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

pub(crate) fn open(path: &std::ffi::CStr) -> Result<OwnedFd> {
    // SAFETY: the path ends with zero.
    own("open", unsafe { libc::open(path.as_ptr(), libc::O_RDWR | libc::O_CLOEXEC) })
}

pub(crate) fn eventfd() -> Result<OwnedFd> {
    // SAFETY: it has no memory of ours.
    own("eventfd", unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })
}

pub(crate) fn duplicate(fd: BorrowedFd<'_>) -> Result<OwnedFd> {
    // SAFETY: it has no memory of ours.
    own("fcntl", unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 3) })
}

pub(crate) fn epoll() -> Result<OwnedFd> {
    // SAFETY: it has no memory of ours.
    own("epoll_create1", unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })
}

pub(crate) fn epoll_ctl(
    epoll: BorrowedFd<'_>,
    operation: i32,
    fd: BorrowedFd<'_>,
    readable: bool,
) -> Result<()> {
    let events = if readable { libc::EPOLLIN as u32 } else { 0 };
    let mut event = libc::epoll_event { events, u64: 0 };
    // SAFETY: the kernel reads the event.
    let ret = unsafe { libc::epoll_ctl(epoll.as_raw_fd(), operation, fd.as_raw_fd(), &mut event) };
    match ret {
        0 => Ok(()),
        _ => Err(Error::last("epoll_ctl")),
    }
}

/// Takes the count of an eventfd, without waiting, also if it is a blocking one.
pub(crate) fn take_count(fd: BorrowedFd<'_>) -> Option<u64> {
    let mut poll = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd.
    if unsafe { libc::poll(&mut poll, 1, 0) } != 1 || poll.revents & libc::POLLIN == 0 {
        return None;
    }
    let mut count = 0u64;
    let at: *mut u64 = &mut count;
    // SAFETY: room for 8 bytes.
    let read = unsafe { libc::read(fd.as_raw_fd(), at.cast(), 8) };
    (read == 8).then_some(count)
}

/// Do both descriptors name one open file? `None`: the kernel does not say.
pub(crate) fn same_file(a: BorrowedFd<'_>, b: BorrowedFd<'_>) -> Option<bool> {
    const KCMP_FILE: libc::c_long = 0;
    // SAFETY: it has no memory of ours.
    let ret = unsafe {
        let pid = libc::c_long::from(libc::getpid());
        libc::syscall(
            libc::SYS_kcmp,
            pid,
            pid,
            KCMP_FILE,
            libc::c_long::from(a.as_raw_fd()),
            libc::c_long::from(b.as_raw_fd()),
        )
    };
    (ret >= 0).then_some(ret == 0)
}
