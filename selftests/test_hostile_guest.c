// SPDX-License-Identifier: GPL-2.0
/*
 * A hostile guest: two vCPUs write garbage over table, PBA and capabilities as fast as
 * they can, while devices raise.  Meanwhile another VM, in another process, gets each of
 * its interrupts: one message for each event, and no message waits for anything.  The
 * host's log stays empty, and the module's memory stays the same.  Afterwards every event
 * is accounted for.
 *
 * TEST_HOSTILE=N in the environment makes it N times as long.
 */
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include "guest/function.h"
#include "guest/host.h"
#include "guest/pace.h"
#include "harness.h"

#define MSIX		MSI_ROUTE_MSIX
#define MSI		MSI_ROUTE_MSI
#define NR_MSIX		256U		/* four blocks of vectors */
#define NR_MSI		8U
#define NR_SOURCES	(NR_MSIX + NR_MSI)
#define NR_WRITERS	2U
/* A third vCPU never runs: it gets the messages that would stop a running one. */
#define NR_VCPUS	(NR_WRITERS + 1)
#define NR_DEVICES	2
#define GRANT_CAP	0x80
#define GRANT_REQUEST	0x0c
#define OPERATIONS	2000		/* of the guest, at least */
#define NR_EVENTS	150		/* of the other VM, before and meanwhile */
#define NR_VICTIM	8
#define VICTIM_VECTOR	0x60

/* What the two processes tell each other. */
static struct {
	bool ready, storm, served;
} *shared;

/* ---- the hostile guest ---- */

static __u32 operations, parked;
static bool park, with_grants;

/*
 * SMI and INIT stop a vCPU: entries with such data only have addresses of other vCPUs.
 * Each byte of an address or of data follows this rule by itself, so no mixture of two
 * writes breaks it.
 */
static bool wild(unsigned int entry)
{
	return entry % 4 == 3;
}

static __u32 garbage_address(bool is_wild, __u32 random)
{
	static const __u8 destinations[] = { 0, 1, 2, 3, 0, 1, 7, 0xff };

	if (is_wild)
		return APIC_BASE | (NR_WRITERS + random % 250) << 12 | (random >> 20 & 8);
	switch (random >> 30) {
	case 0:
		return random;
	case 1:
		return APIC_BASE | (random & 0xfffff);
	default:
		/* Physical and logical, with and without the redirection hint. */
		return MSI_TO(destinations[random & 7]) | (random >> 4 & 0xc);
	}
}

/* Fixed, lowest priority, NMI, and modes that MSI does not have. */
static __u32 garbage_data(bool is_wild, __u32 random)
{
	static const __u8 modes[] = { 0, 1, 3, 4, 6, 7, 0, 1 };

	if (is_wild)
		return random;
	return (random & ~0x700U) | modes[random >> 8 & 7] << 8;
}

static __u64 garbage_of(unsigned int entry, unsigned int reg, __u32 random, __u32 more)
{
	switch (reg) {
	case ENTRY_ADDRESS:
		return (__u64)(more & 3 ? 0 : more) << 32 | garbage_address(wild(entry), random);
	case ENTRY_DATA:
		return (__u64)(more & 3) << 32 | garbage_data(wild(entry), random);
	case ENTRY_CONTROL:
		return more & 1 ? random : 0;
	default:
		return more & 3 ? 0 : random;
	}
}

/* Mostly a few sources, so that their messages become whole and are sent. */
static unsigned int random_source(__u32 random, unsigned int nr)
{
	return random & 7 ? random >> 3 & 15 : (random >> 3) % nr;
}

static void write_table(__u32 random, __u32 more)
{
	unsigned int entry = random_source(more >> 3, NR_MSIX), reg = random >> 12 & 0xc;
	unsigned long at = TABLE_GPA(0) + ENTRY(entry) + reg;
	__u64 value = garbage_of(entry, reg, random, more);

	switch (more >> 16 & 15) {
	case 0:
		guest_write8(at + (more >> 20 & 3), random);
		break;
	case 1:
		guest_write16(at + (more >> 20 & 3), random);
		break;
	case 2:
		guest_write32(at + (more >> 20 & 3), value);
		break;
	case 3:
		guest_read64(at + (more >> 20 & 7));
		break;
	case 4 ... 8:
		/* A qword that covers two dwords, or is ignored. */
		guest_write64(at, value);
		break;
	default:
		guest_write32(at, value);
		break;
	}
}

