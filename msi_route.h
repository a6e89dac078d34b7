/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * msi_route: MSI and MSI-X emulation for KVM hosts, the user interface.
 *
 * A VMM opens /dev/msi_route, creates one function for each PCI function of
 * its guest that has an MSI or an MSI-X capability, and gets a file descriptor
 * for it.  It forwards the guest's accesses of the capability, the MSI-X table
 * and the Pending Bit Array to that descriptor, and raises interrupts by an
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
 * A caller built against an older header passes a shorter struct: the fields
 * it does not know are taken as zero.  A caller built against a newer header
 * passes a longer one: it is accepted if what this kernel does not know is
 * zero.  Reserved fields must be zero.  What is marked as "out" is ignored on
 * input, so a struct that came back can be passed again.  A call that fails changes
 * nothing.  Request numbers carry no size, so a struct grows without a new number.
 *
 * Errors that every ioctl may return:
 *
 * ============== ========================================================
 * ``EFAULT``     the struct is not readable; or not writable where the
 *                ioctl returns something in it, which it finds out last:
 *                then what it had to do is done
 * ``EINVAL``     @size is smaller than the first version of the struct,
 *                or a field is outside the range that its text gives
 * ``E2BIG``      @size is larger than the kernel's and the surplus is not
 *                all zero, or it is above 4,096
 * ``EOPNOTSUPP`` a flag is unknown, or a reserved field is not zero
 * ``EINTR``      the task was killed while it waited for another call on the
 *                function, or for KVM: nobody sees it
 * ``ENOTTY``     the ioctl is unknown, or not one of this descriptor
 * ============== ========================================================
 *
 * ioctls that name a vector may also return:
 *
 * ============== ========================================================
 * ``ENODEV``     the function has no such capability
 * ``ECHRNG``     the capability has no such vector
 * ============== ========================================================
 *
 * No ioctl prints anything, and none of them, save create and close, waits
 * for an RCU grace period.
 */

/* The ioctl type ("magic") of all requests below. */
#define MSI_ROUTE_TYPE	0xBB

/* The largest numbers that the PCI specification allows. */
#define MSI_ROUTE_MSIX_MAX_VECTORS	2048
#define MSI_ROUTE_MSI_MAX_VECTORS	32

/*
 * The most vectors of a message store: 32 times those of an MSI-X table.  It bounds
 * what one call does: a reset, a save, a restore and the last close look at each
 * vector.
 */
#define MSI_ROUTE_IMS_MAX_VECTORS	(1U << 16)

/* Of a function's name, with the zero that ends it. */
#define MSI_ROUTE_NAME_SIZE	32

/* The most operations on a message store in one call. */
#define MSI_ROUTE_IMS_MAX_OPS	65536U

/**
 * enum msi_route_kind - a capability of a function
 * @MSI_ROUTE_MSIX: MSI-X; its vectors are the entries of the MSI-X table
 * @MSI_ROUTE_MSI: MSI; its vectors are the messages of the capability
 * @MSI_ROUTE_IMS: interrupt message store: its vectors have no place in PCI's
 *	registers; the VMM sets them (&msi_route_ims)
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
 * @MSI_ROUTE_FEATURE_CHANGES: the VMM is told of changes (&msi_route_set_notify)
 * @MSI_ROUTE_FEATURE_STATE: stop, save, restore (&msi_route_state)
 * @MSI_ROUTE_FEATURE_TRANSLATION: messages in remappable format can be translated
 *	(&msi_route_translation)
 * @MSI_ROUTE_FEATURE_GRANT: vectors can be asked for and given back
 *	(&msi_route_resize)
 * @MSI_ROUTE_FEATURE_IMS: a function may have a message store (&msi_route_ims)
 * @MSI_ROUTE_FEATURE_RENEW: messages can be told of once more
 *	(&msi_route_renew)
 * @MSI_ROUTE_FEATURE_OBSERVE: functions can be observed by others than their
 *	owners (&msi_route_get_functions)
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
 *	or what the module parameter hold_ns says
 * @hold_max_ns: out: largest bound that MSI_ROUTE_SET_HOLD accepts
 * @ims_max_vectors: out: most vectors of a message store
 * @reserved: out: zero
 *
 * For /dev/msi_route and for a function's descriptor alike.
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
 * @MSI_ROUTE_CREATE_EXT_DEST_ID: address bits 11:5 carry destination ID bits
 *	14:8, as KVM guests use them that do not remap interrupts, in messages
 *	whose bit 4 and upper address are zero [33].
 *	Needs a VM whose VMM enabled KVM_CAP_X2APIC_API with 32-bit IDs.
 * @MSI_ROUTE_CREATE_REMAPPING: the function sits behind an interrupt
 *	remapping unit: a message in remappable format (address bit 4) is not
 *	delivered; its vector behaves as masked [33] until the VMM translates it
 *	(&msi_route_translation).
 *	With %MSI_ROUTE_CREATE_EXT_DEST_ID as well that is for the other messages.
 */
