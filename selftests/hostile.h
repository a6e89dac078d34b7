/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the programs of hostile callers share: all calls with random arguments, a guest that
 * uses a table at random, and that nothing is left of either afterwards: no reference, no
 * memory, no line in the kernel's log; and a normal caller is served.
 */
#ifndef SELFTESTS_HOSTILE_H
#define SELFTESTS_HOSTILE_H

#include <sys/ioctl.h>

#include "guest/function.h"
#include "guest/host.h"
#include "harness.h"

#define MSIX		MSI_ROUTE_MSIX
#define MSI		MSI_ROUTE_MSI
#define IMS		MSI_ROUTE_IMS
#define NR_MSIX		66		/* two blocks of vectors */
#define NR_MSI		4
#define NR_IMS		70
#define NR_FDS		16
#define VECTOR		0x50

/* ---- what must not have changed afterwards ---- */

FIXTURE(hostile) {
	struct users users;
	unsigned int areas;
	int log;
};

static void be_served(void)
{
	struct function fn;
	struct vm vm;

	vm_create(&vm, 0, 1);
	function_open(&fn, &vm, msix_shape(NR_MSIX));
	entry_set(&fn, NR_MSIX - 1, MSI_TO(0), VECTOR, 0);
	msix_control(&fn, MSIX_ENABLE);
	if (trigger(&fn, MSIX, NR_MSIX - 1) != MSI_ROUTE_SENT || !vcpu_irr(&vm.vcpu[0], VECTOR))
		die("a caller who means well is not served");
	function_close(&fn);
	vm_destroy(&vm);
}

FIXTURE_SETUP(hostile)
{
	/* KVM prints its once-only messages now. */
	be_served();
	self->users = all_users();
	self->areas = module_areas();
	self->log = kernel_log_open();
}

FIXTURE_TEARDOWN(hostile)
{
	wait_for_users(&self->users);
	EXPECT_EQ(self->areas, module_areas());
	be_served();
	EXPECT_EQ(0, kernel_log_lines(self->log));
}

/* ---- all calls, in any order, by anybody ---- */

static struct victim {
	struct function fn;
	int fds[NR_FDS];
} victim;

static struct msi_route_create all_shape(void)
{
	struct msi_route_create shape = both_shape(NR_MSIX, NR_MSI);

	shape.flags = MSI_ROUTE_CREATE_REMAPPING;
	shape.grant_cap = 0x80;
	shape.ims_vectors = 1;
	shape.ims_max = NR_IMS;
	return shape;
}

static __u32 random_kind(__u32 random)
{
	return random % 3;
}

static __u32 random_vector(__u32 random)
{
	return random >> 8 & 127;
}

/* An eventfd, none, the attached one, or a descriptor that is no eventfd. */
static int random_fd(const struct victim *v, __u32 random)
{
	switch (random >> 16 & 7) {
	case 0:
		return -1;
	case 1:
		return MSI_ROUTE_EVENTFD_KEEP;
	case 2:
		return v->fn.fd;
	default:
		return v->fds[random >> 20 & (NR_FDS - 1)];
	}
}

/* None, REPLACE, ADD, REMOVE. */
static __u32 random_flags(__u32 random)
{
	return 1U << (random >> 30) >> 1;
}

static void signal_one(struct victim *v, __u32 random)
{
	__u64 count = 1;
	ssize_t ignored = write(random_fd(v, random), &count, sizeof(count));

	(void)ignored;
}

/* Its last close, while others signal and attach it; its number is reused. */
static void renew_fd(struct victim *v, __u32 random)
{
	int fd = new_eventfd();

	dup3(fd, v->fds[random >> 20 & (NR_FDS - 1)], O_CLOEXEC);
	close(fd);
}

static void attach_many(struct victim *v, __u32 random)
{
	__s32 fds[8];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = random_fd(v, random * (i + 1));
	set_eventfds(&v->fn, random_kind(random), random_vector(random), ARRAY_SIZE(fds), fds,
		     random_flags(random));
}

