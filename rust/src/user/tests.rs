// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! The fallback, on a KVM that only takes notes.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex};

use super::*;
use crate::front::lock;
use crate::kvm::Kvm;
use crate::routes::Message;
use crate::{Entry, ErrorKind, MsiShape, MsixShape, Route, Target};

const MSIX_CONTROL: u32 = 0x42;
const MSI_CAP: u32 = 0x50;
const ENABLE: u16 = 0x8000;
const MASK_ALL: u16 = 0x4000;
const TABLE: u64 = 0x1000;
const PBA: u64 = 0x1800;
const NONE: [u32; 0] = [];

#[derive(Debug, Default)]
struct Notes {
    sent: Vec<Message>,
    routes: Vec<Route>,
    irqfds: Vec<(u32, OwnedFd)>,
    max_routes: usize,
    refuses_irqfds: bool,
    refuses_routes: bool,
    /// A device signals each eventfd as soon as KVM has it no more.
    signals_at_once: bool,
    /// Likewise this one, while KVM takes a table of routes.
    signalled_meanwhile: Option<OwnedFd>,
}

/// A KVM that raises what its eventfds hold when somebody asks what was sent.
#[derive(Clone, Debug, Default)]
struct Fake(Arc<Mutex<Notes>>);

impl Notes {
    fn message_of(&self, gsi: u32) -> Option<Message> {
        self.routes.iter().find(|route| route.gsi == gsi).and_then(|route| match route.target {
            Target::Msi { address, data } => Some(Message { address, data }),
            _ => None,
        })
    }

    fn take_signals(&mut self) {
        let signalled: Vec<u32> = self
            .irqfds
            .iter()
            .filter(|(_, fd)| sys::take_count(fd.as_fd()).is_some())
            .map(|(gsi, _)| *gsi)
            .collect();
        let messages = signalled.iter().map(|&gsi| self.message_of(gsi).expect("it has a route"));
        let messages: Vec<Message> = messages.collect();
        self.sent.extend(messages);
    }
}

impl Kvm for Fake {
    fn max_routes(&self) -> usize {
        lock(&self.0).max_routes
    }

    fn has_ioapic(&self) -> bool {
        false
    }

    fn set_routes(&self, routes: &[Route]) -> Result<()> {
        let mut notes = lock(&self.0);
        notes.take_signals();
        if notes.refuses_routes {
            return Err(Error::new("KVM_SET_GSI_ROUTING", libc::ENOMEM));
        }
        notes.routes = routes.to_vec();
        if let Some(fd) = notes.signalled_meanwhile.take() {
            signal(fd.as_fd());
        }
        Ok(())
    }

    fn irqfd(&self, gsi: u32, eventfd: BorrowedFd<'_>, assign: bool) -> Result<()> {
        let mut notes = lock(&self.0);
        notes.take_signals();
        let link = std::fs::read_link(format!("/proc/self/fd/{}", eventfd.as_raw_fd()));
        if link.is_ok_and(|to| to.to_string_lossy() != "anon_inode:[eventfd]") {
            return Err(Error::new("KVM_IRQFD", libc::EINVAL));
        }
        let is_it = |fd: &OwnedFd| sys::same_file(fd.as_fd(), eventfd) == Some(true);
        if !assign {
            let had = notes.irqfds.len();
            notes.irqfds.retain(|(its_gsi, fd)| *its_gsi != gsi || !is_it(fd));
            if notes.signals_at_once && notes.irqfds.len() < had {
                signal(eventfd);
            }
        } else if notes.refuses_irqfds || notes.irqfds.iter().any(|(_, fd)| is_it(fd)) {
            return Err(Error::new("KVM_IRQFD", libc::EBUSY));
        } else {
            // KVM would send it by a work item, after the write that released it (rule 26).
            assert_eq!(sys::take_count(eventfd), None, "a count is left to KVM");
            notes.irqfds.push((gsi, sys::duplicate(eventfd)?));
        }
        Ok(())
    }

    fn signal_msi(&self, message: Message) -> bool {
        lock(&self.0).sent.push(message);
        true
    }
}

struct Side {
    fake: Fake,
    host: Arc<Host>,
    function: UserFunction,
}

