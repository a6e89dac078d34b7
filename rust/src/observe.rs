// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! Functions and vectors, as others than their owner see them.

use std::os::fd::BorrowedFd;

use crate::abi::{self, *};
use crate::sys::{address, calls};
use crate::{Kind, Reason, Result, VectorState};

/// Elements of one call, as many as the module returns.
const ROOM: usize = 64;

/// The state of a function's capability, in a [`FunctionInfo`].
///
/// ```no_run
/// # use msi_route::{Device, Kind, Reason};
/// for function in Device::open()?.functions() {
///     let msix = function?.capability(Kind::Msix);
///     if msix.reason == Reason::BusMaster {
///         println!("{} vectors wait for Bus Master Enable", msix.vectors);
///     }
/// }
/// # Ok::<(), msi_route::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CapabilityInfo {
    /// Most vectors that it may come to have; 0: the function has no such capability.
    pub max: u32,
    /// Vectors that it has.
    pub vectors: u32,
    /// What is the same for all its vectors.
    pub state: VectorState,
    /// Why none of them may send now.
    pub reason: Reason,
}

/// A function, as others than its owner see it ([`Device::functions`](crate::Device::functions)).
///
/// ```no_run
/// let device = msi_route::Device::open()?;
/// let stopped = device.functions().filter(|f| f.as_ref().is_ok_and(|f| f.stopped)).count();
/// println!("{stopped} functions are stopped");
/// # Ok::<(), msi_route::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FunctionInfo {
    /// The function's number: not 0, and no other function has it for a long time.
    pub number: u32,
    /// The owner's number for it.
    pub id: u32,
    /// The task that created the VM; 0: it is not visible.
    pub vm_pid: i32,
    /// The VM's descriptor in its owner.
    pub vm_fd: i32,
    /// The owner has stopped it.
    pub stopped: bool,
    /// The function's name.
    pub name: String,
    capabilities: [CapabilityInfo; abi::MSI_ROUTE_NR_KINDS as usize],
}

impl FunctionInfo {
    /// One of its capabilities.
    ///
    /// ```no_run
    /// use msi_route::{Device, Kind};
    ///
    /// for function in Device::open()?.functions() {
    ///     let function = function?;
    ///     println!("{}: {} vectors", function.name, function.capability(Kind::Msix).vectors);
    /// }
    /// # Ok::<(), msi_route::Error>(())
    /// ```
    #[must_use]
    pub fn capability(&self, kind: Kind) -> CapabilityInfo {
        self.capabilities[kind.raw() as usize]
    }
}

impl From<&msi_route_function> for FunctionInfo {
    fn from(function: &msi_route_function) -> Self {
        let name: Vec<u8> = function.name.iter().copied().take_while(|&c| c != 0).collect();
        Self {
            number: function.number,
            id: function.id,
            vm_pid: function.vm_pid,
            vm_fd: function.vm_fd,
            stopped: function.stopped != 0,
            name: String::from_utf8_lossy(&name).into_owned(),
            capabilities: function.caps.map(|cap| CapabilityInfo {
                max: cap.max,
                vectors: cap.nr,
                state: VectorState::from_bits(cap.state),
                reason: Reason::from_raw(cap.reason),
            }),
        }
    }
}

/// A vector and its state, in one instant ([`Function::vectors`](crate::Function::vectors)).
///
/// ```no_run
/// # use msi_route::{Device, Kind};
/// for vector in Device::open()?.vectors(17, Kind::Msix) {
///     let vector = vector?;
///     println!("{}: {:?} {:#x}", vector.vector, vector.reason, vector.address);
/// }
/// # Ok::<(), msi_route::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VectorInfo {
    /// The vector, from 0.
    pub vector: u32,
    /// Its state.
    pub state: VectorState,
    /// Why an event that came now would not be sent at once.
    pub reason: Reason,
    /// Likewise for the last event that was not sent at once.
    pub last: Reason,
    /// Message Address, as the guest wrote it.
    pub address: u64,
    /// Message Data, likewise.
    pub data: u32,
    /// Message Address, as it is sent.
    pub sent_address: u64,
    /// Message Data, likewise.
    pub sent_data: u32,
    /// Events raised.
    pub events: u64,
    /// Messages sent.
    pub messages: u64,
    /// Events that another event stands for.
    pub coalesced: u64,
}

impl From<&msi_route_vector> for VectorInfo {
    fn from(v: &msi_route_vector) -> Self {
        Self {
            vector: v.vector,
            state: VectorState::from_bits(v.state),
            reason: Reason::from_raw(v.reason),
            last: Reason::from_raw(v.last),
            address: v.address,
            data: v.data,
            sent_address: v.sent_address,
            sent_data: v.sent_data,
            events: v.events,
            messages: v.messages,
            coalesced: v.coalesced,
        }
    }
}

