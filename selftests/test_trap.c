// SPDX-License-Identifier: GPL-2.0
/*
 * In-kernel MMIO: which accesses stay in the kernel, what they do there, and what happens
 * while the function moves and its guest does not wait.  The other programs, run with
 * TEST_TRAP in the environment, test that the rules hold there as well.
 */
#include <sched.h>

#include "guest/function.h"
#include "harness.h"

#define MSIX		MSI_ROUTE_MSIX
#define TABLE		MSI_ROUTE_MAP_TABLE
#define PBA		MSI_ROUTE_MAP_PBA
#define BOTH		(TABLE | PBA)
#define NR_ENTRIES	16
#define TABLE_SIZE	ENTRY(NR_ENTRIES)
#define VECTOR		0x50

/* Two places for the table; the PBA stays 8000h above it. */
#define HERE		TABLE_GPA(0)
#define THERE		TABLE_GPA(4)
#define NEIGHBOUR	0x5a5a5a5aU

/* The number of accesses that left the kernel, and the last one's address. */
static __u32 exits;
static __u64 last_exit;
/* The function as the VMM's code below knows it, and a copy of the data. */
static struct function *current;
static __u32 result[4];
static bool stop, gone;
/* How often a vCPU writes. */
#define NR_WRITES	20000U
static __u32 done[2];

/* The VMM: forwards what is in the table, at either place, and the PBA. */
static bool mmio(struct vm *vm, __u64 gpa, void *data, __u32 len, bool write)
{
	__u64 value = NEIGHBOUR, base = gpa < THERE ? HERE : THERE;
	__u32 offset = gpa - base;

	(void)vm;
	atomic_inc(&exits);
	store(&last_exit, gpa);
	if (!load(&gone) && offset + len <= TABLE_SIZE) {
		if (write) {
			value = 0;
			memcpy(&value, data, len);
			function_write(current, MSI_ROUTE_TABLE, offset, len, value);
			return true;
		}
		value = function_read(current, MSI_ROUTE_TABLE, offset, len);
	}
	if (!write)
		memcpy(data, &value, len);
	return true;
}

FIXTURE(trap) {
	struct vm vm;
	struct function fn;
};

FIXTURE_SETUP(trap)
{
	vm_create(&self->vm, VM_X2APIC, 2);
	function_open(&self->fn, &self->vm, msix_shape(NR_ENTRIES));
	ASSERT_EQ(0, set_hold(&self->fn, 0));
	ASSERT_EQ(0, map(&self->fn, BOTH, HERE, HERE + PBA_OFFSET));
	current = &self->fn;
	vm_mmio = mmio;
}

FIXTURE_TEARDOWN(trap)
{
	vm_destroy(&self->vm);
	if (!gone)
		function_close(&self->fn);
}

static void run(FIXTURE_DATA(trap) *self, void (*guest)(void))
{
	vcpu_start(&self->vm.vcpu[0], guest);
	vcpu_join(&self->vm.vcpu[0]);
}

/* ---- what stays in the kernel ---- */

static void use_table_and_pba(void)
{
	guest_write32(HERE + ENTRY(3) + ENTRY_ADDRESS, MSI_TO(1));
	guest_write64(HERE + ENTRY(3) + ENTRY_DATA, VECTOR);
	result[0] = guest_read32(HERE + ENTRY(3) + ENTRY_ADDRESS);
	result[1] = guest_read64(HERE + ENTRY(3) + ENTRY_DATA);
	result[2] = guest_read32(HERE + PBA_OFFSET);
	/* The PBA cannot be written [22]. */
	guest_write32(HERE + PBA_OFFSET, 0);
	result[3] = guest_read64(HERE + PBA_OFFSET);
}

TEST_F(trap, no_exit_for_table_and_pba)
{
	ASSERT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 5));
	run(self, use_table_and_pba);
	EXPECT_EQ(0, exits);
	EXPECT_EQ(MSI_TO(1), result[0]);
	EXPECT_EQ(VECTOR, result[1]);
	EXPECT_EQ(1 << 5, result[2]);
	EXPECT_EQ(1 << 5, result[3]);
	EXPECT_EQ(MSI_TO(1), table_read(&self->fn, ENTRY(3) + ENTRY_ADDRESS));
	EXPECT_EQ(VECTOR, table_read(&self->fn, ENTRY(3) + ENTRY_DATA));
	EXPECT_EQ(0, table_read(&self->fn, ENTRY(3) + ENTRY_CONTROL));
}

