// SPDX-License-Identifier: GPL-2.0
/* States of an older and of a newer version of the module. */
#include <stddef.h>

#include "harness.h"
#include "states/recorded.h"

/* A state that version 1.0 has saved. */
static const union {
	__u8 bytes[sizeof(struct recorded)];
	struct recorded recorded;
} version_1_0 = { .bytes = {
#include "states/1.0.h"
} };

FIXTURE(versions) {
	struct vm vm;
	struct function to;
};

FIXTURE_SETUP(versions)
{
	vm_create(&self->vm, 0, 2);
	function_open(&self->to, &self->vm, recorded_shape());
	ASSERT_EQ(0, set_bus_master(&self->to, 0));
	ASSERT_EQ(0, set_run(&self->to, 0));
}

FIXTURE_TEARDOWN(versions)
{
	function_close(&self->to);
	vm_destroy(&self->vm);
}

TEST_F(versions, state_of_1_0)
{
	struct recorded r = version_1_0.recorded, again;
	struct function set;

	ASSERT_EQ(0, recorded_restore(&self->to, &r));
	recorded_save(&self->to, &again);
	EXPECT_EQ(0, memcmp(&version_1_0.recorded, &again, sizeof(again)));
	/* The guest finds what one finds who has just written it. */
	function_open(&set, &self->vm, recorded_shape());
	recorded_set(&set);
	EXPECT_TRUE(recorded_same(&self->to, &set));
	EXPECT_EQ(1ULL << RECORDED_PENDING, pba_read(&self->to, 0));
	EXPECT_EQ(1 << RECORDED_MSI_PENDING, msi_pending(&self->to));
	EXPECT_EQ(1 << RECORDED_HELD, again.held[0]);
	EXPECT_EQ(RECORDED_GRANTED, again.state.msix_granted);
	EXPECT_EQ(RECORDED_HOLD_NS, again.state.hold_bound_ns);

	/* What was pending goes out once. */
	ASSERT_EQ(0, set_run(&self->to, 1));
	entry_mask(&self->to, RECORDED_PENDING, false);
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[RECORDED_PENDING & 1], 0x30 + RECORDED_PENDING));
	EXPECT_EQ(0, pba_read(&self->to, 0));
	function_close(&set);
}

/* Older than 1.0: the struct ended before the vectors that are granted. */
TEST_F(versions, state_of_the_first_struct)
{
	struct recorded r = version_1_0.recorded, again;
	struct function fn;

	function_open(&fn, &self->vm, both_shape(RECORDED_NR, RECORDED_NR_MSI));
	ASSERT_EQ(0, set_run(&fn, 0));
	r.state.size = offsetof(struct msi_route_state, msix_granted);
	ASSERT_EQ(0, recorded_restore(&fn, &r));
	r.state.size--;
	EXPECT_EQ(-EINVAL, recorded_restore(&fn, &r));
	r.state.size++;
	recorded_addresses(&r, false);
	again = r;
	memset(again.entries, 0xff, sizeof(again.entries));
	recorded_addresses(&again, false);
	ASSERT_EQ(0, ioctl(fn.fd, MSI_ROUTE_SAVE, &again.state));
	EXPECT_EQ(0, memcmp(r.entries, again.entries, RECORDED_GRANTED * sizeof(r.entries[0])));
	EXPECT_EQ(1ULL << RECORDED_PENDING, again.pba[0]);
	EXPECT_EQ(1 << RECORDED_MSI_PENDING, again.state.msi_pending);
	EXPECT_EQ(MSIX_ENABLE, again.state.msix_control);
	function_close(&fn);
}

/* A struct with a field that this version does not know. */
struct newer {
	struct recorded r;
	struct {
		struct msi_route_state state;
		__u64 field;
	} longer;
};

static int restore_longer(struct function *fn, __u64 field)
{
	struct newer n = { .r = version_1_0.recorded };

	recorded_addresses(&n.r, false);
	n.longer.state = n.r.state;
	n.longer.state.size = sizeof(n.longer);
	n.longer.field = field;
	return ioctl(fn->fd, MSI_ROUTE_RESTORE, &n.longer) ? -errno : 0;
}

/* Restores the state with @change, which this version does not know. */
#define EXPECT_NEWER(error, change)						\
	do {									\
		struct recorded r = version_1_0.recorded;			\
										\
		change;								\
		EXPECT_EQ(error, recorded_restore(&self->to, &r))		\
			TH_LOG("%s", #change);					\
		recorded_save(&self->to, &after);				\
		EXPECT_EQ(0, memcmp(&before, &after, sizeof(after)))		\
			TH_LOG("%s", #change);					\
	} while (0)

TEST_F(versions, newer_state_is_refused)
{
	struct recorded before, after;

	recorded_save(&self->to, &before);
	EXPECT_NEWER(-EOPNOTSUPP, r.state.flags = 1 << 1);
	EXPECT_NEWER(-EOPNOTSUPP, r.state.flags = 1U << 31);
	EXPECT_NEWER(-EOPNOTSUPP, r.state.reserved2 = 1);
	EXPECT_NEWER(-EOPNOTSUPP, r.state.reserved3 = 1);
	EXPECT_NEWER(-EINVAL, r.state.grant_status = MSI_ROUTE_GRANT_MEMORY + 1);
	EXPECT_NEWER(-EINVAL, r.state.msix_control |= 1 << 13);
	EXPECT_NEWER(-EINVAL, r.state.bus_master = 2);
	EXPECT_EQ(-E2BIG, restore_longer(&self->to, 1));
	EXPECT_EQ(-E2BIG, restore_longer(&self->to, 1ULL << 63));
	recorded_save(&self->to, &after);
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(after)));
	/* One that does not use the field is as good as an older one. */
	EXPECT_EQ(0, restore_longer(&self->to, 0));
}
