// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
// Written by rust/bindings --update from bindings/msi_route.json; do not edit.
#![allow(non_camel_case_types)]

/// Limits and features (`MSI_ROUTE_QUERY`)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct msi_route_query {
    /// Size of this struct in bytes
    pub size: u32,
    /// Version of the interface, `MSI_ROUTE_VERSION`
    pub version: u32,
    /// Bits of enum `msi_route_feature`
    pub features: u64,
    /// Most vectors of an MSI-X capability
    pub msix_max_vectors: u32,
    /// Most vectors of an MSI capability
    pub msi_max_vectors: u32,
    /// Bound of the update hold of a new function: 100,000, or the value of the module parameter
    /// hold_ns
    pub hold_default_ns: u32,
    /// Largest bound that `MSI_ROUTE_SET_HOLD` accepts
    pub hold_max_ns: u32,
    /// Most vectors of a message store
    pub ims_max_vectors: u32,
    /// Zero
    pub reserved: u32,
}
const _: () = assert!(size_of::<msi_route_query>() == 40);

/// Create a function (`MSI_ROUTE_CREATE`)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct msi_route_create {
    /// Size of this struct in bytes
    pub size: u32,
    /// Bits of enum `msi_route_create_flag`
    pub flags: u32,
    /// The KVM VM's file descriptor
    pub vm_fd: i32,
    /// The caller's number for the function, such as its bus/device/function number; it appears
    /// in traces and has no other meaning
    pub id: u32,
    /// Vectors of the MSI-X capability, 1 to 2048; 0: no MSI-X
    pub msix_vectors: u16,
    /// Offset of the MSI-X capability in configuration space
    pub msix_cap: u8,
    /// BAR of the MSI-X table, 0 to 5
    pub msix_table_bir: u8,
    /// Offset of the table in it, a multiple of 8
    pub msix_table_offset: u32,
    /// Offset of the PBA in its BAR, a multiple of 8
    pub msix_pba_offset: u32,
    /// BAR of the PBA, 0 to 5
    pub msix_pba_bir: u8,
    /// Offset of the MSI capability in configuration space
    pub msi_cap: u8,
    /// Vectors of the MSI capability: 1, 2, 4, 8, 16 or 32; 0: no MSI
    pub msi_vectors: u8,
    /// Bits of enum `msi_route_msi_flag`
    pub msi_flags: u8,
    /// Bytes of the image that the descriptor maps, 0 without MSI-X
    pub mmap_size: u32,
    /// Offset of the table in the image
    pub mmap_table: u32,
    /// Offset of the PBA in the image
    pub mmap_pba: u32,
    /// Zero
    pub reserved: u32,
    /// Vectors of MSI-X that the function has from the beginning, at most msix_vectors; 0: all of
    /// them.  Others are requested later (`msi_route_resize`)
    pub msix_granted: u16,
    /// Offset of the capability in configuration space by which a driver requests vectors of
    /// MSI-X; 0: none
    pub grant_cap: u8,
    /// Zero
    pub reserved2: u8,
    /// Vectors of the message store (`msi_route_ims`); 0: none
    pub ims_vectors: u32,
    /// Most vectors that the message store may come to have, up to
    /// `msi_route_query.ims_max_vectors`; 0: ims_vectors
    pub ims_max: u32,
    /// Zero
    pub reserved3: u32,
    /// The function's name for people, such as its PCI address "0000:00:04.0": printable ASCII
    /// without space and '/', and zero from its end on; empty: the name is made from id.  It
    /// appears where id does
    pub name: [u8; 32],
}
const _: () = assert!(size_of::<msi_route_create>() == 96);

/// A guest's access (`MSI_ROUTE_READ`, `MSI_ROUTE_WRITE`)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct msi_route_access {
    /// Size of this struct in bytes
    pub size: u32,
    /// A value of enum `msi_route_space`
    pub space: u32,
    /// Offset in it, in bytes
    pub offset: u32,
    /// Length in bytes, 1 to 8
    pub len: u32,
    /// The value that is written, or was read, in the low len bytes
    pub value: u64,
}
const _: () = assert!(size_of::<msi_route_access>() == 24);

