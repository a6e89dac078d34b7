// SPDX-License-Identifier: GPL-2.0
/*
 * Rule 26: when the call that sends returns, the message is in the target's IRR, on every
 * path and in every destination mode.
 */
#include <sys/ioctl.h>
#include <unistd.h>

#include "guest/function.h"
#include "guest/host.h"
#include "harness.h"

#define MSIX		MSI_ROUTE_MSIX
#define MSI		MSI_ROUTE_MSI
#define VECTOR		0x51
#define NR_VCPUS		4
#define LOGICAL		0x4	/* destination mode */
#define HINT		0x8	/* redirection hint */
#define LOWEST		0x100	/* delivery mode */
#define ALL		((1U << NR_VCPUS) - 1)

FIXTURE(dest) {
	struct vm vm;
	struct function msix, msi;
};

FIXTURE_VARIANT(dest) {
	unsigned int vm_flags;
	bool cluster;		/* xAPIC: logical IDs in the cluster format */
};

FIXTURE_VARIANT_ADD(dest, flat) { 0, false };
FIXTURE_VARIANT_ADD(dest, cluster) { 0, true };
FIXTURE_VARIANT_ADD(dest, x2apic) { VM_X2APIC, false };
FIXTURE_VARIANT_ADD(dest, split) { VM_SPLIT_IRQCHIP, false };
FIXTURE_VARIANT_ADD(dest, no_quirk) { VM_NO_QUIRK, false };

FIXTURE_SETUP(dest)
{
	struct msi_route_create shape = msi_shape(1, MSI_ROUTE_MSI_64BIT | MSI_ROUTE_MSI_MASKING);
	unsigned int i;

	vm_create(&self->vm, variant->vm_flags, NR_VCPUS);
	for (i = 0; i < NR_VCPUS && !(variant->vm_flags & VM_X2APIC); i++) {
		if (variant->cluster) {
			/* Cluster 0 holds vCPUs 0 and 1, cluster 1 the others. */
			vcpu_apic_write(&self->vm.vcpu[i], APIC_DFR, 0x0fffffff);
			vcpu_apic_write(&self->vm.vcpu[i], APIC_LDR,
					(i / 2 << 28) | (1 << i % 2 << 24));
		} else {
			vcpu_apic_write(&self->vm.vcpu[i], APIC_DFR, 0xffffffff);
			vcpu_apic_write(&self->vm.vcpu[i], APIC_LDR, 1 << (24 + i));
		}
	}
	function_open(&self->msix, &self->vm, msix_shape(1));
	function_open(&self->msi, &self->vm, shape);
	ASSERT_EQ(0, set_hold(&self->msix, 0));
	ASSERT_EQ(0, set_hold(&self->msi, 0));
	msix_control(&self->msix, MSIX_ENABLE);
	msi_control(&self->msi, MSI_ENABLE);
}

FIXTURE_TEARDOWN(dest)
{
	function_close(&self->msi);
	function_close(&self->msix);
	vm_destroy(&self->vm);
}

/* A message, and which vCPUs it may and must reach. */
struct destination {
	const char *name;
	__u32 upper, address, data;
	unsigned int all;	/* each of these vCPUs, or ... */
	unsigned int one_of;	/* ... exactly one of these */
};

static unsigned int take_reached(struct vm *vm)
{
	unsigned int i, reached = 0;

	for (i = 0; i < NR_VCPUS; i++)
		reached |= vcpu_take_irr(&vm->vcpu[i], VECTOR) << i;
	return reached;
}

static bool right(const struct destination *d, unsigned int reached)
{
	if (d->one_of)
		return __builtin_popcount(reached) == 1 && !(reached & ~d->one_of);
	return reached == d->all;
}

/* ---- the paths on which a message leaves ---- */

static void closed(struct function *fn)
{
	if (trigger(fn, fn->shape.msix_vectors ? MSIX : MSI, 0) != MSI_ROUTE_PENDING)
		die("an event that cannot be sent is not pending");
}

