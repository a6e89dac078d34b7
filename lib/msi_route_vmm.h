/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * MSI and MSI-X of a VMM's PCI functions: a helper on top of msi_route.h.
 *
 * On a host that has msi_route the module does the work, and these functions only make
 * its calls.  On a host without it they do the same in user space, by KVM_SIGNAL_MSI,
 * KVM_IRQFD and KVM_SET_GSI_ROUTING.  So a VMM needs no MSI or MSI-X code of its own.
 * Documentation/helper.rst explains how to use it, and what the fallback cannot promise.
 *
 * There is no library to link: include this file, and msi_route.h before it if that is not
 * installed as <linux/msi_route.h>.  It is GNU C from gnu99 on, or C++, and uses POSIX threads.
 *
 * Rules in brackets, such as [20], are those of Documentation/rules.rst.
 */
#ifndef _MSI_ROUTE_VMM_H
#define _MSI_ROUTE_VMM_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <linux/kvm.h>
#ifndef _UAPI_LINUX_MSI_ROUTE_H
#include <linux/msi_route.h>
#endif

/* ---- types ---- */

/**
 * enum mrv_vm_flag - bits of mrv_vm_init()'s flags
 * @MRV_VM_KERNEL: only msi_route; without it the call fails
 * @MRV_VM_USER: only the fallback, even if msi_route is there
 * @MRV_VM_32BIT_IDS: the VMM has enabled KVM_CAP_X2APIC_API with
 *	KVM_X2APIC_API_USE_32BIT_IDS.  The module knows that; the fallback cannot ask
 */
enum mrv_vm_flag {
	MRV_VM_KERNEL = 1 << 0,
	MRV_VM_USER = 1 << 1,
	MRV_VM_32BIT_IDS = 1 << 2,
};

/* The first GSI that the fallback takes, unless the VMM says otherwise. */
#define MRV_FIRST_GSI	24

struct mrv_route;
struct mrv_user;

/**
 * struct mrv_vm - a virtual machine
 * @fd: the VM's descriptor, which belongs to the VMM
 * @device: the descriptor of /dev/msi_route, or -1: all functions use the fallback
 * @first_gsi: the fallback takes GSIs from this one on.  The VMM may change it before it
 *	creates a function
 */
struct mrv_vm {
	int fd;
	int device;
	__u32 first_gsi;
	/* private: */
	__u32 flags;
	pthread_mutex_t lock;
	__u32 max_routes;
	__u32 nr_own;
	__u32 nr_routes;
	struct kvm_irq_routing_entry *own;
	struct mrv_route *route;
	bool stale;
};

/* MSI-X and MSI; the helper has no message stores. */
#define MRV_NR_KINDS	2
#define MRV_NR_BARS	6

/**
 * struct mrv_function - a PCI function
 * @vm: its virtual machine
 * @fd: msi_route's descriptor, for calls that the helper does not make; -1: the function
 *	uses the fallback
 * @shape: how the function was created
 *
 * It stays where it is in memory from mrv_create() to mrv_destroy().
 */
struct mrv_function {
	struct mrv_vm *vm;
	int fd;
	struct msi_route_create shape;
	/* private: */
	pthread_mutex_t lock;
	bool enabled[MRV_NR_KINDS];
	bool no_intx;
	__u8 placed;
	__u64 bar[MRV_NR_BARS];
	int *eventfd[MRV_NR_KINDS];
	struct mrv_user *user;
};

/* Registers. */
#define MRV_COMMAND		0x04
#define MRV_COMMAND_MASTER	0x0004
#define MRV_COMMAND_NO_INTX	0x0400
#define MRV_CONFIG_SIZE		0x1000
#define MRV_CONTROL		2		/* Message Control, in either capability */
#define MRV_MSIX_ENABLE		0x8000
#define MRV_MSIX_MASK_ALL	0x4000
#define MRV_MSI_ENABLE		0x0001
#define MRV_MSI_MME		0x0070
#define MRV_MSI_EXT_ENABLE	0x0400

/* One capability's offset and number of vectors; 0 vectors: there is none. */
static inline __u32 mrv_vectors(const struct mrv_function *fn, __u32 kind)
{
	return kind == MSI_ROUTE_MSIX ? fn->shape.msix_vectors : fn->shape.msi_vectors;
}

static inline __u32 mrv_cap(const struct mrv_function *fn, __u32 kind)
{
	return kind == MSI_ROUTE_MSIX ? fn->shape.msix_cap : fn->shape.msi_cap;
}

