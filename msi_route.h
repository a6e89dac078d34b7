/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * msi_route: MSI and MSI-X emulation for KVM hosts, the user interface.
 *
 * A VMM opens /dev/msi_route and creates one function for each PCI function of
 * its guest that has an MSI or an MSI-X capability.  It gets a file descriptor
 * for each.  The VMM forwards the guest's accesses of the capability, the MSI-X
 * table and the Pending Bit Array to that descriptor, and raises interrupts by an
 * ioctl or by an eventfd per vector.  Closing the descriptor frees everything.
 *
 * Rules in brackets, such as [20], are those of Documentation/rules.rst.
 */
#ifndef _UAPI_LINUX_MSI_ROUTE_H
#define _UAPI_LINUX_MSI_ROUTE_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * DOC: Conventions
 *
 * Every ioctl takes a pointer to a struct that begins with its @size in bytes.
 * A caller built against an older header passes a shorter struct: the fields that
 * it does not know are taken as zero.  A caller built against a newer header
 * passes a longer struct: it is accepted if the fields that this kernel does not
 * know are zero.  Reserved fields must be zero.  Fields marked "out" are ignored on
 * input, so a returned struct can be passed again.  A call that fails changes
 * nothing.  Request numbers carry no size, so a struct can grow without a new number.
 * A process of 32 bits makes the same calls: structs look the same there, and addresses
 * have 64 bits.
 *
 * Errors that every ioctl may return:
 *
 * ============== ========================================================
 * ``EFAULT``     the struct is not readable; or it is not writable and the
 *                ioctl returns something in it.  The ioctl notices the latter
 *                last, when it has done its work
 * ``EINVAL``     @size is smaller than the first version of the struct,
 *                or a field is outside the range that its text gives
 * ``E2BIG``      @size is larger than the kernel's and the rest is not
 *                all zero, or it is above 4,096
 * ``EOPNOTSUPP`` a flag is unknown, or a reserved field is not zero
 * ``EINTR``      the task was killed while it waited for another call on the
 *                function, or for KVM: nobody sees this error
 * ``ENOTTY``     the ioctl is unknown, or is not for this descriptor
 * ============== ========================================================
 *
 * ioctls that name a vector may also return:
 *
 * ============== ========================================================
 * ``ENODEV``     the function has no such capability
 * ``ECHRNG``     the capability has no such vector
 * ============== ========================================================
 *
 * No ioctl prints anything.  No call except create, rebind and close
 * waits for an RCU grace period.
 *
 * MSI_ROUTE_MAP, MSI_ROUTE_REBIND and the last close of a function that has a place
 * wait until each vCPU of the VM has left the code of KVM that it was in (SRCU).  This
 * normally takes microseconds.  If a vCPU waits there for a page of the guest's
 * memory (post-copy, userfaultfd, FUSE), it takes until the page comes or the vCPU's
 * thread is killed, at the latest with its process.  Meanwhile calls of other VMs
 * proceed, and so do all other calls of the same VM.  A process with another address
 * space than the VM's, which was passed the descriptor, does not wait when it closes it.
 */

/* The ioctl type ("magic") of all requests below. */
#define MSI_ROUTE_TYPE	0xBB

/* The largest numbers of vectors that the PCI specification allows. */
#define MSI_ROUTE_MSIX_MAX_VECTORS	2048
#define MSI_ROUTE_MSI_MAX_VECTORS	32

/*
 * The most vectors of a message store: 32 times those of an MSI-X table.  This bounds
 * the work of one call: a reset, a save, a restore and the last close look at each
 * vector.
 */
#define MSI_ROUTE_IMS_MAX_VECTORS	(1U << 16)

/* Size of a function's name, with the zero that ends it. */
#define MSI_ROUTE_NAME_SIZE	32

/* The most operations on a message store in one call. */
#define MSI_ROUTE_IMS_MAX_OPS	65536U

/**
 * enum msi_route_kind - a capability of a function
 * @MSI_ROUTE_MSIX: MSI-X; its vectors are the entries of the MSI-X table
 * @MSI_ROUTE_MSI: MSI; its vectors are the messages of the capability
 * @MSI_ROUTE_IMS: interrupt message store: its vectors are not in PCI registers;
 *	the VMM sets them (&msi_route_ims)
 */
enum msi_route_kind {
	MSI_ROUTE_MSIX = 0,
	MSI_ROUTE_MSI = 1,
	MSI_ROUTE_IMS = 2,
};

/**
 * enum msi_route_feature - bits of &msi_route_query.features
 * @MSI_ROUTE_FEATURE_HOLD: the update hold (&msi_route_set_hold)
 * @MSI_ROUTE_FEATURE_EXT_DEST_ID: %MSI_ROUTE_CREATE_EXT_DEST_ID is possible
 * @MSI_ROUTE_FEATURE_MMAP: table and PBA can be mapped read-only
 * @MSI_ROUTE_FEATURE_MAP: in-kernel MMIO (&msi_route_map)
 * @MSI_ROUTE_FEATURE_BATCH: many vectors in one call (&msi_route_eventfds,
 *	&msi_route_entries)
 * @MSI_ROUTE_FEATURE_CHANGES: the VMM can be notified of changes
 *	(&msi_route_set_notify)
 * @MSI_ROUTE_FEATURE_STATE: stop, save, restore (&msi_route_state)
 * @MSI_ROUTE_FEATURE_TRANSLATION: messages can be translated for an interrupt
 *	remapping unit (&msi_route_translation, &msi_route_remapping)
 * @MSI_ROUTE_FEATURE_GRANT: vectors can be requested and given back
 *	(&msi_route_resize)
 * @MSI_ROUTE_FEATURE_IMS: a function may have a message store (&msi_route_ims)
 * @MSI_ROUTE_FEATURE_RENEW: the VMM can be notified of all messages once more
 *	(&msi_route_renew)
 * @MSI_ROUTE_FEATURE_OBSERVE: others than the owner can observe functions
 *	(&msi_route_get_functions)
 */
enum msi_route_feature {
	MSI_ROUTE_FEATURE_HOLD = 1 << 0,
	MSI_ROUTE_FEATURE_EXT_DEST_ID = 1 << 1,
	MSI_ROUTE_FEATURE_MMAP = 1 << 2,
	MSI_ROUTE_FEATURE_MAP = 1 << 3,
	MSI_ROUTE_FEATURE_BATCH = 1 << 4,
	MSI_ROUTE_FEATURE_CHANGES = 1 << 5,
	MSI_ROUTE_FEATURE_STATE = 1 << 6,
	MSI_ROUTE_FEATURE_TRANSLATION = 1 << 7,
	MSI_ROUTE_FEATURE_GRANT = 1 << 8,
	MSI_ROUTE_FEATURE_IMS = 1 << 9,
	MSI_ROUTE_FEATURE_RENEW = 1 << 10,
	MSI_ROUTE_FEATURE_OBSERVE = 1 << 11,
};

/**
 * struct msi_route_query - limits and features (MSI_ROUTE_QUERY)
 * @size: size of this struct in bytes
 * @version: out: version of the interface, %MSI_ROUTE_VERSION
 * @features: out: bits of enum msi_route_feature
 * @msix_max_vectors: out: most vectors of an MSI-X capability
 * @msi_max_vectors: out: most vectors of an MSI capability
 * @hold_default_ns: out: bound of the update hold of a new function: 100,000,
 *	or the value of the module parameter hold_ns
 * @hold_max_ns: out: largest bound that MSI_ROUTE_SET_HOLD accepts
 * @ims_max_vectors: out: most vectors of a message store
 * @reserved: out: zero
 *
 * Works on /dev/msi_route and on a function's descriptor.
 */
struct msi_route_query {
	__u32 size;
	__u32 version;
	__u64 features;
	__u32 msix_max_vectors;
	__u32 msi_max_vectors;
	__u32 hold_default_ns;
	__u32 hold_max_ns;
	__u32 ims_max_vectors;
	__u32 reserved;
};

#define MSI_ROUTE_VERSION	2

/**
 * enum msi_route_create_flag - bits of &msi_route_create.flags
 * @MSI_ROUTE_CREATE_EXT_DEST_ID: in messages whose bit 4 and upper address are
 *	zero, address bits 11:5 carry destination ID bits 14:8, as KVM guests without
 *	interrupt remapping use them [33].
 *	Needs a VM whose VMM enabled KVM_CAP_X2APIC_API with 32-bit IDs.
 * @MSI_ROUTE_CREATE_REMAPPING: the function is behind an interrupt
 *	remapping unit: a message in remappable format (address bit 4) is not
 *	delivered; its vector behaves as if it were masked [33] until the VMM translates
 *	the message (&msi_route_translation).  The VMM can extend this to every message
 *	(&msi_route_remapping).
 *	With %MSI_ROUTE_CREATE_EXT_DEST_ID as well, that flag is for the other messages.
 * @MSI_ROUTE_CREATE_COMMAND: a write of configuration space by MSI_ROUTE_WRITE that
 *	covers the byte at 04h sets Bus Master Enable to its bit 2, as
 *	MSI_ROUTE_SET_BUS_MASTER does.  That call remains for changes that the module
 *	does not see.  The Command register itself belongs to the VMM: a read is passed
 *	on
 * @MSI_ROUTE_CREATE_DROP_DISABLED: an event of MSI that arrives while MSI's Enable is
 *	clear is dropped and counted (&msi_route_counters.dropped_disabled), like on
 *	hardware that has no Pending bit to keep it.  Without this flag it is pending
 *	and is sent when Enable is set [2].  Only for a function that has MSI without
 *	%MSI_ROUTE_MSI_MASKING: MSI with Pending bits, and MSI-X, keep their events
 */