enum msi_route_create_flag {
	MSI_ROUTE_CREATE_EXT_DEST_ID = 1 << 0,
	MSI_ROUTE_CREATE_REMAPPING = 1 << 1,
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
 *	number; appears in traces, means nothing else
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
 *	most @msix_vectors; 0: all of them.  Others are asked for
 *	(&msi_route_resize)
 * @grant_cap: offset of the capability in configuration space by which a driver
 *	asks for vectors of MSI-X; 0: none
 * @reserved2: zero
 * @ims_vectors: vectors of the message store (&msi_route_ims); 0: none
 * @ims_max: most vectors that the message store may come to have, up to
 *	&msi_route_query.ims_max_vectors; 0: @ims_vectors
 * @reserved3: zero
 * @name: the function's name for people, such as its PCI address "0000:00:04.0":
 *	printable ASCII without space and '/', and zero from its end on; empty: it
 *	is called by its @id.  Appears where @id does
 *
 * Offsets of capabilities are multiples of 4 from 40h on, and the capability
 * must end within the 256 bytes of configuration space; table, PBA and the
 * capabilities must not overlap.  Fields of a capability that the function
 * does not have must be zero.
 *
 * The new function is as after reset [29], with Bus Master Enable clear
 * [31].  It holds the VM: the VM lives until the function is closed, in
 * whatever order the descriptors are closed.
 *
 * The image can be mapped shared and read-only by mmap() on the descriptor at
 * offset 0: it always holds what a read of the table and of the PBA gives.
 * Offsets within a page are those of the BAR.  mmap() fails with ``EPERM`` if
 * the mapping is to be written or executed, with ``ENXIO`` outside the image,
 * with ``ENODEV`` without MSI-X and with ``ENOMEM`` if memory is exhausted.
 *
 * Return: a file descriptor (close-on-exec), or -1 with errno:
 *
 * ================= =====================================================
 * ``EBADF``         @vm_fd is not open
 * ``EBADFD``        @vm_fd is open, but no KVM VM
 * ``EPERM``         the VM belongs to another process
 * ``ENXIO``         the VM has no in-kernel local APIC (KVM_CREATE_IRQCHIP or
 *                   KVM_CAP_SPLIT_IRQCHIP come first)
 * ``ENODATA``       the way into the vLAPIC is not known yet: set one route of
 *                   type KVM_IRQ_ROUTING_MSI (any GSI, any content) in this VM by
 *                   KVM_SET_GSI_ROUTING; it may be taken away afterwards
 * ``EADDRNOTAVAIL`` %MSI_ROUTE_CREATE_EXT_DEST_ID, but the VM does not use
 *                   32-bit x2APIC IDs
 * ``EINVAL``        no capability at all, or a number, offset, BAR or name outside
 *                   what is said above, or an overlap
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
 * @value: what is written, or was read, in the low @len bytes
 *
 * Configuration space: the function owns the bytes of its capabilities from
 * Message Control on.  A read replaces these bytes of @value and leaves the
 * others as the caller filled them; a write ignores the others.  So a VMM may
 * pass every access of configuration space, that of PCI Express included.  One that
 * crosses an aligned dword is done dword by dword, as a host bridge does it [11].
 *
 * Table and PBA: an access other than an aligned dword or qword is the
 * guest's mistake, not the caller's: a read gives all ones, a write is
 * dropped, and it is counted [15].  A guest can cause accesses of any length: KVM
 * hands those that cross a page to the VMM in pieces.
 *
 * When a write returns, no message with an older address, data or mask state
 * is under way [25] [27], and what it released is in the target's IRR [26].
 * A read first completes what is under way, as a posted write is pushed ahead
 * of a read's completion.
 *
 * ============== ========================================================
 * ``EMSGSIZE``   @len is 0, or above 8
 * ``EINVAL``     unknown @space
 * ``ERANGE``     @offset and @len lie outside @space
 * ``ENODEV``     table or PBA of a function without MSI-X
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
 * @MSI_ROUTE_SENT: the message was sent; one to a single target is in its IRR.
 *	Of a broadcast, and of a logical destination for which KVM has to look at
 *	each vCPU, it is not told whether there is one that takes it; it is counted
 *	(&msi_route_counters.unreached)
 * @MSI_ROUTE_PENDING: the Pending bit was clear and is set
 * @MSI_ROUTE_COALESCED: the Pending bit was set already
 * @MSI_ROUTE_DROPPED: the message is no interrupt, or an illegal one [32] [34]
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
 * @MSI_ROUTE_REASON_UNTRANSLATED: pending: the message is in remappable format and
 *	there is no translation of it [33]
 * @MSI_ROUTE_REASON_DISABLED: pending: the capability's Enable is clear [2]
 * @MSI_ROUTE_REASON_FUNCTION_MASK: pending: Function Mask is set [19]
 * @MSI_ROUTE_REASON_BUS_MASTER: pending: Bus Master Enable is clear [31]
 * @MSI_ROUTE_REASON_STOPPED: pending: the VMM has stopped the function
 *	(&msi_route_set_run)
 * @MSI_ROUTE_REASON_MSIX_ENABLED: pending: MSI-X is enabled too, and wins [1]
 * @MSI_ROUTE_REASON_BROADCAST: pending: a broadcast of the vector is under way [26]
 * @MSI_ROUTE_REASON_ADDRESS: dropped: the address is no interrupt's [32]
 * @MSI_ROUTE_REASON_MODE: dropped: the delivery mode cannot come by MSI [34]
 * @MSI_ROUTE_REASON_VECTOR: dropped: the vector is 0 to 15 [34]
 * @MSI_ROUTE_REASON_ABSENT: dropped: the vector was being given back
 * @MSI_ROUTE_REASON_UNREACHED: dropped: KVM found no vCPU that takes the message
 * @MSI_ROUTE_REASON_CLEARED: was pending, and the VMM cleared it [21]
 * @MSI_ROUTE_REASON_RESET: was pending at a reset [29], or when the vector was freed
 * @MSI_ROUTE_REASON_GIVEN_BACK: was pending when the vector was given back
 * @MSI_ROUTE_REASON_RESTORED: was pending when a state was restored
 * @MSI_ROUTE_REASON_EVENTFD: another one stands for it, which came with it in one
 *	count of an eventfd
 *
 * Values of this enum are those of the tracepoints' field ``reason`` as well.
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
};

