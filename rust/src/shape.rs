// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! How a function is created: its capabilities, and where they are.

use crate::{Error, Kind, Result, abi};

const CREATE: &str = "MSI_ROUTE_CREATE";

// Configuration space.
const SPACE_SIZE: usize = 0x100;
const HEADER_SIZE: usize = 0x40;
const COMMAND: usize = 0x04;
const STATUS: usize = 0x06;
const STATUS_CAP_LIST: u16 = 0x0010;
const FIRST_CAP: usize = 0x34;
const ID_MSI: u8 = 0x05;
const ID_MSIX: u8 = 0x11;
pub(crate) const MSIX_SIZE: u32 = 0x0c;
pub(crate) const NR_BARS: u8 = 6;

/// The MSI-X capability of a function.
///
/// ```
/// use msi_route::MsixShape;
///
/// // 8 vectors, the capability at 40h, the table in BAR 2, the PBA in BAR 4.
/// let msix = MsixShape::new(8, 0x40, (2, 0), (4, 0x800));
/// assert_eq!(msix.table_offset, 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MsixShape {
    /// Vectors, 1 to 2048.
    pub vectors: u16,
    /// Offset of the capability in configuration space.
    pub cap: u8,
    /// BAR of the table, 0 to 5.
    pub table_bar: u8,
    /// Offset of the table in it, a multiple of 8.
    pub table_offset: u32,
    /// BAR of the PBA, 0 to 5.
    pub pba_bar: u8,
    /// Offset of the PBA in it, a multiple of 8.
    pub pba_offset: u32,
    /// Vectors that the function has from the beginning, if others are requested later; 0: all.
    /// Only the module can give fewer.
    pub granted: u16,
    /// Offset of the capability by which a driver requests vectors; 0: none. Only the module has
    /// it.
    pub grant_cap: u8,
}

impl MsixShape {
    /// All vectors granted. Table and PBA are BAR and offset in it.
    ///
    /// ```
    /// let msix = msi_route::MsixShape::new(8, 0x40, (0, 0), (0, 0x800));
    /// assert_eq!((msix.pba_bar, msix.pba_offset), (0, 0x800));
    /// ```
    #[must_use]
    pub const fn new(vectors: u16, cap: u8, table: (u8, u32), pba: (u8, u32)) -> Self {
        Self {
            vectors,
            cap,
            table_bar: table.0,
            table_offset: table.1,
            pba_bar: pba.0,
            pba_offset: pba.1,
            granted: 0,
            grant_cap: 0,
        }
    }

    pub(crate) fn table_size(&self) -> u64 {
        u64::from(self.vectors) * 16
    }

    /// Qwords that have a bit for each vector.
    pub(crate) fn qwords(&self) -> usize {
        usize::from(self.vectors).div_ceil(64)
    }

    pub(crate) fn pba_size(&self) -> u64 {
        self.qwords() as u64 * 8
    }

    fn is_wrong(&self) -> bool {
        let (table, pba) = (u64::from(self.table_offset), u64::from(self.pba_offset));
        self.vectors == 0
            || u32::from(self.vectors) > abi::MSI_ROUTE_MSIX_MAX_VECTORS
            || cap_is_wrong(self.cap, MSIX_SIZE)
            || self.table_bar >= NR_BARS
            || self.pba_bar >= NR_BARS
            || (self.table_offset | self.pba_offset) & 7 != 0
            || table + self.table_size() > u64::from(u32::MAX)
            || pba + self.pba_size() > u64::from(u32::MAX)
            || (self.table_bar == self.pba_bar
                && overlap(table, self.table_size(), pba, self.pba_size()))
    }

    /// Vectors come and go.
    pub(crate) fn changes(&self) -> bool {
        self.grant_cap != 0 || (self.granted != 0 && self.granted != self.vectors)
    }
}

/// The MSI capability of a function.
///
/// ```
/// use msi_route::MsiShape;
///
/// let mut msi = MsiShape::new(4, 0x50);
/// msi.address_64bit = true;
/// msi.masking = true;
/// assert_eq!(msi.vectors, 4);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MsiShape {
    /// Vectors: 1, 2, 4, 8, 16 or 32.
    pub vectors: u8,
    /// Offset of the capability in configuration space.
    pub cap: u8,
    /// It has a 64-bit address (Message Control bit 7).
    pub address_64bit: bool,
    /// It has mask and pending bits (bit 8).
    pub masking: bool,
    /// It is capable of Extended Message Data (bit 9).
    pub extended_data: bool,
}

