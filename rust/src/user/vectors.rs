// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! Vectors of the fallback: their events and eventfds.
//!
//! All of it is under the function's lock, which is also what makes a message one instant's
//! (rule 28). Events by calls, and those that a write releases, are sent by `KVM_SIGNAL_MSI`:
//! they are in the IRR when the call returns (rule 26).
//!
//! While a vector may not send, the counts stay in its eventfds. Such a count is a Pending bit
//! by itself: it is taken when somebody reads the PBA, or before something changes. So an event
//! counts by what was true when it came, and no thread has to wait for it. While the vector may
//! send, KVM has its eventfds as irqfds. Before KVM gets one, its count is sent from here. When
//! it is taken back, KVM waits for what is under way, so nothing comes after a mask (rule 27).

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;

use super::registers::Registers;
use crate::front::lock;
use crate::routes::Message;
use crate::vm::Host;
use crate::{Error, Kind, Outcome, Result, Shape, abi, sys};

const SET_EVENTFD: &str = "MSI_ROUTE_SET_EVENTFD";
pub(super) const KINDS: [Kind; 2] = [Kind::Msix, Kind::Msi];

/// An EFD_SEMAPHORE gives 1 at each read, and may hold 2^64 - 2.
const MAX_READS: usize = 64;
/// No route has it: KVM looks at the eventfd, and finds nothing to take back.
const NO_GSI: u32 = u32::MAX;

/// Who has a vector's eventfds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Way {
    /// Nobody: counts stay in them.
    #[default]
    Kept,
    /// KVM.
    Irqfd,
    /// The VMM's loop: no route is left, or KVM refuses them.
    Relayed,
}

/// An attached eventfd: a duplicate, and which number the caller has for it.
#[derive(Debug)]
struct Attached {
    fd: OwnedFd,
    number: RawFd,
}

impl Attached {
    /// Is it this one? Where the kernel does not say, by its number.
    fn is(&self, fd: BorrowedFd<'_>) -> bool {
        sys::same_file(self.fd.as_fd(), fd).unwrap_or(self.number == fd.as_raw_fd())
    }
}

#[derive(Debug, Default)]
struct Vector {
    pending: bool,
    way: Way,
    route: Option<usize>,
    eventfds: Vec<Attached>,
}

impl Vector {
    fn find(&self, fd: BorrowedFd<'_>) -> Option<usize> {
        self.eventfds.iter().position(|attached| attached.is(fd))
    }
}

/// A function's registers and vectors.
#[derive(Debug)]
pub(super) struct Vectors {
    pub(super) shape: Shape,
    pub(super) registers: Registers,
    pub(super) hold_bound_ns: u32,
    vectors: [Vec<Vector>; 2],
    host: Arc<Host>,
    epoll: Arc<OwnedFd>,
}

impl Vectors {
    pub(super) fn new(shape: &Shape, host: Arc<Host>, epoll: Arc<OwnedFd>) -> Self {
        let vectors = KINDS.map(|kind| (0..shape.vectors(kind)).map(|_| Vector::default()));
        Self {
            shape: shape.clone(),
            registers: Registers::new(shape),
            hold_bound_ns: super::HOLD_BOUND_NS,
            vectors: vectors.map(Iterator::collect),
            host,
            epoll,
        }
    }

    fn at(&mut self, kind: Kind, i: usize) -> &mut Vector {
        &mut self.vectors[kind as usize][i]
    }

    pub(super) fn nr(&self, kind: Kind) -> usize {
        self.vectors[kind as usize].len()
    }

    fn all(&self) -> impl Iterator<Item = (Kind, usize)> + use<> {
        let nr = KINDS.map(|kind| self.nr(kind));
        KINDS.into_iter().zip(nr).flat_map(|(kind, nr)| (0..nr).map(move |i| (kind, i)))
    }

    // ---- events ----

    fn message(&self, kind: Kind, i: usize) -> Option<Message> {
        self.registers.message(&self.shape, self.host.ids_32bit, kind, i)
    }

    fn may_send(&self, kind: Kind, i: usize) -> bool {
        self.registers.may_send(&self.shape, kind, i)
    }

    fn send(&self, kind: Kind, i: usize) -> Outcome {
        match self.message(kind, i) {
            None => Outcome::Dropped,
            Some(message) if self.host.kvm.signal_msi(message) => Outcome::Sent,
            Some(_) => Outcome::Unreached,
        }
    }

    fn raise_one(&mut self, kind: Kind, i: usize) -> Outcome {
        // Rule 2.
        if kind == Kind::Msi && self.shape.drop_disabled && !self.registers.msi_enabled() {
            return Outcome::Dropped;
        }
        if self.may_send(kind, i) {
            return self.send(kind, i);
        }
        match std::mem::replace(&mut self.at(kind, i).pending, true) {
            true => Outcome::Coalesced,
            false => Outcome::Pending,
        }
    }