/**
 * struct msi_route_trigger - an event of a vector (MSI_ROUTE_TRIGGER), or its
 *	cause is gone (MSI_ROUTE_CLEAR_PENDING)
 * @size: size of this struct in bytes
 * @kind: a value of enum msi_route_kind
 * @vector: the vector, from 0
 * @outcome: out: MSI_ROUTE_TRIGGER: a value of enum msi_route_outcome;
 *	MSI_ROUTE_CLEAR_PENDING: 1 if the Pending bit was set, else 0
 *
 * A trigger that cannot be sent now, because the vector or the function is
 * masked, not enabled or no bus master, or its message is being changed,
 * becomes pending and is sent as soon as it can be [2] [20] [31].
 *
 * Clear pending is for a device model whose cause was serviced while the
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
 * @MSI_ROUTE_EVENTFD_REPLACE: the eventfd takes the place of all that are attached
 * @MSI_ROUTE_EVENTFD_ADD: attach it besides those that are attached
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
 * Each signal of an eventfd is one event of the vector.  What the eventfd
 * holds when it is attached, or is left in it when it is detached or replaced,
 * is raised too: no event is lost.  The eventfd may be closed afterwards; its
 * last close, while no one else holds it, ends the attachment.
 *
 * A vector has as many eventfds as are added, such as one of each queue where a
 * device has more queues than vectors.  Their events are the vector's alike: those
 * that find its Pending bit set are coalesced, whichever they came by.
 *
 * With EFD_SEMAPHORE, at most 64 events are taken from the eventfd when it is
 * attached, and for each signal, and 1 when it is detached; more stay in it.
 *
 * ============== ========================================================
 * ``EBADF``      @fd is not open; or it is -1 with ADD or REMOVE
 * ``EINVAL``     @fd is no eventfd, or @flags has more than one bit
 * ``EEXIST``     an eventfd is attached, and neither REPLACE nor ADD is given;
 *                or ADD, and this one is attached to the vector
 * ``ENOENT``     detach: none is attached; REMOVE: this one is not
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
 * A function that is no bus master sends nothing; what arrives is pending and
 * sent when it is set again [31].
 */
struct msi_route_bus_master {
	__u32 size;
	__u32 enable;
};

/**
 * struct msi_route_reset - reset the function (MSI_ROUTE_RESET)
 * @size: size of this struct in bytes
 * @reserved: zero
 *
 * Conventional reset and Function Level Reset: all registers as in [29], what
 * was pending is cleared and counted, Bus Master Enable is clear.  Eventfds
 * stay attached.  Events in flight are dropped or delivered before it returns.
 */
struct msi_route_reset {
	__u32 size;
	__u32 reserved;
};

