// SPDX-License-Identifier: GPL-2.0
/*
 * A function moves to another virtual machine of its process: its state stays, its
 * messages go there, and nothing is kept of the machine that it has left.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "guest/function.h"
#include "guest/host.h"
#include "harness.h"

#define MSIX		MSI_ROUTE_MSIX
#define MSI		MSI_ROUTE_MSI
#define IMS		MSI_ROUTE_IMS
#define BOTH		(MSI_ROUTE_MAP_TABLE | MSI_ROUTE_MAP_PBA)
#define NR		6
#define NR_IMS		4
#define VECTOR		0x50
#define FUNCTION_ID	0x5aa5
#define DEBUGFS		"/sys/kernel/debug/msi_route"

FIXTURE(rebind) {
	struct vm from, to;
	struct function fn;
};

static void make(struct function *fn, struct vm *vm, struct msi_route_create shape)
{
	unsigned int i;

	shape.id = FUNCTION_ID;
	function_open(fn, vm, shape);
	for (i = 0; i < NR; i++)
		entry_set(fn, i, MSI_TO(0), VECTOR + i, 0);
	msix_control(fn, MSIX_ENABLE);
}

FIXTURE_SETUP(rebind)
{
	vm_create(&self->from, 0, 1);
	vm_create(&self->to, 0, 1);
	make(&self->fn, &self->from, msix_shape(NR));
}

FIXTURE_TEARDOWN(rebind)
{
	function_close(&self->fn);
	vm_destroy(&self->to);
	vm_destroy(&self->from);
}

static void go_over(struct function *fn, struct vm *vm)
{
	if (set_run(fn, 0) || rebind(fn, vm) || set_run(fn, 1))
		die("MSI_ROUTE_REBIND");
}

/* ---- where messages go ---- */

TEST_F(rebind, what_is_pending_is_sent_there)
{
	struct vcpu *left = &self->from.vcpu[0], *there = &self->to.vcpu[0];

	ASSERT_EQ(0, set_run(&self->fn, 0));
	ASSERT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 0));
	ASSERT_EQ(0, rebind(&self->fn, &self->to));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 1));
	EXPECT_EQ(0, vcpu_irr_weight(there));
	ASSERT_EQ(0, set_run(&self->fn, 1));
	EXPECT_TRUE(vcpu_irr(there, VECTOR));
	EXPECT_TRUE(vcpu_irr(there, VECTOR + 1));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 2));
	EXPECT_TRUE(vcpu_irr(there, VECTOR + 2));
	EXPECT_EQ(0, vcpu_irr_weight(left));
	EXPECT_EQ(3, totals(&self->fn, MSIX).messages);
	EXPECT_EQ(2, totals(&self->fn, MSIX).replayed);
}

TEST_F(rebind, there_and_back)
{
	go_over(&self->fn, &self->to);
	go_over(&self->fn, &self->from);
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 0));
	EXPECT_TRUE(vcpu_irr(&self->from.vcpu[0], VECTOR));
	EXPECT_EQ(0, vcpu_irr_weight(&self->to.vcpu[0]));
}

/*
 * A destination of more than 8 bits is valid where IDs have 32 bits, and invalid where
 * they have 8: there its lower bits must not reach another vCPU.
 */
TEST_F(rebind, what_becomes_of_a_message_is_decided_anew)
{
	struct vm wide;

	vm_create(&wide, VM_X2APIC, 1);
	vm_add_vcpu(&wide, 0x100);
	table_write(&self->fn, ENTRY(1) + ENTRY_UPPER, 0x100);
	/* It ends the hold. */
	table_write(&self->fn, ENTRY(1) + ENTRY_DATA, VECTOR + 1);
	EXPECT_EQ(MSI_ROUTE_DROPPED, trigger(&self->fn, MSIX, 1));
	go_over(&self->fn, &wide);
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 1));
	EXPECT_TRUE(vcpu_irr(&wide.vcpu[1], VECTOR + 1));
	EXPECT_EQ(0, vcpu_irr_weight(&wide.vcpu[0]));
	go_over(&self->fn, &self->to);
	EXPECT_EQ(MSI_ROUTE_DROPPED, trigger(&self->fn, MSIX, 1));
	EXPECT_EQ(0, vcpu_irr_weight(&self->to.vcpu[0]));
	vm_destroy(&wide);
}

