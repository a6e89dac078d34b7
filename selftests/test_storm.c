// SPDX-License-Identifier: GPL-2.0
/*
 * Everything at once: devices raise by ioctl and by eventfd, vCPUs mask, unmask, move,
 * disable and enable, the VMM toggles Bus Master Enable and resets.  Afterwards every
 * event is accounted for, and all posted work is acknowledged.
 *
 * Entry n has vector SET(c) + n on vCPU c: a vector tells its entry, and one of the wrong
 * set is a torn message.
 */
#include <sched.h>
#include <sys/ioctl.h>

#include "guest/function.h"
#include "guest/pace.h"
#include "harness.h"

#define NR_VCPUS		3
#define NR_ENTRIES	48
#define NR_MSI		4
#define NR_SOURCES	(NR_ENTRIES + NR_MSI)
#define NR_DEVICES	4
#define DISTURBANCES	60
#define OPERATIONS	20		/* of the guest between two of them */
#define SET(cpu)	(0x20U + (cpu) * 0x40U)
#define MSI_VECTOR(n)	(SET(0) + NR_ENTRIES + (n))
/* Below all others: when it is taken, all others have been taken. */
#define LAST_VECTOR	0x1f

#define MSIX		MSI_ROUTE_MSIX
#define MSI		MSI_ROUTE_MSI
#define MSIX_FN		0
#define MSI_FN		1

static __u32 posted[NR_SOURCES], acked[NR_SOURCES];
static __u32 handled, torn, torn_vector, operations, parked;
static bool over, park, stop;

/* ---- guest ---- */

static void handler(struct guest_cpu *cpu, __u8 vector)
{
	unsigned int source = vector - SET(cpu->index);

	if (vector == LAST_VECTOR)
		return;
	if (vector < SET(cpu->index) || source >= NR_SOURCES ||
	    (source >= NR_ENTRIES && cpu->index)) {
		store(&torn_vector, (cpu->index + 1) << 8 | vector);
		atomic_inc(&torn);
		return;
	}
	atomic_inc(&handled);
	store_max(&acked[source], load(&posted[source]));
}

static unsigned long table(unsigned int entry, unsigned int reg)
{
	return TABLE_GPA(MSIX_FN) + ENTRY(entry) + reg;
}

/* A whole message, changed while the entry is masked. */
static void program_entry(unsigned int entry, unsigned int cpu)
{
	guest_write32(table(entry, ENTRY_CONTROL), ENTRY_MASKED);
	guest_write64(table(entry, ENTRY_ADDRESS), MSI_TO(cpu));
	guest_write64(table(entry, ENTRY_DATA), SET(cpu) + entry);
}

static void operate(__u32 random)
{
	/* Each vCPU has its own entries; all share the controls. */
	unsigned int cpu = guest_this_cpu()->index;
	unsigned int entry = (random >> 8) % (NR_ENTRIES / NR_VCPUS) * NR_VCPUS + cpu;
	unsigned long msi = CONFIG_GPA(MSI_FN) + MSI_CAP;
	unsigned long control = CONFIG_GPA(MSIX_FN) + MSIX_CAP + MSIX_CONTROL;

	switch (random % 8) {
	case 0:
		guest_write32(table(entry, ENTRY_CONTROL), ENTRY_MASKED);
		break;
	case 1:
	case 2:
		guest_write32(table(entry, ENTRY_CONTROL), 0);
		break;
	case 3:
	case 4:
		program_entry(entry, (random >> 16) % NR_VCPUS);
		break;
	case 5:
		guest_write16(control, MSIX_ENABLE | (random >> 16 & MSIX_FUNCTION_MASK));
		break;
	case 6:
		guest_write16(control, random >> 16 & 3 ? MSIX_ENABLE : 0);
		guest_write16(msi + MSI_CONTROL, MSI_MME(2) | (random >> 18 & 3 ? MSI_ENABLE : 0));
		break;
	case 7:
		guest_write32(msi + 0x10, random >> 16 & ((1 << NR_MSI) - 1));
		guest_read32(PBA_GPA(MSIX_FN));
		break;
	}
}