/// Raise an event of a vector (`MSI_ROUTE_TRIGGER`), or take it back because its cause is gone
/// (`MSI_ROUTE_CLEAR_PENDING`)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct msi_route_trigger {
    /// Size of this struct in bytes
    pub size: u32,
    /// A value of enum `msi_route_kind`
    pub kind: u32,
    /// The vector, from 0
    pub vector: u32,
    /// `MSI_ROUTE_TRIGGER`: a value of enum `msi_route_outcome`; `MSI_ROUTE_CLEAR_PENDING`: 1 if
    /// the Pending bit was set, else 0
    pub outcome: u32,
}
const _: () = assert!(size_of::<msi_route_trigger>() == 16);

/// Attach or detach a vector's eventfds (`MSI_ROUTE_SET_EVENTFD`)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct msi_route_eventfd {
    /// Size of this struct in bytes
    pub size: u32,
    /// Bits of enum `msi_route_eventfd_flag`
    pub flags: u32,
    /// A value of enum `msi_route_kind`
    pub kind: u32,
    /// The vector, from 0
    pub vector: u32,
    /// The eventfd; -1 detaches all
    pub fd: i32,
    /// Zero
    pub reserved: u32,
}
const _: () = assert!(size_of::<msi_route_eventfd>() == 24);

/// Bus Master Enable (`MSI_ROUTE_SET_BUS_MASTER`)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct msi_route_bus_master {
    /// Size of this struct in bytes
    pub size: u32,
    /// The bit in the function's Command register, 0 or 1
    pub enable: u32,
}
const _: () = assert!(size_of::<msi_route_bus_master>() == 8);

/// Reset the function (`MSI_ROUTE_RESET`)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct msi_route_reset {
    /// Size of this struct in bytes
    pub size: u32,
    /// Bits of enum `msi_route_reset_flag`
    pub flags: u32,
}
const _: () = assert!(size_of::<msi_route_reset>() == 8);

/// Bound of the update hold (`MSI_ROUTE_SET_HOLD`)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct msi_route_set_hold {
    /// Size of this struct in bytes
    pub size: u32,
    /// Longest time in nanoseconds that a vector is held while its guest runs; 0: no hold
    pub bound_ns: u32,
}
const _: () = assert!(size_of::<msi_route_set_hold>() == 8);

/// In-kernel MMIO (`MSI_ROUTE_MAP`)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct msi_route_map {
    /// Size of this struct in bytes
    pub size: u32,
    /// Bits of enum `msi_route_map_flag`; without its flag, table or PBA is removed
    pub flags: u32,
    /// Guest-physical address of the table, a multiple of 8
    pub table: u64,
    /// Guest-physical address of the PBA, a multiple of 8
    pub pba: u64,
}
const _: () = assert!(size_of::<msi_route_map>() == 24);

/// What became of the in-kernel MMIO (`MSI_ROUTE_GET_MAP`)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct msi_route_get_map {
    /// Size of this struct in bytes
    pub size: u32,
    /// As the last successful `MSI_ROUTE_MAP` gave it, likewise table and pba
    pub flags: u32,
    /// The bits of flags whose range is complete: not covered by a later function, nor by a zone
    /// or an ioeventfd of KVM's
    pub reached: u32,
    /// Zero
    pub reserved: u32,
    /// Out
    pub table: u64,
    /// Out
    pub pba: u64,
}
const _: () = assert!(size_of::<msi_route_get_map>() == 32);

/// Attach, move or detach the eventfds of many vectors (`MSI_ROUTE_SET_EVENTFDS`)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct msi_route_eventfds {
    /// Size of this struct in bytes
    pub size: u32,
    /// Bits of enum `msi_route_eventfd_flag`, for all of them
    pub flags: u32,
    /// A value of enum `msi_route_kind`
    pub kind: u32,
    /// The first vector
    pub first: u32,
    /// Number of vectors, from 1
    pub nr: u32,
    /// Zero
    pub reserved: u32,
    /// User address of nr __s32, in the order of the vectors: an eventfd; -1 detaches what is
    /// attached, if anything is; `MSI_ROUTE_EVENTFD_KEEP`
    pub fds: u64,
}
const _: () = assert!(size_of::<msi_route_eventfds>() == 32);