static void by_ioctl(struct function *fn)
{
	if (trigger(fn, MSIX, 0) != MSI_ROUTE_SENT)
		die("not sent");
}

static void by_eventfd(struct function *fn)
{
	int fd = new_eventfd();

	if (set_eventfd(fn, MSIX, 0, fd, 0))
		die("MSI_ROUTE_SET_EVENTFD");
	signal_eventfd(fd, 1);
	set_eventfd(fn, MSIX, 0, -1, 0);
	close(fd);
}

static void by_eventfd_attach(struct function *fn)
{
	int fd = new_eventfd();

	signal_eventfd(fd, 1);
	if (set_eventfd(fn, MSIX, 0, fd, 0))
		die("MSI_ROUTE_SET_EVENTFD");
	set_eventfd(fn, MSIX, 0, -1, 0);
	close(fd);
}

static void by_unmask(struct function *fn)
{
	entry_mask(fn, 0, true);
	closed(fn);
	entry_mask(fn, 0, false);
}

static void by_function_mask(struct function *fn)
{
	msix_control(fn, MSIX_ENABLE | MSIX_FUNCTION_MASK);
	closed(fn);
	msix_control(fn, MSIX_ENABLE);
}

static void by_enable(struct function *fn)
{
	msix_control(fn, 0);
	closed(fn);
	msix_control(fn, MSIX_ENABLE);
}

static void by_bus_master(struct function *fn)
{
	set_bus_master(fn, 0);
	closed(fn);
	set_bus_master(fn, 1);
}

static void by_msi_unmask(struct function *fn)
{
	msi_mask(fn, 1);
	closed(fn);
	msi_mask(fn, 0);
}

static void by_msi_enable(struct function *fn)
{
	msi_control(fn, 0);
	closed(fn);
	msi_control(fn, MSI_ENABLE);
}

static const struct path {
	const char *name;
	bool msi;
	void (*send)(struct function *fn);
} paths[] = {
	{ "ioctl", false, by_ioctl },
	{ "eventfd", false, by_eventfd },
	{ "attach of an eventfd", false, by_eventfd_attach },
	{ "unmask", false, by_unmask },
	{ "Function Mask", false, by_function_mask },
	{ "MSI-X Enable", false, by_enable },
	{ "Bus Master Enable", false, by_bus_master },
	{ "MSI unmask", true, by_msi_unmask },
	{ "MSI Enable", true, by_msi_enable },
};

static void program(FIXTURE_DATA(dest) *self, const struct destination *d)
{
	table_write(&self->msix, ENTRY(0) + ENTRY_CONTROL, ENTRY_MASKED);
	table_write(&self->msix, ENTRY(0) + ENTRY_ADDRESS, d->address);
	table_write(&self->msix, ENTRY(0) + ENTRY_UPPER, d->upper);
	table_write(&self->msix, ENTRY(0) + ENTRY_DATA, d->data | VECTOR);
	table_write(&self->msix, ENTRY(0) + ENTRY_CONTROL, 0);
	config_write(&self->msi, MSI_CAP + MSI_ADDRESS, 4, d->address);
	config_write(&self->msi, MSI_CAP + MSI_UPPER, 4, d->upper);
	config_write(&self->msi, msi_data_offset(&self->msi), 2, d->data | VECTOR);
}

static void check(struct __test_metadata *_metadata, FIXTURE_DATA(dest) *self,
		  const struct destination *d)
{
	unsigned int i;

	program(self, d);
	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		unsigned int reached;

		paths[i].send(paths[i].msi ? &self->msi : &self->msix);
		/*
		 * A signal of an eventfd may leave a broadcast to a work item, but the
		 * next read of the function completes it.
		 */
		if (!strcmp(paths[i].name, "eventfd"))
			table_read(&self->msix, 0);
		reached = take_reached(&self->vm);
		EXPECT_TRUE(right(d, reached))
			TH_LOG("%s by %s reached %#x", d->name, paths[i].name, reached);
	}
}

