// SPDX-License-Identifier: GPL-2.0
/* Rules 3 to 11: the MSI capability in configuration space. */
#include "guest/function.h"
#include "harness.h"

#define VECTOR		0x50
#define MSI		MSI_ROUTE_MSI
#define CONTROL		(MSI_CAP + MSI_CONTROL)
#define ADDRESS		(MSI_CAP + MSI_ADDRESS)
#define UPPER		(MSI_CAP + MSI_UPPER)

/* A function with 8 vectors, enabled for all, in each of the layouts. */
FIXTURE(msi) {
	struct vm vm;
	struct vcpu *vcpu;
	struct function fn;
	__u32 data, mask, pending;	/* offsets */
	__u16 layout;			/* its bits in Message Control */
};

FIXTURE_VARIANT(msi) {
	unsigned int flags;
	__u32 end;			/* offset of what follows */
};

FIXTURE_VARIANT_ADD(msi, plain32) { 0, 0x0c };
FIXTURE_VARIANT_ADD(msi, plain64) { MSI_ROUTE_MSI_64BIT, 0x10 };
FIXTURE_VARIANT_ADD(msi, masking32) { MSI_ROUTE_MSI_MASKING, 0x14 };
FIXTURE_VARIANT_ADD(msi, masking64) { MSI_ROUTE_MSI_64BIT | MSI_ROUTE_MSI_MASKING, 0x18 };
FIXTURE_VARIANT_ADD(msi, extended) {
	MSI_ROUTE_MSI_64BIT | MSI_ROUTE_MSI_MASKING | MSI_ROUTE_MSI_EXT_DATA, 0x18
};

FIXTURE_SETUP(msi)
{
	vm_create(&self->vm, 0, 2);
	self->vcpu = &self->vm.vcpu[0];
	function_open(&self->fn, &self->vm, msi_shape(8, variant->flags));
	/* The hold is tested elsewhere; here each write takes effect at once. */
	ASSERT_EQ(0, set_hold(&self->fn, 0));

	self->data = msi_data_offset(&self->fn);
	self->mask = msi_mask_offset(&self->fn);
	self->pending = msi_pending_offset(&self->fn);
	if (variant->flags & MSI_ROUTE_MSI_64BIT)
		self->layout |= MSI_64BIT;
	if (variant->flags & MSI_ROUTE_MSI_MASKING)
		self->layout |= MSI_MASKING;
	if (variant->flags & MSI_ROUTE_MSI_EXT_DATA)
		self->layout |= MSI_EXT_CAPABLE;

	msi_set(&self->fn, MSI_TO(0), VECTOR);
	msi_control(&self->fn, MSI_MME(3) | MSI_ENABLE);
}

FIXTURE_TEARDOWN(msi)
{
	function_close(&self->fn);
	vm_destroy(&self->vm);
}

#define NEEDS_MASKING()							\
	do {								\
		if (!(variant->flags & MSI_ROUTE_MSI_MASKING))		\
			return;	/* no mask bits in this layout */	\
	} while (0)

TEST_F(msi, rule_03_layout)
{
	__u64 value = ~0ULL;

	EXPECT_EQ(self->layout, config_read(&self->fn, CONTROL, 2) & 0x380);
	config_write(&self->fn, CONTROL, 2, self->layout ^ 0x380);
	EXPECT_EQ(self->layout, config_read(&self->fn, CONTROL, 2) & 0x380);

	config_write(&self->fn, self->data, 2, 0x1234);
	EXPECT_EQ(0x1234, config_read(&self->fn, self->data, 4));
	if (variant->flags & MSI_ROUTE_MSI_64BIT) {
		config_write(&self->fn, UPPER, 4, 0xabcd0000);
		EXPECT_EQ(0xabcd0000, config_read(&self->fn, UPPER, 4));
	}
	if (variant->flags & MSI_ROUTE_MSI_MASKING) {
		config_write(&self->fn, self->mask, 4, 0x5a);
		EXPECT_EQ(0x5a, config_read(&self->fn, self->mask, 4));
		EXPECT_EQ(0, config_read(&self->fn, self->pending, 4));
	}

	/* Bytes outside the capability stay as the caller filled them. */
	ASSERT_EQ(0, function_access(&self->fn, MSI_ROUTE_READ, MSI_ROUTE_CONFIG,
				     MSI_CAP + variant->end, 4, &value));
	EXPECT_EQ(0xffffffff, value & 0xffffffff);
	value = 0xa5a5a5a5;
	ASSERT_EQ(0, function_access(&self->fn, MSI_ROUTE_READ, MSI_ROUTE_CONFIG,
				     MSI_CAP, 4, &value));
	EXPECT_EQ(0xa5a5, value & 0xffff);
	EXPECT_EQ(self->layout, value >> 16 & 0x380);
}