enum msi_route_create_flag {
	MSI_ROUTE_CREATE_EXT_DEST_ID = 1 << 0,
	MSI_ROUTE_CREATE_REMAPPING = 1 << 1,
	MSI_ROUTE_CREATE_COMMAND = 1 << 2,
	MSI_ROUTE_CREATE_DROP_DISABLED = 1 << 3,
};

/**
 * enum msi_route_msi_flag - bits of &msi_route_create.msi_flags: the layout
 * @MSI_ROUTE_MSI_64BIT: 64-bit address (Message Control bit 7)
 * @MSI_ROUTE_MSI_MASKING: mask and pending bits (Message Control bit 8)
 * @MSI_ROUTE_MSI_EXT_DATA: Extended Message Data capable (bit 9)
 */
enum msi_route_msi_flag {
	MSI_ROUTE_MSI_64BIT = 1 << 0,
	MSI_ROUTE_MSI_MASKING = 1 << 1,
	MSI_ROUTE_MSI_EXT_DATA = 1 << 2,
};

/**
 * struct msi_route_create - create a function (MSI_ROUTE_CREATE)
 * @size: size of this struct in bytes
 * @flags: bits of enum msi_route_create_flag
 * @vm_fd: the KVM VM's file descriptor
 * @id: the caller's number for the function, such as its bus/device/function
 *	number; it appears in traces and has no other meaning
 * @msix_vectors: vectors of the MSI-X capability, 1 to 2048; 0: no MSI-X
 * @msix_cap: offset of the MSI-X capability in configuration space
 * @msix_table_bir: BAR of the MSI-X table, 0 to 5
 * @msix_table_offset: offset of the table in it, a multiple of 8
 * @msix_pba_offset: offset of the PBA in its BAR, a multiple of 8
 * @msix_pba_bir: BAR of the PBA, 0 to 5
 * @msi_cap: offset of the MSI capability in configuration space
 * @msi_vectors: vectors of the MSI capability: 1, 2, 4, 8, 16 or 32; 0: no MSI
 * @msi_flags: bits of enum msi_route_msi_flag
 * @mmap_size: out: bytes of the image that the descriptor maps, 0 without MSI-X
 * @mmap_table: out: offset of the table in the image
 * @mmap_pba: out: offset of the PBA in the image
 * @reserved: zero
 * @msix_granted: vectors of MSI-X that the function has from the beginning, at
 *	most @msix_vectors; 0: all of them.  Others are requested later
 *	(&msi_route_resize)
 * @grant_cap: offset of the capability in configuration space by which a driver
 *	requests vectors of MSI-X; 0: none
 * @reserved2: zero
 * @ims_vectors: vectors of the message store (&msi_route_ims); 0: none
 * @ims_max: most vectors that the message store may come to have, up to
 *	&msi_route_query.ims_max_vectors; 0: @ims_vectors
 * @reserved3: zero
 * @name: the function's name for people, such as its PCI address "0000:00:04.0":
 *	printable ASCII without space and '/', and zero from its end on; empty: the
 *	name is made from @id.  It appears where @id does
 *
 * Offsets of capabilities are multiples of 4 from 40h on, and the capability
 * must end within the 256 bytes of configuration space; table, PBA and the
 * capabilities must not overlap.  Fields of a capability that the function
 * does not have must be zero.
 *
 * The new function is as after reset [29], with Bus Master Enable clear
 * [31].  It holds the VM: the VM lives until the function is closed or moves
 * to another VM (&msi_route_rebind), in whatever order the descriptors are closed.
 *
 * The first call since the module was loaded may have to find KVM's way into the
 * vLAPIC.  It then opens /dev/kvm in the name of the caller and makes a temporary VM
 * for the time of the call, with one descriptor and a page of memory.
 *
 * The image can be mapped shared and read-only by mmap() on the descriptor at
 * offset 0.  It always shows what a read of the table and of the PBA returns.
 * Offsets within a page are those of the BAR.  mmap() fails with ``EPERM`` if
 * the mapping is writable or executable, with ``ENXIO`` outside the image,
 * with ``ENODEV`` without MSI-X and with ``ENOMEM`` if memory is exhausted.
 *
 * A mapping keeps neither the function nor the module: when the descriptor is closed,
 * everything ends except the pages.  They keep their last contents, and are charged
 * until they are unmapped.
 *
 * Return: a file descriptor (close-on-exec), or -1 with errno:
 *
 * ================= =====================================================
 * ``EBADF``         @vm_fd is not open
 * ``EBADFD``        @vm_fd is open, but is not a KVM VM
 * ``EPERM``         the VM belongs to another process
 * ``ENXIO``         the VM has no in-kernel local APIC (KVM_CREATE_IRQCHIP or
 *                   KVM_CAP_SPLIT_IRQCHIP come first)
 * ``ENODATA``       the way into the vLAPIC is not known yet, and the caller cannot
 *                   open /dev/kvm to find it.  It was not found when the
 *                   module was loaded, and no function has been created since.
 *                   Let a process that can open /dev/kvm create a function; or set
 *                   one route of type KVM_IRQ_ROUTING_MSI (any GSI, any content) in
 *                   this VM by KVM_SET_GSI_ROUTING.  The route may be removed
 *                   afterwards
 * ``EADDRNOTAVAIL`` %MSI_ROUTE_CREATE_EXT_DEST_ID, but the VM does not use
 *                   32-bit x2APIC IDs
 * ``EINVAL``        no capability at all; or a number, offset, BAR or name outside
 *                   the ranges above; or an overlap; or a flag that is not for
 *                   such a function
 * ``ENOMEM``        memory, or the memory cgroup's limit, is exhausted
 * ``EMFILE``        too many open files
 * ================= =====================================================
 */
struct msi_route_create {
	__u32 size;
	__u32 flags;
	__s32 vm_fd;
	__u32 id;
	__u16 msix_vectors;
	__u8 msix_cap;
	__u8 msix_table_bir;
	__u32 msix_table_offset;
	__u32 msix_pba_offset;
	__u8 msix_pba_bir;
	__u8 msi_cap;
	__u8 msi_vectors;
	__u8 msi_flags;
	__u32 mmap_size;
	__u32 mmap_table;
	__u32 mmap_pba;
	__u32 reserved;
	__u16 msix_granted;
	__u8 grant_cap;
	__u8 reserved2;
	__u32 ims_vectors;
	__u32 ims_max;
	__u32 reserved3;
	char name[MSI_ROUTE_NAME_SIZE];
};

/**
 * enum msi_route_space - what an access addresses
 * @MSI_ROUTE_CONFIG: configuration space, offsets 0 to FFFh
 * @MSI_ROUTE_TABLE: the MSI-X table, offset from its beginning
 * @MSI_ROUTE_PBA: the Pending Bit Array, offset from its beginning
 */
enum msi_route_space {
	MSI_ROUTE_CONFIG = 0,
	MSI_ROUTE_TABLE = 1,
	MSI_ROUTE_PBA = 2,
};

/**
 * struct msi_route_access - a guest's access (MSI_ROUTE_READ, MSI_ROUTE_WRITE)
 * @size: size of this struct in bytes
 * @space: a value of enum msi_route_space
 * @offset: offset in it, in bytes
 * @len: length in bytes, 1 to 8
 * @value: the value that is written, or was read, in the low @len bytes
 *
 * Configuration space: the function owns the bytes of its capabilities from
 * Message Control on.  A read replaces these bytes of @value and leaves the
 * others as the caller filled them.  A write ignores the others, except Command with
 * %MSI_ROUTE_CREATE_COMMAND.  So a VMM may pass every access of configuration space,
 * including that of PCI Express.  An access that crosses an aligned dword is done dword
 * by dword, as a host bridge does it [11].
 *
 * Table and PBA: an access other than an aligned dword or qword is the
 * guest's mistake, not the caller's: a read returns all ones, a write is
 * dropped, and both are counted [15].  A guest can cause accesses of any length: KVM
 * hands those that cross a page to the VMM in pieces.
 *
 * When a write returns, no message with an older address, data or mask state
 * is under way [25] [27], and the message that it released is in the target's IRR [26].
 * A read first completes what is under way, as a posted write is pushed ahead
 * of a read's completion.
 *
 * ============== ========================================================
 * ``EMSGSIZE``   @len is 0, or above 8
 * ``EINVAL``     unknown @space
 * ``ERANGE``     @offset and @len lie outside @space
 * ``ENODEV``     access of table or PBA, but the function has no MSI-X
 * ============== ========================================================
 */
struct msi_route_access {
	__u32 size;
	__u32 space;
	__u32 offset;
	__u32 len;
	__u64 value;
};

/**
 * enum msi_route_outcome - what became of an event
 * @MSI_ROUTE_SENT: the message was sent; if it has a single target, it is in the
 *	target's IRR.  For a broadcast, and for a destination for which KVM has to look
 *	at each vCPU, the outcome does not say whether a vCPU took it; this is counted
 *	(&msi_route_counters.unreached)
 * @MSI_ROUTE_PENDING: the Pending bit was clear and is now set
 * @MSI_ROUTE_COALESCED: the Pending bit was set already
 * @MSI_ROUTE_DROPPED: the message is not an interrupt, or is an illegal one [32] [34];
 *	or MSI's Enable is clear (%MSI_ROUTE_CREATE_DROP_DISABLED)
 * @MSI_ROUTE_UNREACHED: KVM found no vCPU that takes the message
 */