#define CHECK_ALL(destinations)						\
	do {								\
		unsigned int n;						\
									\
		for (n = 0; n < ARRAY_SIZE(destinations); n++)		\
			check(_metadata, self, &(destinations)[n]);	\
	} while (0)

TEST_F(dest, rule_26_physical)
{
	static const struct destination destinations[] = {
		{ "vCPU 0", 0, MSI_TO(0), 0, 1, 0 },
		{ "vCPU 3", 0, MSI_TO(3), 0, 8, 0 },
		{ "vCPU 2, lowest priority", 0, MSI_TO(2), LOWEST, 4, 0 },
		{ "vCPU 1, redirection hint", 0, MSI_TO(1) | HINT, 0, 2, 0 },
		{ "vCPU 1, both", 0, MSI_TO(1) | HINT, LOWEST, 2, 0 },
	};

	CHECK_ALL(destinations);
}

TEST_F(dest, rule_26_broadcast)
{
	static const struct destination xapic[] = {
		{ "broadcast", 0, MSI_TO(0xff), 0, ALL, 0 },
		{ "broadcast, lowest priority", 0, MSI_TO(0xff), LOWEST, ALL, 0 },
		{ "broadcast, redirection hint", 0, MSI_TO(0xff) | HINT, LOWEST, ALL, 0 },
	};
	static const struct destination x2apic[] = {
		{ "broadcast", 0xffffff00, MSI_TO(0xff), 0, ALL, 0 },
	};

	if (variant->vm_flags & VM_X2APIC)
		CHECK_ALL(x2apic);
	else
		CHECK_ALL(xapic);
}

TEST_F(dest, rule_26_logical)
{
	static const struct destination flat[] = {
		{ "vCPU 2", 0, MSI_TO(0x4) | LOGICAL, 0, 4, 0 },
		{ "vCPUs 0 and 3", 0, MSI_TO(0x9) | LOGICAL, 0, 9, 0 },
		{ "all four", 0, MSI_TO(0xf) | LOGICAL, 0, ALL, 0 },
		{ "logical broadcast", 0, MSI_TO(0xff) | LOGICAL, 0, ALL, 0 },
	};
	static const struct destination cluster[] = {
		{ "vCPU 1", 0, MSI_TO(0x02) | LOGICAL, 0, 2, 0 },
		{ "vCPU 2", 0, MSI_TO(0x11) | LOGICAL, 0, 4, 0 },
		{ "cluster 1", 0, MSI_TO(0x13) | LOGICAL, 0, 0xc, 0 },
		{ "logical broadcast", 0, MSI_TO(0xff) | LOGICAL, 0, ALL, 0 },
	};
	static const struct destination x2apic[] = {
		{ "vCPU 2", 0, MSI_TO(0x4) | LOGICAL, 0, 4, 0 },
		{ "vCPUs 0 and 3", 0, MSI_TO(0x9) | LOGICAL, 0, 9, 0 },
		{ "logical broadcast", 0xffffff00, MSI_TO(0xff) | LOGICAL, 0, ALL, 0 },
	};

	if (variant->vm_flags & VM_X2APIC)
		CHECK_ALL(x2apic);
	else if (variant->cluster)
		CHECK_ALL(cluster);
	else
		CHECK_ALL(flat);
}