fn shape() -> Shape {
    let mut msi = MsiShape::new(8, MSI_CAP as u8);
    (msi.address_64bit, msi.masking) = (true, true);
    let mut shape = Shape::default()
        .with_msix(MsixShape::new(70, 0x40, (0, TABLE as u32), (0, PBA as u32)))
        .with_msi(msi);
    shape.command = 4;
    shape
}

fn side_of(shape: &Shape) -> Side {
    let fake = Fake::default();
    lock(&fake.0).max_routes = 4096;
    let host = Arc::new(Host::new(Box::new(fake.clone()), 24, false));
    let function = UserFunction::new(host.clone(), shape).unwrap();
    Side { fake, host, function }
}

/// A bus master; entry n is vector 20h + n; MSI-X is enabled.
fn side() -> Side {
    let side = side_of(&shape());
    for i in 0..70 {
        side.put_entry(i, 0x20 + i);
    }
    side.control(ENABLE);
    side
}

impl Side {
    fn table(&self, offset: u32, bytes: &[u8]) {
        assert!(self.function.bar_write(0, TABLE + u64::from(offset), bytes));
    }

    fn put_entry(&self, i: u32, data: u32) {
        self.table(i * 16, &0xfee0_0000u64.to_le_bytes());
        self.table(i * 16 + 8, &data.to_le_bytes());
        self.mask(i, false);
    }

    fn mask(&self, i: u32, masked: bool) {
        self.table(i * 16 + 12, &u32::from(masked).to_le_bytes());
    }

    fn control(&self, control: u16) {
        self.function.config_write(MSIX_CONTROL, &control.to_le_bytes());
    }

