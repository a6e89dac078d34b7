// SPDX-License-Identifier: GPL-2.0
/* Notifications of the VMM: which changes, when, and that none is lost. */
#include <poll.h>
#include <sys/eventfd.h>

#include "guest/function.h"
#include "harness.h"

#define MSIX		MSI_ROUTE_MSIX
#define MSI		MSI_ROUTE_MSI
#define NR		70		/* more than a word of a bitmap */
#define NR_MSI		4
#define VECTOR		0x51
#define MSI_VECTOR	0x60

#define USED		MSI_ROUTE_CHANGE_USED
#define UNMASKED	MSI_ROUTE_CHANGE_UNMASKED
#define MASKED		MSI_ROUTE_CHANGE_MASKED
#define MESSAGE		MSI_ROUTE_CHANGE_MESSAGE
#define CONTROL		MSI_ROUTE_CHANGE_CONTROL
#define STEERING	MSI_ROUTE_CHANGE_STEERING
/* Without STEERING, which each write of Vector Control marks. */
#define ALL		(USED | UNMASKED | MASKED | MESSAGE | CONTROL)

#define IS_MASKED	MSI_ROUTE_STATE_MASKED
#define IS_ENABLED	MSI_ROUTE_STATE_ENABLED
#define IS_FUNCTION_MASKED MSI_ROUTE_STATE_FUNCTION_MASK
#define IS_BUS_MASTER	MSI_ROUTE_STATE_BUS_MASTER
#define IS_OPEN		(IS_ENABLED | IS_BUS_MASTER)

FIXTURE(changes) {
	struct vm vm;
	struct function fn;
	int fd;
	struct msi_route_vector_change got[2 * NR];
};

FIXTURE_SETUP(changes)
{
	vm_create(&self->vm, 0, 1);
	function_open(&self->fn, &self->vm, both_shape(NR, NR_MSI));
	self->fd = new_eventfd();
}

FIXTURE_TEARDOWN(changes)
{
	function_close(&self->fn);
	vm_destroy(&self->vm);
}

/* Waits until the VMM is notified; otherwise the harness ends the test. */
static void wait_told(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	eventfd_t count;

	if (poll(&p, 1, -1) != 1 || eventfd_read(fd, &count))
		die("the eventfd");
}

/* Takes one change, which must be the only one. */
#define EXPECT_ONE(_kind, _vector, _changes, _state)			\
	do {								\
		const struct msi_route_vector_change *r = self->got;	\
		bool more = true;					\
									\
		wait_told(self->fd);					\
		ASSERT_EQ(1, get_changes(&self->fn, self->got, NR, &more)); \
		EXPECT_FALSE(more);					\
		EXPECT_EQ(_kind, r->kind);				\
		EXPECT_EQ(_vector, r->vector);				\
		EXPECT_EQ((__u32)(_changes), r->changes);		\
		EXPECT_EQ((__u32)(_state), r->state);			\
	} while (0)

#define EXPECT_NONE()	EXPECT_EQ(0, get_changes(&self->fn, self->got, NR, NULL))

/* ---- which changes ---- */

TEST_F(changes, of_an_entry)
{
	const struct msi_route_vector_change *r = self->got;

	msix_control(&self->fn, MSIX_ENABLE);
	ASSERT_EQ(0, set_notify(&self->fn, ALL, self->fd));
	EXPECT_NONE();

	table_write(&self->fn, ENTRY(3) + ENTRY_ADDRESS, MSI_TO(1));
	EXPECT_ONE(MSIX, 3, MESSAGE, IS_OPEN | IS_MASKED);
	EXPECT_EQ(MSI_TO(1), r->address);
	table_write(&self->fn, ENTRY(3) + ENTRY_UPPER, 0x12);
	EXPECT_ONE(MSIX, 3, MESSAGE, IS_OPEN | IS_MASKED);
	EXPECT_EQ(0x1200000000ULL | MSI_TO(1), r->address);
	table_write(&self->fn, ENTRY(3) + ENTRY_DATA, VECTOR);
	EXPECT_ONE(MSIX, 3, MESSAGE, IS_OPEN | IS_MASKED);
	EXPECT_EQ(VECTOR, r->data);

	entry_mask(&self->fn, 3, false);
	EXPECT_ONE(MSIX, 3, UNMASKED | USED, IS_OPEN);
	entry_mask(&self->fn, 3, true);
	EXPECT_ONE(MSIX, 3, MASKED, IS_OPEN | IS_MASKED);
	/* First use is marked once; writing the mask with the same value is no change. */
	entry_mask(&self->fn, 3, false);
	EXPECT_ONE(MSIX, 3, UNMASKED, IS_OPEN);
	entry_mask(&self->fn, 3, false);
	EXPECT_NONE();
}