TEST_F(msi, rule_04_address)
{
	config_write(&self->fn, ADDRESS, 4, MSI_TO(1) | 3);
	EXPECT_EQ(MSI_TO(1), config_read(&self->fn, ADDRESS, 4));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSI, 0));
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[1], VECTOR));

	if (!(variant->flags & MSI_ROUTE_MSI_64BIT))
		return;
	/* Upper half 0 is a 32-bit address; otherwise it lies above 4 GiB. */
	config_write(&self->fn, UPPER, 4, 1);
	EXPECT_EQ(MSI_ROUTE_DROPPED, trigger(&self->fn, MSI, 0));
	config_write(&self->fn, UPPER, 4, 0);
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSI, 0));
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[1], VECTOR));
}

TEST_F(msi, rule_05_multiple_message)
{
	unsigned int log2;

	for (log2 = 0; log2 <= 5; log2++) {
		struct function fn;

		function_open(&fn, &self->vm, msi_shape(1 << log2, variant->flags));
		EXPECT_EQ(log2, config_read(&fn, CONTROL, 2) >> 1 & 7);
		msi_control(&fn, MSI_MME(7) | 0xe);
		EXPECT_EQ(log2, config_read(&fn, CONTROL, 2) >> 1 & 7);
		EXPECT_EQ(7, config_read(&fn, CONTROL, 2) >> 4 & 7);
		function_close(&fn);
	}

	/* A value above Multiple Message Capable, which is 3 here, acts as 3. */
	for (log2 = 3; log2 <= 7; log2++) {
		msi_control(&self->fn, MSI_MME(log2) | MSI_ENABLE);
		config_write(&self->fn, self->data, 2, 0x5f);
		EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSI, 7));
		EXPECT_TRUE(vcpu_take_irr(self->vcpu, 0x5f));
		EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSI, 0));
		EXPECT_TRUE(vcpu_take_irr(self->vcpu, 0x58));
	}
}

TEST_F(msi, rule_06_vector_replaces_low_bits)
{
	unsigned int log2, i;

	for (log2 = 0; log2 <= 3; log2++) {
		msi_control(&self->fn, MSI_MME(log2) | MSI_ENABLE);
		for (i = 0; i < 1U << log2; i++) {
			/* All low bits are set: an addition would carry. */
			config_write(&self->fn, self->data, 2, 0x6f);
			EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSI, i));
			EXPECT_EQ(1, vcpu_irr_weight(self->vcpu));
			EXPECT_TRUE(vcpu_take_irr(self->vcpu, (0x6f & -(1U << log2)) | i));
		}
	}
	EXPECT_EQ(0x6f, config_read(&self->fn, self->data, 2));
}

TEST_F(msi, rule_07_data_width)
{
	/* Not enabled, or not capable: the upper half has no effect. */
	config_write(&self->fn, self->data, 4, 0x12340070);
	EXPECT_EQ(0x0070, config_read(&self->fn, self->data, 4));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSI, 0));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, 0x70));

	msi_control(&self->fn, MSI_EXT_ENABLE | MSI_MME(3) | MSI_ENABLE);
	config_write(&self->fn, self->data, 4, 0x56780078);
	if (variant->flags & MSI_ROUTE_MSI_EXT_DATA) {
		EXPECT_EQ(MSI_EXT_ENABLE, config_read(&self->fn, CONTROL, 2) & MSI_EXT_ENABLE);
		EXPECT_EQ(0x56780078, config_read(&self->fn, self->data, 4));
	} else {
		EXPECT_EQ(0, config_read(&self->fn, CONTROL, 2) & MSI_EXT_ENABLE);
		EXPECT_EQ(0x0078, config_read(&self->fn, self->data, 4));
	}
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSI, 0));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, 0x78));
}

TEST_F(msi, rule_08_mask_and_pending_registers)
{
	NEEDS_MASKING();
	EXPECT_EQ(0, config_read(&self->fn, self->mask, 4));
	EXPECT_EQ(0, msi_pending(&self->fn));

	/* Eight vectors are implemented. */
	msi_mask(&self->fn, ~0U);
	EXPECT_EQ(0xff, config_read(&self->fn, self->mask, 4));
	config_write(&self->fn, self->pending, 4, ~0U);
	EXPECT_EQ(0, msi_pending(&self->fn));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSI, 7));
	EXPECT_EQ(0x80, msi_pending(&self->fn));
	config_write(&self->fn, self->pending, 4, 0);
	EXPECT_EQ(0x80, msi_pending(&self->fn));
	EXPECT_EQ(1, clear_pending(&self->fn, MSI, 7));
	EXPECT_EQ(0, msi_pending(&self->fn));

	/* Two are enabled: the mask bits from 2 on do nothing. */
	msi_control(&self->fn, MSI_MME(1) | MSI_ENABLE);
	msi_mask(&self->fn, 0xfc);
	EXPECT_EQ(0xfc, config_read(&self->fn, self->mask, 4));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSI, 0));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSI, 1));
	EXPECT_EQ(2, vcpu_irr_weight(self->vcpu));
	vcpu_clear_irr(self->vcpu);
	msi_mask(&self->fn, 0xfd);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSI, 0));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSI, 1));
}

