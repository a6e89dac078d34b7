// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! A VM whose vCPUs do not run, and a function of it.

use std::sync::Arc;

use kvm_bindings::{KVM_CAP_X2APIC_API, KVM_MAX_CPUID_ENTRIES, kvm_enable_cap};
use kvm_ioctls::{Kvm, VcpuFd, VmFd};
use msi_route::{Backend, Interrupts, Kind, MsiShape, MsixShape, Shape, Vm};
use vmm_sys_util::eventfd::EventFd;

pub const MSIX_CAP: u32 = 0x40;
pub const MSI_CAP: u32 = 0x50;
pub const CONTROL: u32 = 2;
pub const ENABLE: u16 = 0x8000;
pub const MASK_ALL: u16 = 0x4000;

pub const TABLE: (u8, u32) = (2, 0x1000);
pub const PBA: (u8, u32) = (4, 0x40);
/// Two full qwords of the PBA and 2 bits.
pub const NR: u16 = 130;

const IRR: usize = 0x200;
const SVR: usize = 0xf0;

/// The vector of an entry.
pub fn vector(entry: u32) -> u32 {
    0x20 + entry
}

/// The address of a vCPU.
pub fn to(apic_id: u64) -> u64 {
    0xfee0_0000 | apic_id << 12
}

pub struct Vcpu(VcpuFd);

impl Vcpu {
    fn register(&self, at: usize) -> u32 {
        let bytes = self.0.get_lapic().unwrap().regs;
        u32::from_le_bytes(std::array::from_fn(|i| bytes[at + i] as u8))
    }

    fn set_registers(&self, at: &[usize], value: u32) {
        let mut lapic = self.0.get_lapic().unwrap();
        for at in at {
            for (i, byte) in value.to_le_bytes().into_iter().enumerate() {
                lapic.regs[at + i] = byte as _;
            }
        }
        self.0.set_lapic(&lapic).unwrap();
    }

    pub fn irr(&self) -> Vec<u32> {
        (0..8u32)
            .flat_map(|i| {
                let bits = self.register(IRR + i as usize * 16);
                (0..32).filter(move |bit| bits >> bit & 1 != 0).map(move |bit| i * 32 + bit)
            })
            .collect()
    }

    pub fn clear_irr(&self) {
        self.set_registers(&std::array::from_fn::<_, 8, _>(|i| IRR + i * 16), 0);
    }

    /// What is in the IRR, which is empty afterwards.
    pub fn take_irr(&self) -> Vec<u32> {
        let irr = self.irr();
        self.clear_irr();
        irr
    }

    /// A message of an irqfd may come by a work item, after the signal.
    pub fn comes(&self, vector: u32) {
        while !self.irr().contains(&vector) {
            std::thread::yield_now();
        }
        assert_eq!(self.take_irr(), [vector]);
    }
}

pub struct Machine {
    pub fd: Arc<VmFd>,
    pub vcpus: Vec<Vcpu>,
}

impl Machine {
    pub fn new(apic_ids: &[u64], ids_32bit: bool) -> Self {
        let kvm = Kvm::new().expect("/dev/kvm");
        let fd = kvm.create_vm().unwrap();
        let cpuid = kvm.get_supported_cpuid(KVM_MAX_CPUID_ENTRIES).unwrap();
        if ids_32bit {
            let mut cap = kvm_enable_cap { cap: KVM_CAP_X2APIC_API, ..Default::default() };
            cap.args[0] = 3;
            fd.enable_cap(&cap).unwrap();
        }
        fd.create_irq_chip().unwrap();
        let vcpu = |&id: &u64| {
            let vcpu = Vcpu(fd.create_vcpu(id).unwrap());
            if ids_32bit {
                vcpu.0.set_cpuid2(&cpuid).unwrap();
                let mut sregs = vcpu.0.get_sregs().unwrap();
                sregs.apic_base |= 0xc00;
                vcpu.0.set_sregs(&sregs).unwrap();
            }
            vcpu.set_registers(&[SVR], 0x1ff);
            vcpu
        };
        let vcpus = apic_ids.iter().map(vcpu).collect();
        Self { fd: Arc::new(fd), vcpus }
    }

    pub fn host(&self, backend: Backend, ids_32bit: bool) -> Vm {
        let vm = Vm::builder(self.fd.clone()).backend(backend).ids_32bit(ids_32bit);
        vm.build().expect("the backend")
    }
}

