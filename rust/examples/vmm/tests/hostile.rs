// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! No guest can end the VMM: whatever it accesses and writes is answered, and after a reset
//! the device works.

use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use kvm_ioctls::Kvm;
use msi_route::{Backend, Vm};
use msi_route_vmm::disk::Disk;
use msi_route_vmm::machine::{create_vm, Board};
use msi_route_vmm::transport::{Transport, BAR_ADDRESS, BAR_SIZE};
use msi_route_vmm::Memory;
use vm_memory::{Bytes, GuestAddress};
use vmm_sys_util::tempfile::TempFile;

const BAR: u64 = BAR_ADDRESS as u64;
const MEMORY: u64 = 1 << 20;
const SECTORS: u64 = 64;

const DESCRIPTORS: u64 = 0x1000;
const AVAILABLE: u64 = 0x2000;
const USED: u64 = 0x3000;
const HEADER: u64 = 0x4000;
const DATA: u64 = 0x5000;
const STATUS: u64 = 0x6000;

const NEXT: u16 = 1;
const WRITE: u16 = 2;

/// On a host that has the module, a real VM. Elsewhere any file stands in for one: that no
/// message can be sent is one more thing that the device has to bear.
fn vm() -> Vm {
    if Path::new("/dev/msi_route").exists() {
        let vm = create_vm(&Kvm::new().unwrap(), &Memory::new()).unwrap();
        return Vm::builder(vm).backend(Backend::Module).build().unwrap();
    }
    let file = File::open("/dev/null").unwrap();
    Vm::builder(file).backend(Backend::User).build().unwrap()
}

/// A machine without processors: the test makes their accesses.
struct Machine {
    board: Board,
    function: Arc<Transport>,
    memory: Memory,
}

impl Machine {
    fn new() -> Machine {
        let vm = vm();
        let memory = Memory::from_ranges(&[(GuestAddress(0), MEMORY as usize)]).unwrap();
        let disk = TempFile::new().unwrap().into_file();
        disk.set_len(SECTORS * 512).unwrap();
        let disk = Disk::new(disk).unwrap();
        let function = Arc::new(Transport::new(&vm, memory.clone(), disk).unwrap());
        let board = Board::new(function.clone());
        let machine = Machine { board, function, memory };
        machine.start();
        machine
    }

    /// Memory Space and Bus Master, by the ports of configuration space.
    fn start(&self) {
        self.config_write(0x10, &BAR_ADDRESS.to_le_bytes());
        self.config_write(0x04, &[0x06, 0x00]);
    }

    fn select(&self, offset: u32) {
        let address = 0x8000_0800 | offset & 0xfc;
        self.board.port_write(0xcf8, &address.to_le_bytes());
    }

    fn config_write(&self, offset: u32, data: &[u8]) {
        self.select(offset);
        self.board.port_write(0xcfc + (offset & 3) as u16, data);
    }

    fn config_read(&self, offset: u32, data: &mut [u8]) {
        self.select(offset);
        self.board.port_read(0xcfc + (offset & 3) as u16, data);
    }

    fn write(&self, offset: u64, data: &[u8]) {
        self.board.memory_write(BAR + offset, data);
    }

    fn status(&self) -> u8 {
        let mut status = [0];
        self.board.memory_read(BAR + 0x14, &mut status);
        status[0]
    }

    /// A driver begins: queue 0 with 16 entries at these rings.
    fn set_up_queue(&self, descriptors: u64, available: u64, used: u64) {
        self.write(0x14, &[0]);
        self.write(0x14, &[3]);
        self.write(0x08, &1u32.to_le_bytes());
        self.write(0x0c, &1u32.to_le_bytes()); // VIRTIO_F_VERSION_1
        self.write(0x14, &[0x0b]);
        assert_eq!(self.status(), 0x0b);
        self.write(0x16, &0u16.to_le_bytes());
        self.write(0x18, &16u16.to_le_bytes());
        for (at, ring) in [(0x20, descriptors), (0x28, available), (0x30, used)] {
            self.write(at, &(ring as u32).to_le_bytes());
            self.write(at + 4, &((ring >> 32) as u32).to_le_bytes());
        }
        self.write(0x1a, &1u16.to_le_bytes());
        self.write(0x1c, &1u16.to_le_bytes());
        self.write(0x14, &[0x0f]);
    }

    fn poke(&self, address: u64, data: &[u8]) {
        self.memory.write_slice(data, GuestAddress(address)).unwrap();
    }

