// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! What requests take and return.

use crate::{Error, Features, Result, abi};

/// A capability of a function.
///
/// ```
/// use msi_route::Kind;
///
/// assert_eq!(Kind::from_raw(Kind::Msi.raw()), Ok(Kind::Msi));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u32)]
pub enum Kind {
    /// MSI-X; its vectors are the entries of the MSI-X table.
    Msix = abi::MSI_ROUTE_MSIX,
    /// MSI; its vectors are the messages of the capability.
    Msi = abi::MSI_ROUTE_MSI,
    /// Interrupt message store; its vectors are not in PCI registers. Only the module has it.
    Ims = abi::MSI_ROUTE_IMS,
}

impl Kind {
    /// The module's number of it.
    ///
    /// ```
    /// use msi_route::{Kind, abi};
    ///
    /// assert_eq!(Kind::Ims.raw(), abi::MSI_ROUTE_IMS);
    /// ```
    #[must_use]
    pub const fn raw(self) -> u32 {
        self as u32
    }

    /// The kind of this number.
    ///
    /// ```
    /// use msi_route::{Kind, abi};
    ///
    /// assert_eq!(Kind::from_raw(abi::MSI_ROUTE_MSIX), Ok(Kind::Msix));
    /// assert!(Kind::from_raw(9).is_err());
    /// ```
    pub const fn from_raw(number: u32) -> Result<Self> {
        match number {
            abi::MSI_ROUTE_MSIX => Ok(Self::Msix),
            abi::MSI_ROUTE_MSI => Ok(Self::Msi),
            abi::MSI_ROUTE_IMS => Ok(Self::Ims),
            _ => Err(Error::new("enum msi_route_kind", libc::EINVAL)),
        }
    }
}

/// What an access addresses.
///
/// ```
/// use msi_route::Space;
///
/// assert_eq!(Space::Pba as u32, msi_route::abi::MSI_ROUTE_PBA);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Space {
    /// Configuration space, offsets 0 to FFFh.
    Config = abi::MSI_ROUTE_CONFIG,
    /// The MSI-X table, offset from its beginning.
    Table = abi::MSI_ROUTE_TABLE,
    /// The Pending Bit Array, offset from its beginning.
    Pba = abi::MSI_ROUTE_PBA,
}

/// What became of an event.
///
/// ```
/// use msi_route::Outcome;
///
/// assert!(Outcome::Sent != Outcome::Pending);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The message was sent. If it has a single target, it is in the target's IRR.
    Sent,
    /// The Pending bit was clear and is now set.
    Pending,
    /// The Pending bit was set already.
    Coalesced,
    /// The message is not an interrupt, or is an illegal one; or MSI's Enable is clear and
    /// [`Shape::drop_disabled`](crate::Shape::drop_disabled) is set.
    Dropped,
    /// KVM found no vCPU that takes the message.
    Unreached,
    /// A newer msi_route has a name for it.
    Other(u32),
}

impl Outcome {
    pub(crate) fn from_raw(number: u32) -> Self {
        match number {
            abi::MSI_ROUTE_SENT => Self::Sent,
            abi::MSI_ROUTE_PENDING => Self::Pending,
            abi::MSI_ROUTE_COALESCED => Self::Coalesced,
            abi::MSI_ROUTE_DROPPED => Self::Dropped,
            abi::MSI_ROUTE_UNREACHED => Self::Unreached,
            other => Self::Other(other),
        }
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $value:ident,)*) => {
        /// Why an event was not sent at once.
        ///
        /// ```
        /// use msi_route::Reason;
        ///
        /// assert_eq!(Reason::from_raw(1), Reason::Masked);
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[$doc])* $name,)*
            /// A newer msi_route has a name for it.
            Other(u32),
        }

        impl Reason {
            /// The reason of this number, as tracepoints show it.
            ///
            /// ```
            /// use msi_route::{Reason, abi};
            ///
            /// assert_eq!(Reason::from_raw(abi::MSI_ROUTE_REASON_HELD), Reason::Held);
            /// assert_eq!(Reason::from_raw(1000), Reason::Other(1000));
            /// ```
            #[must_use]
            pub const fn from_raw(number: u32) -> Self {
                match number {
                    $(abi::$value => Self::$name,)*
                    other => Self::Other(other),
                }
            }
        }
    };
}

reasons! {
    /// There is no reason.
    None = MSI_ROUTE_REASON_NONE,
    /// Pending: the vector's own mask is set.
    Masked = MSI_ROUTE_REASON_MASKED,
    /// Pending: the message is being changed.
    Held = MSI_ROUTE_REASON_HELD,
    /// Pending: the message needs a translation and has none.
    Untranslated = MSI_ROUTE_REASON_UNTRANSLATED,
    /// Pending: the capability's Enable is clear.
    Disabled = MSI_ROUTE_REASON_DISABLED,
    /// Pending: Function Mask is set.
    FunctionMask = MSI_ROUTE_REASON_FUNCTION_MASK,
    /// Pending: Bus Master Enable is clear.
    BusMaster = MSI_ROUTE_REASON_BUS_MASTER,
    /// Pending: the VMM has stopped the function.
    Stopped = MSI_ROUTE_REASON_STOPPED,
    /// Pending: MSI-X is enabled too, and wins.
    MsixEnabled = MSI_ROUTE_REASON_MSIX_ENABLED,
    /// Pending: a broadcast of the vector is under way.
    Broadcast = MSI_ROUTE_REASON_BROADCAST,
    /// Dropped: the address is not that of an interrupt.
    Address = MSI_ROUTE_REASON_ADDRESS,
    /// Dropped: the delivery mode cannot come by MSI.
    Mode = MSI_ROUTE_REASON_MODE,
    /// Dropped: the vector is 0 to 15.
    Vector = MSI_ROUTE_REASON_VECTOR,
    /// Dropped: the vector was being given back.
    Absent = MSI_ROUTE_REASON_ABSENT,
    /// Dropped: KVM found no vCPU that takes the message.
    Unreached = MSI_ROUTE_REASON_UNREACHED,
    /// Was pending, and the VMM cleared it.
    Cleared = MSI_ROUTE_REASON_CLEARED,
    /// Was pending at a reset, or when the vector was freed.
    Reset = MSI_ROUTE_REASON_RESET,
    /// Was pending when the vector was given back.
    GivenBack = MSI_ROUTE_REASON_GIVEN_BACK,
    /// Was pending when a state was restored.
    Restored = MSI_ROUTE_REASON_RESTORED,
    /// Another event stands for it, because both came in one count of an eventfd.
    Eventfd = MSI_ROUTE_REASON_EVENTFD,
    /// Dropped: MSI's Enable is clear.
    DropDisabled = MSI_ROUTE_REASON_DROP_DISABLED,
}