/**
 * struct msi_route_set_hold - bound of the update hold (MSI_ROUTE_SET_HOLD)
 * @size: size of this struct in bytes
 * @bound_ns: longest time in nanoseconds that a vector is held; 0: no hold
 *
 * A message that is changed while it may be sent is changed by several writes.
 * A write that changes the address opens a hold: what is raised meanwhile is
 * latched, until the data register or Message Control or Vector Control is
 * written or the bound is over; then one message with the new address and data
 * goes out.  A new bound ends the holds that are open.
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
 * @flags: bits of enum msi_route_map_flag; what is not given is taken away
 * @table: guest-physical address of the table, a multiple of 8
 * @pba: guest-physical address of the PBA, a multiple of 8
 *
 * A vCPU's access of table or PBA there is done in the kernel, as by
 * MSI_ROUTE_READ and MSI_ROUTE_WRITE, and KVM_RUN does not return for it.
 * Accesses that are not wholly within one of the two, such as of registers in
 * the same page, exit to the VMM as before.
 *
 * Each call replaces the one before in one step: a vCPU's access meanwhile is
 * done once, at the old or at the new place, or exits to the VMM.  A VMM that
 * does not know the function at that place any more, or not yet, treats it as
 * any other unclaimed address.  On return none goes by the old place any more.
 * Closing the function takes it away.
 *
 * Of two functions of a VM over each other the later one wins: a table or PBA that
 * this one comes to lie on, even in part, is taken away from that place, as by a
 * call for its function, and its accesses exit to the VMM.  So the BARs of two
 * functions can be exchanged move by move, in either order: no access reaches a table
 * at a place that is another's by then.  A function that was covered comes back by
 * its next call.
 *
 * What KVM serves by itself wins over a function: its I/O APIC, the page of the local
 * APIC at FEE0_0000h, a coalesced zone (KVM_REGISTER_COALESCED_MMIO), an ioeventfd.
 * There the call fails, and the function is where it was; a VMM whose guest has moved
 * it takes it away (@flags 0) and does the accesses itself.  KVM does not refuse a
 * zone or an ioeventfd that is registered over a function afterwards: which of the two
 * gets an access is then not defined, and MSI_ROUTE_GET_MAP tells of it.
 *
 * Where the VMM also maps the image (mmap() of the descriptor) into the guest
 * as a KVM_MEM_READONLY slot at these addresses, reads do not exit at all, and
 * writes come here.  Only where nothing but table and PBA is in those pages:
 * reads of other registers there would find 0.
 *
 * ============== ========================================================
 * ``EOPNOTSUPP`` unknown bits in @flags
 * ``ENODEV``     the function has no MSI-X
 * ``EINVAL``     an address that is no multiple of 8, or reaches beyond the end
 *                of the address space, or is not 0 without its flag; or table
 *                and PBA overlap
 * ``EEXIST``     KVM itself serves a part of it
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
 * @flags: out: as the last MSI_ROUTE_MAP that succeeded gave it, likewise @table and
 *	@pba
 * @reached: out: those of @flags that are there in whole: not covered by a function
 *	that came later, nor by a zone or an ioeventfd of KVM's
 * @reserved: zero
 * @table: out
 * @pba: out
 *
 * For a VMM that does not know of each zone and ioeventfd, and to look for why a
 * table does not see a guest's writes.  It does not know of the VM's memory: a slot
 * at these addresses wins over all.
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

/* In &msi_route_eventfds.fds: what is attached stays. */
#define MSI_ROUTE_EVENTFD_KEEP	(-2)

/**
 * struct msi_route_eventfds - attach or detach the eventfds of many vectors
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
 * Each vector is treated as by MSI_ROUTE_SET_EVENTFD, and all of them or none:
 * after an error each has the eventfds that it had before.
 *
 * ============== ========================================================
 * ``EFAULT``     @fds is not readable
 * ``EINVAL``     @nr is 0, or an fd is below -2
 * ``ECHRNG``     @first and @nr reach beyond the vectors of the capability
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
 * As if the guest had written each entry, but each changes as a whole, in one
 * update: no event goes out by a mixture of old and new.  For firmware, boot
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
 * @MSI_ROUTE_CHANGE_USED: the vector may be sent for the first time: it came to
 *	be unmasked in an enabled capability of a bus master that runs, the first
 *	time since MSI_ROUTE_SET_NOTIFY, MSI_ROUTE_RENEW or a reset
 * @MSI_ROUTE_CHANGE_UNMASKED: its mask was cleared; of MSI also by a change of
 *	Multiple Message Enable [5]
 * @MSI_ROUTE_CHANGE_MASKED: its mask was set, likewise
 * @MSI_ROUTE_CHANGE_MESSAGE: its address or data was written, also with an
 *	equal value [30]
 * @MSI_ROUTE_CHANGE_CONTROL: of a capability as a whole: Message Control or Bus
 *	Master Enable was written, or the guest asked for vectors
 */
