// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
// Written by rust/bindings --update from bindings/msi_route.json; do not edit.
//! The interface as `msi_route.h` has it: structs, constants and request numbers.
//!
//! The rest of the crate is made on these. A VMM needs them only for a call of its own.
//!
//! ```
//! use msi_route::abi;
//!
//! assert_eq!(abi::MSI_ROUTE_QUERY, 0xbb00);
//! assert_eq!(size_of::<abi::msi_route_query>(), 40);
//! ```

mod structs;
pub use structs::*;

/// Request on `/dev/msi_route` and a function; takes `msi_route_query`
pub const MSI_ROUTE_QUERY: u32 = 0xbb00;
/// Request on `/dev/msi_route`; takes `msi_route_create`
pub const MSI_ROUTE_CREATE: u32 = 0xbb01;
/// Request on `/dev/msi_route`; takes `msi_route_get_functions`
pub const MSI_ROUTE_GET_FUNCTIONS: u32 = 0xbb02;
/// Request on `/dev/msi_route` and a function; takes `msi_route_get_vectors`
pub const MSI_ROUTE_GET_VECTORS: u32 = 0xbb03;
/// Request on a function; takes `msi_route_access`
pub const MSI_ROUTE_READ: u32 = 0xbb10;
/// Request on a function; takes `msi_route_access`
pub const MSI_ROUTE_WRITE: u32 = 0xbb11;
/// Request on a function; takes `msi_route_trigger`
pub const MSI_ROUTE_TRIGGER: u32 = 0xbb12;
/// Request on a function; takes `msi_route_trigger`
pub const MSI_ROUTE_CLEAR_PENDING: u32 = 0xbb13;
/// Request on a function; takes `msi_route_eventfd`
pub const MSI_ROUTE_SET_EVENTFD: u32 = 0xbb14;
/// Request on a function; takes `msi_route_bus_master`
pub const MSI_ROUTE_SET_BUS_MASTER: u32 = 0xbb15;
/// Request on a function; takes `msi_route_reset`
pub const MSI_ROUTE_RESET: u32 = 0xbb16;
/// Request on a function; takes `msi_route_set_hold`
pub const MSI_ROUTE_SET_HOLD: u32 = 0xbb17;
/// Request on `/dev/msi_route` and a function; takes `msi_route_counters`
pub const MSI_ROUTE_GET_COUNTERS: u32 = 0xbb18;
/// Request on a function; takes `msi_route_map`
pub const MSI_ROUTE_MAP: u32 = 0xbb19;
/// Request on a function; takes `msi_route_eventfds`
pub const MSI_ROUTE_SET_EVENTFDS: u32 = 0xbb1a;
/// Request on a function; takes `msi_route_entries`
pub const MSI_ROUTE_SET_ENTRIES: u32 = 0xbb1b;
/// Request on a function; takes `msi_route_set_notify`
pub const MSI_ROUTE_SET_NOTIFY: u32 = 0xbb1c;
/// Request on a function; takes `msi_route_get_changes`
pub const MSI_ROUTE_GET_CHANGES: u32 = 0xbb1d;
/// Request on a function; takes `msi_route_set_run`
pub const MSI_ROUTE_SET_RUN: u32 = 0xbb1e;
/// Request on a function; takes `msi_route_state`
pub const MSI_ROUTE_SAVE: u32 = 0xbb1f;
/// Request on a function; takes `msi_route_state`
pub const MSI_ROUTE_RESTORE: u32 = 0xbb20;
/// Request on a function; takes `msi_route_translation`
pub const MSI_ROUTE_SET_TRANSLATION: u32 = 0xbb21;
/// Request on a function; takes `msi_route_resize`
pub const MSI_ROUTE_RESIZE: u32 = 0xbb22;
/// Request on a function; takes `msi_route_ims`
pub const MSI_ROUTE_SET_IMS: u32 = 0xbb23;
/// Request on a function; takes `msi_route_renew`
pub const MSI_ROUTE_RENEW: u32 = 0xbb24;
/// Request on a function; takes `msi_route_remapping`
pub const MSI_ROUTE_SET_REMAPPING: u32 = 0xbb25;
/// Request on a function; takes `msi_route_get_map`
pub const MSI_ROUTE_GET_MAP: u32 = 0xbb28;
/// Request on a function; takes `msi_route_rebind`
pub const MSI_ROUTE_REBIND: u32 = 0xbb29;
/// The constant of this name in `msi_route.h`
pub const MSI_ROUTE_TYPE: u32 = 187;
/// The constant of this name in `msi_route.h`
pub const MSI_ROUTE_MSIX_MAX_VECTORS: u32 = 2048;
/// The constant of this name in `msi_route.h`
pub const MSI_ROUTE_MSI_MAX_VECTORS: u32 = 32;
/// The constant of this name in `msi_route.h`
pub const MSI_ROUTE_IMS_MAX_VECTORS: u32 = 65536;
/// The constant of this name in `msi_route.h`
pub const MSI_ROUTE_NAME_SIZE: u32 = 32;
/// The constant of this name in `msi_route.h`
pub const MSI_ROUTE_IMS_MAX_OPS: u32 = 65536;
/// The constant of this name in `msi_route.h`
pub const MSI_ROUTE_VERSION: u32 = 2;
/// The constant of this name in `msi_route.h`
pub const MSI_ROUTE_EVENTFD_KEEP: i32 = -2;
/// The constant of this name in `msi_route.h`
pub const MSI_ROUTE_CAPABILITY: u32 = 4294967295;
/// The constant of this name in `msi_route.h`
pub const MSI_ROUTE_GRANT_CAP_SIZE: u32 = 20;
/// The constant of this name in `msi_route.h`
pub const MSI_ROUTE_GRANT_CAP_REVISION: u32 = 1;
/// The constant of this name in `msi_route.h`
pub const MSI_ROUTE_GRANT_CAP_SIGNATURE: u32 = 1380537165;
/// The constant of this name in `msi_route.h`
pub const MSI_ROUTE_ALL_VECTORS: u32 = 4294967295;
/// The constant of this name in `msi_route.h`
pub const MSI_ROUTE_NR_KINDS: u32 = 3;

