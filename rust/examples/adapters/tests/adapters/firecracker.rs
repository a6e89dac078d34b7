// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note

use crate::common::{hosts, shape, PBA, TABLE};
use msi_route_adapters::firecracker::{InterruptError, MsixVectorGroup};

const CONTROL_REGISTER: u16 = crate::common::CONTROL_REGISTER as u16;

fn pending(group: &MsixVectorGroup) -> u8 {
    let mut pba = [0; 8];
    assert!(group.read_bar(PBA, &mut pba));
    pba[0]
}

fn bus_master_and_enable(group: &MsixVectorGroup) {
    group.config_write(1, 0, &[0x06, 0x00]);
    group.config_write(CONTROL_REGISTER, 2, &[0x00, 0x80]);
}

/// As a guest's driver: message, unmask.
fn set_up(group: &MsixVectorGroup, entry: u64, vector: u8) {
    let at = TABLE + entry * 16;
    assert!(group.write_bar(at, &0xfee0_0000u64.to_le_bytes()));
    assert!(group.write_bar(at + 8, &u64::from(vector).to_le_bytes()));
}

#[test]
fn events_are_pending_until_the_guest_unmasks() {
    for host in hosts() {
        let group = MsixVectorGroup::new(&host.vm, &shape()).unwrap();
        assert_eq!(group.num_vectors(), 4);
        bus_master_and_enable(&group);
        assert_eq!(group.config_read(CONTROL_REGISTER, 0) >> 16, 0x8003);
        group.trigger(0).unwrap();
        group.notifier(2).unwrap().write(1).unwrap();
        assert_eq!(pending(&group), 0b101);
        if host.received(0x51).is_some() {
            set_up(&group, 0, 0x51);
            set_up(&group, 2, 0x52);
            let received = (host.received(0x51), host.received(0x52));
            assert_eq!((pending(&group), received), (0, (Some(true), Some(true))));
        }
    }
}

#[test]
fn a_vector_that_is_not_there_is_an_error() {
    for host in hosts() {
        let group = MsixVectorGroup::new(&host.vm, &shape()).unwrap();
        assert!(matches!(group.trigger(4), Err(InterruptError::InvalidVectorIndex(4))));
        assert!(group.notifier(4).is_none());
    }
}

#[test]
fn a_reset_of_the_device_leaves_the_group_and_its_notifiers() {
    for host in hosts() {
        let group = MsixVectorGroup::new(&host.vm, &shape()).unwrap();
        bus_master_and_enable(&group);
        group.notifier(1).unwrap().write(1).unwrap();
        group.reset().unwrap();
        assert_eq!((pending(&group), group.config_read(CONTROL_REGISTER, 0) >> 16), (0, 3));
        group.notifier(1).unwrap().write(1).unwrap();
        assert_eq!(pending(&group), 1 << 1);
    }
}

#[test]
fn each_backend_restores_what_each_has_saved() {
    let hosts = hosts();
    for (from, to) in hosts.iter().flat_map(|from| hosts.iter().map(move |to| (from, to))) {
        let old = MsixVectorGroup::new(&from.vm, &shape()).unwrap();
        bus_master_and_enable(&old);
        old.trigger(3).unwrap();
        old.stop().unwrap();
        let state = old.save().unwrap();

        let new = MsixVectorGroup::restore(&to.vm, &shape(), &state).unwrap();
        new.run().unwrap();
        assert_eq!(pending(&new), 1 << 3);
        assert!(MsixVectorGroup::restore(&to.vm, &shape(), &state[1..]).is_err());
    }
}