enum msi_route_outcome {
	MSI_ROUTE_SENT = 0,
	MSI_ROUTE_PENDING = 1,
	MSI_ROUTE_COALESCED = 2,
	MSI_ROUTE_DROPPED = 3,
	MSI_ROUTE_UNREACHED = 4,
};

/**
 * enum msi_route_reason - why an event was not sent at once
 * @MSI_ROUTE_REASON_NONE: there is no reason
 * @MSI_ROUTE_REASON_MASKED: it is pending: the vector's own mask is set [9] [20]
 * @MSI_ROUTE_REASON_HELD: pending: the message is being changed (&msi_route_set_hold)
 * @MSI_ROUTE_REASON_UNTRANSLATED: pending: the message needs a translation and has
 *	none [33]
 * @MSI_ROUTE_REASON_DISABLED: pending: the capability's Enable is clear [2]
 * @MSI_ROUTE_REASON_FUNCTION_MASK: pending: Function Mask is set [19]
 * @MSI_ROUTE_REASON_BUS_MASTER: pending: Bus Master Enable is clear [31]
 * @MSI_ROUTE_REASON_STOPPED: pending: the VMM has stopped the function
 *	(&msi_route_set_run)
 * @MSI_ROUTE_REASON_MSIX_ENABLED: pending: MSI-X is enabled too, and wins [1]
 * @MSI_ROUTE_REASON_BROADCAST: pending: a broadcast of the vector is under way [26]
 * @MSI_ROUTE_REASON_ADDRESS: dropped: the address is not that of an interrupt [32]
 * @MSI_ROUTE_REASON_MODE: dropped: the delivery mode cannot come by MSI [34]
 * @MSI_ROUTE_REASON_VECTOR: dropped: the vector is 0 to 15 [34]
 * @MSI_ROUTE_REASON_ABSENT: dropped: the vector was being given back
 * @MSI_ROUTE_REASON_UNREACHED: dropped: KVM found no vCPU that takes the message
 * @MSI_ROUTE_REASON_CLEARED: was pending, and the VMM cleared it [21]
 * @MSI_ROUTE_REASON_RESET: was pending at a reset [29], or when the vector was freed
 * @MSI_ROUTE_REASON_GIVEN_BACK: was pending when the vector was given back
 * @MSI_ROUTE_REASON_RESTORED: was pending when a state was restored
 * @MSI_ROUTE_REASON_EVENTFD: another event stands for it, because both came in one
 *	count of an eventfd
 * @MSI_ROUTE_REASON_DROP_DISABLED: dropped: MSI's Enable is clear [2]
 *	(%MSI_ROUTE_CREATE_DROP_DISABLED)
 *
 * The tracepoints' field ``reason`` has the same values.
 */
enum msi_route_reason {
	MSI_ROUTE_REASON_NONE = 0,
	MSI_ROUTE_REASON_MASKED = 1,
	MSI_ROUTE_REASON_HELD = 2,
	MSI_ROUTE_REASON_UNTRANSLATED = 3,
	MSI_ROUTE_REASON_DISABLED = 4,
	MSI_ROUTE_REASON_FUNCTION_MASK = 5,
	MSI_ROUTE_REASON_BUS_MASTER = 6,
	MSI_ROUTE_REASON_STOPPED = 7,
	MSI_ROUTE_REASON_MSIX_ENABLED = 8,
	MSI_ROUTE_REASON_BROADCAST = 9,
	MSI_ROUTE_REASON_ADDRESS = 10,
	MSI_ROUTE_REASON_MODE = 11,
	MSI_ROUTE_REASON_VECTOR = 12,
	MSI_ROUTE_REASON_ABSENT = 13,
	MSI_ROUTE_REASON_UNREACHED = 14,
	MSI_ROUTE_REASON_CLEARED = 15,
	MSI_ROUTE_REASON_RESET = 16,
	MSI_ROUTE_REASON_GIVEN_BACK = 17,
	MSI_ROUTE_REASON_RESTORED = 18,
	MSI_ROUTE_REASON_EVENTFD = 19,
	MSI_ROUTE_REASON_DROP_DISABLED = 20,
};

/**
 * struct msi_route_trigger - raise an event of a vector (MSI_ROUTE_TRIGGER), or
 *	take it back because its cause is gone (MSI_ROUTE_CLEAR_PENDING)
 * @size: size of this struct in bytes
 * @kind: a value of enum msi_route_kind
 * @vector: the vector, from 0
 * @outcome: out: MSI_ROUTE_TRIGGER: a value of enum msi_route_outcome;
 *	MSI_ROUTE_CLEAR_PENDING: 1 if the Pending bit was set, else 0
 *
 * If an event cannot be sent now, because the vector or the function is
 * masked, not enabled or not a bus master, or because the message is being changed,
 * it becomes pending and is sent as soon as it can be [2] [20] [31].
 *
 * MSI_ROUTE_CLEAR_PENDING is for a device model whose cause was serviced while the
 * vector was masked [21].
 */
struct msi_route_trigger {
	__u32 size;
	__u32 kind;
	__u32 vector;
	__u32 outcome;
};

/**
 * enum msi_route_eventfd_flag - bits of &msi_route_eventfd.flags, one at most
 * @MSI_ROUTE_EVENTFD_REPLACE: the eventfd replaces all that are attached
 * @MSI_ROUTE_EVENTFD_ADD: attach it in addition to those that are attached
 * @MSI_ROUTE_EVENTFD_REMOVE: detach this one, and leave the others
 */
enum msi_route_eventfd_flag {
	MSI_ROUTE_EVENTFD_REPLACE = 1 << 0,
	MSI_ROUTE_EVENTFD_ADD = 1 << 1,
	MSI_ROUTE_EVENTFD_REMOVE = 1 << 2,
};

/**
 * struct msi_route_eventfd - attach or detach a vector's eventfds
 *	(MSI_ROUTE_SET_EVENTFD)
 * @size: size of this struct in bytes
 * @flags: bits of enum msi_route_eventfd_flag
 * @kind: a value of enum msi_route_kind
 * @vector: the vector, from 0
 * @fd: the eventfd; -1 detaches all
 * @reserved: zero
 *
 * Each signal of an eventfd is one event of the vector.  If the eventfd
 * holds a count when it is attached, or a count is left when it is detached or
 * replaced, that is raised too: no event is lost.  The eventfd may be closed
 * afterwards; the attachment ends when the last holder closes it.
 *
 * A vector may have any number of eventfds, such as one for each queue if a
 * device has more queues than vectors.  All their events are events of the vector:
 * those that find its Pending bit set are coalesced, whichever eventfd they came by.
 *
 * From an EFD_SEMAPHORE each signal takes 1, as with KVM_IRQFD, and so does the call that
 * attaches, moves or detaches it while it holds a count; more stays in it.
 *
 * ============== ========================================================
 * ``EBADF``      @fd is not open; or it is -1 with ADD or REMOVE
 * ``EINVAL``     @fd is not an eventfd, or @flags has more than one bit
 * ``EEXIST``     an eventfd is attached, and neither REPLACE nor ADD is given;
 *                or ADD is given, and this one is attached to the vector
 * ``ENOENT``     detach: none is attached; REMOVE: this one is not attached
 * ``EBUSY``      another consumer, a vector or an irqfd, has the eventfd
 * ``ENOMEM``     memory is exhausted
 * ============== ========================================================
 */
struct msi_route_eventfd {
	__u32 size;
	__u32 flags;
	__u32 kind;
	__u32 vector;
	__s32 fd;
	__u32 reserved;
};

/**
 * struct msi_route_bus_master - Bus Master Enable (MSI_ROUTE_SET_BUS_MASTER)
 * @size: size of this struct in bytes
 * @enable: the bit in the function's Command register, 0 or 1
 *
 * A function that is not a bus master sends nothing.  Events that arrive are pending
 * and are sent when the bit is set again [31].  On return nothing is sent any more, or
 * the released messages are in their targets' IRR.  With %MSI_ROUTE_CREATE_COMMAND the
 * guest's writes have this effect.
 */
struct msi_route_bus_master {
	__u32 size;
	__u32 enable;
};

/**
 * enum msi_route_reset_flag - bits of &msi_route_reset.flags
 * @MSI_ROUTE_RESET_KEEP_BUS_MASTER: leave Bus Master Enable as it is.  For a reset that
 *	a device defines for itself and that does not change the Command register: no
 *	driver sets the bit again after it
 */
enum msi_route_reset_flag {
	MSI_ROUTE_RESET_KEEP_BUS_MASTER = 1 << 0,
};

/**
 * struct msi_route_reset - reset the function (MSI_ROUTE_RESET)
 * @size: size of this struct in bytes
 * @flags: bits of enum msi_route_reset_flag
 *
 * For a conventional reset and a Function Level Reset.  All registers are as in [29],
 * pending events are cleared and counted, and Bus Master Enable is clear.  Eventfds
 * stay attached.  Events in flight are dropped or delivered before the call returns.
 */
struct msi_route_reset {
	__u32 size;
	__u32 flags;
};

