// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/* The rules of MSI in each layout, by the helper's calls: on msi_route, and on the fallback. */
#include "helper.h"

#define NR_MSI		8
#define MSI_VECTOR	0xb0

FIXTURE(vmm_msi) {
	struct vm vm;
	struct vcpu *vcpu;
	struct side s;
	__u32 data;
};

FIXTURE_VARIANT(vmm_msi) {
	__u32 backend;
	__u32 flags;
};

#define LAYOUT(name, flags)							\
	FIXTURE_VARIANT_ADD(vmm_msi, kernel_##name) { MRV_VM_KERNEL, flags };	\
	FIXTURE_VARIANT_ADD(vmm_msi, user_##name) { MRV_VM_USER, flags }

LAYOUT(plain32, 0);
LAYOUT(plain64, MSI_ROUTE_MSI_64BIT);
LAYOUT(masking32, MSI_ROUTE_MSI_MASKING);
LAYOUT(masking64, MSI_ROUTE_MSI_64BIT | MSI_ROUTE_MSI_MASKING);
LAYOUT(extended, MSI_ROUTE_MSI_64BIT | MSI_ROUTE_MSI_MASKING | MSI_ROUTE_MSI_EXT_DATA);

FIXTURE_SETUP(vmm_msi)
{
	vm_create(&self->vm, 0, 2);
	self->vcpu = &self->vm.vcpu[0];
	side_open(&self->s, &self->vm, variant->backend, 0, NR_MSI, variant->flags);
	self->data = msi_data_at(&self->s);
	command_put(&self->s, 6);
	msi_put(&self->s, MSI_TO(0), MSI_VECTOR);
	config_put(&self->s, MSI_CONTROL_AT, 2, MSI_MME(3) | MSI_ENABLE);
}

FIXTURE_TEARDOWN(vmm_msi)
{
	side_close(&self->s);
	vm_destroy(&self->vm);
}

TEST_F(vmm_msi, rule_03_04_layout)
{
	__u32 size = mrv_msi_size(&self->s.fn.shape);
	__u32 value = 0xa5a5a5a5;

	config_put(&self->s, MSI_CONTROL_AT, 2, ~config_get(&self->s, MSI_CONTROL_AT, 2) & 0x38e);
	EXPECT_EQ(variant->flags,
		  config_get(&self->s, MSI_CONTROL_AT, 2) >> 7 & 7);
	EXPECT_EQ(3, config_get(&self->s, MSI_CONTROL_AT, 2) >> 1 & 7);
	mrv_config_read(&self->s.fn, MSI_CAP + size, &value, 4);
	EXPECT_EQ(0xa5a5a5a5, value);
	mrv_config_read(&self->s.fn, MSI_CAP, &value, 2);
	EXPECT_EQ(0xa5a5a5a5, value);
	config_put(&self->s, MSI_CAP + MSI_ADDRESS, 4, MSI_TO(1) | 3);
	EXPECT_EQ(MSI_TO(1), config_get(&self->s, MSI_CAP + MSI_ADDRESS, 4));
	config_put(&self->s, MSI_CONTROL_AT, 2, MSI_ENABLE);
	EXPECT_EQ(MSI_ROUTE_SENT, mrv_trigger(&self->s.fn, MSI, 0));
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[1], MSI_VECTOR));
	if (!(variant->flags & MSI_ROUTE_MSI_64BIT))
		return;
	config_put(&self->s, MSI_CAP + MSI_UPPER, 4, 1);
	EXPECT_EQ(MSI_ROUTE_DROPPED, mrv_trigger(&self->s.fn, MSI, 0));
}