/* Changes that were not taken yet: one of each kind, and the present state. */
TEST_F(changes, gather)
{
	ASSERT_EQ(0, set_notify(&self->fn, ALL, self->fd));
	entry_set(&self->fn, 69, MSI_TO(0), VECTOR, 0);
	entry_mask(&self->fn, 69, true);
	table_write(&self->fn, ENTRY(69) + ENTRY_DATA, VECTOR + 1);
	EXPECT_ONE(MSIX, 69, MESSAGE | UNMASKED | MASKED, IS_BUS_MASTER | IS_MASKED);
	EXPECT_EQ(VECTOR + 1, self->got[0].data);
	EXPECT_NONE();
}

/*
 * The device lost its table, and nobody told the module.  The guest writes back the old
 * values in any way, and the VMM is notified of each write [30].
 */
TEST_F(changes, rule_30_equal_values)
{
	const struct msi_route_entry entry = { MSI_TO(0), 0, VECTOR, 0 };

	entry_set(&self->fn, 1, entry.address_lo, entry.data, entry.control);
	ASSERT_EQ(0, set_notify(&self->fn, MESSAGE, self->fd));
	table_write(&self->fn, ENTRY(1) + ENTRY_ADDRESS, entry.address_lo);
	EXPECT_ONE(MSIX, 1, MESSAGE, IS_BUS_MASTER);
	table_write(&self->fn, ENTRY(1) + ENTRY_UPPER, 0);
	EXPECT_ONE(MSIX, 1, MESSAGE, IS_BUS_MASTER);
	table_write(&self->fn, ENTRY(1) + ENTRY_DATA, entry.data);
	EXPECT_ONE(MSIX, 1, MESSAGE, IS_BUS_MASTER);
	function_write(&self->fn, MSI_ROUTE_TABLE, ENTRY(1), 8, entry.address_lo);
	EXPECT_ONE(MSIX, 1, MESSAGE, IS_BUS_MASTER);
	function_write(&self->fn, MSI_ROUTE_TABLE, ENTRY(1) + ENTRY_DATA, 8, entry.data);
	EXPECT_ONE(MSIX, 1, MESSAGE, IS_BUS_MASTER);
	ASSERT_EQ(0, set_entries(&self->fn, 1, 1, &entry));
	EXPECT_ONE(MSIX, 1, MESSAGE, IS_BUS_MASTER);
	EXPECT_EQ(entry.address_lo, self->got[0].address);
	EXPECT_EQ(entry.data, self->got[0].data);
}

/* MSI has one message for all its vectors. */
TEST_F(changes, rule_30_equal_values_of_msi)
{
	static const struct { __u32 offset, len; } writes[] = {
		{ MSI_CONTROL, 2 }, { MSI_ADDRESS, 4 }, { MSI_UPPER, 4 }, { 0xc, 2 },
		{ MSI_ADDRESS + 2, 1 },
	};
	unsigned int i, j;

	msi_control(&self->fn, MSI_ENABLE | MSI_MME(2));
	msi_set(&self->fn, MSI_TO(0), MSI_VECTOR);
	ASSERT_EQ(0, set_notify(&self->fn, MESSAGE, self->fd));
	for (i = 0; i < ARRAY_SIZE(writes); i++) {
		const __u32 at = MSI_CAP + writes[i].offset;

		config_write(&self->fn, at, writes[i].len,
			     config_read(&self->fn, at, writes[i].len));
		wait_told(self->fd);
		ASSERT_EQ(NR_MSI, get_changes(&self->fn, self->got, NR, NULL));
		for (j = 0; j < NR_MSI; j++) {
			EXPECT_EQ(MESSAGE, self->got[j].changes);
			EXPECT_EQ(MSI_TO(0), self->got[j].address);
			EXPECT_EQ(MSI_VECTOR + j, self->got[j].data);
		}
	}
}