/// MSI-X; its vectors are the entries of the MSI-X table
pub const MSI_ROUTE_MSIX: u32 = 0;
/// MSI; its vectors are the messages of the capability
pub const MSI_ROUTE_MSI: u32 = 1;
/// Interrupt message store: its vectors are not in PCI registers; the VMM sets them
/// (`msi_route_ims`)
pub const MSI_ROUTE_IMS: u32 = 2;

/// The update hold (`msi_route_set_hold`)
pub const MSI_ROUTE_FEATURE_HOLD: u32 = 0x1;
/// `MSI_ROUTE_CREATE_EXT_DEST_ID` is possible
pub const MSI_ROUTE_FEATURE_EXT_DEST_ID: u32 = 0x2;
/// Table and PBA can be mapped read-only
pub const MSI_ROUTE_FEATURE_MMAP: u32 = 0x4;
/// In-kernel MMIO (`msi_route_map`)
pub const MSI_ROUTE_FEATURE_MAP: u32 = 0x8;
/// Many vectors in one call (`msi_route_eventfds`, `msi_route_entries`)
pub const MSI_ROUTE_FEATURE_BATCH: u32 = 0x10;
/// The VMM can be notified of changes (`msi_route_set_notify`)
pub const MSI_ROUTE_FEATURE_CHANGES: u32 = 0x20;
/// Stop, save, restore (`msi_route_state`)
pub const MSI_ROUTE_FEATURE_STATE: u32 = 0x40;
/// Messages can be translated for an interrupt remapping unit (`msi_route_translation`,
/// `msi_route_remapping`)
pub const MSI_ROUTE_FEATURE_TRANSLATION: u32 = 0x80;
/// Vectors can be requested and given back (`msi_route_resize`)
pub const MSI_ROUTE_FEATURE_GRANT: u32 = 0x100;
/// A function may have a message store (`msi_route_ims`)
pub const MSI_ROUTE_FEATURE_IMS: u32 = 0x200;
/// The VMM can be notified of all messages once more (`msi_route_renew`)
pub const MSI_ROUTE_FEATURE_RENEW: u32 = 0x400;
/// Others than the owner can observe functions (`msi_route_get_functions`)
pub const MSI_ROUTE_FEATURE_OBSERVE: u32 = 0x800;