TEST_F(vmm_msi, rule_05_06_07_messages)
{
	unsigned int log2, i, enabled;

	for (log2 = 0; log2 <= 7; log2++) {
		config_put(&self->s, MSI_CONTROL_AT, 2, MSI_MME(log2) | MSI_ENABLE);
		EXPECT_EQ(log2, config_get(&self->s, MSI_CONTROL_AT, 2) >> 4 & 7);
		config_put(&self->s, self->data, 4, 0x123400bf);
		EXPECT_EQ(0xbf, config_get(&self->s, self->data, 4));
		enabled = log2 < 3 ? 1 << log2 : NR_MSI;
		for (i = 0; i < NR_MSI; i++) {
			EXPECT_EQ(MSI_ROUTE_SENT, mrv_trigger(&self->s.fn, MSI, i));
			EXPECT_TRUE(vcpu_take_irr(self->vcpu,
						  (0xbf & -enabled) | (i & (enabled - 1))));
			signal_eventfd(mrv_eventfd(&self->s.fn, MSI, i), 1);
			EXPECT_TRUE(comes(self->vcpu, (0xbf & -enabled) | (i & (enabled - 1))));
		}
	}
	config_put(&self->s, MSI_CONTROL_AT, 2, MSI_EXT_ENABLE | MSI_ENABLE);
	EXPECT_EQ(variant->flags & MSI_ROUTE_MSI_EXT_DATA ? 0x123400bf : 0xbf,
		  config_get(&self->s, self->data, 4));
}

TEST_F(vmm_msi, rule_08_09_masks)
{
	__u32 mask = self->data + 4, pending = self->data + 8;

	if (!(variant->flags & MSI_ROUTE_MSI_MASKING))
		return;	/* no mask bits in this layout */
	config_put(&self->s, mask, 4, ~0U);
	EXPECT_EQ(0xff, config_get(&self->s, mask, 4));
	config_put(&self->s, pending, 4, ~0U);
	EXPECT_EQ(0, config_get(&self->s, pending, 4));
	EXPECT_EQ(MSI_ROUTE_PENDING, mrv_trigger(&self->s.fn, MSI, 7));
	signal_eventfd(mrv_eventfd(&self->s.fn, MSI, 2), 1);
	EXPECT_EQ(0x84, config_get(&self->s, pending, 4));
	config_put(&self->s, mask, 1, 0x80);
	EXPECT_EQ(0x80, config_get(&self->s, pending, 4));
	EXPECT_EQ(1, vcpu_irr_weight(self->vcpu));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, MSI_VECTOR + 2));
	config_put(&self->s, mask, 1, 0);
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, MSI_VECTOR + 7));

	/* Two are enabled: vector 2 shares 0's message and mask. */
	config_put(&self->s, MSI_CONTROL_AT, 2, MSI_MME(1) | MSI_ENABLE);
	config_put(&self->s, mask, 4, 0xfd);
	EXPECT_EQ(MSI_ROUTE_PENDING, mrv_trigger(&self->s.fn, MSI, 2));
	EXPECT_EQ(MSI_ROUTE_SENT, mrv_trigger(&self->s.fn, MSI, 3));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, MSI_VECTOR + 1));
	EXPECT_EQ(4, config_get(&self->s, pending, 4));
}

TEST_F(vmm_msi, rule_10_each_register_takes_effect)
{
	signal_eventfd(mrv_eventfd(&self->s.fn, MSI, 0), 1);
	EXPECT_TRUE(comes(self->vcpu, MSI_VECTOR));
	config_put(&self->s, self->data, 2, MSI_VECTOR + 8);
	EXPECT_EQ(MSI_ROUTE_SENT, mrv_trigger(&self->s.fn, MSI, 0));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, MSI_VECTOR + 8));
	signal_eventfd(mrv_eventfd(&self->s.fn, MSI, 0), 1);
	EXPECT_TRUE(comes(self->vcpu, MSI_VECTOR + 8));
	/* Bytes 12 to 19 of the address are the destination. */
	config_put(&self->s, MSI_CAP + MSI_ADDRESS + 1, 1, 0x10);
	signal_eventfd(mrv_eventfd(&self->s.fn, MSI, 0), 1);
	EXPECT_TRUE(comes(&self->vm.vcpu[1], MSI_VECTOR + 8));
}
