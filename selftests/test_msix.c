// SPDX-License-Identifier: GPL-2.0
/* Rules 12 to 24: the MSI-X capability, its table and its PBA. */
#include "guest/function.h"
#include "harness.h"

#define NR		130	/* two full qwords of the PBA and 2 bits */
#define MSIX		MSI_ROUTE_MSIX
#define CONTROL		(MSIX_CAP + MSIX_CONTROL)
#define VECTOR(entry)	(0x20 + (entry))

/* A function with NR entries, enabled; entry n is vector VECTOR(n) to vCPU 0. */
FIXTURE(msix) {
	struct vm vm;
	struct vcpu *vcpu;
	struct function fn;
};

FIXTURE_SETUP(msix)
{
	unsigned int i;

	vm_create(&self->vm, 0, 2);
	self->vcpu = &self->vm.vcpu[0];
	function_open(&self->fn, &self->vm, msix_shape(NR));
	/* The hold is tested elsewhere; here each write takes effect at once. */
	ASSERT_EQ(0, set_hold(&self->fn, 0));
	for (i = 0; i < NR; i++)
		entry_set(&self->fn, i, MSI_TO(0), VECTOR(i), 0);
	msix_control(&self->fn, MSIX_ENABLE);
}

FIXTURE_TEARDOWN(msix)
{
	function_close(&self->fn);
	vm_destroy(&self->vm);
}

TEST_F(msix, rule_12_message_control)
{
	static const unsigned int sizes[] = { 1, 2, 64, 65, 2048 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct function fn;

		function_open(&fn, &self->vm, msix_shape(sizes[i]));
		EXPECT_EQ(sizes[i] - 1, config_read(&fn, CONTROL, 2));
		config_write(&fn, CONTROL, 2, 0xffff);
		EXPECT_EQ((sizes[i] - 1) | 0xc000, config_read(&fn, CONTROL, 2));
		config_write(&fn, CONTROL, 2, 0);
		EXPECT_EQ(sizes[i] - 1, config_read(&fn, CONTROL, 2));
		/* By byte, and by a dword with ID and next pointer. */
		config_write(&fn, CONTROL + 1, 1, 0x80);
		EXPECT_EQ((sizes[i] - 1) | 0x8000, config_read(&fn, CONTROL, 2));
		config_write(&fn, CONTROL, 1, 0);
		EXPECT_EQ((sizes[i] - 1) | 0x8000, config_read(&fn, CONTROL, 2));
		config_write(&fn, MSIX_CAP, 4, 0x4000ffff);
		EXPECT_EQ((sizes[i] - 1) | 0x4000, config_read(&fn, CONTROL, 2));
		function_close(&fn);
	}
}

TEST_F(msix, rule_13_table_and_pba_registers)
{
	struct msi_route_create shape = msix_shape(1);
	struct function fn;

	shape.msix_table_bir = 3;
	shape.msix_table_offset = 0x12340008;
	shape.msix_pba_bir = 5;
	shape.msix_pba_offset = 0xfff8;
	function_open(&fn, &self->vm, shape);
	EXPECT_EQ(0x1234000b, config_read(&fn, MSIX_CAP + MSIX_TABLE, 4));
	EXPECT_EQ(0x0000fffd, config_read(&fn, MSIX_CAP + MSIX_PBA, 4));
	config_write(&fn, MSIX_CAP + MSIX_TABLE, 4, 0);
	config_write(&fn, MSIX_CAP + MSIX_PBA, 4, 0);
	EXPECT_EQ(0x1234000b, config_read(&fn, MSIX_CAP + MSIX_TABLE, 4));
	EXPECT_EQ(0x0000fffd, config_read(&fn, MSIX_CAP + MSIX_PBA, 4));
	function_close(&fn);

	EXPECT_EQ(-EINVAL, function_try_open(&fn, &self->vm, msix_shape(2049)));
	/* The last qword of the table is the first of the PBA. */
	shape = msix_shape(4);
	shape.msix_pba_offset = 4 * 16 - 8;
	EXPECT_EQ(-EINVAL, function_try_open(&fn, &self->vm, shape));
}