/// In messages whose bit 4 and upper address are zero, address bits 11:5 carry destination ID
/// bits 14:8, as KVM guests without interrupt remapping use them \[33\]. Needs a VM whose VMM
/// enabled KVM_CAP_X2APIC_API with 32-bit IDs.
pub const MSI_ROUTE_CREATE_EXT_DEST_ID: u32 = 0x1;
/// The function is behind an interrupt remapping unit: a message in remappable format (address
/// bit 4) is not delivered; its vector behaves as if it were masked \[33\] until the VMM
/// translates the message (`msi_route_translation`).  The VMM can extend this to every message
/// (`msi_route_remapping`). With `MSI_ROUTE_CREATE_EXT_DEST_ID` as well, that flag is for the
/// other messages.
pub const MSI_ROUTE_CREATE_REMAPPING: u32 = 0x2;
/// A write of configuration space by `MSI_ROUTE_WRITE` that covers the byte at 04h sets Bus
/// Master Enable to its bit 2, as `MSI_ROUTE_SET_BUS_MASTER` does.  That call remains for changes
/// that the module does not see.  The Command register itself belongs to the VMM: a read is
/// passed on
pub const MSI_ROUTE_CREATE_COMMAND: u32 = 0x4;
/// An event of MSI that arrives while MSI's Enable is clear is dropped and counted
/// (`msi_route_counters.dropped_disabled`), like on hardware that has no Pending bit to keep it.
/// Without this flag it is pending and is sent when Enable is set \[2\].  Only for a function
/// that has MSI without `MSI_ROUTE_MSI_MASKING`: MSI with Pending bits, and MSI-X, keep their
/// events
pub const MSI_ROUTE_CREATE_DROP_DISABLED: u32 = 0x8;

/// 64-bit address (Message Control bit 7)
pub const MSI_ROUTE_MSI_64BIT: u32 = 0x1;
/// Mask and pending bits (Message Control bit 8)
pub const MSI_ROUTE_MSI_MASKING: u32 = 0x2;
/// Extended Message Data capable (bit 9)
pub const MSI_ROUTE_MSI_EXT_DATA: u32 = 0x4;

/// Configuration space, offsets 0 to FFFh
pub const MSI_ROUTE_CONFIG: u32 = 0;
/// The MSI-X table, offset from its beginning
pub const MSI_ROUTE_TABLE: u32 = 1;
/// The Pending Bit Array, offset from its beginning
pub const MSI_ROUTE_PBA: u32 = 2;

/// The message was sent; if it has a single target, it is in the target's IRR.  For a broadcast,
/// and for a destination for which KVM has to look at each vCPU, the outcome does not say whether
/// a vCPU took it; this is counted (`msi_route_counters.unreached`)
pub const MSI_ROUTE_SENT: u32 = 0;
/// The Pending bit was clear and is now set
pub const MSI_ROUTE_PENDING: u32 = 1;
/// The Pending bit was set already
pub const MSI_ROUTE_COALESCED: u32 = 2;
/// The message is not an interrupt, or is an illegal one \[32\] \[34\]; or MSI's Enable is clear
/// (`MSI_ROUTE_CREATE_DROP_DISABLED`)
pub const MSI_ROUTE_DROPPED: u32 = 3;
/// KVM found no vCPU that takes the message
pub const MSI_ROUTE_UNREACHED: u32 = 4;

