// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note

use crate::common::{hosts, shape, PBA, TABLE};
use msi_route_adapters::snapshots::{from_snapshot, to_snapshot, MsixConfigState, MsixTableEntry};

fn entry(data: u32, masked: bool) -> MsixTableEntry {
    MsixTableEntry {
        msg_addr_lo: 0xfee0_1000,
        msg_addr_hi: 0,
        msg_data: data,
        vector_ctl: masked.into(),
    }
}

fn snapshot() -> MsixConfigState {
    let entries = [entry(0x51, false), entry(0x52, true), entry(0x53, true), entry(0x54, true)];
    MsixConfigState {
        table_entries: entries.to_vec(),
        // One qword more than the specification asks for, as cloud-hypervisor makes it
        pba_entries: vec![1 << 1, 0],
        masked: false,
        enabled: true,
    }
}

#[test]
fn a_function_restores_a_snapshot_of_before() {
    for host in hosts() {
        let function = host.vm.create(&shape()).unwrap();
        function.stop().unwrap();
        function.restore(&from_snapshot(&snapshot(), 0x0006)).unwrap();
        let (mut control, mut data, mut pba) = ([0; 2], [0; 4], [0; 8]);
        function.config_read(0x42, &mut control);
        assert!(function.bar_read(0, TABLE + 0x38, &mut data));
        assert!(function.bar_read(0, PBA, &mut pba));
        assert_eq!((control, data), ([0x03, 0x80], [0x54, 0, 0, 0]));
        assert_eq!(u64::from_le_bytes(pba), 1 << 1);
        // It may send: Bus Master Enable is in the state, too.
        assert_eq!(function.save().unwrap().command, 0x0004);
    }
}

#[test]
fn a_peer_of_before_gets_what_it_would_have_saved() {
    for host in hosts() {
        let function = host.vm.create(&shape()).unwrap();
        function.stop().unwrap();
        function.restore(&from_snapshot(&snapshot(), 0x0006)).unwrap();
        let saved = to_snapshot(&function.save().unwrap()).unwrap();
        assert_eq!(saved, MsixConfigState { pba_entries: vec![1 << 1], ..snapshot() });
    }
}

#[test]
fn a_function_that_the_guest_never_touched_is_not_masked() {
    for host in hosts() {
        let function = host.vm.create(&shape()).unwrap();
        let untouched = MsixConfigState { masked: true, enabled: false, ..snapshot() };
        let mut control = [0; 2];
        function.stop().unwrap();
        function.restore(&from_snapshot(&untouched, 0)).unwrap();
        function.config_read(0x42, &mut control);
        assert_eq!(control, [0x03, 0x00]);
    }
}