static void set_many_entries(struct victim *v, __u32 random)
{
	struct msi_route_entry entries[8] = {};

	memset(entries, random, sizeof(entries[0]) * (random % 8));
	entries[random % 8] = (struct msi_route_entry) {
		.address_lo = MSI_TO(0), .data = VECTOR + random % 64,
	};
	set_entries(&v->fn, random_vector(random), ARRAY_SIZE(entries), entries);
}

static void operate_store(struct victim *v, __u32 random)
{
	struct msi_route_ims_op ops[4] = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		ops[i].vector = (random >> (8 * i)) % NR_IMS;
		ops[i].op = random >> i & 3;
		if (ops[i].op == MSI_ROUTE_IMS_SET)
			ops[i].entry = (struct msi_route_entry) {
				.address_lo = MSI_TO(0), .data = VECTOR + random % 64,
			};
	}
	set_ims(&v->fn, ops, ARRAY_SIZE(ops));
}

static void take_changes(struct victim *v, __u32 random)
{
	struct msi_route_vector_change changes[16];
	bool more;

	if (random & 0x100)
		set_notify(&v->fn, random & 0x3f, random & 0x3f ? random_fd(v, random) : -1);
	else
		get_changes(&v->fn, changes, ARRAY_SIZE(changes), &more);
}

static void save_and_restore(struct victim *v)
{
	struct msi_route_entry entries[NR_MSIX], ims_entries[NR_IMS];
	__u64 pba[2] = {}, held[2] = {}, ims_pending[2] = {};
	struct msi_route_state state = {
		.size = sizeof(state), .msix_vectors = NR_MSIX, .msi_vectors = NR_MSI,
		.msi_flags = MSI_ROUTE_MSI_64BIT | MSI_ROUTE_MSI_MASKING, .ims_max = NR_IMS,
		.entries = (unsigned long)entries, .pba = (unsigned long)pba,
		.held = (unsigned long)held, .ims_entries = (unsigned long)ims_entries,
		.ims_pending = (unsigned long)ims_pending,
	};

	set_run(&v->fn, 0);
	if (!ioctl(v->fn.fd, MSI_ROUTE_SAVE, &state))
		ioctl(v->fn.fd, MSI_ROUTE_RESTORE, &state);
	set_run(&v->fn, 1);
}

static void translate(struct victim *v, __u32 random)
{
	struct msi_route_translation t = {
		.size = sizeof(t), .kind = random_kind(random), .vector = random_vector(random),
		.raw_address = MSI_TO(0) | 0x10, .address = MSI_TO(0), .data = VECTOR,
	};

	ioctl(v->fn.fd, MSI_ROUTE_SET_TRANSLATION, &t);
}

static void access_registers(struct victim *v, __u32 random)
{
	__u64 value = (__u64)random << 32 | MSI_TO(0) | (random & 0x10);
	__u32 offset = random >> 4 & 0xff;

	/* In configuration space, also the capabilities' control. */
	function_access(&v->fn, random & 1 ? MSI_ROUTE_WRITE : MSI_ROUTE_READ, random >> 1 & 3,
			offset & ~3U, 4U << (random >> 3 & 1), &value);
	value = random >> 16 & 3 ? MSIX_ENABLE : random >> 16;
	function_access(&v->fn, MSI_ROUTE_WRITE, MSI_ROUTE_CONFIG, MSIX_CAP + MSIX_CONTROL, 2,
			&value);
}

static void place(struct victim *v, __u32 random)
{
	__u64 table = TABLE_GPA(random >> 8 & 7);

	map(&v->fn, random & 3, random & 1 ? table : 0, random & 2 ? table + PBA_OFFSET : 0);
}

