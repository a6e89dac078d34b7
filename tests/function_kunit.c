// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of function.c: both capabilities of one function, and what is refused
 * before the VM is looked at.
 */
#include <linux/err.h>

#include "fake.h"

struct create_case {
	const char *name;
	struct msi_route_create create;
	int ret;
};

#define MSIX(cap)	.msix_vectors = 4, .msix_cap = (cap),		\
			.msix_pba_offset = 64
#define MSI(cap, flags)	.msi_vectors = 4, .msi_cap = (cap), .msi_flags = (flags)

static const struct create_case create_cases[] = {
	{ "nothing", { }, -EINVAL },
	{ "MSI-X", { MSIX(0x40) }, -EBADF },
	{ "MSI", { MSI(0x40, 0) }, -EBADF },
	{ "MSI-X, then MSI", { MSIX(0x40), MSI(0x4c, 0) }, -EBADF },
	{ "MSI, then MSI-X", { MSIX(0x4c), MSI(0x40, 0) }, -EBADF },
	{ "MSI of the largest size, then MSI-X",
	  { MSIX(0x58), MSI(0x40, 3) }, -EBADF },
	{ "both at one place", { MSIX(0x40), MSI(0x40, 0) }, -EINVAL },
	{ "MSI in MSI-X", { MSIX(0x40), MSI(0x48, 0) }, -EINVAL },
	{ "MSI-X in MSI, 32 bits", { MSIX(0x48), MSI(0x40, 0) }, -EINVAL },
	{ "MSI-X in MSI, 64 bits", { MSIX(0x4c), MSI(0x40, 1) }, -EINVAL },
	{ "MSI-X in MSI, masking", { MSIX(0x50), MSI(0x40, 2) }, -EINVAL },
	{ "MSI-X in MSI, both", { MSIX(0x54), MSI(0x40, 3) }, -EINVAL },
	{ "grant, behind both", { MSIX(0x40), MSI(0x4c, 0), .grant_cap = 0x58 },
	  -EBADF },
	{ "grant in MSI-X", { MSIX(0x40), .grant_cap = 0x48 }, -EINVAL },
	{ "MSI in grant", { MSIX(0x80), MSI(0x50, 0), .grant_cap = 0x40 },
	  -EINVAL },
	{ "grant in the header", { MSIX(0x40), .grant_cap = 0x3c }, -EINVAL },
	{ "grant, last", { MSIX(0x40), .grant_cap = 0xec }, -EBADF },
	{ "grant, too far", { MSIX(0x40), .grant_cap = 0xf0 }, -EINVAL },
	{ "grant, odd", { MSIX(0x40), .grant_cap = 0x52 }, -EINVAL },
	{ "store alone", { .ims_vectors = 1 }, -EBADF },
	{ "reserved field 2", { .reserved2 = 1, MSIX(0x40) }, -EOPNOTSUPP },
	{ "reserved field 3", { .reserved3 = 1, MSIX(0x40) }, -EOPNOTSUPP },
	{ "command", { .flags = MSI_ROUTE_CREATE_COMMAND, MSIX(0x40) }, -EBADF },
	{ "unknown flag", { .flags = 0x100, MSIX(0x40) }, -EOPNOTSUPP },
	{ "unknown high flag", { .flags = 1U << 31, MSIX(0x40) },
	  -EOPNOTSUPP },
	{ "reserved field", { .reserved = 1, MSIX(0x40) }, -EOPNOTSUPP },
	{ "both formats", { .flags = 3, MSIX(0x40) }, -EBADF },
	{ "out fields, as they came back",
	  { .mmap_size = 0x1000, .mmap_table = 8, .mmap_pba = 1, MSIX(0x40) }, -EBADF },
};

