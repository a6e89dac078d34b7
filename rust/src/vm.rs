// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! A virtual machine, and which backend its functions have.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex};

use crate::front::lock;
use crate::kvm::Kvm;
use crate::routes::Routes;
use crate::{Device, Error, Features, Interrupts, Result, Route, Shape, UserFunction};

/// The first GSI that the fallback takes, unless the VMM says otherwise.
const FIRST_GSI: u32 = 24;

/// A descriptor of a KVM VM.
///
/// Implemented for what owns or borrows a descriptor, and with the feature `kvm-ioctls` for
/// `VmFd`. A VMM implements it for its own type of a VM, if that has the descriptor inside.
/// Give the descriptor that `KVM_CREATE_VM` has returned, not a duplicate: then tools that
/// observe find the VM by its name in debugfs.
///
/// ```
/// use msi_route::VmDescriptor;
/// use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
///
/// #[derive(Debug)]
/// struct Machine {
///     vm: OwnedFd,
/// }
///
/// impl VmDescriptor for Machine {
///     fn vm_fd(&self) -> BorrowedFd<'_> {
///         self.vm.as_fd()
///     }
/// }
/// ```
pub trait VmDescriptor: std::fmt::Debug + Send + Sync {
    /// The descriptor, which stays the same.
    ///
    /// ```
    /// use msi_route::VmDescriptor;
    /// use std::os::fd::AsRawFd;
    ///
    /// # let file = std::fs::File::open("/dev/null")?;
    /// assert_eq!(file.vm_fd().as_raw_fd(), file.as_raw_fd());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn vm_fd(&self) -> BorrowedFd<'_>;
}

macro_rules! descriptors {
    ($($type:ty)*) => {
        $(impl VmDescriptor for $type {
            fn vm_fd(&self) -> BorrowedFd<'_> {
                self.as_fd()
            }
        })*
    };
}

descriptors!(OwnedFd BorrowedFd<'_> std::fs::File);

impl<T: VmDescriptor + ?Sized> VmDescriptor for &T {
    fn vm_fd(&self) -> BorrowedFd<'_> {
        (**self).vm_fd()
    }
}

impl<T: VmDescriptor + ?Sized> VmDescriptor for Arc<T> {
    fn vm_fd(&self) -> BorrowedFd<'_> {
        (**self).vm_fd()
    }
}

#[cfg(feature = "kvm-ioctls")]
impl VmDescriptor for kvm_ioctls::VmFd {
    fn vm_fd(&self) -> BorrowedFd<'_> {
        use std::os::fd::AsRawFd;
        // SAFETY: it is open as long as the VmFd is there.
        unsafe { BorrowedFd::borrow_raw(self.as_raw_fd()) }
    }
}

/// Which backend a VM's functions have.
///
/// ```
/// assert_eq!(msi_route::Backend::default(), msi_route::Backend::Any);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Backend {
    /// The module, if the host has it; otherwise user space.
    #[default]
    Any,
    /// Only the module.
    Module,
    /// Only user space, even if the host has the module.
    User,
}

/// What all functions of a VM share.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) kvm: Box<dyn Kvm>,
    pub(crate) routes: Mutex<Routes>,
    pub(crate) ids_32bit: bool,
}

impl Host {
    pub(crate) fn new(kvm: Box<dyn Kvm>, first_gsi: u32, ids_32bit: bool) -> Self {
        let routes = Mutex::new(Routes::new(&*kvm, first_gsi));
        Self { kvm, routes, ids_32bit }
    }

    /// By any route of type MSI the module finds the way into the local APIC.
    fn set_extra(&self, extra: bool) -> Result<()> {
        lock(&self.routes).commit(&*self.kvm, extra)
    }
}

/// A virtual machine, which makes functions.
///
/// ```no_run
/// use msi_route::{Interrupts, Kind, Shape, Vm};
///
/// # fn create_vm() -> std::os::fd::OwnedFd { unimplemented!() }
/// # let config = [0; 256];
/// // The VM has its local APICs in the kernel.
/// let vm = Vm::new(create_vm())?;
/// let function = vm.create(&Shape::from_config(&config)?.named("0000:00:04.0"))?;
/// function.trigger(Kind::Msix, 0)?;
/// # Ok::<(), msi_route::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Vm {
    vm: Arc<dyn VmDescriptor>,
    device: Option<Arc<Device>>,
    backend: Backend,
    host: Arc<Host>,
}

/// How a [`Vm`] is to be ([`Vm::builder`]).
///
/// ```
/// use msi_route::{Backend, Vm};
///
/// # let file = std::fs::File::open("/dev/null")?;
/// let vm = Vm::builder(file)
///     .backend(Backend::User)
///     .ids_32bit(true)
///     .first_gsi(64)
///     .build()?;
/// assert!(vm.device().is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct VmBuilder {
    vm: Arc<dyn VmDescriptor>,
    device: Option<Device>,
    backend: Backend,
    ids_32bit: bool,
    first_gsi: u32,
}