TEST_F(dest, rule_26_lowest_priority)
{
	static const struct destination flat[] = {
		{ "one of two", 0, MSI_TO(0x6) | LOGICAL, LOWEST, 0, 6 },
		{ "one of two, with hint", 0, MSI_TO(0x6) | LOGICAL | HINT, LOWEST, 0, 6 },
		{ "hint alone", 0, MSI_TO(0x6) | LOGICAL | HINT, 0, 0, 6 },
		{ "one of all", 0, MSI_TO(0xff) | LOGICAL, LOWEST, 0, ALL },
	};
	static const struct destination cluster[] = {
		{ "one of cluster 1", 0, MSI_TO(0x13) | LOGICAL, LOWEST, 0, 0xc },
		{ "one of all", 0, MSI_TO(0xff) | LOGICAL, LOWEST, 0, ALL },
	};
	static const struct destination x2apic[] = {
		{ "one of two", 0, MSI_TO(0x6) | LOGICAL, LOWEST, 0, 6 },
	};

	if (variant->vm_flags & VM_X2APIC)
		CHECK_ALL(x2apic);
	else if (variant->cluster)
		CHECK_ALL(cluster);
	else
		CHECK_ALL(flat);
}

static unsigned int take_nmis(struct vm *vm)
{
	unsigned int i, reached = 0;

	for (i = 0; i < NR_VCPUS; i++) {
		struct kvm_vcpu_events events;

		reached |= vcpu_nmi_pending(&vm->vcpu[i]) << i;
		if (ioctl(vm->vcpu[i].fd, KVM_GET_VCPU_EVENTS, &events))
			die("KVM_GET_VCPU_EVENTS");
		events.nmi.pending = 0;
		events.flags |= KVM_VCPUEVENT_VALID_NMI_PENDING;
		if (ioctl(vm->vcpu[i].fd, KVM_SET_VCPU_EVENTS, &events))
			die("KVM_SET_VCPU_EVENTS");
	}
	return reached;
}

TEST_F(dest, rule_26_nmi)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		struct destination d = { "NMI", 0, MSI_TO(2), 4 << 8, 0, 0 };

		program(self, &d);
		paths[i].send(paths[i].msi ? &self->msi : &self->msix);
		EXPECT_EQ(4, take_nmis(&self->vm)) TH_LOG("%s", paths[i].name);

		d.address = MSI_TO(0xff);
		if (variant->vm_flags & VM_X2APIC)
			d.upper = 0xffffff00;
		program(self, &d);
		paths[i].send(paths[i].msi ? &self->msi : &self->msix);
		table_read(&self->msix, 0);
		EXPECT_EQ(ALL, take_nmis(&self->vm)) TH_LOG("broadcast by %s", paths[i].name);
	}
	EXPECT_EQ(0, take_reached(&self->vm));
}

/* FFh is one vCPU, not all, where the VMM says so and the vCPU exists. */
TEST_F(dest, x2apic_id_255)
{
	static const struct destination d[] = {
		{ "vCPU 255", 0, MSI_TO(0xff), 0, 0, 0 },
		{ "vCPU 255, lowest priority", 0, MSI_TO(0xff), LOWEST, 0, 0 },
		{ "vCPU 255, both", 0, MSI_TO(0xff) | HINT, LOWEST, 0, 0 },
	};
	unsigned int i, j;
	int log;

	if (!(variant->vm_flags & VM_X2APIC))
		return;	/* needs 32-bit IDs */
	/* No vCPU has it yet. */
	entry_set(&self->msix, 0, MSI_TO(0xff), VECTOR, 0);
	EXPECT_EQ(MSI_ROUTE_UNREACHED, trigger(&self->msix, MSIX, 0));
	EXPECT_EQ(0, take_reached(&self->vm));

	vm_add_vcpu(&self->vm, 0xff);
	log = kernel_log_open();
	for (i = 0; i < ARRAY_SIZE(d); i++) {
		program(self, &d[i]);
		for (j = 0; j < ARRAY_SIZE(paths); j++) {
			paths[j].send(paths[j].msi ? &self->msi : &self->msix);
			EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[NR_VCPUS], VECTOR))
				TH_LOG("%s by %s", d[i].name, paths[j].name);
			EXPECT_EQ(0, take_reached(&self->vm));
		}
	}
	EXPECT_EQ(0, kernel_log_lines(log));
	close(log);
}