static void create_case_name(const struct create_case *c, char *name)
{
	strscpy(name, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(create, create_cases, create_case_name);

/* Valid arguments get as far as the file descriptor, which is invalid. */
static void function_create_test(struct kunit *test)
{
	const struct create_case *cc = test->param_value;
	struct msi_route_create c = cc->create;
	struct mr_function *fn;

	c.size = sizeof(c);
	c.vm_fd = -1;
	fn = mr_function_create(&c);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(fn), cc->ret);
	if (!IS_ERR(fn))
		mr_function_destroy(fn);
}

static struct mr_fake *make_both(struct kunit *test)
{
	struct msi_route_create c = fake_msix(4);
	struct mr_fake *f = test->priv;

	c.msi_vectors = 2;
	c.msi_cap = FAKE_MSI_CAP;
	KUNIT_ASSERT_EQ(test, fake_make(f, &c), 0);
	return f;
}

/* Each write reaches the capability that it addresses, and not the other. */
static void function_both_registers_test(struct kunit *test)
{
	struct mr_fake *f = make_both(test);

	fake_write(f, MSI_ROUTE_CONFIG, FAKE_MSI_CAP, 4, 0xffffffff);
	KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_CONFIG, FAKE_MSI_CAP, 4),
			0x00730000ULL);
	KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_CONFIG, FAKE_MSIX_CAP, 4),
			0x00030000ULL);
	fake_write(f, MSI_ROUTE_CONFIG, FAKE_MSI_CAP, 4, 0);
	fake_write(f, MSI_ROUTE_CONFIG, FAKE_MSIX_CAP, 4, 0xffffffff);
	KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_CONFIG, FAKE_MSI_CAP, 4),
			0x00020000ULL);
	KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_CONFIG, FAKE_MSIX_CAP, 4),
			0xc0030000ULL);
}

static void select_and_control(struct mr_fake *f, u32 kind, bool enable)
{
	fake_select(f, kind);
	fake_control(f, enable, false);
}

/* Both enabled: MSI-X wins, and each time is counted [1]. */
static void function_both_enabled_test(struct kunit *test)
{
	struct mr_fake *f = make_both(test);
	struct mr_counters *msix = &mr_msix_cap(&f->fn)->count;
	struct mr_counters *msi = &mr_msi_cap(&f->fn)->count;
	u32 round;

	fake_select(f, MSI_ROUTE_MSI);
	fake_go(f);
	fake_select(f, MSI_ROUTE_MSIX);
	fake_go(f);
	for (round = 1; round < 4; round++) {
		atomic_set(&f->nr_sent, 0);
		KUNIT_EXPECT_EQ(test, fake_count(&msix->both_enabled),
				(u64)round);
		KUNIT_EXPECT_EQ(test, fake_count(&msi->both_enabled),
				(u64)round);
		fake_select(f, MSI_ROUTE_MSIX);
		KUNIT_EXPECT_EQ(test, fake_raise(f, 1), (u32)MSI_ROUTE_SENT);
		fake_select(f, MSI_ROUTE_MSI);
		KUNIT_EXPECT_EQ(test, fake_raise(f, 1), (u32)MSI_ROUTE_PENDING);

		/* MSI alone sends what is pending; MSI-X keeps its own. */
		select_and_control(f, MSI_ROUTE_MSIX, false);
		KUNIT_EXPECT_EQ(test, fake_sent(f), 2);
		KUNIT_EXPECT_EQ(test, fake_raise(f, 2), (u32)MSI_ROUTE_PENDING);
		select_and_control(f, MSI_ROUTE_MSI, false);
		KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_PENDING);
		select_and_control(f, MSI_ROUTE_MSIX, true);
		KUNIT_EXPECT_EQ(test, fake_sent(f), 3);
		KUNIT_EXPECT_EQ(test, fake_count(&msix->both_enabled),
				(u64)round);
		select_and_control(f, MSI_ROUTE_MSI, true);
		mr_vector_clear(fake_vector(f, 0));
	}
}

