// SPDX-License-Identifier: GPL-2.0
/* KUnit suite of ims.c: entries of a message store. */
#include "fake.h"

#define STORE	(MR_BLOCK + 2)

static struct mr_fake *make(struct kunit *test)
{
	struct msi_route_create c = fake_msix(1);
	struct mr_fake *f = test->priv;

	c.ims_vectors = STORE;
	KUNIT_ASSERT_EQ(test, fake_make(f, &c), 0);
	f->kind = MSI_ROUTE_IMS;
	f->cap = mr_ims_cap(&f->fn);
	mr_function_set_bus_master(&f->fn, true);
	return f;
}

static struct msi_route_ims_op set(u32 vector, u32 dest, u32 data, u32 control)
{
	return (struct msi_route_ims_op) {
		.vector = vector, .op = MSI_ROUTE_IMS_SET,
		.entry = {
			.address_lo = FAKE_ADDRESS(dest), .data = data,
			.control = control,
		},
	};
}

static int one(struct mr_fake *f, u32 vector, u32 op)
{
	const struct msi_route_ims_op o = { .vector = vector, .op = op };

	return mr_ims_set(&f->fn, &o, 1);
}

static struct msi_route_entry entry(struct mr_fake *f, u32 vector)
{
	struct msi_route_entry e;

	rcu_read_lock();
	f->cap->ops->load(f->cap, vector, &e);
	rcu_read_unlock();
	return e;
}

/* Message and mask, each alone and together; no Enable is needed. */
static void ims_set_test(struct kunit *test)
{
	struct mr_fake *f = make(test);
	struct msi_route_ims_op o = set(STORE - 1, 1, 0x55, 0);

	KUNIT_EXPECT_EQ(test, fake_raise(f, STORE - 1), (u32)MSI_ROUTE_PENDING);
	KUNIT_EXPECT_EQ(test, mr_ims_set(&f->fn, &o, 1), 0);
	fake_expect(f, 0, FAKE_ADDRESS(1), 0x55);
	KUNIT_EXPECT_EQ(test, one(f, STORE - 1, MSI_ROUTE_IMS_MASK), 0);
	KUNIT_EXPECT_EQ(test, fake_raise(f, STORE - 1), (u32)MSI_ROUTE_PENDING);
	o = set(STORE - 1, 2, 0x66, 1);
	KUNIT_EXPECT_EQ(test, mr_ims_set(&f->fn, &o, 1), 0);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	KUNIT_EXPECT_EQ(test, one(f, STORE - 1, MSI_ROUTE_IMS_UNMASK), 0);
	fake_expect(f, 1, FAKE_ADDRESS(2), 0x66);
}

/* Bits 1:0 of an address are ignored; the other bits of the control are kept. */
static void ims_bits_test(struct kunit *test)
{
	struct mr_fake *f = make(test);
	struct msi_route_ims_op o = set(0, 1, 0x55, 0xfffffffe);
	struct msi_route_entry e;

	o.entry.address_lo |= 3;
	KUNIT_EXPECT_EQ(test, mr_ims_set(&f->fn, &o, 1), 0);
	KUNIT_EXPECT_EQ(test, one(f, 0, MSI_ROUTE_IMS_MASK), 0);
	e = entry(f, 0);
	KUNIT_EXPECT_EQ(test, e.address_lo, FAKE_ADDRESS(1));
	KUNIT_EXPECT_EQ(test, e.control, ~0U);
}

/* As after creation: masked, without a message, nothing pending. */
static void ims_free_test(struct kunit *test)
{
	struct mr_fake *f = make(test);
	struct msi_route_ims_op o = set(3, 1, 0x55, 1);
	struct msi_route_entry e;

	KUNIT_EXPECT_EQ(test, mr_ims_set(&f->fn, &o, 1), 0);
	fake_raise(f, 3);
	KUNIT_EXPECT_EQ(test, one(f, 3, MSI_ROUTE_IMS_FREE), 0);
	KUNIT_EXPECT_FALSE(test, test_bit(3, f->cap->pending));
	e = entry(f, 3);
	KUNIT_EXPECT_EQ(test, e.control, 1U);
	KUNIT_EXPECT_EQ(test, e.data, 0U);
	KUNIT_EXPECT_EQ(test, e.address_lo, 0U);
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.cleared), 1ULL);
}

/* One operation is invalid: none of them is done. */
static void ims_all_or_none_test(struct kunit *test)
{
	struct mr_fake *f = make(test);
	struct msi_route_ims_op ops[2] = { set(0, 1, 0x55, 0) };

	ops[1] = set(STORE, 1, 0x55, 0);
	KUNIT_EXPECT_EQ(test, mr_ims_set(&f->fn, ops, 2), -ECHRNG);
	ops[1] = set(1, 1, 0x55, 0);
	ops[1].op = MSI_ROUTE_IMS_FREE + 1;
	KUNIT_EXPECT_EQ(test, mr_ims_set(&f->fn, ops, 2), -EINVAL);
	ops[1].op = MSI_ROUTE_IMS_FREE;
	KUNIT_EXPECT_EQ(test, mr_ims_set(&f->fn, ops, 2), -EINVAL);
	KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_PENDING);
	KUNIT_EXPECT_EQ(test, mr_ims_set(&f->fn, ops, 0), 0);
}

/* Message Control of MSI-X does not apply; Bus Master Enable does. */
static void ims_gate_test(struct kunit *test)
{
	struct mr_fake *f = make(test);
	struct msi_route_ims_op o = set(0, 1, 0x55, 0);

	KUNIT_EXPECT_EQ(test, mr_ims_set(&f->fn, &o, 1), 0);
	fake_write(f, MSI_ROUTE_CONFIG, FAKE_MSIX_CAP + PCI_MSIX_FLAGS, 2,
		   PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_SENT);
	mr_function_set_bus_master(&f->fn, false);
	KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_PENDING);
	mr_function_set_bus_master(&f->fn, true);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 2);
}

static struct kunit_case ims_test_cases[] = {
	KUNIT_CASE(ims_set_test),
	KUNIT_CASE(ims_bits_test),
	KUNIT_CASE(ims_free_test),
	KUNIT_CASE(ims_all_or_none_test),
	KUNIT_CASE(ims_gate_test),
	{}
};

static struct kunit_suite ims_test_suite = {
	.name = "msi_route_ims",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = ims_test_cases,
};

kunit_test_suites(&ims_test_suite);
