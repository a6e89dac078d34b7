// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! The fallback: MSI and MSI-X in user space, by KVM's own calls.

mod registers;
#[cfg(test)]
mod tests;
mod vectors;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex};

use self::registers::Registers;
use self::vectors::{KINDS, Vectors};
use crate::front::{Backend, Bars, Front, lock};
use crate::vm::Host;
use crate::{Error, Function, Interrupts, Kind, Outcome, Result, Shape, Space, State, sys};

/// The module's default, for a state that goes there.
const HOLD_BOUND_NS: u32 = 100_000;
const COMMAND: u32 = 0x04;
const COMMAND_MASTER: u32 = 0x0004;

/// A PCI function in user space, for hosts without the module.
///
/// [`Vm::create`](crate::Vm::create) makes it behind [`Interrupts`], which has what a VMM does
/// with it. The rules are those of the module, but for what only a module can promise: there is
/// no update hold; a mask, a change of a message and Bus Master Enable wait for KVM's SRCU for
/// each eventfd that KVM has to take or give back; each access exits to the VMM; KVM has 4,096
/// routes for a VM, and eventfds beyond that go through [`Interrupts::poll`].
///
/// ```
/// use msi_route::{MsixShape, Shape, UserFunction, Vm, Backend};
///
/// # let file = std::fs::File::open("/dev/null")?;
/// let vm = Vm::builder(file).backend(Backend::User).build()?;
/// let shape = Shape::default().with_msix(MsixShape::new(4, 0x40, (0, 0x1000), (0, 0x1800)));
/// let function: UserFunction = vm.create_user(&shape)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct UserFunction {
    front: Front,
    epoll: Arc<OwnedFd>,
    vectors: Mutex<Vectors>,
}

impl UserFunction {
    pub(crate) fn new(host: Arc<Host>, shape: &Shape) -> Result<Self> {
        shape.check(host.ids_32bit)?;
        let epoll = Arc::new(sys::epoll().map_err(|error| error.with_call("MSI_ROUTE_CREATE"))?);
        let function = Self {
            front: Front::new(shape.clone()),
            vectors: Mutex::new(Vectors::new(shape, host, epoll.clone())),
            epoll,
        };
        function.set_command(shape.command)?;
        Ok(function)
    }
}

/// Up to 8 bytes of configuration space, in the low bytes of `value`.
fn read_config(v: &mut Vectors, offset: u32, len: u32, value: &mut u64) {
    let reads_pending = (0..len).any(|i| Registers::is_msi_pending(&v.shape, (offset + i) & !3));
    let pending = if reads_pending { v.pending_bits(Kind::Msi, 0) as u32 } else { 0 };
    for i in 0..len {
        let at = offset + i;
        let (dword, own) = v.registers.dword(&v.shape, at & !3, pending);
        let shift = at % 4 * 8;
        if own >> shift & 0xff != 0 {
            *value &= !(0xff << (i * 8));
            *value |= u64::from(dword >> shift & 0xff) << (i * 8);
        }
    }
}

fn write_dword(v: &mut Vectors, offset: u32, lanes: u32, value: u32) {
    if offset == COMMAND && lanes & 0xff != 0 {
        v.change(|registers, _| registers.bus_master = value & COMMAND_MASTER != 0);
    }
    if Registers::is_writable(&v.shape, offset) {
        v.change(|registers, shape| registers.write_dword(shape, offset, lanes, value));
    }
}

/// Dword by dword, the lowest first, as a host bridge does it (rule 11).
fn write_config(v: &mut Vectors, offset: u32, len: u32, value: u64) {
    let mut i = 0;
    while i < len {
        let dword = (offset + i) & !3;
        let (mut lanes, mut bytes) = (0, 0);
        while i < len && (offset + i) & !3 == dword {
            let shift = (offset + i) % 4 * 8;
            lanes |= 0xff << shift;
            bytes |= ((value >> (i * 8)) as u32 & 0xff) << shift;
            i += 1;
        }
        write_dword(v, dword, lanes, bytes);
    }
}

impl Backend for UserFunction {
    fn front(&self) -> &Front {
        &self.front
    }

    fn module(&self) -> Option<&Function> {
        None
    }

    fn access_config(&self, write: bool, offset: u32, len: u32, value: &mut u64) {
        let v = &mut *lock(&self.vectors);
        match write {
            true => write_config(v, offset, len, *value),
            false => read_config(v, offset, len, value),
        }
    }