TEST_F(msi, rule_09_masked_is_pending)
{
	NEEDS_MASKING();
	msi_mask(&self->fn, 0x5);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSI, 0));
	EXPECT_EQ(MSI_ROUTE_COALESCED, trigger(&self->fn, MSI, 0));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSI, 2));
	EXPECT_EQ(0x5, msi_pending(&self->fn));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));

	msi_mask(&self->fn, 0x1);
	EXPECT_EQ(0x1, msi_pending(&self->fn));
	EXPECT_EQ(1, vcpu_irr_weight(self->vcpu));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR + 2));
	msi_mask(&self->fn, 0);
	EXPECT_EQ(0, msi_pending(&self->fn));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));

	/* Two events while masked were one message. */
	EXPECT_EQ(2, totals(&self->fn, MSI).messages);
	EXPECT_EQ(1, totals(&self->fn, MSI).coalesced);
}

TEST_F(msi, rule_10_each_register_takes_effect)
{
	config_write(&self->fn, self->data, 2, VECTOR + 8);
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSI, 0));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR + 8));

	config_write(&self->fn, ADDRESS, 4, MSI_TO(1));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSI, 0));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[1], VECTOR + 8));

	if (variant->flags & MSI_ROUTE_MSI_64BIT) {
		config_write(&self->fn, UPPER, 4, 1);
		EXPECT_EQ(MSI_ROUTE_DROPPED, trigger(&self->fn, MSI, 0));
	}
}

TEST_F(msi, rule_11_every_byte_lands)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		config_write(&self->fn, ADDRESS + i, 1, MSI_TO(1) >> (8 * i));
	EXPECT_EQ(MSI_TO(1), config_read(&self->fn, ADDRESS, 4));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(MSI_TO(1) >> (8 * i) & 0xff, config_read(&self->fn, ADDRESS + i, 1));

	/* Two bytes in the middle of the dword: bits 23:8. */
	config_write(&self->fn, ADDRESS + 1, 2, MSI_TO(0) >> 8);
	EXPECT_EQ(MSI_TO(0), config_read(&self->fn, ADDRESS, 4));
	EXPECT_EQ(MSI_TO(0) >> 8 & 0xffff, config_read(&self->fn, ADDRESS + 1, 2));

	config_write(&self->fn, self->data, 1, 0x90);
	config_write(&self->fn, self->data + 1, 1, 0x40);
	EXPECT_EQ(0x4090, config_read(&self->fn, self->data, 2));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSI, 0));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, 0x90));

	/* Across dwords, as host bridges do: the last byte of one, three of the next. */
	config_write(&self->fn, ADDRESS - 1, 4, MSI_TO(1) << 8);
	EXPECT_EQ(MSI_TO(1) & 0xffffff, config_read(&self->fn, ADDRESS, 4) & 0xffffff);
	EXPECT_EQ(MSI_TO(1) << 8, config_read(&self->fn, ADDRESS - 1, 4) & ~0xffU);
	function_write(&self->fn, MSI_ROUTE_CONFIG, ADDRESS + 3, 7, 0xfe);
	EXPECT_EQ(MSI_TO(1), function_read(&self->fn, MSI_ROUTE_CONFIG, ADDRESS, 8) & ~0U);
	EXPECT_EQ(MSI_TO(1), config_read(&self->fn, ADDRESS, 4));
	msi_set(&self->fn, MSI_TO(0), 0x4090);

	/* Enable is in the low byte of Message Control. */
	config_write(&self->fn, CONTROL, 1, 0);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSI, 0));
	config_write(&self->fn, CONTROL + 1, 1, 0xff);
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	config_write(&self->fn, CONTROL, 1, MSI_MME(3) | MSI_ENABLE);
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, 0x90));

	/* As a dword with ID and next pointer, which are not ours. */
	config_write(&self->fn, MSI_CAP, 4, 0xffff);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSI, 0));
	config_write(&self->fn, MSI_CAP, 4, MSI_ENABLE << 16 | 0xffff);
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, 0x90));

	if (!(variant->flags & MSI_ROUTE_MSI_MASKING))
		return;
	msi_mask(&self->fn, 0xf0);
	config_write(&self->fn, self->mask + 1, 1, 0xff);
	EXPECT_EQ(0xf0, config_read(&self->fn, self->mask, 4));
	config_write(&self->fn, self->mask, 1, 0x0f);
	EXPECT_EQ(0x0f, config_read(&self->fn, self->mask, 4));
}