/* One write each time after the VMM has taken the previous one. */
static __u32 may_write;

static void guest_writes_back(void)
{
	const unsigned long entry = TABLE_GPA(0) + ENTRY(1);
	__u32 i;

	for (i = 0; i < 4; i++) {
		while (load(&may_write) <= i)
			guest_relax();
		if (i < 2)
			guest_write32(entry + i * ENTRY_DATA, i ? VECTOR : MSI_TO(0));
		else
			guest_write64(entry + (i - 2) * ENTRY_DATA, i == 3 ? VECTOR : MSI_TO(0));
	}
}

TEST_F(changes, rule_30_equal_values_by_in_kernel_mmio)
{
	unsigned int i;

	entry_set(&self->fn, 1, MSI_TO(0), VECTOR, 0);
	ASSERT_EQ(0, map(&self->fn, MSI_ROUTE_MAP_TABLE, TABLE_GPA(0), 0));
	ASSERT_EQ(0, set_notify(&self->fn, MESSAGE, self->fd));
	vcpu_start(&self->vm.vcpu[0], guest_writes_back);
	for (i = 0; i < 4; i++) {
		atomic_inc(&may_write);
		EXPECT_ONE(MSIX, 1, MESSAGE, IS_BUS_MASTER);
		EXPECT_EQ(VECTOR, self->got[0].data);
	}
	vcpu_join(&self->vm.vcpu[0]);
}

/* ---- steering tags ---- */

#define TAG(tag)	((__u32)(tag) << 16)

/*
 * A driver puts the tag of its device's TLP Processing Hints into Vector Control, and
 * reads and writes back the rest.  The VMM is notified of the write, whatever its value.
 */
TEST_F(changes, steering_tag)
{
	const struct msi_route_vector_change *r = self->got;

	msix_control(&self->fn, MSIX_ENABLE);
	ASSERT_EQ(0, set_notify(&self->fn, STEERING, self->fd));
	table_write(&self->fn, ENTRY(3) + ENTRY_CONTROL, TAG(0xbeef) | ENTRY_MASKED);
	EXPECT_ONE(MSIX, 3, STEERING, IS_OPEN | IS_MASKED);
	EXPECT_EQ(TAG(0xbeef) | ENTRY_MASKED, r->control);
	table_write(&self->fn, ENTRY(3) + ENTRY_CONTROL, TAG(0xbeef));
	EXPECT_ONE(MSIX, 3, STEERING, IS_OPEN);
	EXPECT_EQ(TAG(0xbeef), r->control);
	function_write(&self->fn, MSI_ROUTE_TABLE, ENTRY(3) + ENTRY_DATA, 8,
		       (__u64)TAG(7) << 32 | VECTOR);
	EXPECT_ONE(MSIX, 3, STEERING, IS_OPEN);
	EXPECT_EQ(TAG(7), r->control);
	EXPECT_EQ(VECTOR, r->data);

	/* Only in Vector Control. */
	function_write(&self->fn, MSI_ROUTE_TABLE, ENTRY(3), 8, MSI_TO(0));
	/* It ends the hold. */
	table_write(&self->fn, ENTRY(3) + ENTRY_DATA, VECTOR);
	msi_mask(&self->fn, 1);
	msi_set(&self->fn, MSI_TO(0), MSI_VECTOR);
	EXPECT_NONE();
	/* And it changes nothing. */
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 3));
	EXPECT_EQ(TAG(7), table_read(&self->fn, ENTRY(3) + ENTRY_CONTROL));
}

TEST_F(changes, steering_tag_with_the_rest)
{
	ASSERT_EQ(0, set_notify(&self->fn, ALL | STEERING, self->fd));
	table_write(&self->fn, ENTRY(2) + ENTRY_ADDRESS, MSI_TO(0));
	table_write(&self->fn, ENTRY(2) + ENTRY_CONTROL, TAG(1));
	EXPECT_ONE(MSIX, 2, MESSAGE | UNMASKED | STEERING, IS_BUS_MASTER);
	/* Each notification shows the register. */
	table_write(&self->fn, ENTRY(2) + ENTRY_DATA, VECTOR);
	EXPECT_ONE(MSIX, 2, MESSAGE, IS_BUS_MASTER);
	EXPECT_EQ(TAG(1), self->got[0].control);
	msi_set(&self->fn, MSI_TO(0), MSI_VECTOR);
	wait_told(self->fd);
	ASSERT_EQ(NR_MSI, get_changes(&self->fn, self->got, NR, NULL));
	EXPECT_EQ(0, self->got[0].control);
}

