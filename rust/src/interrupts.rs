// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! What a VMM does with a function, whichever backend it is.

use std::os::fd::BorrowedFd;

use crate::{Function, Kind, Outcome, Result, Shape, State};

/// The MSI and MSI-X of a PCI function.
///
/// Any thread may make any call at any time. Make the calls of accesses in the vCPU's thread,
/// before the vCPU runs again: then the rules hold for the guest. No access of a guest can make
/// a call fail. Only calls that name a vector return an error for a number that the guest chose
/// ([`NoVector`](crate::ErrorKind::NoVector)).
///
/// [`Vm::create`](crate::Vm::create) makes one.
///
/// ```
/// use msi_route::{Backend, Interrupts, Kind, MsixShape, Outcome, Shape, Vm};
///
/// /// A device does not know the backend.
/// fn queue_used(function: &dyn Interrupts, queue: u32) -> msi_route::Result<()> {
///     match function.trigger(Kind::Msix, queue)? {
///         Outcome::Dropped => eprintln!("the guest gave no address of an interrupt"),
///         _ => {}
///     }
///     Ok(())
/// }
///
/// let shape = Shape::default().with_msix(MsixShape::new(4, 0x40, (0, 0x1000), (0, 0x1800)));
/// let file = std::fs::File::open("/dev/null")?;
/// let vm = Vm::builder(file).backend(Backend::User).build()?;
/// let function = vm.create(&shape)?;
/// queue_used(&*function, 3)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Interrupts: std::fmt::Debug + Send + Sync {
    /// How the function was created.
    ///
    /// ```
    /// # use msi_route::{Interrupts, Kind};
    /// # let function = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// assert_eq!(function.shape().vectors(Kind::Msix), 4);
    /// ```
    fn shape(&self) -> &Shape;

    /// The function as the module's, for requests that this trait does not have; `None` if it
    /// is in user space.
    ///
    /// ```
    /// # use msi_route::Interrupts;
    /// # let function = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// match function.as_module() {
    ///     Some(module) => println!("{:?}", module.query()?),
    ///     None => println!("without the module"),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn as_module(&self) -> Option<&Function>;

    // ---- accesses of the guest ----

    /// The guest reads configuration space, of whatever register and length. The caller fills
    /// `data` with what its own part has there; the function replaces its own bytes.
    ///
    /// ```
    /// # use msi_route::Interrupts;
    /// # let function = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// // The VMM has filled in what is at 3Eh; Message Control, at 42h, is the function's.
    /// let mut data = [0xee; 6];
    /// function.config_read(0x3e, &mut data);
    /// assert_eq!(data, [0xee, 0xee, 0xee, 0xee, 4 - 1, 0]);
    /// ```
    fn config_read(&self, offset: u32, data: &mut [u8]);

    /// The guest writes configuration space, of whatever register and length.
    ///
    /// The function takes its own bytes, and follows Bus Master Enable and Interrupt Disable in
    /// Command. The VMM keeps Command and all other registers. When the call returns, what the
    /// write released is in the IRR (rule 26), and nothing older is under way (rules 25 and
    /// 27). [`intx_allowed`](Self::intx_allowed) may have changed.
    ///
    /// ```
    /// # use msi_route::Interrupts;
    /// # let function = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// // The guest sets Bus Master Enable in Command, then Enable of MSI-X.
    /// function.config_write(0x04, &0x0006u16.to_le_bytes());
    /// function.config_write(0x42, &0x8000u16.to_le_bytes());
    /// assert!(!function.intx_allowed());
    /// ```
    fn config_write(&self, offset: u32, data: &[u8]);

    /// May the function assert its INTx pin? It may if Interrupt Disable is clear in Command
    /// and neither capability is enabled (rule 1). Ask again after each write of configuration
    /// space, reset and restore.
    ///
    /// ```
    /// # use msi_route::Interrupts;
    /// # let function = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// assert!(function.intx_allowed());
    /// // Interrupt Disable
    /// function.config_write(0x04, &0x0400u16.to_le_bytes());
    /// assert!(!function.intx_allowed());
    /// ```
    fn intx_allowed(&self) -> bool;

    /// The VMM has changed the Command register by itself: a restored register, a power state
    /// in which the function is no bus master.
    ///
    /// ```
    /// # use msi_route::Interrupts;
    /// # let function = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// // As it was saved: Memory Space, Bus Master, Interrupt Disable
    /// function.set_command(0x0406)?;
    /// assert!(!function.intx_allowed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn set_command(&self, command: u16) -> Result<()>;

    /// The guest reads a BAR. Returns true if the access touches table or PBA: then it is the
    /// function's, and `data` is filled in. What is not an aligned dword or qword, or not
    /// wholly within one of them, reads as all ones (rule 15).
    ///
    /// ```
    /// # use msi_route::Interrupts;
    /// # let function = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// // Vector Control of entry 2: masked, as after each reset.
    /// let mut data = [0; 4];
    /// assert!(function.bar_read(0, 0x1000 + 2 * 16 + 12, &mut data));
    /// assert_eq!(u32::from_le_bytes(data) & 1, 1);
    ///
    /// // A register of the device
    /// assert!(!function.bar_read(0, 0x10, &mut data));
    /// ```
    #[must_use = "false: the access is the VMM's"]
    fn bar_read(&self, bar: u8, offset: u64, data: &mut [u8]) -> bool;

    /// The guest writes a BAR. Returns true if the access touches table or PBA, as
    /// [`bar_read`](Self::bar_read), with the promises of [`config_write`](Self::config_write).
    ///
    /// ```
    /// # use msi_route::Interrupts;
    /// # let function = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// // Message Data of entry 2
    /// assert!(function.bar_write(0, 0x1000 + 2 * 16 + 8, &0x51u32.to_le_bytes()));
    /// ```
    #[must_use = "false: the access is the VMM's"]
    fn bar_write(&self, bar: u8, offset: u64, data: &[u8]) -> bool;

    /// The guest has placed a BAR at a guest-physical address, or it is nowhere (`None`) because
    /// Memory Space Enable is clear or by a power state.
    ///
    /// Call it for every BAR: the function looks for those of table and PBA. The module then
    /// keeps accesses of them in the kernel, where it can. Accesses that still arrive are for
    /// [`bar_read`](Self::bar_read) and [`bar_write`](Self::bar_write), so a VMM may ignore an
    /// error.
    ///
    /// ```
    /// # use msi_route::Interrupts;
    /// # let function = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// // Memory Space Enable is set: BAR 0 is at D0000000h.
    /// let _ = function.placed(0, Some(0xd000_0000));
    /// // It is clear.
    /// let _ = function.placed(0, None);
    /// ```
    fn placed(&self, bar: u8, address: Option<u64>) -> Result<()>;

    // ---- events ----

    /// Raises an event of a vector.
    ///
    /// ```
    /// # use msi_route::{ErrorKind, Interrupts, Kind, Outcome};
    /// # let function = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// // Masked: the first event sets the Pending bit, and stands for the second one.
    /// assert_eq!(function.trigger(Kind::Msix, 0)?, Outcome::Pending);
    /// assert_eq!(function.trigger(Kind::Msix, 0)?, Outcome::Coalesced);
    ///
    /// // A number that the guest chose
    /// let error = function.trigger(Kind::Msix, 4).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::NoVector);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn trigger(&self, kind: Kind, vector: u32) -> Result<Outcome>;

    /// Takes an event back, because its cause is gone (rule 21). Returns whether it was
    /// pending.
    ///
    /// ```
    /// # use msi_route::{Interrupts, Kind};
    /// # let function = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// function.trigger(Kind::Msix, 0)?;
    /// assert!(function.clear_pending(Kind::Msix, 0)?);
    /// assert!(!function.clear_pending(Kind::Msix, 0)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn clear_pending(&self, kind: Kind, vector: u32) -> Result<bool>;

    /// Attaches an eventfd: each signal is an event of the vector, and so is a count that it
    /// holds. A vector may have any number of eventfds, an eventfd belongs to one vector.
    ///
    /// Let nobody else read the eventfd until it is detached. It may be closed, but
    /// [`detach`](Self::detach) needs it. With the fallback the VMM also watches
    /// [`poll_fd`](Self::poll_fd).
    ///
    /// ```no_run
    /// # use msi_route::{Interrupts, Kind};
    /// # let function = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// # use std::os::fd::AsFd;
    /// # let queue = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/eventfd.rs"));
    /// // `queue` is an eventfd that somebody else signals.
    /// function.attach(Kind::Msix, 1, queue.as_fd())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn attach(&self, kind: Kind, vector: u32, eventfd: BorrowedFd<'_>) -> Result<()>;

    /// Attaches an eventfd instead of those that the vector has.
    ///
    /// ```no_run
    /// # use msi_route::{Interrupts, Kind};
    /// # let function = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// # use std::os::fd::AsFd;
    /// # let old = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/eventfd.rs"));
    /// # let new = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/eventfd.rs"));
    /// function.attach(Kind::Msix, 1, old.as_fd())?;
    /// function.replace(Kind::Msix, 1, new.as_fd())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn replace(&self, kind: Kind, vector: u32, eventfd: BorrowedFd<'_>) -> Result<()>;

    /// Detaches an eventfd. A count that is left in it is raised.
    ///
    /// ```no_run
    /// # use msi_route::{ErrorKind, Interrupts, Kind};
    /// # let function = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// # use std::os::fd::AsFd;
    /// # let queue = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/eventfd.rs"));
    /// function.attach(Kind::Msix, 1, queue.as_fd())?;
    /// function.detach(Kind::Msix, 1, queue.as_fd())?;
    /// let error = function.detach(Kind::Msix, 1, queue.as_fd()).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::NotAttached);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn detach(&self, kind: Kind, vector: u32, eventfd: BorrowedFd<'_>) -> Result<()>;

    /// Detaches all eventfds of a vector, as [`detach`](Self::detach).
    ///
    /// ```
    /// # use msi_route::{ErrorKind, Interrupts, Kind};
    /// # let function = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// // Without any this is an error.
    /// let error = function.detach_all(Kind::Msix, 0).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::NotAttached);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn detach_all(&self, kind: Kind, vector: u32) -> Result<()>;

    /// The vector's own eventfd, for vhost, VFIO, or a device in another thread or process. The
    /// first call makes it and attaches it, so only vectors that need one have one.
    ///
    /// ```no_run
    /// # use msi_route::{Interrupts, Kind};
    /// # let function = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// use std::os::fd::AsRawFd;
    ///
    /// let call = function.eventfd(Kind::Msix, 2)?;
    /// assert_eq!(function.eventfd(Kind::Msix, 2)?.as_raw_fd(), call.as_raw_fd());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn eventfd(&self, kind: Kind, vector: u32) -> Result<BorrowedFd<'_>>;

    /// The descriptor that the VMM's loop must watch for reading, to call
    /// [`poll`](Self::poll) then. `None`: there is nothing to watch. Only the fallback has one,
    /// for eventfds that KVM does not take.
    ///
    /// ```
    /// # use msi_route::Interrupts;
    /// # let function = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// if let Some(fd) = function.poll_fd() {
    ///     println!("watch {fd:?}, and call poll() when it is readable");
    /// }
    /// ```
    fn poll_fd(&self) -> Option<BorrowedFd<'_>>;

    /// Raises what was signalled. It is harmless to call it without need.
    ///
    /// ```no_run
    /// # use msi_route::{Interrupts, Kind, Outcome};
    /// # let function = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// # use std::io::Write;
    /// # use std::os::fd::AsFd;
    /// # let queue = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/eventfd.rs"));
    /// function.attach(Kind::Msix, 1, queue.as_fd())?;
    /// (&queue).write_all(&1u64.to_ne_bytes())?;
    /// function.poll();
    /// // The signal is pending already.
    /// assert_eq!(function.trigger(Kind::Msix, 1)?, Outcome::Coalesced);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn poll(&self);

    // ---- reset, stop, save, restore ----

    /// Resets the function, by a conventional reset or a Function Level Reset: all registers
    /// are as in rule 29, Command is zero, what was pending is gone. Eventfds stay attached,
    /// BARs stay where [`placed`](Self::placed) has put them.
    ///
    /// ```
    /// # use msi_route::{Interrupts, Kind};
    /// # let function = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// function.trigger(Kind::Msix, 0)?;
    /// function.reset()?;
    /// assert!(!function.clear_pending(Kind::Msix, 0)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn reset(&self) -> Result<()>;

    /// Resets the registers of MSI and MSI-X alone. For a reset that a device defines for
    /// itself and that leaves Command as it is.
    ///
    /// ```
    /// # use msi_route::Interrupts;
    /// # let function = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// function.set_command(0x0400)?;
    /// function.reset_msi()?;
    /// // Interrupt Disable is still set.
    /// assert!(!function.intx_allowed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn reset_msi(&self) -> Result<()>;

    /// Sends nothing any more. When it returns, what was sent is in the local APICs, and later
    /// events are pending.
    ///
    /// ```
    /// # use msi_route::{Interrupts, Kind, Outcome};
    /// # let function = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// function.stop()?;
    /// assert_eq!(function.trigger(Kind::Msix, 0)?, Outcome::Pending);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn stop(&self) -> Result<()>;

    /// The end of [`stop`](Self::stop): what is pending and may be sent is sent.
    ///
    /// ```
    /// # use msi_route::Interrupts;
    /// # let function = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// function.stop()?;
    /// // The vCPUs are paused; memory is copied.
    /// function.run()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn run(&self) -> Result<()>;

    /// The state of a stopped function: the registers and the Pending bits, but no places and
    /// no eventfds.
    ///
    /// ```
    /// # use msi_route::{ErrorKind, Interrupts, Kind};
    /// # let function = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// assert_eq!(function.save().unwrap_err().kind(), ErrorKind::Running);
    /// function.trigger(Kind::Msix, 3)?;
    /// function.stop()?;
    /// assert!(function.save()?.msix.is_some_and(|msix| msix.is_pending(3)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn save(&self) -> Result<State>;

    /// Restores the state of a stopped function of the same shape, which either backend saved.
    /// The state may come from anywhere: it is checked, and restored as a whole or not at all.
    /// Attach eventfds and call [`placed`](Self::placed) afterwards, then [`run`](Self::run).
    ///
    /// ```
    /// # use msi_route::{Interrupts, Kind, Outcome};
    /// # let function = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// # let target = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// function.trigger(Kind::Msix, 3)?;
    /// function.stop()?;
    /// let state = function.save()?;
    ///
    /// target.stop()?;
    /// target.restore(&state)?;
    /// target.run()?;
    /// assert_eq!(target.trigger(Kind::Msix, 3)?, Outcome::Coalesced);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn restore(&self, state: &State) -> Result<()>;

    /// The old process's end of a live update: stops the function, detaches all eventfds and
    /// saves. Devices may signal meanwhile: each signal is in the state or stays in the
    /// eventfd. Pass both on, and drop the function.
    ///
    /// ```
    /// # use msi_route::Interrupts;
    /// # let function = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// let state = function.hand_over()?;
    /// drop(function);
    /// // To the new process, with the eventfds
    /// let bytes = state.to_bytes()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn hand_over(&self) -> Result<State>;

    /// The new process's end of a live update: stops the function and restores. Then attach the
    /// eventfds that the old process passed on, call [`placed`](Self::placed), and last
    /// [`run`](Self::run).
    ///
    /// ```no_run
    /// # use msi_route::{Interrupts, Kind};
    /// # let function = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// # use std::os::fd::AsFd;
    /// # let old = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// # let state = old.hand_over()?;
    /// # let queue = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/eventfd.rs"));
    /// function.take_over(&state)?;
    /// function.attach(Kind::Msix, 1, queue.as_fd())?;
    /// let _ = function.placed(0, Some(0xd000_0000));
    /// function.run()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn take_over(&self, state: &State) -> Result<()> {
        self.stop()?;
        self.restore(state)
    }
}