static void write_pba(__u32 random, __u32 more)
{
	unsigned long at = PBA_GPA(0) + (more & (NR_MSIX / 8 - 1));

	switch (more >> 16 & 3) {
	case 0:
		guest_write32(at & ~3UL, random);
		break;
	case 1:
		guest_write64(at & ~7UL, random);
		break;
	case 2:
		guest_write8(at, random);
		break;
	default:
		guest_read64(at & ~7UL);
		break;
	}
}

static void write_config(__u32 random, __u32 more)
{
	unsigned long config = CONFIG_GPA(0);

	switch (more >> 16 & 15) {
	case 0:
		guest_write16(config + MSIX_CAP + MSIX_CONTROL, random);
		break;
	case 1:
		guest_write32(config + MSIX_CAP + (random & 8), random);
		break;
	case 2:
		guest_write16(config + MSI_CAP + MSI_CONTROL, random);
		break;
	case 3:
		guest_write32(config + MSI_CAP + MSI_ADDRESS, garbage_address(false, random));
		break;
	case 4:
		guest_write32(config + MSI_CAP + MSI_UPPER, more & 1 ? random : 0);
		break;
	case 5:
		guest_write16(config + MSI_CAP + 0xc, garbage_data(false, random));
		break;
	case 6:
		guest_write32(config + MSI_CAP + 0x10, random);
		break;
	case 7:
		guest_write32(config + MSI_CAP + 0x14, random);
		break;
	case 8:
		/* Otherwise nothing would be enabled most of the time. */
		guest_write16(config + MSI_CAP + MSI_CONTROL, MSI_ENABLE | MSI_MME(3));
		break;
	case 9:
		if (with_grants)
			guest_write32(config + GRANT_CAP + GRANT_REQUEST, random);
		break;
	case 10:
	case 11:
		if (with_grants)
			guest_write16(config + GRANT_CAP + GRANT_REQUEST, random % (NR_MSIX + 1));
		break;
	case 12:
		if (with_grants)
			guest_write16(config + GRANT_CAP + GRANT_REQUEST + 2, random & more & 0xff);
		break;
	default:
		guest_write16(config + MSIX_CAP + MSIX_CONTROL, MSIX_ENABLE);
		break;
	}
}

static void hostile_guest(void)
{
	__u32 state = 0x9e3779b9 * (guest_this_cpu()->index + 1);
	__u32 random, more;

	guest_sti();
	while (!load(&park)) {
		random = next_random(&state);
		more = next_random(&state);
		switch (more & 7) {
		case 0:
			write_config(random, more);
			break;
		case 1:
			write_pba(random, more);
			break;
		default:
			write_table(random, more);
			break;
		}
		atomic_inc(&operations);
	}
	guest_cli();
	atomic_inc(&parked);
	for (;;)
		guest_relax();
}

/* ---- its VMM ---- */

FIXTURE(hostile_guest) {
	struct users users;
	struct vm vm;
	struct function fn;
	unsigned int areas;
	bool counting;
	__s64 balance;
	int log;
	pid_t victim;
	int fds[NR_SOURCES];
	__u64 signalled, triggered;
};

FIXTURE_VARIANT(hostile_guest) {
	unsigned int vm_flags;
	__u32 map;			/* what stays in the kernel */
};

FIXTURE_VARIANT_ADD(hostile_guest, exits) {
	.vm_flags = VM_X2APIC,
	.map = 0,
};

FIXTURE_VARIANT_ADD(hostile_guest, in_kernel) {
	.vm_flags = 0,
	.map = MSI_ROUTE_MAP_TABLE | MSI_ROUTE_MAP_PBA,
};

/* A VMM that forwards whatever the guest does, and ignores errors. */
static struct function *hostile_function;

