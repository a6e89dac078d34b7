// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! A virtio device as a PCI function, virtio 1.x alone: its registers, its queues, its thread.
//! MSI-X is the crate's.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Mutex;

use msi_route::{Counters, Interrupts, Kind, Shape, Vm};
use virtio_queue::{Error, Queue, QueueOwnedT, QueueT};
use vmm_sys_util::eventfd::EventFd;

use crate::disk::{self, Disk, QUEUES};
use crate::pci::{read_image, Config, BAR0, COMMAND, MEMORY_SPACE};
use crate::{lock, Memory, Result};

/// The one BAR: each part has a page, so that the kernel can keep table and PBA.
pub const BAR_ADDRESS: u32 = 0xd000_0000;
pub const BAR_SIZE: u32 = 0x8000;
const COMMON: u64 = 0x0000;
const DEVICE: u64 = 0x1000;
const NOTIFY: u64 = 0x2000;
const ISR: u64 = 0x3000;
const TABLE: u32 = 0x4000;
const PBA: u32 = 0x5000;
const NOTIFY_STRIDE: u64 = 4;

/// One for changes of the configuration, one that the queues share: Linux lets its user
/// move the interrupts of queues that share one.
pub const VECTORS: u16 = 2;
const NO_VECTOR: u16 = 0xffff;
const QUEUE_SIZE: u16 = 256;

const FEATURES: u64 = 1 << 32 | disk::FLUSH | disk::MULTIPLE_QUEUES;
const VERSION_1: u64 = 1 << 32;

const DRIVER_OK: u8 = 0x04;
const FEATURES_OK: u8 = 0x08;
const NEEDS_RESET: u8 = 0x40;

struct VirtQueue {
    queue: Queue,
    vector: u16,
}

/// What the common configuration keeps.
struct Common {
    device_feature_select: u32,
    driver_feature_select: u32,
    driver_features: u64,
    config_vector: u16,
    status: u8,
    queue_select: u16,
    queues: Vec<VirtQueue>,
}

/// The half of 64 bits that a guest selects.
fn half(value: u64, select: u32) -> u32 {
    match select {
        0 => value as u32,
        1 => (value >> 32) as u32,
        _ => 0,
    }
}

fn vector_or_none(vector: u16) -> u16 {
    if vector < VECTORS {
        vector
    } else {
        NO_VECTOR
    }
}

impl Common {
    fn new() -> Result<Self> {
        let queue = |_| {
            let queue = Queue::new(QUEUE_SIZE)?;
            Ok(VirtQueue { queue, vector: NO_VECTOR })
        };
        Ok(Common {
            device_feature_select: 0,
            driver_feature_select: 0,
            driver_features: 0,
            config_vector: NO_VECTOR,
            status: 0,
            queue_select: 0,
            queues: (0..QUEUES).map(queue).collect::<Result<_>>()?,
        })
    }

    fn reset(&mut self) {
        self.driver_features = 0;
        self.config_vector = NO_VECTOR;
        self.status = 0;
        for q in &mut self.queues {
            q.queue.reset();
            q.vector = NO_VECTOR;
        }
    }

    fn selected(&mut self) -> Option<&mut VirtQueue> {
        self.queues.get_mut(usize::from(self.queue_select))
    }

    /// All registers, in their order.
    fn image(&mut self) -> Vec<u8> {
        let select = self.queue_select;
        let mut image = Vec::with_capacity(64);
        let mut put = |bytes: &[u8]| image.extend_from_slice(bytes);

        put(&self.device_feature_select.to_le_bytes());
        put(&half(FEATURES, self.device_feature_select).to_le_bytes());
        put(&self.driver_feature_select.to_le_bytes());
        put(&half(self.driver_features, self.driver_feature_select).to_le_bytes());
        put(&self.config_vector.to_le_bytes());
        put(&QUEUES.to_le_bytes());
        put(&[self.status, 0]); // the configuration never changes
        put(&select.to_le_bytes());
        if let Some(VirtQueue { queue, vector }) = self.selected() {
            put(&queue.size().to_le_bytes());
            put(&vector.to_le_bytes());
            put(&u16::from(queue.ready()).to_le_bytes());
            put(&select.to_le_bytes()); // where to notify
            put(&queue.desc_table().to_le_bytes());
            put(&queue.avail_ring().to_le_bytes());
            put(&queue.used_ring().to_le_bytes());
        }
        image
    }

    fn set_status(&mut self, status: u8) {
        if status == 0 {
            return self.reset();
        }
        let known = self.driver_features & !FEATURES == 0;
        let modern = self.driver_features & VERSION_1 != 0;
        let refused = if known && modern { 0 } else { FEATURES_OK };
        self.status = (status & !refused) | (self.status & NEEDS_RESET);
    }