    fn peek<const N: usize>(&self, address: u64) -> [u8; N] {
        let mut data = [0; N];
        self.memory.read_slice(&mut data, GuestAddress(address)).unwrap();
        data
    }

    fn descriptor(&self, index: u64, address: u64, len: u32, flags: u16, next: u16) {
        let at = DESCRIPTORS + index * 16;
        self.poke(at, &address.to_le_bytes());
        self.poke(at + 8, &len.to_le_bytes());
        self.poke(at + 12, &flags.to_le_bytes());
        self.poke(at + 14, &next.to_le_bytes());
    }

    fn notify(&self) {
        self.write(0x2000, &[0, 0]);
        self.function.poll();
    }

    /// One chain from descriptor 0 is available; the queue is new.
    fn offer(&self) {
        self.poke(AVAILABLE, &[0, 0, 1, 0, 0, 0]);
        self.notify();
    }

    fn new_queue(&self) {
        self.poke(AVAILABLE, &[0; 64]);
        self.poke(USED, &[0; 256]);
        self.set_up_queue(DESCRIPTORS, AVAILABLE, USED);
    }

    /// A request's status byte; 0xff if there is none.
    fn request(&self, kind: u32, sector: u64, len: u32) -> u8 {
        let flags = if kind == 1 { 0 } else { WRITE };
        self.new_queue();
        self.poke(HEADER, &kind.to_le_bytes());
        self.poke(HEADER + 8, &sector.to_le_bytes());
        self.poke(STATUS, &[0xff]);
        self.descriptor(0, HEADER, 16, NEXT, 1);
        self.descriptor(1, DATA, len, NEXT | flags, 2);
        self.descriptor(2, STATUS, 1, WRITE, 0);
        self.offer();
        self.peek::<1>(STATUS)[0]
    }

    /// What a good driver finds: what it has written comes back.
    fn works(&self) {
        self.start();
        self.poke(DATA, &[0x5a; 512]);
        assert_eq!(self.request(1, 3, 512), 0);
        self.poke(DATA, &[0; 512]);
        assert_eq!(self.request(0, 3, 512), 0);
        assert_eq!(self.peek::<512>(DATA), [0x5a; 512]);
        assert_eq!(self.status(), 0x0f);
        assert!(!self.board.has_ended());
    }
}

/// Numbers that look like chance, and are the same each time.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        self.0 >> 33 ^ self.0 >> 13
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next() as u8)
    }
}

#[test]
fn a_good_driver_is_served() {
    let machine = Machine::new();
    machine.works();
    assert_eq!(machine.request(0, SECTORS, 512), 1); // beyond the end
    assert_eq!(machine.request(1, SECTORS, 512), 1);
    assert_eq!(machine.request(1, SECTORS - 1, 1024), 1);
    assert_eq!(machine.request(0, SECTORS, 512), 1); // no write has made the disk larger
    assert_eq!(machine.request(0, u64::MAX / 512, 512), 1);
    assert_eq!(machine.request(0, 0, 511), 1);
    assert_eq!(machine.request(77, 0, 512), 2);
    assert_eq!(machine.request(8, 0, 20), 0);
    assert_eq!(machine.request(4, 0, 0), 0);
}

#[test]
fn features_that_are_not_offered_are_refused() {
    let machine = Machine::new();
    for (low, high) in [(1 << 28, 1), (0, 0), (0, 3)] {
        machine.write(0x14, &[0]);
        for (select, features) in [(0u32, low), (1, high), (2, u32::MAX), (u32::MAX, u32::MAX)] {
            machine.write(0x08, &select.to_le_bytes());
            machine.write(0x0c, &features.to_le_bytes());
        }
        machine.write(0x14, &[0x0b]);
        assert_eq!(machine.status(), 0x03, "{high:x}{low:08x}h");
    }
    machine.works();
}

#[test]
fn every_size_at_every_offset_of_the_bar() {
    let machine = Machine::new();
    let mut chance = Chance(1);
    for offset in 0..u64::from(BAR_SIZE) + 16 {
        for size in 0..=8 {
            let mut data = chance.bytes::<8>();
            machine.write(offset, &data[..size]);
            machine.board.memory_read(BAR + offset, &mut data[..size]);
        }
    }
    machine.function.poll();
    machine.works();
}

#[test]
fn undefined_accesses_of_the_table_read_as_ones() {
    let machine = Machine::new();
    for (offset, size) in [(0x4001, 4), (0x4004, 8), (0x4000, 2), (0x401c, 8), (0x5000, 1)] {
        let mut data = vec![0; size];
        machine.board.memory_read(BAR + offset, &mut data);
        assert_eq!(data, vec![0xff; size], "{size} bytes at {offset:x}h");
    }
}