static bool forward_anything(struct vm *vm, __u64 gpa, void *data, __u32 len, bool write)
{
	__u64 value = 0;
	__u32 space;

	(void)vm;
	if (gpa >= PBA_GPA(0)) {
		space = MSI_ROUTE_PBA;
		gpa -= PBA_GPA(0);
	} else if (gpa >= TABLE_GPA(0)) {
		space = MSI_ROUTE_TABLE;
		gpa -= TABLE_GPA(0);
	} else {
		space = MSI_ROUTE_CONFIG;
		gpa -= CONFIG_GPA(0);
	}
	if (write)
		memcpy(&value, data, len);
	if (function_access(hostile_function, write ? MSI_ROUTE_WRITE : MSI_ROUTE_READ, space,
			    gpa, len, &value))
		value = ~0ULL;
	if (!write)
		memcpy(data, &value, len);
	return true;
}

static __u32 kind_of(unsigned int source)
{
	return source < NR_MSIX ? MSIX : MSI;
}

static __u32 vector_of(unsigned int source)
{
	return source < NR_MSIX ? source : source - NR_MSIX;
}

/* After a grant that took the vector away and gave it back. */
static void attach(FIXTURE_DATA(hostile_guest) *self, unsigned int source)
{
	int ret = set_eventfd(&self->fn, kind_of(source), vector_of(source), self->fds[source], 0);

	if (ret && ret != -EEXIST && ret != -ECHRNG)
		die("MSI_ROUTE_SET_EVENTFD: %s", strerror(-ret));
}

static void raise_event(FIXTURE_DATA(hostile_guest) *self, __u32 random)
{
	unsigned int source = random_source(random, NR_SOURCES);
	int ret;

	if (with_grants && !(random & 0x300000))
		attach(self, source);
	if (random & 0x10000) {
		signal_eventfd(self->fds[source], 1);
		atomic_inc(&self->signalled);
		return;
	}
	ret = trigger(&self->fn, kind_of(source), vector_of(source));
	if (ret >= 0)
		atomic_inc(&self->triggered);
	else if (ret != -ECHRNG)
		die("MSI_ROUTE_TRIGGER");
}

struct device {
	FIXTURE_DATA(hostile_guest) *self;
	unsigned int number;
	bool *over;
};

static void *run_device(void *arg)
{
	struct device *device = arg;
	__u32 state = 0x85ebca6b * (device->number + 1);
	struct pace pace = {};

	while (!load(device->over))
		if (pace_may_raise(&pace, &operations))
			raise_event(device->self, next_random(&state));
	return NULL;
}

/* ---- the other VM, in a process of its own ---- */

static bool victim_stop;

static void victim_guest(void)
{
	guest_wait_until(load(&victim_stop));
}

static __u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

/* Asserts nothing: on an emulated host time says little. */
static void tell_times(const char *when, __u64 *took, unsigned int nr)
{
	qsort(took, nr, sizeof(*took), compare);
	REMARK("another VM, %s: a trigger's call took %llu ns at least, %llu in the median", when,
	       took[0], took[nr / 2]);
}

/*
 * Raises one event after the other; its guest awaits each.  @first events came before.
 * Those by ioctl are timed.
 */
static void raise_events(struct function *fn, const int *fds, __u32 first, __u32 nr,
			 const char *when)
{
	__u64 *took = calloc(nr, sizeof(*took)), begin;
	__u32 i, timed = 0;

	if (!took)
		die("calloc");
	for (i = first; i < first + nr; i++) {
		__u32 *count = &guest_cpus[0].count[VICTIM_VECTOR + i % NR_VICTIM];
		__u32 expected = i / NR_VICTIM + 1;

		if (i & 1) {
			signal_eventfd(fds[i % NR_VICTIM], 1);
		} else {
			begin = now();
			if (trigger(fn, MSIX, i % NR_VICTIM) != MSI_ROUTE_SENT)
				die("another VM's event was not sent");
			took[timed++] = now() - begin;
		}
		while (load(count) < expected)
			sched_yield();
		if (load(count) > expected)
			die("another VM's event came twice");
	}
	tell_times(when, took, timed);
	free(took);
}