    fn config(&self, offset: u32) -> u32 {
        let mut bytes = [0; 4];
        self.function.config_read(offset, &mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn put_config(&self, offset: u32, value: u32) {
        self.function.config_write(offset, &value.to_le_bytes());
    }

    fn pba(&self, qword: u64) -> u64 {
        let mut bytes = [0; 8];
        assert!(self.function.bar_read(0, PBA + qword * 8, &mut bytes));
        u64::from_le_bytes(bytes)
    }

    /// The data of what was sent since the last question.
    fn sent(&self) -> Vec<u32> {
        let mut notes = lock(&self.fake.0);
        notes.take_signals();
        std::mem::take(&mut notes.sent).iter().map(|m| m.data).collect()
    }

    fn irqfds(&self) -> usize {
        lock(&self.fake.0).irqfds.len()
    }
}

fn signal(fd: BorrowedFd<'_>) {
    let one = 1u64.to_le_bytes();
    // SAFETY: 8 bytes.
    let ret = unsafe { libc::write(fd.as_raw_fd(), one.as_ptr().cast(), 8) };
    assert_eq!(ret, 8);
}

fn own(side: &Side, vector: u32) -> BorrowedFd<'_> {
    side.function.eventfd(Kind::Msix, vector).unwrap()
}

#[test]
fn masked_event_waits_and_is_sent_once() {
    let s = side();
    s.mask(3, true);
    assert_eq!(s.function.trigger(Kind::Msix, 3), Ok(Outcome::Pending));
    assert_eq!(s.function.trigger(Kind::Msix, 3), Ok(Outcome::Coalesced));
    assert_eq!((s.pba(0), s.sent()), (1 << 3, vec![]));
    s.mask(3, false);
    assert_eq!((s.sent(), s.pba(0)), (vec![0x23], 0));
    assert_eq!(s.function.trigger(Kind::Msix, 3), Ok(Outcome::Sent));
    assert_eq!(s.sent(), [0x23]);
}

#[test]
fn table_by_dwords_and_qwords() {
    let s = side();
    let read = |offset: u32| {
        let mut bytes = [0; 8];
        assert!(s.function.bar_read(0, TABLE + u64::from(offset), &mut bytes));
        u64::from_le_bytes(bytes)
    };
    s.table(3 * 16, &[0xff; 8]);
    s.table(3 * 16 + 12, &0xffff_fffeu32.to_le_bytes());
    s.table(3 * 16 + 8, &0x1234_5678u32.to_le_bytes());
    assert_eq!(read(3 * 16), 0xffff_ffff_ffff_fffc);
    assert_eq!(read(3 * 16 + 8), 0xffff_fffe_1234_5678);
    s.table(3 * 16 + 4, &[0; 4]);
    assert_eq!(read(3 * 16), 0xffff_fffc);
    // The message is wrong until the write that unmasks it: one update (rule 16).
    s.table(12, &1u32.to_le_bytes());
    s.function.trigger(Kind::Msix, 0).unwrap();
    s.table(8, &0x77u64.to_le_bytes());
    assert_eq!(s.sent(), [0x77]);
}

#[test]
fn each_gate_holds_back_and_releases() {
    let s = side();
    type Gate<'a> = (&'a dyn Fn(), &'a dyn Fn());
    let gates: [Gate; 4] = [
        (&|| s.control(ENABLE | MASK_ALL), &|| s.control(ENABLE)),
        (&|| s.control(0), &|| s.control(ENABLE)),
        (&|| s.put_config(4, 0), &|| s.put_config(4, 4)),
        (&|| s.function.stop().unwrap(), &|| s.function.run().unwrap()),
    ];
    for (close, open) in gates {
        close();
        signal(own(&s, 1));
        assert_eq!(s.function.trigger(Kind::Msix, 69), Ok(Outcome::Pending));
        assert_eq!((s.pba(0), s.pba(1), s.sent()), (2, 1 << 5, vec![]));
        open();
        assert_eq!((s.sent(), s.pba(0)), (vec![0x21, 0x65], 0));
    }
}

#[test]
fn eventfd_is_kvms_only_while_the_vector_may_send() {
    let s = side();
    let fd = own(&s, 2);
    assert_eq!(s.irqfds(), 1);
    signal(fd);
    assert_eq!(s.sent(), [0x22]);
    s.mask(2, true);
    assert_eq!(s.irqfds(), 0);
    signal(fd);
    // The count is raised with the message that stands when it is released (rule 18).
    s.table(2 * 16 + 8, &0x77u32.to_le_bytes());
    s.mask(2, false);
    assert_eq!((s.sent(), s.irqfds()), (vec![0x77], 1));
    // What comes meanwhile is sent by the write, too.
    s.mask(2, true);
    s.table(2 * 16 + 8, &0x79u32.to_le_bytes());
    lock(&s.fake.0).signalled_meanwhile = Some(sys::duplicate(fd).unwrap());
    s.mask(2, false);
    assert_eq!((s.sent(), s.irqfds()), (vec![0x79], 1));
    // A change of the message alone is a change of the route.
    s.table(2 * 16 + 8, &0x78u32.to_le_bytes());
    signal(fd);
    assert_eq!((s.sent(), s.irqfds()), (vec![0x78], 1));
}

#[test]
fn event_counts_by_what_was_true_when_it_came() {
    let mut shape = shape();
    let msi = shape.msi.as_mut().unwrap();
    (msi.vectors, msi.masking) = (1, false);
    (shape.msix, shape.drop_disabled) = (None, true);
    let s = side_of(&shape);
    s.put_config(MSI_CAP + 4, 0xfee0_0000);
    s.function.config_write(MSI_CAP + 0xc, &[0x41, 0]);
    let fd = s.function.eventfd(Kind::Msi, 0).unwrap();
    assert_eq!(s.function.trigger(Kind::Msi, 0), Ok(Outcome::Dropped));
    signal(fd);
    s.function.config_write(MSI_CAP + 2, &[1]);
    assert_eq!(s.sent(), NONE);
    s.put_config(4, 0);
    signal(fd);
    s.function.config_write(MSI_CAP + 2, &[0]);
    signal(fd);
    s.put_config(4, 4);
    assert_eq!(s.sent(), NONE);
    s.function.config_write(MSI_CAP + 2, &[1]);
    assert_eq!(s.sent(), [0x41]);
}

#[test]
fn full_table_goes_through_the_loop() {
    let s = side();
    lock(&s.fake.0).max_routes = 0;
    *lock(&s.host.routes) = crate::routes::Routes::new(&s.fake, 24);
    let fd = own(&s, 5);
    signal(fd);
    assert_eq!((s.irqfds(), s.sent()), (0, vec![]));
    let watched = s.function.poll_fd().unwrap();
    let mut poll = libc::pollfd { fd: watched.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd.
    assert_eq!(unsafe { libc::poll(&mut poll, 1, 0) }, 1);
    s.function.poll();
    assert_eq!(s.sent(), [0x25]);
    // While it may not send, nobody has to look.
    s.mask(5, true);
    signal(fd);
    // SAFETY: one pollfd.
    assert_eq!(unsafe { libc::poll(&mut poll, 1, 0) }, 0);
    assert_eq!(s.pba(0), 1 << 5);
}

#[test]
fn what_kvm_refuses_goes_through_the_loop() {
    let s = side();
    lock(&s.fake.0).refuses_irqfds = true;
    signal(own(&s, 0));
    assert_eq!((s.irqfds(), s.sent()), (0, vec![]));
    s.function.poll();
    assert_eq!(s.sent(), [0x20]);
    lock(&s.fake.0).refuses_irqfds = false;
    lock(&s.fake.0).refuses_routes = true;
    signal(own(&s, 1));
    s.function.poll();
    assert_eq!(s.sent(), [0x21]);
    // Once KVM takes the table, it gets the eventfd at the next change.
    lock(&s.fake.0).refuses_routes = false;
    s.mask(1, true);
    s.mask(1, false);
    assert_eq!(s.irqfds(), 1);
    signal(own(&s, 1));
    assert_eq!(s.sent(), [0x21]);
}

#[test]
fn routes_of_the_vmms_own_stay() {
    let s = side();
    let pin = Route { gsi: 4, target: Target::Irqchip { chip: 2, pin: 4 } };
    let mut routes = lock(&s.host.routes);
    routes.set_own(&s.fake, &[pin]).unwrap();
    let wrong = routes.set_own(&s.fake, &[Route { gsi: 24, ..pin }]);
    assert_eq!(wrong.unwrap_err().errno(), libc::EINVAL);
    drop(routes);
    own(&s, 0);
    own(&s, 1);
    let gsis = || lock(&s.fake.0).routes.iter().map(|route| route.gsi).collect::<Vec<_>>();
    assert_eq!((gsis(), lock(&s.fake.0).routes[0]), (vec![4, 24, 25], pin));
    // After an error the routes are as before, and the next table has them.
    lock(&s.fake.0).refuses_routes = true;
    assert!(lock(&s.host.routes).set_own(&s.fake, &[]).is_err());
    lock(&s.fake.0).refuses_routes = false;
    s.table(8, &0x99u32.to_le_bytes());
    assert_eq!(gsis(), [4, 24, 25]);
}

#[test]
fn errors_of_eventfds() {
    let s = side();
    let fd = sys::eventfd().unwrap();
    let errno = |ret: Result<()>| ret.map_err(|error| error.errno());
    let attach = |vector, fd| errno(s.function.attach(Kind::Msix, vector, fd));
    assert_eq!(attach(70, fd.as_fd()), Err(libc::ECHRNG));
    assert_eq!(errno(s.function.attach(Kind::Ims, 0, fd.as_fd())), Err(libc::ENODEV));
    assert_eq!(errno(s.function.detach_all(Kind::Msix, 0)), Err(libc::ENOENT));
    let file = std::fs::File::open("/dev/null").unwrap();
    assert_eq!(attach(0, file.as_fd()), Err(libc::EINVAL));
    assert_eq!(attach(0, fd.as_fd()), Ok(()));
    assert_eq!(attach(0, fd.as_fd()), Err(libc::EEXIST));
    assert_eq!(attach(1, fd.as_fd()), Err(libc::EBUSY));
    let taken = s.function.attach(Kind::Msix, 1, fd.as_fd()).unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::EventfdTaken);
    // By another number it is the same one.
    let same = sys::duplicate(fd.as_fd()).unwrap();
    assert_eq!(attach(0, same.as_fd()), Err(libc::EEXIST));
    assert_eq!(errno(s.function.detach(Kind::Msix, 0, same.as_fd())), Ok(()));
    let detached = s.function.detach(Kind::Msix, 0, fd.as_fd()).unwrap_err();
    assert_eq!(detached.kind(), ErrorKind::NotAttached);
    assert_eq!((s.irqfds(), attach(1, fd.as_fd())), (0, Ok(())));
}

#[test]
fn number_of_a_closed_eventfd_is_free() {
    let s = side();
    let fd = sys::eventfd().unwrap();
    s.function.attach(Kind::Msix, 0, fd.as_fd()).unwrap();
    let another = sys::eventfd().unwrap();
    // SAFETY: both are ours.
    unsafe { libc::dup2(another.as_raw_fd(), fd.as_raw_fd()) };
    s.function.attach(Kind::Msix, 1, fd.as_fd()).unwrap();
    signal(another.as_fd());
    assert_eq!(s.sent(), [0x21]);
}

#[test]
fn replaced_and_detached_counts_are_raised() {
    let s = side();
    let fds: Vec<OwnedFd> = (0..3).map(|_| sys::eventfd().unwrap()).collect();
    s.mask(0, true);
    s.function.attach(Kind::Msix, 0, fds[0].as_fd()).unwrap();
    s.function.attach(Kind::Msix, 0, fds[1].as_fd()).unwrap();
    signal(fds[0].as_fd());
    s.function.replace(Kind::Msix, 0, fds[2].as_fd()).unwrap();
    assert_eq!(s.function.clear_pending(Kind::Msix, 0), Ok(true));
    // Those that are gone are nobody's.
    signal(fds[0].as_fd());
    signal(fds[1].as_fd());
    assert_eq!(s.pba(0), 0);
    s.mask(0, false);
    assert_eq!((s.irqfds(), s.sent()), (1, vec![]));
    lock(&s.fake.0).signals_at_once = true;
    s.function.detach_all(Kind::Msix, 0).unwrap();
    assert_eq!((s.irqfds(), s.sent()), (0, vec![0x20]));
}

#[test]
fn semaphore_gives_its_counts_one_by_one() {
    let s = side();
    // SAFETY: it has no memory of ours.
    let fd = sys::own("eventfd", unsafe { libc::eventfd(3, libc::EFD_SEMAPHORE) }).unwrap();
    s.mask(0, true);
    s.function.attach(Kind::Msix, 0, fd.as_fd()).unwrap();
    assert_eq!(s.pba(0), 1);
    assert_eq!(sys::take_count(fd.as_fd()), None);
}

#[test]
fn messages_that_are_none() {
    let s = side_of(&shape());
    s.control(ENABLE);
    // (address, data, is it sent?), rules 32 and 34
    let messages = [
        (0xfee0_0000u64, 0x30u64, true),
        (0xfed0_0000, 0x30, false),
        (0xfef0_0000, 0x30, false),
        (0x1_fee0_0000, 0x30, false),
        (0xfee0_0000, 0x00f, false),
        (0xfee0_0000, 0x10f, false),
        (0xfee0_0000, 0x20f, true),
        (0xfee0_0000, 0x330, false),
        (0xfee0_0000, 0x430, true),
        (0xfee0_0000, 0x530, true),
        (0xfee0_0000, 0x630, false),
        (0xfee0_0000, 0x730, false),
    ];
    for (address, data, sent) in messages {
        s.mask(0, true);
        s.table(0, &address.to_le_bytes());
        s.table(8, &data.to_le_bytes());
        let outcome = if sent { Outcome::Sent } else { Outcome::Dropped };
        assert_eq!(s.function.trigger(Kind::Msix, 0), Ok(outcome), "{address:#x} {data:#x}");
        // An eventfd of a vector whose message is none is not KVM's.
        signal(own(&s, 0));
        assert_eq!(s.irqfds(), usize::from(sent));
        assert_eq!(s.sent().len(), if sent { 2 } else { 0 });
    }
}

#[test]
fn physical_broadcasts() {
    let s = side_of(&shape());
    s.control(ENABLE);
    // Lowest priority with a hint, to all: in fixed mode, without the hint.
    for (address, data, sent_address, sent_data) in [
        (0xfeef_f008u64, 0x130u64, 0xfeef_f000, 0x030),
        (0xfeef_f008, 0x430, 0xfeef_f000, 0x430),
        (0xfeef_f00c, 0x130, 0xfeef_f00c, 0x130),
        (0xfeef_e008, 0x130, 0xfeef_e008, 0x130),
    ] {
        s.table(0, &address.to_le_bytes());
        s.table(8, &data.to_le_bytes());
        s.function.trigger(Kind::Msix, 0).unwrap();
        let sent = std::mem::take(&mut lock(&s.fake.0).sent);
        assert_eq!(sent, [Message { address: sent_address, data: sent_data }]);
    }
}

#[test]
fn destinations_of_more_bits() {
    let mut shape = shape();
    shape.ext_dest_id = true;
    let fake = Fake::default();
    let short = Arc::new(Host::new(Box::new(fake.clone()), 24, false));
    let error = UserFunction::new(short, &shape).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ShortIds);
    let host = Arc::new(Host::new(Box::new(fake.clone()), 24, true));
    let function = UserFunction::new(host.clone(), &shape).unwrap();
    let s = Side { fake, host, function };
    s.control(ENABLE);
    for (address, sent) in [
        (0xfee0_0fe0u64, 0x7f00_fee0_0000u64),
        (0x100_fee0_0fe0, 0x100_fee0_0fe0),
        (0xfee0_0ff0, 0xfee0_0ff0),
    ] {
        s.table(0, &address.to_le_bytes());
        s.table(8, &0x30u64.to_le_bytes());
        s.function.trigger(Kind::Msix, 0).unwrap();
        assert_eq!(std::mem::take(&mut lock(&s.fake.0).sent)[0].address, sent);
    }
    s.table(0, &0x1_fee0_0000u64.to_le_bytes());
    assert_eq!(s.function.trigger(Kind::Msix, 0), Ok(Outcome::Dropped));
}

