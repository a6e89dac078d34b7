// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! The rules, as a guest sees them.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

use msi_route::{ErrorKind, Events, Kind, Outcome, Route, Target};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

use crate::machine::*;

const NONE: [u32; 0] = [];

both! {
    fn rule_01_both_enabled(s: &Side) {
        s.put_config(MSI_CAP + 4, &(to(0) as u32).to_le_bytes());
        s.put_config(MSI_CAP + 0xc, &[0xb0, 0]);
        assert!(!s.function.intx_allowed());
        s.put_config(MSI_CAP + CONTROL, &[1]);
        assert_eq!(s.function.trigger(Kind::Msi, 0), Ok(Outcome::Pending));
        assert_eq!(s.function.trigger(Kind::Msix, 0), Ok(Outcome::Sent));
        assert_eq!(s.irr(), [vector(0)]);
        s.control(0);
        assert_eq!(s.irr(), [0xb0]);
        assert!(!s.function.intx_allowed());
        s.put_config(MSI_CAP + CONTROL, &[0]);
        assert!(s.function.intx_allowed());
        s.command(0x406);
        assert!(!s.function.intx_allowed());
    }

    fn rule_11_any_length(s: &Side) {
        for offset in 0..0x100 {
            for len in 0..0x20 {
                let mut whole = vec![0xa5; len];
                s.function.config_read(offset, &mut whole);
                for (i, byte) in whole.into_iter().enumerate() {
                    let mut one = [0xa5];
                    s.function.config_read(offset + i as u32, &mut one);
                    assert_eq!(one[0], byte, "{offset:#x} {len}");
                }
            }
        }
        s.put_config(0, &[0x3c; 0x100]);
        assert_eq!(s.config(MSIX_CAP), u32::from(NR - 1) << 16);
        assert_eq!(s.config(MSIX_CAP + 4), TABLE.1 | u32::from(TABLE.0));
        assert_eq!(s.config(MSIX_CAP + 8), PBA.1 | u32::from(PBA.0));
        assert_eq!(s.config(MSI_CAP), 0x01b6_0000);
        s.put_config(0xff8, &[0xff; 64]);
        s.put_config(u32::MAX - 3, &[0xff; 64]);
    }

    fn rule_14_16_entry(s: &Side) {
        s.put_table(3 * 16 + 12, &0xffff_fffeu32.to_le_bytes());
        s.put_table(3 * 16, &[0xff; 8]);
        s.put_table(3 * 16 + 8, &0x1234_5678u32.to_le_bytes());
        assert_eq!(s.table(3 * 16), 0xffff_ffff_ffff_fffc);
        assert_eq!(s.table(3 * 16 + 8), 0xffff_fffe_1234_5678);
        // The message is wrong until the write that unmasks it: one update.
        s.put_entry(0, to(0), vector(1), true);
        assert_eq!(s.function.trigger(Kind::Msix, 0), Ok(Outcome::Pending));
        s.put_table(8, &u64::from(vector(2)).to_le_bytes());
        assert_eq!(s.irr(), [vector(2)]);
    }

    fn rule_15_undefined(s: &Side) {
        for (bar, at, size) in [(TABLE.0, TABLE.1, u32::from(NR) * 16), (PBA.0, PBA.1, 24)] {
            for offset in [0, 1, 2, 3, 4, 7, 8, size - 8, size - 4, size - 1] {
                for len in 1..17 {
                    let defined = (len == 4 || len == 8) && offset % len == 0
                        && offset + len <= size;
                    if defined {
                        continue;
                    }
                    let mut bytes = vec![0; len as usize];
                    assert!(s.function.bar_write(bar, (at + offset).into(), &bytes));
                    assert!(s.function.bar_read(bar, (at + offset).into(), &mut bytes));
                    assert!(bytes.iter().all(|&byte| byte == 0xff), "{offset:#x} {len}");
                }
            }
            let mut before = [0; 8];
            assert!(s.function.bar_read(bar, (at - 1).into(), &mut before));
            assert!(!s.function.bar_read(bar, (at - 8).into(), &mut before));
            assert!(!s.function.bar_read(bar, (at + size).into(), &mut before));
            assert!(!s.function.bar_write(bar + 1, at.into(), &before));
        }
        assert_eq!(s.table(16), to(0));
        assert_eq!(s.table(24), u64::from(vector(1)));
    }

    fn rule_17_18_what_stands_then(s: &Side) {
        for how in WAYS {
            s.put_entry(0, to(0), vector(0), false);
            s.put_table(8, &vector(9).to_le_bytes());
            s.raise(Kind::Msix, 0, how);
            s.machine.vcpus[0].comes(vector(9));
            s.put_table(0, &(to(1) as u32).to_le_bytes());
            s.raise(Kind::Msix, 0, how);
            s.machine.vcpus[1].comes(vector(9));
            assert_eq!(s.irr(), NONE);
            s.mask(0, true);
            s.raise(Kind::Msix, 0, how);
            s.put_table(8, &vector(10).to_le_bytes());
            s.mask(0, false);
            assert_eq!(s.machine.vcpus[1].take_irr(), [vector(10)]);
        }
    }

    fn rule_19_own_mask_or_function_mask(s: &Side) {
        for how in WAYS {
            for (own, function) in [(false, false), (false, true), (true, false), (true, true)] {
                s.mask(5, own);
                s.control(ENABLE | if function { MASK_ALL } else { 0 });
                assert_eq!(s.table(5 * 16 + 8) >> 32, own.into());
                s.raise(Kind::Msix, 5, how);
                if !own && !function {
                    s.machine.vcpus[0].comes(vector(5));
                }
                assert_eq!(s.is_pending(5), own || function);
                assert_eq!(s.function.clear_pending(Kind::Msix, 5), Ok(own || function));
                assert_eq!((s.irr(), s.is_pending(5)), (vec![], false));
            }
        }
    }

    fn rule_20_many_at_once(s: &Side) {
        for how in WAYS {
            s.control(match how {
                How::ByCall => ENABLE | MASK_ALL,
                How::ByEventfd => 0,
            });
            (0..NR.into()).for_each(|entry| s.raise(Kind::Msix, entry, how));
            assert_eq!([s.pba(0), s.pba(1), s.pba(2)], [u64::MAX, u64::MAX, 3]);
            assert_eq!(s.irr(), NONE);
            s.control(ENABLE);
            assert_eq!(s.irr(), (0..NR.into()).map(vector).collect::<Vec<_>>());
            assert_eq!([s.pba(0), s.pba(1), s.pba(2)], [0; 3]);
        }
    }

    fn rule_24_one_event_one_message(s: &Side) {
        for how in WAYS {
            for _ in 0..20 {
                s.mask(4, true);
                s.raise(Kind::Msix, 4, how);
                s.mask(4, false);
                s.mask(4, true);
                assert_eq!(s.irr(), [vector(4)]);
                s.mask(4, false);
                s.control(ENABLE | MASK_ALL);
                s.control(ENABLE);
                assert_eq!(s.irr(), NONE);
            }
        }
    }

    fn rule_25_27_nothing_older_comes(s: &Side) {
        for how in WAYS {
            nothing_older_comes(s, how);
        }
    }

    fn rule_26_in_the_irr_at_unmask(s: &Side) {
        // Also a broadcast, and lowest priority.
        let messages = [
            (to(0), 0x51, 1),
            (to(1), 0x52, 2),
            (to(0xff), 0x53, 3),
            (to(0xff) | 8, 0x154, 3),
            (to(0), 0x155, 1),
        ];
        for how in WAYS {
            for (address, data, targets) in messages {
                s.put_entry(6, address, data, true);
                s.raise(Kind::Msix, 6, how);
                s.mask(6, false);
                for (cpu, vcpu) in s.machine.vcpus.iter().enumerate() {
                    let expected = if targets >> cpu & 1 != 0 { vec![data & 0xff] } else { vec![] };
                    assert_eq!(vcpu.take_irr(), expected, "{address:#x} {data:#x} {how:?}");
                }
            }
        }
    }

    fn rule_29_reset(s: &Side) {
        s.control(ENABLE | MASK_ALL);
        s.raise(Kind::Msix, 7, How::ByEventfd);
        s.raise(Kind::Msix, 8, How::ByCall);
        s.put_config(MSI_CAP + 4, &[0xff; 4]);
        s.function.reset_msi().unwrap();
        assert_eq!((s.pba(0), s.config(MSI_CAP + 4)), (0, 0));
        assert_eq!((s.table(0), s.table(8)), (0, 1 << 32));
        s.put_entry(7, to(0), vector(7), false);
        s.control(ENABLE);
        assert_eq!(s.irr(), NONE);
        // Bus Master Enable and the eventfd stayed.
        s.raise(Kind::Msix, 7, How::ByEventfd);
        s.machine.vcpus[0].comes(vector(7));
        s.function.reset().unwrap();
        s.put_entry(7, to(0), vector(7), false);
        s.control(ENABLE);
        s.raise(Kind::Msix, 7, How::ByEventfd);
        assert!(s.is_pending(7));
        s.function.set_command(6).unwrap();
        assert_eq!(s.irr(), [vector(7)]);
    }

    fn rule_31_bus_master(s: &Side) {
        for how in WAYS {
            s.command(2);
            s.raise(Kind::Msix, 6, how);
            assert!(s.is_pending(6));
            s.mask(6, true);
            s.mask(6, false);
            s.control(0);
            s.control(ENABLE);
            assert_eq!(s.irr(), NONE);
            s.command(6);
            assert_eq!((s.irr(), s.is_pending(6)), (vec![vector(6)], false));
        }
    }

    fn rule_32_34_dropped(s: &Side) {
        let messages = [
            (0, 0x51),
            (0xfed0_1000, 0x51),
            (0x1_fee0_0000, 0x51),
            (to(0), 0x351),
            (to(0), 0x651),
            (to(0), 0x751),
            (to(0), 0x0f),
            (to(0), 0x10f),
        ];
        for (address, data) in messages {
            s.put_entry(0, address, data, false);
            assert_eq!(s.function.trigger(Kind::Msix, 0), Ok(Outcome::Dropped));
            s.raise(Kind::Msix, 0, How::ByEventfd);
            assert!(!s.is_pending(0));
            s.put_entry(0, to(0), 0x51, false);
            assert_eq!(s.irr(), NONE);
        }
        s.put_entry(0, to(9), 0x51, false);
        assert_eq!(s.function.trigger(Kind::Msix, 0), Ok(Outcome::Unreached));
    }

    fn rule_33_destinations(s: &Side) {
        let machine = Machine::new(&[0, 0x302], true);
        let host = machine.host(s.backend, true);
        let mut shape = shape();
        shape.ext_dest_id = true;
        let short = s.host.create(&shape).unwrap_err();
        assert_eq!(short.kind(), ErrorKind::ShortIds);
        let s = Side::with(machine, host, s.backend, &shape);
        s.command(6);
        s.control(ENABLE);
        for (i, address) in [0x300 << 32 | to(2), to(2) | 3 << 5].into_iter().enumerate() {
            let data = 0x51 + i as u32;
            s.put_entry(0, address, data, false);
            assert_eq!(s.function.trigger(Kind::Msix, 0), Ok(Outcome::Sent));
            assert_eq!(s.machine.vcpus[1].take_irr(), [data]);
            s.raise(Kind::Msix, 0, How::ByEventfd);
            s.machine.vcpus[1].comes(data);
        }
    }

    fn msi_messages(s: &Side) {
        s.control(0);
        s.put_config(MSI_CAP + 4, &(to(0) as u32).to_le_bytes());
        s.put_config(MSI_CAP + 0xc, &[0xbf, 0]);
        for log2 in 0..=7u32 {
            s.put_config(MSI_CAP + CONTROL, &[(log2 << 4 | 1) as u8]);
            let enabled = 1 << log2.min(3);
            for i in 0..8 {
                let expected = (0xbf & !(enabled - 1)) | (i & (enabled - 1));
                s.raise(Kind::Msi, i, How::ByCall);
                assert_eq!(s.irr(), [expected]);
                s.raise(Kind::Msi, i, How::ByEventfd);
                s.machine.vcpus[0].comes(expected);
            }
        }
        // The mask of vector 1 of 2 holds 3 back, which has its own Pending bit.
        s.put_config(MSI_CAP + CONTROL, &[0x11]);
        s.put_config(MSI_CAP + 0x10, &[0x02]);
        s.raise(Kind::Msi, 3, How::ByCall);
        s.raise(Kind::Msi, 2, How::ByCall);
        assert_eq!((s.irr(), s.config(MSI_CAP + 0x14)), (vec![0xbe], 8));
        s.put_config(MSI_CAP + 0x10, &[0]);
        assert_eq!((s.irr(), s.config(MSI_CAP + 0x14)), (vec![0xbf], 0));
    }

    fn eventfds_come_and_go(s: &Side) {
        let new = || EventFd::new(EFD_NONBLOCK).unwrap();
        let (a, b, file) = (new(), new(), std::fs::File::open("/dev/null").unwrap());
        let f = &*s.function;
        let kind = |ret: msi_route::Result<()>| ret.map_err(|error| error.kind());
        assert_eq!(kind(f.attach_event(Kind::Msix, 130, &a)), Err(ErrorKind::NoVector));
        assert_eq!(kind(f.attach_event(Kind::Ims, 0, &a)), Err(ErrorKind::NoCapability));
        assert_eq!(kind(f.detach_all(Kind::Msix, 8)), Err(ErrorKind::NotAttached));
        assert_eq!(kind(f.detach_event(Kind::Msix, 8, &a)), Err(ErrorKind::NotAttached));
        let null = std::os::fd::AsFd::as_fd(&file);
        assert_eq!(kind(f.attach(Kind::Msix, 8, null)), Err(ErrorKind::Invalid));
        assert_eq!(kind(f.placed(6, None)), Err(ErrorKind::Invalid));
        // A count that is there already, and one that is left.
        a.write(3).unwrap();
        f.attach_event(Kind::Msix, 8, &a).unwrap();
        s.machine.vcpus[0].comes(vector(8));
        assert_eq!(kind(f.attach_event(Kind::Msix, 8, &a)), Err(ErrorKind::AlreadyAttached));
        assert_eq!(kind(f.attach_event(Kind::Msix, 9, &a)), Err(ErrorKind::EventfdTaken));
        assert_eq!(kind(f.replace_event(Kind::Msi, 1, &a)), Err(ErrorKind::EventfdTaken));
        s.mask(8, true);
        a.write(1).unwrap();
        f.replace_event(Kind::Msix, 8, &b).unwrap();
        assert!(s.is_pending(8));
        a.write(1).unwrap();
        s.mask(8, false);
        assert_eq!(s.irr(), [vector(8)]);
        s.mask(8, true);
        b.write(1).unwrap();
        f.detach_event(Kind::Msix, 8, &b).unwrap();
        assert!(s.is_pending(8));
        s.mask(8, false);
        assert_eq!(s.irr(), [vector(8)]);
        b.write(1).unwrap();
        assert_eq!((s.irr(), s.is_pending(8)), (vec![], false));
    }

    fn closed_eventfd_stays_attached(s: &Side) {
        let a = EventFd::new(EFD_NONBLOCK).unwrap();
        let b = a.try_clone().unwrap();
        s.function.attach_event(Kind::Msix, 8, &a).unwrap();
        drop(a);
        b.write(1).unwrap();
        s.machine.vcpus[0].comes(vector(8));
        s.function.detach_event(Kind::Msix, 8, &b).unwrap();
        b.write(1).unwrap();
        assert_eq!(s.irr(), NONE);
    }

    fn vmms_own_routes(s: &Side) {
        let to_vector = |gsi, data| Route { gsi, target: Target::Msi { address: to(1), data } };
        s.host.set_routes(&[to_vector(3, 0x41), to_vector(4, 0x42)]).unwrap();
        s.raise(Kind::Msix, 0, How::ByEventfd);
        s.machine.vcpus[0].comes(vector(0));
        let event = EventFd::new(EFD_NONBLOCK).unwrap();
        s.machine.fd.register_irqfd(&event, 4).unwrap();
        event.write(1).unwrap();
        s.machine.vcpus[1].comes(0x42);
        let wrong = s.host.set_routes(&[to_vector(24, 0x41)]).unwrap_err();
        assert_eq!(wrong.kind(), ErrorKind::Invalid);
    }
}

