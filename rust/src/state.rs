// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! The state of a function, as values and as bytes.

use crate::shape::{MsiShape, MsixShape};
use crate::{Entry, Error, Kind, Result, Shape};

const RESTORE: &str = "MSI_ROUTE_RESTORE";

const MAGIC: u32 = 0x5652_534d; // "MSRV"
const VERSION: u16 = 1;
const HEADER_SIZE: usize = 64;
/// The module's largest bound of an update hold.
const HOLD_MAX_NS: u32 = 1_000_000_000;

pub(crate) const COMMAND_MASTER: u16 = 0x0004;
pub(crate) const COMMAND_NO_INTX: u16 = 0x0400;
pub(crate) const MSIX_ENABLE: u16 = 0x8000;
pub(crate) const MSIX_MASK_ALL: u16 = 0x4000;
pub(crate) const MSI_ENABLE: u16 = 0x0001;
pub(crate) const MSI_MME: u16 = 0x0070;
pub(crate) const MSI_EXT_ENABLE: u16 = 0x0400;

/// The state of a function: its registers and Pending bits.
///
/// It has no places and no eventfds. Either backend restores what the other has saved. A state
/// that somebody sent is checked when it is restored.
///
/// [`to_bytes`](Self::to_bytes) makes the bytes of the helper in C, so that a VMM in C and one in
/// Rust restore each other's machines. With the feature `serde` a state can be serialized in the
/// VMM's own format.
///
/// ```
/// use msi_route::{Backend, Interrupts, MsixShape, Shape, State, Vm};
///
/// let shape = Shape::default().with_msix(MsixShape::new(4, 0x40, (0, 0x1000), (0, 0x1800)));
/// # let file = std::fs::File::open("/dev/null")?;
/// let vm = Vm::builder(file).backend(Backend::User).build()?;
/// let source = vm.create(&shape)?;
/// source.stop()?;
/// let bytes = source.save()?.to_bytes()?;
///
/// let target = vm.create(&shape)?;
/// target.stop()?;
/// target.restore(&State::from_bytes(&bytes)?)?;
/// target.run()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct State {
    /// Bus Master Enable (bit 2) and Interrupt Disable (bit 10) of Command.
    pub command: u16,
    /// Bound of the update hold; the fallback only keeps it.
    pub hold_bound_ns: u32,
    /// MSI-X.
    pub msix: Option<MsixState>,
    /// MSI.
    pub msi: Option<MsiState>,
    /// Vectors that come and go.
    #[cfg_attr(feature = "serde", serde(default))]
    pub grant: Option<GrantState>,
    /// The message store.
    #[cfg_attr(feature = "serde", serde(default))]
    pub ims: Option<ImsState>,
}

/// MSI-X in a [`State`].
///
/// ```
/// use msi_route::MsixState;
///
/// let state = MsixState { pending: vec![1 << 5], ..MsixState::default() };
/// assert!(state.is_pending(5) && !state.is_pending(6));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MsixState {
    /// Enable and Function Mask of Message Control.
    pub control: u16,
    /// The table.
    pub entries: Vec<Entry>,
    /// Pending bits, in qwords.
    pub pending: Vec<u64>,
    /// Vectors with an open update hold, likewise.
    pub held: Vec<u64>,
}

impl MsixState {
    /// Is the Pending bit of this vector set?
    ///
    /// ```
    /// use msi_route::MsixState;
    ///
    /// let state = MsixState { pending: vec![0, 1], ..MsixState::default() };
    /// assert!(state.is_pending(64) && !state.is_pending(0) && !state.is_pending(1000));
    /// ```
    #[must_use]
    pub fn is_pending(&self, vector: usize) -> bool {
        self.pending.get(vector / 64).is_some_and(|bits| bits >> (vector % 64) & 1 != 0)
    }
}

/// MSI in a [`State`].
///
/// ```
/// use msi_route::MsiState;
///
/// let state = MsiState { vectors: 1, pending: 1, ..MsiState::default() };
/// assert_eq!(state.mask, 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MsiState {
    /// Vectors of the capability.
    pub vectors: u8,
    /// Its layout, as `enum msi_route_msi_flag`.
    pub flags: u8,
    /// The writable bits of Message Control.
    pub control: u16,
    /// Message Address and Message Upper Address.
    pub address: u64,
    /// Message Data.
    pub data: u32,
    /// Mask Bits.
    pub mask: u32,
    /// Pending Bits.
    pub pending: u32,
    /// Vectors with an open update hold.
    pub held: u32,
}