TEST_F(msix, rule_14_entry)
{
	unsigned int i;

	ASSERT_EQ(0, reset(&self->fn));
	for (i = 0; i < NR; i++) {
		EXPECT_EQ(0, table_read(&self->fn, ENTRY(i) + ENTRY_ADDRESS));
		EXPECT_EQ(0, table_read(&self->fn, ENTRY(i) + ENTRY_UPPER));
		EXPECT_EQ(0, table_read(&self->fn, ENTRY(i) + ENTRY_DATA));
		EXPECT_EQ(ENTRY_MASKED, table_read(&self->fn, ENTRY(i) + ENTRY_CONTROL));
	}

	table_write(&self->fn, ENTRY(3) + ENTRY_ADDRESS, 0xffffffff);
	EXPECT_EQ(0xfffffffc, table_read(&self->fn, ENTRY(3) + ENTRY_ADDRESS));
	table_write(&self->fn, ENTRY(3) + ENTRY_UPPER, 0x12345678);
	EXPECT_EQ(0x12345678, table_read(&self->fn, ENTRY(3) + ENTRY_UPPER));
	table_write(&self->fn, ENTRY(3) + ENTRY_DATA, 0xffffffff);
	EXPECT_EQ(0xffffffff, table_read(&self->fn, ENTRY(3) + ENTRY_DATA));
	table_write(&self->fn, ENTRY(3) + ENTRY_CONTROL, 0xfffffffe);
	EXPECT_EQ(0xfffffffe, table_read(&self->fn, ENTRY(3) + ENTRY_CONTROL));

	/* The other bits of Vector Control change nothing. */
	ASSERT_EQ(0, set_bus_master(&self->fn, 1));
	msix_control(&self->fn, MSIX_ENABLE);
	entry_set(&self->fn, 3, MSI_TO(0), 0xffff0000 | VECTOR(3), 0xfffffffe);
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 3));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(3)));
	table_write(&self->fn, ENTRY(3) + ENTRY_CONTROL, 0xffffffff);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 3));
}

TEST_F(msix, rule_15_undefined_accesses)
{
	static const struct {
		__u32 offset, len;
	} bad[] = {
		{ 0, 1 }, { 0, 2 }, { 3, 1 }, { 6, 2 }, { 1, 4 }, { 2, 4 }, { 4, 8 }, { 7, 8 },
		/* How KVM splits an access that crosses a page. */
		{ 0, 3 }, { 0, 5 }, { 0, 6 }, { 0, 7 }, { 1, 3 }, { 4, 3 }, { 8, 7 },
	};
	__u64 before = function_read(&self->fn, MSI_ROUTE_TABLE, 0, 8);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		__u64 ones = bad[i].len == 8 ? ~0ULL : (1ULL << (8 * bad[i].len)) - 1;

		EXPECT_EQ(ones, function_read(&self->fn, MSI_ROUTE_TABLE,
					      bad[i].offset, bad[i].len));
		EXPECT_EQ(ones, function_read(&self->fn, MSI_ROUTE_PBA,
					      bad[i].offset, bad[i].len));
		function_write(&self->fn, MSI_ROUTE_TABLE, bad[i].offset, bad[i].len, 0);
		function_write(&self->fn, MSI_ROUTE_PBA, bad[i].offset, bad[i].len, 0);
		EXPECT_EQ(4 * (i + 1), totals(&self->fn, MSIX).bad_accesses);
	}
	EXPECT_EQ(before, function_read(&self->fn, MSI_ROUTE_TABLE, 0, 8));
}

TEST_F(msix, rule_16_qword_is_one_update)
{
	/*
	 * The message in the registers is wrong as long as the entry is masked, and
	 * complete at the moment it is unmasked.
	 */
	entry_set(&self->fn, 0, MSI_TO(0), VECTOR(1), ENTRY_MASKED);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 0));
	function_write(&self->fn, MSI_ROUTE_TABLE, ENTRY(0) + ENTRY_DATA, 8, VECTOR(2));
	EXPECT_EQ(1, vcpu_irr_weight(self->vcpu));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(2)));
	EXPECT_EQ(VECTOR(2), table_read(&self->fn, ENTRY(0) + ENTRY_DATA));
	EXPECT_EQ(0, table_read(&self->fn, ENTRY(0) + ENTRY_CONTROL));

	function_write(&self->fn, MSI_ROUTE_TABLE, ENTRY(0) + ENTRY_ADDRESS, 8,
		       0x123400000003ULL | MSI_TO(1));
	EXPECT_EQ(MSI_TO(1), table_read(&self->fn, ENTRY(0) + ENTRY_ADDRESS));
	EXPECT_EQ(0x1234, table_read(&self->fn, ENTRY(0) + ENTRY_UPPER));
	EXPECT_EQ(0x123400000000ULL | MSI_TO(1),
		  function_read(&self->fn, MSI_ROUTE_TABLE, ENTRY(0) + ENTRY_ADDRESS, 8));
}