static void victim(void)
{
	__u32 i, nr = times(NR_EVENTS);
	struct msi_route_counters c;
	int fds[NR_VICTIM];
	struct function fn;
	struct vm vm;

	vm_create(&vm, VM_X2APIC, 1);
	function_open(&fn, &vm, msix_shape(NR_VICTIM));
	for (i = 0; i < NR_VICTIM; i++) {
		entry_set(&fn, i, MSI_TO(0), VICTIM_VECTOR + i, 0);
		fds[i] = new_eventfd();
		if (set_eventfd(&fn, MSIX, i, fds[i], 0))
			die("MSI_ROUTE_SET_EVENTFD");
	}
	msix_control(&fn, MSIX_ENABLE);
	vcpu_start(&vm.vcpu[0], victim_guest);
	raise_events(&fn, fds, 0, nr, "before");
	store(&shared->ready, true);
	while (!load(&shared->storm))
		sched_yield();
	raise_events(&fn, fds, nr, nr, "meanwhile");
	nr *= 2;
	for (i = 0; i < NR_VICTIM; i++)
		if (load(&guest_cpus[0].count[VICTIM_VECTOR + i]) !=
		    (nr + NR_VICTIM - 1 - i) / NR_VICTIM)
			die("another VM's events are not what was raised");
	/* Each was sent at once: no Pending bit, no hold, no writer that waits. */
	c = totals(&fn, MSIX);
	if (c.events != nr || c.messages != nr || c.coalesced || c.pending || c.replayed ||
	    c.held || c.drained || c.unreached)
		die("%llu events of another VM, %llu messages, %llu replayed, %llu drained",
		    c.events, c.messages, c.replayed, c.drained);
	REMARK("another VM: %llu events, %llu messages, %llu waited", c.events, c.messages,
	       c.replayed + c.held + c.drained);
	store(&shared->served, true);
	/* This process frees nothing while the storm is measured. */
	for (;;)
		pause();
}

/* ---- both ---- */

/* How much of what was counted is in use. */
static __s64 in_use(void)
{
	struct allocations a = allocations_counted();

	return a.taken - a.given_back;
}

static void make_function(FIXTURE_DATA(hostile_guest) *self)
{
	struct msi_route_create shape = both_shape(NR_MSIX, NR_MSI);
	unsigned int i;

	shape.grant_cap = GRANT_CAP;
	function_open(&self->fn, &self->vm, shape);
	for (i = 0; i < NR_SOURCES; i++)
		attach(self, i);
}

/*
 * What the life of a function without a storm changes.  Not 0: of kvmalloc() only the
 * kvfree() is counted.
 */
static __s64 balance(FIXTURE_DATA(hostile_guest) *self)
{
	__s64 before = in_use();

	make_function(self);
	function_close(&self->fn);
	return in_use() - before;
}

FIXTURE_SETUP(hostile_guest)
{
	struct rlimit files = { NR_SOURCES + 200, NR_SOURCES + 200 };
	unsigned int i;

	setrlimit(RLIMIT_NOFILE, &files);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)shared);
	/* KVM prints its once-only messages now. */
	vm_create(&self->vm, variant->vm_flags, NR_VCPUS);
	vm_destroy(&self->vm);
	self->users = all_users();
	self->areas = module_areas();
	self->log = kernel_log_open();
	self->victim = fork();
	ASSERT_LE(0, self->victim);
	if (!self->victim)
		victim();
	while (!load(&shared->ready))
		sched_yield();

	for (i = 0; i < NR_SOURCES; i++)
		self->fds[i] = new_eventfd();
	vm_create(&self->vm, variant->vm_flags, NR_VCPUS);
	self->counting = allocations_count();
	self->balance = balance(self);
	make_function(self);
	ASSERT_EQ(0, map(&self->fn, variant->map, variant->map ? TABLE_GPA(0) : 0,
			 variant->map ? PBA_GPA(0) : 0));
	hostile_function = &self->fn;
	vm_mmio = forward_anything;
}