impl VmBuilder {
    /// Which backend; [`Backend::Any`] without this.
    ///
    /// ```
    /// use msi_route::{Backend, Vm};
    ///
    /// # let file = std::fs::File::open("/dev/null")?;
    /// let vm = Vm::builder(file).backend(Backend::User).build()?;
    /// assert!(vm.device().is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn backend(mut self, backend: Backend) -> Self {
        self.backend = backend;
        self
    }

    /// `/dev/msi_route`, for a VMM that cannot open it any more.
    ///
    /// ```no_run
    /// use msi_route::{Device, Vm};
    ///
    /// # fn create_vm() -> std::os::fd::OwnedFd { unimplemented!() }
    /// # fn enter_jail() {}
    /// let device = Device::open();
    /// enter_jail();
    /// let mut builder = Vm::builder(create_vm());
    /// if let Ok(device) = device {
    ///     builder = builder.device(device);
    /// }
    /// let vm = builder.build()?;
    /// # Ok::<(), msi_route::Error>(())
    /// ```
    pub fn device(mut self, device: Device) -> Self {
        self.device = Some(device);
        self
    }

    /// The VMM has enabled `KVM_CAP_X2APIC_API` with `KVM_X2APIC_API_USE_32BIT_IDS`. The module
    /// knows that; the fallback cannot ask.
    ///
    /// ```
    /// use msi_route::{Backend, MsiShape, Shape, Vm};
    ///
    /// # let file = std::fs::File::open("/dev/null")?;
    /// let vm = Vm::builder(file).backend(Backend::User).ids_32bit(true).build()?;
    /// let mut shape = Shape::default().with_msi(MsiShape::new(1, 0x50));
    /// shape.ext_dest_id = true;
    /// vm.create(&shape)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ids_32bit(mut self, enabled: bool) -> Self {
        self.ids_32bit = enabled;
        self
    }

    /// The fallback takes GSIs from this one on; without this from 24 on.
    ///
    /// ```
    /// use msi_route::{Backend, Vm};
    ///
    /// # let file = std::fs::File::open("/dev/null")?;
    /// // Below it are those of the VMM's own I/O APIC.
    /// let vm = Vm::builder(file).backend(Backend::User).first_gsi(128).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn first_gsi(mut self, gsi: u32) -> Self {
        self.first_gsi = gsi;
        self
    }

    /// Opens the device, if it is wanted and there.
    ///
    /// An error is for [`Backend::Module`]: there is no module
    /// ([`NoDevice`](crate::ErrorKind::NoDevice)), or it lacks something
    /// ([`Unsupported`](crate::ErrorKind::Unsupported)).
    ///
    /// ```no_run
    /// use msi_route::{Backend, ErrorKind, Vm};
    ///
    /// # fn create_vm() -> std::os::fd::OwnedFd { unimplemented!() }
    /// match Vm::builder(create_vm()).backend(Backend::Module).build() {
    ///     Err(error) if error.kind() == ErrorKind::NoDevice => eprintln!("load msi_route"),
    ///     vm => println!("{:?}", vm?.device()),
    /// }
    /// # Ok::<(), msi_route::Error>(())
    /// ```
    pub fn build(self) -> Result<Vm> {
        let device = match self.backend {
            Backend::User => None,
            Backend::Module => Some(usable(self.device)?),
            Backend::Any => usable(self.device).ok(),
        };
        let kvm: Box<dyn VmDescriptor> = Box::new(self.vm.clone());
        Ok(Vm {
            vm: self.vm,
            device: device.map(Arc::new),
            backend: self.backend,
            host: Arc::new(Host::new(Box::new(kvm), self.first_gsi, self.ids_32bit)),
        })
    }
}

/// A device that can do what the trait promises.
fn usable(device: Option<Device>) -> Result<Device> {
    let device = device.map_or_else(Device::open, Ok)?;
    let query = device.query()?;
    if query.version < 2 || !query.features.contains(Features::MAP | Features::STATE) {
        return Err(Error::new("MSI_ROUTE_QUERY", libc::EOPNOTSUPP));
    }
    Ok(device)
}

impl Vm {
    /// A VM whose functions are the module's, if the host has it, and otherwise the fallback's.
    /// The VM's local APICs are in the kernel: `KVM_CREATE_IRQCHIP` or `KVM_CAP_SPLIT_IRQCHIP`
    /// comes first.
    ///
    /// ```no_run
    /// # fn create_vm() -> std::os::fd::OwnedFd { unimplemented!() }
    /// let vm = msi_route::Vm::new(create_vm())?;
    /// # Ok::<(), msi_route::Error>(())
    /// ```
    pub fn new(vm: impl VmDescriptor + 'static) -> Result<Self> {
        Self::builder(vm).build()
    }