/// The vectors that a function has, in a [`State`].
///
/// ```
/// use msi_route::GrantState;
///
/// assert_eq!(GrantState::default().granted, 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GrantState {
    /// Vectors of MSI-X that the function has.
    pub granted: u16,
    /// The request register of the capability that requests vectors.
    pub request: u32,
    /// The status register.
    pub status: u32,
}

/// A message store in a [`State`].
///
/// ```
/// use msi_route::ImsState;
///
/// assert!(ImsState::default().entries.is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ImsState {
    /// Vectors that the function has.
    pub granted: u32,
    /// As many entries as it may come to have.
    pub entries: Vec<Entry>,
    /// Pending bits, in qwords.
    pub pending: Vec<u64>,
}

/// Reads and writes little endian, in order.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (head, tail) = self.0.split_at(N);
        self.0 = tail;
        head.try_into().expect("split at N")
    }

    fn u8(&mut self) -> u8 {
        self.take::<1>()[0]
    }

    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }
}

/// Bytes of a state: the beginning, the entries, Pending bits and held vectors in qwords.
fn size_of_bytes(vectors: usize) -> usize {
    HEADER_SIZE + vectors * 16 + vectors.div_ceil(64) * 16
}

impl State {
    /// The state as bytes: without pointers, in little endian, with a magic number, a version
    /// and their size at the beginning.
    ///
    /// They have no place for vectors that come and go or a message store
    /// ([`Unsupported`](crate::ErrorKind::Unsupported)).
    ///
    /// ```
    /// # use msi_route::Interrupts;
    /// # let function = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/function.rs"));
    /// function.stop()?;
    /// let bytes = function.save()?.to_bytes()?;
    /// assert_eq!(bytes[..4], *b"MSRV");
    /// # Ok::<(), msi_route::Error>(())
    /// ```
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        if self.grant.is_some() || self.ims.is_some() {
            return Err(Error::new("MSI_ROUTE_SAVE", libc::EOPNOTSUPP));
        }
        let none = MsixState::default();
        let msix = self.msix.as_ref().unwrap_or(&none);
        let msi = self.msi.unwrap_or_default();
        let vectors = msix.entries.len();
        let qwords = vectors.div_ceil(64);
        if vectors > 2048 || msix.pending.len() != qwords || msix.held.len() != qwords {
            return Err(Error::new("MSI_ROUTE_SAVE", libc::EINVAL));
        }
        let mut bytes = Vec::with_capacity(size_of_bytes(vectors));
        bytes.extend(MAGIC.to_le_bytes());
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(self.command.to_le_bytes());
        bytes.extend((size_of_bytes(vectors) as u32).to_le_bytes());
        bytes.extend(self.hold_bound_ns.to_le_bytes());
        bytes.extend((vectors as u16).to_le_bytes());
        bytes.extend(msix.control.to_le_bytes());
        bytes.extend([msi.vectors, msi.flags]);
        bytes.extend(msi.control.to_le_bytes());
        bytes.extend(msi.address.to_le_bytes());
        for register in [msi.data, msi.mask, msi.pending, msi.held] {
            bytes.extend(register.to_le_bytes());
        }
        bytes.resize(HEADER_SIZE, 0);
        for entry in &msix.entries {
            bytes.extend(entry.address.to_le_bytes());
            bytes.extend(entry.data.to_le_bytes());
            bytes.extend(entry.control.to_le_bytes());
        }
        for qword in msix.pending.iter().chain(&msix.held) {
            bytes.extend(qword.to_le_bytes());
        }
        Ok(bytes)
    }

    /// The state in bytes that [`to_bytes`](Self::to_bytes), or the helper in C, has made. They
    /// may come from anywhere. What follows them is ignored.
    ///
    /// ```
    /// use msi_route::{ErrorKind, State};
    ///
    /// let error = State::from_bytes(b"from anywhere").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Invalid);
    /// ```
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let error = |errno| Err(Error::new(RESTORE, errno));
        if bytes.len() < HEADER_SIZE {
            return error(libc::EINVAL);
        }
        let mut r = Reader(bytes);
        if r.u32() != MAGIC {
            return error(libc::EINVAL);
        }
        if r.u16() != VERSION {
            return error(libc::EOPNOTSUPP);
        }
        let command = r.u16();
        let size = r.u32() as usize;
        let hold_bound_ns = r.u32();
        let vectors = usize::from(r.u16());
        let msix_control = r.u16();
        let msi = MsiState {
            vectors: r.u8(),
            flags: r.u8(),
            control: r.u16(),
            address: r.u64(),
            data: r.u32(),
            mask: r.u32(),
            pending: r.u32(),
            held: r.u32(),
        };
        let reserved = r.take::<16>();
        if size != size_of_bytes(vectors) || bytes.len() < size || reserved != [0; 16] {
            return error(libc::EINVAL);
        }
        let qwords = vectors.div_ceil(64);
        let msix = MsixState {
            control: msix_control,
            entries: (0..vectors)
                .map(|_| Entry { address: r.u64(), data: r.u32(), control: r.u32() })
                .collect(),
            pending: (0..qwords).map(|_| r.u64()).collect(),
            held: (0..qwords).map(|_| r.u64()).collect(),
        };
        // Registers of a capability that is not there are zero.
        let absent = MsiState::default();
        if (vectors == 0 && msix_control != 0) || (msi.vectors == 0 && msi != absent) {
            return error(libc::EINVAL);
        }
        Ok(Self {
            command,
            hold_bound_ns,
            msix: (vectors != 0).then_some(msix),
            msi: (msi.vectors != 0).then_some(msi),
            grant: None,
            ims: None,
        })
    }

    /// Can the registers of a function of this shape have this state?
    pub(crate) fn check(&self, shape: &Shape) -> Result<()> {
        let error = |errno| Err(Error::new(RESTORE, errno));
        // The module checks what is in them.
        let grants = shape.msix.is_some_and(|m| m.changes());
        let ims_max = self.ims.as_ref().map(|ims| (ims.entries.len(), ims.pending.len()));
        let its_max = shape.ims.map(|_| shape.vectors(Kind::Ims) as usize);
        let only_the_modules =
            self.grant.is_some() != grants || ims_max != its_max.map(|max| (max, max.div_ceil(64)));
        let msix_is_wrong = match (&self.msix, &shape.msix) {
            (Some(state), Some(shape)) => state.is_wrong(shape),
            (state, shape) => state.is_some() || shape.is_some(),
        };
        let msi_is_wrong = match (&self.msi, &shape.msi) {
            (Some(state), Some(shape)) => state.is_wrong(shape),
            (state, shape) => state.is_some() || shape.is_some(),
        };
        if only_the_modules
            || msix_is_wrong
            || msi_is_wrong
            || self.hold_bound_ns > HOLD_MAX_NS
            || self.command & !(COMMAND_MASTER | COMMAND_NO_INTX) != 0
        {
            return error(libc::EINVAL);
        }
        Ok(())
    }
}