impl MsiShape {
    /// The smallest layout: 32-bit address, no mask bits.
    ///
    /// ```
    /// assert!(!msi_route::MsiShape::new(1, 0x50).masking);
    /// ```
    #[must_use]
    pub const fn new(vectors: u8, cap: u8) -> Self {
        Self { vectors, cap, address_64bit: false, masking: false, extended_data: false }
    }

    pub(crate) fn flags(&self) -> u8 {
        let bits = [
            (self.address_64bit, abi::MSI_ROUTE_MSI_64BIT),
            (self.masking, abi::MSI_ROUTE_MSI_MASKING),
            (self.extended_data, abi::MSI_ROUTE_MSI_EXT_DATA),
        ];
        bits.iter().filter(|b| b.0).map(|b| b.1 as u8).sum()
    }

    /// Offset of Message Data from the beginning of the capability (rule 3).
    pub(crate) fn data_at(&self) -> u32 {
        if self.address_64bit { 0x0c } else { 0x08 }
    }

    /// Bytes of the capability, in whole dwords.
    pub(crate) fn size(&self) -> u32 {
        self.data_at() + if self.masking { 12 } else { 4 }
    }

    /// A bit for each vector.
    pub(crate) fn vector_bits(&self) -> u32 {
        u32::MAX >> (32 - u32::from(self.vectors))
    }

    fn is_wrong(&self) -> bool {
        !self.vectors.is_power_of_two()
            || u32::from(self.vectors) > abi::MSI_ROUTE_MSI_MAX_VECTORS
            || cap_is_wrong(self.cap, self.size())
    }
}

/// The message store of a function, whose vectors the VMM sets
/// ([`Function::set_ims`](crate::Function::set_ims)). Only the module has it.
///
/// ```
/// use msi_route::{ImsShape, Shape};
///
/// let mut shape = Shape::default();
/// shape.ims = Some(ImsShape { vectors: 64, max: 1024 });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImsShape {
    /// Vectors from the beginning.
    pub vectors: u32,
    /// Most vectors that it may come to have; 0: as many as now.
    pub max: u32,
}

/// How a function is created.
///
/// Offsets of capabilities are multiples of 4 from 40h on, and a capability ends within the 256
/// bytes of configuration space; table, PBA and the capabilities do not overlap.
///
/// ```
/// use msi_route::{MsiShape, MsixShape, Shape};
///
/// let mut shape = Shape::default()
///     .with_msix(MsixShape::new(8, 0x40, (0, 0), (0, 0x800)))
///     .with_msi(MsiShape::new(1, 0x50))
///     .named("0000:00:04.0");
/// shape.id = 0x20;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shape {
    /// The VMM's number for the function, such as its bus/device/function number.
    pub id: u32,
    /// The function's name for people, such as its PCI address: up to 31 characters of
    /// printable ASCII without space and `/`. Empty: the name is made from the number.
    pub name: String,
    /// The MSI-X capability.
    pub msix: Option<MsixShape>,
    /// The MSI capability.
    pub msi: Option<MsiShape>,
    /// The message store.
    pub ims: Option<ImsShape>,
    /// The Command register, as it is when the function is created.
    pub command: u16,
    /// Address bits 11:5 carry destination ID bits 14:8 (rule 33). The VMM has enabled
    /// `KVM_CAP_X2APIC_API` with 32-bit IDs.
    pub ext_dest_id: bool,
    /// The function is behind an interrupt remapping unit. Only the module knows that.
    pub remapping: bool,
    /// An event of MSI that arrives while MSI's Enable is clear is dropped (rule 2). Only for
    /// MSI without mask bits.
    pub drop_disabled: bool,
}