/* ---- what stays ---- */

struct state {
	struct msi_route_state registers;
	struct msi_route_entry entries[NR], ims[NR_IMS];
	__u64 pba, held, ims_pending;
	struct msi_route_counters counters[MSI_ROUTE_NR_KINDS];
};

static void look(struct function *fn, struct state *s)
{
	__u32 kind;

	memset(s, 0, sizeof(*s));
	s->registers = (struct msi_route_state) {
		.size = sizeof(s->registers), .msix_vectors = NR, .msi_vectors = 2,
		.msi_flags = fn->shape.msi_flags, .ims_max = NR_IMS,
		.entries = (unsigned long)s->entries, .pba = (unsigned long)&s->pba,
		.held = (unsigned long)&s->held, .ims_entries = (unsigned long)s->ims,
		.ims_pending = (unsigned long)&s->ims_pending,
	};
	if (ioctl(fn->fd, MSI_ROUTE_SAVE, &s->registers))
		die("MSI_ROUTE_SAVE");
	s->registers.entries = 0;
	s->registers.pba = 0;
	s->registers.held = 0;
	s->registers.ims_entries = 0;
	s->registers.ims_pending = 0;
	for (kind = 0; kind < MSI_ROUTE_NR_KINDS; kind++) {
		s->counters[kind] = totals(fn, kind);
		/* These counters need not stay. */
		s->counters[kind].updates = 0;
		s->counters[kind].drained = 0;
		s->counters[kind].remappable = 0;
	}
}

TEST_F(rebind, all_of_it_stays)
{
	struct msi_route_create shape = both_shape(NR, 2);
	const struct msi_route_ims_op op = {
		.op = MSI_ROUTE_IMS_SET, .entry = { .address_lo = MSI_TO(0), .data = VECTOR + NR },
	};
	struct msi_route_translation t = {
		.size = sizeof(t), .vector = 2, .raw_address = MSI_TO(0) | 0x10,
		.raw_data = VECTOR + 2, .address = MSI_TO(0), .data = VECTOR + 0x20,
	};
	struct msi_route_vector_change changes[NR];
	struct state before, after;
	int event = new_eventfd(), notify = new_eventfd();
	struct vcpu *vcpu = &self->to.vcpu[0];
	struct function fn;

	shape.flags = MSI_ROUTE_CREATE_REMAPPING;
	shape.msix_granted = NR - 1;
	shape.ims_vectors = NR_IMS;
	function_open(&fn, &self->from, shape);
	ASSERT_EQ(NR, resize(&fn, MSIX, NR, NR));
	ASSERT_EQ(0, set_hold(&fn, 1000000000));
	entry_set(&fn, 0, MSI_TO(0), VECTOR, 0);
	entry_set(&fn, 1, MSI_TO(0), VECTOR + 1, ENTRY_MASKED);
	entry_set(&fn, 2, MSI_TO(0) | 0x10, VECTOR + 2, 0);
	entry_set(&fn, 3, MSI_TO(1), VECTOR + 3, 0);
	ASSERT_EQ(0, set_ims(&fn, &op, 1));
	ASSERT_EQ(0, ioctl(fn.fd, MSI_ROUTE_SET_TRANSLATION, &t));
	msix_control(&fn, MSIX_ENABLE);
	ASSERT_EQ(0, set_eventfd(&fn, MSIX, 0, event, 0));
	ASSERT_EQ(MSI_ROUTE_PENDING, trigger(&fn, MSIX, 1));
	ASSERT_EQ(MSI_ROUTE_SENT, trigger(&fn, IMS, 0));
	/* Its driver is between address and data. */
	table_write(&fn, ENTRY(3), MSI_TO(0));
	ASSERT_EQ(0, set_notify(&fn, MSI_ROUTE_CHANGE_MESSAGE, notify));
	table_write(&fn, ENTRY(4) + ENTRY_DATA, VECTOR + 4);

	ASSERT_EQ(0, set_run(&fn, 0));
	look(&fn, &before);
	ASSERT_EQ(0, rebind(&fn, &self->to));
	look(&fn, &after);
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(after)));
	EXPECT_EQ(1 << 3, after.held);

	ASSERT_EQ(1, get_changes(&fn, changes, NR, NULL));
	EXPECT_EQ(4, changes[0].vector);
	signal_eventfd(event, 1);
	ASSERT_EQ(0, set_run(&fn, 1));
	EXPECT_TRUE(vcpu_take_irr(vcpu, VECTOR));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&fn, MSIX, 2));
	EXPECT_TRUE(vcpu_take_irr(vcpu, VECTOR + 0x20));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&fn, IMS, 0));
	EXPECT_TRUE(vcpu_take_irr(vcpu, VECTOR + NR));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&fn, MSIX, 3));
	table_write(&fn, ENTRY(3) + ENTRY_DATA, VECTOR + 3);
	EXPECT_TRUE(vcpu_take_irr(vcpu, VECTOR + 3));
	entry_mask(&fn, 1, false);
	EXPECT_TRUE(vcpu_take_irr(vcpu, VECTOR + 1));
	function_close(&fn);
}