    /// A write of one register. A driver writes each by its own size; others do nothing.
    fn write(&mut self, offset: u64, data: &[u8]) {
        let mut bytes = [0; 8];
        bytes[..data.len()].copy_from_slice(data);
        let value = u64::from_le_bytes(bytes);

        match (offset, data.len()) {
            (0x00, 4) => self.device_feature_select = value as u32,
            (0x08, 4) => self.driver_feature_select = value as u32,
            (0x0c, 4) if self.status & FEATURES_OK == 0 => self.set_features(value),
            (0x10, 2) => self.config_vector = vector_or_none(value as u16),
            (0x14, 1) => self.set_status(value as u8),
            (0x16, 2) => self.queue_select = value as u16,
            (0x1a, 2) => {
                if let Some(q) = self.selected() {
                    q.vector = vector_or_none(value as u16);
                }
            }
            _ => self.write_queue(offset, data.len(), value),
        }
    }

    fn set_features(&mut self, value: u64) {
        let shift = match self.driver_feature_select {
            0 => 0,
            1 => 32,
            _ => return,
        };
        let kept = self.driver_features & !(0xffff_ffff << shift);
        self.driver_features = kept | value << shift;
    }

    /// Registers that a queue takes as long as it is not enabled.
    fn write_queue(&mut self, offset: u64, len: usize, value: u64) {
        let Some(VirtQueue { queue, .. }) = self.selected() else { return };
        let half = Some(value as u32);

        if queue.ready() {
            return;
        }
        match (offset, len) {
            (0x18, 2) => queue.set_size(value as u16),
            (0x1c, 2) => queue.set_ready(value == 1),
            (0x20, 4) => queue.set_desc_table_address(half, None),
            (0x24, 4) => queue.set_desc_table_address(None, half),
            (0x28, 4) => queue.set_avail_ring_address(half, None),
            (0x2c, 4) => queue.set_avail_ring_address(None, half),
            (0x30, 4) => queue.set_used_ring_address(half, None),
            (0x34, 4) => queue.set_used_ring_address(None, half),
            _ => {}
        }
    }
}

/// The function: whoever has it may make any call in any thread.
pub struct Transport {
    config: Mutex<Config>,
    /// Offset of the capability that is a window on the BAR
    window: usize,
    msix: Box<dyn Interrupts>,
    common: Mutex<Common>,
    disk: Disk,
    memory: Memory,
    kick: EventFd,
    stopped: AtomicBool,
}

const WINDOW_DATA: usize = 16;

/// A capability of virtio's: which part, and where it is in BAR 0.
fn part(kind: u8, offset: u64, length: u32, more: &[u8]) -> Vec<u8> {
    let mut capability = vec![0x09, 0, 16 + more.len() as u8, kind, 0, 0, 0, 0];
    capability.extend_from_slice(&(offset as u32).to_le_bytes());
    capability.extend_from_slice(&length.to_le_bytes());
    capability.extend_from_slice(more);
    capability
}

/// The configuration space as the guest finds it, and where the window is.
fn new_config() -> (Config, usize) {
    let mut config = Config::new(0x1af4, 0x1042, [0x00, 0x80, 0x01]);
    let mut msix = vec![0x11, 0];

    config.set(0x08, &[1]); // revision
    config.set(0x2c, &[0xf4, 0x1a, 0x00, 0x11]); // subsystem
    config.set(BAR0, &BAR_ADDRESS.to_le_bytes());
    config.allow(BAR0, &(!(BAR_SIZE - 1)).to_le_bytes());
    // Memory Space, Bus Master, Interrupt Disable
    config.allow(COMMAND, &[0x06, 0x04]);

    msix.extend_from_slice(&(VECTORS - 1).to_le_bytes());
    msix.extend_from_slice(&TABLE.to_le_bytes());
    msix.extend_from_slice(&PBA.to_le_bytes());
    config.add_capability(&msix);

    config.add_capability(&part(1, COMMON, 56, &[]));
    config.add_capability(&part(2, NOTIFY, 0x1000, &(NOTIFY_STRIDE as u32).to_le_bytes()));
    config.add_capability(&part(3, ISR, 1, &[]));
    config.add_capability(&part(4, DEVICE, 0x1000, &[]));
    let window = config.add_capability(&part(5, 0, 0, &[0; 4]));
    config.allow(window + 4, &[0xff]);
    config.allow(window + 8, &[0xff; 12]);
    (config, window)
}

impl Transport {
    pub fn new(vm: &Vm, memory: Memory, disk: Disk) -> Result<Self> {
        let (config, window) = new_config();
        let mut shape = Shape::from_config(config.bytes())?.named("00:01.0");
        shape.id = 0x0008;
        Ok(Transport {
            msix: vm.create(&shape)?,
            config: Mutex::new(config),
            window,
            common: Mutex::new(Common::new()?),
            disk,
            memory,
            kick: EventFd::new(0)?,
            stopped: AtomicBool::new(false),
        })
    }

    // ---- configuration space ----

    pub fn config_read(&self, offset: usize, data: &mut [u8]) {
        let mut config = lock(&self.config);
        if self.touches_window(offset, data.len()) {
            self.use_window(&mut config, false);
        }
        config.read(offset, data);
        self.msix.config_read(offset as u32, data);
    }