static void unmask_entry(void)
{
	guest_write32(HERE + ENTRY(0) + ENTRY_CONTROL, 0);
	result[0] = guest_irr(VECTOR);
}

TEST_F(trap, rule_26_in_the_irr_when_the_unmask_returns)
{
	entry_set(&self->fn, 0, MSI_TO(0), VECTOR, ENTRY_MASKED);
	msix_control(&self->fn, MSIX_ENABLE);
	ASSERT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 0));
	run(self, unmask_entry);
	EXPECT_EQ(0, exits);
	EXPECT_EQ(1, result[0]);
	EXPECT_FALSE(pba_bit(&self->fn, 0));
}

static void use_undefined(void)
{
	result[0] = guest_read16(HERE + ENTRY(1) + ENTRY_DATA);
	guest_write8(HERE + ENTRY(1) + ENTRY_DATA, 0x77);
	result[1] = guest_read64(HERE + ENTRY(1) + ENTRY_UPPER) == ~0ULL;
	result[2] = guest_read32(HERE + PBA_OFFSET + 2);
}

TEST_F(trap, rule_15_undefined_accesses)
{
	__u64 before = totals(&self->fn, MSIX).bad_accesses;

	run(self, use_undefined);
	EXPECT_EQ(0, exits);
	EXPECT_EQ(0xffff, result[0]);
	EXPECT_EQ(1, result[1]);
	EXPECT_EQ(~0U, result[2]);
	EXPECT_EQ(0, table_read(&self->fn, ENTRY(1) + ENTRY_DATA));
	EXPECT_EQ(before + 4, totals(&self->fn, MSIX).bad_accesses);
}

/* ---- what leaves the kernel ---- */

static void use_neighbours(void)
{
	result[0] = guest_read32(HERE + TABLE_SIZE);
	result[1] = guest_read32(HERE + PBA_OFFSET - 4);
	result[2] = guest_read32(HERE + PBA_OFFSET + 8);
	/* Only partly in the table. */
	result[3] = guest_read64(HERE + TABLE_SIZE - 4);
}

TEST_F(trap, neighbours_reach_the_vmm)
{
	run(self, use_neighbours);
	EXPECT_EQ(4, exits);
	EXPECT_EQ(NEIGHBOUR, result[0]);
	EXPECT_EQ(NEIGHBOUR, result[1]);
	EXPECT_EQ(NEIGHBOUR, result[2]);
	EXPECT_EQ(NEIGHBOUR, result[3]);
}

static void read_both(void)
{
	result[0] = guest_read32(HERE + ENTRY(0) + ENTRY_CONTROL);
	result[1] = guest_read32(HERE + PBA_OFFSET);
}

TEST_F(trap, each_alone_and_none)
{
	ASSERT_EQ(0, map(&self->fn, TABLE, HERE, 0));
	run(self, read_both);
	EXPECT_EQ(1, exits);
	EXPECT_EQ(HERE + PBA_OFFSET, last_exit);

	ASSERT_EQ(0, map(&self->fn, PBA, 0, HERE + PBA_OFFSET));
	run(self, read_both);
	EXPECT_EQ(2, exits);
	EXPECT_EQ(HERE, last_exit & ~15UL);

	ASSERT_EQ(0, map(&self->fn, 0, 0, 0));
	run(self, read_both);
	EXPECT_EQ(4, exits);
	EXPECT_EQ(0, map(&self->fn, 0, 0, 0));
}

TEST_F(trap, at_the_place_it_has)
{
	ASSERT_EQ(0, map(&self->fn, BOTH, HERE, HERE + PBA_OFFSET));
	run(self, read_both);
	EXPECT_EQ(0, exits);
}

/* ---- errors change nothing ---- */