    pub(super) fn raise(&mut self, kind: Kind, i: usize) -> Outcome {
        self.collect(kind, i);
        self.raise_one(kind, i)
    }

    /// Raises what is in a vector's eventfds. What is in one of them is one event.
    pub(super) fn collect(&mut self, kind: Kind, i: usize) {
        let v = self.at(kind, i);
        if v.way == Way::Irqfd {
            return;
        }
        let takes = |attached: &Attached| {
            (0..MAX_READS).take_while(|_| sys::take_count(attached.fd.as_fd()).is_some()).count()
        };
        let events: usize = v.eventfds.iter().map(takes).sum();
        for _ in 0..events {
            self.raise_one(kind, i);
        }
    }

    pub(super) fn collect_all(&mut self) {
        for (kind, i) in self.all() {
            self.collect(kind, i);
        }
    }

    /// Raises what the VMM's loop has to.
    pub(super) fn collect_relayed(&mut self) {
        for (kind, i) in self.all() {
            if self.at(kind, i).way == Way::Relayed {
                self.collect(kind, i);
            }
        }
    }

    pub(super) fn is_pending(&mut self, kind: Kind, i: usize) -> bool {
        self.collect(kind, i);
        self.at(kind, i).pending
    }

    pub(super) fn set_pending(&mut self, kind: Kind, i: usize, pending: bool) {
        self.at(kind, i).pending = pending;
    }

    /// Pending bits of up to 64 vectors.
    pub(super) fn pending_bits(&mut self, kind: Kind, first: usize) -> u64 {
        let end = self.nr(kind).min(first + 64);
        (first..end).map(|i| u64::from(self.is_pending(kind, i)) << (i - first)).sum()
    }

    // ---- who has the eventfds ----

    fn irqfd(&self, route: usize, attached: &Attached, assign: bool) -> Result<()> {
        let gsi = lock(&self.host.routes).gsi(route);
        self.host.kvm.irqfd(gsi, attached.fd.as_fd(), assign)
    }

    /// Every attached eventfd is in the epoll set, so to watch it cannot fail.
    fn watch(&self, attached: &Attached, readable: bool) {
        let _ =
            sys::epoll_ctl(self.epoll.as_fd(), libc::EPOLL_CTL_MOD, attached.fd.as_fd(), readable);
    }

    fn unwatch(&self, attached: &Attached) {
        let (epoll, fd) = (self.epoll.as_fd(), attached.fd.as_fd());
        let _ = sys::epoll_ctl(epoll, libc::EPOLL_CTL_DEL, fd, false);
    }

    /// Nobody has them any more.
    fn keep(&mut self, kind: Kind, i: usize) {
        let way = std::mem::take(&mut self.at(kind, i).way);
        let v = &self.vectors[kind as usize][i];
        for attached in &v.eventfds {
            match way {
                Way::Kept => {}
                Way::Irqfd => {
                    let _ = v.route.map(|route| self.irqfd(route, attached, false));
                }
                Way::Relayed => self.watch(attached, false),
            }
        }
    }

    fn relay(&mut self, kind: Kind, i: usize) {
        self.keep(kind, i);
        for attached in &self.vectors[kind as usize][i].eventfds {
            self.watch(attached, true);
        }
        self.at(kind, i).way = Way::Relayed;
    }

    /// Gives them to KVM; if it refuses one, to the VMM's loop.
    fn give(&mut self, kind: Kind, i: usize, route: usize) {
        let eventfds = &self.vectors[kind as usize][i].eventfds;
        let given = eventfds.iter().take_while(|a| self.irqfd(route, a, true).is_ok()).count();
        if given == eventfds.len() {
            self.at(kind, i).way = Way::Irqfd;
            return;
        }
        for attached in &eventfds[..given] {
            let _ = self.irqfd(route, attached, false);
        }
        self.relay(kind, i);
    }

    /// The message with which KVM can raise the vector's events now.
    fn direct(&self, kind: Kind, i: usize) -> Option<Message> {
        let has_any = !self.vectors[kind as usize][i].eventfds.is_empty();
        if has_any && self.may_send(kind, i) { self.message(kind, i) } else { None }
    }

    /// Puts in force what the registers say of some vectors. First nothing is sent that may not
    /// be, then what was pending is. KVM gets all new messages at once, and last the eventfds.
    pub(super) fn update(&mut self, kind: Kind, vectors: std::ops::Range<usize>) {
        for i in vectors.clone() {
            match (self.direct(kind, i), self.at(kind, i).route) {
                (None, _) => self.keep(kind, i),
                (Some(message), Some(route)) => lock(&self.host.routes).set(route, message),
                (Some(_), None) => {}
            }
        }
        let committed = lock(&self.host.routes).refresh(&*self.host.kvm).is_ok();
        for i in vectors {
            if !self.may_send(kind, i) {
                continue;
            }
            if std::mem::take(&mut self.at(kind, i).pending) {
                self.send(kind, i);
            }
            self.collect(kind, i);
            if self.direct(kind, i).is_none() {
                continue;
            }
            let v = self.at(kind, i);
            match (v.route.filter(|_| committed), v.way) {
                (None, Way::Relayed) => {}
                (None, _) => self.relay(kind, i),
                (Some(route), Way::Kept) => self.give(kind, i, route),
                (Some(_), _) => {}
            }
        }
    }