FIXTURE_TEARDOWN(hostile_guest)
{
	unsigned int i;

	function_close(&self->fn);
	/* For two lives, one of them with the storm. */
	EXPECT_EQ(2 * self->balance, in_use());
	if (!self->counting)
		REMARK("this kernel has no tracepoints of allocations");
	allocations_end();
	for (i = 0; i < NR_SOURCES; i++)
		close(self->fds[i]);
	vm_destroy(&self->vm);
	kill(self->victim, SIGKILL);
	waitpid(self->victim, NULL, 0);
	wait_for_users(&self->users);
	EXPECT_EQ(self->areas, module_areas());
	EXPECT_EQ(0, kernel_log_lines(self->log));
}

/*
 * From the first write to the last one.  Returns the most objects in use beyond those of
 * the beginning, of all samples.
 */
static __s64 storm(FIXTURE_DATA(hostile_guest) *self)
{
	struct device devices[NR_DEVICES];
	pthread_t threads[NR_DEVICES];
	bool over = false;
	__s64 before = in_use(), most = 0;
	unsigned int i;

	for (i = 0; i < NR_WRITERS; i++)
		vcpu_start(&self->vm.vcpu[i], hostile_guest);
	for (i = 0; i < NR_DEVICES; i++) {
		devices[i] = (struct device) { self, i, &over };
		if (pthread_create(&threads[i], NULL, run_device, &devices[i]))
			die("pthread_create");
	}
	store(&shared->storm, true);
	while (!load(&shared->served) || load(&operations) < times(OPERATIONS)) {
		__s64 now = in_use() - before;

		most = now > most ? now : most;
		if (waitpid(self->victim, NULL, WNOHANG))
			die("the other VM was harmed");
		sched_yield();
	}
	store(&over, true);
	for (i = 0; i < NR_DEVICES; i++)
		pthread_join(threads[i], NULL);
	store(&park, true);
	while (load(&parked) < NR_WRITERS)
		sched_yield();
	return most;
}

/* What is still in the eventfds was not raised: their vectors did not exist. */
static __u64 left_in_eventfds(FIXTURE_DATA(hostile_guest) *self)
{
	unsigned int i;
	__u64 count, sum = 0;

	for (i = 0; i < NR_SOURCES; i++)
		if (read(self->fds[i], &count, sizeof(count)) == sizeof(count))
			sum += count;
	return sum;
}

#define EXPECT_ACCOUNTED()						\
	do {								\
		struct msi_route_counters x = totals(&self->fn, MSIX);	\
		struct msi_route_counters m = totals(&self->fn, MSI);	\
									\
		EXPECT_EQ(x.events, accounted(&x));			\
		EXPECT_EQ(m.events, accounted(&m));			\
		EXPECT_EQ(self->signalled + self->triggered,		\
			  x.events + m.events + left_in_eventfds(self));	\
		REMARK("%u operations, %llu events, %llu messages, %llu dropped, "	\
		       "%llu unreached, %llu cleared, %llu bad accesses",	\
		       operations, x.events + m.events, x.messages + m.messages,	\
		       x.dropped_address + x.dropped_mode + x.dropped_vector +	\
		       x.dropped_absent + m.dropped_address + m.dropped_mode +	\
		       m.dropped_vector + m.dropped_disabled, x.unreached + m.unreached,	\
		       x.cleared + m.cleared, x.bad_accesses);		\
	} while (0)

/* Nothing that this guest does uses memory: the amount in use stays the same. */
TEST_F(hostile_guest, takes_no_memory)
{
	struct allocations before = allocations_counted(), after;

	storm(self);
	after = allocations_counted();
	EXPECT_EQ(before.taken, after.taken);
	EXPECT_EQ(before.given_back, after.given_back);
	EXPECT_ACCOUNTED();
}

/*
 * A guest that also requests vectors and gives them back makes the module use memory, but
 * at most twice what it may have.
 */
TEST_F(hostile_guest, takes_no_more_than_it_may)
{
	/* Three objects for a block of 64 vectors. */
	const __s64 bound = 2 * NR_MSIX / 64 * 3;
	__s64 most;

	with_grants = true;
	most = storm(self);
	EXPECT_GE(bound, most);
	EXPECT_ACCOUNTED();
	REMARK("at most %lld objects more than before", most);
}