impl Shape {
    /// Reads 256 bytes of configuration space, as the guest will find them: both capabilities,
    /// where table and PBA are, and Command.
    ///
    /// ```
    /// use msi_route::{Kind, Shape};
    ///
    /// let mut config = [0; 256];
    /// config[0x06] = 0x10; // there is a list of capabilities
    /// config[0x34] = 0x50; // it begins here
    /// // MSI: 4 vectors, a 64-bit address, mask bits
    /// config[0x50..0x54].copy_from_slice(&[0x05, 0, 0x84, 0x01]);
    /// assert_eq!(Shape::from_config(&config)?.vectors(Kind::Msi), 4);
    /// # Ok::<(), msi_route::Error>(())
    /// ```
    pub fn from_config(config: &[u8]) -> Result<Self> {
        if config.len() < SPACE_SIZE {
            return Err(Error::new(CREATE, libc::EINVAL));
        }
        let mut shape = Self { command: word(config, COMMAND), ..Self::default() };
        let mut cap = 0;
        if word(config, STATUS) & STATUS_CAP_LIST != 0 {
            cap = usize::from(config[FIRST_CAP] & !3);
        }
        // As many as there is room for: the list may be a circle.
        for _ in 0..(SPACE_SIZE - HEADER_SIZE) / 4 {
            if cap < HEADER_SIZE {
                break;
            }
            match config[cap] {
                ID_MSIX if shape.msix.is_none() && cap + MSIX_SIZE as usize <= SPACE_SIZE => {
                    shape.msix = Some(read_msix(config, cap));
                }
                ID_MSI if shape.msi.is_none() => shape.msi = Some(read_msi(config, cap)),
                _ => {}
            }
            cap = usize::from(config[cap + 1] & !3);
        }
        if shape.msix.is_none() && shape.msi.is_none() {
            return Err(Error::new(CREATE, libc::ENODEV));
        }
        Ok(shape)
    }

    /// With an MSI-X capability.
    ///
    /// ```
    /// use msi_route::{Kind, MsixShape, Shape};
    ///
    /// let shape = Shape::default().with_msix(MsixShape::new(8, 0x40, (0, 0), (0, 0x800)));
    /// assert_eq!(shape.vectors(Kind::Msix), 8);
    /// ```
    #[must_use]
    pub fn with_msix(mut self, msix: MsixShape) -> Self {
        self.msix = Some(msix);
        self
    }

    /// With an MSI capability.
    ///
    /// ```
    /// use msi_route::{Kind, MsiShape, Shape};
    ///
    /// let shape = Shape::default().with_msi(MsiShape::new(2, 0x50));
    /// assert_eq!(shape.vectors(Kind::Msi), 2);
    /// ```
    #[must_use]
    pub fn with_msi(mut self, msi: MsiShape) -> Self {
        self.msi = Some(msi);
        self
    }

    /// With a name for people.
    ///
    /// ```
    /// assert_eq!(msi_route::Shape::default().named("0000:00:04.0").name, "0000:00:04.0");
    /// ```
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Vectors of a capability that the guest sees; 0: there is none.
    ///
    /// ```
    /// use msi_route::{Kind, MsiShape, Shape};
    ///
    /// let shape = Shape::default().with_msi(MsiShape::new(2, 0x50));
    /// assert_eq!((shape.vectors(Kind::Msi), shape.vectors(Kind::Msix)), (2, 0));
    /// ```
    #[must_use]
    pub fn vectors(&self, kind: Kind) -> u32 {
        match kind {
            Kind::Msix => self.msix.map_or(0, |m| u32::from(m.vectors)),
            Kind::Msi => self.msi.map_or(0, |m| u32::from(m.vectors)),
            Kind::Ims => self.ims.map_or(0, |i| i.max.max(i.vectors)),
        }
    }

    /// Offset of a capability in configuration space, if there is one.
    pub(crate) fn cap(&self, kind: Kind) -> Option<u32> {
        match kind {
            Kind::Msix => self.msix.map(|m| u32::from(m.cap)),
            Kind::Msi => self.msi.map(|m| u32::from(m.cap)),
            Kind::Ims => None,
        }
    }

    /// The errors of calls that name a vector of MSI-X or MSI.
    pub(crate) fn check_vector(&self, call: &'static str, kind: Kind, vector: u32) -> Result<()> {
        match self.vectors(kind) {
            0 => Err(Error::new(call, libc::ENODEV)),
            nr if vector >= nr => Err(Error::new(call, libc::ECHRNG)),
            _ => Ok(()),
        }
    }

    /// Vectors come and go, or are in a message store: only the module has such.
    pub(crate) fn changes(&self) -> bool {
        self.ims.is_some() || self.msix.is_some_and(|m| m.changes())
    }