/* The device lost its tags, and nobody told the module [30]. */
TEST_F(changes, steering_tag_rule_30)
{
	const struct msi_route_entry entry = { MSI_TO(0), 0, VECTOR, TAG(5) };
	unsigned int i;
	int nr;

	ASSERT_EQ(0, set_entries(&self->fn, 1, 1, &entry));
	ASSERT_EQ(0, set_notify(&self->fn, STEERING, self->fd));
	table_write(&self->fn, ENTRY(1) + ENTRY_CONTROL, TAG(5));
	EXPECT_ONE(MSIX, 1, STEERING, IS_BUS_MASTER);
	ASSERT_EQ(0, set_entries(&self->fn, 1, 1, &entry));
	EXPECT_ONE(MSIX, 1, STEERING, IS_BUS_MASTER);
	EXPECT_EQ(TAG(5), self->got[0].control);

	ASSERT_EQ(0, renew(&self->fn));
	wait_told(self->fd);
	nr = get_changes(&self->fn, self->got, ARRAY_SIZE(self->got), NULL);
	/* MSI has no tags. */
	EXPECT_EQ(NR, nr);
	for (i = 0; i < (unsigned int)nr; i++) {
		EXPECT_EQ(MSIX, self->got[i].kind);
		EXPECT_EQ(STEERING, self->got[i].changes);
		EXPECT_EQ(self->got[i].vector == 1 ? TAG(5) : ENTRY_MASKED,
			  self->got[i].control);
	}
	table_write(&self->fn, ENTRY(1) + ENTRY_CONTROL, TAG(5));
	ASSERT_EQ(0, reset(&self->fn));
	EXPECT_NONE();
}

/* ---- capabilities ---- */

TEST_F(changes, of_a_capability)
{
	ASSERT_EQ(0, set_notify(&self->fn, CONTROL, self->fd));
	msix_control(&self->fn, MSIX_ENABLE | MSIX_FUNCTION_MASK);
	EXPECT_ONE(MSIX, MSI_ROUTE_CAPABILITY, CONTROL, IS_OPEN | IS_FUNCTION_MASKED);
	msi_control(&self->fn, MSI_ENABLE);
	EXPECT_ONE(MSI, MSI_ROUTE_CAPABILITY, CONTROL, IS_OPEN);
	ASSERT_EQ(0, set_bus_master(&self->fn, 0));
	wait_told(self->fd);
	ASSERT_EQ(2, get_changes(&self->fn, self->got, NR, NULL));
	EXPECT_EQ(IS_ENABLED | IS_FUNCTION_MASKED, self->got[0].state);
	EXPECT_EQ(IS_ENABLED, self->got[1].state);
	EXPECT_EQ(MSI_ROUTE_CAPABILITY, self->got[1].vector);
	/* A read is no change, and neither is a write of a read-only register. */
	config_read(&self->fn, MSIX_CAP, 4);
	config_write(&self->fn, MSIX_CAP, 1, 0);
	config_write(&self->fn, MSIX_CAP + MSIX_TABLE, 4, 0);
	EXPECT_NONE();
}

/* A write of Command changes Bus Master Enable where the module follows Command. */
TEST_F(changes, of_command)
{
	struct msi_route_create shape = msix_shape(1);
	struct function fn;

	shape.flags = MSI_ROUTE_CREATE_COMMAND;
	function_open(&fn, &self->vm, shape);
	ASSERT_EQ(0, set_notify(&fn, CONTROL, self->fd));
	config_write(&fn, 4, 2, 0x402);
	wait_told(self->fd);
	ASSERT_EQ(1, get_changes(&fn, self->got, NR, NULL));
	EXPECT_EQ(MSI_ROUTE_CAPABILITY, self->got[0].vector);
	EXPECT_EQ(CONTROL, self->got[0].changes);
	EXPECT_EQ(0, self->got[0].state);
	config_write(&fn, 6, 2, 0x402);
	EXPECT_EQ(0, get_changes(&fn, self->got, NR, NULL));
	function_close(&fn);
}

