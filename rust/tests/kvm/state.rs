// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! States: saved by one backend, restored by the other or by the same.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

use msi_route::{Backend, ErrorKind, Events, Kind, Outcome, State};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

use crate::machine::*;

const NONE: [u32; 0] = [];

macro_rules! between {
    ($name:ident, $from:ident, $to:ident) => {
        mod $name {
            use super::*;

            between!(@ $from $to all_registers pending_is_sent_once replaces other_shapes
                live_update);
        }
    };
    (@ $from:ident $to:ident $($test:ident)*) => {
        $(#[test]
        #[ignore = "needs /dev/kvm and /dev/msi_route"]
        fn $test() {
            super::$test(&source(Backend::$from), &Side::bare(Backend::$to, &shape()));
        })*
    };
}

between!(module_to_module, Module, Module);
between!(module_to_user, Module, User);
between!(user_to_module, User, Module);
between!(user_to_user, User, User);

fn source(backend: Backend) -> Side {
    let from = Side::bare(backend, &shape());
    from.command(6);
    for entry in 0..NR.into() {
        from.put_entry(entry, to((entry & 1).into()), vector(entry), entry % 3 == 0);
    }
    from.put_table(4, &0x500u32.to_le_bytes());
    from.put_config(MSI_CAP + 4, &(to(1) as u32).to_le_bytes());
    from.put_config(MSI_CAP + 0xc, &[0xb0, 0]);
    from.put_config(MSI_CAP + 0x10, &[5]);
    from.put_config(MSI_CAP + CONTROL, &[0x20]);
    from
}

/// By way of the bytes that go to another host.
fn sent(state: &State) -> State {
    State::from_bytes(&state.to_bytes().unwrap()).unwrap()
}

fn all_registers(from: &Side, to: &Side) {
    from.control(ENABLE | MASK_ALL);
    from.raise(Kind::Msix, 129, How::ByCall);
    from.raise(Kind::Msix, 1, How::ByEventfd);
    from.raise(Kind::Msi, 2, How::ByCall);
    assert_eq!(from.function.save().unwrap_err().kind(), ErrorKind::Running);
    from.function.stop().unwrap();
    let state = from.function.save().unwrap();
    assert_eq!(to.function.restore(&state).unwrap_err().kind(), ErrorKind::Running);
    to.function.take_over(&sent(&state)).unwrap();
    assert_eq!(to.function.save().unwrap(), state);
    to.function.run().unwrap();
    for qword in 0..u32::from(NR) * 2 {
        assert_eq!(from.table(qword * 8), to.table(qword * 8));
    }
    for offset in (0x40..0x70).step_by(4) {
        assert_eq!(from.config(offset), to.config(offset), "{offset:#x}");
    }
    assert_eq!([to.pba(0), to.pba(1), to.pba(2)], [2, 0, 2]);
    assert!(!to.function.intx_allowed());
}

fn pending_is_sent_once(from: &Side, to: &Side) {
    from.control(ENABLE);
    assert_eq!(from.function.trigger(Kind::Msix, 3), Ok(Outcome::Pending));
    from.function.stop().unwrap();
    assert_eq!(from.function.trigger(Kind::Msix, 4), Ok(Outcome::Pending));
    to.function.take_over(&sent(&from.function.save().unwrap())).unwrap();
    assert_eq!(to.irr(), NONE);
    to.function.run().unwrap();
    assert_eq!(to.irr(), [vector(4)]);
    assert!(to.is_pending(3) && !to.is_pending(4));
}

/// A restore replaces what was there, and Command's two bits go along.
fn replaces(from: &Side, to: &Side) {
    from.command(0x402);
    from.function.stop().unwrap();
    let state = sent(&from.function.save().unwrap());
    to.command(6);
    to.put_entry(0, crate::machine::to(0), vector(0), true);
    to.control(ENABLE);
    to.raise(Kind::Msix, 0, How::ByEventfd);
    to.function.take_over(&state).unwrap();
    to.function.run().unwrap();
    assert!(!to.is_pending(0) && !to.function.intx_allowed());
    to.control(ENABLE);
    assert_eq!(to.function.trigger(Kind::Msix, 1), Ok(Outcome::Pending));
    to.command(6);
    assert_eq!(to.machine.vcpus[1].take_irr(), [vector(1)]);
}

fn other_shapes(from: &Side, to: &Side) {
    from.function.stop().unwrap();
    to.function.stop().unwrap();
    let state = from.function.save().unwrap();
    let wrong: [fn(&mut State); 4] = [
        |s| s.msi = None,
        |s| s.msix.as_mut().unwrap().entries.truncate(129),
        |s| s.msix.as_mut().unwrap().entries[0].address |= 1,
        |s| s.command = 1,
    ];
    let before = to.function.save().unwrap();
    for change in wrong {
        let mut state = state.clone();
        change(&mut state);
        assert_eq!(to.function.restore(&state).unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(to.function.save().unwrap(), before);
    }
}

/// The device does not pause, and each of its events comes.
fn live_update(from: &Side, to: &Side) {
    let event = EventFd::new(EFD_NONBLOCK).unwrap();
    let (stop, came) = (AtomicBool::new(false), AtomicU32::new(0));
    from.control(ENABLE);
    from.function.attach_event(Kind::Msix, 1, &event).unwrap();
    let vcpus = [&from.machine.vcpus[1], &to.machine.vcpus[1]];
    std::thread::scope(|scope| {
        // One event at a time: if one is lost, it waits for ever.
        scope.spawn(|| {
            while !stop.load(SeqCst) {
                event.write(1).unwrap();
                let taker = std::iter::repeat(vcpus)
                    .flatten()
                    .inspect(|_| std::thread::yield_now())
                    .find(|vcpu| !vcpu.irr().is_empty());
                assert_eq!(taker.unwrap().take_irr(), [vector(1)]);
                came.fetch_add(1, SeqCst);
            }
        });
        let (mut old, mut new) = (from, to);
        for round in 0..50 {
            let state = sent(&old.function.hand_over().unwrap());
            new.function.take_over(&state).unwrap();
            new.function.attach_event(Kind::Msix, 1, &event).unwrap();
            new.function.run().unwrap();
            let before = came.load(SeqCst);
            while came.load(SeqCst).wrapping_sub(before) < round % 4 {
                std::thread::yield_now();
            }
            std::mem::swap(&mut old, &mut new);
        }
        stop.store(true, SeqCst);
    });
    // Once each.
    assert!(vcpus.iter().all(|vcpu| vcpu.irr().is_empty()));
}