/*
 * While the local APICs are in xAPIC mode it still means all of them, also with lowest
 * priority; and nothing makes KVM print a line.
 */
TEST_F(dest, xapic_id_255)
{
	static const struct destination d[] = {
		{ "FFh", 0, MSI_TO(0xff), 0, ALL, 0 },
		{ "FFh, lowest priority", 0, MSI_TO(0xff), LOWEST, ALL, 0 },
		{ "FFh, redirection hint", 0, MSI_TO(0xff) | HINT, 0, ALL, 0 },
		{ "FFh, both", 0, MSI_TO(0xff) | HINT, LOWEST, ALL, 0 },
	};
	int log;

	if (!(variant->vm_flags & VM_NO_QUIRK))
		return;
	vm_add_vcpu(&self->vm, 0xff);
	log = kernel_log_open();
	CHECK_ALL(d);
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[NR_VCPUS], VECTOR));
	EXPECT_EQ(0, kernel_log_lines(log));
	close(log);
}

/* Several broadcasts by eventfd: all have arrived after one read. */
TEST_F(dest, deferred_broadcasts_before_a_read)
{
	struct msi_route_counters c;
	struct function fn;
	unsigned int i, j;
	int fds[8];

	function_open(&fn, &self->vm, msix_shape(ARRAY_SIZE(fds)));
	msix_control(&fn, MSIX_ENABLE);
	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = new_eventfd();
		entry_set(&fn, i, MSI_TO(0xff), VECTOR + i, ENTRY_MASKED);
		if (variant->vm_flags & VM_X2APIC)
			table_write(&fn, ENTRY(i) + ENTRY_UPPER, 0xffffff00);
		entry_mask(&fn, i, false);
		ASSERT_EQ(0, set_eventfd(&fn, MSIX, i, fds[i], 0));
	}
	for (j = 0; j < 20; j++) {
		for (i = 0; i < ARRAY_SIZE(fds); i++)
			signal_eventfd(fds[i], 1);
		if (j & 1)
			pba_read(&fn, 0);
		else
			table_write(&fn, ENTRY(0) + ENTRY_CONTROL, 0);
		for (i = 0; i < NR_VCPUS; i++) {
			EXPECT_EQ(ARRAY_SIZE(fds), vcpu_irr_weight(&self->vm.vcpu[i]));
			vcpu_clear_irr(&self->vm.vcpu[i]);
		}
	}
	c = totals(&fn, MSIX);
	EXPECT_EQ(20 * ARRAY_SIZE(fds), c.events);
	EXPECT_EQ(c.events, accounted(&c));
	function_close(&fn);
}

/*
 * All vCPUs have one logical ID, one of them in the other format.  This is no broadcast,
 * but KVM has to ask each vCPU.  As with a broadcast, a signal may return before the
 * messages arrive; a call and the guest's next access may not.
 */
TEST_F(dest, logical_id_that_all_share)
{
	const struct destination d = {
		.name = "shared logical ID", .address = MSI_TO(1) | LOGICAL, .data = VECTOR,
		.all = ALL,
	};
	unsigned int i;
	int fd;

	/* An x2APIC's logical ID cannot be written. */
	if (variant->vm_flags & VM_X2APIC)
		return;
	for (i = 0; i < NR_VCPUS; i++) {
		vcpu_apic_write(&self->vm.vcpu[i], APIC_DFR, i ? 0xffffffff : 0x0fffffff);
		vcpu_apic_write(&self->vm.vcpu[i], APIC_LDR, 1 << 24);
	}
	check(_metadata, self, &d);

	entry_set(&self->msix, 0, MSI_TO(1) | LOGICAL, VECTOR, 0);
	fd = new_eventfd();
	ASSERT_EQ(0, set_eventfd(&self->msix, MSIX, 0, fd, 0));
	for (i = 0; i < 1000; i++) {
		signal_eventfd(fd, 1);
		pba_read(&self->msix, 0);
		EXPECT_EQ(ALL, take_reached(&self->vm));
	}
	/* One logical ID in one format again: sent before the signal returns. */
	vcpu_apic_write(&self->vm.vcpu[0], APIC_DFR, 0xffffffff);
	for (i = 0; i < NR_VCPUS; i++)
		vcpu_apic_write(&self->vm.vcpu[i], APIC_LDR, 1 << (24 + i));
	signal_eventfd(fd, 1);
	EXPECT_EQ(1, take_reached(&self->vm));
}

