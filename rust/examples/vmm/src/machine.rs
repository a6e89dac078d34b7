// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! The virtual machine: memory, processors, and what answers their accesses.

use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::mpsc::{channel, Receiver};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use kvm_bindings::{
    kvm_enable_cap, kvm_msr_entry, kvm_userspace_memory_region, CpuId, Msrs, KVM_CAP_SPLIT_IRQCHIP,
    KVM_MAX_CPUID_ENTRIES,
};
use kvm_ioctls::{Kvm, VcpuExit, VcpuFd, VmFd};
use msi_route::{Backend, Counters, Vm};
use vm_memory::{GuestAddress, GuestMemory, GuestMemoryRegion};
use vmm_sys_util::signal::{register_signal_handler, Killable, SIGRTMIN};

use crate::disk::Disk;
use crate::pci::{Bus, ADDRESS_PORT};
use crate::serial::{self, Serial};
use crate::transport::Transport;
use crate::{boot, lock, Memory, Result};

/// What to run.
pub struct Options {
    pub kernel: File,
    pub initramfs: File,
    pub disk: File,
    pub command_line: String,
    pub memory: usize,
    pub cpus: u8,
    pub backend: Backend,
}

/// The keyboard controller's port, by whose reset line a guest ends.
const KEYBOARD: u16 = 0x64;
const RESET: u8 = 0xfe;
const CLOCK: u16 = 0x71;

pub const RAN: u8 = 0;
pub const CRASHED: u8 = 2;

/// What the guest can access.
pub struct Board {
    pci: Bus,
    serial: Mutex<Serial>,
    ended: AtomicBool,
    status: AtomicU8,
}

impl Board {
    pub fn new(function: Arc<Transport>) -> Self {
        Board {
            pci: Bus::new(function),
            serial: Mutex::default(),
            ended: AtomicBool::new(false),
            status: AtomicU8::new(RAN),
        }
    }

    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    fn end(&self, status: u8) {
        self.status.fetch_max(status, Ordering::Relaxed);
        self.ended.store(true, Ordering::Release);
    }

    /// A port's access; pieces of a string instruction come in one.
    pub fn port_read(&self, port: u16, data: &mut [u8]) {
        data.fill(0xff);
        match port {
            ADDRESS_PORT..=0xcff => self.pci.read(port, data),
            serial::PORT..0x400 if data.len() == 1 => {
                data[0] = lock(&self.serial).read(port - serial::PORT);
            }
            // Neither is there, but where it reads ones a guest waits until they are done.
            KEYBOARD | CLOCK => data.fill(0),
            _ => {}
        }
    }

    pub fn port_write(&self, port: u16, data: &[u8]) {
        match (port, data) {
            (ADDRESS_PORT..=0xcff, _) => self.pci.write(port, data),
            (serial::PORT..0x400, _) => {
                for byte in data {
                    lock(&self.serial).write(port - serial::PORT, *byte);
                }
            }
            (KEYBOARD, [RESET]) => self.end(RAN),
            _ => {}
        }
    }

    pub fn memory_read(&self, address: u64, data: &mut [u8]) {
        match self.pci.function.find(address) {
            Some(offset) => self.pci.function.bar_read(offset, data),
            None => data.fill(0xff),
        }
    }

    pub fn memory_write(&self, address: u64, data: &[u8]) {
        if let Some(offset) = self.pci.function.find(address) {
            self.pci.function.bar_write(offset, data);
        }
    }
}

/// Local APICs in the kernel, and nothing else: no I/O APIC, no PIC, no timer of a PC. Each
/// kernel has this, those too that were built without KVM_CREATE_IRQCHIP.
pub fn create_vm(kvm: &Kvm, memory: &Memory) -> Result<VmFd> {
    let vm = kvm.create_vm()?;
    let split = kvm_enable_cap { cap: KVM_CAP_SPLIT_IRQCHIP, ..Default::default() };

    vm.set_tss_address(0xfffb_d000)?;
    vm.enable_cap(&split)?;
    for (slot, region) in memory.iter().enumerate() {
        let region = kvm_userspace_memory_region {
            slot: slot as u32,
            flags: 0,
            guest_phys_addr: region.start_addr().0,
            memory_size: region.len(),
            userspace_addr: memory.get_host_address(region.start_addr())? as u64,
        };
        // SAFETY: the memory is mapped as long as the VM exists: run() keeps both.
        unsafe { vm.set_user_memory_region(region) }?;
    }
    Ok(vm)
}

/// What the host's KVM can do, with the number of the processor.
fn set_cpuid(vcpu: &VcpuFd, mut cpuid: CpuId, id: u8, cpus: u8) -> Result<()> {
    let number = u32::from(id);
    for leaf in cpuid.as_mut_slice() {
        match leaf.function {
            0x1 => {
                leaf.ebx = leaf.ebx & 0xffff | u32::from(cpus) << 16 | number << 24;
                // A timer by TSC deadline, as nothing else could measure another one;
                // and the bit that says that there is a hypervisor.
                leaf.ecx |= 1 << 24 | 1 << 31;
            }
            0xb | 0x1f => leaf.edx = number,
            0x8000_001e => leaf.eax = number,
            _ => {}
        }
    }
    Ok(vcpu.set_cpuid2(&cpuid)?)
}