#[test]
fn msi_vectors_share_those_that_are_enabled() {
    let s = side_of(&shape());
    s.put_config(MSI_CAP + 4, 0xfee0_0003);
    assert_eq!(s.config(MSI_CAP + 4), 0xfee0_0000);
    s.put_config(MSI_CAP + 0xc, 0xffff_0073);
    assert_eq!(s.config(MSI_CAP + 0xc), 0x73);
    // 4 of 8 are enabled; more than 8 are 8.
    for (control, of_six) in [(0x21u16, 0x72), (0x31, 0x76), (0x51, 0x76), (0x01, 0x73)] {
        s.function.config_write(MSI_CAP + 2, &control.to_le_bytes());
        s.function.trigger(Kind::Msi, 6).unwrap();
        assert_eq!(s.sent(), [of_six], "{control:#x}");
    }
    s.function.config_write(MSI_CAP + 2, &0x21u16.to_le_bytes());
    // The mask of vector 2 holds 6 back, which has its own Pending bit.
    s.put_config(MSI_CAP + 0x10, 0xffff_ff04);
    assert_eq!(s.config(MSI_CAP + 0x10), 0x04);
    s.function.trigger(Kind::Msi, 6).unwrap();
    assert_eq!((s.config(MSI_CAP + 0x14), s.sent()), (1 << 6, vec![]));
    s.put_config(MSI_CAP + 0x14, 0);
    s.put_config(MSI_CAP + 0x10, 0);
    assert_eq!((s.sent(), s.config(MSI_CAP + 0x14)), (vec![0x72], 0));
}