TEST_F(msix, rule_17_unmasked_write_takes_effect)
{
	table_write(&self->fn, ENTRY(0) + ENTRY_DATA, VECTOR(9));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 0));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(9)));
	table_write(&self->fn, ENTRY(0) + ENTRY_ADDRESS, MSI_TO(1));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 0));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[1], VECTOR(9)));
	table_write(&self->fn, ENTRY(0) + ENTRY_UPPER, 1);
	EXPECT_EQ(MSI_ROUTE_DROPPED, trigger(&self->fn, MSIX, 0));
}

TEST_F(msix, rule_18_unmask_uses_what_stands_then)
{
	entry_mask(&self->fn, 0, true);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 0));
	table_write(&self->fn, ENTRY(0) + ENTRY_DATA, VECTOR(10));
	entry_mask(&self->fn, 0, false);
	EXPECT_EQ(1, vcpu_irr_weight(self->vcpu));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(10)));

	msix_control(&self->fn, MSIX_ENABLE | MSIX_FUNCTION_MASK);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 0));
	table_write(&self->fn, ENTRY(0) + ENTRY_DATA, VECTOR(11));
	msix_control(&self->fn, MSIX_ENABLE);
	EXPECT_EQ(1, vcpu_irr_weight(self->vcpu));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(11)));

	msix_control(&self->fn, 0);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 0));
	table_write(&self->fn, ENTRY(0) + ENTRY_DATA, VECTOR(12));
	msix_control(&self->fn, MSIX_ENABLE);
	EXPECT_EQ(1, vcpu_irr_weight(self->vcpu));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(12)));
}

TEST_F(msix, rule_19_function_mask_or_own)
{
	unsigned int own, function;

	for (own = 0; own < 2; own++) {
		for (function = 0; function < 2; function++) {
			entry_mask(&self->fn, 5, own);
			msix_control(&self->fn,
				     MSIX_ENABLE | (function ? MSIX_FUNCTION_MASK : 0));
			EXPECT_EQ(own, table_read(&self->fn, ENTRY(5) + ENTRY_CONTROL));
			EXPECT_EQ(own || function ? MSI_ROUTE_PENDING : MSI_ROUTE_SENT,
				  trigger(&self->fn, MSIX, 5));
			EXPECT_EQ(own || function, pba_bit(&self->fn, 5));
			clear_pending(&self->fn, MSIX, 5);
		}
	}

	/* Clearing one of the two is not enough. */
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 5));
	vcpu_clear_irr(self->vcpu);
	msix_control(&self->fn, MSIX_ENABLE);
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	msix_control(&self->fn, MSIX_ENABLE | MSIX_FUNCTION_MASK);
	entry_mask(&self->fn, 5, false);
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	msix_control(&self->fn, MSIX_ENABLE);
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(5)));
}

TEST_F(msix, rule_20_pending_until_unmask)
{
	entry_mask(&self->fn, 1, true);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 1));
	EXPECT_TRUE(pba_bit(&self->fn, 1));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	entry_mask(&self->fn, 1, false);
	EXPECT_FALSE(pba_bit(&self->fn, 1));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(1)));
}

TEST_F(msix, rule_20_many_at_once)
{
	const __u16 closed[] = { MSIX_ENABLE | MSIX_FUNCTION_MASK, 0 };
	unsigned int i, how;

	for (how = 0; how < ARRAY_SIZE(closed); how++) {
		msix_control(&self->fn, closed[how]);
		for (i = 0; i < NR; i++)
			EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, i));
		EXPECT_EQ(NR, totals(&self->fn, MSIX).pending);
		EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
		msix_control(&self->fn, MSIX_ENABLE);
		EXPECT_EQ(0, totals(&self->fn, MSIX).pending);
		EXPECT_EQ(NR, vcpu_irr_weight(self->vcpu));
		vcpu_clear_irr(self->vcpu);
	}
	EXPECT_EQ(2 * NR, totals(&self->fn, MSIX).replayed);
}