TEST_F(trap, errors)
{
	struct function other, msi;

	function_open(&other, &self->vm, msix_shape(NR_ENTRIES));
	function_open(&msi, &self->vm, msi_shape(1, 0));
	vm_mmio = mmio;
	map(&other, 0, 0, 0);

	EXPECT_EQ(-EOPNOTSUPP, map(&self->fn, 4, 0, 0));
	EXPECT_EQ(-ENODEV, map(&msi, TABLE, HERE, 0));
	EXPECT_EQ(-EINVAL, map(&self->fn, TABLE, HERE + 4, 0));
	EXPECT_EQ(-EINVAL, map(&self->fn, PBA, 0, HERE + 1));
	EXPECT_EQ(-EINVAL, map(&self->fn, TABLE, HERE, HERE + PBA_OFFSET));
	EXPECT_EQ(-EINVAL, map(&self->fn, PBA, HERE, HERE + PBA_OFFSET));
	EXPECT_EQ(-EINVAL, map(&self->fn, 0, HERE, 0));
	EXPECT_EQ(-EINVAL, map(&self->fn, TABLE, -8ULL, 0));
	EXPECT_EQ(-EINVAL, map(&self->fn, BOTH, HERE, HERE + TABLE_SIZE - 8));
	EXPECT_EQ(0, map(&other, BOTH, HERE + TABLE_SIZE, HERE + PBA_OFFSET + 8));

	run(self, read_both);
	EXPECT_EQ(0, exits);
	EXPECT_EQ(1, result[0]);
	function_close(&other);
	function_close(&msi);
}

/* ---- two functions at one place ---- */

static void write_both_places(void)
{
	guest_write32(HERE + ENTRY(1) + ENTRY_DATA, 0x11);
	guest_write32(THERE + ENTRY(1) + ENTRY_DATA, 0x22);
}

static __u32 data_of(struct function *fn)
{
	return table_read(fn, ENTRY(1) + ENTRY_DATA);
}

static __u32 reached(struct function *fn)
{
	return get_map(fn).reached;
}

/*
 * A guest exchanges the BARs of two functions, one after the other.  Between the two
 * moves both are at one place: the later one wins, and no function is at the other place.
 */
static void exchange(struct __test_metadata *_metadata, struct function *first,
		     struct function *second, __u64 from, __u64 to,
		     FIXTURE_DATA(trap) *self)
{
	__u32 at_from = from == HERE ? 0x11 : 0x22, at_to = from == HERE ? 0x22 : 0x11;

	store(&gone, true);
	exits = 0;
	ASSERT_EQ(0, map(first, BOTH, to, to + PBA_OFFSET));
	EXPECT_EQ(BOTH, reached(first));
	EXPECT_EQ(0, reached(second));
	EXPECT_EQ(BOTH, get_map(second).flags);
	EXPECT_EQ(to, get_map(second).table);
	table_write(second, ENTRY(1) + ENTRY_DATA, 0x99);
	run(self, write_both_places);
	EXPECT_EQ(1, exits);
	EXPECT_EQ(from + ENTRY(1) + ENTRY_DATA, last_exit);
	EXPECT_EQ(at_to, data_of(first));
	EXPECT_EQ(0x99, data_of(second));

	ASSERT_EQ(0, map(second, BOTH, from, from + PBA_OFFSET));
	EXPECT_EQ(BOTH, reached(first));
	EXPECT_EQ(BOTH, reached(second));
	run(self, write_both_places);
	EXPECT_EQ(1, exits);
	EXPECT_EQ(at_to, data_of(first));
	EXPECT_EQ(at_from, data_of(second));
	store(&gone, false);
}

TEST_F(trap, exchanged_move_by_move)
{
	struct function other;

	function_open(&other, &self->vm, msix_shape(NR_ENTRIES));
	vm_mmio = mmio;
	ASSERT_EQ(0, map(&other, BOTH, THERE, THERE + PBA_OFFSET));
	exchange(_metadata, &self->fn, &other, HERE, THERE, self);
	exchange(_metadata, &self->fn, &other, THERE, HERE, self);
	exchange(_metadata, &other, &self->fn, THERE, HERE, self);
	/* What was covered is neither there twice nor does it block others. */
	ASSERT_EQ(0, map(&self->fn, 0, 0, 0));
	run(self, write_both_places);
	EXPECT_EQ(2, exits);
	ASSERT_EQ(0, map(&self->fn, BOTH, THERE, THERE + PBA_OFFSET));
	EXPECT_EQ(BOTH, reached(&self->fn));
	function_close(&other);
	EXPECT_EQ(BOTH, reached(&self->fn));
}

