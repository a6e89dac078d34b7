// SPDX-License-Identifier: GPL-2.0
/* A PCI function of msi_route, as a VMM uses it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "function.h"

/* The functions that the guest's accesses reach. */
static struct function *functions[MAX_FUNCTIONS];

static bool within(__u64 gpa, __u64 base, __u64 size, __u32 *offset)
{
	*offset = gpa - base;
	return gpa >= base && gpa < base + size;
}

static bool forward(struct vm *vm, __u64 gpa, void *data, __u32 len, bool write)
{
	__u32 space, offset;
	unsigned int i;
	__u64 value = 0;

	for (i = 0; i < MAX_FUNCTIONS; i++) {
		struct function *fn = functions[i];

		if (!fn || fn->vm != vm)
			continue;
		if (within(gpa, CONFIG_GPA(i), 0x100, &offset))
			space = MSI_ROUTE_CONFIG;
		else if (within(gpa, TABLE_GPA(i), 16UL * fn->shape.msix_vectors, &offset))
			space = MSI_ROUTE_TABLE;
		else if (within(gpa, PBA_GPA(i), (fn->shape.msix_vectors + 63UL) / 64 * 8, &offset))
			space = MSI_ROUTE_PBA;
		else
			continue;

		if (write) {
			memcpy(&value, data, len);
			function_write(fn, space, offset, len, value);
		} else {
			value = function_read(fn, space, offset, len);
			memcpy(data, &value, len);
		}
		return true;
	}
	return false;
}

int open_device(void)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die(DEVICE);
	return fd;
}

struct msi_route_create msix_shape(unsigned int vectors)
{
	return (struct msi_route_create) {
		.size = sizeof(struct msi_route_create),
		.msix_vectors = vectors,
		.msix_cap = MSIX_CAP,
		.msix_pba_offset = PBA_OFFSET,
	};
}

struct msi_route_create msi_shape(unsigned int vectors, unsigned int msi_flags)
{
	return (struct msi_route_create) {
		.size = sizeof(struct msi_route_create),
		.msi_cap = MSI_CAP,
		.msi_vectors = vectors,
		.msi_flags = msi_flags,
	};
}

struct msi_route_create both_shape(unsigned int msix, unsigned int msi)
{
	struct msi_route_create shape = msix_shape(msix);

	shape.msi_cap = MSI_CAP;
	shape.msi_vectors = msi;
	shape.msi_flags = MSI_ROUTE_MSI_64BIT | MSI_ROUTE_MSI_MASKING;
	return shape;
}

int function_try_open(struct function *fn, struct vm *vm, struct msi_route_create shape)
{
	int device = open_device();

	fn->vm = vm;
	fn->shape = shape;
	fn->shape.vm_fd = vm->fd;
	fn->fd = ioctl(device, MSI_ROUTE_CREATE, &fn->shape);
	if (fn->fd < 0)
		fn->fd = -errno;
	close(device);
	return fn->fd;
}

void function_open(struct function *fn, struct vm *vm, struct msi_route_create shape)
{
	if (function_try_open(fn, vm, shape) < 0)
		die("MSI_ROUTE_CREATE");
	if (set_bus_master(fn, 1))
		die("MSI_ROUTE_SET_BUS_MASTER");

	for (fn->number = 0; functions[fn->number]; fn->number++)
		if (fn->number == MAX_FUNCTIONS - 1)
			die("too many functions");
	functions[fn->number] = fn;
	vm_mmio = forward;
	if (getenv("TEST_TRAP") && fn->shape.msix_vectors &&
	    map(fn, MSI_ROUTE_MAP_TABLE | MSI_ROUTE_MAP_PBA, TABLE_GPA(fn->number),
		PBA_GPA(fn->number)))
		die("MSI_ROUTE_MAP");
}

void function_close(struct function *fn)
{
	functions[fn->number] = NULL;
	close(fn->fd);
}

int function_access(struct function *fn, unsigned long request, __u32 space,
		    __u32 offset, __u32 len, __u64 *value)
{
	struct msi_route_access access = {
		.size = sizeof(access), .space = space, .offset = offset, .len = len,
		.value = *value,
	};

	if (ioctl(fn->fd, request, &access))
		return -errno;
	*value = access.value;
	return 0;
}

__u64 function_read(struct function *fn, __u32 space, __u32 offset, __u32 len)
{
	__u64 value = 0;

	if (function_access(fn, MSI_ROUTE_READ, space, offset, len, &value))
		die("MSI_ROUTE_READ: space %u offset %#x len %u", space, offset, len);
	return value;
}

void function_write(struct function *fn, __u32 space, __u32 offset, __u32 len, __u64 value)
{
	if (function_access(fn, MSI_ROUTE_WRITE, space, offset, len, &value))
		die("MSI_ROUTE_WRITE: space %u offset %#x len %u", space, offset, len);
}