#[test]
fn both_enabled_msix_wins() {
    let s = side();
    s.put_config(MSI_CAP + 4, 0xfee0_0000);
    s.function.config_write(MSI_CAP + 2, &[1]);
    assert!(!s.function.intx_allowed());
    assert_eq!(s.function.trigger(Kind::Msi, 0), Ok(Outcome::Pending));
    assert_eq!(s.function.trigger(Kind::Msix, 0), Ok(Outcome::Sent));
    s.put_config(MSI_CAP + 0xc, 0x40);
    s.control(0);
    assert_eq!(s.sent(), [0x20, 0x40]);
    s.function.config_write(MSI_CAP + 2, &[0]);
    assert!(s.function.intx_allowed());
    s.function.config_write(4, &0x400u16.to_le_bytes());
    assert!(!s.function.intx_allowed());
}

#[test]
fn configuration_space_by_any_length() {
    let s = side();
    for offset in 0..0x100u32 {
        for len in 0..0x20usize {
            let mut whole = vec![0xa5; len];
            s.function.config_read(offset, &mut whole);
            for (i, byte) in whole.into_iter().enumerate() {
                let mut one = [0xa5];
                s.function.config_read(offset + i as u32, &mut one);
                assert_eq!(one[0], byte, "{offset:#x} {len}");
            }
        }
    }
    s.function.config_write(0, &[0x3c; 0x100]);
    assert_eq!(s.config(0x40), 0x0045_0000);
    assert_eq!(s.config(0x44), TABLE as u32);
    assert_eq!(s.config(MSI_CAP), 0x01b6_0000);
    assert_eq!(s.config(MSI_CAP + 4), 0x3c3c_3c3c);
    s.function.config_write(MSI_CAP + 5, &[0x10]);
    assert_eq!(s.config(MSI_CAP + 4), 0x3c3c_103c);
    // Beyond its end.
    s.function.config_write(0xff8, &[0xff; 64]);
    s.function.config_write(u32::MAX - 3, &[0xff; 64]);
    let mut bytes = [0x5a; 64];
    s.function.config_read(u32::MAX - 3, &mut bytes);
    assert_eq!(bytes, [0x5a; 64]);
}