    /// What the module checks of a shape, for a function of the fallback's.
    pub(crate) fn check(&self, ids_32bit: bool) -> Result<()> {
        let error = |errno| Err(Error::new(CREATE, errno));
        if self.remapping || self.changes() {
            return error(libc::EOPNOTSUPP);
        }
        if self.ext_dest_id && !ids_32bit {
            return error(libc::EADDRNOTAVAIL);
        }
        let drop_is_wrong = self.drop_disabled && self.msi.is_none_or(|m| m.masking);
        let both_overlap = self.msix.zip(self.msi).is_some_and(|(x, m)| {
            overlap(x.cap.into(), MSIX_SIZE.into(), m.cap.into(), m.size().into())
        });
        if name_is_wrong(&self.name)
            || (self.msix.is_none() && self.msi.is_none())
            || self.msix.is_some_and(|m| m.is_wrong())
            || self.msi.is_some_and(|m| m.is_wrong())
            || drop_is_wrong
            || both_overlap
        {
            return error(libc::EINVAL);
        }
        Ok(())
    }

    /// As `MSI_ROUTE_CREATE` takes it. The function always follows Command.
    pub(crate) fn to_abi(&self, vm_fd: i32) -> Result<abi::msi_route_create> {
        let mut flags = abi::MSI_ROUTE_CREATE_COMMAND;
        let bits = [
            (self.ext_dest_id, abi::MSI_ROUTE_CREATE_EXT_DEST_ID),
            (self.remapping, abi::MSI_ROUTE_CREATE_REMAPPING),
            (self.drop_disabled, abi::MSI_ROUTE_CREATE_DROP_DISABLED),
        ];
        flags |= bits.iter().filter(|b| b.0).map(|b| b.1).sum::<u32>();
        // Fields of a capability that is not there are zero; one that is there has vectors.
        if name_is_wrong(&self.name)
            || self.msix.is_some_and(|m| m.vectors == 0)
            || self.msi.is_some_and(|m| m.vectors == 0)
            || self.ims.is_some_and(|i| i.vectors == 0)
        {
            return Err(Error::new(CREATE, libc::EINVAL));
        }
        let (msix, msi) = (self.msix.unwrap_or_default(), self.msi.unwrap_or_default());
        let ims = self.ims.unwrap_or_default();
        let mut name = [0; abi::MSI_ROUTE_NAME_SIZE as usize];
        name[..self.name.len()].copy_from_slice(self.name.as_bytes());
        Ok(abi::msi_route_create {
            size: size_of::<abi::msi_route_create>() as u32,
            flags,
            vm_fd,
            id: self.id,
            msix_vectors: msix.vectors,
            msix_cap: msix.cap,
            msix_table_bir: msix.table_bar,
            msix_table_offset: msix.table_offset,
            msix_pba_offset: msix.pba_offset,
            msix_pba_bir: msix.pba_bar,
            msi_cap: msi.cap,
            msi_vectors: msi.vectors,
            msi_flags: msi.flags(),
            msix_granted: msix.granted,
            grant_cap: msix.grant_cap,
            ims_vectors: ims.vectors,
            ims_max: ims.max,
            name,
            ..Default::default()
        })
    }
}

fn word(config: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([config[at], config[at + 1]])
}

fn dword(config: &[u8], at: usize) -> u32 {
    u32::from(word(config, at)) | u32::from(word(config, at + 2)) << 16
}

fn read_msix(config: &[u8], cap: usize) -> MsixShape {
    let (table, pba) = (dword(config, cap + 4), dword(config, cap + 8));
    let vectors = (word(config, cap + 2) & 0x7ff) + 1;
    let place = |dword: u32| ((dword & 7) as u8, dword & !7);
    MsixShape::new(vectors, cap as u8, place(table), place(pba))
}

fn read_msi(config: &[u8], cap: usize) -> MsiShape {
    let control = word(config, cap + 2);
    MsiShape {
        vectors: 1 << (control >> 1 & 7),
        cap: cap as u8,
        address_64bit: control & 0x080 != 0,
        masking: control & 0x100 != 0,
        extended_data: control & 0x200 != 0,
    }
}

fn overlap(a: u64, a_size: u64, b: u64, b_size: u64) -> bool {
    a < b + b_size && b < a + a_size
}

fn cap_is_wrong(at: u8, size: u32) -> bool {
    at & 3 != 0 || usize::from(at) < HEADER_SIZE || usize::from(at) + size as usize > SPACE_SIZE
}