/* Reset and Bus Master Enable act on both capabilities [29] [31]. */
static void function_reset_both_test(struct kunit *test)
{
	struct mr_fake *f = make_both(test);
	u32 kind;

	for (kind = MSI_ROUTE_MSIX; kind <= MSI_ROUTE_MSI; kind++) {
		fake_select(f, kind);
		fake_go(f);
	}
	mr_function_set_bus_master(&f->fn, false);
	for (kind = MSI_ROUTE_MSIX; kind <= MSI_ROUTE_MSI; kind++) {
		fake_select(f, kind);
		KUNIT_EXPECT_FALSE(test, f->cap->open);
		KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_PENDING);
	}
	mr_function_reset(&f->fn, false);
	for (kind = MSI_ROUTE_MSIX; kind <= MSI_ROUTE_MSI; kind++) {
		fake_select(f, kind);
		KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.cleared), 1ULL);
		KUNIT_EXPECT_FALSE(test, test_bit(0, f->cap->pending));
	}
	mr_function_set_bus_master(&f->fn, true);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
	KUNIT_EXPECT_FALSE(test, mr_msix_enabled(&f->fn));
	KUNIT_EXPECT_FALSE(test, mr_cap_state(mr_msi_cap(&f->fn)) & MSI_ROUTE_STATE_ENABLED);
}

/* The byte with the bit counts, in whatever access, and no other byte [11] [31]. */
static void function_command_test(struct kunit *test)
{
	struct msi_route_create c = fake_msix(2);
	struct mr_fake *f = test->priv;
	u32 round;

	for (round = 0; round < 2; round++) {
		c.flags = round ? MSI_ROUTE_CREATE_COMMAND : 0;
		KUNIT_ASSERT_EQ(test, fake_make(f, &c), 0);
		fake_go(f);
		fake_write(f, MSI_ROUTE_CONFIG, PCI_COMMAND, 2, 0);
		KUNIT_EXPECT_EQ(test, f->cap->open, !round);
		mr_function_set_bus_master(&f->fn, false);
		fake_write(f, MSI_ROUTE_CONFIG, PCI_COMMAND + 1, 1, 0xff);
		KUNIT_EXPECT_FALSE(test, f->cap->open);
		fake_write(f, MSI_ROUTE_CONFIG, PCI_COMMAND - 2, 3, 0x040000);
		KUNIT_EXPECT_EQ(test, f->cap->open, (bool)round);
		fake_check(f);
		fake_unmake(f);
	}
}

/* Counters of one vector, and their sum. */
static void function_counters_test(struct kunit *test)
{
	struct msi_route_counters c = {
		.size = sizeof(c),
		.kind = MSI_ROUTE_MSIX,
	};
	struct mr_fake *f = make_both(test);
	u32 i, j;

	fake_go(f);
	fake_mask(f, 3, true);
	for (i = 0; i < 4; i++) {
		for (j = 0; j <= i; j++)
			fake_raise(f, i);
	}
	for (i = 0; i < 4; i++) {
		c.vector = i;
		KUNIT_EXPECT_EQ(test, mr_function_counters(&f->fn, &c), 0);
		KUNIT_EXPECT_EQ(test, c.events, i + 1ULL);
		KUNIT_EXPECT_EQ(test, c.messages, i == 3 ? 0 : i + 1ULL);
		KUNIT_EXPECT_EQ(test, c.coalesced, i == 3 ? 3ULL : 0ULL);
		KUNIT_EXPECT_EQ(test, c.pending, i == 3 ? 1U : 0U);
	}
	c.vector = MSI_ROUTE_ALL_VECTORS;
	KUNIT_EXPECT_EQ(test, mr_function_counters(&f->fn, &c), 0);
	KUNIT_EXPECT_EQ(test, c.events, 10ULL);
	KUNIT_EXPECT_EQ(test, c.messages, 6ULL);
	KUNIT_EXPECT_EQ(test, c.coalesced, 3ULL);
	KUNIT_EXPECT_EQ(test, c.pending, 1U);
	c.kind = MSI_ROUTE_MSI;
	KUNIT_EXPECT_EQ(test, mr_function_counters(&f->fn, &c), 0);
	KUNIT_EXPECT_EQ(test, c.events, 0ULL);
}

static struct kunit_case function_test_cases[] = {
	KUNIT_CASE_PARAM(function_create_test, create_gen_params),
	KUNIT_CASE(function_both_registers_test),
	KUNIT_CASE(function_both_enabled_test),
	KUNIT_CASE(function_reset_both_test),
	KUNIT_CASE(function_command_test),
	KUNIT_CASE(function_counters_test),
	{}
};

static struct kunit_suite function_test_suite = {
	.name = "msi_route_function",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = function_test_cases,
};

kunit_test_suites(&function_test_suite);