enum msi_route_change {
	MSI_ROUTE_CHANGE_USED = 1 << 0,
	MSI_ROUTE_CHANGE_UNMASKED = 1 << 1,
	MSI_ROUTE_CHANGE_MASKED = 1 << 2,
	MSI_ROUTE_CHANGE_MESSAGE = 1 << 3,
	MSI_ROUTE_CHANGE_CONTROL = 1 << 4,
};

/**
 * struct msi_route_set_notify - choose what the VMM is told of
 *	(MSI_ROUTE_SET_NOTIFY)
 * @size: size of this struct in bytes
 * @changes: bits of enum msi_route_change; 0: of nothing
 * @fd: the eventfd to signal; -1 with @changes 0
 * @reserved: zero
 *
 * What the guest changes is marked on the vector, or on the capability, and
 * MSI_ROUTE_GET_CHANGES takes the marks.  The eventfd is signalled when there
 * is something to take and nothing was before; from process context, so it may
 * be watched by anyone.  Marks cannot overflow: changes of one kind of one
 * vector that were not taken yet are one.
 *
 * Each call replaces the one before: marks that were not taken are forgotten,
 * and each vector that may be sent now is marked as used.  MSI_ROUTE_RESET
 * forgets them as well, and marks nothing; MSI_ROUTE_SET_ENTRIES marks as a
 * guest's write does, and MSI_ROUTE_RESTORE as a write of all registers.  A vector
 * that is given back has no marks any more.  A write of MSI's Message Control
 * counts as a write of the messages of all its vectors.
 *
 * ============== ========================================================
 * ``EBADF``      @fd is not open, or -1 although @changes is not 0
 * ``EINVAL``     @fd is no eventfd, or not -1 although @changes is 0
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
#define MSI_ROUTE_CAPABILITY	0xffffU

/**
 * enum msi_route_vector_state - bits of &msi_route_vector_change.state
 * @MSI_ROUTE_STATE_MASKED: the vector's own mask is set
 * @MSI_ROUTE_STATE_ENABLED: the capability is enabled
 * @MSI_ROUTE_STATE_FUNCTION_MASK: MSI-X Function Mask is set
 * @MSI_ROUTE_STATE_BUS_MASTER: the function is a bus master
 * @MSI_ROUTE_STATE_PENDING: the Pending bit is set (&msi_route_vector only, as are
 *	the next ones)
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
 * struct msi_route_vector_change - what changed of a vector, and how it stands
 * @kind: a value of enum msi_route_kind
 * @vector: the vector, or %MSI_ROUTE_CAPABILITY
 * @changes: bits of enum msi_route_change, all that were marked
 * @state: bits of enum msi_route_vector_state, as it is now
 * @data: Message Data of the vector, as the guest wrote it; 0 for a capability
 * @address: Message Address, likewise
 *
 * For MSI the message is the vector's own, with its number in the data.
 */
struct msi_route_vector_change {
	__u16 kind;
	__u16 vector;
	__u32 changes;
	__u32 state;
	__u32 data;
	__u64 address;
};

/**
 * struct msi_route_get_changes - take what changed (MSI_ROUTE_GET_CHANGES)
 * @size: size of this struct in bytes
 * @room: number of changes that there is room for, from 1
 * @nr: out: number of changes that were taken
 * @more: out: 1 if there were more than room, else 0; then the eventfd is
 *	signalled once more
 * @changes: user address of @room &struct msi_route_vector_change
 *
 * A vector's state is at least as new as its changes: what comes later is
 * marked anew.  The cost is that of the vectors that changed, not of all.
 *
 * ============== ========================================================
 * ``EFAULT``     @changes is not writable; what was not written stays marked
 * ``EINVAL``     @room is 0
 * ``ENOMEM``     memory is exhausted
 * ============== ========================================================
 */