/* Qwords that have a bit for each vector of MSI-X. */
static inline __u32 mrv_qwords(const struct mrv_function *fn)
{
	return (fn->shape.msix_vectors + 63U) / 64;
}

#include "msi_route_vmm_shape.h"
#include "msi_route_vmm_kernel.h"
#include "msi_route_vmm_routes.h"
#include "msi_route_vmm_user.h"
#include "msi_route_vmm_registers.h"

/* Eventfds that mrv_eventfd() makes. */
static inline void mrv_eventfds_fini(struct mrv_function *fn)
{
	__u32 kind, i;

	for (kind = 0; kind < MRV_NR_KINDS; kind++) {
		for (i = 0; fn->eventfd[kind] && i < mrv_vectors(fn, kind); i++)
			if (fn->eventfd[kind][i] >= 0)
				close(fn->eventfd[kind][i]);
		free(fn->eventfd[kind]);
	}
}

static inline int mrv_eventfds_init(struct mrv_function *fn)
{
	__u32 kind, i;

	for (kind = 0; kind < MRV_NR_KINDS; kind++) {
		fn->eventfd[kind] = (int *)calloc(mrv_vectors(fn, kind) + 1, sizeof(int));
		if (!fn->eventfd[kind]) {
			free(fn->eventfd[0]);
			return -ENOMEM;
		}
		for (i = 0; i < mrv_vectors(fn, kind); i++)
			fn->eventfd[kind][i] = -1;
	}
	return 0;
}

/* ---- the virtual machine ---- */

/**
 * mrv_vm_init() - prepare a VM for functions
 * @vm: filled in
 * @vm_fd: the VM's descriptor, open until mrv_vm_fini().  Its local APICs are in the
 *	kernel: KVM_CREATE_IRQCHIP or KVM_CAP_SPLIT_IRQCHIP comes first
 * @device: a descriptor of /dev/msi_route, which belongs to @vm from now on, or is closed; for
 *	a VMM that cannot open the device any more.  -1: the call opens it, if it is there
 * @flags: bits of enum mrv_vm_flag
 *
 * Return: 0, or -errno: with %MRV_VM_KERNEL, the error of open(), or -EOPNOTSUPP if
 * this msi_route lacks something; -EINVAL if both backends are excluded; -ENOMEM.
 */
static inline int mrv_vm_init(struct mrv_vm *vm, int vm_fd, int device, __u32 flags)
{
	const __u32 known = MRV_VM_KERNEL | MRV_VM_USER | MRV_VM_32BIT_IDS;
	bool both = flags & MRV_VM_KERNEL && flags & MRV_VM_USER;
	int ret = 0;

	memset(vm, 0, sizeof(*vm));
	vm->fd = vm_fd;
	vm->device = device;
	vm->flags = flags;
	vm->first_gsi = MRV_FIRST_GSI;
	if (both || flags & ~known) {
		mrv_kernel_close(vm);
		return -EINVAL;
	}
	if (!(flags & MRV_VM_USER))
		ret = mrv_kernel_open(vm);
	if (flags & MRV_VM_USER || ret)
		mrv_kernel_close(vm);
	if (flags & MRV_VM_KERNEL && ret)
		return ret;
	ret = mrv_routes_init(vm);
	if (ret)
		mrv_kernel_close(vm);
	return ret;
}

/**
 * mrv_vm_fini() - the end of mrv_vm_init()
 * @vm: has no functions any more
 */
static inline void mrv_vm_fini(struct mrv_vm *vm)
{
	mrv_routes_fini(vm);
	mrv_kernel_close(vm);
}

/**
 * mrv_vm_set_routes() - set the routes of the VMM's own
 * @vm: the VM
 * @entries: such as those of the pins of an I/O APIC
 * @nr: number of entries
 *
 * KVM_SET_GSI_ROUTING replaces all routes of a VM, those of the fallback too.  So a VMM
 * calls this function instead.  A VMM that sets no routes need not call it: the routes of
 * pins that KVM_CREATE_IRQCHIP made are kept.
 *
 * Return: 0, or -errno: -EINVAL if a GSI is not below @vm's first_gsi, -ENOMEM, or an error
 * of KVM_SET_GSI_ROUTING.  After an error the routes are as before.
 */
static inline int mrv_vm_set_routes(struct mrv_vm *vm,
				    const struct kvm_irq_routing_entry *entries, __u32 nr)
{
	int ret;

	pthread_mutex_lock(&vm->lock);
	ret = mrv_routes_set_own(vm, entries, nr);
	pthread_mutex_unlock(&vm->lock);
	return ret;
}