/* A range that is covered, even by one byte, is removed; the other range stays. */
TEST_F(trap, covered_in_part)
{
	struct function other;

	function_open(&other, &self->vm, msix_shape(NR_ENTRIES));
	vm_mmio = mmio;
	ASSERT_EQ(0, map(&other, TABLE, HERE + TABLE_SIZE - 8, 0));
	EXPECT_EQ(PBA, reached(&self->fn));
	run(self, read_both);
	EXPECT_EQ(1, exits);
	ASSERT_EQ(0, map(&other, TABLE, HERE + PBA_OFFSET - TABLE_SIZE + 8, 0));
	EXPECT_EQ(0, reached(&self->fn));
	EXPECT_EQ(TABLE, reached(&other));
	ASSERT_EQ(0, map(&self->fn, BOTH, HERE, HERE + PBA_OFFSET));
	EXPECT_EQ(BOTH, reached(&self->fn));
	EXPECT_EQ(0, reached(&other));
	EXPECT_EQ(TABLE, get_map(&other).flags);
	function_close(&other);
	exits = 0;
	run(self, read_both);
	EXPECT_EQ(0, exits);
}

/* Both vCPUs write, each at its own place: each write changes one table only. */
static void write_own_place(void)
{
	unsigned int cpu = guest_this_cpu()->index;
	unsigned long data = (cpu ? THERE : HERE) + ENTRY(cpu) + ENTRY_DATA;
	__u32 i;

	for (i = 1; i <= NR_WRITES / 10; i++) {
		guest_write32(data, i);
		store(&done[cpu], i);
	}
}

static bool drop(struct vm *vm, __u64 gpa, void *data, __u32 len, bool write)
{
	(void)vm, (void)gpa, (void)data, (void)len, (void)write;
	atomic_inc(&exits);
	return true;
}

TEST_F(trap, exchanged_while_in_use)
{
	struct function other;
	unsigned int i, nr = 0;

	function_open(&other, &self->vm, msix_shape(NR_ENTRIES));
	vm_mmio = drop;
	ASSERT_EQ(0, set_hold(&other, 0));
	ASSERT_EQ(0, map(&other, BOTH, THERE, THERE + PBA_OFFSET));
	for (i = 0; i < 2; i++)
		vcpu_start(&self->vm.vcpu[i], write_own_place);
	while (load(&done[0]) < NR_WRITES / 10 || load(&done[1]) < NR_WRITES / 10) {
		__u64 at = nr++ % 2 ? HERE : THERE;

		ASSERT_EQ(0, map(&self->fn, BOTH, at, at + PBA_OFFSET));
		ASSERT_EQ(0, map(&other, BOTH, HERE + THERE - at,
				 HERE + THERE - at + PBA_OFFSET));
	}
	for (i = 0; i < 2; i++)
		vcpu_join(&self->vm.vcpu[i]);
	REMARK("%u exchanges, %u accesses that nobody claimed", nr, exits);
	EXPECT_EQ(2 * NR_WRITES / 10, exits + totals(&self->fn, MSIX).updates +
		  totals(&other, MSIX).updates);
	function_close(&other);
}

/* ---- what KVM handles by itself ---- */

static int zone(struct vm *vm, bool add, __u64 gpa, __u32 size)
{
	struct kvm_coalesced_mmio_zone z = { .addr = gpa, .size = size };

	return ioctl(vm->fd, add ? KVM_REGISTER_COALESCED_MMIO : KVM_UNREGISTER_COALESCED_MMIO,
		     &z);
}

static int ioeventfd(struct vm *vm, int fd, __u32 flags, __u64 gpa, __u32 len)
{
	struct kvm_ioeventfd e = {
		.addr = gpa, .len = len, .fd = fd, .flags = flags, .datamatch = 1,
	};

	return ioctl(vm->fd, KVM_IOEVENTFD, &e);
}

#define MATCH		KVM_IOEVENTFD_FLAG_DATAMATCH
#define DEASSIGN	KVM_IOEVENTFD_FLAG_DEASSIGN

