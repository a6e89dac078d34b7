// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! Intel's MultiProcessor table: how a guest without ACPI finds its processors.
//!
//! It lists no I/O APIC, as there is none: all interrupts are messages.

/// The last KiB of base memory is one of the places where a guest looks.
pub const ADDRESS: u64 = 0x9_fc00;
const LOCAL_APIC: u32 = 0xfee0_0000;

const PROCESSOR: u8 = 0;
const BUS: u8 = 1;
const ENABLED: u8 = 1;
const BOOTSTRAP: u8 = 2;
const VERSION_1_4: u8 = 4;

/// Sets one byte so that all of them add up to zero.
fn set_checksum(bytes: &mut [u8], at: usize) {
    let sum = bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    bytes[at] = bytes[at].wrapping_sub(sum);
}

fn processor(id: u8) -> [u8; 20] {
    let mut entry = [0; 20];
    let bootstrap = if id == 0 { BOOTSTRAP } else { 0 };
    entry[..4].copy_from_slice(&[PROCESSOR, id, 0x14, ENABLED | bootstrap]);
    entry
}

fn header(cpus: u8, entries: &[u8]) -> [u8; 44] {
    let mut header = [0; 44];
    let length = (header.len() + entries.len()) as u16;
    header[..4].copy_from_slice(b"PCMP");
    header[4..6].copy_from_slice(&length.to_le_bytes());
    header[6] = VERSION_1_4;
    header[8..28].copy_from_slice(b"RUSTVMM MSI_ROUTE   ");
    header[34..36].copy_from_slice(&(u16::from(cpus) + 1).to_le_bytes());
    header[36..40].copy_from_slice(&LOCAL_APIC.to_le_bytes());
    header
}

/// What goes to `ADDRESS`: the pointer, and behind it the table.
pub fn table(cpus: u8) -> Vec<u8> {
    let mut entries: Vec<u8> = (0..cpus).flat_map(processor).collect();
    entries.extend_from_slice(&[BUS, 0]);
    entries.extend_from_slice(b"PCI   ");

    let mut table = header(cpus, &entries).to_vec();
    table.extend_from_slice(&entries);
    set_checksum(&mut table, 7);

    let mut pointer = [0; 16];
    pointer[..4].copy_from_slice(b"_MP_");
    pointer[4..8].copy_from_slice(&(ADDRESS as u32 + 16).to_le_bytes());
    pointer[8..10].copy_from_slice(&[1, VERSION_1_4]);
    set_checksum(&mut pointer, 10);

    let mut bytes = pointer.to_vec();
    bytes.extend_from_slice(&table);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_add_up_to_zero_and_fit() {
        let bytes = table(8);
        let sum = |part: &[u8]| part.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
        assert_eq!((sum(&bytes[..16]), sum(&bytes[16..])), (0, 0));
        assert_eq!(u16::from_le_bytes([bytes[20], bytes[21]]) as usize, bytes.len() - 16);
        assert!(bytes.len() <= 1024);
    }
}