static void guest(void)
{
	__u32 state = 0x9e3779b9 * (guest_this_cpu()->index + 1);

	guest_sti();
	while (!load(&park)) {
		operate(next_random(&state));
		atomic_inc(&operations);
	}
	atomic_inc(&parked);
	guest_wait_until(load(&stop));
}

/* ---- host ---- */

FIXTURE(storm) {
	struct vm vm;
	struct function msix, msi;
	int fds[NR_SOURCES];
	__u64 raised[2];		/* by function's capability */
};

static void program_all(FIXTURE_DATA(storm) *self)
{
	unsigned int i;

	for (i = 0; i < NR_ENTRIES; i++)
		entry_set(&self->msix, i, MSI_TO(i % NR_VCPUS), SET(i % NR_VCPUS) + i, 0);
	msi_set(&self->msi, MSI_TO(0), MSI_VECTOR(0));
	msi_mask(&self->msi, 0);
	set_bus_master(&self->msix, 1);
	set_bus_master(&self->msi, 1);
	msix_control(&self->msix, MSIX_ENABLE);
	msi_control(&self->msi, MSI_MME(2) | MSI_ENABLE);
}

FIXTURE_SETUP(storm)
{
	unsigned int i;

	vm_create(&self->vm, VM_X2APIC, NR_VCPUS);
	function_open(&self->msix, &self->vm, msix_shape(NR_ENTRIES));
	function_open(&self->msi, &self->vm,
		      msi_shape(NR_MSI, MSI_ROUTE_MSI_64BIT | MSI_ROUTE_MSI_MASKING));
	guest_handler = handler;
	program_all(self);
	for (i = 0; i < NR_SOURCES; i++) {
		bool msix = i < NR_ENTRIES;

		self->fds[i] = new_eventfd();
		ASSERT_EQ(0, set_eventfd(msix ? &self->msix : &self->msi, msix ? MSIX : MSI,
					 msix ? i : i - NR_ENTRIES, self->fds[i], 0));
	}
}

FIXTURE_TEARDOWN(storm)
{
	vm_destroy(&self->vm);
	function_close(&self->msi);
	function_close(&self->msix);
}

static void post(FIXTURE_DATA(storm) *self, unsigned int source, bool by_eventfd)
{
	bool msix = source < NR_ENTRIES;

	atomic_inc(&posted[source]);
	if (by_eventfd)
		signal_eventfd(self->fds[source], 1);
	else if (trigger(msix ? &self->msix : &self->msi, msix ? MSIX : MSI,
			 msix ? source : source - NR_ENTRIES) < 0)
		die("MSI_ROUTE_TRIGGER");
	atomic_inc(&self->raised[msix ? MSIX : MSI]);
}

struct device {
	FIXTURE_DATA(storm) *storm;
	unsigned int number;
};

/* Devices 0 and 1 raise by ioctl, the others by eventfd; any source. */
static void *run_device(void *arg)
{
	struct device *device = arg;
	__u32 state = 0x85ebca6b * (device->number + 1);
	struct pace pace = {};

	while (!load(&over)) {
		if (!pace_may_raise(&pace, &operations))
			continue;
		post(device->storm, next_random(&state) % NR_SOURCES, device->number >= 2);
		sched_yield();
	}
	return NULL;
}

static void send_last(struct vm *vm, unsigned int cpu)
{
	struct kvm_msi last = { .address_lo = MSI_TO(cpu), .data = LAST_VECTOR };

	if (ioctl(vm->fd, KVM_SIGNAL_MSI, &last) < 0)
		die("KVM_SIGNAL_MSI");
}

/* Returns when all vCPUs have taken everything in their IRR. */
static void take_everything(struct vm *vm)
{
	unsigned int i;

	for (i = 0; i < NR_VCPUS; i++) {
		__u32 before = load(&guest_cpus[i].count[LAST_VECTOR]);

		send_last(vm, i);
		while (load(&guest_cpus[i].count[LAST_VECTOR]) == before)
			sched_yield();
	}
}

typedef void (*disturb_fn)(FIXTURE_DATA(storm) *self, __u32 random);