#[test]
fn registers_are_written_by_their_own_size_alone() {
    let machine = Machine::new();
    machine.new_queue();
    let before: [u8; 56] = std::array::from_fn(|at| {
        let mut byte = [0];
        machine.board.memory_read(BAR + at as u64, &mut byte);
        byte[0]
    });
    for (offset, size) in [(0x14, 2), (0x16, 1), (0x10, 4), (0x18, 4), (0x20, 8), (0x1e, 2)] {
        machine.write(offset, &[0; 8][..size]);
    }
    let mut after = [0; 56];
    machine.board.memory_read(BAR, &mut after);
    assert_eq!(after, before);
}

#[test]
fn every_size_at_every_port() {
    let machine = Machine::new();
    let mut chance = Chance(2);
    for port in 0..=u16::MAX {
        // A guest may end itself, and print.
        if port == 0x64 || port == 0x3f8 {
            continue;
        }
        for size in [1, 2, 4, 8, 4096] {
            let mut data = vec![chance.next() as u8; size];
            machine.board.port_write(port, &data);
            machine.board.port_read(port, &mut data);
        }
    }
    machine.works();
}

#[test]
fn an_access_ends_with_the_data_port() {
    let machine = Machine::new();
    let mut data = [0; 4];
    machine.select(0x04);
    machine.board.port_read(0xcfe, &mut data);
    assert_eq!(data, [0x10, 0, 0xff, 0xff]); // Status, and what are no ports
    machine.select(0x0c);
    machine.board.port_write(0xcff, &[0; 4]); // not BAR 0
    let mut bar = [0; 4];
    machine.config_read(0x10, &mut bar);
    assert_eq!(bar, BAR_ADDRESS.to_le_bytes());
}

#[test]
fn every_size_at_every_offset_of_configuration_space() {
    let machine = Machine::new();
    let mut chance = Chance(3);
    let mut before = [0; 4];
    machine.config_read(0, &mut before);
    for round in 0..20 {
        for offset in 0..256 {
            for size in 0..=8 {
                let mut data = chance.bytes::<8>();
                // Bit 31 enables; then any bus, device, function and register.
                let address = chance.next() as u32 | 1 << 31;
                machine.board.port_write(0xcf8, &address.to_le_bytes());
                machine.board.port_read(0xcfc + (offset & 3) as u16, &mut data[..size]);
                machine.config_write(offset, &data[..size]);
                machine.config_read(offset, &mut data[..size]);
            }
        }
        let mut after = [0; 4];
        machine.config_read(0, &mut after);
        assert_eq!(after, before, "round {round}");
    }
    machine.works();
}

#[test]
fn wild_addresses_read_as_ones() {
    let machine = Machine::new();
    for address in [0, BAR - 1, BAR + u64::from(BAR_SIZE), u64::MAX, u64::MAX - 7, 1 << 63] {
        let mut data = [0; 8];
        machine.board.memory_write(address, &data);
        machine.board.memory_read(address, &mut data);
        assert_eq!(data, [0xff; 8], "at {address:x}h");
    }
}

/// The last capability's window on the BAR.
fn window(machine: &Machine) -> u32 {
    let (mut at, mut next) = (0, [0]);
    machine.config_read(0x34, &mut next);
    while next[0] != 0 {
        at = u32::from(next[0]);
        machine.config_read(at + 1, &mut next);
    }
    at
}

#[test]
fn the_window_shows_the_bar_and_bears_anything() {
    let machine = Machine::new();
    let at = window(&machine);
    let look = |bar: u8, offset: u32, len: u32| {
        machine.config_write(at + 4, &[bar]);
        machine.config_write(at + 8, &offset.to_le_bytes());
        machine.config_write(at + 12, &len.to_le_bytes());
        let mut data = [0; 4];
        machine.config_read(at + 16, &mut data);
        machine.config_write(at + 16, &data);
        u32::from_le_bytes(data)
    };

    assert_eq!(look(0, 0x12, 2) & 0xffff, 2); // number of queues
    assert_eq!(look(0, 0x400c, 4), 1); // an entry's mask
    for offset in [0x37, 0x3ffd, 0x401f, 0x5006, BAR_SIZE - 1, BAR_SIZE, 0x8000_0000, u32::MAX] {
        for len in [0, 1, 2, 3, 4, 5, 8, u32::MAX] {
            for bar in [0, 1, 5, 6, 255] {
                look(bar, offset, len);
            }
        }
    }
    machine.works();
}

