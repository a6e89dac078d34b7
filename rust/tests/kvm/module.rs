// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! The requests that only the module has.

use std::os::fd::{AsRawFd, BorrowedFd};

use msi_route::{
    Backend, Changes, Device, Entry, ErrorKind, EventfdChange, Features, Function, ImsOp, ImsShape,
    Kind, MessageTranslation, Outcome, Place, Reason, Space, VectorState,
};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

use crate::machine::*;

fn side() -> (Side, EventFd) {
    (Side::new(Backend::Module), EventFd::new(EFD_NONBLOCK).unwrap())
}

fn module(side: &Side) -> &Function {
    side.function.as_module().unwrap()
}

fn borrow(event: &EventFd) -> BorrowedFd<'_> {
    // SAFETY: it is open as long as the EventFd is there.
    unsafe { BorrowedFd::borrow_raw(event.as_raw_fd()) }
}

/// Of what the crate takes from the kernel at once.
const IN_ONE_CALL: usize = 64;

/// Waits for a signal, which a work item sends after the guest's write.
fn signalled(event: &EventFd) -> u64 {
    let mut poll = libc::pollfd { fd: event.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: it is one, and stays until the call returns.
    assert_eq!(unsafe { libc::poll(&mut poll, 1, 60_000) }, 1);
    event.read().unwrap()
}

#[test]
#[ignore = "needs /dev/kvm and /dev/msi_route"]
fn query() {
    let (s, _) = side();
    let query = module(&s).query().unwrap();
    assert_eq!(query, s.host.device().unwrap().query().unwrap());
    assert_eq!((query.msix_max_vectors, query.msi_max_vectors), (2048, 32));
    assert!(query.features.contains(Features::all()));
}

#[test]
#[ignore = "needs /dev/kvm and /dev/msi_route"]
fn accesses_with_errors() {
    let (s, _) = side();
    let f = module(&s);
    let mut value = 0xffff_ffff_ffff_ffff;
    f.read(Space::Config, MSIX_CAP, 4, &mut value).unwrap();
    assert_eq!(value & 0xffff_ffff, 0x8081_ffff);
    f.write(Space::Table, 8, 4, 0x77).unwrap();
    f.read(Space::Table, 8, 8, &mut value).unwrap();
    assert_eq!(value, 0x77);
    let kind = |ret: msi_route::Result<()>| ret.map_err(|error| error.kind());
    assert_eq!(kind(f.write(Space::Table, 0, 9, 0)), Err(ErrorKind::Length));
    assert_eq!(kind(f.read(Space::Pba, 24, 4, &mut value)), Err(ErrorKind::Range));
    assert_eq!(value, 0x77);
}

#[test]
#[ignore = "needs /dev/kvm and /dev/msi_route"]
fn what_the_guest_changed() {
    let (s, event) = side();
    let f = module(&s);
    f.set_notify(Changes::all(), Some(borrow(&event))).unwrap();
    // More than fit into one call: every vector may send.
    let mut changes = f.changes().map(Result::unwrap);
    let mut all = Vec::new();
    // Once at first, and once more for each call that left some.
    for _ in 0..2 {
        assert_eq!(signalled(&event), 1);
        all.extend(changes.by_ref().take(IN_ONE_CALL));
    }
    assert_eq!(signalled(&event), 1);
    all.extend(changes);
    assert_eq!(all.len(), NR.into());
    assert!(all.iter().all(|change| change.changes == Changes::USED));
    assert!(event.read().is_err());
    s.put_entry(7, to(1), 0x99, true);
    s.control(ENABLE | MASK_ALL);
    signalled(&event);
    let changes: Vec<_> = f.changes().map(Result::unwrap).collect();
    assert_eq!(changes.len(), 2);
    let vector = changes.iter().find(|change| change.vector == Some(7)).unwrap();
    assert!(vector.changes.contains(Changes::MESSAGE | Changes::MASKED));
    assert_eq!((vector.address, vector.data, vector.control), (to(1), 0x99, 1));
    assert!(vector.state.contains(VectorState::MASKED | VectorState::FUNCTION_MASK));
    let capability = changes.iter().find(|change| change.vector.is_none()).unwrap();
    assert_eq!((capability.kind, capability.changes), (Kind::Msix, Changes::CONTROL));
    assert_eq!(f.changes().count(), 0);
    f.renew().unwrap();
    assert!(f.changes().count() > NR.into());
    f.set_notify(Changes::empty(), None).unwrap();
}

#[test]
#[ignore = "needs /dev/kvm and /dev/msi_route"]
fn many_vectors_in_one_call() {
    let (s, a) = side();
    let b = EventFd::new(EFD_NONBLOCK).unwrap();
    let f = module(&s);
    let entries = [0x61, 0x62].map(|data| Entry { address: to(0), data, control: 0 });
    f.set_entries(4, &entries).unwrap();
    let (on_a, on_b) = (EventfdChange::Attach(borrow(&a)), EventfdChange::Attach(borrow(&b)));
    f.set_eventfds(Kind::Msix, 4, &[on_a, on_b]).unwrap();
    a.write(1).unwrap();
    s.machine.vcpus[0].comes(0x61);
    // They change places.
    f.set_eventfds(Kind::Msix, 4, &[on_b, on_a]).unwrap();
    a.write(1).unwrap();
    s.machine.vcpus[0].comes(0x62);
    f.set_eventfds(Kind::Msix, 4, &[EventfdChange::Keep, EventfdChange::Detach]).unwrap();
    b.write(1).unwrap();
    s.machine.vcpus[0].comes(0x61);
    let twice = f.set_eventfds(Kind::Msix, 4, &[on_b, on_b]).unwrap_err();
    assert_eq!(twice.kind(), ErrorKind::EventfdTwice);
    let beyond = f.set_entries(129, &entries).unwrap_err();
    assert_eq!(beyond.kind(), ErrorKind::NoVector);
    assert_eq!(f.set_entries(0, &[]).unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
#[ignore = "needs /dev/kvm and /dev/msi_route"]
fn counters_and_observers() {
    let (s, _) = side();
    let f = module(&s);
    s.mask(3, true);
    s.function.trigger(Kind::Msix, 3).unwrap();
    s.function.trigger(Kind::Msix, 4).unwrap();
    let counters = f.counters(Kind::Msix, None).unwrap();
    assert_eq!((counters.events, counters.messages, counters.pending), (2, 1, 1));
    assert_eq!(f.counters(Kind::Msix, Some(4)).unwrap().events, 1);
    assert_eq!(f.counters(Kind::Msix, Some(130)).unwrap_err().kind(), ErrorKind::NoVector);

    let vectors: Vec<_> = f.vectors(Kind::Msix).map(Result::unwrap).collect();
    assert_eq!(vectors.len(), NR.into());
    assert_eq!((vectors[3].reason, vectors[3].last), (Reason::Masked, Reason::Masked));
    assert!(vectors[3].state.contains(VectorState::PENDING));
    assert_eq!((vectors[129].vector, vectors[129].data), (129, vector(129)));

    let device = Device::open().unwrap();
    let mut functions = device.functions().map(Result::unwrap);
    let its = functions
        .find(|function| {
            function.name == "00:01.0"
                && function.vm_fd >= 0
                && function.vm_fd == s.machine.fd.as_raw_fd()
        })
        .unwrap();
    assert_eq!(its.capability(Kind::Msix).vectors, NR.into());
    assert_eq!(its.capability(Kind::Ims).max, 0);
    assert_eq!(device.counters(its.number, Kind::Msix, None).unwrap().events, 2);
    assert_eq!(device.vectors(its.number, Kind::Msi).count(), 8);
    let none = device.counters(0xffff_ffff, Kind::Msix, None).unwrap_err();
    assert_eq!(none.kind(), ErrorKind::NotObserved);
}

#[test]
#[ignore = "needs /dev/kvm and /dev/msi_route"]
fn image_and_place() {
    let (s, _) = side();
    let f = module(&s);
    let image = f.image().unwrap();
    assert_eq!(image.entry(129), Entry { address: to(0), data: vector(129), control: 0 });
    s.mask(70, true);
    s.function.trigger(Kind::Msix, 70).unwrap();
    assert!(image.is_pending(70) && !image.is_pending(69));
    assert!(image.entry(70).is_masked());

    s.function.placed(TABLE.0, Some(0xc000_0000)).unwrap();
    s.function.placed(PBA.0, Some(0xc001_0000)).unwrap();
    let place = Place {
        table: Some(0xc000_0000 + u64::from(TABLE.1)),
        pba: Some(0xc001_0000 + u64::from(PBA.1)),
    };
    assert_eq!(f.get_map().unwrap(), (place, place));
    s.function.placed(PBA.0, None).unwrap();
    assert_eq!(f.get_map().unwrap().0, Place { pba: None, ..place });
    // KVM's own I/O APIC is there: the function leaves the old place.
    let occupied = s.function.placed(TABLE.0, Some(0xfec0_0000 - u64::from(TABLE.1)));
    assert_eq!(occupied.unwrap_err().kind(), ErrorKind::Occupied);
    assert_eq!(f.get_map().unwrap().0, Place::default());
    drop(s);
    assert!(image.is_pending(70));
}

#[test]
#[ignore = "needs /dev/kvm and /dev/msi_route"]
fn behind_a_remapping_unit() {
    let mut shape = shape();
    shape.remapping = true;
    let s = Side::bare(Backend::Module, &shape);
    let f = module(&s);
    s.command(6);
    s.control(ENABLE);
    s.put_entry(0, 0xfee0_0010, 0, false);
    assert_eq!(s.function.trigger(Kind::Msix, 0), Ok(Outcome::Pending));
    let translation =
        MessageTranslation { raw_address: 0xfee0_0010, raw_data: 0, address: to(1), data: 0x71 };
    f.set_translation(Kind::Msix, 0, translation).unwrap();
    assert_eq!(s.machine.vcpus[1].take_irr(), [0x71]);
    f.clear_translation(Kind::Msix, 0, 0xfee0_0010, 0).unwrap();
    assert_eq!(s.function.trigger(Kind::Msix, 0), Ok(Outcome::Pending));
    let stale = MessageTranslation { raw_data: 1, ..translation };
    let error = f.set_translation(Kind::Msix, 0, stale).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OtherMessage);
    s.put_entry(1, to(0), 0x72, false);
    f.set_remapping(true).unwrap();
    assert_eq!(s.function.trigger(Kind::Msix, 1), Ok(Outcome::Pending));
    f.set_remapping(false).unwrap();
    assert_eq!(s.irr(), [0x72]);
}

#[test]
#[ignore = "needs /dev/kvm and /dev/msi_route"]
fn vectors_that_come_and_go() {
    let mut shape = shape();
    shape.msix.as_mut().unwrap().granted = 4;
    shape.msix.as_mut().unwrap().grant_cap = 0x80;
    shape.ims = Some(ImsShape { vectors: 2, max: 70 });
    let s = Side::bare(Backend::Module, &shape);
    let f = module(&s);
    s.command(6);
    assert_eq!(s.function.trigger(Kind::Msix, 4).unwrap_err().kind(), ErrorKind::NoVector);
    assert_eq!(f.resize(Kind::Msix, 0, 0), Ok(4));
    f.set_limit(Kind::Msix, 10).unwrap();
    assert_eq!(f.resize(Kind::Msix, 1, 20), Ok(10));
    assert_eq!(f.resize(Kind::Msix, 11, 20).unwrap_err().kind(), ErrorKind::NoSpace);
    assert_eq!(f.resize(Kind::Ims, 70, 70), Ok(70));

    let entry = Entry { address: to(0), data: 0x81, control: 0 };
    f.set_ims(&[ImsOp::Set(69, entry), ImsOp::Mask(69)]).unwrap();
    assert_eq!(s.function.trigger(Kind::Ims, 69), Ok(Outcome::Pending));
    let event = s.event(Kind::Ims, 68);
    event.write(1).unwrap();

    s.function.stop().unwrap();
    let state = s.function.save().unwrap();
    assert_eq!(state.grant.unwrap().granted, 10);
    let ims = state.ims.as_ref().unwrap();
    assert_eq!((ims.granted, ims.entries.len()), (70, 70));
    assert_eq!(ims.entries[69], Entry { control: 1, ..entry });
    assert_eq!(ims.pending, [0, 3 << 4]);
    assert_eq!(state.to_bytes().unwrap_err().kind(), ErrorKind::Unsupported);

    let t = Side::bare(Backend::Module, &shape);
    t.function.take_over(&state).unwrap();
    assert_eq!(t.function.save().unwrap(), state);
    t.function.run().unwrap();
    let f = module(&t);
    f.set_ims(&[ImsOp::Unmask(69)]).unwrap();
    assert_eq!(t.irr(), [0x81]);
    f.set_ims(&[ImsOp::Free(69)]).unwrap();
    assert_eq!(f.set_ims(&[ImsOp::Free(70)]).unwrap_err().kind(), ErrorKind::NoVector);
    // The fallback has none of this.
    let error = t.machine.host(Backend::User, false).create(&shape).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[test]
#[ignore = "needs /dev/kvm and /dev/msi_route"]
fn moves_to_another_vm() {
    let (s, _) = side();
    let other = Machine::new(&[0], false);
    let f = module(&s);
    assert_eq!(f.rebind(&*other.fd).unwrap_err().kind(), ErrorKind::Running);
    s.function.stop().unwrap();
    s.function.trigger(Kind::Msix, 0).unwrap();
    f.rebind(&other.fd).unwrap();
    s.function.run().unwrap();
    assert_eq!((s.irr(), other.vcpus[0].take_irr()), (vec![], vec![vector(0)]));
}

#[test]
#[ignore = "needs /dev/kvm and /dev/msi_route"]
fn both_backends_in_one_vm() {
    let (s, _) = side();
    let user = s.host.create_user(&shape()).unwrap();
    use msi_route::Interrupts;
    user.config_write(4, &[6, 0]);
    user.config_write(MSIX_CAP + CONTROL, &ENABLE.to_le_bytes());
    assert!(user.bar_write(TABLE.0, TABLE.1.into(), &to(1).to_le_bytes()));
    assert!(user.bar_write(TABLE.0, u64::from(TABLE.1) + 8, &0x91u64.to_le_bytes()));
    assert_eq!(user.trigger(Kind::Msix, 0), Ok(Outcome::Sent));
    s.raise(Kind::Msix, 1, How::ByCall);
    assert_eq!((s.irr(), s.machine.vcpus[1].take_irr()), (vec![vector(1)], vec![0x91]));
}

#[test]
#[ignore = "needs /dev/kvm and /dev/msi_route"]
fn errors_of_creation() {
    let machine = Machine::new(&[0], false);
    let device = Device::open().unwrap();
    let file = std::fs::File::open("/dev/null").unwrap();
    let error = device.create(&file, &shape()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotAVm);
    let bare = kvm_ioctls::Kvm::new().unwrap().create_vm().unwrap();
    let error = device.create(&bare, &shape()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoLocalApic);
    let mut wrong = shape();
    wrong.msix.as_mut().unwrap().table_bar = 6;
    for backend in [Backend::Module, Backend::User] {
        let error = machine.host(backend, false).create(&wrong).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    let name = "x".repeat(32);
    let error = device.create(&*machine.fd, &shape().named(name)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}
