// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! Errors: which call failed, with which errno, and what that errno means there.

use std::fmt;
use std::io;

/// The result of the crate's calls.
///
/// ```
/// use msi_route::{Kind, Result};
///
/// fn kind_of(number: u32) -> Result<Kind> {
///     Kind::from_raw(number)
/// }
/// assert!(kind_of(9).is_err());
/// ```
pub type Result<T> = std::result::Result<T, Error>;

/// A call that failed. After an error nothing has changed.
///
/// Both backends return the same errors. It becomes an [`io::Error`] of the same errno.
///
/// ```
/// use msi_route::{ErrorKind, Shape};
///
/// // There is no capability in this configuration space.
/// let error = Shape::from_config(&[0; 256]).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::NoCapability);
/// assert_eq!(error.errno(), libc::ENODEV);
/// assert_eq!(std::io::Error::from(error).raw_os_error(), Some(libc::ENODEV));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Error {
    call: &'static str,
    errno: i32,
}

macro_rules! kinds {
    ($($(#[$($doc:tt)*])* $kind:ident: $text:literal,)*) => {
        /// What an error means, in the call that failed.
        ///
        /// ```
        /// use msi_route::ErrorKind;
        ///
        /// assert_eq!(ErrorKind::NoVector.to_string(), "the capability has no such vector");
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[$($doc)*])* #[doc = $text] $kind,)*
        }

        impl fmt::Display for ErrorKind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$kind => $text,)*
                })
            }
        }
    };
}

kinds! {
    NoCapability: "the function has no such capability",
    NoVector: "the capability has no such vector",
    NoDevice: "the host has no msi_route",
    BadDescriptor: "a descriptor is not open",
    NotAVm: "the descriptor is not a KVM VM",
    OtherProcess: "the VM belongs to another process, or the caller may not do this",
    NoLocalApic: "the VM has no local APIC in the kernel",
    NoWayIn: "the module does not know KVM's way into the local APIC",
    ShortIds: "the VM does not use 32-bit x2APIC IDs",
    Memory: "memory is exhausted",
    Descriptors: "too many open files",
    AlreadyAttached: "the vector has an eventfd, or this one",
    NotAttached: "the eventfd is not attached",
    EventfdTaken: "another consumer has the eventfd",
    EventfdTwice: "an eventfd is named for two vectors",
    Running: "the function runs",
    NotObserved: "there is no such function, or the caller may not observe it",
    Occupied: "KVM itself serves a part of the range",
    NoSpace: "a limit is reached",
    OtherMessage: "the vector has another message now",
    Length: "an access of 0 bytes, or of more than 8",
    Range: "an access outside its space",
    Invalid: "an argument is outside its range",
    Unsupported: "the backend, or this msi_route, cannot do this",
    Other: "an error of the system",
}

impl Error {
    pub(crate) const fn new(call: &'static str, errno: i32) -> Self {
        Self { call, errno }
    }

    /// Of the call that has just failed.
    pub(crate) fn last(call: &'static str) -> Self {
        let errno = io::Error::last_os_error().raw_os_error();
        Self::new(call, errno.unwrap_or(libc::EIO))
    }

    pub(crate) fn with_call(self, call: &'static str) -> Self {
        Self { call, ..self }
    }

    /// The errno, as the module would return it.
    ///
    /// ```
    /// let error = msi_route::Shape::from_config(&[]).unwrap_err();
    /// assert_eq!(error.errno(), libc::EINVAL);
    /// ```
    #[must_use]
    pub fn errno(&self) -> i32 {
        self.errno
    }

    /// The request or the system call that failed, such as `MSI_ROUTE_CREATE`. For what is
    /// refused before any call, the one that would refuse it.
    ///
    /// ```
    /// let error = msi_route::Shape::from_config(&[]).unwrap_err();
    /// assert_eq!(error.call(), "MSI_ROUTE_CREATE");
    /// ```
    #[must_use]
    pub fn call(&self) -> &'static str {
        self.call
    }

    /// What the errno means in this call.
    ///
    /// ```
    /// use msi_route::{ErrorKind, Shape};
    ///
    /// // No capability, no function: such a device has only its pin.
    /// let msi = match Shape::from_config(&[0; 256]) {
    ///     Err(error) if error.kind() == ErrorKind::NoCapability => None,
    ///     shape => Some(shape?),
    /// };
    /// assert!(msi.is_none());
    /// # Ok::<(), msi_route::Error>(())
    /// ```
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        use ErrorKind as K;
        let eventfds = self.call.starts_with("MSI_ROUTE_SET_EVENTFD");
        let observes = self.call.starts_with("MSI_ROUTE_GET_");
        match self.errno {
            libc::ENODEV => K::NoCapability,
            libc::ECHRNG => K::NoVector,
            libc::ENOENT if eventfds => K::NotAttached,
            libc::ENOENT if observes => K::NotObserved,
            libc::ENOENT | libc::ENXIO if self.call == "open" => K::NoDevice,
            libc::EBADF => K::BadDescriptor,
            libc::EBADFD => K::NotAVm,
            libc::EPERM | libc::EACCES => K::OtherProcess,
            libc::ENXIO => K::NoLocalApic,
            libc::ENODATA => K::NoWayIn,
            libc::EADDRNOTAVAIL => K::ShortIds,
            libc::ENOMEM => K::Memory,
            libc::EMFILE | libc::ENFILE => K::Descriptors,
            libc::EEXIST if eventfds => K::AlreadyAttached,
            libc::EEXIST => K::Occupied,
            libc::EBUSY if eventfds => K::EventfdTaken,
            libc::EBUSY => K::Running,
            libc::ENOTUNIQ => K::EventfdTwice,
            libc::ENOSPC => K::NoSpace,
            libc::ESTALE => K::OtherMessage,
            libc::EMSGSIZE => K::Length,
            libc::ERANGE => K::Range,
            libc::EINVAL => K::Invalid,
            libc::EOPNOTSUPP | libc::ENOTTY | libc::E2BIG => K::Unsupported,
            _ => K::Other,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let system = io::Error::from_raw_os_error(self.errno);
        match self.kind() {
            ErrorKind::Other => write!(f, "{}: {system}", self.call),
            kind => write!(f, "{}: {kind} ({system})", self.call),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({self})")
    }
}

impl std::error::Error for Error {}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        io::Error::from_raw_os_error(error.errno)
    }
}
