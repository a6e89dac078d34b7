// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note

use std::sync::Arc;

use crate::common::{hosts, shape, CONTROL_REGISTER, PBA, TABLE};
use msi_route_adapters::cloud_hypervisor::interrupt::{
    InterruptManager, InterruptSourceConfig, InterruptSourceGroup,
};
use msi_route_adapters::cloud_hypervisor::{Function, FunctionManager};
use vmm_sys_util::eventfd::EventFd;

const ENABLE: [u8; 2] = [0x00, 0x80];

fn pending(function: &Function) -> u8 {
    let mut pba = [0; 8];
    assert!(function.read_bar(0, PBA, &mut pba));
    pba[0]
}

/// As a guest's driver: message, unmask.
fn set_up(function: &Function, entry: u64, vector: u8) {
    let at = TABLE + entry * 16;
    assert!(function.write_bar(0, at, &0xfee0_0000u64.to_le_bytes()));
    assert!(function.write_bar(0, at + 8, &u64::from(vector).to_le_bytes()));
}

fn bus_master_and_enable(function: &Function) {
    function.write_config_register(1, 0, &[0x06, 0x00]);
    function.write_config_register(CONTROL_REGISTER, 2, &ENABLE);
}

#[test]
fn an_event_of_a_masked_vector_is_sent_when_the_guest_unmasks() {
    for host in hosts() {
        let vm = &host.vm;
        let function = FunctionManager::new(vm.clone()).create(&shape()).unwrap();
        let group: Arc<dyn InterruptSourceGroup> = Arc::new(function.clone());
        bus_master_and_enable(&function);
        assert_eq!(function.read_config_register(CONTROL_REGISTER, 0) >> 16, 0x8003);
        group.trigger(1).unwrap();
        assert_eq!(pending(&function), 1 << 1);
        if host.received(0x51).is_some() {
            set_up(&function, 1, 0x51);
            assert_eq!((pending(&function), host.received(0x51)), (0, Some(true)));
        }
    }
}

#[test]
fn a_notifier_raises_events() {
    for host in hosts() {
        let function = FunctionManager::new(host.vm.clone()).create(&shape()).unwrap();
        let notifier = function.notifier(2).unwrap();
        bus_master_and_enable(&function);
        notifier.write(1).unwrap();
        assert_eq!(pending(&function), 1 << 2);
        if host.received(0x52).is_some() {
            set_up(&function, 2, 0x52);
            assert_eq!((pending(&function), host.received(0x52)), (0, Some(true)));
        }
        assert!(function.notifier(4).is_none());
    }
}

#[test]
fn a_device_brings_its_own_notifier_and_takes_it_back() {
    for host in hosts() {
        let mut function = FunctionManager::new(host.vm.clone()).create(&shape()).unwrap();
        let own = EventFd::new(0).unwrap();
        function.set_notifier(0, Some(own.try_clone().unwrap())).unwrap();
        own.write(1).unwrap();
        assert_eq!(pending(&function), 1);
        function.set_notifier(0, None).unwrap();
    }
}

#[test]
fn calls_for_routes_do_nothing_and_wrong_vectors_are_errors() {
    for host in hosts() {
        let manager = FunctionManager::new(host.vm.clone());
        let group = manager.create_group(shape()).unwrap();
        group.enable().unwrap();
        group.update(0, InterruptSourceConfig, false, true).unwrap();
        group.set_gsi().unwrap();
        group.disable().unwrap();
        assert!(group.trigger(4).is_err());
        manager.destroy_group(group).unwrap();
    }
}

#[test]
fn each_backend_restores_what_each_has_saved() {
    let hosts = hosts();
    for (from, to) in hosts.iter().flat_map(|from| hosts.iter().map(move |to| (from, to))) {
        let old = FunctionManager::new(from.vm.clone()).create(&shape()).unwrap();
        bus_master_and_enable(&old);
        old.trigger(3).unwrap();
        old.pause().unwrap();
        let snapshot = old.snapshot().unwrap();

        let new = FunctionManager::new(to.vm.clone()).create(&shape()).unwrap();
        new.pause().unwrap();
        new.restore(&snapshot).unwrap();
        new.resume().unwrap();
        assert_eq!(pending(&new), 1 << 3);
        assert!(new.restore(&snapshot[1..]).is_err());
    }
}
