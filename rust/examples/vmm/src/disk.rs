// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! A virtio block device: a file, and what a request does with it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;

use virtio_queue::{DescriptorChain, Error};
use vm_memory::{Le32, Le64};

use crate::Memory;

pub const QUEUES: u16 = 2;

pub const FLUSH: u64 = 1 << 9;
pub const MULTIPLE_QUEUES: u64 = 1 << 12;

/// As the guest reads them; the rest is zero.
const CONFIG_SIZE: usize = 60;
const NUM_QUEUES: usize = 34;

const SECTOR: u64 = 512;
const PIECE: usize = 64 << 10;

const IN: u32 = 0;
const OUT: u32 = 1;
const FLUSH_REQUEST: u32 = 4;
const GET_ID: u32 = 8;

const OK: u8 = 0;
const IO_ERROR: u8 = 1;
const UNSUPPORTED: u8 = 2;

const ID: &[u8; 20] = b"msi_route-example\0\0\0";

pub struct Disk {
    file: File,
    size: u64,
}

impl Disk {
    pub fn new(file: File) -> io::Result<Self> {
        let size = file.metadata()?.len() / SECTOR * SECTOR;
        Ok(Disk { file, size })
    }

    pub fn config(&self) -> [u8; CONFIG_SIZE] {
        let mut config = [0; CONFIG_SIZE];
        config[..8].copy_from_slice(&(self.size / SECTOR).to_le_bytes());
        config[NUM_QUEUES..NUM_QUEUES + 2].copy_from_slice(&QUEUES.to_le_bytes());
        config
    }

    /// Where so many bytes from a sector on are, if the disk has them.
    fn place(&self, sector: u64, len: usize) -> Option<u64> {
        let at = sector.checked_mul(SECTOR)?;
        let end = at.checked_add(len as u64)?;
        (len as u64 % SECTOR == 0 && end <= self.size).then_some(at)
    }

    fn load(&self, at: u64, len: usize, to: &mut impl Write) -> io::Result<()> {
        let mut buffer = vec![0; len.min(PIECE)];
        for start in (0..len).step_by(PIECE) {
            let piece = &mut buffer[..(len - start).min(PIECE)];
            self.file.read_exact_at(piece, at + start as u64)?;
            to.write_all(piece)?;
        }
        Ok(())
    }

    fn store(&self, at: u64, len: usize, from: &mut impl Read) -> io::Result<()> {
        let mut buffer = vec![0; len.min(PIECE)];
        for start in (0..len).step_by(PIECE) {
            let piece = &mut buffer[..(len - start).min(PIECE)];
            from.read_exact(piece)?;
            self.file.write_all_at(piece, at + start as u64)?;
        }
        Ok(())
    }

    /// Carries out one request. Returns how many bytes of the chain it wrote.
    ///
    /// # Errors
    ///
    /// The chain is none of this device's: nothing in it can be answered.
    pub fn request(&self, memory: &Memory, chain: DescriptorChain<&Memory>) -> Result<u32, Error> {
        let mut reader = chain.clone().reader(memory)?;
        let mut writer = chain.writer(memory)?;
        let room = writer.available_bytes();
        let mut status = writer.split_at(room.checked_sub(1).ok_or(Error::InvalidChain)?)?;
        let bad = |_| Error::InvalidChain;
        let kind: u32 = reader.read_obj::<Le32>().map_err(bad)?.into();
        let _reserved: Le32 = reader.read_obj().map_err(bad)?;
        let sector: u64 = reader.read_obj::<Le64>().map_err(bad)?.into();

        let (from, to) = (reader.available_bytes(), writer.available_bytes());
        let done = match kind {
            IN => self.place(sector, to).map(|at| self.load(at, to, &mut writer)),
            OUT => self.place(sector, from).map(|at| self.store(at, from, &mut reader)),
            FLUSH_REQUEST => Some(self.file.sync_data()),
            GET_ID => Some(writer.write_all(ID)),
            _ => return answer(&mut status, UNSUPPORTED, 0),
        };
        let code = if matches!(done, Some(Ok(()))) { OK } else { IO_ERROR };
        answer(&mut status, code, writer.bytes_written())
    }
}

/// The last byte of a chain says how it went. Returns how many bytes were written.
fn answer(status: &mut impl Write, code: u8, written: usize) -> Result<u32, Error> {
    status.write_all(&[code]).map_err(|_| Error::InvalidChain)?;
    // A chain has less than 4 GiB.
    Ok(written as u32 + 1)
}