TEST_F(changes, of_msi)
{
	unsigned int i;

	msi_control(&self->fn, MSI_ENABLE | MSI_MME(2));
	ASSERT_EQ(0, set_notify(&self->fn, ALL & ~CONTROL & ~USED, self->fd));
	msi_set(&self->fn, MSI_TO(0), 0x60);
	wait_told(self->fd);
	ASSERT_EQ(NR_MSI, get_changes(&self->fn, self->got, NR, NULL));
	for (i = 0; i < NR_MSI; i++) {
		EXPECT_EQ(MSI, self->got[i].kind);
		EXPECT_EQ(i, self->got[i].vector);
		EXPECT_EQ(MESSAGE, self->got[i].changes);
		EXPECT_EQ(MSI_TO(0), self->got[i].address);
		EXPECT_EQ(0x60 + i, self->got[i].data);
	}
	msi_mask(&self->fn, 1 << 2);
	EXPECT_ONE(MSI, 2, MASKED, IS_OPEN | IS_MASKED);
	msi_mask(&self->fn, 0);
	EXPECT_ONE(MSI, 2, UNMASKED, IS_OPEN);
}

/* ---- first use ---- */

/* First use is when the last gate opens, whichever gate that is. */
TEST_F(changes, first_use_by_each_gate)
{
	ASSERT_EQ(0, set_bus_master(&self->fn, 0));
	ASSERT_EQ(0, set_notify(&self->fn, USED, self->fd));
	entry_set(&self->fn, 5, MSI_TO(0), VECTOR, 0);
	msix_control(&self->fn, MSIX_ENABLE | MSIX_FUNCTION_MASK);
	EXPECT_NONE();
	ASSERT_EQ(0, set_bus_master(&self->fn, 1));
	EXPECT_NONE();
	msix_control(&self->fn, MSIX_ENABLE);
	EXPECT_ONE(MSIX, 5, USED, IS_OPEN);
	entry_mask(&self->fn, 6, false);
	EXPECT_ONE(MSIX, 6, USED, IS_OPEN);
	/* Not again, until a reset. */
	msix_control(&self->fn, 0);
	msix_control(&self->fn, MSIX_ENABLE);
	EXPECT_NONE();
	ASSERT_EQ(0, reset(&self->fn));
	EXPECT_NONE();
	msix_control(&self->fn, MSIX_ENABLE);
	entry_mask(&self->fn, 5, false);
	EXPECT_NONE();
	ASSERT_EQ(0, set_bus_master(&self->fn, 1));
	EXPECT_ONE(MSIX, 5, USED, IS_OPEN);
}

TEST_F(changes, used_before_the_vmm_asks)
{
	entry_set(&self->fn, 64, MSI_TO(0), VECTOR, 0);
	entry_set(&self->fn, 65, MSI_TO(0), VECTOR, ENTRY_MASKED);
	msix_control(&self->fn, MSIX_ENABLE);
	ASSERT_EQ(0, set_notify(&self->fn, USED, self->fd));
	EXPECT_ONE(MSIX, 64, USED, IS_OPEN);
	/* A new configuration notifies again. */
	ASSERT_EQ(0, set_notify(&self->fn, USED, self->fd));
	EXPECT_ONE(MSIX, 64, USED, IS_OPEN);
}

/* ---- configuring and taking ---- */

TEST_F(changes, only_what_was_asked_for)
{
	entry_set(&self->fn, 0, MSI_TO(0), VECTOR, 0);
	EXPECT_NONE();
	ASSERT_EQ(0, set_notify(&self->fn, MASKED, self->fd));
	entry_set(&self->fn, 0, MSI_TO(1), VECTOR, 0);
	msix_control(&self->fn, MSIX_ENABLE);
	EXPECT_ONE(MSIX, 0, MASKED, IS_OPEN);
	entry_mask(&self->fn, 0, true);
	ASSERT_EQ(0, set_notify(&self->fn, 0, -1));
	EXPECT_NONE();
	entry_mask(&self->fn, 1, false);
	entry_mask(&self->fn, 1, true);
	EXPECT_NONE();
}