/// An element that is in a buffer of some.
struct Buffer<T> {
    elements: Vec<T>,
    at: usize,
    ended: bool,
}

impl<T: Copy + Default> Buffer<T> {
    fn new() -> Self {
        Self { elements: Vec::new(), at: 0, ended: false }
    }

    /// The next element; `fetch` fills a buffer, and tells how many there are: none at the end.
    fn next(&mut self, fetch: impl FnOnce(&mut [T]) -> Result<u32>) -> Option<Result<T>> {
        if self.at == self.elements.len() && !self.ended {
            self.elements.resize(ROOM, T::default());
            self.at = 0;
            let nr = fetch(&mut self.elements);
            self.elements.truncate(*nr.as_ref().unwrap_or(&0) as usize);
            self.ended = self.elements.is_empty();
            if let Err(error) = nr {
                return Some(Err(error));
            }
        }
        let element = self.elements.get(self.at).copied()?;
        self.at += 1;
        Some(Ok(element))
    }
}

/// The functions that the caller may observe ([`Device::functions`](crate::Device::functions)).
/// It ends after an error.
///
/// ```no_run
/// let device = msi_route::Device::open()?;
/// let all: Vec<_> = device.functions().collect::<Result<_, _>>()?;
/// # Ok::<(), msi_route::Error>(())
/// ```
pub struct FunctionInfos<'a> {
    fd: BorrowedFd<'a>,
    from: u32,
    buffer: Buffer<msi_route_function>,
}

impl<'a> FunctionInfos<'a> {
    pub(crate) fn new(fd: BorrowedFd<'a>) -> Self {
        Self { fd, from: 0, buffer: Buffer::new() }
    }
}

impl Iterator for FunctionInfos<'_> {
    type Item = Result<FunctionInfo>;

    fn next(&mut self) -> Option<Self::Item> {
        let (fd, from) = (self.fd, self.from);
        let next = self.buffer.next(|elements| {
            let mut get = msi_route_get_functions {
                from,
                room: elements.len() as u32,
                stride: size_of::<msi_route_function>() as u32,
                functions: address(elements),
                ..Default::default()
            };
            // SAFETY: the elements have this room and this size.
            unsafe { calls::MSI_ROUTE_GET_FUNCTIONS.on(fd, &mut get)? };
            Ok(get.nr)
        })?;
        if let Ok(function) = &next {
            self.from = function.number.wrapping_add(1);
            self.buffer.ended |= self.from == 0;
        }
        Some(next.map(|function| FunctionInfo::from(&function)))
    }
}

impl std::fmt::Debug for FunctionInfos<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FunctionInfos").field("from", &self.from).finish_non_exhaustive()
    }
}

/// The vectors of a capability ([`Function::vectors`](crate::Function::vectors)). It ends after
/// an error.
///
/// ```no_run
/// # use msi_route::{Device, Kind, VectorState};
/// let device = Device::open()?;
/// let pending = device
///     .vectors(17, Kind::Msix)
///     .filter(|v| v.as_ref().is_ok_and(|v| v.state.contains(VectorState::PENDING)))
///     .count();
/// # Ok::<(), msi_route::Error>(())
/// ```
pub struct VectorInfos<'a> {
    fd: BorrowedFd<'a>,
    function: u32,
    kind: Kind,
    first: u32,
    buffer: Buffer<msi_route_vector>,
}

impl<'a> VectorInfos<'a> {
    pub(crate) fn new(fd: BorrowedFd<'a>, function: u32, kind: Kind) -> Self {
        Self { fd, function, kind, first: 0, buffer: Buffer::new() }
    }
}

impl Iterator for VectorInfos<'_> {
    type Item = Result<VectorInfo>;

    fn next(&mut self) -> Option<Self::Item> {
        let (fd, function, kind, first) = (self.fd, self.function, self.kind.raw(), self.first);
        let next = self.buffer.next(|elements| {
            let mut get = msi_route_get_vectors {
                function,
                kind,
                first,
                room: elements.len() as u32,
                stride: size_of::<msi_route_vector>() as u32,
                vectors: address(elements),
                ..Default::default()
            };
            // SAFETY: the elements have this room and this size.
            unsafe { calls::MSI_ROUTE_GET_VECTORS.on(fd, &mut get)? };
            Ok(get.nr)
        })?;
        if let Ok(vector) = &next {
            self.first = vector.vector + 1;
        }
        Some(next.map(|vector| VectorInfo::from(&vector)))
    }
}

impl std::fmt::Debug for VectorInfos<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VectorInfos").field("first", &self.first).finish_non_exhaustive()
    }
}