/// Once the write has returned, nothing older comes; whatever masks, and however it came.
fn nothing_older_comes(s: &Side, how: How) {
    let (stop, beats) = (AtomicBool::new(false), AtomicU32::new(0));
    let wait = || {
        let before = beats.load(SeqCst);
        while beats.load(SeqCst).wrapping_sub(before) < 3 {
            std::thread::yield_now();
        }
    };
    let clear = || s.machine.vcpus.iter().for_each(Vcpu::clear_irr);
    s.mask(0, true);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(SeqCst) {
                s.raise(Kind::Msix, 0, how);
                beats.fetch_add(1, SeqCst);
                std::thread::yield_now();
            }
        });
        for round in 0..60u32 {
            let target = round as usize & 1;
            let data = vector(20 + round % 8);
            s.put_table(8, &data.to_le_bytes());
            s.put_table(0, &(to(target as u64) as u32).to_le_bytes());
            clear();
            s.mask(0, false);
            wait();
            // The new message alone (rule 25).
            assert_eq!(s.machine.vcpus[1 - target].irr(), NONE);
            while s.machine.vcpus[target].irr() != [data] {
                std::thread::yield_now();
            }
            match round % 4 {
                0 => s.mask(0, true),
                1 => s.control(ENABLE | MASK_ALL),
                2 => s.command(2),
                _ => s.function.stop().unwrap(),
            }
            clear();
            wait();
            // Rule 27.
            assert!(s.machine.vcpus.iter().all(|vcpu| vcpu.irr().is_empty()));
            assert!(s.is_pending(0));
            s.mask(0, true);
            s.control(ENABLE);
            s.command(6);
            s.function.run().unwrap();
        }
        stop.store(true, SeqCst);
    });
    s.function.clear_pending(Kind::Msix, 0).unwrap();
    clear();
}