TEST_F(changes, reset_forgets)
{
	ASSERT_EQ(0, set_notify(&self->fn, ALL, self->fd));
	entry_set(&self->fn, 0, MSI_TO(0), VECTOR, 0);
	msix_control(&self->fn, MSIX_ENABLE);
	ASSERT_EQ(0, reset(&self->fn));
	EXPECT_NONE();
	table_write(&self->fn, ENTRY(0) + ENTRY_DATA, 1);
	wait_told(self->fd);
	ASSERT_EQ(1, get_changes(&self->fn, self->got, NR, NULL));
	EXPECT_EQ(MESSAGE, self->got[0].changes);
}

/* A notified VMM that finds nothing, because of a reset, is notified of later changes. */
TEST_F(changes, told_after_a_reset)
{
	ASSERT_EQ(0, set_notify(&self->fn, MESSAGE, self->fd));
	table_write(&self->fn, ENTRY(0) + ENTRY_DATA, 1);
	wait_told(self->fd);
	ASSERT_EQ(0, reset(&self->fn));
	table_write(&self->fn, ENTRY(1) + ENTRY_DATA, 1);
	EXPECT_ONE(MSIX, 1, MESSAGE, IS_MASKED);
}

/* The other eventfd is signalled from now on, for changes from now on. */
/*
 * For a device that was reset behind the VMM's back: everything is marked as it is now,
 * and nothing changes.
 */
TEST_F(changes, renewed)
{
	const struct msi_route_vector_change *r = self->got;
	unsigned int i, seen = 0;
	int nr;

	msix_control(&self->fn, MSIX_ENABLE);
	entry_set(&self->fn, 3, MSI_TO(0), VECTOR, 0);
	entry_set(&self->fn, 4, MSI_TO(0), VECTOR + 1, ENTRY_MASKED);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 4));
	ASSERT_EQ(0, set_notify(&self->fn, ALL, self->fd));
	EXPECT_ONE(MSIX, 3, USED, IS_OPEN);

	ASSERT_EQ(0, renew(&self->fn));
	wait_told(self->fd);
	nr = get_changes(&self->fn, self->got, ARRAY_SIZE(self->got), NULL);
	EXPECT_EQ(NR + 1 + NR_MSI + 1, nr);
	for (i = 0; i < (unsigned int)nr; i++, r++) {
		if (r->vector == MSI_ROUTE_CAPABILITY) {
			EXPECT_EQ(CONTROL, r->changes);
		} else if (r->kind == MSIX && r->vector == 3) {
			EXPECT_EQ(MESSAGE | UNMASKED | USED, r->changes);
			EXPECT_EQ(MSI_TO(0), r->address);
			EXPECT_EQ(VECTOR, r->data);
			seen++;
		} else if (r->kind == MSIX) {
			EXPECT_EQ(MESSAGE | MASKED, r->changes);
		}
	}
	EXPECT_EQ(1, seen);
	EXPECT_NONE();
	EXPECT_TRUE(pba_bit(&self->fn, 4));
	EXPECT_EQ(0, vcpu_irr_weight(&self->vm.vcpu[0]));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 3));
	entry_mask(&self->fn, 4, false);
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[0], VECTOR + 1));
}

TEST_F(changes, another_eventfd)
{
	int other = new_eventfd();
	eventfd_t count;

	ASSERT_EQ(0, set_notify(&self->fn, MESSAGE, self->fd));
	table_write(&self->fn, ENTRY(0) + ENTRY_DATA, 1);
	wait_told(self->fd);
	ASSERT_EQ(0, set_notify(&self->fn, MESSAGE, other));
	EXPECT_NONE();
	table_write(&self->fn, ENTRY(0) + ENTRY_DATA, 1);
	wait_told(other);
	EXPECT_EQ(-1, eventfd_read(self->fd, &count));
	close(other);
	table_write(&self->fn, ENTRY(0) + ENTRY_DATA, 1);
	EXPECT_EQ(1, get_changes(&self->fn, self->got, NR, NULL));
}

/* With little room all are taken in turn, and the VMM is notified of the rest. */
TEST_F(changes, little_room)
{
	bool seen[NR] = {}, more = true;
	unsigned int i;

	ASSERT_EQ(0, set_notify(&self->fn, MESSAGE, self->fd));
	for (i = 0; i < NR; i++)
		table_write(&self->fn, ENTRY(i) + ENTRY_DATA, i);
	for (i = 0; more; i++) {
		wait_told(self->fd);
		ASSERT_EQ(1, get_changes(&self->fn, self->got, 1, &more));
		ASSERT_GT(NR, self->got[0].vector);
		EXPECT_FALSE(seen[self->got[0].vector]);
		EXPECT_EQ(self->got[0].vector, self->got[0].data);
		seen[self->got[0].vector] = true;
		/* A vector that changes again and again does not push in. */
		if (more)
			table_write(&self->fn, ENTRY(0) + ENTRY_DATA, 0);
		seen[0] = false;
	}
	EXPECT_LE(NR, i);
	for (i = 1; i < NR; i++)
		EXPECT_TRUE(seen[i]);
}

