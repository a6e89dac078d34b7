// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! Table and PBA as memory.

use std::os::fd::AsRawFd;
use std::ptr::NonNull;

use crate::{Entry, Error, Function, Result};

/// Table and PBA of a function, mapped read-only ([`Function::image`]).
///
/// It always shows what a read of them returns. After the function is gone it keeps the last
/// contents.
///
/// ```no_run
/// # fn f(function: &msi_route::Function) -> msi_route::Result<()> {
/// let image = function.image()?;
/// println!("{:?}, pending: {}", image.entry(0), image.is_pending(0));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Image {
    at: NonNull<u8>,
    len: usize,
    table: usize,
    pba: usize,
    vectors: usize,
}

// SAFETY: nobody writes through it, and it is read by atomic loads of the processor.
unsafe impl Send for Image {}
// SAFETY: likewise.
unsafe impl Sync for Image {}

impl Function {
    /// Maps table and PBA. Without MSI-X there are none
    /// ([`NoCapability`](crate::ErrorKind::NoCapability)).
    ///
    /// ```no_run
    /// # fn f(function: &msi_route::Function) -> msi_route::Result<()> {
    /// let image = function.image()?;
    /// println!("{} bytes", image.len());
    /// # Ok(())
    /// # }
    /// ```
    pub fn image(&self) -> Result<Image> {
        let (len, table, pba) = self.image;
        if len == 0 {
            return Err(Error::new("mmap", libc::ENODEV));
        }
        let (prot, flags) = (libc::PROT_READ, libc::MAP_SHARED);
        // SAFETY: a new mapping, wherever there is room.
        let at = unsafe {
            libc::mmap(std::ptr::null_mut(), len as usize, prot, flags, self.as_raw_fd(), 0)
        };
        if at == libc::MAP_FAILED {
            return Err(Error::last("mmap"));
        }
        Ok(Image {
            at: NonNull::new(at.cast()).expect("a mapping is not at 0"),
            len: len as usize,
            table: table as usize,
            pba: pba as usize,
            vectors: crate::Interrupts::shape(self).vectors(crate::Kind::Msix) as usize,
        })
    }
}

impl Image {
    fn dword(&self, offset: usize) -> u32 {
        // SAFETY: the callers check that it is within table or PBA, which are in the mapping.
        unsafe { self.at.as_ptr().add(offset).cast::<u32>().read_volatile() }
    }

    /// An entry of the table. Its dwords are read one by one.
    ///
    /// # Panics
    ///
    /// If there is no such entry.
    ///
    /// ```no_run
    /// # fn f(function: &msi_route::Function) -> msi_route::Result<()> {
    /// let masked = function.image()?.entry(2).is_masked();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn entry(&self, entry: usize) -> Entry {
        assert!(entry < self.vectors, "entry {entry} of {}", self.vectors);
        let dword = |i: usize| self.dword(self.table + entry * 16 + i * 4);
        Entry {
            address: u64::from(dword(1)) << 32 | u64::from(dword(0)),
            data: dword(2),
            control: dword(3),
        }
    }

    /// Is the Pending bit of an entry set?
    ///
    /// # Panics
    ///
    /// If there is no such entry.
    ///
    /// ```no_run
    /// # fn f(function: &msi_route::Function) -> msi_route::Result<()> {
    /// let pending = function.image()?.is_pending(2);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn is_pending(&self, entry: usize) -> bool {
        assert!(entry < self.vectors, "entry {entry} of {}", self.vectors);
        self.dword(self.pba + entry / 32 * 4) >> (entry % 32) & 1 != 0
    }

    /// Where it is in the VMM's memory: for a read-only memory slot of KVM's.
    ///
    /// ```no_run
    /// # fn f(function: &msi_route::Function) -> msi_route::Result<()> {
    /// let image = function.image()?;
    /// // For userspace_addr and memory_size of struct kvm_userspace_memory_region
    /// let (address, size) = (image.as_ptr() as u64, image.len() as u64);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn as_ptr(&self) -> *const u8 {
        self.at.as_ptr()
    }

    /// Its size in bytes, in whole pages.
    ///
    /// ```no_run
    /// # fn f(function: &msi_route::Function) -> msi_route::Result<()> {
    /// assert_eq!(function.image()?.len() % 4096, 0);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.len
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // SAFETY: it is this mapping, and nobody borrows from it.
        unsafe { libc::munmap(self.at.as_ptr().cast(), self.len) };
    }
}