/// Limits and features of the module.
///
/// ```no_run
/// let query = msi_route::Device::open()?.query()?;
/// println!("version {}, {:?}", query.version, query.features);
/// # Ok::<(), msi_route::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Query {
    /// Version of the interface.
    pub version: u32,
    /// What it can do.
    pub features: Features,
    /// Most vectors of an MSI-X capability.
    pub msix_max_vectors: u32,
    /// Most vectors of an MSI capability.
    pub msi_max_vectors: u32,
    /// Bound of the update hold of a new function.
    pub hold_default_ns: u32,
    /// Largest bound.
    pub hold_max_ns: u32,
    /// Most vectors of a message store.
    pub ims_max_vectors: u32,
}

/// An entry of the MSI-X table, as the guest sees it.
///
/// ```
/// use msi_route::Entry;
///
/// // Vector 51h to the vCPU with APIC ID 0, not masked.
/// let entry = Entry { address: 0xfee0_0000, data: 0x51, control: 0 };
/// assert!(!entry.is_masked());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Entry {
    /// Message Address and Message Upper Address.
    pub address: u64,
    /// Message Data.
    pub data: u32,
    /// Vector Control.
    pub control: u32,
}

impl Entry {
    /// Is the entry's own mask set?
    ///
    /// ```
    /// use msi_route::Entry;
    ///
    /// assert!(Entry { control: 1, ..Entry::default() }.is_masked());
    /// ```
    #[must_use]
    pub const fn is_masked(&self) -> bool {
        self.control & 1 != 0
    }
}

impl From<abi::msi_route_entry> for Entry {
    fn from(entry: abi::msi_route_entry) -> Self {
        Self {
            address: u64::from(entry.address_hi) << 32 | u64::from(entry.address_lo),
            data: entry.data,
            control: entry.control,
        }
    }
}

impl From<Entry> for abi::msi_route_entry {
    fn from(entry: Entry) -> Self {
        Self {
            address_lo: entry.address as u32,
            address_hi: (entry.address >> 32) as u32,
            data: entry.data,
            control: entry.control,
        }
    }
}

/// What [`Function::set_eventfds`](crate::Function::set_eventfds) does with a vector.
///
/// ```
/// use msi_route::EventfdChange;
/// use std::os::fd::AsFd;
///
/// let file = std::fs::File::open("/dev/null")?;
/// // The first vector stays as it is, the second gets an eventfd.
/// let changes = [EventfdChange::Keep, EventfdChange::Attach(file.as_fd())];
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum EventfdChange<'a> {
    /// The attached eventfds stay.
    Keep,
    /// What is attached is detached.
    Detach,
    /// This eventfd is attached instead of what is attached.
    Attach(std::os::fd::BorrowedFd<'a>),
}

/// Where table and PBA are in the guest's memory.
///
/// ```
/// use msi_route::Place;
///
/// let place = Place { table: Some(0xc000_0000), pba: None };
/// assert_ne!(place, Place::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Guest-physical address of the table.
    pub table: Option<u64>,
    /// Guest-physical address of the PBA.
    pub pba: Option<u64>,
}

/// An operation on an entry of a message store.
///
/// ```
/// use msi_route::{Entry, ImsOp};
///
/// let ops = [
///     ImsOp::Set(0, Entry { address: 0xfee0_0000, data: 0x51, control: 0 }),
///     ImsOp::Mask(1),
/// ];
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImsOp {
    /// Set message and mask of a vector, in one update.
    Set(u32, Entry),
    /// Mask a vector.
    Mask(u32),
    /// Unmask a vector.
    Unmask(u32),
    /// Make a vector as it was created: no eventfd, nothing pending, masked, message 0.
    Free(u32),
}

/// A vector's message and what is sent instead, for a function behind an interrupt remapping
/// unit.
///
/// ```
/// use msi_route::MessageTranslation;
///
/// let translation = MessageTranslation {
///     raw_address: 0xfee0_0010,
///     raw_data: 0,
///     address: 0xfee0_1000,
///     data: 0x51,
/// };
/// assert_eq!(translation.raw_address & 0x10, 0x10);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageTranslation {
    /// Message Address, as the guest wrote it.
    pub raw_address: u64,
    /// Message Data, as the guest wrote it.
    pub raw_data: u32,
    /// The address that is sent instead.
    pub address: u64,
    /// The data that is sent instead.
    pub data: u32,
}

/// What happened, by `MSI_ROUTE_GET_COUNTERS`.
///
/// ```
/// let counters = msi_route::Counters::default();
/// assert_eq!(counters.events, counters.messages);
/// ```
pub type Counters = abi::msi_route_counters;