    pub fn config_write(&self, offset: usize, data: &[u8]) {
        let mut config = lock(&self.config);
        let before = Self::bar(&config);
        config.write(offset, data);
        self.msix.config_write(offset as u32, data);
        if Self::bar(&config) != before {
            self.place(&config);
        }
        if self.touches_window(offset, data.len()) {
            self.use_window(&mut config, true);
        }
    }

    /// The BAR's address, as long as the function answers there.
    fn bar(config: &Config) -> Option<u32> {
        let on = config.dword(COMMAND) & MEMORY_SPACE != 0;
        on.then(|| config.dword(BAR0))
    }

    fn place(&self, config: &Config) {
        let bar = Self::bar(config);
        // If the kernel does not take table and PBA there, accesses come here.
        let _ = self.msix.placed(0, bar.map(u64::from));
    }

    fn touches_window(&self, offset: usize, len: usize) -> bool {
        let data = self.window + WINDOW_DATA;
        offset < data + 4 && offset.saturating_add(len) > data
    }

    /// By the window, a guest that cannot map the BAR accesses it.
    fn use_window(&self, config: &mut Config, write: bool) {
        let offset = config.dword(self.window + 8).into();
        let len = config.dword(self.window + 12) as usize;
        let at = self.window + WINDOW_DATA;
        let mut data = config.dword(at).to_le_bytes();

        if !matches!(len, 1 | 2 | 4) || config.bytes()[self.window + 4] != 0 {
            return;
        }
        if write {
            self.bar_write(offset, &data[..len]);
        } else {
            self.bar_read(offset, &mut data[..len]);
            config.set(at, &data);
        }
    }

    // ---- the BAR ----

    /// Where in the BAR a physical address is.
    pub fn find(&self, address: u64) -> Option<u64> {
        let bar = Self::bar(&lock(&self.config))?;
        let offset = address.checked_sub(bar.into())?;
        (offset < BAR_SIZE.into()).then_some(offset)
    }

    /// The guest reads the BAR: any length, anywhere.
    pub fn bar_read(&self, offset: u64, data: &mut [u8]) {
        if self.msix.bar_read(0, offset, data) {
            return;
        }
        match offset {
            COMMON..DEVICE => read_image(&lock(&self.common).image(), offset, data),
            DEVICE..NOTIFY => read_image(&self.disk.config(), offset - DEVICE, data),
            _ => data.fill(0),
        }
    }

    pub fn bar_write(&self, offset: u64, data: &[u8]) {
        if self.msix.bar_write(0, offset, data) {
            return;
        }
        match offset {
            COMMON..DEVICE if data.len() <= 8 => lock(&self.common).write(offset, data),
            // Whichever queue it is, the device's thread looks at all.
            NOTIFY..ISR => self.kick(),
            _ => {}
        }
    }

    // ---- the device ----

    fn kick(&self) {
        // It cannot overflow: a guest would need centuries.
        let _ = self.kick.write(1);
    }

    fn interrupt(&self, vector: u16) {
        if vector != NO_VECTOR {
            // No vector is beyond those of the function; that it is masked is no error.
            let _ = self.msix.trigger(Kind::Msix, vector.into());
        }
    }

    /// Carries out what one queue holds, at most one ring full. Returns whether there was any.
    fn serve(&self, index: usize) -> bool {
        let mut common = lock(&self.common);
        if common.status & (DRIVER_OK | NEEDS_RESET) != DRIVER_OK {
            return false;
        }
        let VirtQueue { queue, vector } = &mut common.queues[index];
        let vector = *vector;
        match self.drain(queue) {
            Ok(0) => false,
            Ok(_) => {
                self.interrupt(vector);
                true
            }
            // Nothing but a reset helps where the queue itself makes no sense.
            Err(_) => {
                common.status |= NEEDS_RESET;
                self.interrupt(common.config_vector);
                false
            }
        }
    }

    fn drain(&self, queue: &mut Queue) -> std::result::Result<u16, Error> {
        let mut done = 0;

        while queue.ready() && done < queue.size() {
            let Some(chain) = queue.iter(&self.memory)?.next() else { break };
            let head = chain.head_index();
            let written = self.disk.request(&self.memory, chain)?;
            queue.add_used(&self.memory, head, written)?;
            done += 1;
        }
        Ok(done)
    }

    /// The device's thread.
    pub fn run(&self) -> io::Result<()> {
        while !self.stopped.load(Ordering::Acquire) {
            self.kick.read()?;
            self.poll();
        }
        Ok(())
    }

    /// Serves the queues until nothing is left.
    pub fn poll(&self) {
        let mut more = true;

        while more && !self.stopped.load(Ordering::Acquire) {
            more = false;
            for index in 0..usize::from(QUEUES) {
                more |= self.serve(index);
            }
        }
    }

    /// Ends the device's thread.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.kick();
    }

    /// Ends the interrupts. Returns what became of all events, if the module has counted.
    pub fn counters(&self) -> Result<Option<Counters>> {
        self.msix.stop()?;
        match self.msix.as_module() {
            Some(module) => Ok(Some(module.counters(Kind::Msix, None)?)),
            None => Ok(None),
        }
    }
}