    fn access_space(&self, write: bool, space: Space, offset: u32, len: u32, value: &mut u64) {
        // Rule 15.
        if (len != 4 && len != 8) || offset % len != 0 {
            *value = u64::MAX;
            return;
        }
        let v = &mut *lock(&self.vectors);
        match (space, write) {
            (Space::Table, true) => {
                let i = offset as usize / 16;
                v.collect(Kind::Msix, i);
                v.registers.write_table(offset, len, *value);
                v.update(Kind::Msix, i..i + 1);
            }
            (Space::Table, false) => *value = v.registers.read_table(offset, len),
            (_, true) => {}
            (_, false) => {
                let bits = v.pending_bits(Kind::Msix, offset as usize / 8 * 64);
                *value = bits >> (offset % 8 * 8);
            }
        }
    }

    fn set_bus_master(&self, enable: bool) -> Result<()> {
        lock(&self.vectors).change(|registers, _| registers.bus_master = enable);
        Ok(())
    }

    fn place(&self, _: &Bars) -> Result<()> {
        Ok(())
    }

    fn raise(&self, kind: Kind, vector: u32) -> Result<Outcome> {
        self.front.shape.check_vector("MSI_ROUTE_TRIGGER", kind, vector)?;
        Ok(lock(&self.vectors).raise(kind, vector as usize))
    }

    fn take_back(&self, kind: Kind, vector: u32) -> Result<bool> {
        self.front.shape.check_vector("MSI_ROUTE_CLEAR_PENDING", kind, vector)?;
        let mut v = lock(&self.vectors);
        let pending = v.is_pending(kind, vector as usize);
        v.set_pending(kind, vector as usize, false);
        Ok(pending)
    }

    fn link(&self, kind: Kind, vector: u32, fd: Option<BorrowedFd<'_>>, flags: u32) -> Result<()> {
        self.front.shape.check_vector("MSI_ROUTE_SET_EVENTFD", kind, vector)?;
        lock(&self.vectors).set_eventfd(kind, vector as usize, fd, flags)
    }

    fn watch_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.epoll.as_fd())
    }

    fn collect(&self) {
        lock(&self.vectors).collect_relayed();
    }

    /// What is pending is gone, in the eventfds too (rule 29).
    fn clear(&self, keep_bus_master: bool) -> Result<()> {
        let v = &mut *lock(&self.vectors);
        v.collect_all();
        v.registers.clear();
        v.registers.bus_master &= keep_bus_master;
        for kind in KINDS {
            (0..v.nr(kind)).for_each(|i| v.set_pending(kind, i, false));
        }
        v.update_all();
        Ok(())
    }

    fn go(&self, run: bool) -> Result<()> {
        lock(&self.vectors).change(|registers, _| registers.run = run);
        Ok(())
    }

    fn store(&self, detach: bool) -> Result<State> {
        let v = &mut *lock(&self.vectors);
        if v.registers.run {
            return Err(Error::new("MSI_ROUTE_SAVE", libc::EBUSY));
        }
        if detach {
            v.detach_all();
        }
        let mut state = v.registers.save(&v.shape);
        state.hold_bound_ns = v.hold_bound_ns;
        if let Some(msix) = &mut state.msix {
            for (i, bits) in msix.pending.iter_mut().enumerate() {
                *bits = v.pending_bits(Kind::Msix, i * 64);
            }
        }
        if let Some(msi) = &mut state.msi {
            msi.pending = v.pending_bits(Kind::Msi, 0) as u32;
        }
        Ok(state)
    }

    /// Without update holds those of the state end.
    fn load(&self, state: &State) -> Result<()> {
        let v = &mut *lock(&self.vectors);
        state.check(&v.shape)?;
        if v.registers.run {
            return Err(Error::new("MSI_ROUTE_RESTORE", libc::EBUSY));
        }
        v.collect_all();
        v.registers.restore(state);
        v.hold_bound_ns = state.hold_bound_ns;
        for i in 0..v.nr(Kind::Msix) {
            let pending = state.msix.as_ref().is_some_and(|msix| msix.is_pending(i));
            v.set_pending(Kind::Msix, i, pending);
        }
        for i in 0..v.nr(Kind::Msi) {
            let pending = state.msi.is_some_and(|msi| msi.pending >> i & 1 != 0);
            v.set_pending(Kind::Msi, i, pending);
        }
        Ok(())
    }
}