/* Changes that could not be copied out are still there. */
TEST_F(changes, efault_takes_nothing)
{
	ASSERT_EQ(0, set_notify(&self->fn, ALL, self->fd));
	entry_set(&self->fn, 2, MSI_TO(0), VECTOR, 0);
	msix_control(&self->fn, MSIX_ENABLE);
	EXPECT_EQ(-EFAULT, get_changes(&self->fn, (void *)8UL, NR, NULL));
	ASSERT_EQ(2, get_changes(&self->fn, self->got, NR, NULL));
	EXPECT_EQ(2, self->got[0].vector);
	EXPECT_EQ(MESSAGE | UNMASKED | USED, self->got[0].changes);
	EXPECT_EQ(MSI_ROUTE_CAPABILITY, self->got[1].vector);
}

/* For a caller whose elements are longer than this module's. */
TEST_F(changes, longer_elements)
{
	struct {
		struct msi_route_vector_change change;
		__u64 more[3];
	} got[3];
	struct msi_route_get_changes g = {
		.size = sizeof(g), .room = 3, .stride = sizeof(got[0]),
		.changes = (unsigned long)got,
	};
	unsigned int i, j;

	ASSERT_EQ(0, set_notify(&self->fn, MESSAGE, self->fd));
	for (i = 0; i < 2; i++)
		table_write(&self->fn, ENTRY(i) + ENTRY_DATA, 0x40 + i);
	memset(got, 0xff, sizeof(got));
	ASSERT_EQ(0, ioctl(self->fn.fd, MSI_ROUTE_GET_CHANGES, &g));
	ASSERT_EQ(2, g.nr);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(i, got[i].change.vector);
		EXPECT_EQ(0x40 + i, got[i].change.data);
		for (j = 0; j < 3; j++)
			EXPECT_EQ(0, got[i].more[j]);
	}
	EXPECT_EQ(~0ULL, got[2].change.address);
}

TEST_F(changes, errors_of_taking)
{
	const struct msi_route_get_changes right = {
		.size = sizeof(right), .room = NR, .stride = sizeof(self->got[0]),
		.changes = (unsigned long)self->got,
	};
	const __u32 strides[] = { 0, sizeof(self->got[0]) - 1, 4097, ~0U };
	struct msi_route_get_changes g;
	unsigned int i;

	ASSERT_EQ(0, set_notify(&self->fn, MESSAGE, self->fd));
	table_write(&self->fn, ENTRY(0) + ENTRY_DATA, 1);
	for (i = 0; i < ARRAY_SIZE(strides); i++) {
		g = right;
		g.stride = strides[i];
		EXPECT_EQ(-1, ioctl(self->fn.fd, MSI_ROUTE_GET_CHANGES, &g));
		EXPECT_EQ(EINVAL, errno);
	}
	g = right;
	g.reserved = 1;
	EXPECT_EQ(-1, ioctl(self->fn.fd, MSI_ROUTE_GET_CHANGES, &g));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_ONE(MSIX, 0, MESSAGE, IS_BUS_MASTER | IS_MASKED);
}

TEST_F(changes, errors)
{
	struct msi_route_set_notify arg = { .size = sizeof(arg), .fd = -1, .reserved = 1 };

	ASSERT_EQ(0, set_notify(&self->fn, MESSAGE, self->fd));
	EXPECT_EQ(-EBADF, set_notify(&self->fn, MESSAGE, -1));
	EXPECT_EQ(-EBADF, set_notify(&self->fn, MESSAGE, 10000));
	EXPECT_EQ(-EINVAL, set_notify(&self->fn, MESSAGE, self->vm.fd));
	EXPECT_EQ(-EINVAL, set_notify(&self->fn, 0, self->fd));
	EXPECT_EQ(-EOPNOTSUPP, set_notify(&self->fn, STEERING << 1, self->fd));
	EXPECT_EQ(-1, ioctl(self->fn.fd, MSI_ROUTE_SET_NOTIFY, &arg));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(-EINVAL, get_changes(&self->fn, self->got, 0, NULL));
	/* As it was. */
	table_write(&self->fn, ENTRY(0) + ENTRY_DATA, 1);
	EXPECT_ONE(MSIX, 0, MESSAGE, IS_BUS_MASTER | IS_MASKED);
}

