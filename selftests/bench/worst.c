// SPDX-License-Identifier: GPL-2.0
/*
 * How long a guest can make the module keep interrupts off, or wait for senders.  The
 * guest has a function with 2,048 MSI-X vectors and one with 32 MSI vectors, and does the
 * worst to both while a thread raises all the time: it unmasks them together when all are
 * pending, changes addresses and leaves the update holds to their timer when all have
 * events, masks and unmasks.
 *
 * Each relevant function of the module is traced alone, with the same storm for each, so
 * that its time does not include tracing another function.  The time of
 * mr_msix_space_size(), which does next to nothing, shows the cost of tracing.  An irqfd
 * with the same message is beside them: irqfd_wakeup() is KVM's counterpart of
 * mr_eventfd_wake().
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/resource.h>

#include "bench.h"
#include "ftrace.h"

#define MSIX		MSI_ROUTE_MSIX
#define MSI		MSI_ROUTE_MSI
#define NR_MSIX		2048U
#define NR_MSI		32U
#define IRQFD		(NR_MSIX + NR_MSI)
#define NR_EVENTS	(IRQFD + 1)
#define VECTOR		0x60
#define LOGICAL		0x4
#define FLAT		0xffffffffU
#define CLUSTER		0x0fffffffU
/* Long enough for all events to arrive while the holds are open. */
#define HOLD_NS		1000000

/* A read by the guest here makes the devices raise all vectors of MSI-X, or of MSI. */
#define RAISE_MSIX_GPA	0xc0000000UL
#define RAISE_MSI_GPA	0xc0001000UL

static const struct scenario {
	const char *name;
	unsigned int nr_vcpus;
	__u32 address;
} scenarios[] = {
	{ "one target", 1, MSI_TO(0) },
	/*
	 * One logical ID that is no broadcast in any form, but the guest gave it to every
	 * vCPU, and the last vCPU uses another format: KVM has no map for that and asks
	 * each vCPU.
	 */
	{ "64 targets by one logical ID", 64, MSI_TO(1) | LOGICAL },
};

static const struct scenario *scenario;
static struct vm vm;
static struct function msix, msi;
static int event[NR_EVENTS];

/* ---- guest ---- */

static __u32 guest_address;		/* of all messages */

static void guest_msix_control(__u16 value)
{
	guest_write16(CONFIG_GPA(0) + MSIX_CAP + MSIX_CONTROL, value);
}

static void guest_entry(unsigned int entry, unsigned int reg, __u32 value)
{
	guest_write32(TABLE_GPA(0) + ENTRY(entry) + reg, value);
}

/* Waits until the holds have ended and what they replay has been sent. */
static void guest_wait_pending(void)
{
	unsigned int i;

	for (i = 0; i < NR_MSIX / 64; i++)
		while (guest_read64(PBA_GPA(0) + i * 8))
			guest_relax();
}

static void guest(void)
{
	unsigned int i;

	/* All at once. */
	guest_msix_control(MSIX_ENABLE | MSIX_FUNCTION_MASK);
	guest_read32(RAISE_MSIX_GPA);
	guest_msix_control(MSIX_ENABLE);

	/* Holds, each opened by its own write. */
	for (i = 0; i < NR_MSIX; i++)
		guest_entry(i, ENTRY_ADDRESS, guest_address ^ 0x1000);
	guest_read32(RAISE_MSIX_GPA);
	guest_wait_pending();

	/* One by one: the event comes while the vector is masked. */
	for (i = 0; i < NR_MSIX; i++)
		guest_entry(i, ENTRY_CONTROL, ENTRY_MASKED);
	guest_read32(RAISE_MSIX_GPA);
	for (i = 0; i < NR_MSIX; i++) {
		guest_entry(i, ENTRY_ADDRESS, guest_address);
		guest_entry(i, ENTRY_DATA, VECTOR + i % 32);
		guest_entry(i, ENTRY_CONTROL, 0);
	}

	/* Holds of all vectors, opened by one write. */
	for (i = 0; i < 16; i++) {
		guest_write32(CONFIG_GPA(1) + MSI_CAP + MSI_ADDRESS,
			      guest_address ^ (i % 2 ? 0 : 0x1000));
		guest_read32(RAISE_MSI_GPA);
		while (guest_read32(CONFIG_GPA(1) + msi_pending_offset(&msi)))
			guest_relax();
	}
}

/* ---- host ---- */

static bool (*forward)(struct vm *vm, __u64 gpa, void *data, __u32 len, bool write);

static bool mmio(struct vm *vm, __u64 gpa, void *data, __u32 len, bool write)
{
	unsigned int i;

	if (gpa == RAISE_MSIX_GPA)
		for (i = 0; i < NR_MSIX; i++)
			signal_eventfd(event[i], 1);
	else if (gpa == RAISE_MSI_GPA)
		for (i = NR_MSIX; i < NR_EVENTS; i++)	/* and the irqfd */
			signal_eventfd(event[i], 1);
	else
		return forward(vm, gpa, data, len, write);
	return true;
}