pub fn shape() -> Shape {
    let mut msi = MsiShape::new(8, MSI_CAP as u8);
    (msi.address_64bit, msi.masking) = (true, true);
    Shape::default()
        .with_msix(MsixShape::new(NR, MSIX_CAP as u8, TABLE, PBA))
        .with_msi(msi)
        .named("00:01.0")
}

/// A function of one backend, and the machine that it belongs to.
pub struct Side {
    pub function: Box<dyn Interrupts>,
    pub host: Vm,
    pub machine: Machine,
    pub backend: Backend,
}

/// An event in one of the ways that both backends have.
#[derive(Clone, Copy, Debug)]
pub enum How {
    ByCall,
    ByEventfd,
}

pub const WAYS: [How; 2] = [How::ByCall, How::ByEventfd];

impl Side {
    /// Two vCPUs.
    pub fn bare(backend: Backend, shape: &Shape) -> Self {
        let machine = Machine::new(&[0, 1], false);
        let host = machine.host(backend, false);
        Self::with(machine, host, backend, shape)
    }

    pub fn with(machine: Machine, host: Vm, backend: Backend, shape: &Shape) -> Self {
        let function = host.create(shape).unwrap();
        assert_eq!(function.as_module().is_some(), backend == Backend::Module);
        // The fallback has no update hold: these tests are about what both do.
        if let Some(module) = function.as_module() {
            module.set_hold(0).unwrap();
        }
        Self { function, host, machine, backend }
    }

    /// A bus master with MSI-X enabled; entry n is vector(n) to vCPU 0.
    pub fn new(backend: Backend) -> Self {
        let side = Self::bare(backend, &shape());
        side.command(6);
        for entry in 0..NR.into() {
            side.put_entry(entry, to(0), vector(entry), false);
        }
        side.control(ENABLE);
        side
    }

    pub fn irr(&self) -> Vec<u32> {
        self.machine.vcpus[0].take_irr()
    }

    // ---- the guest's accesses ----

    pub fn config(&self, offset: u32) -> u32 {
        let mut bytes = [0; 4];
        self.function.config_read(offset, &mut bytes);
        u32::from_le_bytes(bytes)
    }

    pub fn put_config(&self, offset: u32, bytes: &[u8]) {
        self.function.config_write(offset, bytes);
    }

    pub fn command(&self, command: u16) {
        self.put_config(4, &command.to_le_bytes());
    }

    pub fn control(&self, control: u16) {
        self.put_config(MSIX_CAP + CONTROL, &control.to_le_bytes());
    }

    pub fn table(&self, offset: u32) -> u64 {
        let mut bytes = [0; 8];
        assert!(self.function.bar_read(TABLE.0, (TABLE.1 + offset).into(), &mut bytes));
        u64::from_le_bytes(bytes)
    }

    pub fn put_table(&self, offset: u32, bytes: &[u8]) {
        assert!(self.function.bar_write(TABLE.0, (TABLE.1 + offset).into(), bytes));
    }

    pub fn pba(&self, qword: u32) -> u64 {
        let mut bytes = [0; 8];
        assert!(self.function.bar_read(PBA.0, (PBA.1 + qword * 8).into(), &mut bytes));
        u64::from_le_bytes(bytes)
    }

    pub fn is_pending(&self, entry: u32) -> bool {
        self.pba(entry / 64) >> (entry % 64) & 1 != 0
    }

    pub fn mask(&self, entry: u32, masked: bool) {
        self.put_table(entry * 16 + 12, &u32::from(masked).to_le_bytes());
    }

    pub fn put_entry(&self, entry: u32, address: u64, data: u32, masked: bool) {
        self.mask(entry, true);
        self.put_table(entry * 16, &(address as u32).to_le_bytes());
        self.put_table(entry * 16 + 4, &((address >> 32) as u32).to_le_bytes());
        self.put_table(entry * 16 + 8, &data.to_le_bytes());
        self.mask(entry, masked);
    }

    // ---- events ----

    pub fn event(&self, kind: Kind, vector: u32) -> EventFd {
        msi_route::Events::event(&*self.function, kind, vector).unwrap()
    }

    pub fn raise(&self, kind: Kind, vector: u32, how: How) {
        match how {
            How::ByCall => drop(self.function.trigger(kind, vector).unwrap()),
            How::ByEventfd => self.event(kind, vector).write(1).unwrap(),
        }
    }
}