/// An entry of the MSI-X table, as the guest sees it
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct msi_route_entry {
    /// Message Address; bits 1:0 are ignored
    pub address_lo: u32,
    /// Message Upper Address
    pub address_hi: u32,
    /// Message Data
    pub data: u32,
    /// Vector Control
    pub control: u32,
}
const _: () = assert!(size_of::<msi_route_entry>() == 16);

/// Set many entries of the MSI-X table (`MSI_ROUTE_SET_ENTRIES`)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct msi_route_entries {
    /// Size of this struct in bytes
    pub size: u32,
    /// The first entry
    pub first: u32,
    /// Number of entries, from 1
    pub nr: u32,
    /// Zero
    pub reserved: u32,
    /// User address of nr struct `msi_route_entry`
    pub entries: u64,
}
const _: () = assert!(size_of::<msi_route_entries>() == 24);

/// Choose the changes that the VMM is notified of (`MSI_ROUTE_SET_NOTIFY`)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct msi_route_set_notify {
    /// Size of this struct in bytes
    pub size: u32,
    /// Bits of enum `msi_route_change`; 0: none
    pub changes: u32,
    /// The eventfd to signal; -1 with changes 0
    pub fd: i32,
    /// Zero
    pub reserved: u32,
}
const _: () = assert!(size_of::<msi_route_set_notify>() == 16);

/// What changed in a vector, and its present state
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct msi_route_vector_change {
    /// A value of enum `msi_route_kind`
    pub kind: u32,
    /// The vector, or `MSI_ROUTE_CAPABILITY`
    pub vector: u32,
    /// Bits of enum `msi_route_change`, all that were marked
    pub changes: u32,
    /// Bits of enum `msi_route_vector_state`, as of now
    pub state: u32,
    /// Message Address of the vector, as the guest wrote it; 0 for a capability
    pub address: u64,
    /// Message Data, likewise
    pub data: u32,
    /// Vector Control, likewise, with the steering tag in bits 31:16; 0 for MSI
    pub control: u32,
}
const _: () = assert!(size_of::<msi_route_vector_change>() == 32);

/// Take what changed (`MSI_ROUTE_GET_CHANGES`)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct msi_route_get_changes {
    /// Size of this struct in bytes
    pub size: u32,
    /// Number of changes that there is room for, at least 1
    pub room: u32,
    /// Size of struct `msi_route_vector_change` in bytes, as the caller knows it
    pub stride: u32,
    /// Number of changes that were taken
    pub nr: u32,
    /// 1 if there were more changes than room, and the eventfd is signalled once more; else 0
    pub more: u32,
    /// Zero
    pub reserved: u32,
    /// User address of room struct `msi_route_vector_change`
    pub changes: u64,
}
const _: () = assert!(size_of::<msi_route_get_changes>() == 32);

/// Translate a vector's message (`MSI_ROUTE_SET_TRANSLATION`)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct msi_route_translation {
    /// Size of this struct in bytes
    pub size: u32,
    /// Bits of enum `msi_route_translation_flag`
    pub flags: u32,
    /// A value of enum `msi_route_kind`
    pub kind: u32,
    /// The vector, from 0
    pub vector: u32,
    /// Message Data, as the guest wrote it
    pub raw_data: u32,
    /// The data that is sent instead
    pub data: u32,
    /// Message Address, as the guest wrote it
    pub raw_address: u64,
    /// The address that is sent instead
    pub address: u64,
}
const _: () = assert!(size_of::<msi_route_translation>() == 40);