/* ---- a physical ID that many share ---- */

#define NR_SHARING	20
#define SHARED_ID	0x42

static __u64 reached_now(struct vm *vm)
{
	__u64 reached = 0;
	unsigned int i;

	for (i = 0; i < vm->nr_vcpus; i++)
		reached |= (__u64)vcpu_take_irr(&vm->vcpu[i], VECTOR) << i;
	return reached;
}

/* Which vCPUs KVM itself reaches: all, or the first one where KVM takes that. */
static __u64 reached_by_kvm(struct vm *vm)
{
	struct kvm_msi msi = { .address_lo = MSI_TO(SHARED_ID), .data = VECTOR };

	if (ioctl(vm->fd, KVM_SIGNAL_MSI, &msi) <= 0)
		die("KVM_SIGNAL_MSI");
	return reached_now(vm);
}

static void set_ids(struct vm *vm, bool shared)
{
	unsigned int i;

	for (i = 0; i < vm->nr_vcpus; i++)
		vcpu_apic_write(&vm->vcpu[i], APIC_ID,
				(shared ? SHARED_ID : vm->vcpu[i].apic_id) << 24);
}

/*
 * A guest can give one ID to all of its vCPUs.  The module reaches the vCPUs that KVM
 * reaches, each time, and before a call or the guest's next access returns.  No signal is
 * lost while the IDs change.
 */
TEST(physical_id_that_many_share)
{
	struct msi_route_counters c;
	struct function fn;
	struct vm vm;
	unsigned int i;
	__u64 all;
	int fd;

	vm_create(&vm, 0, NR_SHARING);
	function_open(&fn, &vm, msix_shape(1));
	entry_set(&fn, 0, MSI_TO(SHARED_ID), VECTOR, 0);
	msix_control(&fn, MSIX_ENABLE);
	set_ids(&vm, true);
	all = reached_by_kvm(&vm);
	REMARK("KVM reaches %d of %d", __builtin_popcountll(all), NR_SHARING);

	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&fn, MSIX, 0));
	EXPECT_EQ(all, reached_now(&vm));
	by_unmask(&fn);
	EXPECT_EQ(all, reached_now(&vm));
	by_bus_master(&fn);
	EXPECT_EQ(all, reached_now(&vm));
	fd = new_eventfd();
	ASSERT_EQ(0, set_eventfd(&fn, MSIX, 0, fd, 0));
	for (i = 0; i < 200; i++) {
		signal_eventfd(fd, 1);
		pba_read(&fn, 0);
		EXPECT_EQ(all, reached_now(&vm));
	}

	for (i = 0; i < 20; i++) {
		set_ids(&vm, i & 1);
		signal_eventfd(fd, 1);
		pba_read(&fn, 0);
		EXPECT_EQ(i & 1 ? all : 0, reached_now(&vm));
	}

	/* An ID for each: sent before the signal returns. */
	set_ids(&vm, false);
	entry_set(&fn, 0, MSI_TO(NR_SHARING - 1), VECTOR, 0);
	signal_eventfd(fd, 1);
	EXPECT_EQ(1ULL << (NR_SHARING - 1), reached_now(&vm));
	c = totals(&fn, MSIX);
	EXPECT_EQ(c.events, accounted(&c));
	EXPECT_EQ(10, c.unreached);
	function_close(&fn);
	vm_destroy(&vm);
}