/* ---- its place ---- */

static __u32 exits, result;

static bool mmio(struct vm *vm, __u64 gpa, void *data, __u32 len, bool write)
{
	(void)vm;
	(void)gpa;
	exits++;
	if (!write)
		memset(data, 0xa5, len);
	return true;
}

static void use_table(void)
{
	guest_write32(TABLE_GPA(7) + ENTRY(1) + ENTRY_DATA, VECTOR + 9);
	result = guest_read32(TABLE_GPA(7) + ENTRY(1) + ENTRY_DATA);
}

static void run(struct vm *vm)
{
	vcpu_start(&vm->vcpu[0], use_table);
	vcpu_join(&vm->vcpu[0]);
}

TEST_F(rebind, its_place_is_taken_away)
{
	vm_mmio = mmio;
	ASSERT_EQ(0, map(&self->fn, BOTH, TABLE_GPA(7), PBA_GPA(7)));
	ASSERT_EQ(0, set_run(&self->fn, 0));
	ASSERT_EQ(0, rebind(&self->fn, &self->to));
	EXPECT_EQ(0, get_map(&self->fn).flags);
	run(&self->from);
	EXPECT_EQ(2, exits);
	EXPECT_EQ(0xa5a5a5a5, result);
	run(&self->to);
	EXPECT_EQ(4, exits);
	EXPECT_EQ(VECTOR + 1, table_read(&self->fn, ENTRY(1) + ENTRY_DATA));

	ASSERT_EQ(0, map(&self->fn, BOTH, TABLE_GPA(7), PBA_GPA(7)));
	EXPECT_EQ(BOTH, get_map(&self->fn).reached);
	run(&self->to);
	EXPECT_EQ(4, exits);
	EXPECT_EQ(VECTOR + 9, result);
	run(&self->from);
	EXPECT_EQ(6, exits);
}

TEST_F(rebind, to_the_vm_that_it_has)
{
	vm_mmio = mmio;
	ASSERT_EQ(0, map(&self->fn, BOTH, TABLE_GPA(7), PBA_GPA(7)));
	ASSERT_EQ(0, set_run(&self->fn, 0));
	ASSERT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 0));
	ASSERT_EQ(0, rebind(&self->fn, &self->from));
	EXPECT_EQ(0, get_map(&self->fn).flags);
	run(&self->from);
	EXPECT_EQ(2, exits);
	ASSERT_EQ(0, set_run(&self->fn, 1));
	EXPECT_TRUE(vcpu_irr(&self->from.vcpu[0], VECTOR));
}

/* ---- what is left ---- */