    /// The same, with choices.
    ///
    /// ```
    /// use msi_route::{Backend, Vm};
    ///
    /// # let file = std::fs::File::open("/dev/null")?;
    /// let vm = Vm::builder(file).backend(Backend::User).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder(vm: impl VmDescriptor + 'static) -> VmBuilder {
        VmBuilder {
            vm: Arc::new(vm),
            device: None,
            backend: Backend::Any,
            ids_32bit: false,
            first_gsi: FIRST_GSI,
        }
    }

    /// `/dev/msi_route`; `None`: all functions use the fallback.
    ///
    /// ```no_run
    /// # fn create_vm() -> std::os::fd::OwnedFd { unimplemented!() }
    /// let vm = msi_route::Vm::new(create_vm())?;
    /// match vm.device() {
    ///     Some(device) => println!("{:?}", device.query()?),
    ///     None => println!("without the module"),
    /// }
    /// # Ok::<(), msi_route::Error>(())
    /// ```
    #[must_use]
    pub fn device(&self) -> Option<&Device> {
        self.device.as_deref()
    }

    /// Sets the routes of the VMM's own, such as those of the pins of an I/O APIC in user
    /// space, with GSIs below [`VmBuilder::first_gsi`].
    ///
    /// `KVM_SET_GSI_ROUTING` replaces all routes of a VM, those of the fallback too. So a VMM
    /// makes this call instead, on every host. A VMM that sets no routes need not make it: the
    /// routes of pins that `KVM_CREATE_IRQCHIP` made are kept. After an error the routes are as
    /// before.
    ///
    /// ```no_run
    /// use msi_route::{Route, Target, Vm};
    ///
    /// # fn create_vm() -> std::os::fd::OwnedFd { unimplemented!() }
    /// let vm = Vm::new(create_vm())?;
    /// // Pin 4 of an I/O APIC in user space
    /// let target = Target::Msi { address: 0xfee0_0000, data: 0x34 };
    /// vm.set_routes(&[Route { gsi: 4, target }])?;
    /// # Ok::<(), msi_route::Error>(())
    /// ```
    pub fn set_routes(&self, routes: &[Route]) -> Result<()> {
        lock(&self.host.routes).set_own(&*self.host.kvm, routes)
    }

    /// Creates a function, as after reset, with the Command register of the shape.
    ///
    /// Errors are those of `MSI_ROUTE_CREATE`. The fallback cannot do everything that the module
    /// can ([`Unsupported`](crate::ErrorKind::Unsupported)): interrupt remapping, vectors that
    /// come and go, a message store.
    ///
    /// ```
    /// use msi_route::{Backend, MsixShape, Shape, Vm};
    ///
    /// # let file = std::fs::File::open("/dev/null")?;
    /// let vm = Vm::builder(file).backend(Backend::User).build()?;
    /// let shape = Shape::default().with_msix(MsixShape::new(8, 0x40, (0, 0), (0, 0x800)));
    /// let function = vm.create(&shape)?;
    /// assert!(function.as_module().is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create(&self, shape: &Shape) -> Result<Box<dyn Interrupts>> {
        let Some(device) = &self.device else {
            return Ok(Box::new(self.create_user(shape)?));
        };
        let mut made = device.create(&self.vm, shape);
        // The host's first function, in a jail: a route shows the module the way.
        if is_lost(&made) && self.host.set_extra(true).is_ok() {
            made = device.create(&self.vm, shape);
            let _ = self.host.set_extra(false);
        }
        // No way into the local APIC: the fallback has one.
        if is_lost(&made) && self.backend != Backend::Module {
            return Ok(Box::new(self.create_user(shape)?));
        }
        Ok(Box::new(made?))
    }

    /// Creates a function in user space, whatever backend the others have.
    ///
    /// ```no_run
    /// use msi_route::{Interrupts, MsixShape, Shape, Vm};
    ///
    /// # fn create_vm() -> std::os::fd::OwnedFd { unimplemented!() }
    /// let vm = Vm::new(create_vm())?;
    /// let shape = Shape::default().with_msix(MsixShape::new(8, 0x40, (0, 0), (0, 0x800)));
    /// assert!(vm.create_user(&shape)?.as_module().is_none());
    /// # Ok::<(), msi_route::Error>(())
    /// ```
    pub fn create_user(&self, shape: &Shape) -> Result<UserFunction> {
        UserFunction::new(self.host.clone(), shape)
    }
}

fn is_lost<T>(made: &Result<T>) -> bool {
    made.as_ref().is_err_and(|error| error.errno() == libc::ENODATA)
}