/* Over any byte of table or PBA; the function stays where it was. */
TEST_F(trap, eexist_over_a_coalesced_zone)
{
	static const struct { __u64 at; __u32 size; bool hit; } zones[] = {
		{ THERE - 8, 8, false }, { THERE - 8, 12, true }, { THERE + 4, 4, true },
		{ THERE + TABLE_SIZE - 4, 4, true }, { THERE + TABLE_SIZE, 8, false },
		{ THERE - 4096, 0x10000, true }, { THERE + PBA_OFFSET + 4, 4, true },
		{ THERE + PBA_OFFSET + 8, 4, false },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(zones); i++) {
		ASSERT_EQ(0, zone(&self->vm, true, zones[i].at, zones[i].size));
		EXPECT_EQ(zones[i].hit ? -EEXIST : 0,
			  map(&self->fn, BOTH, THERE, THERE + PBA_OFFSET)) TH_LOG("%u", i);
		EXPECT_EQ(BOTH, reached(&self->fn));
		EXPECT_EQ(zones[i].hit ? HERE : THERE, get_map(&self->fn).table);
		ASSERT_EQ(0, zone(&self->vm, false, zones[i].at, zones[i].size));
		EXPECT_EQ(0, map(&self->fn, BOTH, HERE, HERE + PBA_OFFSET));
	}
}

TEST_F(trap, eexist_over_an_ioeventfd)
{
	static const struct { __u64 at; __u32 len, flags; bool hit; } at[] = {
		{ THERE - 4, 4, 0, false }, { THERE, 4, 0, true }, { THERE, 0, 0, true },
		{ THERE, 4, MATCH, true }, { THERE + ENTRY(3) + ENTRY_CONTROL, 4, MATCH, true },
		{ THERE + TABLE_SIZE - 8, 8, 0, true }, { THERE + TABLE_SIZE - 1, 0, 0, true },
		{ THERE + TABLE_SIZE, 0, 0, false }, { THERE + PBA_OFFSET + 7, 1, 0, true },
	};
	int fd = new_eventfd();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(at); i++) {
		ASSERT_EQ(0, ioeventfd(&self->vm, fd, at[i].flags, at[i].at, at[i].len));
		EXPECT_EQ(at[i].hit ? -EEXIST : 0,
			  map(&self->fn, BOTH, THERE, THERE + PBA_OFFSET)) TH_LOG("%u", i);
		EXPECT_EQ(BOTH, reached(&self->fn));
		ASSERT_EQ(0, ioeventfd(&self->vm, fd, at[i].flags | DEASSIGN, at[i].at, at[i].len));
		EXPECT_EQ(0, map(&self->fn, BOTH, HERE, HERE + PBA_OFFSET));
	}
}

/* KVM does not refuse later ones; the VMM can ask. */
TEST_F(trap, told_of_what_comes_later)
{
	int fd = new_eventfd();

	ASSERT_EQ(0, zone(&self->vm, true, HERE + ENTRY(2), 4));
	EXPECT_EQ(PBA, reached(&self->fn));
	EXPECT_EQ(BOTH, get_map(&self->fn).flags);
	ASSERT_EQ(0, ioeventfd(&self->vm, fd, 0, HERE + PBA_OFFSET, 0));
	EXPECT_EQ(0, reached(&self->fn));
	EXPECT_EQ(-EEXIST, map(&self->fn, BOTH, HERE, HERE + PBA_OFFSET));
	ASSERT_EQ(0, zone(&self->vm, false, HERE + ENTRY(2), 4));
	EXPECT_EQ(TABLE, reached(&self->fn));
	ASSERT_EQ(0, ioeventfd(&self->vm, fd, DEASSIGN, HERE + PBA_OFFSET, 0));
	EXPECT_EQ(BOTH, reached(&self->fn));
	EXPECT_EQ(0, map(&self->fn, 0, 0, 0));
	EXPECT_EQ(0, get_map(&self->fn).flags);
	EXPECT_EQ(0, reached(&self->fn));
	EXPECT_EQ(0, get_map(&self->fn).table);
}

#define IOAPIC		0xfec00000UL

static void read_ioapic(void)
{
	/* The version register of the I/O APIC. */
	guest_write32(IOAPIC, 1);
	result[0] = guest_read32(IOAPIC + 0x10);
}

TEST_F(trap, eexist_over_the_chipset)
{
	EXPECT_EQ(-EEXIST, map(&self->fn, TABLE, IOAPIC, 0));
	EXPECT_EQ(-EEXIST, map(&self->fn, TABLE, IOAPIC - TABLE_SIZE + 8, 0));
	EXPECT_EQ(-EEXIST, map(&self->fn, PBA, 0, IOAPIC + 0x10));
	EXPECT_EQ(-EEXIST, map(&self->fn, TABLE, APIC_BASE, 0));
	EXPECT_EQ(-EEXIST, map(&self->fn, PBA, 0, APIC_BASE + 0xff8));
	run(self, read_ioapic);
	EXPECT_EQ(0, exits);
	EXPECT_EQ(0x11, result[0] & 0xff);
	EXPECT_EQ(0, map(&self->fn, BOTH, IOAPIC - TABLE_SIZE, APIC_BASE + 0x1000));
	EXPECT_EQ(BOTH, reached(&self->fn));
}

