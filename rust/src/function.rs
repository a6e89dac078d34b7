// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! A function of the module's, behind the trait.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use crate::abi::{self, *};
use crate::front::{Backend, Bars, Front};
use crate::state::COMMAND_MASTER;
use crate::sys::{address, calls};
use crate::{Entry, GrantState, ImsState, Interrupts, Kind, MsiState, MsixState, Outcome};
use crate::{Place, Result, Shape, Space, State};

/// A PCI function of the module's: a descriptor that takes its requests.
///
/// What a VMM does on either backend is in [`Interrupts`], which it implements. The methods here
/// are the requests that only the module has. [`Device::create`](crate::Device::create) makes
/// one, and [`Interrupts::as_module`] finds it behind the trait. Dropping it frees everything.
///
/// ```no_run
/// use msi_route::{Changes, Interrupts, MsixShape, Shape, Vm};
/// use std::os::fd::AsFd;
///
/// # fn vm() -> std::os::fd::OwnedFd { unimplemented!() }
/// # fn notified() -> std::os::fd::OwnedFd { unimplemented!() }
/// let shape = Shape::default().with_msix(MsixShape::new(4, 0x40, (0, 0x1000), (0, 0x1800)));
/// let function = Vm::new(vm())?.create(&shape)?;
/// if let Some(module) = function.as_module() {
///     module.set_notify(Changes::USED, Some(notified().as_fd()))?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Function {
    fd: OwnedFd,
    front: Front,
    /// Size of the image, and offsets of table and PBA in it.
    pub(crate) image: (u32, u32, u32),
}

impl Function {
    pub(crate) fn new(fd: OwnedFd, shape: Shape, create: &msi_route_create) -> Result<Self> {
        let image = (create.mmap_size, create.mmap_table, create.mmap_pba);
        let command = shape.command;
        let function = Self { fd, front: Front::new(shape), image };
        function.set_command(command)?;
        Ok(function)
    }

    fn event(
        &self,
        call: &crate::sys::Call<msi_route_trigger>,
        kind: Kind,
        vector: u32,
    ) -> Result<u32> {
        let mut event = msi_route_trigger { kind: kind.raw(), vector, ..Default::default() };
        call.on(self.as_fd(), &mut event)?;
        Ok(event.outcome)
    }
}

impl AsFd for Function {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Function {
    fn as_raw_fd(&self) -> i32 {
        self.fd.as_raw_fd()
    }
}

/// The buffers that `MSI_ROUTE_SAVE` and `MSI_ROUTE_RESTORE` have addresses of.
#[derive(Default)]
struct Buffers {
    entries: Vec<msi_route_entry>,
    pba: Vec<u64>,
    held: Vec<u64>,
    ims_entries: Vec<msi_route_entry>,
    ims_pending: Vec<u64>,
}

impl Buffers {
    fn fill(&mut self, s: &mut msi_route_state) {
        s.entries = address(&mut self.entries);
        s.pba = address(&mut self.pba);
        s.held = address(&mut self.held);
        s.ims_entries = address(&mut self.ims_entries);
        s.ims_pending = address(&mut self.ims_pending);
    }
}

fn ims_max(shape: &Shape) -> usize {
    shape.vectors(Kind::Ims) as usize
}

impl Backend for Function {
    fn front(&self) -> &Front {
        &self.front
    }

    fn module(&self) -> Option<&Function> {
        Some(self)
    }

    fn access_config(&self, write: bool, offset: u32, len: u32, value: &mut u64) {
        // Nothing that a guest does fails; a read that did would leave the VMM's bytes.
        let _ = self.access(write, Space::Config, offset, len, value);
    }

    fn access_space(&self, write: bool, space: Space, offset: u32, len: u32, value: &mut u64) {
        let _ = self.access(write, space, offset, len, value);
    }

    fn set_bus_master(&self, enable: bool) -> Result<()> {
        let mut master = msi_route_bus_master { enable: enable.into(), ..Default::default() };
        calls::MSI_ROUTE_SET_BUS_MASTER.on(self.as_fd(), &mut master).map(drop)
    }

    fn place(&self, bars: &Bars) -> Result<()> {
        let m = self.front.shape.msix.unwrap_or_default();
        let at = |bar: u8, offset: u32| Some(bars[usize::from(bar)]?.wrapping_add(offset.into()));
        let place =
            Place { table: at(m.table_bar, m.table_offset), pba: at(m.pba_bar, m.pba_offset) };
        self.map(place).inspect_err(|_| {
            // The guest has placed it over something else: it leaves the old place.
            let _ = self.map(Place::default());
        })
    }

    fn raise(&self, kind: Kind, vector: u32) -> Result<Outcome> {
        self.event(&calls::MSI_ROUTE_TRIGGER, kind, vector).map(Outcome::from_raw)
    }

    fn take_back(&self, kind: Kind, vector: u32) -> Result<bool> {
        Ok(self.event(&calls::MSI_ROUTE_CLEAR_PENDING, kind, vector)? != 0)
    }

