// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! The requests that only the module has.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use crate::abi::{self, *};
use crate::sys::{address, calls};
use crate::{
    Changes, Counters, Entry, Error, EventfdChange, Function, ImsOp, Kind, MessageTranslation,
    Place, Query, Result, Space, VectorInfos, VectorState, VmDescriptor, device,
};

/// Changes that are taken in one call.
const ROOM: usize = 64;

/// What changed in a vector or in a capability, and its present state.
///
/// ```no_run
/// # fn f(function: &msi_route::Function) -> msi_route::Result<()> {
/// for change in function.changes() {
///     let change = change?;
///     match change.vector {
///         Some(vector) => println!("vector {vector}: {:?}", change.changes),
///         None => println!("the capability is {:?}", change.state),
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VectorChange {
    /// The capability.
    pub kind: Kind,
    /// The vector; `None`: the capability as a whole.
    pub vector: Option<u32>,
    /// All that was marked.
    pub changes: Changes,
    /// The state, as of now.
    pub state: VectorState,
    /// Message Address of the vector, as the guest wrote it.
    pub address: u64,
    /// Message Data, likewise.
    pub data: u32,
    /// Vector Control, likewise, with the steering tag in bits 31:16.
    pub control: u32,
}

/// What the guest changed, taken from the function one by one ([`Function::changes`]).
///
/// It ends when there is nothing left, or after an error. What was not taken stays marked, but
/// for at most 63 changes that were taken together with the last one: take all.
///
/// ```no_run
/// # fn f(function: &msi_route::Function) -> msi_route::Result<()> {
/// let changes: Vec<_> = function.changes().collect::<Result<_, _>>()?;
/// # Ok(())
/// # }
/// ```
pub struct ChangeIter<'a> {
    function: &'a Function,
    taken: std::vec::IntoIter<msi_route_vector_change>,
    more: bool,
}

impl Iterator for ChangeIter<'_> {
    type Item = Result<VectorChange>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.taken.len() == 0 && self.more {
            self.more = false;
            match self.function.take_changes() {
                Ok((taken, more)) => (self.taken, self.more) = (taken.into_iter(), more),
                Err(error) => return Some(Err(error)),
            }
        }
        let change = self.taken.next()?;
        let kind = match Kind::from_raw(change.kind) {
            Ok(kind) => kind,
            Err(error) => return Some(Err(error)),
        };
        Some(Ok(VectorChange {
            kind,
            vector: (change.vector != abi::MSI_ROUTE_CAPABILITY).then_some(change.vector),
            changes: Changes::from_bits(change.changes),
            state: VectorState::from_bits(change.state),
            address: change.address,
            data: change.data,
            control: change.control,
        }))
    }
}

impl std::fmt::Debug for ChangeIter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChangeIter").field("taken", &self.taken.len()).finish_non_exhaustive()
    }
}

impl Function {
    /// Limits and features.
    ///
    /// ```no_run
    /// # fn f(function: &msi_route::Function) -> msi_route::Result<()> {
    /// println!("{:?}", function.query()?.features);
    /// # Ok(())
    /// # }
    /// ```
    pub fn query(&self) -> Result<Query> {
        device::query(self.as_fd())
    }