/* ---- nothing is lost ---- */

#define ROUNDS		50
#define WRITES		2000

static struct function *driven;
static __u32 last_seen[NR], last_written[NR];
static bool done;

static void *driver(void *arg)
{
	__u32 *random = arg;
	int i;

	for (i = 0; i < WRITES; i++) {
		__u32 entry = next_random(random) % NR;

		last_written[entry]++;
		table_write(driven, ENTRY(entry) + ENTRY_DATA, last_written[entry]);
	}
	__atomic_store_n(&done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* In small portions, so that something is left most of the time. */
static int take_some(void)
{
	struct msi_route_vector_change got[8];
	int i, nr = get_changes(driven, got, 8, NULL);

	if (nr < 0)
		die("MSI_ROUTE_GET_CHANGES");
	for (i = 0; i < nr; i++)
		__atomic_store_n(&last_seen[got[i].vector], got[i].data, __ATOMIC_RELEASE);
	return nr;
}

/* A VMM that takes while the driver writes sees the driver's last write in the end. */
TEST_F(changes, none_is_lost)
{
	__u32 random = 1;
	pthread_t thread;
	int i, round;

	driven = &self->fn;
	ASSERT_EQ(0, set_notify(&self->fn, MESSAGE, self->fd));
	for (round = 0; round < ROUNDS; round++) {
		done = false;
		ASSERT_EQ(0, pthread_create(&thread, NULL, driver, &random));
		while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE))
			take_some();
		pthread_join(thread, NULL);
		while (take_some())
			;
		for (i = 0; i < NR; i++)
			ASSERT_EQ(last_written[i], last_seen[i]);
	}
}

static void *one_at_a_time(void *arg)
{
	int i, n = *(int *)arg;

	for (i = 1; i <= n; i++) {
		table_write(driven, ENTRY(0) + ENTRY_DATA, i);
		while (__atomic_load_n(&last_seen[0], __ATOMIC_ACQUIRE) != (__u32)i)
			sched_yield();
	}
	return NULL;
}

/* After the VMM has taken all, it is notified of each new change. */
TEST_F(changes, each_is_told)
{
	int writes = 5000;
	pthread_t thread;

	driven = &self->fn;
	last_seen[0] = 0;
	ASSERT_EQ(0, set_notify(&self->fn, MESSAGE, self->fd));
	ASSERT_EQ(0, pthread_create(&thread, NULL, one_at_a_time, &writes));
	while (last_seen[0] != (__u32)writes) {
		wait_told(self->fd);
		take_some();
	}
	pthread_join(thread, NULL);
}

/* One of the capabilities may be missing. */
TEST_F(changes, of_one_capability)
{
	struct msi_route_create shapes[] = { msix_shape(1), msi_shape(1, 0) };
	struct function fn;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		function_open(&fn, &self->vm, shapes[i]);
		EXPECT_EQ(0, set_notify(&fn, ALL, self->fd));
		EXPECT_EQ(0, get_changes(&fn, self->got, NR, NULL));
		function_close(&fn);
	}
}

/* A vCPU's thread changes it in the kernel: the VMM is notified as always. */
static void guest_masks(void)
{
	guest_write32(TABLE_GPA(0) + ENTRY(1) + ENTRY_CONTROL, 0);
}

TEST_F(changes, by_in_kernel_mmio)
{
	msix_control(&self->fn, MSIX_ENABLE);
	ASSERT_EQ(0, map(&self->fn, MSI_ROUTE_MAP_TABLE, TABLE_GPA(0), 0));
	ASSERT_EQ(0, set_notify(&self->fn, USED, self->fd));
	vcpu_start(&self->vm.vcpu[0], guest_masks);
	EXPECT_ONE(MSIX, 1, USED, IS_OPEN);
	vcpu_join(&self->vm.vcpu[0]);
}