/// How the interrupt remapping unit treats messages (`MSI_ROUTE_SET_REMAPPING`)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct msi_route_remapping {
    /// Size of this struct in bytes
    pub size: u32,
    /// Bits of enum `msi_route_remapping_flag`; 0: as after creation, messages in remappable
    /// format need a translation
    pub flags: u32,
}
const _: () = assert!(size_of::<msi_route_remapping>() == 8);

/// Stop a function, or let it run (`MSI_ROUTE_SET_RUN`)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct msi_route_set_run {
    /// Size of this struct in bytes
    pub size: u32,
    /// 0: stop; 1: run, as after creation
    pub run: u32,
}
const _: () = assert!(size_of::<msi_route_set_run>() == 8);

/// The state of a function (`MSI_ROUTE_SAVE`, `MSI_ROUTE_RESTORE`)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct msi_route_state {
    /// Size of this struct in bytes
    pub size: u32,
    /// Bits of enum `msi_route_state_flag`
    pub flags: u32,
    /// Bound of the update hold
    pub hold_bound_ns: u32,
    /// Bus Master Enable, 0 or 1
    pub bus_master: u32,
    /// In: as the function was created, likewise msi_vectors and msi_flags
    pub msix_vectors: u16,
    /// Function Mask and Enable of MSI-X Message Control
    pub msix_control: u16,
    /// See msix_vectors
    pub msi_vectors: u8,
    /// See msix_vectors
    pub msi_flags: u8,
    /// The writable bits of MSI Message Control
    pub msi_control: u16,
    /// Message Address
    pub msi_address_lo: u32,
    /// Message Upper Address
    pub msi_address_hi: u32,
    /// Message Data
    pub msi_data: u32,
    /// Mask Bits
    pub msi_mask: u32,
    /// Pending Bits
    pub msi_pending: u32,
    /// Vectors with an open update hold
    pub msi_held: u32,
    /// User address of msix_vectors struct `msi_route_entry`; `MSI_ROUTE_RESTORE` ignores those
    /// of vectors that are not granted
    pub entries: u64,
    /// User address of the Pending bits, in qwords as in the PBA
    pub pba: u64,
    /// User address of as many qwords: vectors with an open update hold; with hold_bound_ns 0
    /// none is open.  The bound of a restored hold counts while all vCPUs run
    pub held: u64,
    /// Vectors of MSI-X that the function has; `MSI_ROUTE_RESTORE`: 0: as many as it has now
    pub msix_granted: u16,
    /// Zero
    pub reserved2: u16,
    /// The request register of the capability that requests vectors
    pub grant_request: u32,
    /// The status register, a value of enum `msi_route_grant_status`
    pub grant_status: u32,
    /// In: as the function was created
    pub ims_max: u32,
    /// Vectors of the message store that the function has, at least 1 if it has one
    pub ims_granted: u32,
    /// Zero
    pub reserved3: u32,
    /// User address of ims_max struct `msi_route_entry`, of which ims_granted are used
    pub ims_entries: u64,
    /// User address of the Pending bits, in qwords; likewise
    pub ims_pending: u64,
}
const _: () = assert!(size_of::<msi_route_state>() == 112);

/// Request vectors, or give some back (`MSI_ROUTE_RESIZE`)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct msi_route_resize {
    /// Size of this struct in bytes
    pub size: u32,
    /// Bits of enum `msi_route_resize_flag`
    pub flags: u32,
    /// `MSI_ROUTE_MSIX` or `MSI_ROUTE_IMS`
    pub kind: u32,
    /// The fewest that are useful
    pub min: u32,
    /// Number of vectors that the function is to have; 0 with min 0: as many as it has
    pub nr: u32,
    /// With its flag: the most vectors that requests are granted from now on, including the
    /// guest's; from 1 to what the function was created for
    pub limit: u32,
    /// Number of vectors that the function has now
    pub granted: u32,
    /// Zero
    pub reserved: u32,
}
const _: () = assert!(size_of::<msi_route_resize>() == 32);

