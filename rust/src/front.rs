// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! What both backends share: accesses of any length become those that a backend takes, and INTx
//! is followed.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::shape::NR_BARS;
use crate::state::{COMMAND_MASTER, COMMAND_NO_INTX, MSI_ENABLE, MSIX_ENABLE};
use crate::{Error, Function, Interrupts, Kind, Outcome, Result, Shape, Space, State, abi, sys};

const COMMAND: u32 = 0x04;
const CONTROL: u32 = 2; // Message Control, in either capability
const CONFIG_SIZE: u32 = 0x1000;

/// A lock whose holder cannot leave the data half changed, so a panic elsewhere does not matter.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where the guest has placed each BAR.
pub(crate) type Bars = [Option<u64>; NR_BARS as usize];

/// What a function has on either backend.
#[derive(Debug)]
pub struct Front {
    pub(crate) shape: Shape,
    /// Held during an access of configuration space, so that `enabled` follows the registers.
    bars: Mutex<Bars>,
    enabled: [AtomicBool; 2],
    no_intx: AtomicBool,
    /// Those that [`Interrupts::eventfd`] made, by kind.
    eventfds: [Box<[OnceLock<OwnedFd>]>; 3],
}

impl Front {
    pub(crate) fn new(shape: Shape) -> Self {
        let places = |kind| (0..shape.vectors(kind)).map(|_| OnceLock::new()).collect();
        Self {
            bars: Mutex::default(),
            enabled: Default::default(),
            no_intx: AtomicBool::new(false),
            eventfds: [places(Kind::Msix), places(Kind::Msi), places(Kind::Ims)],
            shape,
        }
    }

    fn follow_command(&self, command: u16) {
        self.no_intx.store(command & COMMAND_NO_INTX != 0, SeqCst);
    }

    /// Does an access of configuration space cover a Message Control?
    fn covers_control(&self, offset: u32, len: usize) -> bool {
        [Kind::Msix, Kind::Msi].iter().filter_map(|&kind| self.shape.cap(kind)).any(|cap| {
            let (at, first) = (u64::from(cap + CONTROL), u64::from(offset));
            first < at + 2 && at < first + len as u64
        })
    }

    /// Whose is an access of a BAR?
    fn hit(&self, bar: u8, offset: u64, len: usize) -> Option<Hit> {
        let m = self.shape.msix?;
        let spaces = [
            (Space::Table, m.table_bar, m.table_offset, m.table_size()),
            (Space::Pba, m.pba_bar, m.pba_offset, m.pba_size()),
        ];
        let len = len as u64;
        for (space, its_bar, at, size) in spaces {
            let at = u64::from(at);
            let touches = offset < at + size && (offset >= at || at - offset < len);
            if bar != its_bar || len == 0 || !touches {
                continue;
            }
            if offset < at || len > 8 || offset - at + len > size {
                return Some(Hit::Undefined);
            }
            return Some(Hit::Within(space, (offset - at) as u32));
        }
        None
    }
}

enum Hit {
    /// It touches table or PBA, but is not wholly within.
    Undefined,
    Within(Space, u32),
}

/// What a backend does. Accesses have 1 to 8 bytes, in the low bytes of `value`.
pub trait Backend: std::fmt::Debug + Send + Sync {
    fn front(&self) -> &Front;
    fn module(&self) -> Option<&Function>;

    /// Configuration space, within an aligned qword.
    fn access_config(&self, write: bool, offset: u32, len: u32, value: &mut u64);
    /// Table or PBA, wholly within.
    fn access_space(&self, write: bool, space: Space, offset: u32, len: u32, value: &mut u64);
    fn set_bus_master(&self, enable: bool) -> Result<()>;
    fn place(&self, bars: &Bars) -> Result<()>;