void entry_set(struct function *fn, unsigned int entry, __u32 address, __u32 data,
	       __u32 control)
{
	table_write(fn, ENTRY(entry) + ENTRY_CONTROL, ENTRY_MASKED);
	table_write(fn, ENTRY(entry) + ENTRY_ADDRESS, address);
	table_write(fn, ENTRY(entry) + ENTRY_UPPER, 0);
	table_write(fn, ENTRY(entry) + ENTRY_DATA, data);
	table_write(fn, ENTRY(entry) + ENTRY_CONTROL, control);
}

void entry_mask(struct function *fn, unsigned int entry, bool mask)
{
	table_write(fn, ENTRY(entry) + ENTRY_CONTROL, mask ? ENTRY_MASKED : 0);
}

void msix_control(struct function *fn, __u16 value)
{
	config_write(fn, fn->shape.msix_cap + MSIX_CONTROL, 2, value);
}

void msi_control(struct function *fn, __u16 value)
{
	config_write(fn, fn->shape.msi_cap + MSI_CONTROL, 2, value);
}

unsigned int msi_data_offset(const struct function *fn)
{
	bool wide = fn->shape.msi_flags & MSI_ROUTE_MSI_64BIT;

	return fn->shape.msi_cap + (wide ? 0xc : 0x8);
}

unsigned int msi_mask_offset(const struct function *fn)
{
	return msi_data_offset(fn) + 4;
}

unsigned int msi_pending_offset(const struct function *fn)
{
	return msi_data_offset(fn) + 8;
}

void msi_set(struct function *fn, __u32 address, __u16 data)
{
	config_write(fn, fn->shape.msi_cap + MSI_ADDRESS, 4, address);
	if (fn->shape.msi_flags & MSI_ROUTE_MSI_64BIT)
		config_write(fn, fn->shape.msi_cap + MSI_UPPER, 4, 0);
	config_write(fn, msi_data_offset(fn), 2, data);
}

void msi_mask(struct function *fn, __u32 mask)
{
	config_write(fn, msi_mask_offset(fn), 4, mask);
}

__u32 msi_pending(struct function *fn)
{
	return config_read(fn, msi_pending_offset(fn), 4);
}

static int trigger_ioctl(struct function *fn, unsigned long request, __u32 kind, __u32 vector)
{
	struct msi_route_trigger arg = {
		.size = sizeof(arg), .kind = kind, .vector = vector,
	};

	return ioctl(fn->fd, request, &arg) ? -errno : (int)arg.outcome;
}

int trigger(struct function *fn, __u32 kind, __u32 vector)
{
	return trigger_ioctl(fn, MSI_ROUTE_TRIGGER, kind, vector);
}

int clear_pending(struct function *fn, __u32 kind, __u32 vector)
{
	return trigger_ioctl(fn, MSI_ROUTE_CLEAR_PENDING, kind, vector);
}

int set_eventfd(struct function *fn, __u32 kind, __u32 vector, int fd, __u32 flags)
{
	struct msi_route_eventfd arg = {
		.size = sizeof(arg), .flags = flags, .kind = kind, .vector = vector, .fd = fd,
	};

	return ioctl(fn->fd, MSI_ROUTE_SET_EVENTFD, &arg) ? -errno : 0;
}

int set_eventfds(struct function *fn, __u32 kind, __u32 first, __u32 nr, const __s32 *fds,
		 __u32 flags)
{
	struct msi_route_eventfds arg = {
		.size = sizeof(arg), .flags = flags, .kind = kind, .first = first, .nr = nr,
		.fds = (unsigned long)fds,
	};

	return ioctl(fn->fd, MSI_ROUTE_SET_EVENTFDS, &arg) ? -errno : 0;
}

int set_entries(struct function *fn, __u32 first, __u32 nr, const struct msi_route_entry *entries)
{
	struct msi_route_entries arg = {
		.size = sizeof(arg), .first = first, .nr = nr, .entries = (unsigned long)entries,
	};

	return ioctl(fn->fd, MSI_ROUTE_SET_ENTRIES, &arg) ? -errno : 0;
}

int set_notify(struct function *fn, __u32 changes, int fd)
{
	struct msi_route_set_notify arg = { .size = sizeof(arg), .changes = changes, .fd = fd };

	return ioctl(fn->fd, MSI_ROUTE_SET_NOTIFY, &arg) ? -errno : 0;
}

int get_changes(struct function *fn, struct msi_route_vector_change *changes, __u32 room,
		bool *more)
{
	struct msi_route_get_changes arg = {
		.size = sizeof(arg), .room = room, .stride = sizeof(*changes),
		.changes = (unsigned long)changes,
	};

	if (ioctl(fn->fd, MSI_ROUTE_GET_CHANGES, &arg))
		return -errno;
	if (more)
		*more = arg.more;
	return arg.nr;
}

int set_bus_master(struct function *fn, __u32 enable)
{
	struct msi_route_bus_master arg = { .size = sizeof(arg), .enable = enable };

	return ioctl(fn->fd, MSI_ROUTE_SET_BUS_MASTER, &arg) ? -errno : 0;
}

int reset_with(struct function *fn, __u32 flags)
{
	struct msi_route_reset arg = { .size = sizeof(arg), .flags = flags };

	return ioctl(fn->fd, MSI_ROUTE_RESET, &arg) ? -errno : 0;
}