static void map_image(struct victim *v, __u32 random)
{
	unsigned long size = (random & 3) * 4096;
	void *image = mmap(NULL, size, PROT_READ, MAP_SHARED, v->fn.fd, (random >> 2 & 3) * 4096);

	if (image != MAP_FAILED) {
		(void)*(volatile __u32 *)image;
		munmap(image, size);
	}
}

/* The VMs that functions are moved to, if there are any. */
static int vms[2];

static void go_over(struct victim *v, __u32 random)
{
	struct msi_route_rebind arg = { .size = sizeof(arg), .vm_fd = vms[random & 1] };

	/* It waits for a grace period, so it is done seldom. */
	if (random & 0xe)
		return;
	set_run(&v->fn, 0);
	ioctl(v->fn.fd, MSI_ROUTE_REBIND, &arg);
	set_run(&v->fn, 1);
}

static void call_something(struct victim *v, __u32 random)
{
	const __u32 kind = random_kind(random), vector = random_vector(random);
	struct msi_route_counters c = { .size = sizeof(c), .kind = kind, .vector = vector };

	switch (random >> 24 & 31) {
	case 0:
	case 1:
		set_eventfd(&v->fn, kind, vector, random_fd(v, random), random_flags(random));
		break;
	case 2:
		attach_many(v, random);
		break;
	case 3:
		renew_fd(v, random);
		break;
	case 4:
		set_many_entries(v, random);
		break;
	case 5:
	case 6:
		operate_store(v, random);
		break;
	case 7:
		take_changes(v, random);
		break;
	case 8:
		if (random & 1)
			save_and_restore(v);
		else
			set_remapping(&v->fn, random >> 1 & 1);
		break;
	case 9:
		translate(v, random);
		break;
	case 10:
		place(v, random);
		break;
	case 11:
		map_image(v, random);
		break;
	case 12:
		reset_with(&v->fn, random >> 8 & 1);
		break;
	case 13:
		renew(&v->fn);
		break;
	case 14:
		set_bus_master(&v->fn, random & 1);
		break;
	case 15:
		set_hold(&v->fn, random & 0xffff);
		break;
	case 16:
		resize(&v->fn, kind, random & 1, random_vector(random));
		break;
	case 17:
		clear_pending(&v->fn, kind, vector);
		break;
	case 18:
		ioctl(v->fn.fd, MSI_ROUTE_GET_COUNTERS, &c);
		break;
	case 19 ... 23:
		access_registers(v, random);
		break;
	case 24 ... 27:
		signal_one(v, random);
		break;
	case 28:
		go_over(v, random);
		break;
	default:
		trigger(&v->fn, kind, vector);
		break;
	}
}

static void make_victim(struct victim *v, struct vm *vm)
{
	unsigned int i;

	if (function_try_open(&v->fn, vm, all_shape()) < 0)
		die("MSI_ROUTE_CREATE");
	set_bus_master(&v->fn, 1);
	for (i = 0; i < NR_FDS; i++)
		v->fds[i] = new_eventfd();
}

static inline void free_victim(struct victim *v)
{
	unsigned int i;

	close(v->fn.fd);
	for (i = 0; i < NR_FDS; i++)
		close(v->fds[i]);
}

/* ---- a guest ---- */

/* The guest uses a table that is placed, moved, resized and removed. */
static void use_table(void)
{
	__u32 state = 0x1234567 + guest_this_cpu()->index;

	guest_sti();
	for (;;) {
		__u32 random = next_random(&state);
		unsigned long at = TABLE_GPA(random >> 8 & 7) + (random & 0xfff & ~3U);

		/* Delivery mode 0: this guest can handle the result. */
		if (random >> 31)
			guest_write32(at, random & ~0x700U);
		else
			guest_read32(at);
	}
}

static bool nobody_there(struct vm *vm, __u64 gpa, void *data, __u32 len, bool write)
{
	(void)vm;
	(void)gpa;
	if (!write)
		memset(data, 0xff, len);
	return true;
}

#endif /* SELFTESTS_HOSTILE_H */