    /// One access of 1 to 8 bytes, as `MSI_ROUTE_READ` does it. `value` has what the VMM's part
    /// has there; the function's bytes are replaced.
    ///
    /// [`Interrupts`](crate::Interrupts) has accesses of any length. This one is for a VMM that
    /// wants the errors.
    ///
    /// ```no_run
    /// use msi_route::Space;
    ///
    /// # fn f(function: &msi_route::Function) -> msi_route::Result<()> {
    /// // Message Data of entry 2
    /// let mut data = 0;
    /// function.read(Space::Table, 2 * 16 + 8, 4, &mut data)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn read(&self, space: Space, offset: u32, len: u32, value: &mut u64) -> Result<()> {
        self.access(false, space, offset, len, value)
    }

    /// One access of 1 to 8 bytes, as `MSI_ROUTE_WRITE` does it.
    /// [`intx_allowed`](crate::Interrupts::intx_allowed) does not see it.
    ///
    /// ```no_run
    /// use msi_route::Space;
    ///
    /// # fn f(function: &msi_route::Function) -> msi_route::Result<()> {
    /// // Entry 2 is not masked any more.
    /// function.write(Space::Table, 2 * 16 + 12, 4, 0)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn write(&self, space: Space, offset: u32, len: u32, value: u64) -> Result<()> {
        self.access(true, space, offset, len, &mut { value })
    }

    pub(crate) fn access(
        &self,
        write: bool,
        space: Space,
        offset: u32,
        len: u32,
        value: &mut u64,
    ) -> Result<()> {
        let space = space as u32;
        let mut access =
            msi_route_access { space, offset, len, value: *value, ..Default::default() };
        let call = if write { &calls::MSI_ROUTE_WRITE } else { &calls::MSI_ROUTE_READ };
        call.on(self.as_fd(), &mut access)?;
        *value = access.value;
        Ok(())
    }

    /// The bound of the update hold in nanoseconds; 0: no hold.
    ///
    /// ```no_run
    /// # fn f(function: &msi_route::Function) -> msi_route::Result<()> {
    /// // A guest has ten microseconds for the writes of one message.
    /// function.set_hold(10_000)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_hold(&self, bound_ns: u32) -> Result<()> {
        let mut hold = msi_route_set_hold { bound_ns, ..Default::default() };
        calls::MSI_ROUTE_SET_HOLD.on(self.as_fd(), &mut hold).map(drop)
    }

    /// What happened: the sum over all vectors, or one vector.
    ///
    /// ```no_run
    /// use msi_route::Kind;
    ///
    /// # fn f(function: &msi_route::Function) -> msi_route::Result<()> {
    /// let all = function.counters(Kind::Msix, None)?;
    /// let one = function.counters(Kind::Msix, Some(2))?;
    /// println!("{} of {} events", one.events, all.events);
    /// # Ok(())
    /// # }
    /// ```
    pub fn counters(&self, kind: Kind, vector: Option<u32>) -> Result<Counters> {
        device::counters(self.as_fd(), 0, kind, vector)
    }

    /// The state of each vector of a capability.
    ///
    /// ```no_run
    /// use msi_route::Kind;
    ///
    /// # fn f(function: &msi_route::Function) -> msi_route::Result<()> {
    /// for vector in function.vectors(Kind::Msix) {
    ///     println!("{:?}", vector?.reason);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn vectors(&self, kind: Kind) -> VectorInfos<'_> {
        VectorInfos::new(self.as_fd(), 0, kind)
    }

    /// Places table and PBA in the guest's memory, where the kernel handles their accesses.
    /// [`placed`](crate::Interrupts::placed) does it from the BARs.
    ///
    /// ```no_run
    /// use msi_route::Place;
    ///
    /// # fn f(function: &msi_route::Function) -> msi_route::Result<()> {
    /// function.map(Place { table: Some(0xd000_1000), pba: Some(0xd000_1800) })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn map(&self, place: Place) -> Result<()> {
        let mut flags = 0;
        if place.table.is_some() {
            flags |= abi::MSI_ROUTE_MAP_TABLE;
        }
        if place.pba.is_some() {
            flags |= abi::MSI_ROUTE_MAP_PBA;
        }
        let (table, pba) = (place.table.unwrap_or(0), place.pba.unwrap_or(0));
        let mut map = msi_route_map { flags, table, pba, ..Default::default() };
        calls::MSI_ROUTE_MAP.on(self.as_fd(), &mut map).map(drop)
    }

    /// What became of the place: as it was given, and that part of it whose accesses reach the
    /// function.
    ///
    /// ```no_run
    /// # fn f(function: &msi_route::Function) -> msi_route::Result<()> {
    /// let (given, reached) = function.get_map()?;
    /// if given != reached {
    ///     println!("something else is at {given:x?}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_map(&self) -> Result<(Place, Place)> {
        let mut map = msi_route_get_map::default();
        calls::MSI_ROUTE_GET_MAP.on(self.as_fd(), &mut map)?;
        let place = |flags: u32| Place {
            table: (flags & abi::MSI_ROUTE_MAP_TABLE != 0).then_some(map.table),
            pba: (flags & abi::MSI_ROUTE_MAP_PBA != 0).then_some(map.pba),
        };
        Ok((place(map.flags), place(map.reached)))
    }

    /// Attaches, moves and detaches the eventfds of many vectors, all of them or none. An
    /// eventfd can move from one of these vectors to another while it is signalled.
    ///
    /// ```no_run
    /// use msi_route::{EventfdChange, Kind};
    /// use std::os::fd::{AsFd, OwnedFd};
    ///
    /// # fn f(function: &msi_route::Function, queue: OwnedFd) -> msi_route::Result<()> {
    /// // The eventfd moves from vector 0 to vector 1; vector 2 stays as it is.
    /// let to_1 = EventfdChange::Attach(queue.as_fd());
    /// function.set_eventfds(Kind::Msix, 0, &[EventfdChange::Detach, to_1, EventfdChange::Keep])?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_eventfds(
        &self,
        kind: Kind,
        first: u32,
        changes: &[EventfdChange<'_>],
    ) -> Result<()> {
        let mut fds: Vec<i32> = changes
            .iter()
            .map(|change| match change {
                EventfdChange::Keep => abi::MSI_ROUTE_EVENTFD_KEEP,
                EventfdChange::Detach => -1,
                EventfdChange::Attach(fd) => fd.as_raw_fd(),
            })
            .collect();
        let mut set = msi_route_eventfds {
            flags: abi::MSI_ROUTE_EVENTFD_REPLACE,
            kind: kind.raw(),
            first,
            nr: count(calls::MSI_ROUTE_SET_EVENTFDS.name(), fds.len())?,
            fds: address(&mut fds),
            ..Default::default()
        };
        // SAFETY: there are so many.
        unsafe { calls::MSI_ROUTE_SET_EVENTFDS.on(self.as_fd(), &mut set) }.map(drop)
    }

    /// Sets many entries of the MSI-X table, as if the guest had written them, each in one
    /// update.
    ///
    /// ```no_run
    /// use msi_route::Entry;
    ///
    /// # fn f(function: &msi_route::Function) -> msi_route::Result<()> {
    /// let entry = Entry { address: 0xfee0_0000, data: 0x51, control: 0 };
    /// function.set_entries(0, &[entry, Entry { data: 0x52, ..entry }])?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_entries(&self, first: u32, entries: &[Entry]) -> Result<()> {
        let mut list: Vec<msi_route_entry> = entries.iter().map(|&entry| entry.into()).collect();
        let mut set = msi_route_entries {
            first,
            nr: count(calls::MSI_ROUTE_SET_ENTRIES.name(), list.len())?,
            entries: address(&mut list),
            ..Default::default()
        };
        // SAFETY: there are so many.
        unsafe { calls::MSI_ROUTE_SET_ENTRIES.on(self.as_fd(), &mut set) }.map(drop)
    }

    /// Chooses the changes that the VMM is notified of, and the eventfd that is signalled when
    /// there is something to take and there was nothing before. `None`, with no changes, ends
    /// it.
    ///
    /// ```no_run
    /// use msi_route::Changes;
    /// use std::os::fd::{AsFd, OwnedFd};
    ///
    /// # fn f(function: &msi_route::Function, notified: OwnedFd) -> msi_route::Result<()> {
    /// function.set_notify(Changes::MASKED | Changes::UNMASKED, Some(notified.as_fd()))?;
    /// // No more
    /// function.set_notify(Changes::empty(), None)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_notify(&self, changes: Changes, eventfd: Option<BorrowedFd<'_>>) -> Result<()> {
        let fd = eventfd.map_or(-1, |fd| fd.as_raw_fd());
        let mut set = msi_route_set_notify { changes: changes.bits(), fd, ..Default::default() };
        calls::MSI_ROUTE_SET_NOTIFY.on(self.as_fd(), &mut set).map(drop)
    }

    /// Takes what changed. Read the eventfd first.
    ///
    /// ```no_run
    /// # fn f(function: &msi_route::Function) -> msi_route::Result<()> {
    /// for change in function.changes() {
    ///     let change = change?;
    ///     println!("{:?}: {:?}", change.vector, change.changes);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use = "changes are taken by iterating"]
    pub fn changes(&self) -> ChangeIter<'_> {
        ChangeIter { function: self, taken: Vec::new().into_iter(), more: true }
    }

    fn take_changes(&self) -> Result<(Vec<msi_route_vector_change>, bool)> {
        let mut taken = vec![msi_route_vector_change::default(); ROOM];
        let mut get = msi_route_get_changes {
            room: ROOM as u32,
            stride: size_of::<msi_route_vector_change>() as u32,
            changes: address(&mut taken),
            ..Default::default()
        };
        // SAFETY: there is room for so many of this size.
        unsafe { calls::MSI_ROUTE_GET_CHANGES.on(self.as_fd(), &mut get)? };
        taken.truncate(get.nr as usize);
        Ok((taken, get.more != 0))
    }

    /// Is notified of all messages once more, as if the guest wrote every register again.
    ///
    /// ```no_run
    /// # fn f(function: &msi_route::Function) -> msi_route::Result<()> {
    /// // The unit that translates has lost all its entries.
    /// function.renew()?;
    /// for change in function.changes() {
    ///     println!("{:?} needs a translation", change?.vector);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn renew(&self) -> Result<()> {
        calls::MSI_ROUTE_RENEW.on(self.as_fd(), &mut msi_route_renew::default()).map(drop)
    }

    /// Translates a vector's message, for a function behind an interrupt remapping unit.
    ///
    /// ```no_run
    /// use msi_route::{Kind, MessageTranslation};
    ///
    /// # fn f(function: &msi_route::Function) -> msi_route::Result<()> {
    /// // What the guest wrote, and what is sent for it
    /// let translation = MessageTranslation {
    ///     raw_address: 0xfee0_0010,
    ///     raw_data: 0,
    ///     address: 0xfee0_1000,
    ///     data: 0x51,
    /// };
    /// function.set_translation(Kind::Msix, 2, translation)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_translation(
        &self,
        kind: Kind,
        vector: u32,
        translation: MessageTranslation,
    ) -> Result<()> {
        let mut set = msi_route_translation {
            kind: kind.raw(),
            vector,
            raw_address: translation.raw_address,
            raw_data: translation.raw_data,
            address: translation.address,
            data: translation.data,
            ..Default::default()
        };
        calls::MSI_ROUTE_SET_TRANSLATION.on(self.as_fd(), &mut set).map(drop)
    }

    /// A message has no translation any more.
    ///
    /// ```no_run
    /// use msi_route::Kind;
    ///
    /// # fn f(function: &msi_route::Function) -> msi_route::Result<()> {
    /// function.clear_translation(Kind::Msix, 2, 0xfee0_0010, 0)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn clear_translation(
        &self,
        kind: Kind,
        vector: u32,
        raw_address: u64,
        raw_data: u32,
    ) -> Result<()> {
        let mut set = msi_route_translation {
            flags: abi::MSI_ROUTE_TRANSLATION_NONE,
            kind: kind.raw(),
            vector,
            raw_address,
            raw_data,
            ..Default::default()
        };
        calls::MSI_ROUTE_SET_TRANSLATION.on(self.as_fd(), &mut set).map(drop)
    }

    /// Does every message need a translation, whatever its format?
    ///
    /// ```no_run
    /// # fn f(function: &msi_route::Function) -> msi_route::Result<()> {
    /// // The guest has switched the unit on, and forbidden messages of the compatible format.
    /// function.set_remapping(true)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_remapping(&self, all: bool) -> Result<()> {
        let flags = if all { abi::MSI_ROUTE_REMAPPING_ALL } else { 0 };
        let mut set = msi_route_remapping { flags, ..Default::default() };
        calls::MSI_ROUTE_SET_REMAPPING.on(self.as_fd(), &mut set).map(drop)
    }

    /// Requests vectors, or gives some back: at least `min`, if possible `nr`. Returns how many
    /// the function has now. With both 0 it only tells that.
    ///
    /// ```no_run
    /// use msi_route::Kind;
    ///
    /// # fn f(function: &msi_route::Function) -> msi_route::Result<()> {
    /// let have = function.resize(Kind::Msix, 8, 64)?;
    /// assert!((8..=64).contains(&have));
    /// # Ok(())
    /// # }
    /// ```
    pub fn resize(&self, kind: Kind, min: u32, nr: u32) -> Result<u32> {
        self.resize_with(msi_route_resize { kind: kind.raw(), min, nr, ..Default::default() })
    }

    /// The most vectors that requests are granted from now on, including the guest's.
    ///
    /// ```no_run
    /// use msi_route::Kind;
    ///
    /// # fn f(function: &msi_route::Function) -> msi_route::Result<()> {
    /// function.set_limit(Kind::Msix, 256)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_limit(&self, kind: Kind, limit: u32) -> Result<()> {
        let flags = abi::MSI_ROUTE_RESIZE_LIMIT;
        let kind = kind.raw();
        self.resize_with(msi_route_resize { flags, kind, limit, ..Default::default() }).map(drop)
    }

    fn resize_with(&self, mut resize: msi_route_resize) -> Result<u32> {
        calls::MSI_ROUTE_RESIZE.on(self.as_fd(), &mut resize)?;
        Ok(resize.granted)
    }

    /// Sets, masks, unmasks and frees entries of the message store, in their order, all of them
    /// or none.
    ///
    /// ```no_run
    /// use msi_route::{Entry, ImsOp};
    ///
    /// # fn f(function: &msi_route::Function) -> msi_route::Result<()> {
    /// let entry = Entry { address: 0xfee0_0000, data: 0x51, control: 0 };
    /// function.set_ims(&[ImsOp::Set(7, entry), ImsOp::Unmask(7), ImsOp::Free(8)])?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_ims(&self, ops: &[ImsOp]) -> Result<()> {
        let mut list: Vec<msi_route_ims_op> = ops
            .iter()
            .map(|&op| {
                let (vector, op, entry) = match op {
                    ImsOp::Set(vector, entry) => (vector, abi::MSI_ROUTE_IMS_SET, entry),
                    ImsOp::Mask(vector) => (vector, abi::MSI_ROUTE_IMS_MASK, Entry::default()),
                    ImsOp::Unmask(vector) => (vector, abi::MSI_ROUTE_IMS_UNMASK, Entry::default()),
                    ImsOp::Free(vector) => (vector, abi::MSI_ROUTE_IMS_FREE, Entry::default()),
                };
                msi_route_ims_op { vector, op, entry: entry.into() }
            })
            .collect();
        let mut set = msi_route_ims {
            nr: count(calls::MSI_ROUTE_SET_IMS.name(), list.len())?,
            ops: address(&mut list),
            ..Default::default()
        };
        // SAFETY: there are so many.
        unsafe { calls::MSI_ROUTE_SET_IMS.on(self.as_fd(), &mut set) }.map(drop)
    }

    /// Moves the stopped function to another VM of the same process. Its place is removed: call
    /// [`placed`](crate::Interrupts::placed) again.
    ///
    /// ```no_run
    /// use msi_route::{Function, Interrupts};
    ///
    /// # fn f(function: &Function, new_vm: std::os::fd::OwnedFd) -> msi_route::Result<()> {
    /// function.stop()?;
    /// function.rebind(&new_vm)?;
    /// function.placed(0, Some(0xd000_0000))?;
    /// function.run()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn rebind(&self, vm: &dyn VmDescriptor) -> Result<()> {
        let vm_fd = vm.vm_fd().as_raw_fd();
        let mut rebind = msi_route_rebind { vm_fd, ..Default::default() };
        calls::MSI_ROUTE_REBIND.on(self.as_fd(), &mut rebind).map(drop)
    }
}

/// A number of elements, in the field that a struct has for it.
fn count(call: &'static str, len: usize) -> Result<u32> {
    u32::try_from(len).map_err(|_| Error::new(call, libc::EINVAL))
}