/* ---- life of a function ---- */

/**
 * mrv_create_shape() - create a function of a known shape
 * @fn: filled in
 * @vm: its VM
 * @shape: as for MSI_ROUTE_CREATE; size and vm_fd are filled in.  With the fallback all
 *	vectors are granted at once, and there are neither a message store nor interrupt
 *	remapping
 *
 * The function is as after reset.  It follows writes of Command
 * (%MSI_ROUTE_CREATE_COMMAND).
 *
 * Return: 0, or -errno as MSI_ROUTE_CREATE; without msi_route -EOPNOTSUPP if
 * the shape has something that the fallback lacks.
 */
static inline int mrv_create_shape(struct mrv_function *fn, struct mrv_vm *vm,
				   const struct msi_route_create *shape)
{
	int ret;

	memset(fn, 0, sizeof(*fn));
	fn->vm = vm;
	fn->fd = -1;
	fn->shape = *shape;
	fn->shape.size = sizeof(fn->shape);
	fn->shape.vm_fd = vm->fd;
	fn->shape.flags |= MSI_ROUTE_CREATE_COMMAND;
	ret = mrv_eventfds_init(fn);
	if (ret)
		return ret;
	pthread_mutex_init(&fn->lock, NULL);
	ret = -ENODATA;
	if (vm->device >= 0)
		ret = mrv_kernel_create(fn);
	/* No way into the local APIC: the fallback has one. */
	if (ret == -ENODATA && !(vm->flags & MRV_VM_KERNEL))
		ret = mrv_user_create(fn);
	if (ret) {
		mrv_eventfds_fini(fn);
		pthread_mutex_destroy(&fn->lock);
	}
	return ret;
}

/**
 * mrv_destroy() - the end of a function
 * @fn: the function; nobody uses it any more
 *
 * What it made by mrv_eventfd() is closed.
 */
static inline void mrv_destroy(struct mrv_function *fn)
{
	if (fn->fd >= 0)
		close(fn->fd);
	else
		mrv_user_destroy(fn);
	mrv_eventfds_fini(fn);
	pthread_mutex_destroy(&fn->lock);
}

/* Does an access of configuration space cover a Message Control? */
static inline bool mrv_covers_control(const struct mrv_function *fn, __u32 offset, __u32 len)
{
	__u32 kind, at;

	for (kind = 0; kind < MRV_NR_KINDS; kind++) {
		at = mrv_cap(fn, kind) + MRV_CONTROL;
		if (mrv_vectors(fn, kind) && offset < at + 2 && (offset >= at || at - offset < len))
			return true;
	}
	return false;
}

/* Up to 8 bytes, those of one qword, in the low bytes of *value; under fn->lock. */
static inline void mrv_config_piece(struct mrv_function *fn, bool write, __u32 offset, __u32 len,
				    __u64 *value)
{
	if (fn->fd >= 0)
		mrv_kernel_access(fn, write ? MSI_ROUTE_WRITE : MSI_ROUTE_READ, MSI_ROUTE_CONFIG,
				  offset, len, value);
	else if (write)
		mrv_user_config_write(fn, offset, len, *value);
	else
		mrv_user_config_read(fn, offset, len, value);
}

/* Any number of bytes; a write leaves @bytes alone.  Under fn->lock. */
static inline void mrv_config_access(struct mrv_function *fn, bool write, __u32 offset,
				     __u8 *bytes, __u32 len)
{
	while (len && offset < MRV_CONFIG_SIZE) {
		__u32 piece = 8 - offset % 8;
		__u64 value = 0;

		if (piece > len)
			piece = len;
		memcpy(&value, bytes, piece);
		mrv_config_piece(fn, write, offset, piece, &value);
		if (!write)
			memcpy(bytes, &value, piece);
		bytes += piece;
		offset += piece;
		len -= piece;
	}
}

/* The controls of both capabilities, for INTx; under fn->lock. */
static inline void mrv_look_at_enable(struct mrv_function *fn)
{
	__u32 kind, bit;
	__u64 control;

	for (kind = 0; kind < MRV_NR_KINDS; kind++) {
		if (!mrv_vectors(fn, kind))
			continue;
		control = 0;
		mrv_config_piece(fn, false, mrv_cap(fn, kind) + MRV_CONTROL, 2, &control);
		bit = kind == MSI_ROUTE_MSIX ? MRV_MSIX_ENABLE : MRV_MSI_ENABLE;
		__atomic_store_n(&fn->enabled[kind], (control & bit) != 0, __ATOMIC_SEQ_CST);
	}
}