fn name_is_wrong(name: &str) -> bool {
    name.len() >= abi::MSI_ROUTE_NAME_SIZE as usize
        || name.bytes().any(|c| !c.is_ascii_graphic() || c == b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> [u8; 256] {
        let mut config = [0; 256];
        config[0x04] = 0x06;
        config[0x06] = 0x10;
        config[0x34] = 0x43;
        config[0x40..0x4c].copy_from_slice(&[0x11, 0x50, 129, 0x80, 2, 0x10, 0, 0, 0x44, 0, 0, 0]);
        config[0x50..0x54].copy_from_slice(&[0x05, 0, 0x86, 0x03]);
        config
    }

    #[test]
    fn both_capabilities_are_read() {
        let shape = Shape::from_config(&config()).unwrap();
        assert_eq!(shape.msix, Some(MsixShape::new(130, 0x40, (2, 0x1000), (4, 0x40))));
        let msi = MsiShape {
            vectors: 8,
            cap: 0x50,
            address_64bit: true,
            masking: true,
            extended_data: true,
        };
        assert_eq!((shape.msi, shape.command), (Some(msi), 6));
        shape.check(false).unwrap();
        assert_eq!(msi.size(), 24);
    }

    #[test]
    fn list_of_any_form() {
        let errno = |config: &[u8]| Shape::from_config(config).map_err(|error| error.errno());
        assert_eq!(errno(&config()[..255]), Err(libc::EINVAL));
        // No list; one that points into the header; a circle; one that ends at the end.
        let mut bytes = config();
        bytes[0x06] = 0;
        assert_eq!(errno(&bytes), Err(libc::ENODEV));
        bytes = config();
        bytes[0x34] = 0x3c;
        assert_eq!(errno(&bytes), Err(libc::ENODEV));
        bytes = config();
        bytes[0x51] = 0x40;
        assert_eq!(errno(&bytes), errno(&config()));
        bytes = [0; 256];
        (bytes[0x06], bytes[0x34], bytes[0xfc]) = (0x10, 0xfc, 0x11);
        assert_eq!(errno(&bytes), Err(libc::ENODEV));
    }

    #[test]
    fn shapes_that_are_wrong() {
        let wrong: &[fn(&mut Shape)] = &[
            |s| (s.msix, s.msi) = (None, None),
            |s| s.name = "a b".into(),
            |s| s.name = "a/b".into(),
            |s| s.name = "\u{e9}".into(),
            |s| s.name = "x".repeat(32),
            |s| s.drop_disabled = true,
            |s| (s.drop_disabled, s.msi) = (true, None),
            |s| s.msix.as_mut().unwrap().vectors = 0,
            |s| s.msix.as_mut().unwrap().vectors = 2049,
            |s| s.msix.as_mut().unwrap().cap = 0x42,
            |s| s.msix.as_mut().unwrap().cap = 0x3c,
            |s| s.msix.as_mut().unwrap().cap = 0xf8,
            |s| s.msix.as_mut().unwrap().cap = 0x48,
            |s| s.msix.as_mut().unwrap().table_bar = 6,
            |s| s.msix.as_mut().unwrap().pba_bar = 6,
            |s| s.msix.as_mut().unwrap().table_offset = 4,
            |s| s.msix.as_mut().unwrap().pba_offset = 0xffff_fff8,
            |s| {
                (s.msix.as_mut().unwrap().pba_bar, s.msix.as_mut().unwrap().pba_offset) =
                    (2, 0x1810)
            },
            |s| s.msi.as_mut().unwrap().vectors = 3,
            |s| s.msi.as_mut().unwrap().vectors = 64,
            |s| s.msi.as_mut().unwrap().cap = 0xf0,
        ];
        for (i, change) in wrong.iter().enumerate() {
            let mut shape = Shape::from_config(&config()).unwrap();
            change(&mut shape);
            let ret = shape.check(false).map_err(|error| error.errno());
            assert_eq!(ret, Err(libc::EINVAL), "{i}");
        }
        let only_the_modules: &[fn(&mut Shape)] = &[
            |s| s.remapping = true,
            |s| s.ims = Some(ImsShape::default()),
            |s| s.msix.as_mut().unwrap().granted = 1,
            |s| s.msix.as_mut().unwrap().grant_cap = 0x80,
        ];
        for change in only_the_modules {
            let mut shape = Shape::from_config(&config()).unwrap();
            change(&mut shape);
            let ret = shape.check(false).map_err(|error| error.errno());
            assert_eq!(ret, Err(libc::EOPNOTSUPP));
        }
    }
}