/* ---- KVM's limit ---- */

#define MOST_DEVICES	1000

TEST_F(trap, moves_on_a_full_bus)
{
	struct function other;
	unsigned int nr = 0;

	function_open(&other, &self->vm, msix_shape(NR_ENTRIES));
	map(&other, 0, 0, 0);
	/* ioeventfds are not counted. */
	ASSERT_EQ(0, ioeventfd(&self->vm, new_eventfd(), 0, THERE + 0x4000, 4));
	while (!zone(&self->vm, true, 0xc0000000 + nr * 16, 4))
		nr++;
	EXPECT_EQ(ENOSPC, errno);
	ASSERT_LT(MOST_DEVICES / 2, nr);
	EXPECT_EQ(0, map(&self->fn, BOTH, THERE, THERE + PBA_OFFSET));
	EXPECT_EQ(0, map(&self->fn, PBA, 0, HERE + PBA_OFFSET));
	EXPECT_EQ(0, map(&self->fn, TABLE, HERE, 0));
	EXPECT_EQ(0, map(&self->fn, BOTH, HERE, HERE + PBA_OFFSET));

	EXPECT_EQ(-ENOSPC, map(&other, TABLE, THERE, 0));
	/* In the place of the other function it adds nothing. */
	EXPECT_EQ(0, map(&other, BOTH, HERE, HERE + PBA_OFFSET));
	EXPECT_EQ(-ENOSPC, map(&self->fn, BOTH, THERE, THERE + PBA_OFFSET));
	EXPECT_EQ(BOTH, get_map(&self->fn).flags);
	ASSERT_EQ(0, zone(&self->vm, false, 0xc0000000, 4));
	EXPECT_EQ(-ENOSPC, map(&self->fn, BOTH, THERE, THERE + PBA_OFFSET));
	EXPECT_EQ(0, map(&self->fn, TABLE, THERE, 0));
	EXPECT_EQ(0, map(&self->fn, PBA, 0, THERE + PBA_OFFSET));
	EXPECT_EQ(-ENOSPC, map(&self->fn, BOTH, THERE, THERE + PBA_OFFSET));
	function_close(&other);
	EXPECT_EQ(0, map(&self->fn, BOTH, THERE, THERE + PBA_OFFSET));
}

/* ---- moving ---- */

/* Each vCPU counts up the data of its own entry, at its own place. */
static void count_up(void)
{
	unsigned int cpu = guest_this_cpu()->index;
	unsigned long data = (cpu ? THERE : HERE) + ENTRY(cpu) + ENTRY_DATA;
	__u32 i;

	for (i = 1; i <= NR_WRITES; i++) {
		guest_write32(data, i);
		if (guest_read32(data) != i)
			guest_panic("read back (i, CPU)", i, cpu);
		store(&done[cpu], i);
	}
}

/*
 * At one place the module does the access, at the other the VMM: each write must be done
 * exactly once.
 */
TEST_F(trap, moved_while_in_use)
{
	__u32 nr = 0;
	unsigned int i;

	for (i = 0; i < 2; i++)
		vcpu_start(&self->vm.vcpu[i], count_up);
	while (load(&done[0]) < NR_WRITES || load(&done[1]) < NR_WRITES) {
		unsigned long at = ++nr % 2 ? THERE : HERE;

		ASSERT_EQ(0, map(&self->fn, nr % 8 == 7 ? 0 : BOTH,
				 nr % 8 == 7 ? 0 : at, nr % 8 == 7 ? 0 : at + PBA_OFFSET));
	}
	for (i = 0; i < 2; i++) {
		vcpu_join(&self->vm.vcpu[i]);
		EXPECT_EQ(NR_WRITES, table_read(&self->fn, ENTRY(i) + ENTRY_DATA));
	}
	EXPECT_EQ(2 * NR_WRITES, totals(&self->fn, MSIX).updates);
	REMARK("%u moves, %u of %u accesses by the VMM", nr, exits, 4 * NR_WRITES);
	EXPECT_LT(exits, 4 * NR_WRITES);
	EXPECT_LT(0, exits);
}

