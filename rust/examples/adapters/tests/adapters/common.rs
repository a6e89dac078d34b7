// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! Virtual machines to test on: without KVM in user space alone, with it on both backends.

use std::fs::File;
use std::path::Path;

use kvm_bindings::{kvm_enable_cap, KVM_CAP_SPLIT_IRQCHIP};
use kvm_ioctls::{Kvm, VcpuFd};
use msi_route::{Backend, MsixShape, Shape, Vm};

pub const CONTROL_REGISTER: usize = 0x40 / 4;
pub const TABLE: u64 = 0x1000;
pub const PBA: u64 = 0x1800;

pub fn shape() -> Shape {
    Shape::default().with_msix(MsixShape::new(4, 0x40, (0, 0x1000), (0, 0x1800)))
}

pub struct Host {
    pub vm: Vm,
    vcpu: Option<VcpuFd>,
}

const SPURIOUS: usize = 0xf0;
const IRR: usize = 0x200;

impl Host {
    fn on_kvm(backend: Backend) -> Host {
        let vm = Kvm::new().unwrap().create_vm().unwrap();
        let split = kvm_enable_cap { cap: KVM_CAP_SPLIT_IRQCHIP, ..Default::default() };
        vm.enable_cap(&split).unwrap();
        let vcpu = vm.create_vcpu(0).unwrap();
        let mut apic = vcpu.get_lapic().unwrap();
        apic.regs[SPURIOUS + 1] |= 1; // on
        vcpu.set_lapic(&apic).unwrap();
        let vm = Vm::builder(vm).backend(backend).build().unwrap();
        Host { vm, vcpu: Some(vcpu) }
    }

    /// Has the local APIC this interrupt? Without KVM nobody knows.
    pub fn received(&self, vector: usize) -> Option<bool> {
        let apic = self.vcpu.as_ref()?.get_lapic().unwrap();
        let byte = apic.regs[IRR + vector / 32 * 16 + vector % 32 / 8];
        Some(byte as u8 >> (vector % 8) & 1 == 1)
    }
}

pub fn hosts() -> Vec<Host> {
    if !Path::new("/dev/kvm").exists() {
        let file = File::open("/dev/null").unwrap();
        let vm = Vm::builder(file).backend(Backend::User).build().unwrap();
        return vec![Host { vm, vcpu: None }];
    }
    let mut hosts = vec![Host::on_kvm(Backend::User)];
    if Path::new("/dev/msi_route").exists() {
        hosts.push(Host::on_kvm(Backend::Module));
    }
    hosts
}