/* Returns when devices and vCPUs are at rest; until then @disturb disturbs them. */
static void run(FIXTURE_DATA(storm) *self, disturb_fn disturb)
{
	struct device devices[NR_DEVICES];
	pthread_t threads[NR_DEVICES];
	__u32 state = 12345;
	unsigned int i;

	for (i = 0; i < NR_VCPUS; i++)
		vcpu_start(&self->vm.vcpu[i], guest);
	for (i = 0; i < NR_DEVICES; i++) {
		devices[i] = (struct device) { self, i };
		if (pthread_create(&threads[i], NULL, run_device, &devices[i]))
			die("pthread_create");
	}
	for (i = 0; i < DISTURBANCES; i++) {
		__u32 before = load(&operations);

		while (load(&operations) - before < OPERATIONS)
			sched_yield();
		disturb(self, next_random(&state));
	}
	store(&over, true);
	for (i = 0; i < NR_DEVICES; i++)
		pthread_join(threads[i], NULL);
	store(&park, true);
	while (load(&parked) < NR_VCPUS)
		sched_yield();
}

static void stop_guest(struct vm *vm)
{
	unsigned int i;

	store(&stop, true);
	for (i = 0; i < NR_VCPUS; i++) {
		/* A vCPU that sees @stop first ends without taking it. */
		send_last(vm, i);
		vcpu_join(&vm->vcpu[i]);
	}
}

static unsigned int unacknowledged(void)
{
	unsigned int i, nr = 0;

	for (i = 0; i < NR_SOURCES; i++)
		nr += acked[i] != posted[i];
	return nr;
}

#define EXPECT_ACCOUNTED()						\
	do {								\
		struct msi_route_counters x = totals(&self->msix, MSIX);	\
		struct msi_route_counters m = totals(&self->msi, MSI);	\
									\
		EXPECT_EQ(0, torn) TH_LOG("vector %#x", torn_vector);	\
		EXPECT_EQ(0, unacknowledged());				\
		EXPECT_EQ(self->raised[MSIX], x.events);		\
		EXPECT_EQ(self->raised[MSI], m.events);			\
		EXPECT_EQ(x.events, accounted(&x));			\
		EXPECT_EQ(m.events, accounted(&m));			\
		EXPECT_EQ(0, x.pending + m.pending);			\
		EXPECT_EQ(0, x.unreached + m.unreached);		\
		EXPECT_LE(handled, x.messages + m.messages);		\
		REMARK("%u operations, %llu events, %llu messages, %llu replayed, "	\
		       "%llu drained, %llu cleared", operations, x.events + m.events,	\
		       x.messages + m.messages, x.replayed + m.replayed,	\
		       x.drained + m.drained, x.cleared + m.cleared);	\
	} while (0)

static void toggle_bus_master(FIXTURE_DATA(storm) *self, __u32 random)
{
	set_bus_master(random & 1 ? &self->msix : &self->msi, random >> 1 & 1);
}

TEST_F(storm, nothing_is_lost)
{
	run(self, toggle_bus_master);
	program_all(self);
	take_everything(&self->vm);
	stop_guest(&self->vm);
	EXPECT_ACCOUNTED();
}

static void reset_now_and_then(FIXTURE_DATA(storm) *self, __u32 random)
{
	if (random & 1) {
		toggle_bus_master(self, random >> 1);
		return;
	}
	if (reset(random & 2 ? &self->msix : &self->msi))
		die("MSI_ROUTE_RESET");
	set_bus_master(&self->msix, 1);
	set_bus_master(&self->msi, 1);
	/* The guest programs its entries again; MSI is left to us. */
	msi_set(&self->msi, MSI_TO(0), MSI_VECTOR(0));
}

/* A reset clears and counts pending events: each source posts anew. */
TEST_F(storm, with_resets)
{
	unsigned int i;

	run(self, reset_now_and_then);
	program_all(self);
	take_everything(&self->vm);
	for (i = 0; i < NR_SOURCES; i++)
		post(self, i, i & 1);
	take_everything(&self->vm);
	stop_guest(&self->vm);
	EXPECT_ACCOUNTED();
}