const WILD: [u64; 9] =
    [0, 0x1000, MEMORY - 16, MEMORY - 2, MEMORY, BAR, 0x7fff_ffff_ffff_fff0, !15, u64::MAX - 1];

#[test]
fn rings_anywhere_are_refused_or_served() {
    let machine = Machine::new();
    for descriptors in WILD {
        for available in WILD {
            for used in WILD {
                machine.set_up_queue(descriptors, available, used);
                machine.notify();
            }
        }
    }
    machine.works();
}

#[test]
fn an_index_that_runs_ahead_needs_a_reset() {
    let machine = Machine::new();
    machine.new_queue();
    machine.poke(AVAILABLE + 2, &17u16.to_le_bytes());
    machine.notify();
    assert_eq!(machine.status(), 0x4f);
    machine.write(0x14, &[0x0f]); // the driver cannot take that back
    assert_eq!(machine.status(), 0x4f);
    machine.works();
}

/// Each is one chain from descriptor 0; whether it is answered or needs a reset.
fn offer_chain(machine: &Machine, chain: &[(u64, u32, u16, u16)]) {
    machine.new_queue();
    for (index, (address, len, flags, next)) in chain.iter().enumerate() {
        machine.descriptor(index as u64, *address, *len, *flags, *next);
    }
    machine.offer();
    let used = u16::from_le_bytes(machine.peek(USED + 2));
    assert!(used == 1 || machine.status() & 0x40 != 0, "{chain:x?} was forgotten");
}

#[test]
fn bad_chains_are_answered_or_need_a_reset() {
    const INDIRECT: u16 = 4;
    let machine = Machine::new();
    machine.poke(HEADER, &[0; 16]);
    for chain in [
        [(HEADER, 16, NEXT, 0), (0, 0, 0, 0)],          // a circle
        [(HEADER, 16, NEXT, 0xffff), (0, 0, 0, 0)],     // beyond the table
        [(HEADER, 16, 0, 0), (0, 0, 0, 0)],             // no place for a status
        [(HEADER, 15, NEXT, 1), (STATUS, 1, WRITE, 0)], // half a header
        [(HEADER, 0, NEXT, 1), (STATUS, 0, WRITE, 0)],  // nothing
        [(HEADER, u32::MAX, NEXT, 1), (STATUS, u32::MAX, WRITE, 0)],
        [(MEMORY - 1, 16, NEXT, 1), (STATUS, 1, WRITE, 0)], // across the end
        [(u64::MAX - 1, 16, NEXT, 1), (STATUS, 1, WRITE, 0)],
        [(HEADER, 16, NEXT, 1), (u64::MAX, 1, WRITE, 0)],
        [(HEADER, 16, NEXT, 1), (BAR, 513, WRITE, 0)], // its own registers
        [(DESCRIPTORS, 16, INDIRECT, 0), (0, 0, 0, 0)], // itself
        [(u64::MAX - 15, 16, INDIRECT, 0), (0, 0, 0, 0)],
        [(HEADER, 0xffff_fff0, INDIRECT, 0), (0, 0, 0, 0)],
        [(HEADER, 16, NEXT, 1), (USED, 513, WRITE, 0)], // its own ring
        [(HEADER, 16, NEXT, 1), (DESCRIPTORS, 513, WRITE, 0)],
    ] {
        offer_chain(&machine, &chain);
    }
    machine.works();
}

fn scramble(machine: &Machine, chance: &mut Chance, pages: Range<u64>) {
    for address in pages.step_by(8) {
        // Small numbers make chains, great ones do not.
        let value = match chance.next() % 4 {
            0 => (chance.next() << 32) | chance.next(),
            1 => chance.next() % MEMORY,
            2 => ((chance.next() % 64) << 32) | (chance.next() % 1024),
            _ => chance.next() % 4,
        };
        machine.poke(address, &value.to_le_bytes());
    }
}

#[test]
fn queues_of_chance_contents() {
    let machine = Machine::new();
    let mut chance = Chance(4);
    for _ in 0..2000 {
        machine.new_queue();
        scramble(&machine, &mut chance, DESCRIPTORS..DESCRIPTORS + 256);
        scramble(&machine, &mut chance, AVAILABLE..AVAILABLE + 64);
        scramble(&machine, &mut chance, HEADER..HEADER + 64);
        machine.poke(AVAILABLE + 2, &(chance.next() as u16 % 17).to_le_bytes());
        machine.notify();
    }
    machine.works();
}