/* The function stays open, but does not hold the machine that it has left. */
TEST_F(rebind, the_vm_that_it_has_left_ends)
{
	struct users before = all_users();
	struct function fn;
	struct vm vm;

	function_close(&self->fn);
	vm_create(&vm, 0, 1);
	make(&self->fn, &vm, msix_shape(NR));
	make(&fn, &self->to, msix_shape(NR));
	ASSERT_EQ(0, map(&self->fn, BOTH, TABLE_GPA(7), PBA_GPA(7)));
	ASSERT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 0));
	go_over(&self->fn, &self->to);
	function_close(&fn);
	vm_destroy(&vm);
	wait_for_users(&before);
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 0));
	EXPECT_TRUE(vcpu_irr(&self->to.vcpu[0], VECTOR));
}

static __u64 signalled;
static bool stop;

static void *signal_for_ever(void *arg)
{
	while (!load(&stop)) {
		signal_eventfd(*(int *)arg, 1);
		atomic_inc(&signalled);
	}
	return NULL;
}

/* To all, which depends on the machine, and to one. */
static void *write_for_ever(void *arg)
{
	while (!load(&stop)) {
		table_write(arg, ENTRY(1) + ENTRY_ADDRESS, MSI_TO(0xff));
		table_write(arg, ENTRY(1) + ENTRY_ADDRESS, MSI_TO(0));
		entry_mask(arg, 2, true);
		entry_mask(arg, 2, false);
		sched_yield();
	}
	return NULL;
}

/*
 * One machine replaces the other, and the old one is destroyed, while a device raises
 * without pause and a guest writes.  Each signal is accounted for, arrives in the
 * function's present machine, and never in an earlier one.
 */
TEST_F(rebind, exact_while_signalled)
{
	int event = new_eventfd();
	struct users before = all_users();
	struct msi_route_counters c;
	pthread_t device, guest;
	unsigned int round;
	struct vm vms[2];

	ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, 0, event, 0));
	ASSERT_EQ(0, pthread_create(&device, NULL, signal_for_ever, &event));
	ASSERT_EQ(0, pthread_create(&guest, NULL, write_for_ever, &self->fn));
	for (round = 0; round < 30; round++) {
		struct vm *vm = &vms[round & 1], *left = self->fn.vm;
		__u64 was;

		vm_create(vm, round & 2 ? VM_X2APIC : 0, 1);
		ASSERT_EQ(0, set_run(&self->fn, 0));
		ASSERT_EQ(0, rebind(&self->fn, vm));
		vcpu_clear_irr(&left->vcpu[0]);
		was = load(&signalled);
		while (load(&signalled) == was)
			sched_yield();
		EXPECT_EQ(0, vcpu_irr_weight(&vm->vcpu[0]));
		ASSERT_EQ(0, set_run(&self->fn, 1));
		ASSERT_TRUE(vcpu_irr(&vm->vcpu[0], VECTOR));
		EXPECT_EQ(0, vcpu_irr_weight(&left->vcpu[0]));
		if (round)
			vm_destroy(left);
	}
	store(&stop, true);
	pthread_join(device, NULL);
	pthread_join(guest, NULL);
	c = totals(&self->fn, MSIX);
	EXPECT_EQ(signalled, c.events);
	EXPECT_EQ(c.events, accounted(&c));
	EXPECT_EQ(0, c.unreached);
	go_over(&self->fn, &self->from);
	vm_destroy(&vms[1]);
	wait_for_users(&before);
}

/* ---- observers ---- */

static struct msi_route_function find_function(void)
{
	struct msi_route_function f;
	struct msi_route_get_functions g = {
		.size = sizeof(g), .room = 1, .stride = sizeof(f), .functions = (unsigned long)&f,
	};
	int device = open_device();

	do {
		if (ioctl(device, MSI_ROUTE_GET_FUNCTIONS, &g) || !g.nr)
			die("the function is not among all");
		g.from = f.number + 1;
	} while (f.id != FUNCTION_ID);
	close(device);
	return f;
}

/* Returns how many directories the function has: their names end in its number. */
static unsigned int directories(const struct msi_route_function *f, bool *named)
{
	char right[64], *number;
	struct dirent *entry;
	unsigned int nr = 0;
	DIR *dir;

	snprintf(right, sizeof(right), "%d-%d-%u", f->vm_pid, f->vm_fd, f->number);
	*named = false;
	dir = opendir(DEBUGFS);
	if (!dir)
		return 0;
	while ((entry = readdir(dir))) {
		number = strrchr(entry->d_name, '-');
		if (!number || strtoul(number + 1, NULL, 10) != f->number)
			continue;
		nr++;
		*named = !strcmp(entry->d_name, right);
	}
	closedir(dir);
	return nr;
}