/// Do something with an entry of a message store
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct msi_route_ims_op {
    /// The vector, from 0
    pub vector: u32,
    /// A value of enum `msi_route_ims_operation`
    pub op: u32,
    /// For `MSI_ROUTE_IMS_SET`; as an entry of MSI-X, with bit 0 of control as the mask; zero
    /// otherwise
    pub entry: msi_route_entry,
}
const _: () = assert!(size_of::<msi_route_ims_op>() == 24);

/// Set, mask, unmask and free entries of a message store (`MSI_ROUTE_SET_IMS`)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct msi_route_ims {
    /// Size of this struct in bytes
    pub size: u32,
    /// Number of operations, from 1 to `MSI_ROUTE_IMS_MAX_OPS`
    pub nr: u32,
    /// User address of nr struct `msi_route_ims_op`
    pub ops: u64,
}
const _: () = assert!(size_of::<msi_route_ims>() == 16);

/// Be notified of all messages once more (`MSI_ROUTE_RENEW`)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct msi_route_renew {
    /// Size of this struct in bytes
    pub size: u32,
    /// Zero
    pub reserved: u32,
}
const _: () = assert!(size_of::<msi_route_renew>() == 8);

/// Move to another VM (`MSI_ROUTE_REBIND`)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct msi_route_rebind {
    /// Size of this struct in bytes
    pub size: u32,
    /// Zero
    pub flags: u32,
    /// The file descriptor of the other KVM VM, which belongs to the same process
    pub vm_fd: i32,
    /// Zero
    pub reserved: u32,
}
const _: () = assert!(size_of::<msi_route_rebind>() == 16);

/// What happened (`MSI_ROUTE_GET_COUNTERS`)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct msi_route_counters {
    /// Size of this struct in bytes
    pub size: u32,
    /// A value of enum `msi_route_kind`
    pub kind: u32,
    /// A vector, or `MSI_ROUTE_ALL_VECTORS`
    pub vector: u32,
    /// Pending bits that are set now
    pub pending: u32,
    /// Events raised, by ioctl and by eventfd
    pub events: u64,
    /// Messages sent
    pub messages: u64,
    /// Events that found the Pending bit set, or came with others in one count of an eventfd
    pub coalesced: u64,
    /// Pending events cleared by the VMM, by reset, or because the vector was given back or freed
    pub cleared: u64,
    /// Messages that no vCPU took
    pub unreached: u64,
    /// The address was not that of an interrupt \[32\]
    pub dropped_address: u64,
    /// The delivery mode cannot come by MSI \[34\]
    pub dropped_mode: u64,
    /// The vector was 0 to 15 \[34\]
    pub dropped_vector: u64,
    /// Of messages, unreached and the dropped ones, those that had been pending
    pub replayed: u64,
    /// Events that arrived during an update hold of a vector that was not masked
    pub held: u64,
    /// Messages or masks published
    pub updates: u64,
    /// Updates that waited for a sender
    pub drained: u64,
    /// Update holds opened
    pub holds: u64,
    /// Update holds ended by their bound
    pub holds_expired: u64,
    /// Accesses of table and PBA in an undefined way \[15\]
    pub bad_accesses: u64,
    /// Times that MSI and MSI-X both became enabled \[1\]
    pub both_enabled: u64,
    /// Times that a published message needed a translation and had none \[33\]
    pub remappable: u64,
    /// The vector was being given back (`msi_route_resize`)
    pub dropped_absent: u64,
    /// MSI's Enable was clear (`MSI_ROUTE_CREATE_DROP_DISABLED`)
    pub dropped_disabled: u64,
    /// Events that arrived while the capability's Enable was clear, whatever became of them \[2\]
    pub disabled: u64,
    /// On /dev/msi_route: number of the function, as for `MSI_ROUTE_GET_VECTORS`; on a function's
    /// descriptor: 0
    pub function: u32,
    /// Zero
    pub reserved: u32,
}
const _: () = assert!(size_of::<msi_route_counters>() == 184);