/**
 * struct msi_route_set_hold - bound of the update hold (MSI_ROUTE_SET_HOLD)
 * @size: size of this struct in bytes
 * @bound_ns: longest time in nanoseconds that a vector is held while its guest
 *	runs; 0: no hold
 *
 * A guest changes a message by several writes, even while the message may be sent.
 * A write that changes the address opens a hold.  Events that are raised meanwhile
 * become pending, until the data register or Message Control or Vector Control is
 * written or the bound has passed.  Then one message with the new address and data
 * goes out.  A new bound ends the holds that are open.
 *
 * The bound counts only while the vCPU that opened the hold is in the guest, or halted:
 * the hold ends after four looks, within the bound, that find the vCPU so.  While its
 * thread is in the VMM, is stopped or waits for a page or a processor, the guest cannot
 * write the data either.  After a minute of this the hold ends all the same.  If the
 * writing thread runs no vCPU of the VM, the bound is plain time.
 *
 * ============== ========================================================
 * ``EINVAL``     @bound_ns is above &msi_route_query.hold_max_ns
 * ============== ========================================================
 */
struct msi_route_set_hold {
	__u32 size;
	__u32 bound_ns;
};

/**
 * enum msi_route_map_flag - bits of &msi_route_map.flags
 * @MSI_ROUTE_MAP_TABLE: the table is at &msi_route_map.table
 * @MSI_ROUTE_MAP_PBA: the PBA is at &msi_route_map.pba
 */
enum msi_route_map_flag {
	MSI_ROUTE_MAP_TABLE = 1 << 0,
	MSI_ROUTE_MAP_PBA = 1 << 1,
};

/**
 * struct msi_route_map - in-kernel MMIO (MSI_ROUTE_MAP)
 * @size: size of this struct in bytes
 * @flags: bits of enum msi_route_map_flag; without its flag, table or PBA is removed
 * @table: guest-physical address of the table, a multiple of 8
 * @pba: guest-physical address of the PBA, a multiple of 8
 *
 * The kernel handles a vCPU's access of table or PBA there, as MSI_ROUTE_READ and
 * MSI_ROUTE_WRITE do, and KVM_RUN does not return for it.
 * Accesses that are not wholly within one of the two, such as of registers in
 * the same page, exit to the VMM as before.
 *
 * Each call replaces the previous place in one step: a vCPU's access meanwhile is
 * done once, at the old or at the new place, or exits to the VMM.  A VMM that
 * does not know the function at that place any more, or not yet, treats it as
 * any other unclaimed address.  On return no access uses the old place any more.
 * Closing the function removes its place, even while its image is mapped.  Conventions
 * says what the call waits for.
 *
 * If two functions of a VM overlap, the later one wins: a table or PBA that
 * this one covers, even in part, is removed from that place, as by a
 * call for its function, and its accesses exit to the VMM.  So the BARs of two
 * functions can be exchanged move by move, in either order: no access reaches a table
 * at a place that already belongs to another function.  The next call for the covered
 * function brings it back.
 *
 * What KVM serves by itself wins over a function: its I/O APIC, the page of the local
 * APIC at FEE0_0000h, a coalesced zone (KVM_REGISTER_COALESCED_MMIO), an ioeventfd.
 * In this case the call fails, and the function stays where it was.  If the guest has
 * moved it, the VMM removes it (@flags 0) and does the accesses itself.  KVM does not
 * refuse a zone or an ioeventfd that is registered over a function afterwards.  Which of
 * the two then gets an access is not defined, and MSI_ROUTE_GET_MAP reports it.
 *
 * The VMM may also map the image (mmap() of the descriptor) into the guest
 * as a KVM_MEM_READONLY slot at these addresses.  Reads then do not exit at all, and
 * writes come here.  Do so only if nothing but table and PBA is in those pages:
 * reads of other registers there would find 0.
 *
 * ============== ========================================================
 * ``EOPNOTSUPP`` unknown bits in @flags
 * ``ENODEV``     the function has no MSI-X
 * ``EINVAL``     an address is not a multiple of 8, or reaches beyond the end
 *                of the address space, or is not 0 without its flag; or table
 *                and PBA overlap
 * ``EEXIST``     KVM itself serves a part of the range
 * ``ENOSPC``     KVM's limit of devices on its MMIO bus (1,000) is reached, and
 *                this adds to them
 * ``ENOMEM``     memory is exhausted
 * ============== ========================================================
 */
struct msi_route_map {
	__u32 size;
	__u32 flags;
	__u64 table;
	__u64 pba;
};

/**
 * struct msi_route_get_map - what became of the in-kernel MMIO
 *	(MSI_ROUTE_GET_MAP)
 * @size: size of this struct in bytes
 * @flags: out: as the last successful MSI_ROUTE_MAP gave it, likewise @table and
 *	@pba
 * @reached: out: the bits of @flags whose range is complete: not covered by a later
 *	function, nor by a zone or an ioeventfd of KVM's
 * @reserved: zero
 * @table: out
 * @pba: out
 *
 * For a VMM that does not know each zone and ioeventfd, and to find out why a
 * table does not see a guest's writes.  The call does not know the VM's memory: a slot
 * at these addresses wins over everything.
 *
 * ============== ========================================================
 * ``ENODEV``     the function has no MSI-X
 * ============== ========================================================
 */
struct msi_route_get_map {
	__u32 size;
	__u32 flags;
	__u32 reached;
	__u32 reserved;
	__u64 table;
	__u64 pba;
};

/* In &msi_route_eventfds.fds: the attached eventfds stay. */
#define MSI_ROUTE_EVENTFD_KEEP	(-2)

/**
 * struct msi_route_eventfds - attach, move or detach the eventfds of many vectors
 *	(MSI_ROUTE_SET_EVENTFDS)
 * @size: size of this struct in bytes
 * @flags: bits of enum msi_route_eventfd_flag, for all of them
 * @kind: a value of enum msi_route_kind
 * @first: the first vector
 * @nr: number of vectors, from 1
 * @reserved: zero
 * @fds: user address of @nr __s32, in the order of the vectors: an eventfd; -1
 *	detaches what is attached, if anything is; %MSI_ROUTE_EVENTFD_KEEP
 *
 * Each vector is treated as by MSI_ROUTE_SET_EVENTFD, all of them or none:
 * after an error each has the eventfds that it had before.
 *
 * An eventfd can move from one of these vectors to another, if the call
 * takes it from the vector that has it: by -1, or by an eventfd with REPLACE.
 * So { -1, E } moves E from the first vector to the second, and { E1, E0 } with
 * REPLACE exchanges two; any order is possible.  The eventfd may be signalled meanwhile.
 * Each signal is one event, either of the vector that has the eventfd before the call or
 * of the one that has it afterwards.  After the return it is always the latter.
 *
 * ============== ========================================================
 * ``EFAULT``     @fds is not readable
 * ``EINVAL``     @nr is 0, or an fd is below -2
 * ``ECHRNG``     @first and @nr reach beyond the vectors of the capability
 * ``EBUSY``      another consumer has the eventfd, and this call does not take
 *                it from there: an irqfd, or a vector that is kept, is not
 *                among these, or is of another capability or function
 * ``ENOTUNIQ``   @fds has an eventfd for two vectors; not with REMOVE
 * others         as MSI_ROUTE_SET_EVENTFD; ENOENT with REMOVE only
 * ============== ========================================================
 */
struct msi_route_eventfds {
	__u32 size;
	__u32 flags;
	__u32 kind;
	__u32 first;
	__u32 nr;
	__u32 reserved;
	__u64 fds;
};

/**
 * struct msi_route_entry - an entry of the MSI-X table, as the guest sees it
 * @address_lo: Message Address; bits 1:0 are ignored
 * @address_hi: Message Upper Address
 * @data: Message Data
 * @control: Vector Control
 */
struct msi_route_entry {
	__u32 address_lo;
	__u32 address_hi;
	__u32 data;
	__u32 control;
};

/**
 * struct msi_route_entries - set many entries of the MSI-X table
 *	(MSI_ROUTE_SET_ENTRIES)
 * @size: size of this struct in bytes
 * @first: the first entry
 * @nr: number of entries, from 1
 * @reserved: zero
 * @entries: user address of @nr &struct msi_route_entry
 *
 * This works as if the guest had written each entry, but each changes as a whole, in
 * one update: no event goes out with a mixture of old and new.  For firmware, boot
 * protocols and restore.
 *
 * ============== ========================================================
 * ``EFAULT``     @entries is not readable
 * ``EINVAL``     @nr is 0
 * ``ENODEV``     the function has no MSI-X
 * ``ECHRNG``     @first and @nr reach beyond the table
 * ``ENOMEM``     memory is exhausted
 * ============== ========================================================
 */
struct msi_route_entries {
	__u32 size;
	__u32 first;
	__u32 nr;
	__u32 reserved;
	__u64 entries;
};

/**
 * enum msi_route_change - what changed
 * @MSI_ROUTE_CHANGE_USED: the vector may send for the first time since
 *	MSI_ROUTE_SET_NOTIFY, MSI_ROUTE_RENEW or a reset: it is unmasked, in an enabled
 *	capability of a bus master that runs
 * @MSI_ROUTE_CHANGE_UNMASKED: its mask was cleared; for MSI also by a change of
 *	Multiple Message Enable [5]
 * @MSI_ROUTE_CHANGE_MASKED: its mask was set, likewise
 * @MSI_ROUTE_CHANGE_MESSAGE: its address or data was written, even with an
 *	equal value [30]
 * @MSI_ROUTE_CHANGE_CONTROL: of a capability as a whole: Message Control or Bus
 *	Master Enable was written, or the guest requested vectors
 * @MSI_ROUTE_CHANGE_STEERING: for MSI-X: bits 31:16 of Vector Control were written, even
 *	with an equal value.  A device with TLP Processing Hints has its steering tag
 *	there.  As Vector Control is written whole, each write of it counts [15] [30]
 */