impl MsixState {
    fn is_wrong(&self, shape: &MsixShape) -> bool {
        let vectors = usize::from(shape.vectors);
        // Bits without an entry.
        let beyond = match vectors % 64 {
            0 => 0,
            rest => u64::MAX << rest,
        };
        self.entries.len() != vectors
            || self.pending.len() != shape.qwords()
            || self.held.len() != shape.qwords()
            || self.control & !(MSIX_ENABLE | MSIX_MASK_ALL) != 0
            || self.entries.iter().any(|e| e.address & 3 != 0)
            || [&self.pending, &self.held].iter().any(|q| q.last().is_some_and(|l| l & beyond != 0))
    }
}

/// Bits of MSI's Message Control that the guest can write.
pub(crate) fn msi_control_rw(shape: &MsiShape) -> u16 {
    MSI_ENABLE | MSI_MME | if shape.extended_data { MSI_EXT_ENABLE } else { 0 }
}

pub(crate) fn msi_data_rw(shape: &MsiShape) -> u32 {
    if shape.extended_data { u32::MAX } else { 0xffff }
}

impl MsiState {
    fn is_wrong(&self, shape: &MsiShape) -> bool {
        let bits = shape.vector_bits();
        self.vectors != shape.vectors
            || self.flags != shape.flags()
            || self.control & !msi_control_rw(shape) != 0
            || self.address & 3 != 0
            || (!shape.address_64bit && self.address >> 32 != 0)
            || self.data & !msi_data_rw(shape) != 0
            || self.mask & !(if shape.masking { bits } else { 0 }) != 0
            || (self.pending | self.held) & !bits != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MsiShape;

    fn shape() -> Shape {
        let mut msi = MsiShape::new(4, 0x50);
        msi.masking = true;
        Shape::default().with_msix(MsixShape::new(70, 0x40, (0, 0), (0, 0x800))).with_msi(msi)
    }

    fn state() -> State {
        State {
            command: 0x404,
            hold_bound_ns: 5000,
            msix: Some(MsixState {
                control: 0xc000,
                entries: (0..70)
                    .map(|i| Entry { address: 0xfee0_0000 + i * 4096, data: i as u32, control: 1 })
                    .collect(),
                pending: vec![1 << 63, 1 << 5],
                held: vec![1, 0],
            }),
            msi: Some(MsiState {
                vectors: 4,
                flags: 2,
                control: 0x21,
                address: 0xfee0_1000,
                data: 0x4051,
                mask: 0xf,
                pending: 0x2,
                held: 0x4,
            }),
            ..State::default()
        }
    }

    #[test]
    fn bytes_are_the_state() {
        let bytes = state().to_bytes().unwrap();
        assert_eq!(bytes.len(), 64 + 70 * 16 + 2 * 16);
        assert_eq!(&bytes[..8], &[0x4d, 0x53, 0x52, 0x56, 1, 0, 4, 4]);
        assert_eq!(bytes[8..12], (bytes.len() as u32).to_le_bytes());
        assert_eq!(bytes[64 + 69 * 16 + 8], 69);
        assert_eq!(State::from_bytes(&bytes), Ok(state()));
        state().check(&shape()).unwrap();
        // What follows is ignored.
        assert_eq!(State::from_bytes(&[bytes, vec![0xff; 9]].concat()), Ok(state()));
    }

    #[test]
    fn bytes_from_anywhere() {
        let good = state().to_bytes().unwrap();
        let mut versions = 0;
        for at in 0..good.len() {
            assert!(State::from_bytes(&good[..at]).is_err());
            for bit in 0..8 {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << bit;
                // Whatever it is: no panic, and an error or a state that makes the same bytes.
                match State::from_bytes(&bytes) {
                    Ok(state) => assert_eq!(state.to_bytes().unwrap(), bytes),
                    Err(error) if error.errno() == libc::EOPNOTSUPP => versions += 1,
                    Err(error) => assert_eq!(error.errno(), libc::EINVAL),
                }
            }
        }
        assert_eq!(versions, 16);
    }

    #[test]
    fn registers_that_a_function_cannot_have() {
        let wrong: &[fn(&mut State)] = &[
            |s| s.command = 1,
            |s| s.hold_bound_ns = HOLD_MAX_NS + 1,
            |s| s.msix = None,
            |s| s.msi = None,
            |s| s.ims = Some(ImsState::default()),
            |s| s.grant = Some(GrantState::default()),
            |s| s.msix.as_mut().unwrap().control = 0x2000,
            |s| s.msix.as_mut().unwrap().entries[3].address |= 1,
            |s| s.msix.as_mut().unwrap().entries.truncate(69),
            |s| s.msix.as_mut().unwrap().pending[1] = 1 << 6,
            |s| s.msix.as_mut().unwrap().held[1] = 1 << 63,
            |s| s.msix.as_mut().unwrap().held.clear(),
            |s| s.msi.as_mut().unwrap().vectors = 8,
            |s| s.msi.as_mut().unwrap().flags = 0,
            |s| s.msi.as_mut().unwrap().control = 0x400,
            |s| s.msi.as_mut().unwrap().address = 2,
            |s| s.msi.as_mut().unwrap().address = 1 << 32,
            |s| s.msi.as_mut().unwrap().data = 1 << 16,
            |s| s.msi.as_mut().unwrap().mask = 1 << 4,
            |s| s.msi.as_mut().unwrap().pending = 1 << 4,
            |s| s.msi.as_mut().unwrap().held = 1 << 4,
        ];
        for (i, change) in wrong.iter().enumerate() {
            let mut state = state();
            change(&mut state);
            assert_eq!(state.check(&shape()).map_err(|e| e.errno()), Err(libc::EINVAL), "{i}");
        }
    }

    #[test]
    fn bytes_have_no_room_for_some() {
        let mut state = State { ims: Some(ImsState::default()), ..state() };
        assert_eq!(state.to_bytes().unwrap_err().errno(), libc::EOPNOTSUPP);
        state.ims = None;
        state.msix.as_mut().unwrap().pending.clear();
        assert_eq!(state.to_bytes().unwrap_err().errno(), libc::EINVAL);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn serialized() {
        let text = serde_json::to_string(&state()).unwrap();
        assert_eq!(serde_json::from_str::<State>(&text).unwrap(), state());
    }
}
