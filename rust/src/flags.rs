// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! Sets of bits.

use crate::abi;

macro_rules! flags {
    ($(#[$doc:meta])* $name:ident: $repr:ident { $($(#[$bit_doc:meta])* $bit:ident = $value:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
        pub struct $name($repr);

        impl $name {
            $($(#[$bit_doc])* pub const $bit: Self = Self(abi::$value as $repr);)*

            /// No bit.
            ///
            /// ```
            #[doc = concat!("assert_eq!(msi_route::", stringify!($name), "::empty().bits(), 0);")]
            /// ```
            #[must_use]
            pub const fn empty() -> Self {
                Self(0)
            }

            /// Every bit that this crate knows.
            ///
            /// ```
            #[doc = concat!("assert!(msi_route::", stringify!($name), "::all().bits() != 0);")]
            /// ```
            #[must_use]
            pub const fn all() -> Self {
                Self($(abi::$value as $repr)|*)
            }

            /// The bits of a number, also those that this crate does not know.
            ///
            /// ```
            #[doc = concat!("let set = msi_route::", stringify!($name), "::from_bits(1 << 31);")]
            /// assert_eq!(set.bits(), 1 << 31);
            /// ```
            #[must_use]
            pub const fn from_bits(bits: $repr) -> Self {
                Self(bits)
            }

            /// The bits as a number.
            ///
            /// ```
            #[doc = concat!("let set = msi_route::", stringify!($name), "::from_bits(3);")]
            /// assert_eq!(set.bits(), 3);
            /// ```
            #[must_use]
            pub const fn bits(self) -> $repr {
                self.0
            }

            /// Is no bit set?
            ///
            /// ```
            #[doc = concat!("assert!(msi_route::", stringify!($name), "::default().is_empty());")]
            /// ```
            #[must_use]
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// Are all bits of `other` set?
            ///
            /// ```
            #[doc = concat!("let all = msi_route::", stringify!($name), "::all();")]
            #[doc = concat!("assert!(all.contains(msi_route::", stringify!($name), "::empty()));")]
            /// ```
            #[must_use]
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }
        }

        impl std::ops::BitOr for $name {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }

        impl std::ops::BitOrAssign for $name {
            fn bitor_assign(&mut self, other: Self) {
                self.0 |= other.0;
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut rest = self.0;
                let mut set = f.debug_set();
                $(if self.contains(Self::$bit) {
                    set.entry(&format_args!(stringify!($bit)));
                    rest &= !Self::$bit.0;
                })*
                if rest != 0 {
                    set.entry(&format_args!("{rest:#x}"));
                }
                set.finish()
            }
        }
    };
}

flags! {
    /// What this msi_route can do ([`Query::features`](crate::Query::features)).
    ///
    /// ```
    /// use msi_route::Features;
    ///
    /// let features = Features::MAP | Features::STATE;
    /// assert!(features.contains(Features::MAP));
    /// assert_eq!(format!("{features:?}"), "{MAP, STATE}");
    /// ```
    Features: u64 {
        /// The update hold.
        HOLD = MSI_ROUTE_FEATURE_HOLD,
        /// [`Shape::ext_dest_id`](crate::Shape::ext_dest_id) is possible.
        EXT_DEST_ID = MSI_ROUTE_FEATURE_EXT_DEST_ID,
        /// Table and PBA can be mapped read-only.
        MMAP = MSI_ROUTE_FEATURE_MMAP,
        /// In-kernel MMIO.
        MAP = MSI_ROUTE_FEATURE_MAP,
        /// Many vectors in one call.
        BATCH = MSI_ROUTE_FEATURE_BATCH,
        /// The VMM can be notified of changes.
        CHANGES = MSI_ROUTE_FEATURE_CHANGES,
        /// Stop, save, restore.
        STATE = MSI_ROUTE_FEATURE_STATE,
        /// Messages can be translated for an interrupt remapping unit.
        TRANSLATION = MSI_ROUTE_FEATURE_TRANSLATION,
        /// Vectors can be requested and given back.
        GRANT = MSI_ROUTE_FEATURE_GRANT,
        /// A function may have a message store.
        IMS = MSI_ROUTE_FEATURE_IMS,
        /// The VMM can be notified of all messages once more.
        RENEW = MSI_ROUTE_FEATURE_RENEW,
        /// Others than the owner can observe functions.
        OBSERVE = MSI_ROUTE_FEATURE_OBSERVE,
    }
}

flags! {
    /// What changed, in a vector or in a capability.
    ///
    /// ```
    /// use msi_route::Changes;
    ///
    /// assert!(!Changes::MASKED.contains(Changes::all()));
    /// ```
    Changes: u32 {
        /// The vector may send for the first time.
        USED = MSI_ROUTE_CHANGE_USED,
        /// Its mask was cleared.
        UNMASKED = MSI_ROUTE_CHANGE_UNMASKED,
        /// Its mask was set.
        MASKED = MSI_ROUTE_CHANGE_MASKED,
        /// Its address or data was written, even with an equal value.
        MESSAGE = MSI_ROUTE_CHANGE_MESSAGE,
        /// Of a capability as a whole: Message Control or Bus Master Enable was written, or
        /// the guest requested vectors.
        CONTROL = MSI_ROUTE_CHANGE_CONTROL,
        /// Bits 31:16 of Vector Control were written, even with an equal value.
        STEERING = MSI_ROUTE_CHANGE_STEERING,
    }
}

flags! {
    /// The state of a vector, or what is the same for all vectors of a capability.
    ///
    /// ```
    /// use msi_route::VectorState;
    ///
    /// assert!(VectorState::from_bits(0x3).contains(VectorState::ENABLED));
    /// ```
    VectorState: u32 {
        /// The vector's own mask is set.
        MASKED = MSI_ROUTE_STATE_MASKED,
        /// The capability is enabled.
        ENABLED = MSI_ROUTE_STATE_ENABLED,
        /// MSI-X Function Mask is set.
        FUNCTION_MASK = MSI_ROUTE_STATE_FUNCTION_MASK,
        /// The function is a bus master.
        BUS_MASTER = MSI_ROUTE_STATE_BUS_MASTER,
        /// The Pending bit is set.
        PENDING = MSI_ROUTE_STATE_PENDING,
        /// An update hold is open.
        HELD = MSI_ROUTE_STATE_HELD,
        /// An eventfd is attached.
        EVENTFD = MSI_ROUTE_STATE_EVENTFD,
    }
}