enum msi_route_change {
	MSI_ROUTE_CHANGE_USED = 1 << 0,
	MSI_ROUTE_CHANGE_UNMASKED = 1 << 1,
	MSI_ROUTE_CHANGE_MASKED = 1 << 2,
	MSI_ROUTE_CHANGE_MESSAGE = 1 << 3,
	MSI_ROUTE_CHANGE_CONTROL = 1 << 4,
	MSI_ROUTE_CHANGE_STEERING = 1 << 5,
};

/**
 * struct msi_route_set_notify - choose the changes that the VMM is notified of
 *	(MSI_ROUTE_SET_NOTIFY)
 * @size: size of this struct in bytes
 * @changes: bits of enum msi_route_change; 0: none
 * @fd: the eventfd to signal; -1 with @changes 0
 * @reserved: zero
 *
 * What the guest changes is marked on the vector, or on the capability, and
 * MSI_ROUTE_GET_CHANGES takes the marks.  The eventfd is signalled when there
 * is something to take and there was nothing before.  This happens in process context,
 * so anyone may watch the eventfd.  Marks cannot overflow: several changes of one kind
 * of one vector that were not taken yet become one.
 *
 * Each call replaces the previous one: marks that were not taken are forgotten,
 * and each vector that may send now is marked as used.  MSI_ROUTE_RESET
 * also forgets them, and marks nothing.  MSI_ROUTE_SET_ENTRIES marks like a
 * guest's write, and MSI_ROUTE_RESTORE like a write of all registers.  A vector
 * that is given back loses its marks.  A write of MSI's Message Control
 * counts as a write of the messages of all its vectors.
 *
 * ============== ========================================================
 * ``EBADF``      @fd is not open, or -1 although @changes is not 0
 * ``EINVAL``     @fd is not an eventfd, or is not -1 although @changes is 0
 * ``EOPNOTSUPP`` unknown bits in @changes
 * ``ENOMEM``     memory is exhausted
 * ============== ========================================================
 */
struct msi_route_set_notify {
	__u32 size;
	__u32 changes;
	__s32 fd;
	__u32 reserved;
};

/* &msi_route_vector_change.vector: the capability as a whole */
#define MSI_ROUTE_CAPABILITY	0xffffffffU

/**
 * enum msi_route_vector_state - bits of &msi_route_vector_change.state
 * @MSI_ROUTE_STATE_MASKED: the vector's own mask is set
 * @MSI_ROUTE_STATE_ENABLED: the capability is enabled
 * @MSI_ROUTE_STATE_FUNCTION_MASK: MSI-X Function Mask is set
 * @MSI_ROUTE_STATE_BUS_MASTER: the function is a bus master
 * @MSI_ROUTE_STATE_PENDING: the Pending bit is set (this bit and the next ones only in
 *	&msi_route_vector)
 * @MSI_ROUTE_STATE_HELD: an update hold is open
 * @MSI_ROUTE_STATE_EVENTFD: an eventfd was attached, and was not detached
 */
enum msi_route_vector_state {
	MSI_ROUTE_STATE_MASKED = 1 << 0,
	MSI_ROUTE_STATE_ENABLED = 1 << 1,
	MSI_ROUTE_STATE_FUNCTION_MASK = 1 << 2,
	MSI_ROUTE_STATE_BUS_MASTER = 1 << 3,
	MSI_ROUTE_STATE_PENDING = 1 << 4,
	MSI_ROUTE_STATE_HELD = 1 << 5,
	MSI_ROUTE_STATE_EVENTFD = 1 << 6,
};

/**
 * struct msi_route_vector_change - what changed in a vector, and its present state
 * @kind: a value of enum msi_route_kind
 * @vector: the vector, or %MSI_ROUTE_CAPABILITY
 * @changes: bits of enum msi_route_change, all that were marked
 * @state: bits of enum msi_route_vector_state, as of now
 * @address: Message Address of the vector, as the guest wrote it; 0 for a capability
 * @data: Message Data, likewise
 * @control: Vector Control, likewise, with the steering tag in bits 31:16; 0 for MSI
 *
 * For MSI the message is the vector's own, with its number in the data.
 */
struct msi_route_vector_change {
	__u32 kind;
	__u32 vector;
	__u32 changes;
	__u32 state;
	__u64 address;
	__u32 data;
	__u32 control;
};

/**
 * struct msi_route_get_changes - take what changed (MSI_ROUTE_GET_CHANGES)
 * @size: size of this struct in bytes
 * @room: number of changes that there is room for, at least 1
 * @stride: size of &struct msi_route_vector_change in bytes, as the caller knows it
 * @nr: out: number of changes that were taken
 * @more: out: 1 if there were more changes than room, and the eventfd is
 *	signalled once more; else 0
 * @reserved: zero
 * @changes: user address of @room &struct msi_route_vector_change
 *
 * A vector's state is at least as new as its changes: later changes are
 * marked again.  The cost depends on the vectors that changed, not on all.  An
 * element may grow like those of &msi_route_get_functions.
 *
 * ============== ========================================================
 * ``EFAULT``     @changes is not writable; what was not written stays marked
 * ``EINVAL``     @room is 0, or @stride is smaller than the first version or
 *                above 4,096
 * ``ENOMEM``     memory is exhausted
 * ============== ========================================================
 */
struct msi_route_get_changes {
	__u32 size;
	__u32 room;
	__u32 stride;
	__u32 nr;
	__u32 more;
	__u32 reserved;
	__u64 changes;
};

/**
 * enum msi_route_translation_flag - bits of &msi_route_translation.flags
 * @MSI_ROUTE_TRANSLATION_NONE: the message has no translation any more
 */
enum msi_route_translation_flag {
	MSI_ROUTE_TRANSLATION_NONE = 1 << 0,
};

/**
 * struct msi_route_translation - translate a vector's message
 *	(MSI_ROUTE_SET_TRANSLATION)
 * @size: size of this struct in bytes
 * @flags: bits of enum msi_route_translation_flag
 * @kind: a value of enum msi_route_kind
 * @vector: the vector, from 0
 * @raw_data: Message Data, as the guest wrote it
 * @data: the data that is sent instead
 * @raw_address: Message Address, as the guest wrote it
 * @address: the address that is sent instead
 *
 * For a function behind an interrupt remapping unit
 * (%MSI_ROUTE_CREATE_REMAPPING), whose VMM is notified of each message by
 * %MSI_ROUTE_CHANGE_MESSAGE.  The translation belongs to exactly this message.  When the
 * guest writes another message, or a part of one, the new message has no translation,
 * and the vector behaves as if it were masked [33].  If the guest later returns to the
 * first message, that has no translation either: the VMM is notified, and looks it up
 * again.  A guest that writes equal values does not change the message: the VMM is
 * notified [30], and the translation stays.  When the unit's own tables change, the VMM
 * sets another translation or none.
 *
 * It takes effect like a guest's write: on return no message of an older
 * translation is under way [25], and the message that it released is in the IRR [26].
 * The translated message is treated like a guest's message, in KVM's own format [32]
 * [34].  Reset and restore keep no translation.
 *
 * A message in compatibility format is translated only if every message is
 * (%MSI_ROUTE_REMAPPING_ALL).  Otherwise it needs no translation and is sent as it is.
 *
 * ============== ========================================================
 * ``EINVAL``     the function is not behind an interrupt remapping unit; or
 *                the message needs no translation: it is in compatibility format,
 *                or its address is not that of an interrupt [32]; or with
 *                %MSI_ROUTE_TRANSLATION_NONE, @data or @address is not 0
 * ``ESTALE``     the vector has another message now, which is marked;
 *                the vector has no translation, not even an older one
 * ============== ========================================================
 */
struct msi_route_translation {
	__u32 size;
	__u32 flags;
	__u32 kind;
	__u32 vector;
	__u32 raw_data;
	__u32 data;
	__u64 raw_address;
	__u64 address;
};

/**
 * enum msi_route_remapping_flag - bits of &msi_route_remapping.flags
 * @MSI_ROUTE_REMAPPING_ALL: every message needs a translation, whatever its format
 */
enum msi_route_remapping_flag {
	MSI_ROUTE_REMAPPING_ALL = 1 << 0,
};

/**
 * struct msi_route_remapping - how the interrupt remapping unit treats messages
 *	(MSI_ROUTE_SET_REMAPPING)
 * @size: size of this struct in bytes
 * @flags: bits of enum msi_route_remapping_flag; 0: as after creation, messages in
 *	remappable format need a translation
 *
 * For a unit that lets no message through as it is: VT-d while it blocks those in
 * compatibility format, AMD-Vi where it translates every message.  The unit does not
 * affect a message that is not an interrupt [32].
 *
 * The call is for all vectors of the function, including later ones.
 *
 * With %MSI_ROUTE_REMAPPING_ALL, on return no message without a translation is under
 * way [25]: its vector behaves as if it were masked until the VMM translates the message
 * (&msi_route_translation).  A message in compatibility format has no translation when
 * the flag is set, and is not marked: MSI_ROUTE_RENEW marks each message.
 *
 * Without the flag, on return the events that were pending only for that reason are in
 * the IRR [26], and the translations of messages in compatibility format have ended.
 * Those of messages in remappable format stay, whatever the flag.
 *
 * The setting belongs to the VMM's unit, not to the function's registers: MSI_ROUTE_RESET
 * does not change it, and MSI_ROUTE_SAVE and MSI_ROUTE_RESTORE do not carry it.  A VMM
 * that restores a machine sets it before the function runs.
 *
 * ============== ========================================================
 * ``EINVAL``     the function is not behind an interrupt remapping unit
 *                (%MSI_ROUTE_CREATE_REMAPPING)
 * ============== ========================================================
 */