TEST_F(msix, rule_21_pending_can_be_cleared)
{
	entry_mask(&self->fn, 2, true);
	EXPECT_EQ(0, clear_pending(&self->fn, MSIX, 2));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 2));
	/* A guest that only polls. */
	EXPECT_TRUE(pba_bit(&self->fn, 2));
	EXPECT_EQ(1, clear_pending(&self->fn, MSIX, 2));
	EXPECT_FALSE(pba_bit(&self->fn, 2));
	EXPECT_EQ(1, totals(&self->fn, MSIX).cleared);
	entry_mask(&self->fn, 2, false);
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));

	entry_mask(&self->fn, 2, true);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 2));
	EXPECT_TRUE(pba_bit(&self->fn, 2));
	entry_mask(&self->fn, 2, false);
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(2)));
}

TEST_F(msix, rule_22_equal_messages)
{
	entry_set(&self->fn, 1, MSI_TO(0), VECTOR(0), ENTRY_MASKED);
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 0));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(0)));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 1));
	EXPECT_FALSE(pba_bit(&self->fn, 0));
	EXPECT_TRUE(pba_bit(&self->fn, 1));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));

	entry_mask(&self->fn, 0, true);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 0));
	entry_mask(&self->fn, 1, false);
	EXPECT_TRUE(pba_bit(&self->fn, 0));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(0)));
	entry_mask(&self->fn, 0, false);
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(0)));
}

TEST_F(msix, rule_23_pba_layout)
{
	static const unsigned int bits[] = { 0, 31, 32, 63, 64, 127, 128, NR - 1 };
	__u64 value = 0;
	unsigned int i;

	msix_control(&self->fn, MSIX_ENABLE | MSIX_FUNCTION_MASK);
	for (i = 0; i < ARRAY_SIZE(bits); i++)
		EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, bits[i]));

	EXPECT_EQ(1ULL | 1ULL << 31 | 1ULL << 32 | 1ULL << 63, pba_read(&self->fn, 0));
	EXPECT_EQ(1ULL | 1ULL << 63, pba_read(&self->fn, 8));
	EXPECT_EQ(3, pba_read(&self->fn, 16));
	EXPECT_EQ(0x80000001, function_read(&self->fn, MSI_ROUTE_PBA, 0, 4));
	EXPECT_EQ(0x80000001, function_read(&self->fn, MSI_ROUTE_PBA, 4, 4));
	EXPECT_EQ(0x80000000, function_read(&self->fn, MSI_ROUTE_PBA, 12, 4));
	EXPECT_EQ(0, function_read(&self->fn, MSI_ROUTE_PBA, 20, 4));
	EXPECT_EQ(-ERANGE, function_access(&self->fn, MSI_ROUTE_READ, MSI_ROUTE_PBA,
					   24, 8, &value));

	function_write(&self->fn, MSI_ROUTE_PBA, 0, 8, 0);
	function_write(&self->fn, MSI_ROUTE_PBA, 8, 4, ~0U);
	EXPECT_EQ(1ULL | 1ULL << 31 | 1ULL << 32 | 1ULL << 63, pba_read(&self->fn, 0));
	EXPECT_EQ(1ULL | 1ULL << 63, pba_read(&self->fn, 8));
	EXPECT_EQ(ARRAY_SIZE(bits), totals(&self->fn, MSIX).pending);
}

TEST_F(msix, rule_24_one_event_one_message)
{
	unsigned int i;

	for (i = 1; i <= 50; i++) {
		entry_mask(&self->fn, 4, true);
		EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 4));
		entry_mask(&self->fn, 4, false);
		entry_mask(&self->fn, 4, true);
		entry_mask(&self->fn, 4, false);
		EXPECT_EQ(i, totals(&self->fn, MSIX).messages);
		EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(4)));
		msix_control(&self->fn, MSIX_ENABLE | MSIX_FUNCTION_MASK);
		msix_control(&self->fn, MSIX_ENABLE);
		EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	}
	EXPECT_EQ(50, totals(&self->fn, MSIX).events);
}