    fn link(&self, kind: Kind, vector: u32, fd: Option<BorrowedFd<'_>>, flags: u32) -> Result<()> {
        let mut set = msi_route_eventfd {
            flags,
            kind: kind.raw(),
            vector,
            fd: fd.map_or(-1, |fd| fd.as_raw_fd()),
            ..Default::default()
        };
        calls::MSI_ROUTE_SET_EVENTFD.on(self.as_fd(), &mut set).map(drop)
    }

    fn watch_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn collect(&self) {}

    fn clear(&self, keep_bus_master: bool) -> Result<()> {
        let flags = if keep_bus_master { abi::MSI_ROUTE_RESET_KEEP_BUS_MASTER } else { 0 };
        let mut reset = msi_route_reset { flags, ..Default::default() };
        calls::MSI_ROUTE_RESET.on(self.as_fd(), &mut reset).map(drop)
    }

    fn go(&self, run: bool) -> Result<()> {
        let mut set = msi_route_set_run { run: run.into(), ..Default::default() };
        calls::MSI_ROUTE_SET_RUN.on(self.as_fd(), &mut set).map(drop)
    }

    fn store(&self, detach: bool) -> Result<State> {
        let shape = &self.front.shape;
        let (msix, msi) = (shape.msix.unwrap_or_default(), shape.msi.unwrap_or_default());
        let mut buffers = Buffers {
            entries: vec![Default::default(); usize::from(msix.vectors)],
            pba: vec![0; msix.qwords()],
            held: vec![0; msix.qwords()],
            ims_entries: vec![Default::default(); ims_max(shape)],
            ims_pending: vec![0; ims_max(shape).div_ceil(64)],
        };
        let mut s = msi_route_state {
            flags: if detach { abi::MSI_ROUTE_STATE_DETACH } else { 0 },
            msix_vectors: msix.vectors,
            msi_vectors: msi.vectors,
            msi_flags: msi.flags(),
            ims_max: ims_max(shape) as u32,
            ..Default::default()
        };
        buffers.fill(&mut s);
        // SAFETY: the buffers have room for as many vectors as the struct says.
        unsafe { calls::MSI_ROUTE_SAVE.on(self.as_fd(), &mut s)? };
        let entries = |from: Vec<msi_route_entry>| from.into_iter().map(Entry::from).collect();
        Ok(State {
            command: if s.bus_master != 0 { COMMAND_MASTER } else { 0 },
            hold_bound_ns: s.hold_bound_ns,
            msix: shape.msix.map(|_| MsixState {
                control: s.msix_control,
                entries: entries(buffers.entries),
                pending: buffers.pba,
                held: buffers.held,
            }),
            msi: shape.msi.map(|_| MsiState {
                vectors: msi.vectors,
                flags: msi.flags(),
                control: s.msi_control,
                address: u64::from(s.msi_address_hi) << 32 | u64::from(s.msi_address_lo),
                data: s.msi_data,
                mask: s.msi_mask,
                pending: s.msi_pending,
                held: s.msi_held,
            }),
            grant: shape.msix.filter(|m| m.changes()).map(|_| GrantState {
                granted: s.msix_granted,
                request: s.grant_request,
                status: s.grant_status,
            }),
            ims: shape.ims.map(|_| ImsState {
                granted: s.ims_granted,
                entries: entries(buffers.ims_entries),
                pending: buffers.ims_pending,
            }),
        })
    }

    fn load(&self, state: &State) -> Result<()> {
        let shape = &self.front.shape;
        state.check(shape)?;
        let none = (MsixState::default(), ImsState::default());
        let (msix, ims) =
            (state.msix.as_ref().unwrap_or(&none.0), state.ims.as_ref().unwrap_or(&none.1));
        let (msi, grant) = (state.msi.unwrap_or_default(), state.grant.unwrap_or_default());
        let entries = |from: &[Entry]| from.iter().map(|&entry| entry.into()).collect();
        let mut buffers = Buffers {
            entries: entries(&msix.entries),
            pba: msix.pending.clone(),
            held: msix.held.clone(),
            ims_entries: entries(&ims.entries),
            ims_pending: ims.pending.clone(),
        };
        let mut s = msi_route_state {
            hold_bound_ns: state.hold_bound_ns,
            bus_master: (state.command & COMMAND_MASTER != 0).into(),
            msix_vectors: msix.entries.len() as u16,
            msix_control: msix.control,
            msi_vectors: msi.vectors,
            msi_flags: msi.flags,
            msi_control: msi.control,
            msi_address_lo: msi.address as u32,
            msi_address_hi: (msi.address >> 32) as u32,
            msi_data: msi.data,
            msi_mask: msi.mask,
            msi_pending: msi.pending,
            msi_held: msi.held,
            msix_granted: grant.granted,
            grant_request: grant.request,
            grant_status: grant.status,
            ims_max: ims.entries.len() as u32,
            ims_granted: ims.granted,
            ..Default::default()
        };
        buffers.fill(&mut s);
        // SAFETY: the state was checked: its buffers are those of this shape.
        unsafe { calls::MSI_ROUTE_RESTORE.on(self.as_fd(), &mut s) }.map(drop)
    }
}