    pub(super) fn update_all(&mut self) {
        for kind in KINDS {
            self.update(kind, 0..self.nr(kind));
        }
    }

    /// A change that may matter to any vector: the one capability's Enable matters to the other
    /// (rule 1).
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Registers, &Shape)) {
        self.collect_all();
        change(&mut self.registers, &self.shape);
        self.update_all();
    }

    // ---- eventfds ----

    /// An eventfd belongs to one vector.
    fn is_elsewhere(&self, kind: Kind, i: usize, fd: BorrowedFd<'_>) -> bool {
        let number = fd.as_raw_fd();
        let others = self.all().filter(|&at| at != (kind, i));
        let mut attached = others.flat_map(|(kind, i)| &self.vectors[kind as usize][i].eventfds);
        attached.any(|a| a.number == number && a.is(fd))
    }

    fn check_eventfd(
        &self,
        kind: Kind,
        i: usize,
        fd: Option<BorrowedFd<'_>>,
        flags: u32,
    ) -> Result<()> {
        let v = &self.vectors[kind as usize][i];
        let error = |errno| Err(Error::new(SET_EVENTFD, errno));
        let Some(fd) = fd else {
            return if v.eventfds.is_empty() { error(libc::ENOENT) } else { Ok(()) };
        };
        let remove = flags == abi::MSI_ROUTE_EVENTFD_REMOVE;
        match v.find(fd) {
            Some(_) if flags == abi::MSI_ROUTE_EVENTFD_ADD => return error(libc::EEXIST),
            Some(_) => return Ok(()),
            None => {}
        }
        let is_eventfd = self.host.kvm.irqfd(NO_GSI, fd, false);
        is_eventfd.map_err(|error| error.with_call(SET_EVENTFD))?;
        if remove {
            return error(libc::ENOENT);
        }
        if self.is_elsewhere(kind, i, fd) { error(libc::EBUSY) } else { Ok(()) }
    }

    /// As `MSI_ROUTE_SET_EVENTFD`.
    pub(super) fn set_eventfd(
        &mut self,
        kind: Kind,
        i: usize,
        fd: Option<BorrowedFd<'_>>,
        flags: u32,
    ) -> Result<()> {
        self.collect(kind, i);
        self.check_eventfd(kind, i, fd, flags)?;
        let at = fd.and_then(|fd| self.at(kind, i).find(fd));
        // A duplicate first, and a place in the epoll set, so that nothing can fail later.
        let added = match fd {
            Some(fd) if at.is_none() => Some(self.duplicate(fd)?),
            _ => None,
        };
        self.keep(kind, i);
        self.collect(kind, i);
        let gone: Vec<Attached> = match (flags, at) {
            (abi::MSI_ROUTE_EVENTFD_ADD, _) => Vec::new(),
            (abi::MSI_ROUTE_EVENTFD_REMOVE, at) => {
                at.map(|at| self.at(kind, i).eventfds.remove(at)).into_iter().collect()
            }
            (_, at) => {
                let eventfds = &mut self.at(kind, i).eventfds;
                let stays = at.map(|at| eventfds.remove(at));
                std::mem::replace(eventfds, stays.into_iter().collect())
            }
        };
        gone.iter().for_each(|attached| self.unwatch(attached));
        self.at(kind, i).eventfds.extend(added);
        if self.at(kind, i).route.is_none() && !self.at(kind, i).eventfds.is_empty() {
            let route = lock(&self.host.routes).take();
            self.at(kind, i).route = route;
        }
        self.update(kind, i..i + 1);
        Ok(())
    }

    fn duplicate(&self, fd: BorrowedFd<'_>) -> Result<Attached> {
        let in_call = |error: Error| error.with_call(SET_EVENTFD);
        let attached =
            Attached { fd: sys::duplicate(fd).map_err(in_call)?, number: fd.as_raw_fd() };
        let epoll = self.epoll.as_fd();
        sys::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, attached.fd.as_fd(), false).map_err(in_call)?;
        Ok(attached)
    }

    /// For the last save: every count is in the state, or stays in the eventfd.
    pub(super) fn detach_all(&mut self) {
        for (kind, i) in self.all() {
            self.keep(kind, i);
            self.collect(kind, i);
            for attached in std::mem::take(&mut self.at(kind, i).eventfds) {
                self.unwatch(&attached);
            }
        }
    }
}

/// KVM has no eventfd of the function any more, and its routes are free.
impl Drop for Vectors {
    fn drop(&mut self) {
        for (kind, i) in self.all() {
            self.keep(kind, i);
            if let Some(route) = self.at(kind, i).route.take() {
                lock(&self.host.routes).put(route);
            }
        }
    }
}