fn set_registers(vcpu: &VcpuFd, kernel: u64) -> Result<()> {
    let mut sregs = vcpu.get_sregs()?;
    boot::set_long_mode(&mut sregs);
    vcpu.set_sregs(&sregs)?;
    Ok(vcpu.set_regs(&boot::regs(kernel))?)
}

/// MTRRs are on, and all memory is write-back.
fn set_memory_type(vcpu: &VcpuFd) -> Result<()> {
    let default_type = kvm_msr_entry { index: 0x2ff, data: 0x806, ..Default::default() };
    vcpu.set_msrs(&Msrs::from_entries(&[default_type])?)?;
    Ok(())
}

fn create_vcpus(kvm: &Kvm, vm: &VmFd, cpus: u8, kernel: u64) -> Result<Vec<VcpuFd>> {
    let cpuid = kvm.get_supported_cpuid(KVM_MAX_CPUID_ENTRIES)?;
    let create = |id: u8| {
        let vcpu = vm.create_vcpu(id.into())?;
        set_cpuid(&vcpu, cpuid.clone(), id, cpus)?;
        set_memory_type(&vcpu)?;
        // The others wait until the guest starts them.
        if id == 0 {
            set_registers(&vcpu, kernel)?;
        }
        Ok(vcpu)
    };
    (0..cpus).map(create).collect()
}

/// One processor, until the guest ends.
fn run_vcpu(vcpu: &mut VcpuFd, board: &Board) {
    while !board.has_ended() {
        match vcpu.run() {
            Ok(VcpuExit::IoIn(port, data)) => board.port_read(port, data),
            Ok(VcpuExit::IoOut(port, data)) => board.port_write(port, data),
            Ok(VcpuExit::MmioRead(address, data)) => board.memory_read(address, data),
            Ok(VcpuExit::MmioWrite(address, data)) => board.memory_write(address, data),
            Ok(VcpuExit::Intr) => {}
            // Such as a triple fault: it ends the guest, not the VMM.
            Ok(exit) => {
                eprintln!("vmm: the guest ended: {exit:?}");
                board.end(CRASHED);
            }
            Err(e) if e.errno() == libc::EINTR || e.errno() == libc::EAGAIN => {}
            Err(e) => {
                eprintln!("vmm: the guest ended: KVM_RUN: {e}");
                board.end(CRASHED);
            }
        }
    }
}

extern "C" fn wake(_: libc::c_int, _: *mut libc::siginfo_t, _: *mut libc::c_void) {}

/// Whether it waits in the kernel or is about to: signals until it has seen the end.
fn join(thread: JoinHandle<()>) -> Result<()> {
    while !thread.is_finished() {
        thread.kill(SIGRTMIN())?;
        thread::sleep(Duration::from_millis(1));
    }
    thread.join().map_err(|_| "a thread panicked".into())
}

/// Starts the processors; the first one that has seen the end sends.
fn start(vcpus: Vec<VcpuFd>, board: &Arc<Board>) -> (Vec<JoinHandle<()>>, Receiver<()>) {
    let (ends, ended) = channel();
    let start = |mut vcpu: VcpuFd| {
        let (board, ends) = (board.clone(), ends.clone());
        thread::spawn(move || {
            run_vcpu(&mut vcpu, &board);
            // Of the others nobody waits for it.
            let _ = ends.send(());
        })
    };
    (vcpus.into_iter().map(start).collect(), ended)
}

/// Runs a guest to its end. Returns its status, and what its function counted.
pub fn run(mut options: Options) -> Result<(u8, Option<Counters>)> {
    let kvm = Kvm::new()?;
    let memory = Memory::from_ranges(&[(GuestAddress(0), options.memory)])?;
    let vm = Arc::new(create_vm(&kvm, &memory)?);
    let kernel = boot::load(
        &memory,
        &mut options.kernel,
        &mut options.initramfs,
        &options.command_line,
        options.cpus,
    )?;
    let vcpus = create_vcpus(&kvm, &vm, options.cpus, kernel)?;

    let host = Vm::builder(vm.clone()).backend(options.backend).build()?;
    let disk = Disk::new(options.disk)?;
    let function = Arc::new(Transport::new(&host, memory.clone(), disk)?);
    let board = Arc::new(Board::new(function.clone()));

    register_signal_handler(SIGRTMIN(), wake)?;
    let device = thread::spawn({
        let function = function.clone();
        move || function.run()
    });
    let (vcpus, ended) = start(vcpus, &board);
    ended.recv()?;
    for vcpu in vcpus {
        join(vcpu)?;
    }
    function.stop();
    device.join().map_err(|_| "the device's thread panicked")??;
    let status = board.status.load(Ordering::Relaxed);
    Ok((status, function.counters()?))
}