/// The state of a function's capability
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct msi_route_capability {
    /// Most vectors that it may come to have; 0: the function has no such capability
    pub max: u32,
    /// Number of vectors
    pub nr: u32,
    /// Bits of enum `msi_route_vector_state` that are the same for all its vectors
    pub state: u32,
    /// A value of enum `msi_route_reason`: why none of them may send now;
    /// `MSI_ROUTE_REASON_NONE`: they may
    pub reason: u32,
}
const _: () = assert!(size_of::<msi_route_capability>() == 16);

/// A function, as others than its owner see it
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct msi_route_function {
    /// The function's number: not 0, and no other function has it before 4,294,967,294 others
    /// were created; the numbers of functions that were created one after the other are unrelated
    pub number: u32,
    /// As the function was created, likewise flags
    pub id: u32,
    /// With vm_fd the VM's name in KVM's debugfs, "pid-fd": the task that created the VM; 0 for a
    /// process in another PID namespace that sees only its own
    pub vm_pid: i32,
    /// The VM's descriptor, as it was given to `MSI_ROUTE_CREATE`, or later to `MSI_ROUTE_REBIND`
    pub vm_fd: i32,
    /// Bits of enum `msi_route_create_flag`
    pub flags: u32,
    /// 1 if `MSI_ROUTE_SET_RUN` has stopped it, else 0
    pub stopped: u32,
    /// Its capabilities, by enum `msi_route_kind`
    pub caps: [msi_route_capability; 3],
    /// As the function was created, or "0x" and id
    pub name: [u8; 32],
}
const _: () = assert!(size_of::<msi_route_function>() == 104);

/// List the functions (`MSI_ROUTE_GET_FUNCTIONS`)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct msi_route_get_functions {
    /// Size of this struct in bytes
    pub size: u32,
    /// The lowest number of a function to return
    pub from: u32,
    /// Number of functions that there is room for, at least 1
    pub room: u32,
    /// Size of struct `msi_route_function` in bytes, as the caller knows it
    pub stride: u32,
    /// Number of functions that were returned; 0: there are no more
    pub nr: u32,
    /// Zero
    pub reserved: u32,
    /// User address of room struct `msi_route_function`
    pub functions: u64,
}
const _: () = assert!(size_of::<msi_route_get_functions>() == 32);

/// A vector and its state
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct msi_route_vector {
    /// The vector, from 0
    pub vector: u32,
    /// Bits of enum `msi_route_vector_state`
    pub state: u32,
    /// A value of enum `msi_route_reason`: why an event that came now would not be sent at once;
    /// `MSI_ROUTE_REASON_NONE`: it would be sent
    pub reason: u32,
    /// Likewise for the last event that was not sent at once, and is pending, dropped or cleared,
    /// or was pending
    pub last: u32,
    /// Message Address, as the guest wrote it
    pub address: u64,
    /// Message Address, as it is sent
    pub sent_address: u64,
    /// Message Data, as the guest wrote it
    pub data: u32,
    /// Message Data, as it is sent
    pub sent_data: u32,
    /// Events raised, by ioctl and by eventfd
    pub events: u64,
    /// Messages sent
    pub messages: u64,
    /// Events that another event stands for
    pub coalesced: u64,
}
const _: () = assert!(size_of::<msi_route_vector>() == 64);

/// The state of vectors (`MSI_ROUTE_GET_VECTORS`)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct msi_route_get_vectors {
    /// Size of this struct in bytes
    pub size: u32,
    /// On /dev/msi_route: number of the function; on a function's descriptor: 0
    pub function: u32,
    /// A value of enum `msi_route_kind`
    pub kind: u32,
    /// The first vector
    pub first: u32,
    /// Number of vectors that there is room for, at least 1
    pub room: u32,
    /// Size of struct `msi_route_vector` in bytes, as the caller knows it
    pub stride: u32,
    /// Number of vectors that were returned; 0: there are no more
    pub nr: u32,
    /// Zero
    pub reserved: u32,
    /// User address of room struct `msi_route_vector`
    pub vectors: u64,
}
const _: () = assert!(size_of::<msi_route_get_vectors>() == 40);