TEST_F(rebind, observers_see_the_new_vm)
{
	struct msi_route_function before = find_function(), after;
	unsigned int nr;
	bool named;

	EXPECT_EQ(self->from.fd, before.vm_fd);
	go_over(&self->fn, &self->to);
	after = find_function();
	EXPECT_EQ(self->to.fd, after.vm_fd);
	EXPECT_EQ(before.vm_pid, after.vm_pid);
	EXPECT_EQ(before.number, after.number);
	nr = directories(&after, &named);
	EXPECT_TRUE(!nr || (nr == 1 && named));
	if (!nr)
		REMARK("no debugfs");
}

/* ---- errors ---- */

static int rebind_to(struct function *fn, int fd)
{
	struct vm vm = { .fd = fd };

	return rebind(fn, &vm);
}

TEST_F(rebind, errors_change_nothing)
{
	struct msi_route_create shape = msix_shape(NR);
	struct msi_route_rebind arg = { .size = sizeof(arg), .vm_fd = self->to.fd };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct vm bare, wide;
	struct function extended;

	vm_create(&bare, VM_NO_IRQCHIP, 0);
	vm_create(&wide, VM_X2APIC, 1);
	shape.flags = MSI_ROUTE_CREATE_EXT_DEST_ID;
	function_open(&extended, &wide, shape);
	ASSERT_EQ(0, map(&self->fn, BOTH, TABLE_GPA(7), PBA_GPA(7)));

	EXPECT_EQ(-EBUSY, rebind_to(&self->fn, self->to.fd));
	ASSERT_EQ(0, set_run(&self->fn, 0));
	ASSERT_EQ(0, set_run(&extended, 0));
	EXPECT_EQ(-EBADF, rebind_to(&self->fn, -1));
	EXPECT_EQ(-EBADFD, rebind_to(&self->fn, null));
	EXPECT_EQ(-EBADFD, rebind_to(&self->fn, self->to.vcpu[0].fd));
	EXPECT_EQ(-ENXIO, rebind_to(&self->fn, bare.fd));
	EXPECT_EQ(-EADDRNOTAVAIL, rebind_to(&extended, self->to.fd));
	EXPECT_EQ(0, rebind_to(&extended, wide.fd));
	arg.flags = 1;
	EXPECT_EQ(-1, ioctl(self->fn.fd, MSI_ROUTE_REBIND, &arg));
	EXPECT_EQ(EOPNOTSUPP, errno);
	arg.flags = 0;
	arg.reserved = 1;
	EXPECT_EQ(-1, ioctl(self->fn.fd, MSI_ROUTE_REBIND, &arg));
	EXPECT_EQ(EOPNOTSUPP, errno);

	self->fn.vm = &self->from;
	EXPECT_EQ(BOTH, get_map(&self->fn).reached);
	EXPECT_EQ(self->from.fd, find_function().vm_fd);
	ASSERT_EQ(0, set_run(&self->fn, 1));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 0));
	EXPECT_TRUE(vcpu_irr(&self->from.vcpu[0], VECTOR));
	extended.vm = &wide;
	function_close(&extended);
	vm_destroy(&wide);
	vm_destroy(&bare);
	close(null);
}

/* Neither to a VM of another process, nor another process's function to an own VM. */
TEST_F(rebind, eperm_between_processes)
{
	int status;
	pid_t pid;

	ASSERT_EQ(0, set_run(&self->fn, 0));
	pid = fork();
	if (!pid) {
		struct vm own;

		vm_create(&own, 0, 1);
		_exit(rebind_to(&self->fn, self->to.fd) != -EPERM ||
		      rebind_to(&self->fn, own.fd) != -EPERM);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, set_run(&self->fn, 1));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 0));
	EXPECT_TRUE(vcpu_irr(&self->from.vcpu[0], VECTOR));
}