static bool ended;

static void *raise_thread(void *arg)
{
	__u32 random = 1;

	(void)arg;
	while (!load(&ended)) {
		signal_eventfd(event[next_random(&random) % NR_EVENTS], 1);
		/* With only one processor, the guest needs it. */
		sched_yield();
	}
	return NULL;
}

static void storm(void)
{
	pthread_t thread;

	store(&ended, false);
	if (pthread_create(&thread, NULL, raise_thread, NULL))
		die("pthread_create");
	vcpu_start(&vm.vcpu[0], guest);
	vcpu_join(&vm.vcpu[0]);
	store(&ended, true);
	pthread_join(thread, NULL);
}

static void trace_storm(const char *function)
{
	struct durations d;
	char subject[64];

	if (!ftrace_start(function)) {
		fprintf(stderr, "# the kernel knows no function %s\n", function);
		return;
	}
	storm();
	d = ftrace_stop();
	if (!d.nr)
		return;
	snprintf(subject, sizeof(subject), "worst, %s", scenario->name);
	sample(subject, function, "calls", d.nr);
	sample(subject, function, "least", d.ns[0]);
	sample(subject, function, "median", d.ns[d.nr / 2]);
	sample(subject, function, "99 %", d.ns[d.nr - 1 - d.nr / 100]);
	sample(subject, function, "99.9 %", d.ns[d.nr - 1 - d.nr / 1000]);
	sample(subject, function, "most", d.ns[d.nr - 1]);
	free(d.ns);
}

static void add_event(struct function *fn, __u32 kind, unsigned int vector, int *fd)
{
	*fd = new_eventfd();
	if (set_eventfd(fn, kind, vector, *fd, 0))
		die("attach");
}

static void add_irqfd(void)
{
	struct kvm_irq_routing *routes = new_msi_routes(1);

	route(routes, 0, 0, scenario->address, VECTOR);
	vm_set_routes(&vm, routes);
	free(routes);
	event[IRQFD] = new_eventfd();
	set_irqfd(&vm, event[IRQFD], FIRST_GSI, 0);
}

static void set_logical_ids(void)
{
	unsigned int i;

	for (i = 0; i < vm.nr_vcpus; i++) {
		vcpu_apic_write(&vm.vcpu[i], APIC_DFR, i == vm.nr_vcpus - 1 ? CLUSTER : FLAT);
		vcpu_apic_write(&vm.vcpu[i], APIC_LDR, 1U << 24);
	}
}

static void measure_scenario(void)
{
	static const char *const functions[] = {
		"mr_msix_space_size", "mr_eventfd_wake", "irqfd_wakeup", "mr_update_commit",
		"mr_release", "mr_hold_expire", "hrtimer_interrupt", "mr_update_begin",
		"mr_update_end", "mr_cap_closed", "mr_cap_opened",
	};
	unsigned int i;

	vm_create(&vm, 0, scenario->nr_vcpus);
	set_logical_ids();
	function_open(&msix, &vm, msix_shape(NR_MSIX));
	function_open(&msi, &vm,
		      msi_shape(NR_MSI, MSI_ROUTE_MSI_64BIT | MSI_ROUTE_MSI_MASKING));
	forward = vm_mmio;
	vm_mmio = mmio;
	if (map(&msix, MSI_ROUTE_MAP_TABLE | MSI_ROUTE_MAP_PBA, TABLE_GPA(0), PBA_GPA(0)) ||
	    set_hold(&msix, HOLD_NS) || set_hold(&msi, HOLD_NS))
		die("set up");

	guest_address = scenario->address;
	for (i = 0; i < NR_MSIX; i++) {
		entry_set(&msix, i, guest_address, VECTOR + i % 32, 0);
		add_event(&msix, MSIX, i, &event[i]);
	}
	msi_set(&msi, guest_address, VECTOR);
	for (i = 0; i < NR_MSI; i++)
		add_event(&msi, MSI, i, &event[NR_MSIX + i]);
	add_irqfd();
	msix_control(&msix, MSIX_ENABLE);
	msi_control(&msi, MSI_ENABLE | MSI_MME(5));

	for (i = 0; i < ARRAY_SIZE(functions); i++)
		trace_storm(functions[i]);
	sample("drained", "updates", scenario->name,
	       totals(&msix, MSIX).updates + totals(&msi, MSI).updates);
	sample("drained", "waited", scenario->name,
	       totals(&msix, MSIX).drained + totals(&msi, MSI).drained);

	for (i = 0; i < NR_EVENTS; i++)
		close(event[i]);
	function_close(&msi);
	function_close(&msix);
	vm_destroy(&vm);
}

int main(void)
{
	struct rlimit files = { NR_EVENTS + 200, NR_EVENTS + 200 };

	setrlimit(RLIMIT_NOFILE, &files);
	for (scenario = scenarios; scenario < scenarios + ARRAY_SIZE(scenarios); scenario++)
		measure_scenario();
	return 0;
}