/// There is no reason
pub const MSI_ROUTE_REASON_NONE: u32 = 0;
/// It is pending: the vector's own mask is set \[9\] \[20\]
pub const MSI_ROUTE_REASON_MASKED: u32 = 1;
/// Pending: the message is being changed (`msi_route_set_hold`)
pub const MSI_ROUTE_REASON_HELD: u32 = 2;
/// Pending: the message needs a translation and has none \[33\]
pub const MSI_ROUTE_REASON_UNTRANSLATED: u32 = 3;
/// Pending: the capability's Enable is clear \[2\]
pub const MSI_ROUTE_REASON_DISABLED: u32 = 4;
/// Pending: Function Mask is set \[19\]
pub const MSI_ROUTE_REASON_FUNCTION_MASK: u32 = 5;
/// Pending: Bus Master Enable is clear \[31\]
pub const MSI_ROUTE_REASON_BUS_MASTER: u32 = 6;
/// Pending: the VMM has stopped the function (`msi_route_set_run`)
pub const MSI_ROUTE_REASON_STOPPED: u32 = 7;
/// Pending: MSI-X is enabled too, and wins \[1\]
pub const MSI_ROUTE_REASON_MSIX_ENABLED: u32 = 8;
/// Pending: a broadcast of the vector is under way \[26\]
pub const MSI_ROUTE_REASON_BROADCAST: u32 = 9;
/// Dropped: the address is not that of an interrupt \[32\]
pub const MSI_ROUTE_REASON_ADDRESS: u32 = 10;
/// Dropped: the delivery mode cannot come by MSI \[34\]
pub const MSI_ROUTE_REASON_MODE: u32 = 11;
/// Dropped: the vector is 0 to 15 \[34\]
pub const MSI_ROUTE_REASON_VECTOR: u32 = 12;
/// Dropped: the vector was being given back
pub const MSI_ROUTE_REASON_ABSENT: u32 = 13;
/// Dropped: KVM found no vCPU that takes the message
pub const MSI_ROUTE_REASON_UNREACHED: u32 = 14;
/// Was pending, and the VMM cleared it \[21\]
pub const MSI_ROUTE_REASON_CLEARED: u32 = 15;
/// Was pending at a reset \[29\], or when the vector was freed
pub const MSI_ROUTE_REASON_RESET: u32 = 16;
/// Was pending when the vector was given back
pub const MSI_ROUTE_REASON_GIVEN_BACK: u32 = 17;
/// Was pending when a state was restored
pub const MSI_ROUTE_REASON_RESTORED: u32 = 18;
/// Another event stands for it, because both came in one count of an eventfd
pub const MSI_ROUTE_REASON_EVENTFD: u32 = 19;
/// Dropped: MSI's Enable is clear \[2\] (`MSI_ROUTE_CREATE_DROP_DISABLED`)
pub const MSI_ROUTE_REASON_DROP_DISABLED: u32 = 20;

/// The eventfd replaces all that are attached
pub const MSI_ROUTE_EVENTFD_REPLACE: u32 = 0x1;
/// Attach it in addition to those that are attached
pub const MSI_ROUTE_EVENTFD_ADD: u32 = 0x2;
/// Detach this one, and leave the others
pub const MSI_ROUTE_EVENTFD_REMOVE: u32 = 0x4;

/// Leave Bus Master Enable as it is.  For a reset that a device defines for itself and that does
/// not change the Command register: no driver sets the bit again after it
pub const MSI_ROUTE_RESET_KEEP_BUS_MASTER: u32 = 0x1;

/// The table is at `msi_route_map.table`
pub const MSI_ROUTE_MAP_TABLE: u32 = 0x1;
/// The PBA is at `msi_route_map.pba`
pub const MSI_ROUTE_MAP_PBA: u32 = 0x2;

