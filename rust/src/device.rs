// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! `/dev/msi_route`.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use crate::abi::{self, *};
use crate::sys::{self, calls};
use crate::{Counters, Features, Function, FunctionInfos, Kind, Query, Result, Shape};
use crate::{VectorInfos, VmDescriptor};

/// `/dev/msi_route`: makes functions, and shows those of others.
///
/// A VMM uses it through [`Vm`](crate::Vm). A program that observes uses it as it is.
///
/// ```no_run
/// let device = msi_route::Device::open()?;
/// for function in device.functions() {
///     let function = function?;
///     println!("{} {:?}", function.number, function.name);
/// }
/// # Ok::<(), msi_route::Error>(())
/// ```
#[derive(Debug)]
pub struct Device {
    fd: OwnedFd,
}

impl Device {
    /// Opens the device. Without the module this is
    /// [`ErrorKind::NoDevice`](crate::ErrorKind::NoDevice).
    ///
    /// ```
    /// use msi_route::{Device, ErrorKind};
    ///
    /// match Device::open() {
    ///     Ok(device) => println!("{device:?}"),
    ///     Err(error) if error.kind() == ErrorKind::NoDevice => println!("no module"),
    ///     Err(error) => println!("{error}"),
    /// }
    /// ```
    pub fn open() -> Result<Self> {
        Ok(Self { fd: sys::open(c"/dev/msi_route")? })
    }

    /// Limits and features.
    ///
    /// ```no_run
    /// use msi_route::{Device, Features};
    ///
    /// let query = Device::open()?.query()?;
    /// if query.features.contains(Features::IMS) {
    ///     println!("up to {} vectors in a message store", query.ims_max_vectors);
    /// }
    /// # Ok::<(), msi_route::Error>(())
    /// ```
    pub fn query(&self) -> Result<Query> {
        query(self.as_fd())
    }

    /// Creates a function of a VM whose local APICs are in the kernel: `KVM_CREATE_IRQCHIP` or
    /// `KVM_CAP_SPLIT_IRQCHIP` comes first.
    ///
    /// The function is as after reset, with the Command register of the shape, and follows
    /// writes of Command. It holds the VM until it is dropped.
    ///
    /// ```no_run
    /// use msi_route::{Device, Interrupts, Kind, MsixShape, Shape};
    ///
    /// # fn vm() -> std::os::fd::OwnedFd { unimplemented!() }
    /// let shape = Shape::default().with_msix(MsixShape::new(4, 0x40, (0, 0x1000), (0, 0x1800)));
    /// let function = Device::open()?.create(&vm(), &shape)?;
    /// function.trigger(Kind::Msix, 0)?;
    /// # Ok::<(), msi_route::Error>(())
    /// ```
    pub fn create(&self, vm: &dyn VmDescriptor, shape: &Shape) -> Result<Function> {
        let mut create = shape.to_abi(vm.vm_fd().as_raw_fd())?;
        let fd = calls::MSI_ROUTE_CREATE.on(self.as_fd(), &mut create)?;
        Function::new(sys::own("MSI_ROUTE_CREATE", fd)?, shape.clone(), &create)
    }

    /// The functions that the caller may observe: those of its own VMs, or all with
    /// `CAP_PERFMON`.
    ///
    /// ```no_run
    /// let device = msi_route::Device::open()?;
    /// for function in device.functions() {
    ///     println!("{:?}", function?);
    /// }
    /// # Ok::<(), msi_route::Error>(())
    /// ```
    #[must_use]
    pub fn functions(&self) -> FunctionInfos<'_> {
        FunctionInfos::new(self.as_fd())
    }

    /// The vectors of a function, by its [number](crate::FunctionInfo::number).
    ///
    /// ```no_run
    /// use msi_route::{Device, Kind};
    ///
    /// let device = Device::open()?;
    /// for function in device.functions() {
    ///     for vector in device.vectors(function?.number, Kind::Msix) {
    ///         println!("{:?}", vector?);
    ///     }
    /// }
    /// # Ok::<(), msi_route::Error>(())
    /// ```
    #[must_use]
    pub fn vectors(&self, function: u32, kind: Kind) -> VectorInfos<'_> {
        VectorInfos::new(self.as_fd(), function, kind)
    }

    /// What happened in a function, by its number: the sum over all vectors, or one vector.
    ///
    /// ```no_run
    /// use msi_route::{Device, Kind};
    ///
    /// let counters = Device::open()?.counters(17, Kind::Msix, None)?;
    /// println!("{} events, {} messages", counters.events, counters.messages);
    /// # Ok::<(), msi_route::Error>(())
    /// ```
    pub fn counters(&self, function: u32, kind: Kind, vector: Option<u32>) -> Result<Counters> {
        counters(self.as_fd(), function, kind, vector)
    }
}

impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Device {
    fn as_raw_fd(&self) -> i32 {
        self.fd.as_raw_fd()
    }
}

/// For a VMM that opened `/dev/msi_route` before it entered its jail.
impl From<OwnedFd> for Device {
    fn from(fd: OwnedFd) -> Self {
        Self { fd }
    }
}

pub(crate) fn query(fd: BorrowedFd<'_>) -> Result<Query> {
    let mut query = msi_route_query::default();
    calls::MSI_ROUTE_QUERY.on(fd, &mut query)?;
    Ok(Query {
        version: query.version,
        features: Features::from_bits(query.features),
        msix_max_vectors: query.msix_max_vectors,
        msi_max_vectors: query.msi_max_vectors,
        hold_default_ns: query.hold_default_ns,
        hold_max_ns: query.hold_max_ns,
        ims_max_vectors: query.ims_max_vectors,
    })
}

pub(crate) fn counters(
    fd: BorrowedFd<'_>,
    function: u32,
    kind: Kind,
    vector: Option<u32>,
) -> Result<Counters> {
    let mut counters = msi_route_counters {
        kind: kind.raw(),
        vector: vector.unwrap_or(abi::MSI_ROUTE_ALL_VECTORS),
        function,
        ..Default::default()
    };
    calls::MSI_ROUTE_GET_COUNTERS.on(fd, &mut counters)?;
    Ok(counters)
}
