// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! Configuration spaces, and the two ports by which a guest finds them.

use std::sync::{Arc, Mutex};

use crate::lock;
use crate::transport::Transport;

pub const CONFIG_SIZE: usize = 256;
pub const COMMAND: usize = 0x04;
pub const MEMORY_SPACE: u32 = 0x0002;
pub const BAR0: usize = 0x10;

const STATUS: usize = 0x06;
const CLASS: usize = 0x09;
const CAPABILITIES: usize = 0x34;
const FIRST_CAPABILITY: usize = 0x40;

/// Copies what `image` has from `offset` on; beyond its end there are zeroes.
pub fn read_image(image: &[u8], offset: u64, data: &mut [u8]) {
    let mut at = usize::try_from(offset).unwrap_or(usize::MAX);
    for byte in data {
        *byte = image.get(at).copied().unwrap_or(0);
        at = at.saturating_add(1);
    }
}

/// The VMM's part of a configuration space.
pub struct Config {
    bytes: [u8; CONFIG_SIZE],
    /// Bits that the guest may change
    writable: [u8; CONFIG_SIZE],
    /// Link of the last capability, and where the next one goes
    link: usize,
    free: usize,
}

impl Config {
    pub fn new(vendor: u16, device: u16, class: [u8; 3]) -> Self {
        let mut config = Config {
            bytes: [0; CONFIG_SIZE],
            writable: [0; CONFIG_SIZE],
            link: CAPABILITIES,
            free: FIRST_CAPABILITY,
        };
        config.set(0, &vendor.to_le_bytes());
        config.set(2, &device.to_le_bytes());
        config.set(CLASS, &class);
        config
    }

    /// The VMM's own registers; `offset` is no guest's.
    pub fn set(&mut self, offset: usize, data: &[u8]) {
        self.bytes[offset..offset + data.len()].copy_from_slice(data);
    }

    pub fn allow(&mut self, offset: usize, mask: &[u8]) {
        self.writable[offset..offset + mask.len()].copy_from_slice(mask);
    }

    /// Adds a capability: its ID, a place for the link, and the rest. Returns its offset.
    pub fn add_capability(&mut self, capability: &[u8]) -> usize {
        let at = self.free;
        self.set(at, capability);
        self.bytes[at + 1] = 0;
        self.bytes[self.link] = at as u8;
        self.bytes[STATUS] |= 0x10;
        self.link = at + 1;
        self.free = (at + capability.len()).next_multiple_of(4);
        at
    }

    pub fn bytes(&self) -> &[u8; CONFIG_SIZE] {
        &self.bytes
    }

    pub fn dword(&self, offset: usize) -> u32 {
        let mut dword = [0; 4];
        self.read(offset, &mut dword);
        u32::from_le_bytes(dword)
    }

    pub fn read(&self, offset: usize, data: &mut [u8]) {
        read_image(&self.bytes, offset as u64, data);
    }

    /// The guest writes, of any length and anywhere.
    pub fn write(&mut self, offset: usize, data: &[u8]) {
        for (at, byte) in (offset..CONFIG_SIZE).zip(data) {
            let mask = self.writable[at];
            self.bytes[at] = (self.bytes[at] & !mask) | (byte & mask);
        }
    }
}

pub const ADDRESS_PORT: u16 = 0xcf8;
pub const DATA_PORT: u16 = 0xcfc;
const ENABLE: u32 = 1 << 31;

/// Bus 0: the host bridge is device 0, the one function is device 1.
pub struct Bus {
    address: Mutex<u32>,
    bridge: Config,
    pub function: Arc<Transport>,
}

/// What an access of the data port reaches.
enum Target {
    Bridge(usize),
    Function(usize),
    Nothing,
}

impl Bus {
    pub fn new(function: Arc<Transport>) -> Self {
        Bus {
            address: Mutex::new(0),
            // A guest believes in this mechanism if it finds a host bridge.
            bridge: Config::new(0x8086, 0x1237, [0x00, 0x00, 0x06]),
            function,
        }
    }

    fn target(&self, byte: u16) -> Target {
        let address = *lock(&self.address);
        let offset = (address & 0xfc) as usize | usize::from(byte);
        match (address & ENABLE, address >> 8 & 0x7f_ffff) {
            (ENABLE, 0x00) => Target::Bridge(offset),
            (ENABLE, 0x08) => Target::Function(offset),
            _ => Target::Nothing,
        }
    }

    /// Bytes of an access at the data port that are within its dword.
    fn within(byte: u16, len: usize) -> usize {
        len.min(4 - usize::from(byte))
    }

    /// A read of one of the eight ports; `data` has ones where nothing answers.
    pub fn read(&self, port: u16, data: &mut [u8]) {
        if port == ADDRESS_PORT && data.len() == 4 {
            data.copy_from_slice(&lock(&self.address).to_le_bytes());
        }
        if port < DATA_PORT {
            return;
        }
        let byte = port & 3;
        let len = Self::within(byte, data.len());
        let data = &mut data[..len];
        match self.target(byte) {
            Target::Bridge(offset) => self.bridge.read(offset, data),
            Target::Function(offset) => self.function.config_read(offset, data),
            Target::Nothing => {}
        }
    }

    pub fn write(&self, port: u16, data: &[u8]) {
        if let (ADDRESS_PORT, Ok(dword)) = (port, data.try_into()) {
            *lock(&self.address) = u32::from_le_bytes(dword);
        }
        if port < DATA_PORT {
            return;
        }
        let byte = port & 3;
        if let Target::Function(offset) = self.target(byte) {
            let data = &data[..Self::within(byte, data.len())];
            self.function.config_write(offset, data);
        }
    }
}