/// The vector may send for the first time since `MSI_ROUTE_SET_NOTIFY`, `MSI_ROUTE_RENEW` or a
/// reset: it is unmasked, in an enabled capability of a bus master that runs
pub const MSI_ROUTE_CHANGE_USED: u32 = 0x1;
/// Its mask was cleared; for MSI also by a change of Multiple Message Enable \[5\]
pub const MSI_ROUTE_CHANGE_UNMASKED: u32 = 0x2;
/// Its mask was set, likewise
pub const MSI_ROUTE_CHANGE_MASKED: u32 = 0x4;
/// Its address or data was written, even with an equal value \[30\]
pub const MSI_ROUTE_CHANGE_MESSAGE: u32 = 0x8;
/// Of a capability as a whole: Message Control or Bus Master Enable was written, or the guest
/// requested vectors
pub const MSI_ROUTE_CHANGE_CONTROL: u32 = 0x10;
/// For MSI-X: bits 31:16 of Vector Control were written, even with an equal value.  A device with
/// TLP Processing Hints has its steering tag there.  As Vector Control is written whole, each
/// write of it counts \[15\] \[30\]
pub const MSI_ROUTE_CHANGE_STEERING: u32 = 0x20;

/// The vector's own mask is set
pub const MSI_ROUTE_STATE_MASKED: u32 = 0x1;
/// The capability is enabled
pub const MSI_ROUTE_STATE_ENABLED: u32 = 0x2;
/// MSI-X Function Mask is set
pub const MSI_ROUTE_STATE_FUNCTION_MASK: u32 = 0x4;
/// The function is a bus master
pub const MSI_ROUTE_STATE_BUS_MASTER: u32 = 0x8;
/// The Pending bit is set (this bit and the next ones only in `msi_route_vector`)
pub const MSI_ROUTE_STATE_PENDING: u32 = 0x10;
/// An update hold is open
pub const MSI_ROUTE_STATE_HELD: u32 = 0x20;
/// An eventfd was attached, and was not detached
pub const MSI_ROUTE_STATE_EVENTFD: u32 = 0x40;

/// The message has no translation any more
pub const MSI_ROUTE_TRANSLATION_NONE: u32 = 0x1;

/// Every message needs a translation, whatever its format
pub const MSI_ROUTE_REMAPPING_ALL: u32 = 0x1;

/// `MSI_ROUTE_SAVE`: detach all eventfds first, so that the counts that they hold are in the
/// state, and later signals stay in the eventfds. `MSI_ROUTE_RESTORE` ignores it
pub const MSI_ROUTE_STATE_DETACH: u32 = 0x1;

/// No request since the function was created or reset
pub const MSI_ROUTE_GRANT_NONE: u32 = 0;
/// The function has as many as were requested
pub const MSI_ROUTE_GRANT_ALL: u32 = 1;
/// It has fewer, but at least the minimum
pub const MSI_ROUTE_GRANT_FEWER: u32 = 2;
/// Refused: 0 vectors, a minimum above the number or above what the function may ever have
pub const MSI_ROUTE_GRANT_RANGE: u32 = 3;
/// Refused: the limit is below the minimum
pub const MSI_ROUTE_GRANT_LIMIT: u32 = 4;
/// Refused: there is no memory for the minimum
pub const MSI_ROUTE_GRANT_MEMORY: u32 = 5;

/// Set the limit
pub const MSI_ROUTE_RESIZE_LIMIT: u32 = 0x1;

/// Set message and mask to those of the entry, in one update
pub const MSI_ROUTE_IMS_SET: u32 = 0;
/// Mask it
pub const MSI_ROUTE_IMS_MASK: u32 = 1;
/// Unmask it
pub const MSI_ROUTE_IMS_UNMASK: u32 = 2;
/// Make it as it was created: detach its eventfd, drop what is pending, mask it, message 0
pub const MSI_ROUTE_IMS_FREE: u32 = 3;