struct msi_route_get_changes {
	__u32 size;
	__u32 room;
	__u32 nr;
	__u32 more;
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
 * @data: what is sent in its place
 * @raw_address: Message Address, as the guest wrote it
 * @address: what is sent in its place
 *
 * For a function behind an interrupt remapping unit
 * (%MSI_ROUTE_CREATE_REMAPPING), whose VMM is told of each message by
 * %MSI_ROUTE_CHANGE_MESSAGE.  The translation is of this very message: when the
 * guest writes another one, or a part of one, that has none, and the vector
 * behaves as masked [33].  Nor has this one any more when it is written again: the
 * VMM is told, and looks it up anew.  When the unit's own tables change, the VMM
 * sets another translation or none.
 *
 * It takes effect as a guest's write does: on return no message of an older
 * translation is under way [25], and what it released is in the IRR [26].  What
 * is sent is treated like a guest's message, in KVM's own format [32] [34].  A
 * message in compatibility format needs no translation, and is sent as it is.
 * Reset and restore keep no translation.
 *
 * ============== ========================================================
 * ``EINVAL``     the function is not behind an interrupt remapping unit; or
 *                with %MSI_ROUTE_TRANSLATION_NONE, @data or @address is not 0
 * ``ESTALE``     the vector's message is another one now, and there is a mark
 *                of it; the vector has no translation, also none of before
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
 * struct msi_route_set_run - stop a function, or let it run (MSI_ROUTE_SET_RUN)
 * @size: size of this struct in bytes
 * @run: 0: stop; 1: run, as after creation
 *
 * A function that is stopped sends nothing, however its registers stand; what
 * arrives is pending, and an update hold that is open does not run out.  On
 * return of a stop what was sent is in the vLAPICs, so a VMM that saves a machine
 * stops its functions before it reads them.  Everything else works as ever.
 *
 * A function that runs again sends what is pending, and the bounds of its holds
 * begin anew.
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
 * @MSI_ROUTE_STATE_DETACH: MSI_ROUTE_SAVE: detach all eventfds first, so that what
 *	they hold is in the state, and what they are signalled later stays in them.
 *	MSI_ROUTE_RESTORE does not look at it
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
 * @msix_vectors: in: as it was created, likewise @msi_vectors and @msi_flags
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
 *	@hold_bound_ns 0 none is open
 * @msix_granted: vectors of MSI-X that the function has; MSI_ROUTE_RESTORE: 0:
 *	as it has now
 * @grant_request: the request register of the capability that asks for vectors
 * @grant_status: the status register, a value of enum msi_route_grant_status
 * @ims_max: in: as it was created
 * @ims_granted: vectors of the message store that the function has, at least 1 if it
 *	has one
 * @reserved2: zero
 * @reserved3: zero
 * @ims_entries: user address of @ims_max &struct msi_route_entry, of which
 *	@ims_granted are used
 * @ims_pending: user address of the Pending bits, in qwords; likewise
 *
 * Both calls need a function that is stopped.  What a running machine is saved
 * with, and restored from on another host, is this, and what the VMM itself has:
 * eventfds, places, what it is told of.  Counters start anew; a pending event
 * that is restored counts as one.
 *
 * Events that arrive after MSI_ROUTE_SAVE are pending, and a later call has
 * them.  So stop what raises events first, or save again when it has stopped.  What
 * cannot be stopped signals eventfds: detach them before the state is saved, or by
 * that (%MSI_ROUTE_STATE_DETACH), and attach them to the other function after it was
 * restored, which forgets what was pending there before.  So each signal is in the
 * state or in the eventfd, whoever signals meanwhile.
 *
 * A restore replaces all of the state, at once or not at all, and sends nothing:
 * vCPUs may be restored before it or after it.  MSI_ROUTE_SET_RUN sends what was
 * pending, once.  Its cost is that of the vectors.
 *
 * ============== ========================================================
 * ``EBUSY``      the function runs
 * ``EINVAL``     @msix_vectors, @msi_vectors, @msi_flags or @ims_max differ from
 *                those of the function; MSI_ROUTE_RESTORE: a bit is set that the
 *                register does not have or that is read-only, or of a vector
 *                that is not granted; more vectors are granted than there are;
 *                a bound is above &msi_route_query.hold_max_ns
 * ``EFAULT``     an address is not readable, or not writable; found out last: the
 *                eventfds are detached then
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
 * @MSI_ROUTE_GRANT_NONE: there was none since the function was created or reset
 * @MSI_ROUTE_GRANT_ALL: the function has what was asked for
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
 * By this vendor-specific capability a driver asks for vectors of MSI-X, where the
 * VMM gave the function one (&msi_route_create.grant_cap).  Values are little
 * endian; what is not named is zero and read-only.
 *
 * ====== ====== ==========================================================
 * offset bits   meaning
 * ====== ====== ==========================================================
 * 00h    7:0    Capability ID, 09h (the VMM's, as is the next field)
 *        15:8   Next Capability Pointer
 *        23:16  Length, %MSI_ROUTE_GRANT_CAP_SIZE
 *        31:24  Revision, %MSI_ROUTE_GRANT_CAP_REVISION
 * 04h    31:0   Signature, %MSI_ROUTE_GRANT_CAP_SIGNATURE
 * 08h    15:0   Maximum: vectors that the function may ever have, which is the
 *               Table Size of MSI-X
 *        31:16  Granted: vectors that it has now
 * 0Ch    15:0   Count (read, write): vectors that are asked for
 *        31:16  Minimum (read, write): the fewest of use
 * 10h    7:0    Status of the last request, enum msi_route_grant_status
 * ====== ====== ==========================================================
 *
 * A write of Count asks, with the Minimum that was written before or with it; when
 * the write has completed, Granted and Status tell the result.  A Count above Granted
 * grows, as far as it is granted; everything that the new vectors need is reserved,
 * so that no later access of theirs can fail.  A Count below gives vectors back, the
 * ones from Count on: they send nothing any more, and what is pending is dropped.
 * Vectors below both numbers notice nothing of either.
 *
 * A vector that is not granted has an entry in the table that reads as after reset,
 * and writes of it do nothing.  Reset leaves what is granted, and resets the request
 * and its status.
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
 * struct msi_route_resize - ask for vectors, or give some back
 *	(MSI_ROUTE_RESIZE)
 * @size: size of this struct in bytes
 * @flags: bits of enum msi_route_resize_flag
 * @kind: %MSI_ROUTE_MSIX or %MSI_ROUTE_IMS
 * @min: the fewest of use
 * @nr: number of vectors that the function is to have; 0 with @min 0: as it has
 * @limit: with its flag: the most that requests are granted from now on, the
 *	guest's as well; from 1 to what the function was created for
 * @granted: out: number of vectors that the function has now
 * @reserved: zero
 *
 * On the guest's behalf what the capability does by itself.  A vector that is not
 * granted takes no memory; for the ioctls that name vectors it is not there
 * (``ECHRNG``), and its eventfd is detached when it goes.  A limit takes nothing
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
 * @MSI_ROUTE_IMS_SET: message and mask are those of the entry, in one update
 * @MSI_ROUTE_IMS_MASK: mask it
 * @MSI_ROUTE_IMS_UNMASK: unmask it
 * @MSI_ROUTE_IMS_FREE: as it was created: detach its eventfd, drop what is pending,
 *	mask it, message 0
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
 * but in the device, in its queues or in the guest's memory: the device's model
 * reads them there and sets them here.  A new entry is masked, with message 0.  The
 * vectors are triggered, attached to eventfds, counted, translated, stopped, saved
 * and reset as those of MSI-X; Bus Master Enable is theirs too, Message Control is
 * not.
 *
 * Operations are done in their order, all of them or none.  Each is one update: when
 * the call returns, no message of an older state is under way [25] [27], and what was
 * released is in the target's IRR [26].
 *
 * ============== ========================================================
 * ``EFAULT``     @ops is not readable
 * ``EINVAL``     @nr is outside its range, an operation is unknown, or has an
 *                entry that is not zero and must be
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
 * struct msi_route_renew - be told of all messages once more (MSI_ROUTE_RENEW)
 * @size: size of this struct in bytes
 * @reserved: zero
 *
 * As if the guest wrote every register of MSI and MSI-X once more, with the values
 * that they have [30]: each vector is marked as %MSI_ROUTE_CHANGE_MESSAGE, as masked
 * or unmasked, as used if it may be sent, and each capability as
 * %MSI_ROUTE_CHANGE_CONTROL, as far as the VMM wants to be told.  For a VMM that
 * must give a physical device, which was reset behind its back, its messages again.
 * Nothing is sent but what could be sent before, and nothing is lost.
 */
struct msi_route_renew {
	__u32 size;
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
 * @coalesced: out: events that found the Pending bit set, or came several in
 *	one count of an eventfd
 *
 * All from here on are counted for the capability as a whole and are the same
 * whatever @vector says:
 *
 * @cleared: out: pending events cleared by the VMM, by reset, or because the vector
 *	was given back or freed
 * @unreached: out: messages that no vCPU took
 * @dropped_address: out: the address was no interrupt's [32]
 * @dropped_mode: out: the delivery mode cannot come by MSI [34]
 * @dropped_vector: out: the vector was 0 to 15 [34]
 * @replayed: out: of @messages, @unreached and the dropped, those that had
 *	been pending
 * @held: out: events that arrived during an update hold of a vector that was not masked
 * @updates: out: messages or masks published
 * @drained: out: updates that waited for a sender
 * @holds: out: update holds opened
 * @holds_expired: out: update holds ended by their bound
 * @bad_accesses: out: accesses of table and PBA in an undefined way [15]
 * @both_enabled: out: times that MSI and MSI-X came to be enabled both [1]
 * @remappable: out: times that a message in remappable format was published
 *	for which there is no translation [33]
 * @dropped_absent: out: the vector was being given back (&msi_route_resize)
 * @function: on /dev/msi_route: number of the function, as for
 *	MSI_ROUTE_GET_VECTORS; on a function's descriptor: 0
 * @reserved: zero
 *
 * For all vectors, when no call is under way: @events = @messages + @coalesced + @cleared +
 * @unreached + @dropped_address + @dropped_mode + @dropped_vector +
 * @dropped_absent + @pending.
 *
 * On /dev/msi_route also ``ENOENT``: there is no function of this number, or none
 * that the caller may observe.
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
	__u32 function;
	__u32 reserved;
};

/**
 * struct msi_route_capability - how a capability of a function stands
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
 * @number: of the function: none other has it before 4,294,967,294 others were
 *	created; not 0; numbers of functions that were created one after the other
 *	have nothing to do with each other
 * @id: as it was created, likewise @flags
 * @vm_pid: with @vm_fd the name that the VM has in KVM's debugfs, "pid-fd": the
 *	task that created the VM; 0 for a process in another PID namespace that sees
 *	only its own
 * @vm_fd: the VM's descriptor, as it was given to MSI_ROUTE_CREATE
 * @flags: bits of enum msi_route_create_flag
 * @stopped: 1 if MSI_ROUTE_SET_RUN has stopped it, else 0
 * @caps: its capabilities, by enum msi_route_kind
 * @name: as it was created, or "0x" and @id
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
 * struct msi_route_get_functions - which functions there are
 *	(MSI_ROUTE_GET_FUNCTIONS)
 * @size: size of this struct in bytes
 * @from: the lowest number of a function that is told of
 * @room: number of functions that there is room for, from 1
 * @stride: size of &struct msi_route_function in bytes, as the caller knows it
 * @nr: out: number of functions that were told of; 0: there are none any more
 * @reserved: zero
 * @functions: user address of @room &struct msi_route_function
 *
 * In the order of their numbers, up to 64 in a call: ask again from the last one's
 * number plus 1, until there are none.  An element grows as a struct does: what
 * the caller does not know is left out, what this kernel does not know is zero.
 *
 * A process sees the functions of its own virtual machines; one with CAP_PERFMON or
 * CAP_SYS_ADMIN sees all.  To the others it is as if they did not exist: by the
 * rates of its interrupts a guest tells what it does.
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
 * struct msi_route_vector - a vector, and how it stands
 * @vector: the vector, from 0
 * @state: bits of enum msi_route_vector_state
 * @reason: a value of enum msi_route_reason: why an event of now would not be sent
 *	at once; %MSI_ROUTE_REASON_NONE: it would
 * @last: likewise of the last event that was not sent at once, and is pending,
 *	dropped or cleared, or was pending
 * @address: Message Address, as the guest wrote it
 * @sent_address: and as it is sent
 * @data: Message Data, as the guest wrote it
 * @sent_data: and as it is sent
 * @events: events raised, by ioctl and by eventfd
 * @messages: messages sent
 * @coalesced: events that another one stood for
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
 * struct msi_route_get_vectors - how vectors stand (MSI_ROUTE_GET_VECTORS)
 * @size: size of this struct in bytes
 * @function: on /dev/msi_route: number of the function; on a function's
 *	descriptor: 0
 * @kind: a value of enum msi_route_kind
 * @first: the first vector
 * @room: number of vectors that there is room for, from 1
 * @stride: size of &struct msi_route_vector in bytes, as the caller knows it
 * @nr: out: number of vectors that were told of; 0: there are none any more
 * @reserved: zero
 * @vectors: user address of @room &struct msi_route_vector
 *
 * Up to 64 in a call: ask again from @first plus @nr, until there are none.  Each
 * one's registers are those of one instant.  No guest waits for it but as for a
 * write of the same vector.  Who may ask, and how elements grow:
 * &msi_route_get_functions.
 *
 * ============== ========================================================
 * ``EFAULT``     @vectors is not writable
 * ``EINVAL``     @room is 0, @stride is smaller than the first version or above
 *                4,096, or @function is not 0 and must be
 * ``ENOENT``     there is no function of this number, or none that the caller
 *                may observe
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

/* On /dev/msi_route; MSI_ROUTE_QUERY on a function's descriptor as well. */
#define MSI_ROUTE_QUERY	_IO(MSI_ROUTE_TYPE, 0x00)
#define MSI_ROUTE_CREATE	_IO(MSI_ROUTE_TYPE, 0x01)
#define MSI_ROUTE_GET_FUNCTIONS	_IO(MSI_ROUTE_TYPE, 0x02)

/* On either: /dev/msi_route with the number of a function. */
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
#define MSI_ROUTE_GET_MAP	_IO(MSI_ROUTE_TYPE, 0x28)

#endif /* _UAPI_LINUX_MSI_ROUTE_H */