struct msi_route_remapping {
	__u32 size;
	__u32 flags;
};

/**
 * struct msi_route_set_run - stop a function, or let it run (MSI_ROUTE_SET_RUN)
 * @size: size of this struct in bytes
 * @run: 0: stop; 1: run, as after creation
 *
 * A stopped function sends nothing, whatever its registers say.  Events that
 * arrive are pending, and an open update hold does not run out.  When a stop
 * returns, everything that was sent is in the vLAPICs.  So a VMM that saves a machine
 * stops its functions before it reads the vLAPICs.  Everything else works as usual.
 *
 * A function that runs again sends what is pending, and the bounds of its holds
 * begin again.  The VMM may stop its functions before or after its vCPUs, and
 * start them again in any order: the bound of a hold counts only
 * while its vCPU runs (&msi_route_set_hold).
 *
 * ============== ========================================================
 * ``EINVAL``     @run is above 1
 * ============== ========================================================
 */
struct msi_route_set_run {
	__u32 size;
	__u32 run;
};

/**
 * enum msi_route_state_flag - bits of &msi_route_state.flags
 * @MSI_ROUTE_STATE_DETACH: MSI_ROUTE_SAVE: detach all eventfds first, so that the
 *	counts that they hold are in the state, and later signals stay in the eventfds.
 *	MSI_ROUTE_RESTORE ignores it
 */
enum msi_route_state_flag {
	MSI_ROUTE_STATE_DETACH = 1 << 0,
};

/**
 * struct msi_route_state - the state of a function (MSI_ROUTE_SAVE,
 *	MSI_ROUTE_RESTORE)
 * @size: size of this struct in bytes
 * @flags: bits of enum msi_route_state_flag
 * @hold_bound_ns: bound of the update hold
 * @bus_master: Bus Master Enable, 0 or 1
 * @msix_vectors: in: as the function was created, likewise @msi_vectors and @msi_flags
 * @msix_control: Function Mask and Enable of MSI-X Message Control
 * @msi_vectors: see @msix_vectors
 * @msi_flags: see @msix_vectors
 * @msi_control: the writable bits of MSI Message Control
 * @msi_address_lo: Message Address
 * @msi_address_hi: Message Upper Address
 * @msi_data: Message Data
 * @msi_mask: Mask Bits
 * @msi_pending: Pending Bits
 * @msi_held: vectors with an open update hold
 * @entries: user address of @msix_vectors &struct msi_route_entry; MSI_ROUTE_RESTORE
 *	ignores those of vectors that are not granted
 * @pba: user address of the Pending bits, in qwords as in the PBA
 * @held: user address of as many qwords: vectors with an open update hold; with
 *	@hold_bound_ns 0 none is open.  The bound of a restored hold counts
 *	while all vCPUs run
 * @msix_granted: vectors of MSI-X that the function has; MSI_ROUTE_RESTORE: 0:
 *	as many as it has now
 * @grant_request: the request register of the capability that requests vectors
 * @grant_status: the status register, a value of enum msi_route_grant_status
 * @ims_max: in: as the function was created
 * @ims_granted: vectors of the message store that the function has, at least 1 if it
 *	has one
 * @reserved2: zero
 * @reserved3: zero
 * @ims_entries: user address of @ims_max &struct msi_route_entry, of which
 *	@ims_granted are used
 * @ims_pending: user address of the Pending bits, in qwords; likewise
 *
 * Both calls need a stopped function.  To save a running machine, and to restore it
 * on another host, a VMM needs this state and what it keeps itself: eventfds, places,
 * the changes that it asked for.  Counters start again; a restored pending event
 * counts as one.
 *
 * Events that arrive after MSI_ROUTE_SAVE are pending, and a later call returns
 * them.  So first stop what raises events, or save again when it has stopped.  If a
 * source that signals eventfds cannot be stopped, detach them before the state is saved,
 * or by the call (%MSI_ROUTE_STATE_DETACH).  Attach them to the other function after the
 * restore, because the restore forgets what was pending there before.  So each signal is
 * in the state or in the eventfd, whoever signals meanwhile.
 *
 * A restore replaces the whole state, at once or not at all, and sends nothing:
 * vCPUs may be restored before or after it.  MSI_ROUTE_SET_RUN sends what was
 * pending, once.  The cost depends on the number of vectors.
 *
 * ============== ========================================================
 * ``EBUSY``      the function runs
 * ``EINVAL``     @msix_vectors, @msi_vectors, @msi_flags or @ims_max differ from
 *                those of the function; MSI_ROUTE_RESTORE: a bit is set that the
 *                register does not have or that is read-only, or of a vector
 *                that is not granted; more vectors are granted than there are;
 *                a bound is above &msi_route_query.hold_max_ns
 * ``EFAULT``     an address is not readable, or not writable.  The call notices
 *                this last, when the eventfds are detached
 * ``ENOMEM``     memory is exhausted
 * ============== ========================================================
 */
struct msi_route_state {
	__u32 size;
	__u32 flags;
	__u32 hold_bound_ns;
	__u32 bus_master;
	__u16 msix_vectors;
	__u16 msix_control;
	__u8 msi_vectors;
	__u8 msi_flags;
	__u16 msi_control;
	__u32 msi_address_lo;
	__u32 msi_address_hi;
	__u32 msi_data;
	__u32 msi_mask;
	__u32 msi_pending;
	__u32 msi_held;
	__u64 entries;
	__u64 pba;
	__u64 held;
	__u16 msix_granted;
	__u16 reserved2;
	__u32 grant_request;
	__u32 grant_status;
	__u32 ims_max;
	__u32 ims_granted;
	__u32 reserved3;
	__u64 ims_entries;
	__u64 ims_pending;
};

/**
 * enum msi_route_grant_status - what became of a request for vectors
 * @MSI_ROUTE_GRANT_NONE: no request since the function was created or reset
 * @MSI_ROUTE_GRANT_ALL: the function has as many as were requested
 * @MSI_ROUTE_GRANT_FEWER: it has fewer, but at least the minimum
 * @MSI_ROUTE_GRANT_RANGE: refused: 0 vectors, a minimum above the number or above
 *	what the function may ever have
 * @MSI_ROUTE_GRANT_LIMIT: refused: the limit is below the minimum
 * @MSI_ROUTE_GRANT_MEMORY: refused: there is no memory for the minimum
 *
 * A request that is refused changes nothing.
 */
enum msi_route_grant_status {
	MSI_ROUTE_GRANT_NONE = 0,
	MSI_ROUTE_GRANT_ALL = 1,
	MSI_ROUTE_GRANT_FEWER = 2,
	MSI_ROUTE_GRANT_RANGE = 3,
	MSI_ROUTE_GRANT_LIMIT = 4,
	MSI_ROUTE_GRANT_MEMORY = 5,
};

/**
 * DOC: Grant capability
 *
 * By this vendor-specific capability a driver requests vectors of MSI-X, if the
 * VMM gave the function one (&msi_route_create.grant_cap).  Values are little
 * endian.  Bits that are not named are zero and read-only.
 *
 * ====== ====== ==========================================================
 * offset bits   meaning
 * ====== ====== ==========================================================
 * 00h    7:0    Capability ID, 09h (the VMM's, like the next field)
 *        15:8   Next Capability Pointer
 *        23:16  Length, %MSI_ROUTE_GRANT_CAP_SIZE
 *        31:24  Revision, %MSI_ROUTE_GRANT_CAP_REVISION
 * 04h    31:0   Signature, %MSI_ROUTE_GRANT_CAP_SIGNATURE
 * 08h    15:0   Maximum: vectors that the function may ever have, the
 *               Table Size of MSI-X
 *        31:16  Granted: vectors that it has now
 * 0Ch    15:0   Count (read, write): vectors that are requested
 *        31:16  Minimum (read, write): the fewest that are useful
 * 10h    7:0    Status of the last request, enum msi_route_grant_status
 * ====== ====== ==========================================================
 *
 * A write of Count makes the request, with the Minimum that was written before or with
 * it.  When the write has completed, Granted and Status show the result.  A Count above
 * Granted adds vectors, as far as they are granted.  Everything that the new vectors need
 * is reserved, so that no later access of them can fail.  A Count below Granted gives back
 * the vectors from Count on: they send nothing any more, and what is pending is dropped.
 * Vectors below both numbers notice nothing of either.
 *
 * A VMM that has to prepare vectors, as for an assigned device, does so before it
 * forwards the request (&msi_route_resize.limit).  So a driver that will use the vectors
 * writes a Minimum of 1 or more before it enables MSI-X.  While MSI-X is disabled, a
 * Minimum of 0 says that none of them is used: such a device may use INTx.
 *
 * The table entry of a vector that is not granted reads as after reset,
 * and writes of it do nothing.  A reset leaves the granted vectors, and resets the
 * request and its status.
 */
#define MSI_ROUTE_GRANT_CAP_SIZE	0x14
#define MSI_ROUTE_GRANT_CAP_REVISION	0x01
#define MSI_ROUTE_GRANT_CAP_SIGNATURE	0x5249534d	/* "MSIR" */

/**
 * enum msi_route_resize_flag - bits of &msi_route_resize.flags
 * @MSI_ROUTE_RESIZE_LIMIT: set the limit
 */