    fn raise(&self, kind: Kind, vector: u32) -> Result<Outcome>;
    fn take_back(&self, kind: Kind, vector: u32) -> Result<bool>;
    /// As `MSI_ROUTE_SET_EVENTFD`.
    fn link(&self, kind: Kind, vector: u32, fd: Option<BorrowedFd<'_>>, flags: u32) -> Result<()>;
    fn watch_fd(&self) -> Option<BorrowedFd<'_>>;
    fn collect(&self);

    fn clear(&self, keep_bus_master: bool) -> Result<()>;
    fn go(&self, run: bool) -> Result<()>;
    /// All but Interrupt Disable.
    fn store(&self, detach: bool) -> Result<State>;
    fn load(&self, state: &State) -> Result<()>;
}

/// An access of any number of bytes, as pieces within qwords.
fn pieces(
    backend: &(impl Backend + ?Sized),
    write: bool,
    offset: u32,
    len: usize,
    mut piece: impl FnMut(std::ops::Range<usize>, &mut dyn FnMut(&mut u64)),
) {
    let mut done = 0;
    while done < len && (offset as usize).saturating_add(done) < CONFIG_SIZE as usize {
        let at = offset + done as u32;
        let size = (8 - at as usize % 8).min(len - done);
        piece(done..done + size, &mut |value| {
            backend.access_config(write, at, size as u32, value);
        });
        done += size;
    }
}

fn to_value(bytes: &[u8]) -> u64 {
    let mut value = [0; 8];
    value[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(value)
}

/// The controls of both capabilities, for INTx; under the lock.
fn look_at_enable(backend: &(impl Backend + ?Sized)) {
    let front = backend.front();
    for (kind, bit) in [(Kind::Msix, MSIX_ENABLE), (Kind::Msi, MSI_ENABLE)] {
        if let Some(cap) = front.shape.cap(kind) {
            let mut control = 0;
            backend.access_config(false, cap + CONTROL, 2, &mut control);
            front.enabled[kind as usize].store(control as u16 & bit != 0, SeqCst);
        }
    }
}

fn reset_with(backend: &(impl Backend + ?Sized), keep_command: bool) -> Result<()> {
    let front = backend.front();
    let _bars = lock(&front.bars);
    backend.clear(keep_command)?;
    if !keep_command {
        front.follow_command(0);
    }
    look_at_enable(backend);
    Ok(())
}

fn save_with(backend: &(impl Backend + ?Sized), detach: bool) -> Result<State> {
    let front = backend.front();
    let _bars = lock(&front.bars);
    let mut state = backend.store(detach)?;
    if front.no_intx.load(SeqCst) {
        state.command |= COMMAND_NO_INTX;
    }
    Ok(state)
}

impl<B: Backend> Interrupts for B {
    fn shape(&self) -> &Shape {
        &self.front().shape
    }

    fn as_module(&self) -> Option<&Function> {
        self.module()
    }

    fn config_read(&self, offset: u32, data: &mut [u8]) {
        let _bars = lock(&self.front().bars);
        pieces(self, false, offset, data.len(), |range, access| {
            let mut value = to_value(&data[range.clone()]);
            access(&mut value);
            let len = range.len();
            data[range].copy_from_slice(&value.to_le_bytes()[..len]);
        });
    }

    fn config_write(&self, offset: u32, data: &[u8]) {
        let front = self.front();
        let _bars = lock(&front.bars);
        let upper = (COMMAND + 1).checked_sub(offset).and_then(|i| data.get(i as usize));
        if let Some(&byte) = upper {
            front.follow_command(u16::from(byte) << 8);
        }
        pieces(self, true, offset, data.len(), |range, access| {
            access(&mut to_value(&data[range]));
        });
        if front.covers_control(offset, data.len()) {
            look_at_enable(self);
        }
    }

    fn intx_allowed(&self) -> bool {
        let front = self.front();
        !front.no_intx.load(SeqCst) && front.enabled.iter().all(|enabled| !enabled.load(SeqCst))
    }

    fn set_command(&self, command: u16) -> Result<()> {
        let front = self.front();
        let _bars = lock(&front.bars);
        self.set_bus_master(command & COMMAND_MASTER != 0)?;
        front.follow_command(command);
        Ok(())
    }

    fn bar_read(&self, bar: u8, offset: u64, data: &mut [u8]) -> bool {
        match self.front().hit(bar, offset, data.len()) {
            None => return false,
            Some(Hit::Undefined) => data.fill(0xff),
            Some(Hit::Within(space, offset)) => {
                let mut value = 0;
                self.access_space(false, space, offset, data.len() as u32, &mut value);
                data.copy_from_slice(&value.to_le_bytes()[..data.len()]);
            }
        }
        true
    }

    fn bar_write(&self, bar: u8, offset: u64, data: &[u8]) -> bool {
        let hit = self.front().hit(bar, offset, data.len());
        if let Some(Hit::Within(space, offset)) = hit {
            self.access_space(true, space, offset, data.len() as u32, &mut to_value(data));
        }
        hit.is_some()
    }

    fn placed(&self, bar: u8, address: Option<u64>) -> Result<()> {
        let front = self.front();
        let mut bars = lock(&front.bars);
        let Some(place) = bars.get_mut(usize::from(bar)) else {
            return Err(Error::new("MSI_ROUTE_MAP", libc::EINVAL));
        };
        *place = address;
        match front.shape.msix {
            Some(m) if bar == m.table_bar || bar == m.pba_bar => self.place(&bars),
            _ => Ok(()),
        }
    }

    fn trigger(&self, kind: Kind, vector: u32) -> Result<Outcome> {
        self.raise(kind, vector)
    }

    fn clear_pending(&self, kind: Kind, vector: u32) -> Result<bool> {
        self.take_back(kind, vector)
    }

    fn attach(&self, kind: Kind, vector: u32, eventfd: BorrowedFd<'_>) -> Result<()> {
        self.link(kind, vector, Some(eventfd), abi::MSI_ROUTE_EVENTFD_ADD)
    }

    fn replace(&self, kind: Kind, vector: u32, eventfd: BorrowedFd<'_>) -> Result<()> {
        self.link(kind, vector, Some(eventfd), abi::MSI_ROUTE_EVENTFD_REPLACE)
    }

    fn detach(&self, kind: Kind, vector: u32, eventfd: BorrowedFd<'_>) -> Result<()> {
        self.link(kind, vector, Some(eventfd), abi::MSI_ROUTE_EVENTFD_REMOVE)
    }

    fn detach_all(&self, kind: Kind, vector: u32) -> Result<()> {
        self.link(kind, vector, None, 0)
    }

    fn eventfd(&self, kind: Kind, vector: u32) -> Result<BorrowedFd<'_>> {
        const CALL: &str = "MSI_ROUTE_SET_EVENTFD";
        let front = self.front();
        front.shape.check_vector(CALL, kind, vector)?;
        let place = &front.eventfds[kind as usize][vector as usize];
        let _bars = lock(&front.bars);
        let made = match place.get() {
            Some(_) => None,
            None => Some(sys::eventfd()?),
        };
        let fd = made.as_ref().or(place.get()).expect("one of them").as_fd();
        match self.link(kind, vector, Some(fd), abi::MSI_ROUTE_EVENTFD_ADD) {
            // It was attached before.
            Err(error) if error.errno() == libc::EEXIST => {}
            other => other?,
        }
        Ok(match made {
            Some(fd) => place.get_or_init(|| fd).as_fd(),
            None => place.get().expect("it is not new").as_fd(),
        })
    }

    fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
        self.watch_fd()
    }

    fn poll(&self) {
        self.collect();
    }

    fn reset(&self) -> Result<()> {
        reset_with(self, false)
    }

    fn reset_msi(&self) -> Result<()> {
        reset_with(self, true)
    }

    fn stop(&self) -> Result<()> {
        self.go(false)
    }

    fn run(&self) -> Result<()> {
        self.go(true)
    }

    fn save(&self) -> Result<State> {
        save_with(self, false)
    }

    fn restore(&self, state: &State) -> Result<()> {
        let front = self.front();
        let _bars = lock(&front.bars);
        self.load(state)?;
        front.follow_command(state.command);
        look_at_enable(self);
        Ok(())
    }

    fn hand_over(&self) -> Result<State> {
        self.stop()?;
        save_with(self, true)
    }
}