static void write_until_stop(void)
{
	__u32 i = 0;

	while (!load(&stop)) {
		guest_write32(HERE + ENTRY(0) + ENTRY_DATA, ++i);
		store(&done[0], i);
	}
}

TEST_F(trap, closed_while_in_use)
{
	vcpu_start(&self->vm.vcpu[0], write_until_stop);
	while (!load(&done[0]))
		sched_yield();
	store(&gone, true);
	function_close(&self->fn);
	while (!load(&exits))
		sched_yield();
	store(&stop, true);
	vcpu_join(&self->vm.vcpu[0]);
	EXPECT_LT(0, exits);
}

/* Neither the mapped image nor a slot of its pages keeps the place. */
TEST_F(trap, closed_while_mapped)
{
	__u32 written;

	map_read_only(&self->fn, 1, self->fn.shape.mmap_table, THERE);
	vcpu_start(&self->vm.vcpu[0], write_until_stop);
	while (!load(&done[0]))
		sched_yield();
	EXPECT_EQ(0, load(&exits));
	store(&gone, true);
	function_close(&self->fn);
	written = load(&done[0]);
	while (load(&done[0]) < written + 2)
		sched_yield();
	EXPECT_LT(0, load(&exits));
	store(&stop, true);
	vcpu_join(&self->vm.vcpu[0]);
}

static void read_pages(void)
{
	result[0] = guest_read32(THERE + ENTRY(3) + ENTRY_DATA);
	result[1] = guest_read32(HERE + ENTRY(3) + ENTRY_DATA);
}

/* The slot of its pages is the VMM's: the guest reads their last contents. */
TEST_F(trap, pages_of_one_that_is_closed)
{
	entry_set(&self->fn, 3, MSI_TO(0), VECTOR, 0);
	map_read_only(&self->fn, 1, self->fn.shape.mmap_table, THERE);
	store(&gone, true);
	function_close(&self->fn);
	run(self, read_pages);
	EXPECT_EQ(VECTOR, result[0]);
	EXPECT_EQ(NEIGHBOUR, result[1]);
	EXPECT_EQ(1, exits);
}

/* ---- reads without an exit ---- */

static __u32 asked, answered;

/* Writes, and reads back; then reports the PBA when asked. */
static void use_pages(void)
{
	__u32 i;

	for (i = 0; i < NR_ENTRIES; i++) {
		guest_write32(HERE + ENTRY(i) + ENTRY_DATA, i + 1);
		if (guest_read32(HERE + ENTRY(i) + ENTRY_DATA) != i + 1)
			guest_panic("read back", i, 0);
	}
	while (!load(&stop)) {
		__u32 question = load(&asked);

		if (question == load(&answered))
			continue;
		result[0] = guest_read32(HERE + PBA_OFFSET);
		store(&answered, question);
	}
}

static __u32 ask(void)
{
	__u32 question = atomic_inc(&asked);

	while (load(&answered) != question)
		sched_yield();
	return result[0];
}

TEST_F(trap, read_only_pages)
{
	__u64 writes = totals(&self->fn, MSIX).updates;
	unsigned int i;

	map_read_only(&self->fn, 1, self->fn.shape.mmap_table, HERE);
	map_read_only(&self->fn, 2, self->fn.shape.mmap_pba, HERE + PBA_OFFSET);
	/* Reads must not even look for a device on the bus: the PBA has none. */
	ASSERT_EQ(0, map(&self->fn, TABLE, HERE, 0));
	vcpu_start(&self->vm.vcpu[0], use_pages);
	for (i = 0; i < NR_ENTRIES; i++) {
		EXPECT_EQ(0, ask());
		ASSERT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, i));
		EXPECT_EQ(1U << i, ask());
		EXPECT_EQ(1, clear_pending(&self->fn, MSIX, i));
		EXPECT_EQ(i + 1, table_read(&self->fn, ENTRY(i) + ENTRY_DATA));
	}
	store(&stop, true);
	vcpu_join(&self->vm.vcpu[0]);
	EXPECT_EQ(0, exits);
	EXPECT_EQ(writes + NR_ENTRIES, totals(&self->fn, MSIX).updates);
}