enum msi_route_resize_flag {
	MSI_ROUTE_RESIZE_LIMIT = 1 << 0,
};

/**
 * struct msi_route_resize - request vectors, or give some back
 *	(MSI_ROUTE_RESIZE)
 * @size: size of this struct in bytes
 * @flags: bits of enum msi_route_resize_flag
 * @kind: %MSI_ROUTE_MSIX or %MSI_ROUTE_IMS
 * @min: the fewest that are useful
 * @nr: number of vectors that the function is to have; 0 with @min 0: as many as it
 *	has
 * @limit: with its flag: the most vectors that requests are granted from now on,
 *	including the guest's; from 1 to what the function was created for
 * @granted: out: number of vectors that the function has now
 * @reserved: zero
 *
 * The VMM does by this call what the guest does by the capability.  A vector that is not
 * granted takes no memory.  For the ioctls that name vectors it does not exist
 * (``ECHRNG``), and its eventfd is detached when it is given back.  A limit takes nothing
 * back.  The VMM sees requests of the guest as %MSI_ROUTE_CHANGE_CONTROL.
 *
 * ============== ========================================================
 * ``EINVAL``     @kind has a fixed number of vectors; @min is above @nr or above
 *                what the function may ever have; @limit is outside its range, or
 *                not 0 without its flag
 * ``ENOSPC``     the limit is below @min
 * ``ENOMEM``     there is no memory for @min vectors
 * ============== ========================================================
 */
struct msi_route_resize {
	__u32 size;
	__u32 flags;
	__u32 kind;
	__u32 min;
	__u32 nr;
	__u32 limit;
	__u32 granted;
	__u32 reserved;
};

/**
 * enum msi_route_ims_operation - what to do with an entry of a message store
 * @MSI_ROUTE_IMS_SET: set message and mask to those of the entry, in one update
 * @MSI_ROUTE_IMS_MASK: mask it
 * @MSI_ROUTE_IMS_UNMASK: unmask it
 * @MSI_ROUTE_IMS_FREE: make it as it was created: detach its eventfd, drop what is
 *	pending, mask it, message 0
 */
enum msi_route_ims_operation {
	MSI_ROUTE_IMS_SET = 0,
	MSI_ROUTE_IMS_MASK = 1,
	MSI_ROUTE_IMS_UNMASK = 2,
	MSI_ROUTE_IMS_FREE = 3,
};

/**
 * struct msi_route_ims_op - do something with an entry of a message store
 * @vector: the vector, from 0
 * @op: a value of enum msi_route_ims_operation
 * @entry: for %MSI_ROUTE_IMS_SET; as an entry of MSI-X, with bit 0 of control as
 *	the mask; zero otherwise
 */
struct msi_route_ims_op {
	__u32 vector;
	__u32 op;
	struct msi_route_entry entry;
};

/**
 * struct msi_route_ims - set, mask, unmask and free entries of a message store
 *	(MSI_ROUTE_SET_IMS)
 * @size: size of this struct in bytes
 * @nr: number of operations, from 1 to %MSI_ROUTE_IMS_MAX_OPS
 * @ops: user address of @nr &struct msi_route_ims_op
 *
 * A message store is for devices whose interrupt messages are not in an MSI-X table
 * but in the device, in its queues or in the guest's memory.  The device's model
 * reads them there and sets them here.  A new entry is masked, with message 0.  The
 * vectors are triggered, attached to eventfds, counted, translated, stopped, saved
 * and reset like those of MSI-X.  Bus Master Enable applies to them, Message Control does
 * not.
 *
 * Operations are done in their order, all of them or none.  Each is one update: when
 * the call returns, no message of an older state is under way [25] [27], and the released
 * messages are in their targets' IRR [26].
 *
 * ============== ========================================================
 * ``EFAULT``     @ops is not readable
 * ``EINVAL``     @nr is outside its range; an operation is unknown, or its
 *                entry is not zero but must be
 * ``ENODEV``     the function has no message store
 * ``ECHRNG``     it has no such vector
 * ``ENOMEM``     memory is exhausted
 * ============== ========================================================
 */
struct msi_route_ims {
	__u32 size;
	__u32 nr;
	__u64 ops;
};

/**
 * struct msi_route_renew - be notified of all messages once more (MSI_ROUTE_RENEW)
 * @size: size of this struct in bytes
 * @reserved: zero
 *
 * This works as if the guest wrote every register of MSI and MSI-X once more, with the
 * values that they have [30].  Each vector is marked as %MSI_ROUTE_CHANGE_MESSAGE, for
 * MSI-X also as %MSI_ROUTE_CHANGE_STEERING, as masked or unmasked, and as used if it may
 * send.  Each capability is marked as %MSI_ROUTE_CHANGE_CONTROL.  Only marks that the VMM
 * asked for are made.  For a VMM that must give its messages and steering tags again to a
 * physical device that was reset behind the VMM's back.
 * Only what could be sent before is sent, and nothing is lost.
 */
struct msi_route_renew {
	__u32 size;
	__u32 reserved;
};

/**
 * struct msi_route_rebind - move to another VM (MSI_ROUTE_REBIND)
 * @size: size of this struct in bytes
 * @flags: zero
 * @vm_fd: the file descriptor of the other KVM VM, which belongs to the same process
 * @reserved: zero
 *
 * For a VMM that replaces the VM under its devices, as at the reset of a guest whose
 * memory is encrypted: the VMM makes a new VM, moves the functions to it, and closes the
 * old one.  A function keeps its registers, Pending bits, update holds, granted
 * vectors, translations, eventfds, the changes that the VMM asked for, counters, number
 * and name.  Only its place is removed, as by MSI_ROUTE_MAP with @flags 0: the VMM
 * places it in the new VM.  Observers see the new VM.
 *
 * The function must be stopped (MSI_ROUTE_SET_RUN).  When the call returns, nothing is on
 * its way into the old VM and nothing will be, and the function does not hold it any
 * more.  Events that arrive meanwhile are pending; when the function runs, they are
 * sent into the new VM.  What becomes of a message is decided again for each vector, as
 * by a write, because it depends on the VM's x2APIC settings.
 *
 * The function's present VM is no special case: here, too, the place is removed.  The guest
 * does not notice the call.  If the guest starts again, call MSI_ROUTE_RESET, before or
 * after.
 *
 * ============== ========================================================
 * ``EBUSY``      the function runs
 * ``EPERM``      the VM belongs to another process than the caller, or than
 *                the function's VM
 * others         of @vm_fd, as MSI_ROUTE_CREATE: EBADF, EBADFD, ENXIO,
 *                EADDRNOTAVAIL
 * ``ENOMEM``     memory is exhausted
 * ============== ========================================================
 */
struct msi_route_rebind {
	__u32 size;
	__u32 flags;
	__s32 vm_fd;
	__u32 reserved;
};

/* &msi_route_counters.vector: the sum over all vectors of the capability */
#define MSI_ROUTE_ALL_VECTORS	0xffffffffU

/**
 * struct msi_route_counters - what happened (MSI_ROUTE_GET_COUNTERS)
 * @size: size of this struct in bytes
 * @kind: a value of enum msi_route_kind
 * @vector: a vector, or %MSI_ROUTE_ALL_VECTORS
 * @pending: out: Pending bits that are set now
 * @events: out: events raised, by ioctl and by eventfd
 * @messages: out: messages sent
 * @coalesced: out: events that found the Pending bit set, or came with others in
 *	one count of an eventfd
 *
 * All following ones are counted for the capability as a whole and are the same
 * whatever @vector says:
 *
 * @cleared: out: pending events cleared by the VMM, by reset, or because the vector
 *	was given back or freed
 * @unreached: out: messages that no vCPU took
 * @dropped_address: out: the address was not that of an interrupt [32]
 * @dropped_mode: out: the delivery mode cannot come by MSI [34]
 * @dropped_vector: out: the vector was 0 to 15 [34]
 * @replayed: out: of @messages, @unreached and the dropped ones, those that had
 *	been pending
 * @held: out: events that arrived during an update hold of a vector that was not masked
 * @updates: out: messages or masks published
 * @drained: out: updates that waited for a sender
 * @holds: out: update holds opened
 * @holds_expired: out: update holds ended by their bound
 * @bad_accesses: out: accesses of table and PBA in an undefined way [15]
 * @both_enabled: out: times that MSI and MSI-X both became enabled [1]
 * @remappable: out: times that a published message needed a translation
 *	and had none [33]
 * @dropped_absent: out: the vector was being given back (&msi_route_resize)
 * @dropped_disabled: out: MSI's Enable was clear (%MSI_ROUTE_CREATE_DROP_DISABLED)
 * @disabled: out: events that arrived while the capability's Enable was clear,
 *	whatever became of them [2]
 * @function: on /dev/msi_route: number of the function, as for
 *	MSI_ROUTE_GET_VECTORS; on a function's descriptor: 0
 * @reserved: zero
 *
 * For all vectors, when no call is under way: @events = @messages + @coalesced + @cleared +
 * @unreached + @dropped_address + @dropped_mode + @dropped_vector +
 * @dropped_absent + @dropped_disabled + @pending.
 *
 * On /dev/msi_route also ``ENOENT``: there is no function of this number, or the
 * caller may not observe it.
 */
