// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! Linux' 64-bit boot protocol: what has to be in memory and in the boot processor.

use std::fs::File;
use std::io::Read;

use kvm_bindings::{kvm_regs, kvm_segment, kvm_sregs};
use linux_loader::configurator::{linux::LinuxBootConfigurator, BootConfigurator, BootParams};
use linux_loader::loader::bootparam::{boot_e820_entry, boot_params, setup_header};
use linux_loader::loader::bzimage::BzImage;
use linux_loader::loader::{Cmdline, KernelLoader};
use vm_memory::{Bytes, GuestAddress, GuestMemory, GuestMemoryRegion};

use crate::{mptable, Memory, Result};

const GDT: u64 = 0x500;
const ZERO_PAGE: u64 = 0x7000;
const PAGE_TABLES: u64 = 0x9000;
const COMMAND_LINE: u64 = 0x2_0000;
const KERNEL: u64 = 0x10_0000;
const BASE_MEMORY: u64 = mptable::ADDRESS;

const PAGE: u64 = 0x1000;
const ENTRY_64: u64 = 0x200;
const HAS_ENTRY_64: u16 = 1;
const UNDEFINED_LOADER: u8 = 0xff;
const E820_RAM: u32 = 1;

const PRESENT_WRITABLE: u64 = 0x3;
const LARGE: u64 = 0x80;

fn load_initramfs(memory: &Memory, size: u64, file: &mut File) -> Result<(u32, u32)> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let start = size.checked_sub(bytes.len() as u64).ok_or("the initramfs does not fit")?;
    let start = start & !(PAGE - 1);
    memory.write_slice(&bytes, GuestAddress(start))?;
    Ok((start.try_into()?, bytes.len().try_into()?))
}

fn memory_map(params: &mut boot_params, size: u64) {
    let entry = |addr, end| boot_e820_entry { addr, size: end - addr, type_: E820_RAM };
    params.e820_table[0] = entry(0, BASE_MEMORY);
    params.e820_table[1] = entry(KERNEL, size);
    params.e820_entries = 2;
}

/// The first 4 GiB where they are, in pages of 2 MiB.
fn write_page_tables(memory: &Memory) -> Result<()> {
    let directories = PAGE_TABLES + PAGE;
    let pages = directories + PAGE;

    memory.write_obj(directories | PRESENT_WRITABLE, GuestAddress(PAGE_TABLES))?;
    for i in 0..4 {
        let page = pages + i * PAGE;
        memory.write_obj(page | PRESENT_WRITABLE, GuestAddress(directories + i * 8))?;
    }
    for i in 0..4 * 512 {
        let page = i << 21 | LARGE | PRESENT_WRITABLE;
        memory.write_obj(page, GuestAddress(pages + i * 8))?;
    }
    Ok(())
}

const CODE: u16 = 0x10;
const DATA: u16 = 0x18;

fn write_gdt(memory: &Memory) -> Result<()> {
    let gdt: [u64; 4] = [0, 0, 0x00af_9b00_0000_ffff, 0x00cf_9300_0000_ffff];
    for (i, descriptor) in gdt.iter().enumerate() {
        memory.write_obj(*descriptor, GuestAddress(GDT + 8 * i as u64))?;
    }
    Ok(())
}

/// Loads everything. Returns where the kernel is.
pub fn load(
    memory: &Memory,
    kernel: &mut File,
    initramfs: &mut File,
    command_line: &str,
    cpus: u8,
) -> Result<u64> {
    let size = memory.iter().map(GuestMemoryRegion::len).sum();
    let loaded = BzImage::load(memory, Some(GuestAddress(KERNEL)), kernel, None)?;
    let header: setup_header = loaded.setup_header.ok_or("no bzImage")?;
    if header.xloadflags & HAS_ENTRY_64 == 0 {
        return Err("not a kernel of 64 bits".into());
    }

    let mut line = Cmdline::new(header.cmdline_size as usize + 1)?;
    line.insert_str(command_line)?;
    linux_loader::loader::load_cmdline(memory, GuestAddress(COMMAND_LINE), &line)?;

    let mut params = boot_params { hdr: header, ..Default::default() };
    params.hdr.type_of_loader = UNDEFINED_LOADER;
    params.hdr.cmd_line_ptr = COMMAND_LINE as u32;
    (params.hdr.ramdisk_image, params.hdr.ramdisk_size) = load_initramfs(memory, size, initramfs)?;
    memory_map(&mut params, size);
    let params = BootParams::new(&params, GuestAddress(ZERO_PAGE));
    LinuxBootConfigurator::write_bootparams(&params, memory)?;

    memory.write_slice(&mptable::table(cpus), GuestAddress(mptable::ADDRESS))?;
    write_page_tables(memory)?;
    write_gdt(memory)?;
    Ok(loaded.kernel_load.0)
}

pub fn regs(kernel: u64) -> kvm_regs {
    kvm_regs { rip: kernel + ENTRY_64, rsi: ZERO_PAGE, rflags: 2, ..Default::default() }
}

fn segment(selector: u16, type_: u8, l: u8, db: u8) -> kvm_segment {
    kvm_segment {
        limit: 0xffff_ffff,
        selector,
        type_,
        present: 1,
        l,
        db,
        s: 1,
        g: 1,
        ..Default::default()
    }
}

/// Changes the registers to 64-bit mode.
pub fn set_long_mode(sregs: &mut kvm_sregs) {
    let data = segment(DATA, 3, 0, 1);

    sregs.cs = segment(CODE, 11, 1, 0);
    (sregs.ds, sregs.es, sregs.ss, sregs.fs, sregs.gs) = (data, data, data, data, data);
    sregs.gdt.base = GDT;
    sregs.gdt.limit = 4 * 8 - 1;
    sregs.cr3 = PAGE_TABLES;
    sregs.cr4 |= 1 << 5; // PAE
    sregs.cr0 |= 1 << 31 | 1; // PG, PE
    sregs.efer |= 1 << 8 | 1 << 10; // LME, LMA
}