#[test]
fn accesses_of_bars_at_every_edge() {
    let s = side();
    let (ends, pba_ends) = (TABLE + 70 * 16, PBA + 16);
    for (start, end) in [(TABLE, ends), (PBA, pba_ends)] {
        for offset in (start - 17..start + 17).chain(end - 17..end + 17) {
            for len in 0..20 {
                let touches = len > 0 && offset < end && offset + len as u64 > start;
                let mut bytes = vec![0x11; len];
                assert_eq!(s.function.bar_read(0, offset, &mut bytes), touches);
                assert!(!s.function.bar_write(1, offset, &bytes));
                let whole = offset >= start && offset + len as u64 <= end;
                let aligned =
                    (len == 4 || len == 8) && (offset - start.min(offset)) % len as u64 == 0;
                if touches && !(whole && aligned) {
                    assert!(bytes.iter().all(|&byte| byte == 0xff), "{offset:#x} {len}");
                    assert!(s.function.bar_write(0, offset, &vec![0; len]));
                }
            }
        }
    }
    // None of these writes did anything.
    let state = {
        s.function.stop().unwrap();
        s.function.save().unwrap()
    };
    let entries = state.msix.unwrap().entries;
    for (i, entry) in entries.iter().enumerate() {
        let data = 0x20 + i as u32;
        assert_eq!(*entry, Entry { address: 0xfee0_0000, data, control: 0 });
    }
}