/**
 * mrv_set_command() - the VMM has changed the Command register
 * @fn: the function
 * @command: its new value
 *
 * For changes that are no write of the guest's: a restored register, a power state in which
 * the function is no bus master.
 *
 * Return: 0 or -errno.
 */
static inline int mrv_set_command(struct mrv_function *fn, __u16 command)
{
	bool master = command & MRV_COMMAND_MASTER;
	int ret = 0;

	pthread_mutex_lock(&fn->lock);
	if (fn->fd >= 0)
		ret = mrv_kernel_set_bus_master(fn, master);
	else
		mrv_user_set_bus_master(fn, master);
	__atomic_store_n(&fn->no_intx, (command & MRV_COMMAND_NO_INTX) != 0, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&fn->lock);
	return ret;
}

/**
 * mrv_create() - create a function from its configuration space
 * @fn: filled in
 * @vm: its VM
 * @config: 256 bytes of configuration space, as the guest will find them.  The call reads
 *	both capabilities and where table and PBA are, and Command
 * @id: the VMM's number for the function, such as its bus/device/function number
 * @name: the function's name for people, or NULL
 * @flags: %MSI_ROUTE_CREATE_EXT_DEST_ID, %MSI_ROUTE_CREATE_DROP_DISABLED, or 0
 *
 * Return: 0, or -errno: -ENODEV if there is neither capability; others as
 * mrv_create_shape().
 */
static inline int mrv_create(struct mrv_function *fn, struct mrv_vm *vm, const void *config,
			     __u32 id, const char *name, __u32 flags)
{
	struct msi_route_create shape;
	const __u8 *bytes = (const __u8 *)config;
	int ret = mrv_shape_read(&shape, bytes);

	if (ret)
		return ret;
	shape.id = id;
	shape.flags = flags;
	if (name)
		strncpy(shape.name, name, sizeof(shape.name) - 1);
	ret = mrv_create_shape(fn, vm, &shape);
	if (ret)
		return ret;
	ret = mrv_set_command(fn, mrv_le16(bytes + MRV_COMMAND));
	if (ret)
		mrv_destroy(fn);
	return ret;
}

/* ---- accesses of the guest ---- */

/**
 * mrv_config_read() - the guest reads configuration space
 * @fn: the function
 * @offset: where
 * @data: what the VMM's part of configuration space has there; the function's bytes are
 *	replaced
 * @len: any number of bytes
 */
static inline void mrv_config_read(struct mrv_function *fn, __u32 offset, void *data, __u32 len)
{
	pthread_mutex_lock(&fn->lock);
	mrv_config_access(fn, false, offset, (__u8 *)data, len);
	pthread_mutex_unlock(&fn->lock);
}

/**
 * mrv_config_write() - the guest writes configuration space
 * @fn: the function
 * @offset: where
 * @data: what
 * @len: any number of bytes
 *
 * Call it for each write, of whatever register: the function takes its own bytes, and
 * follows Command.  The VMM keeps Command and all other registers.  When it returns, what
 * the write released is in the IRR [26], and nothing older is under way [25] [27].
 * mrv_intx_allowed() may have changed.
 */
static inline void mrv_config_write(struct mrv_function *fn, __u32 offset, const void *data,
				    __u32 len)
{
	const __u8 *bytes = (const __u8 *)data;
	bool control = mrv_covers_control(fn, offset, len);

	pthread_mutex_lock(&fn->lock);
	if (offset <= MRV_COMMAND + 1 && MRV_COMMAND + 1 - offset < len)
		__atomic_store_n(&fn->no_intx, (bytes[MRV_COMMAND + 1 - offset] &
						(MRV_COMMAND_NO_INTX >> 8)) != 0,
				 __ATOMIC_SEQ_CST);
	mrv_config_access(fn, true, offset, (__u8 *)(unsigned long)data, len);
	if (control)
		mrv_look_at_enable(fn);
	pthread_mutex_unlock(&fn->lock);
}

/**
 * mrv_intx_allowed() - may the function assert its INTx pin?
 * @fn: the function
 *
 * Ask again after each mrv_config_write(), reset and restore.
 *
 * Return: whether it may: Interrupt Disable is clear in Command, and neither capability is
 * enabled [1].
 */
static inline bool mrv_intx_allowed(struct mrv_function *fn)
{
	return !__atomic_load_n(&fn->no_intx, __ATOMIC_SEQ_CST) &&
	       !__atomic_load_n(&fn->enabled[MSI_ROUTE_MSIX], __ATOMIC_SEQ_CST) &&
	       !__atomic_load_n(&fn->enabled[MSI_ROUTE_MSI], __ATOMIC_SEQ_CST);
}