struct msi_route_counters {
	__u32 size;
	__u32 kind;
	__u32 vector;
	__u32 pending;
	__u64 events;
	__u64 messages;
	__u64 coalesced;
	__u64 cleared;
	__u64 unreached;
	__u64 dropped_address;
	__u64 dropped_mode;
	__u64 dropped_vector;
	__u64 replayed;
	__u64 held;
	__u64 updates;
	__u64 drained;
	__u64 holds;
	__u64 holds_expired;
	__u64 bad_accesses;
	__u64 both_enabled;
	__u64 remappable;
	__u64 dropped_absent;
	__u64 dropped_disabled;
	__u64 disabled;
	__u32 function;
	__u32 reserved;
};

/**
 * struct msi_route_capability - the state of a function's capability
 * @max: most vectors that it may come to have; 0: the function has no such capability
 * @nr: number of vectors
 * @state: bits of enum msi_route_vector_state that are the same for all its vectors
 * @reason: a value of enum msi_route_reason: why none of them may send now;
 *	%MSI_ROUTE_REASON_NONE: they may
 */
struct msi_route_capability {
	__u32 max;
	__u32 nr;
	__u32 state;
	__u32 reason;
};

/* The kinds of capability there are: enum msi_route_kind. */
#define MSI_ROUTE_NR_KINDS	3

/**
 * struct msi_route_function - a function, as others than its owner see it
 * @number: the function's number: not 0, and no other function has it before
 *	4,294,967,294 others were created; the numbers of functions that were created
 *	one after the other are unrelated
 * @id: as the function was created, likewise @flags
 * @vm_pid: with @vm_fd the VM's name in KVM's debugfs, "pid-fd": the
 *	task that created the VM; 0 for a process in another PID namespace that sees
 *	only its own
 * @vm_fd: the VM's descriptor, as it was given to MSI_ROUTE_CREATE, or later to
 *	MSI_ROUTE_REBIND
 * @flags: bits of enum msi_route_create_flag
 * @stopped: 1 if MSI_ROUTE_SET_RUN has stopped it, else 0
 * @caps: its capabilities, by enum msi_route_kind
 * @name: as the function was created, or "0x" and @id
 */
struct msi_route_function {
	__u32 number;
	__u32 id;
	__s32 vm_pid;
	__s32 vm_fd;
	__u32 flags;
	__u32 stopped;
	struct msi_route_capability caps[MSI_ROUTE_NR_KINDS];
	char name[MSI_ROUTE_NAME_SIZE];
};

/**
 * struct msi_route_get_functions - list the functions
 *	(MSI_ROUTE_GET_FUNCTIONS)
 * @size: size of this struct in bytes
 * @from: the lowest number of a function to return
 * @room: number of functions that there is room for, at least 1
 * @stride: size of &struct msi_route_function in bytes, as the caller knows it
 * @nr: out: number of functions that were returned; 0: there are no more
 * @reserved: zero
 * @functions: user address of @room &struct msi_route_function
 *
 * Functions come in the order of their numbers, up to 64 in a call: call again from the
 * last number plus 1, until there are no more.  An element may grow like a struct: fields
 * that the caller does not know are left out, fields that this kernel does not know are
 * zero.
 *
 * A process sees the functions of its own virtual machines; one with CAP_PERFMON or
 * CAP_SYS_ADMIN sees all.  To other processes a function does not exist, because the
 * rates of its interrupts reveal what a guest does.
 *
 * ============== ========================================================
 * ``EFAULT``     @functions is not writable
 * ``EINVAL``     @room is 0, or @stride is smaller than the first version or
 *                above 4,096
 * ``ENOMEM``     memory is exhausted
 * ============== ========================================================
 */
struct msi_route_get_functions {
	__u32 size;
	__u32 from;
	__u32 room;
	__u32 stride;
	__u32 nr;
	__u32 reserved;
	__u64 functions;
};

/**
 * struct msi_route_vector - a vector and its state
 * @vector: the vector, from 0
 * @state: bits of enum msi_route_vector_state
 * @reason: a value of enum msi_route_reason: why an event that came now would not be
 *	sent at once; %MSI_ROUTE_REASON_NONE: it would be sent
 * @last: likewise for the last event that was not sent at once, and is pending,
 *	dropped or cleared, or was pending
 * @address: Message Address, as the guest wrote it
 * @sent_address: Message Address, as it is sent
 * @data: Message Data, as the guest wrote it
 * @sent_data: Message Data, as it is sent
 * @events: events raised, by ioctl and by eventfd
 * @messages: messages sent
 * @coalesced: events that another event stands for
 */
struct msi_route_vector {
	__u32 vector;
	__u32 state;
	__u32 reason;
	__u32 last;
	__u64 address;
	__u64 sent_address;
	__u32 data;
	__u32 sent_data;
	__u64 events;
	__u64 messages;
	__u64 coalesced;
};

/**
 * struct msi_route_get_vectors - the state of vectors (MSI_ROUTE_GET_VECTORS)
 * @size: size of this struct in bytes
 * @function: on /dev/msi_route: number of the function; on a function's
 *	descriptor: 0
 * @kind: a value of enum msi_route_kind
 * @first: the first vector
 * @room: number of vectors that there is room for, at least 1
 * @stride: size of &struct msi_route_vector in bytes, as the caller knows it
 * @nr: out: number of vectors that were returned; 0: there are no more
 * @reserved: zero
 * @vectors: user address of @room &struct msi_route_vector
 *
 * A call returns up to 64 vectors: call again from @first plus @nr, until there are no
 * more.  The registers of each vector are those of one instant.  A guest waits for this
 * call only as it would for a write of the same vector.  &msi_route_get_functions says
 * who may call, and how elements grow.
 *
 * ============== ========================================================
 * ``EFAULT``     @vectors is not writable
 * ``EINVAL``     @room is 0, @stride is smaller than the first version or above
 *                4,096, or @function is not 0 but must be
 * ``ENOENT``     there is no function of this number, or the caller may not
 *                observe it
 * ``ENOMEM``     memory is exhausted
 * ============== ========================================================
 */
struct msi_route_get_vectors {
	__u32 size;
	__u32 function;
	__u32 kind;
	__u32 first;
	__u32 room;
	__u32 stride;
	__u32 nr;
	__u32 reserved;
	__u64 vectors;
};

/* On /dev/msi_route.  MSI_ROUTE_QUERY also works on a function's descriptor. */
#define MSI_ROUTE_QUERY	_IO(MSI_ROUTE_TYPE, 0x00)
#define MSI_ROUTE_CREATE	_IO(MSI_ROUTE_TYPE, 0x01)
#define MSI_ROUTE_GET_FUNCTIONS	_IO(MSI_ROUTE_TYPE, 0x02)

/* On either descriptor; on /dev/msi_route with the number of a function. */
#define MSI_ROUTE_GET_VECTORS	_IO(MSI_ROUTE_TYPE, 0x03)

/* On a function's descriptor. */
#define MSI_ROUTE_READ	_IO(MSI_ROUTE_TYPE, 0x10)
#define MSI_ROUTE_WRITE	_IO(MSI_ROUTE_TYPE, 0x11)
#define MSI_ROUTE_TRIGGER	_IO(MSI_ROUTE_TYPE, 0x12)
#define MSI_ROUTE_CLEAR_PENDING	_IO(MSI_ROUTE_TYPE, 0x13)
#define MSI_ROUTE_SET_EVENTFD	_IO(MSI_ROUTE_TYPE, 0x14)
#define MSI_ROUTE_SET_BUS_MASTER	_IO(MSI_ROUTE_TYPE, 0x15)
#define MSI_ROUTE_RESET	_IO(MSI_ROUTE_TYPE, 0x16)
#define MSI_ROUTE_SET_HOLD	_IO(MSI_ROUTE_TYPE, 0x17)
#define MSI_ROUTE_GET_COUNTERS	_IO(MSI_ROUTE_TYPE, 0x18)	/* or as MSI_ROUTE_GET_VECTORS */
#define MSI_ROUTE_MAP	_IO(MSI_ROUTE_TYPE, 0x19)
#define MSI_ROUTE_SET_EVENTFDS	_IO(MSI_ROUTE_TYPE, 0x1A)
#define MSI_ROUTE_SET_ENTRIES	_IO(MSI_ROUTE_TYPE, 0x1B)
#define MSI_ROUTE_SET_NOTIFY	_IO(MSI_ROUTE_TYPE, 0x1C)
#define MSI_ROUTE_GET_CHANGES	_IO(MSI_ROUTE_TYPE, 0x1D)
#define MSI_ROUTE_SET_RUN	_IO(MSI_ROUTE_TYPE, 0x1E)
#define MSI_ROUTE_SAVE	_IO(MSI_ROUTE_TYPE, 0x1F)
#define MSI_ROUTE_RESTORE	_IO(MSI_ROUTE_TYPE, 0x20)
#define MSI_ROUTE_SET_TRANSLATION	_IO(MSI_ROUTE_TYPE, 0x21)
#define MSI_ROUTE_RESIZE	_IO(MSI_ROUTE_TYPE, 0x22)
#define MSI_ROUTE_SET_IMS	_IO(MSI_ROUTE_TYPE, 0x23)
#define MSI_ROUTE_RENEW	_IO(MSI_ROUTE_TYPE, 0x24)
#define MSI_ROUTE_SET_REMAPPING	_IO(MSI_ROUTE_TYPE, 0x25)
#define MSI_ROUTE_GET_MAP	_IO(MSI_ROUTE_TYPE, 0x28)
#define MSI_ROUTE_REBIND	_IO(MSI_ROUTE_TYPE, 0x29)

#endif /* _UAPI_LINUX_MSI_ROUTE_H */