#[test]
fn reset_forgets_what_is_pending() {
    let s = side();
    s.mask(0, true);
    s.mask(1, true);
    signal(own(&s, 0));
    s.function.trigger(Kind::Msix, 1).unwrap();
    s.function.reset_msi().unwrap();
    assert_eq!((s.pba(0), s.config(0x40) >> 16), (0, 69));
    s.put_entry(0, 0x55);
    s.control(ENABLE);
    assert_eq!(s.sent(), NONE);
    // Command stayed, and so did the eventfd.
    signal(own(&s, 0));
    assert_eq!(s.sent(), [0x55]);
    s.function.reset().unwrap();
    s.put_entry(0, 0x55);
    s.control(ENABLE);
    signal(own(&s, 0));
    assert_eq!((s.sent(), s.pba(0)), (vec![], 1));
}

#[test]
fn signals_are_in_the_state_or_in_the_eventfd() {
    let s = side();
    let fd = sys::eventfd().unwrap();
    s.function.attach(Kind::Msix, 7, fd.as_fd()).unwrap();
    assert_eq!(s.function.save().unwrap_err().kind(), ErrorKind::Running);
    s.function.stop().unwrap();
    signal(fd.as_fd());
    let state = s.function.hand_over().unwrap();
    assert!(state.msix.as_ref().unwrap().is_pending(7));
    assert_eq!((s.irqfds(), sys::take_count(fd.as_fd())), (0, None));
    signal(fd.as_fd());
    // It is nobody's.
    assert_eq!(s.pba(0), 1 << 7);
    assert_eq!(sys::take_count(fd.as_fd()), Some(1));
    signal(fd.as_fd());

    let t = side_of(&shape());
    t.function.take_over(&state).unwrap();
    t.function.attach(Kind::Msix, 7, fd.as_fd()).unwrap();
    assert_eq!(t.sent(), NONE);
    t.function.run().unwrap();
    assert_eq!(t.sent(), [0x27]);
    assert_eq!(t.function.restore(&state).unwrap_err().kind(), ErrorKind::Running);
}

#[test]
fn dropped_function_leaves_nothing_to_kvm() {
    let s = side();
    own(&s, 0);
    own(&s, 1);
    assert_eq!(s.irqfds(), 2);
    let Side { fake, host, function } = s;
    drop(function);
    assert_eq!(lock(&fake.0).irqfds.len(), 0);
    // The routes are taken again from the first one on.
    assert_eq!(lock(&host.routes).take(), Some(0));
}