int reset(struct function *fn)
{
	return reset_with(fn, 0);
}

int set_hold(struct function *fn, __u32 bound_ns)
{
	struct msi_route_set_hold arg = { .size = sizeof(arg), .bound_ns = bound_ns };

	return ioctl(fn->fd, MSI_ROUTE_SET_HOLD, &arg) ? -errno : 0;
}

static int resize_ioctl(struct function *fn, struct msi_route_resize arg)
{
	arg.size = sizeof(arg);
	return ioctl(fn->fd, MSI_ROUTE_RESIZE, &arg) ? -errno : (int)arg.granted;
}

int resize(struct function *fn, __u32 kind, __u32 min, __u32 nr)
{
	return resize_ioctl(fn, (struct msi_route_resize) {
		.kind = kind, .min = min, .nr = nr,
	});
}

int set_limit(struct function *fn, __u32 kind, __u32 limit)
{
	int ret = resize_ioctl(fn, (struct msi_route_resize) {
		.flags = MSI_ROUTE_RESIZE_LIMIT, .kind = kind, .limit = limit,
	});

	return ret < 0 ? ret : 0;
}

int set_ims(struct function *fn, const struct msi_route_ims_op *ops, __u32 nr)
{
	struct msi_route_ims arg = {
		.size = sizeof(arg), .nr = nr, .ops = (unsigned long)ops,
	};

	return ioctl(fn->fd, MSI_ROUTE_SET_IMS, &arg) ? -errno : 0;
}

int renew(struct function *fn)
{
	struct msi_route_renew arg = { .size = sizeof(arg) };

	return ioctl(fn->fd, MSI_ROUTE_RENEW, &arg) ? -errno : 0;
}

int set_remapping(struct function *fn, __u32 flags)
{
	struct msi_route_remapping arg = { .size = sizeof(arg), .flags = flags };

	return ioctl(fn->fd, MSI_ROUTE_SET_REMAPPING, &arg) ? -errno : 0;
}

int rebind(struct function *fn, struct vm *vm)
{
	struct msi_route_rebind arg = { .size = sizeof(arg), .vm_fd = vm->fd };

	if (ioctl(fn->fd, MSI_ROUTE_REBIND, &arg))
		return -errno;
	fn->vm = vm;
	return 0;
}

int set_run(struct function *fn, __u32 run)
{
	struct msi_route_set_run arg = { .size = sizeof(arg), .run = run };

	return ioctl(fn->fd, MSI_ROUTE_SET_RUN, &arg) ? -errno : 0;
}

int map(struct function *fn, __u32 flags, __u64 table, __u64 pba)
{
	struct msi_route_map arg = {
		.size = sizeof(arg), .flags = flags, .table = table, .pba = pba,
	};

	return ioctl(fn->fd, MSI_ROUTE_MAP, &arg) ? -errno : 0;
}

struct msi_route_get_map get_map(struct function *fn)
{
	struct msi_route_get_map arg = { .size = sizeof(arg) };

	if (ioctl(fn->fd, MSI_ROUTE_GET_MAP, &arg))
		die("MSI_ROUTE_GET_MAP");
	return arg;
}

void map_read_only(struct function *fn, __u32 slot, __u32 offset, __u64 gpa)
{
	const unsigned long size = 4096, within = size - 1;
	void *page = mmap(NULL, size, PROT_READ, MAP_SHARED, fn->fd, offset & ~within);
	struct kvm_userspace_memory_region region = {
		.slot = slot, .flags = KVM_MEM_READONLY, .guest_phys_addr = gpa & ~within,
		.memory_size = size, .userspace_addr = (unsigned long)page,
	};

	if (page == MAP_FAILED || ioctl(fn->vm->fd, KVM_SET_USER_MEMORY_REGION, &region))
		die("a read-only slot");
}

struct msi_route_query query(void)
{
	struct msi_route_query arg = { .size = sizeof(arg) };
	int device = open_device();

	if (ioctl(device, MSI_ROUTE_QUERY, &arg))
		die("MSI_ROUTE_QUERY");
	close(device);
	return arg;
}

struct msi_route_counters counters(struct function *fn, __u32 kind, __u32 vector)
{
	struct msi_route_counters arg = {
		.size = sizeof(arg), .kind = kind, .vector = vector,
	};

	if (ioctl(fn->fd, MSI_ROUTE_GET_COUNTERS, &arg))
		die("MSI_ROUTE_GET_COUNTERS");
	return arg;
}

struct msi_route_counters totals(struct function *fn, __u32 kind)
{
	return counters(fn, kind, MSI_ROUTE_ALL_VECTORS);
}

__u64 accounted(const struct msi_route_counters *c)
{
	return c->messages + c->coalesced + c->cleared + c->unreached +
	       c->dropped_address + c->dropped_mode + c->dropped_vector +
	       c->dropped_absent + c->dropped_disabled + c->pending;
}

int new_eventfd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		die("eventfd");
	return fd;
}

void signal_eventfd(int fd, __u64 count)
{
	if (write(fd, &count, sizeof(count)) != sizeof(count))
		die("write to an eventfd");
}