/* An access that touches the table or the PBA.  What is not wholly within is undefined. */
static inline bool mrv_space_access(struct mrv_function *fn, bool write, __u32 space,
				    __u64 at, __u64 size, __u64 offset, void *data, __u32 len)
{
	__u64 value = 0;

	if (offset >= at + size || (offset < at && at - offset >= len))
		return false;
	if (offset < at || len > 8 || offset - at + len > size) {
		if (!write)
			memset(data, 0xff, len);
		return true;
	}
	if (write)
		memcpy(&value, data, len);
	if (fn->fd >= 0) {
		mrv_kernel_access(fn, write ? MSI_ROUTE_WRITE : MSI_ROUTE_READ, space,
				  offset - at, len, &value);
	} else {
		pthread_mutex_lock(&fn->lock);
		mrv_user_bar_access(fn, write, space, offset - at, len, &value);
		pthread_mutex_unlock(&fn->lock);
	}
	if (!write)
		memcpy(data, &value, len);
	return true;
}

static inline bool mrv_bar_access(struct mrv_function *fn, bool write, __u32 bar, __u64 offset,
				  void *data, __u32 len)
{
	const struct msi_route_create *s = &fn->shape;

	if (!s->msix_vectors || !len)
		return false;
	if (bar == s->msix_table_bir &&
	    mrv_space_access(fn, write, MSI_ROUTE_TABLE, s->msix_table_offset,
			     s->msix_vectors * 16ULL, offset, data, len))
		return true;
	return bar == s->msix_pba_bir &&
	       mrv_space_access(fn, write, MSI_ROUTE_PBA, s->msix_pba_offset,
				mrv_qwords(fn) * 8ULL, offset, data, len);
}

/**
 * mrv_bar_read() - the guest reads a BAR
 * @fn: the function
 * @bar: the BAR, 0 to 5
 * @offset: offset in it
 * @data: filled in, if the access is the function's
 * @len: any number of bytes
 *
 * An access that touches table or PBA is the function's.  If it is not an aligned dword or
 * qword, or not wholly within one of them, a read returns all ones and a write does
 * nothing [15].
 *
 * Return: true if it was the function's, false if it is the VMM's.
 */
static inline bool mrv_bar_read(struct mrv_function *fn, __u32 bar, __u64 offset, void *data,
				__u32 len)
{
	return mrv_bar_access(fn, false, bar, offset, data, len);
}

/**
 * mrv_bar_write() - the guest writes a BAR
 * @fn: the function
 * @bar: the BAR, 0 to 5
 * @offset: offset in it
 * @data: what
 * @len: any number of bytes
 *
 * As mrv_bar_read(), with the promises of mrv_config_write().
 *
 * Return: true if it was the function's, false if it is the VMM's.
 */
static inline bool mrv_bar_write(struct mrv_function *fn, __u32 bar, __u64 offset,
				 const void *data, __u32 len)
{
	return mrv_bar_access(fn, true, bar, offset, (void *)(unsigned long)data, len);
}

/**
 * mrv_placed() - the guest has placed a BAR, or removed it
 * @fn: the function
 * @bar: the BAR, 0 to 5
 * @gpa: its guest-physical address
 * @on: false: it is nowhere, because Memory Space Enable is clear or by a power state
 *
 * Call it for every BAR: the function looks for those of table and PBA.  It then keeps
 * accesses of them in the kernel, where it can.  The VMM handles accesses that still arrive
 * by mrv_bar_read() and mrv_bar_write(), so it may ignore an error.
 *
 * Return: 0, or -errno as MSI_ROUTE_MAP: the accesses exit to the VMM.
 */
static inline int mrv_placed(struct mrv_function *fn, __u32 bar, __u64 gpa, bool on)
{
	int ret = 0;

	if (bar >= MRV_NR_BARS)
		return -EINVAL;
	pthread_mutex_lock(&fn->lock);
	fn->bar[bar] = gpa;
	fn->placed = (fn->placed & ~(1U << bar)) | (on ? 1U << bar : 0);
	if (fn->fd >= 0 && fn->shape.msix_vectors &&
	    (bar == fn->shape.msix_table_bir || bar == fn->shape.msix_pba_bir))
		ret = mrv_kernel_place(fn);
	pthread_mutex_unlock(&fn->lock);
	return ret;
}

#include "msi_route_vmm_events.h"

#endif /* _MSI_ROUTE_VMM_H */
